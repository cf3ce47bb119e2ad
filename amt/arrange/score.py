"""The score that the instruments of a style share: form, voicings, bass notes and textures.

The score is computed once from a plan and a style; each instrument then derives its notes from it.
Constants without a source were set by hand; ``tests/arrange/test_effects.py`` states the least
effect of each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from amt.arrange.form import Cell, Form, form_of, integral
from amt.arrange.harmony_voices import bass_line, lead_voices, thin
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
"""Voices of the harmony: four-part writing."""
PAD_VOICES = 3
"""Voices of the pad: a triad."""
THIN_DENSITY = 5.0
"""Notes per second below which the pad has one voice less."""
REGISTERS = (-3, 0, 4)
"""Semitones by which a section may be shifted, so that sections differ in register."""
AROUSAL_SEMITONES, VALENCE_SEMITONES = 4.0, 2.0
"""Semitones by which chords are higher at arousal or valence 1 than at 0 (high pitch expresses
happiness, low pitch sadness: Juslin and Laukka, Psychological Bulletin 129, 2003)."""
BASS_LIFT, BASS_AROUSAL_SEMITONES = 13.0, 7.0
"""Semitones of the bass above the bottom of its range at a mean arousal of 0, and by how much it is
lower at a mean arousal of 1."""

_GAPS = (TICKS_PER_BEAT, TICKS_PER_BEAT // 2)
"""Ticks between the parts of a broken chord: a beat, or half of one where time is short."""
_LIVELY = 0.15
"""Arousal, -1 to 1, from which the chords of a syncopated style are off the beat."""
_PLAIN_ACCENT = 0.5
"""Accent of a style from which its harmony plays on strong cuts even where it rests otherwise."""
_SUBDUED = -0.35
"""Arousal, -1 to 1, below which chords have one voice less."""
_CHOICES = 60
"""Values of a drawn choice: divisible by the number of patterns to choose from, 4 or 5."""

Voicing = tuple[int, ...]


class ChordOnset(NamedTuple):
    """Notes of the harmony that begin together: start and end in ticks, pitches rising."""

    start: int
    end: int
    pitches: Voicing


@dataclass(frozen=True, slots=True)
class Score:
    """Everything that the instruments have in common."""

    form: Form
    style: Style
    key: Key
    harmony: tuple[Voicing, ...]
    """[regions] voices of the harmony, empty for no chord."""
    pad: tuple[Voicing, ...]
    """[regions] voices of the pad, empty for no chord or where the style has none."""
    bass: tuple[int, ...]
    """[regions] bass note: the root, or the key's tonic as a pedal point under no chord."""
    choices: IntArray
    """[phrases, 3] drawn numbers that select a phrase's patterns: arpeggio, contrasting arpeggio of
    its third bar, bass."""
    shifts: tuple[int, ...]
    """[sections] semitones by which a section is higher than its mood alone would have it."""
    ending_notes: float
    """Onsets that the density of the plan asks for from the ending to the end."""
    textures: tuple[Texture, ...] = ()
    """[cells]"""
    arpeggio_counts: tuple[int, ...] = ()
    """[beats] onsets of the arpeggio, as indices of :data:`ARPEGGIO_RHYTHMS`."""

    def varied(self, seed: int) -> Score:
        """Return the score with other patterns, drawn from a seed; voices and rhythms stay."""
        return replace(self, choices=_choices(self.form, seed))

    def chord_ticks(self, index: int, texture: Texture) -> list[int]:
        """Return the ticks on which the harmony plays in a cell that has a texture."""
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
        """Return what the harmony plays: block chords, chords in two halves, or broken chords.

        Chords of a bar are broken upwards and chords of half a bar are split into two halves, so
        that onsets are spread as evenly as the density curve; on strong cuts all voices begin
        together.
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
        """Return whether the harmony rests in a texture because the pad holds the chords."""
        return any(self.pad) and texture.chords in {"hold", "bar"}

    def bass_ticks(self, index: int, texture: Texture) -> list[int]:
        """Return the ticks on which the bass plays in a cell that has a texture."""
        cell = self.form.cells[index]
        ticks = self._with_changes(
            cell, rhythm_ticks(texture.bass, cell), self.form.has_strong_event
        )
        return [t for t in ticks if self._carries_bass(t, cell)]

    def arpeggio_ticks(self, beat: int) -> list[int]:
        """Return the ticks of the arpeggio in a beat; a tick listed twice has two notes."""
        form = self.form
        ticks = (
            round((beat + place) * TICKS_PER_BEAT)
            for place in ARPEGGIO_RHYTHMS[self.arpeggio_counts[beat]]
        )
        return [t for t in ticks if t < form.ending]

    def pad_notes(self) -> list[tuple[int, int, int]]:
        """Return start, end and pitch of the pad's notes.

        Voices that stay over a chord change are tied, except where a phrase begins.
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
        """Return whether a phrase begins on a tick."""
        cell = self.form.cell_at(tick)
        return cell.place == 0 and cell.start == tick

    def chord_at(self, tick: int, texture: Texture) -> Voicing:
        """Return the notes of the harmony at a tick: all voices on a strong cut."""
        region = self.form.region_at(tick)
        voicing = self.harmony[region]
        if self.form.has_strong_cut(tick):
            return voicing
        subdued = self.form.cell_at(tick).arousal < _SUBDUED
        if voicing and (texture.thin or subdued):
            return thin(voicing, self.form.regions[region].chord)
        return voicing

    def _carries_bass(self, tick: int, cell: Cell) -> bool:
        """Where there is no chord, the bass only repeats its pedal point."""
        region = self.form.region_at(tick)
        renewed = tick == self.form.regions[region].start or tick in rhythm_ticks("hold", cell)
        return renewed or bool(self.harmony[region])

    def _with_changes(
        self, cell: Cell, ticks: list[int], is_hit: Callable[[int], bool]
    ) -> list[int]:
        """A rhythm with the chord changes and hits of its cell, up to the ending."""
        form = self.form
        inside = form.regions[form.region_at(cell.start) : form.region_at(cell.end - 1) + 1]
        changes = {region.start for region in inside if region.start >= cell.start}
        hits = {tick for tick in range(cell.start, cell.end, TICKS_PER_BEAT) if is_hit(tick)}
        if changes - {cell.start}:
            ticks = [t for t in ticks if (t - cell.start) % TICKS_PER_BEAT == 0]
        return [tick for tick in sorted({*ticks, *changes, *hits}) if tick < form.ending]


