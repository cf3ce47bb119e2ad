"""The score that the players of a style share: form, voices, bass and textures, all decided."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amt.arrange.form import Cell, Form, form_of
from amt.arrange.styles import Instrument, Style
from amt.arrange.textures import LADDER, Texture, climb, playable, steps, strikes
from amt.arrange.voicing import bass_roots, lead_voices, thin
from amt.chords import Key
from amt.types import TICKS_PER_BEAT, FloatArray, Plan

HARMONY_VOICES = 4
PAD_VOICES = 3

_LIVELY = 0.15
"""Arousal from which a syncopated style leaves the beat."""
_SUBDUED = -0.35
"""Arousal below which chords are thin."""

Voicing = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """What is decided before any player plays."""

    form: Form
    style: Style
    key: Key
    harmony: tuple[Voicing, ...]
    """[regions] voices of the harmony, empty for no chord."""
    pad: tuple[Voicing, ...]
    """[regions] voices of the pad, empty for no chord or where the style has none."""
    roots: tuple[int, ...]
    """[regions] bass note: the root, or the key's tonic as a pedal under no chord."""
    choices: NDArray[np.int64]
    """[phrases, 3] what the seed decides: figure, answering figure and bass figure of a phrase."""
    textures: tuple[Texture, ...]
    """[cells]"""

    def chord_ticks(self, index: int, texture: Texture) -> list[int]:
        """Ticks on which the harmony strikes in a cell played with a texture."""
        if self.rests(texture):
            return []
        cell = self.form.cells[index]
        syncopated = self.style.syncopated and cell.arousal >= _LIVELY
        ticks = self._with_changes(cell, strikes(texture.chords, cell, syncopated))
        return [t for t in ticks if self.harmony[self.form.region_at(t)]]

    def rests(self, texture: Texture) -> bool:
        """Whether the harmony rests because the pad holds the chords already."""
        return any(self.pad) and texture.chords in {"hold", "bar"}

    def bass_ticks(self, index: int, texture: Texture) -> list[int]:
        """Ticks on which the bass strikes in a cell played with a texture."""
        cell = self.form.cells[index]
        ticks = self._with_changes(cell, strikes(texture.bass, cell))
        return [t for t in ticks if self._carries_bass(t, cell)]

    def step_ticks(self, index: int, texture: Texture) -> list[int]:
        """Ticks on which the arpeggio strikes in a cell played with a texture."""
        form = self.form
        ticks = steps(texture, form.cells[index])
        return [t for t in ticks if t < form.closing and self.harmony[form.region_at(t)]]

    def chord_at(self, tick: int, texture: Texture) -> Voicing:
        """The notes of the harmony at a tick."""
        region = self.form.region_at(tick)
        voicing = self.harmony[region]
        subdued = self.form.cell_at(tick).arousal < _SUBDUED
        if voicing and (texture.thin or subdued):
            return thin(voicing, self.form.regions[region].chord)
        return voicing

    def _carries_bass(self, tick: int, cell: Cell) -> bool:
        """Under no chord the bass only renews its pedal."""
        region = self.form.region_at(tick)
        renewed = tick == self.form.regions[region].start or tick in strikes("hold", cell)
        return renewed or bool(self.harmony[region])

    def _with_changes(self, cell: Cell, ticks: list[int]) -> list[int]:
        """A rhythm with the chord changes and strong hits of its cell, up to the closing."""
        form = self.form
        inside = form.regions[form.region_at(cell.start) : form.region_at(cell.end - 1) + 1]
        changes = {region.start for region in inside if region.start >= cell.start}
        hits = {
            tick for tick in range(cell.start, cell.end, TICKS_PER_BEAT) if form.struck_at(tick)
        }
        if changes - {cell.start}:
            ticks = [t for t in ticks if (t - cell.start) % TICKS_PER_BEAT == 0]
        return [tick for tick in sorted({*ticks, *changes, *hits}) if tick < form.closing]


def write_score(plan: Plan, style: Style) -> Score:
    """Decide voices, bass and textures of a valid plan."""
    form = form_of(plan)
    bass = style.instrument("bass")
    roots = [plan.key.tonic if r.chord.root is None else r.chord.root for r in form.regions]
    lift = 13 - 7 * float(np.mean([cell.arousal for cell in form.cells]))
    score = Score(
        form=form,
        style=style,
        key=plan.key,
        harmony=_voices(form, style.instrument("harmony"), HARMONY_VOICES),
        pad=_voices(form, style.instrument("pad"), PAD_VOICES),
        roots=tuple(
            bass_roots(roots, bass.low, bass.high, bass.low + lift) if bass else [0] * len(roots)
        ),
        choices=np.random.default_rng(plan.seed).integers(0, 60, (form.cells[-1].phrase + 1, 3)),
        textures=(),
    )
    wanted = np.array([cell.notes for cell in form.cells])
    free = [cell.place == 0 or form.struck_at(cell.start) for cell in form.cells]
    rungs = climb(_counts(score, plan), wanted, free)
    return replace(score, textures=tuple(LADDER[rung] for rung in rungs))


def _voices(form: Form, player: Instrument | None, voices: int) -> tuple[Voicing, ...]:
    if player is None:
        return ((),) * len(form.regions)
    sounding = [i for i, region in enumerate(form.regions) if region.chord.root is not None]
    centres = [_centre(form.cell_at(form.regions[i].start), player) for i in sounding]
    chords = [form.regions[i].chord for i in sounding]
    led = lead_voices(chords, voices, player.low, player.high, np.array(centres))
    voicings: list[Voicing] = [()] * len(form.regions)
    for i, voicing in zip(sounding, led, strict=True):
        voicings[i] = voicing
    return tuple(voicings)


def _centre(cell: Cell, player: Instrument) -> float:
    """Where chords lie: the middle of the range, higher when excited, lower when sad."""
    return (player.low + player.high) / 2 + 4 * cell.arousal + 2 * cell.valence


def _counts(score: Score, plan: Plan) -> FloatArray:
    """[cells, rungs] notes that each texture would begin in each cell; infinite if unplayable."""
    form, style = score.form, score.style
    starts = [form.regions[i].start for i, voicing in enumerate(score.pad) if voicing]
    counts = np.full((len(form.cells), len(LADDER)), np.inf)
    beat_s = plan.grid.beat_length_s
    for i, cell in enumerate(form.cells):
        pad = PAD_VOICES * sum(cell.start <= start < cell.end for start in starts)
        for rung, texture in enumerate(LADDER):
            if not playable(texture, float(beat_s[cell.start // TICKS_PER_BEAT])):
                continue
            notes = pad + sum(
                len(score.chord_at(t, texture)) for t in score.chord_ticks(i, texture)
            )
            if style.instrument("bass"):
                notes += len(score.bass_ticks(i, texture))
            if style.instrument("arpeggio"):
                notes += len(score.step_ticks(i, texture)) * (2 if texture.doubled else 1)
            counts[i, rung] = notes
    return counts
