"""The form of a piece in ticks: its phrases and cells, chord regions, hits and ending.

The arrangers work on the form rather than on the plan, so that metre, tempo and a clip that ends
inside a beat are handled in one place. A beat has 480 ticks (:data:`amt.types.TICKS_PER_BEAT`).

Constants without a source were set by hand; ``tests/arrange/test_effects.py`` states the least
effect of each.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from amt.arrange.dynamics import (
    CRESCENDO_DB,
    CRESCENDO_S,
    FALL_S,
    PUSH_DB,
    PUSH_S,
    SUDDEN_FALL_S,
    Crescendo,
)
from amt.arrange.lead_ins import GROWTH, LeadIn, choose_lead_ins
from amt.chords import HOME, Chord, Key
from amt.mood import valence_arousal
from amt.timing import grid_end_tick
from amt.timing.hits import is_hit, is_strong
from amt.types import TICKS_PER_BEAT, Accent, ChordSpan, Cut, Feel, FloatArray, Plan

PHRASE_BARS = 4
"""Bars of a phrase (the norm of tonal music); one bar left over is part of the phrase before."""

STRONG_ACCENT = 0.5
"""From this strength on harmony and bass play on a peak of movement."""

WEAK = 0.25
"""Cuts below this strength are not stressed."""

ACCENT_SHARE = 0.7
"""Stress of a peak of movement, as a share of the stress of a cut of the same strength."""

SLOW_BAR_S = 2.8
"""Seconds from which a bar of four or more beats has two cells, so that slow music follows the
curves of the plan as closely."""

MIN_ENDING_S = 1.0
"""Seconds of the final chord at least; if the last bar is shorter, it begins a bar before."""


@dataclass(frozen=True, slots=True)
class Region:
    """A chord and the ticks from its start to its end."""

    start: int
    end: int
    chord: Chord
    key: Key = HOME["major"]
    bass: int | None = None
    """Pitch class of the bass where the plan has one, such as that of a pedal point."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A bar, or half of a slow one: the span of one texture, and the plan's curves in it."""

    start: int
    end: int
    """Ticks; the end of the last cell is the end of the music."""
    downbeat: int
    """Tick on which its bar begins."""
    phrase: int
    bar: int
    """Number of its bar in the phrase, from 0."""
    place: int
    """Its own number in the phrase, from 0."""
    notes: float
    """Onsets in it that the density of the plan asks for."""
    valence: float
    arousal: float
    """Mean mood, each in [-1, 1]."""
    section: int = 0
    """Number of its section, from 0."""
    feel: Feel = "normal"
    """Of its section."""
    resting: tuple[str, ...] = ()
    """Roles that rest in it."""


@dataclass(frozen=True, slots=True)
class Form:
    """The frame of a piece."""

    cells: tuple[Cell, ...]
    regions: tuple[Region, ...]
    """In order and without gaps; neighbours differ in chord or bass."""
    hits: dict[int, Cut]
    """Cuts that fall on a beat, by tick."""
    accents: dict[int, Accent]
    """Peaks of movement by tick of the nearest beat, none on a beat that has a hit."""
    ending: int
    """Tick on which the final chord begins, which sounds until the end."""
    end: int
    speech: tuple[tuple[int, int], ...] = ()
    """First tick, and tick after the last, of each stretch in which somebody speaks."""
    lead_ins: tuple[LeadIn, ...] = ()
    """How the music leads into each strong cut, by time."""
    pauses: tuple[tuple[int, int], ...] = ()
    """Start and end of each general pause, by time."""

    def is_spoken(self, tick: int) -> bool:
        """Return whether somebody speaks in the clip on a tick."""
        return any(start <= tick < end for start, end in self.speech)

    def rests(self) -> tuple[tuple[int, int], ...]:
        """Start and end of the silence before strong cuts and in general pauses, by time."""
        cuts = ((lead_in.beat * TICKS_PER_BEAT, lead_in.rest_beats) for lead_in in self.lead_ins)
        led = ((tick - round(rest * TICKS_PER_BEAT), tick) for tick, rest in cuts if rest)
        return tuple(sorted({*led, *self.pauses}))

    def region_at(self, tick: int) -> int:
        """Return the index of the region in which a tick lies."""
        return bisect_right(self.regions, tick, key=lambda region: region.start) - 1

    def key_at(self, tick: int) -> Key:
        """The key on a tick: that of its section."""
        return self.regions[self.region_at(tick)].key

    def tones_at(self, tick: int) -> tuple[int, ...]:
        """Pitch classes of the chord on a tick; empty for no chord."""
        return self.regions[self.region_at(tick)].chord.pitch_classes

    def has_strong_cut(self, tick: int) -> bool:
        """Return whether a strong cut falls on a tick."""
        return tick in self.hits and is_strong(self.hits[tick])

    def has_strong_event(self, tick: int) -> bool:
        """Return whether a strong cut or a strong peak of movement falls on a tick."""
        pushed = tick in self.accents and self.accents[tick].strength >= STRONG_ACCENT
        return pushed or self.has_strong_cut(tick)

    def stress_at(self, tick: int) -> float:
        """Return the stress that the video gives to a tick, 0 to 1."""
        if tick in self.hits:
            if any(led.beat * TICKS_PER_BEAT == tick and led.is_sudden for led in self.lead_ins):
                return 0.0  # a sudden piano
            strength = self.hits[tick].strength
            return strength if strength >= WEAK else 0.0
        return ACCENT_SHARE * self.accents[tick].strength if tick in self.accents else 0.0

    def crescendi(self, weight: float) -> tuple[Crescendo, ...]:
        """Return the crescendi into strong cuts and into peaks of movement, by time.

        Args:
            weight: factor of their height, :attr:`amt.arrange.styles.Style.accent`.
        """
        kinds = {lead_in.beat * TICKS_PER_BEAT: lead_in for lead_in in self.lead_ins}
        led = [
            _crescendo(cut, kinds.get(tick), weight)
            for tick, cut in self.hits.items()
            if is_strong(cut)
        ]
        pushed = [
            Crescendo(accent.time_s, weight * PUSH_DB * accent.strength, PUSH_S)
            for accent in self.accents.values()
        ]
        return tuple(sorted(led + pushed))

    def cell_at(self, tick: int) -> Cell:
        """Return the cell in which a tick lies."""
        return self.cells[self.cell_index(tick)]

    def cell_index(self, tick: int) -> int:
        """Return the index of the cell in which a tick lies."""
        return bisect_right(self.cells, tick, key=lambda cell: cell.start) - 1