def _parts(voicing: Voicing, rhythm: Rhythm) -> list[Voicing]:
    """The voices of a chord that begin together, in order."""
    if rhythm in {"hold", "bar"}:
        return [(note,) for note in voicing]
    if rhythm == "half":
        middle = len(voicing) // 2
        return [voicing[:middle], voicing[middle:]]
    return [voicing]


def write_score(plan: Plan, style: Style) -> Score:
    """Return the score of a valid plan in a style."""
    form = form_of(plan)
    bass = style.instrument("bass")
    arousal = float(np.mean([cell.arousal for cell in form.cells]))
    lift = BASS_LIFT - BASS_AROUSAL_SEMITONES * arousal
    shifts = _shifts(form.cells[-1].section + 1, plan.seed)
    score = Score(
        form=form,
        style=style,
        key=plan.key,
        harmony=_voices(form, style.instrument("harmony"), HARMONY_VOICES, shifts),
        pad=_thin_pad(form, plan, _voices(form, style.instrument("pad"), PAD_VOICES, shifts)),
        bass=_bass_notes(form, plan.key, bass, lift),
        choices=_choices(form, plan.seed),
        shifts=shifts,
        ending_notes=float(integral(plan.density, _seconds(plan, [form.ending, form.end]))[0]),
    )
    wanted = np.array([cell.notes for cell in form.cells])
    free = [cell.place == 0 or form.has_strong_cut(cell.start) for cell in form.cells]
    rungs = choose_textures(_counts(_in_normal_feel(score), plan), wanted, free)
    score = replace(score, textures=tuple(LADDER[rung] for rung in rungs))
    return replace(score, arpeggio_counts=_arpeggio_counts(score, plan))


def _in_normal_feel(score: Score) -> Score:
    """The score with normal feel everywhere.

    By it textures are chosen: otherwise the onsets that half-time feel takes from the bass and the
    chords would be given back to them by a busier texture. The arpeggio plays them instead.
    """
    cells = tuple(replace(cell, feel="normal") for cell in score.form.cells)
    return replace(score, form=replace(score.form, cells=cells))


def _bass_notes(form: Form, key: Key, player: Instrument | None, lift: float) -> tuple[int, ...]:
    """[regions] bass notes; the tonic under no chord, 0 where the style has no bass.

    Chords are inverted neither where a phrase or a section begins, nor on strong cuts, nor last.
    """
    if player is None:
        return (0,) * len(form.regions)
    chords = [key.tonic_chord if r.chord.root is None else r.chord for r in form.regions]
    firm = {cell.start for cell in form.cells if cell.place == 0}
    free = [
        region.chord.root is not None
        and region.start not in firm
        and not form.has_strong_cut(region.start)
        and region.end < form.end
        for region in form.regions
    ]
    return tuple(bass_line(chords, free, player.low, player.high, player.low + lift))


def _choices(form: Form, seed: int) -> IntArray:
    return np.random.default_rng(seed).integers(0, _CHOICES, (form.cells[-1].phrase + 1, 3))


def _seconds(plan: Plan, ticks: Sequence[int] | IntArray) -> FloatArray:
    return plan.grid.seconds_at(np.asarray(ticks) / TICKS_PER_BEAT)


def _arpeggio_counts(score: Score, plan: Plan) -> tuple[int, ...]:
    """[beats] onsets of the arpeggio, given the onsets of chords, pad and bass."""
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
    """Shifts of the sections in semitones: 0 for the first, then always another one."""
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
    """The pad with two voices where the plan is thin: three onsets would exceed its density.

    The final chord keeps three: no other instrument may be playing it.
    """
    edges = _seconds(plan, [region.start for region in form.regions] + [form.end])
    density = integral(plan.density, edges) / np.maximum(np.diff(edges), 1e-9)
    density[-1] = THIN_DENSITY
    return tuple(
        thin(voicing, region.chord) if voicing and notes < THIN_DENSITY else voicing
        for voicing, region, notes in zip(pad, form.regions, density, strict=True)
    )


def _centre(cell: Cell, player: Instrument) -> float:
    """MIDI note around which chords lie: the middle of the range, moved by the mood."""
    middle = (player.low + player.high) / 2
    return middle + AROUSAL_SEMITONES * cell.arousal + VALENCE_SEMITONES * cell.valence


def _counts(score: Score, plan: Plan) -> FloatArray:
    """[cells, rungs] onsets that each texture would have in each cell; infinite if unplayable."""
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
