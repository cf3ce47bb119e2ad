"""The score that the instruments of a style share: form, voicings, bass notes and textures.

The score is computed once from a plan and a style; each instrument then derives its notes from it.
Constants without a source were set by hand; ``tests/arrange/test_effects.py`` states the least
effect of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from amt.arrange.chord_voices import Voicing, led_voices, section_shifts, thinned
from amt.arrange.figures import (
    DEFAULT_BASS,
    PLAIN_CHORDS,
    SYNCOPATED_CHORDS,
    Figures,
    voices_of,
)
from amt.arrange.form import PHRASE_BARS, Cell, Form, form_of, integral
from amt.arrange.harmony_voices import bass_line, thin
from amt.arrange.pauses import choose_pauses
from amt.arrange.placing import Bar, Placed, bars_of, place_figure
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
    rhythm_in_feel,
)
from amt.types import TICKS_PER_BEAT, FloatArray, IntArray, Plan

HARMONY_VOICES = 4
"""Voices of the harmony: four-part writing."""
PAD_VOICES = 3
"""Voices of the pad: a triad."""
BASS_LIFT, BASS_AROUSAL_SEMITONES = 13.0, 7.0
"""Semitones of the bass above the bottom of its range at a mean arousal of 0, and by how much it is
lower at a mean arousal of 1."""

_LIVELY = 0.15
"""Arousal, -1 to 1, from which the chords of a syncopated style are off the beat."""
_PLAIN_ACCENT = 0.5
"""Accent of a style from which its harmony plays on strong cuts even where it rests otherwise."""
_SUBDUED = -0.35
"""Arousal, -1 to 1, below which chords have one voice less."""
_CHOICES = 60
"""Values of a drawn choice: divisible by the number of figures to choose from, 1 to 6."""
_BASS, _CHORDS = 2, 3
"""Columns of the choices."""
_NOTHING = "." * 16
STRUMS = {"d": 1, "u": -1}
"""Order of the notes of a chord by symbol: rising or falling; others are played together."""


class ChordOnset(NamedTuple):
    """Notes of the harmony that begin together: start and end in ticks, pitches rising."""

    start: int
    end: int
    pitches: Voicing
    strum: int = 0
    """1 if the notes follow each other upwards in pitch, -1 downwards, 0 if they are together."""


@dataclass(frozen=True, slots=True)
class Score:
    """Everything that the instruments have in common."""

    form: Form
    style: Style
    harmony: tuple[Voicing, ...]
    """[regions] voices of the harmony, empty for no chord."""
    pad: tuple[Voicing, ...]
    """[regions] voices of the pad, empty for no chord or where the style has none."""
    bass: tuple[int, ...]
    """[regions] bass note: the root, or the key's tonic as a pedal point under no chord."""
    choices: IntArray
    """[phrases, 4] drawn numbers that select a phrase's figures: arpeggio, contrasting arpeggio of
    its third bar, bass, chords."""
    shifts: tuple[int, ...]
    """[sections] semitones by which a section is higher than its mood alone would have it."""
    ending_notes: float
    """Onsets that the density of the plan asks for from the ending to the end."""
    bars: dict[int, Bar] = field(default_factory=dict)
    """Bars by the ticks of their downbeats."""
    textures: tuple[Texture, ...] = ()
    """[cells]"""
    arpeggio_counts: tuple[int, ...] = ()
    """[beats] onsets of the arpeggio, as indices of :data:`ARPEGGIO_RHYTHMS`."""
    humanize: float = 1.0
    """Share of the time that a strum takes, as of all that is off the grid."""

    def varied(self, seed: int) -> Score:
        """Return the score with other figures, drawn from a seed; voices and textures stay."""
        return replace(self, choices=_choices(self.form, seed))

    def chord_hits(self, index: int, texture: Texture) -> list[Placed]:
        """Return what the harmony plays in a cell that has a texture; symbols name the voices."""
        form = self.form
        cell = form.cells[index]
        if self.rests(texture):  # but not on a strong cut, unless the style makes little of it
            beats = range(cell.start, min(cell.end, form.ending), TICKS_PER_BEAT)
            marked = self.style.accent >= _PLAIN_ACCENT
            struck = [t for t in beats if marked and form.has_strong_cut(t) and self._chord(t)]
            return [Placed(t, "x", min(t + TICKS_PER_BEAT, self._region_end(t))) for t in struck]
        return self.comping(index, texture.chords)

    def comping(self, index: int, rhythm: Rhythm) -> list[Placed]:
        """Return the chords of a cell in the figure of a rhythm."""
        cell = self.form.cells[index]
        lively = self.style.syncopated and cell.arousal >= _LIVELY
        default = SYNCOPATED_CHORDS if lively else PLAIN_CHORDS
        figure = self._figure(self.style.chords, default, rhythm, cell, _CHORDS)
        hits = self._placed(cell, rhythm, figure, "x", self.form.has_strong_cut)
        return [hit for hit in hits if self._chord(hit.start)]

    def chord_onsets(self) -> list[ChordOnset]:
        """Return what the harmony plays: block chords, strummed, in halves, or broken.

        On strong cuts all voices begin together.
        """
        cells = [self.chord_hits(i, texture) for i, texture in enumerate(self.textures)]
        onsets: list[ChordOnset] = []
        for hit in self._held(cells, [t.chords for t in self.textures]):
            texture = self.textures[self.form.cell_index(hit.start)]
            pitches = self.voices_at(hit, texture)
            if pitches:
                onsets.append(ChordOnset(hit.start, hit.end, pitches, STRUMS.get(hit.symbol, 0)))
        return onsets

    def voices_at(self, hit: Placed, texture: Texture) -> Voicing:
        """Return the pitches that a hit of the harmony plays: all voices on a strong cut."""
        chord = self.chord_at(hit.start, texture)
        return chord if self.form.has_strong_cut(hit.start) else voices_of(hit.symbol, chord)

    def rests(self, texture: Texture) -> bool:
        """Return whether the harmony rests in a texture because the pad holds the chords."""
        return any(self.pad) and texture.chords in {"hold", "bar"}

    def bass_hits(self, index: int, texture: Texture) -> list[Placed]:
        """Return what the bass plays in a cell that has a texture; symbols name the notes."""
        cell = self.form.cells[index]
        if "bass" in cell.resting:
            return []
        figure = self._figure(self.style.bass, DEFAULT_BASS, texture.bass, cell, _BASS)
        hits = self._placed(cell, texture.bass, figure, "r", self.form.has_strong_event)
        return [hit for hit in hits if self._carries_bass(hit.start, cell)]

    def bass_ticks(self, index: int, texture: Texture) -> list[int]:
        """Return the ticks on which the bass plays in a cell that has a texture."""
        return [hit.start for hit in self.bass_hits(index, texture)]

    def bass_notes(self) -> list[Placed]:
        """Return what the bass plays up to the ending; a note ends where the next begins."""
        cells = [self.bass_hits(i, texture) for i, texture in enumerate(self.textures)]
        held = self._held(cells, [texture.bass for texture in self.textures])
        stops = [*(hit.start for hit in held[1:]), self.form.ending]
        return [
            hit._replace(end=min(hit.end, stop)) for hit, stop in zip(held, stops, strict=False)
        ]

    def _figure(
        self, own: Figures, default: Figures, rhythm: Rhythm, cell: Cell, column: int
    ) -> str:
        """The figure of a cell: a phrase has one of its own, and its last bar the next one."""
        rhythm = rhythm_in_feel(rhythm, cell.feel)
        figures = own.get(rhythm) or default[rhythm]
        turn = cell.bar % PHRASE_BARS == PHRASE_BARS - 1
        return figures[(int(self.choices[cell.phrase, column]) + turn) % len(figures)]

    def _placed(
        self, cell: Cell, rhythm: Rhythm, figure: str, whole: str, is_hit: Callable[[int], bool]
    ) -> list[Placed]:
        """The notes of a figure that begin in a cell, up to the ending."""
        if rhythm_in_feel(rhythm, cell.feel) == "hold" and cell.place % 2:
            figure = _NOTHING
        bar = self.bars[cell.downbeat]
        placed = place_figure(self.form, bar, figure, whole, is_hit, rings=whole == "x")
        last = min(cell.end, self.form.ending)
        return [note for note in placed if cell.start <= note.start < last]

    def _held(self, cells: Sequence[list[Placed]], rhythms: Sequence[Rhythm]) -> list[Placed]:
        """Notes of all cells; those of a held one last into the cell after it, if it has none."""
        form = self.form
        notes: list[Placed] = []
        for i, placed in enumerate(cells):
            cell = form.cells[i]
            empty = i + 1 < len(cells) and not cells[i + 1]
            held = rhythm_in_feel(rhythms[i], cell.feel) == "hold"
            end = form.cells[i + 1].end if empty and held else cell.end
            for note in placed:
                sustained = end if note.end >= cell.end else note.end
                stop = min(sustained, self._region_end(note.start), form.ending)
                notes.append(note._replace(end=stop))
        return notes

    def _chord(self, tick: int) -> Voicing:
        return self.harmony[self.form.region_at(tick)]

    def _region_end(self, tick: int) -> int:
        return self.form.regions[self.form.region_at(tick)].end

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
        renewed = tick == self.form.regions[region].start
        renewed |= tick == cell.start and cell.place % 2 == 0
        return renewed or bool(self.harmony[region])


