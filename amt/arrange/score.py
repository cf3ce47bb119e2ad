"""The score that the players of a style share: form, voices, bass and textures, all decided."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from amt.arrange.form import Cell, Form, form_of, integral
from amt.arrange.harmony_voices import bass_roots, lead_voices, thin
from amt.arrange.styles import Instrument, Style
from amt.arrange.textures import (
    ARPEGGIO_RHYTHMS,
    LADDER,
    Rhythm,
    Texture,
    choose_arpeggio_counts,
    choose_textures,
    max_arpeggio_notes,
    n_steps,
    playable,
    rhythm_ticks,
)
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
"""Accent of a style from which its harmony plays on strong cuts even where it rests otherwise."""
_SUBDUED = -0.35
"""Arousal below which chords are thin."""

Voicing = tuple[int, ...]


class ChordOnset(NamedTuple):
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
    ending_notes: float
    """How many notes the density curve asks to begin from the ending to the end."""
    textures: tuple[Texture, ...] = ()
    """[cells]"""
    arpeggio_counts: tuple[int, ...] = ()
    """[beats] notes that the arpeggio begins on each beat: index of :data:`ARPEGGIO_RHYTHMS`."""

    def varied(self, seed: int) -> Score:
        """The same voices and rhythms with the figures that another seed decides."""
        return replace(self, choices=_choices(self.form, seed))

    def chord_ticks(self, index: int, texture: Texture) -> list[int]:
        """Ticks on which the harmony plays in a cell played with a texture."""
        form = self.form
        cell = form.cells[index]
        if self.rests(texture):  # but not on a strong cut, unless the style makes little of it
            beats = range(cell.start, min(cell.end, form.ending), TICKS_PER_BEAT)
            marked = self.style.accent >= _PLAIN_ACCENT
            return [t for t in beats if marked and form.has_strong_cut(t) and self._harmony_at(t)]
        syncopated = self.style.syncopated and cell.arousal >= _LIVELY
        ticks = self._with_changes(
            cell, rhythm_ticks(texture.chords, cell, syncopated), form.has_strong_cut
        )
        return [t for t in ticks if self._harmony_at(t)]

    def _harmony_at(self, tick: int) -> Voicing:
        return self.harmony[self.form.region_at(tick)]

    def chord_onsets(self) -> list[ChordOnset]:
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
        stops = sorted({*ticks, *rests, *(r.start for r in form.regions), form.ending})
        chord_onsets: list[ChordOnset] = []
        for tick in ticks:
            end = stops[bisect_right(stops, tick)]
            if self.rests(self.textures[form.cell_index(tick)]):
                end = min(end, tick + TICKS_PER_BEAT)  # a stab, and the pad goes on alone
            cell = form.cell_index(tick)
            texture = self.textures[cell]
            chord = self.chord_at(tick, texture)
            parts = [chord] if form.has_strong_cut(tick) else _parts(chord, texture.chords)
            room = min(end, form.cells[cell].end) - tick
            gap = next((g for g in _GAPS if (len(parts) - 1) * g < room), 0)
            chord_onsets += [ChordOnset(tick + i * gap, end, part) for i, part in enumerate(parts)]
        return chord_onsets

    def rests(self, texture: Texture) -> bool:
        """Whether the harmony rests because the pad holds the chords already."""
        return any(self.pad) and texture.chords in {"hold", "bar"}

    def bass_ticks(self, index: int, texture: Texture) -> list[int]:
        """Ticks on which the bass plays in a cell played with a texture."""
        cell = self.form.cells[index]
        ticks = self._with_changes(
            cell, rhythm_ticks(texture.bass, cell), self.form.has_strong_event
        )
        return [t for t in ticks if self._carries_bass(t, cell)]

    def arpeggio_ticks(self, beat: int) -> list[int]:
        """Ticks of the arpeggio's notes on a beat; one that is named twice has two notes."""
        form = self.form
        ticks = (
            round((beat + place) * TICKS_PER_BEAT)
            for place in ARPEGGIO_RHYTHMS[self.arpeggio_counts[beat]]
        )
        return [t for t in ticks if t < form.ending]

    def pad_notes(self) -> list[tuple[int, int, int]]:
        """Start, end and pitch of the pad's notes: voices that stay are tied over the change.

        Each phrase begins with a new onset.
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
        if self.form.has_strong_cut(tick):
            return voicing
        subdued = self.form.cell_at(tick).arousal < _SUBDUED
        if voicing and (texture.thin or subdued):
            return thin(voicing, self.form.regions[region].chord)
        return voicing

    def _carries_bass(self, tick: int, cell: Cell) -> bool:
        """Under no chord the bass only renews its pedal."""
        region = self.form.region_at(tick)
        renewed = tick == self.form.regions[region].start or tick in rhythm_ticks("hold", cell)
        return renewed or bool(self.harmony[region])

    def _with_changes(
        self, cell: Cell, ticks: list[int], struck: Callable[[int], bool]
    ) -> list[int]:
        """A rhythm with the chord changes and hits of its cell, up to the ending."""
        form = self.form
        inside = form.regions[form.region_at(cell.start) : form.region_at(cell.end - 1) + 1]
        changes = {region.start for region in inside if region.start >= cell.start}
        hits = {tick for tick in range(cell.start, cell.end, TICKS_PER_BEAT) if struck(tick)}
        if changes - {cell.start}:
            ticks = [t for t in ticks if (t - cell.start) % TICKS_PER_BEAT == 0]
        return [tick for tick in sorted({*ticks, *changes, *hits}) if tick < form.ending]


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
        ending_notes=float(integral(plan.density, _seconds(plan, [form.ending, form.end]))[0]),
    )
    wanted = np.array([cell.notes for cell in form.cells])
    free = [cell.place == 0 or form.has_strong_cut(cell.start) for cell in form.cells]
    rungs = choose_textures(_counts(score, plan), wanted, free)
    score = replace(score, textures=tuple(LADDER[rung] for rung in rungs))
    return replace(score, arpeggio_counts=_arpeggio_counts(score, plan))


def _choices(form: Form, seed: int) -> IntArray:
    return np.random.default_rng(seed).integers(0, 60, (form.cells[-1].phrase + 1, 3))


def _seconds(plan: Plan, ticks: Sequence[int] | IntArray) -> FloatArray:
    return plan.grid.seconds_at(np.asarray(ticks) / TICKS_PER_BEAT)


def _arpeggio_counts(score: Score, plan: Plan) -> tuple[int, ...]:
    """[beats] how many notes the figures begin, given what chords, pad and bass begin."""
    form = score.form
    beats = np.arange(-(-form.end // TICKS_PER_BEAT))
    starts = [start for start, _, _ in score.pad_notes()]
    starts += [onset.start for onset in score.chord_onsets() for _ in onset.pitches]
    for i, texture in enumerate(score.textures):
        if score.style.instrument("bass"):
            starts += score.bass_ticks(i, texture)
    edges = np.append(beats * TICKS_PER_BEAT, form.end)
    fixed, _ = np.histogram(starts, edges)
    wanted = integral(plan.density, _seconds(plan, edges))
    playing = [
        bool(score.harmony[form.region_at(beat * TICKS_PER_BEAT)])
        and beat * TICKS_PER_BEAT < form.ending
        and score.style.instrument("arpeggio") is not None
        for beat in map(int, beats)
    ]
    most = [
        max_arpeggio_notes(length_s) if on else 0
        for length_s, on in zip(plan.grid.beat_length_s, playing, strict=False)
    ]
    free = [
        form.has_strong_cut(beat * TICKS_PER_BEAT)
        or score.starts_phrase(beat * TICKS_PER_BEAT)
        or playing[beat] != playing[beat - 1]
        for beat in map(int, beats)
    ]
    return tuple(choose_arpeggio_counts(fixed.astype(np.float64), wanted, np.array(most), free))


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
        steps = range(cell.start, min(cell.end, form.ending))
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
