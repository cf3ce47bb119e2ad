"""The score that the players of a style share: form, voices, bass and textures, all decided."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from amt.arrange.form import Cell, Form, form_of, integral
from amt.arrange.styles import Instrument, Style
from amt.arrange.textures import (
    FIGURES,
    LADDER,
    Rhythm,
    Texture,
    climb,
    fastest_figure,
    n_steps,
    playable,
    strikes,
    subdivide,
)
from amt.arrange.voicing import bass_roots, lead_voices, thin
from amt.chords import Key
from amt.types import TICKS_PER_BEAT, FloatArray, IntArray, Plan

HARMONY_VOICES = 4
PAD_VOICES = 3
THIN_DENSITY = 5.0
"""Notes a second below which the pad has a voice less."""
REGISTERS = (-3, 0, 4)
"""Semitones by which a section may lie apart from where its mood has it."""

_GAPS = (TICKS_PER_BEAT, TICKS_PER_BEAT // 2)
"""Ticks between the parts of a broken chord: a beat, or half of one where time is short."""
_LIVELY = 0.15
"""Arousal from which a syncopated style leaves the beat."""
_PLAIN_ACCENT = 0.5
"""Accent of a style from which its harmony strikes strong cuts even where it rests otherwise."""
_SUBDUED = -0.35
"""Arousal below which chords are thin."""

Voicing = tuple[int, ...]


class Stroke(NamedTuple):
    """Notes that the harmony begins together: start and end in ticks."""

    start: int
    end: int
    pitches: Voicing


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
    choices: IntArray
    """[phrases, 3] what the seed decides: figure, answering figure and bass figure of a phrase."""
    shifts: tuple[int, ...]
    """[sections] semitones by which a section lies higher or lower, so that it stands out."""
    closing_notes: float
    """How many notes the density curve asks to begin from the closing to the end."""
    textures: tuple[Texture, ...] = ()
    """[cells]"""
    figures: tuple[int, ...] = ()
    """[beats] notes that the arpeggio begins on each beat: index of :data:`FIGURES`."""

    def varied(self, seed: int) -> Score:
        """The same voices and rhythms with the figures that another seed decides."""
        return replace(self, choices=_choices(self.form, seed))

    def chord_ticks(self, index: int, texture: Texture) -> list[int]:
        """Ticks on which the harmony strikes in a cell played with a texture."""
        form = self.form
        cell = form.cells[index]
        if self.rests(texture):  # but not on a strong cut, unless the style makes little of it
            beats = range(cell.start, min(cell.end, form.closing), TICKS_PER_BEAT)
            heard = self.style.accent >= _PLAIN_ACCENT
            return [t for t in beats if heard and form.lands_at(t) and self._harmony_at(t)]
        syncopated = self.style.syncopated and cell.arousal >= _LIVELY
        ticks = self._with_changes(cell, strikes(texture.chords, cell, syncopated), form.lands_at)
        return [t for t in ticks if self._harmony_at(t)]

    def _harmony_at(self, tick: int) -> Voicing:
        return self.harmony[self.form.region_at(tick)]

    def strokes(self) -> list[Stroke]:
        """What the harmony plays: struck together, in two halves that rock, or broken upwards.

        Long chords are broken and chords of half a bar rock, so that notes begin as evenly as the
        density curve runs; strong cuts are struck together.
        """
        form = self.form
        ticks = [t for i, texture in enumerate(self.textures) for t in self.chord_ticks(i, texture)]
        rests = [
            cell.start
            for cell, texture in zip(form.cells, self.textures, strict=True)
            if self.rests(texture)
        ]
        stops = sorted({*ticks, *rests, *(r.start for r in form.regions), form.closing})
        strokes: list[Stroke] = []
        for tick in ticks:
            end = stops[bisect_right(stops, tick)]
            if self.rests(self.textures[form.cell_index(tick)]):
                end = min(end, tick + TICKS_PER_BEAT)  # a stab, and the pad goes on alone
            cell = form.cell_index(tick)
            texture = self.textures[cell]
            chord = self.chord_at(tick, texture)
            parts = [chord] if form.lands_at(tick) else _parts(chord, texture.chords)
            room = min(end, form.cells[cell].end) - tick
            gap = next((g for g in _GAPS if (len(parts) - 1) * g < room), 0)
            strokes += [Stroke(tick + i * gap, end, part) for i, part in enumerate(parts)]
        return strokes

    def rests(self, texture: Texture) -> bool:
        """Whether the harmony rests because the pad holds the chords already."""
        return any(self.pad) and texture.chords in {"hold", "bar"}

    def bass_ticks(self, index: int, texture: Texture) -> list[int]:
        """Ticks on which the bass strikes in a cell played with a texture."""
        cell = self.form.cells[index]
        ticks = self._with_changes(cell, strikes(texture.bass, cell), self.form.struck_at)
        return [t for t in ticks if self._carries_bass(t, cell)]

    def figure_ticks(self, beat: int) -> list[int]:
        """Ticks of the arpeggio's notes on a beat; one that is named twice has two notes."""
        form = self.form
        ticks = (round((beat + place) * TICKS_PER_BEAT) for place in FIGURES[self.figures[beat]])
        return [t for t in ticks if t < form.closing]

    def pad_notes(self) -> list[tuple[int, int, int]]:
        """Start, end and pitch of the pad's notes: voices that stay are tied over the change.

        Phrases begin with a fresh stroke.
        """
        regions = self.form.regions
        notes: list[tuple[int, int, int]] = []
        tied: dict[int, int] = {}
        for i, (region, voicing) in enumerate(zip(regions, self.pad, strict=True)):
            tied = {pitch: tied.get(pitch, region.start) for pitch in voicing}
            goes_on = i + 1 < len(regions) and not self.starts_phrase(region.end)
            staying = set(self.pad[i + 1]) & set(voicing) if goes_on else set()
            notes += [(start, region.end, p) for p, start in tied.items() if p not in staying]
            tied = {pitch: tied[pitch] for pitch in staying}
        return sorted(notes)

    def starts_phrase(self, tick: int) -> bool:
        """Whether a phrase begins on a tick."""
        cell = self.form.cell_at(tick)
        return cell.place == 0 and cell.start == tick

    def chord_at(self, tick: int, texture: Texture) -> Voicing:
        """The notes of the harmony at a tick: all voices on a strong cut."""
        region = self.form.region_at(tick)
        voicing = self.harmony[region]
        if self.form.lands_at(tick):
            return voicing
        subdued = self.form.cell_at(tick).arousal < _SUBDUED
        if voicing and (texture.thin or subdued):
            return thin(voicing, self.form.regions[region].chord)
        return voicing

    def _carries_bass(self, tick: int, cell: Cell) -> bool:
        """Under no chord the bass only renews its pedal."""
        region = self.form.region_at(tick)
        renewed = tick == self.form.regions[region].start or tick in strikes("hold", cell)
        return renewed or bool(self.harmony[region])

    def _with_changes(
        self, cell: Cell, ticks: list[int], struck: Callable[[int], bool]
    ) -> list[int]:
        """A rhythm with the chord changes and hits of its cell, up to the closing."""
        form = self.form
        inside = form.regions[form.region_at(cell.start) : form.region_at(cell.end - 1) + 1]
        changes = {region.start for region in inside if region.start >= cell.start}
        hits = {tick for tick in range(cell.start, cell.end, TICKS_PER_BEAT) if struck(tick)}
        if changes - {cell.start}:
            ticks = [t for t in ticks if (t - cell.start) % TICKS_PER_BEAT == 0]
        return [tick for tick in sorted({*ticks, *changes, *hits}) if tick < form.closing]