def write_score(plan: Plan, style: Style) -> Score:
    """Return the score of a valid plan in a style."""
    form = form_of(plan, style.accent)
    form = replace(form, pauses=choose_pauses(plan, form, style))
    bass = style.instrument("bass")
    arousal = float(np.mean([cell.arousal for cell in form.cells]))
    lift = BASS_LIFT - BASS_AROUSAL_SEMITONES * arousal
    shifts = section_shifts(form.cells[-1].section + 1, plan.seed)
    score = Score(
        form=form,
        style=style,
        harmony=led_voices(form, style.instrument("harmony"), HARMONY_VOICES, shifts),
        pad=thinned(form, plan, led_voices(form, style.instrument("pad"), PAD_VOICES, shifts)),
        bass=_bass_notes(form, bass, lift),
        choices=_choices(form, plan.seed),
        shifts=shifts,
        bars=bars_of(plan.grid, form.end),
        ending_notes=float(integral(plan.density, _seconds(plan, [form.ending, form.end]))[0]),
        humanize=plan.arrangement.humanize,
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


def _bass_notes(form: Form, player: Instrument | None, lift: float) -> tuple[int, ...]:
    """[regions] bass notes; the tonic under no chord, 0 where the style has no bass.

    Chords are inverted neither where a phrase or a section begins, nor on strong cuts, nor last.
    """
    if player is None:
        return (0,) * len(form.regions)
    chords = [r.key.tonic_chord if r.chord.root is None else r.chord for r in form.regions]
    firm = {cell.start for cell in form.cells if cell.place == 0}
    free = [
        region.chord.root is not None
        and region.start not in firm
        and not form.has_strong_cut(region.start)
        and region.end < form.end
        for region in form.regions
    ]
    given = [region.bass for region in form.regions]
    return tuple(bass_line(chords, free, player.low, player.high, player.low + lift, given))


def _choices(form: Form, seed: int) -> IntArray:
    return np.random.default_rng(seed).integers(0, _CHOICES, (form.cells[-1].phrase + 1, 4))


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
        and "arpeggio" not in form.cell_at(beat * TICKS_PER_BEAT).resting
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
            hits = score.chord_hits(i, texture)
            notes = pad + sum(len(score.voices_at(hit, texture)) for hit in hits)
            if style.instrument("bass"):
                notes += len(score.bass_ticks(i, texture))
            if style.instrument("arpeggio") and score.harmony[form.region_at(cell.start)]:
                notes += n_steps(texture, steps.start, steps.stop)
            counts[i, rung] = notes
    return counts