def _crescendo(cut: Cut, lead_in: LeadIn | None, weight: float) -> Crescendo:
    growth = GROWTH[lead_in.kind] if lead_in else 1.0
    fall_s = SUDDEN_FALL_S if lead_in and lead_in.is_sudden else FALL_S
    peak_db = weight * CRESCENDO_DB * cut.strength * growth
    return Crescendo(cut.time_s, peak_db, CRESCENDO_S, fall_s)


def form_of(plan: Plan, accent: float = 1.0) -> Form:
    """Return the form of a valid plan, in a style that stresses cuts by a factor."""
    end = grid_end_tick(plan.grid)
    regions = _regions(plan, end)
    ending = _ending(plan, end, regions)
    hits = _hits(plan, end)
    accents = _accents(plan, hits, ending)
    form = Form(_cells(plan, end), regions, hits, accents, ending, end, _speech(plan))
    return replace(form, lead_ins=_lead_ins(plan, form, accent))


def _lead_ins(plan: Plan, form: Form, accent: float) -> tuple[LeadIn, ...]:
    """The lead-ins of the strong cuts that a beat plays, before the final chord."""
    cuts = [t for t in sorted(form.hits) if form.has_strong_cut(t) and t <= form.ending]
    sections = {
        cell.start // TICKS_PER_BEAT
        for before, cell in pairwise(form.cells)
        if cell.section != before.section
    }
    return choose_lead_ins(
        plan,
        [tick // TICKS_PER_BEAT for tick in cuts],
        sections,
        # Under speech a lead-in is as discreet as in calm music.
        [-1.0 if form.is_spoken(tick - 1) else form.cell_at(tick - 1).arousal for tick in cuts],
        accent,
    )


def _speech(plan: Plan) -> tuple[tuple[int, int], ...]:
    edges_s = np.array([(span.start_s, span.end_s) for span in plan.speech]).reshape(-1, 2)
    ticks = np.rint(plan.grid.beats_at(edges_s) * TICKS_PER_BEAT).astype(np.int64)
    return tuple((int(start), int(end)) for start, end in ticks if start < end)


def _regions(plan: Plan, end: int) -> tuple[Region, ...]:
    starts: list[tuple[int, ChordSpan]] = []
    for span in plan.chords:
        tick = span.beat * TICKS_PER_BEAT
        same = starts and (starts[-1][1].chord, starts[-1][1].bass) == (span.chord, span.bass)
        if tick < end and not same:
            starts.append((tick, span))
    ends = [tick for tick, _ in starts[1:]] + [end]
    return tuple(
        Region(start, stop, span.chord, plan.key_at(span.beat), span.bass)
        for (start, span), stop in zip(starts, ends, strict=True)
    )


def _cells(plan: Plan, end: int) -> tuple[Cell, ...]:
    places = _places(plan, end)
    edges = np.array([start for start, *_ in places] + [end])
    edges_s = plan.grid.seconds_at(edges / TICKS_PER_BEAT)
    mood = valence_arousal(plan.emotion)
    lengths_s = np.maximum(np.diff(edges_s), 1e-9)
    valence, arousal = (integral(mood[:, i], edges_s) / lengths_s for i in range(2))
    notes = integral(plan.density, edges_s)
    starts = [section.beat * TICKS_PER_BEAT for section in plan.sections]
    sections = np.maximum(np.searchsorted(starts, edges[:-1], side="right") - 1, 0)
    return tuple(
        Cell(
            start, int(stop), downbeat, phrase, bar, place, float(n), float(v), float(a),
            int(section), plan.feel_at(start // TICKS_PER_BEAT),
            plan.resting_at(start // TICKS_PER_BEAT),
        )
        for (start, downbeat, phrase, bar, place), stop, n, v, a, section in zip(
            places, edges[1:], notes, valence, arousal, sections, strict=True
        )
    )  # fmt: skip


def _places(plan: Plan, end: int) -> list[tuple[int, int, int, int, int]]:
    """Start, downbeat, phrase, bar in the phrase and place in the phrase of every cell."""
    grid = plan.grid
    places: list[tuple[int, int, int, int, int]] = []
    place = 0
    for first, beats, (phrase, bar) in zip(grid.downbeats, grid.bars, _phrases(plan), strict=True):
        length_s = grid.beats_s[first + beats] - grid.beats_s[first]
        halves = [0, -(-beats // 2)] if beats >= 4 and length_s > SLOW_BAR_S else [0]
        downbeat = int(first) * TICKS_PER_BEAT
        place = 0 if bar == 0 else place
        for start in (downbeat + half * TICKS_PER_BEAT for half in halves):
            if start < end:
                places.append((start, downbeat, phrase, bar, place))
                place += 1
    return places


def integral(curve: FloatArray, edges_s: FloatArray) -> FloatArray:
    """Return the [N - 1] integrals of a per-second curve [S] between [N] edges in seconds."""
    total = np.concatenate([[0.0], np.cumsum(curve)])
    return np.diff(np.interp(edges_s, np.arange(len(total)), total))


def _phrases(plan: Plan) -> list[tuple[int, int]]:
    """Return for every bar the index of its phrase and its place in it, from 0.

    Phrases are those of the plan; where it has none they begin with sections and every four bars.
    """
    starts = phrase_starts(plan)
    places: list[tuple[int, int]] = []
    for phrase, (first, last) in enumerate(pairwise([*starts, len(plan.grid.bars)])):
        places += [(phrase, bar) for bar in range(last - first)]
    return places


def phrase_starts(plan: Plan) -> list[int]:
    """Return the first bar of every phrase of a plan, from 0."""
    n_bars, downbeats = len(plan.grid.bars), plan.grid.downbeats
    beats = [phrase.beat for phrase in plan.phrases] or [section.beat for section in plan.sections]
    starts = np.searchsorted(downbeats, beats, side="right") - 1
    edges = sorted({0, *map(int, starts)})
    if plan.phrases:
        return edges
    return [
        bar
        for first, last in pairwise([*edges, n_bars])
        for bar in range(first, last, PHRASE_BARS)
        if bar == first or last - bar > 1
    ]


def _hits(plan: Plan, end: int) -> dict[int, Cut]:
    beats_s = plan.grid.beats_s[:-1]
    hits: dict[int, Cut] = {}
    for cut in plan.cuts:
        beat = int(np.abs(beats_s - cut.time_s).argmin())
        tick = beat * TICKS_PER_BEAT
        if is_hit(float(beats_s[beat]), cut.time_s) and 0 < tick < end:
            hits[tick] = cut
    return hits


def _accents(plan: Plan, hits: dict[int, Cut], ending: int) -> dict[int, Accent]:
    """Accents at the time of the beat that plays them."""
    accents: dict[int, Accent] = {}
    for accent in plan.accents:
        beat = int(np.abs(plan.grid.beats_s[:-1] - accent.time_s).argmin())
        tick = beat * TICKS_PER_BEAT
        if 0 < tick < ending and tick not in hits:
            accents[tick] = Accent(float(plan.grid.beats_s[beat]), accent.strength)
    return accents


def _ending(plan: Plan, end: int, regions: tuple[Region, ...]) -> int:
    end_s = plan.grid.duration_s
    if plan.silences and plan.silences[-1].end_s >= end_s:  # the music ends before the clip does
        end_s = plan.silences[-1].start_s
        end = min(end, round(float(plan.grid.beats_at(end_s)) * TICKS_PER_BEAT))
    downbeats = [int(b) for b in plan.grid.downbeats if b == 0 or b * TICKS_PER_BEAT < end]
    start = downbeats[-1]
    if end_s - plan.grid.beats_s[start] < MIN_ENDING_S and len(downbeats) > 1:
        start = downbeats[-2]
    return max(start * TICKS_PER_BEAT, max(r.start for r in regions if r.start <= max(end - 1, 0)))