def _parts(voicing: Voicing, rhythm: Rhythm) -> list[Voicing]:
    """The voices that enter together, first to last."""
    if rhythm in {"hold", "bar"}:
        return [(note,) for note in voicing]
    if rhythm == "half":
        middle = len(voicing) // 2
        return [voicing[:middle], voicing[middle:]]
    return [voicing]


def write_score(plan: Plan, style: Style) -> Score:
    """Decide voices, bass and textures of a valid plan."""
    form = form_of(plan)
    bass = style.instrument("bass")
    roots = [plan.key.tonic if r.chord.root is None else r.chord.root for r in form.regions]
    lift = 13 - 7 * float(np.mean([cell.arousal for cell in form.cells]))
    shifts = _shifts(form.cells[-1].section + 1, plan.seed)
    score = Score(
        form=form,
        style=style,
        key=plan.key,
        harmony=_voices(form, style.instrument("harmony"), HARMONY_VOICES, shifts),
        pad=_thin_pad(form, plan, _voices(form, style.instrument("pad"), PAD_VOICES, shifts)),
        roots=tuple(
            bass_roots(roots, bass.low, bass.high, bass.low + lift) if bass else [0] * len(roots)
        ),
        choices=_choices(form, plan.seed),
        shifts=shifts,
        closing_notes=float(integral(plan.density, _seconds(plan, [form.closing, form.end]))[0]),
    )
    wanted = np.array([cell.notes for cell in form.cells])
    free = [cell.place == 0 or form.lands_at(cell.start) for cell in form.cells]
    rungs = climb(_counts(score, plan), wanted, free)
    score = replace(score, textures=tuple(LADDER[rung] for rung in rungs))
    return replace(score, figures=_figures(score, plan))


def _choices(form: Form, seed: int) -> IntArray:
    return np.random.default_rng(seed).integers(0, 60, (form.cells[-1].phrase + 1, 3))


def _seconds(plan: Plan, ticks: Sequence[int] | IntArray) -> FloatArray:
    return plan.grid.seconds_at(np.asarray(ticks) / TICKS_PER_BEAT)


def _figures(score: Score, plan: Plan) -> tuple[int, ...]:
    """[beats] how many notes the figures begin, given what chords, pad and bass begin."""
    form = score.form
    beats = np.arange(-(-form.end // TICKS_PER_BEAT))
    starts = [start for start, _, _ in score.pad_notes()]
    starts += [stroke.start for stroke in score.strokes() for _ in stroke.pitches]
    for i, texture in enumerate(score.textures):
        if score.style.instrument("bass"):
            starts += score.bass_ticks(i, texture)
    edges = np.append(beats * TICKS_PER_BEAT, form.end)
    fixed, _ = np.histogram(starts, edges)
    wanted = integral(plan.density, _seconds(plan, edges))
    playing = [
        bool(score.harmony[form.region_at(beat * TICKS_PER_BEAT)])
        and beat * TICKS_PER_BEAT < form.closing
        and score.style.instrument("arpeggio") is not None
        for beat in map(int, beats)
    ]
    most = [
        fastest_figure(length_s) if on else 0
        for length_s, on in zip(plan.grid.beat_length_s, playing, strict=False)
    ]
    free = [
        form.lands_at(beat * TICKS_PER_BEAT)
        or score.starts_phrase(beat * TICKS_PER_BEAT)
        or playing[beat] != playing[beat - 1]
        for beat in map(int, beats)
    ]
    return tuple(subdivide(fixed.astype(np.float64), wanted, np.array(most), free))


def _shifts(sections: int, seed: int) -> tuple[int, ...]:
    """Registers of the sections: the first as its mood has it, then always another one."""
    rng = np.random.default_rng([seed, sections])
    shifts = [0]
    while len(shifts) < sections:
        shifts.append(int(rng.choice([s for s in REGISTERS if s != shifts[-1]])))
    return tuple(shifts)


def _voices(
    form: Form, player: Instrument | None, voices: int, shifts: tuple[int, ...]
) -> tuple[Voicing, ...]:
    if player is None:
        return ((),) * len(form.regions)
    sounding = [i for i, region in enumerate(form.regions) if region.chord.root is not None]
    cells = [form.cell_at(form.regions[i].start) for i in sounding]
    centres = [_centre(cell, player) + shifts[cell.section] for cell in cells]
    chords = [form.regions[i].chord for i in sounding]
    led = lead_voices(chords, voices, player.low, player.high, np.array(centres))
    voicings: list[Voicing] = [()] * len(form.regions)
    for i, voicing in zip(sounding, led, strict=True):
        voicings[i] = voicing
    return tuple(voicings)


def _thin_pad(form: Form, plan: Plan, pad: tuple[Voicing, ...]) -> tuple[Voicing, ...]:
    """Two voices are enough where so few notes begin that three at once would stand out.

    The last chord is whole: it may be all that sounds.
    """
    edges = _seconds(plan, [region.start for region in form.regions] + [form.end])
    density = integral(plan.density, edges) / np.maximum(np.diff(edges), 1e-9)
    density[-1] = THIN_DENSITY
    return tuple(
        thin(voicing, region.chord) if voicing and notes < THIN_DENSITY else voicing
        for voicing, region, notes in zip(pad, form.regions, density, strict=True)
    )


def _centre(cell: Cell, player: Instrument) -> float:
    """Where chords lie: the middle of the range, higher when excited, lower when sad."""
    return (player.low + player.high) / 2 + 4 * cell.arousal + 2 * cell.valence


def _counts(score: Score, plan: Plan) -> FloatArray:
    """[cells, rungs] notes that each texture would begin in each cell; infinite if unplayable."""
    form, style = score.form, score.style
    starts = [start for start, _, _ in score.pad_notes()]
    counts = np.full((len(form.cells), len(LADDER)), np.inf)
    beat_s = plan.grid.beat_length_s
    for i, cell in enumerate(form.cells):
        pad = sum(cell.start <= start < cell.end for start in starts)
        steps = range(cell.start, min(cell.end, form.closing))
        for rung, texture in enumerate(LADDER):
            if not playable(texture, float(beat_s[cell.start // TICKS_PER_BEAT])):
                continue
            notes = pad + sum(
                len(score.chord_at(t, texture)) for t in score.chord_ticks(i, texture)
            )
            if style.instrument("bass"):
                notes += len(score.bass_ticks(i, texture))
            if style.instrument("arpeggio") and score.harmony[form.region_at(cell.start)]:
                notes += n_steps(texture, steps.start, steps.stop)
            counts[i, rung] = notes
    return counts
