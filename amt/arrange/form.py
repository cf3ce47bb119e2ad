"""The form of a piece in ticks: its bars and phrases, chord regions, hits and closing.

The arranger works on this frame rather than on the plan, so that metre, tempo and a clip that ends
inside a beat are dealt with once.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amt.chords import Chord
from amt.timing import grid_end_tick
from amt.types import EMOTION_VALENCE_AROUSAL, TICKS_PER_BEAT, Cut, FloatArray, Plan

PHRASE_BARS = 4
"""Bars of a phrase; a single bar left over joins the phrase before it."""

HIT_TOLERANCE_S = 0.05
"""How near to a beat a cut must fall to be played as a hit."""

MIN_CLOSING_S = 1.0
"""If the last bar is shorter, the closing begins a bar earlier."""


@dataclass(frozen=True, slots=True)
class Region:
    """A chord and the ticks during which it stands."""

    start: int
    end: int
    chord: Chord


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, its place in a phrase, and what the plan asks of it."""

    start: int
    end: int
    """Ticks; the end of the last bar is the end of the music."""
    phrase: int
    place: int
    """Number of the bar in its phrase, from 0."""
    notes: float
    """How many notes the density curve asks to begin in it."""
    valence: float
    arousal: float
    """Mean mood, each in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Form:
    """The frame of a piece."""

    bars: tuple[Bar, ...]
    regions: tuple[Region, ...]
    """In order and without gaps; neighbours have different chords."""
    hits: dict[int, Cut]
    """Cuts that fall on a beat, by tick."""
    closing: int
    """Tick on which the last chord is struck, to ring until the end."""
    end: int

    def region_at(self, tick: int) -> int:
        """Index of the region in which a tick lies."""
        return bisect_right(self.regions, tick, key=lambda region: region.start) - 1

    def bar_at(self, tick: int) -> int:
        """Index of the bar in which a tick lies."""
        return bisect_right(self.bars, tick, key=lambda bar: bar.start) - 1


def form_of(plan: Plan) -> Form:
    """The form of a valid plan."""
    end = grid_end_tick(plan.grid)
    bars = _bars(plan, end)
    regions = _regions(plan, end)
    return Form(bars, regions, _hits(plan, end), _closing(plan, bars, regions), end)


def _regions(plan: Plan, end: int) -> tuple[Region, ...]:
    starts: list[tuple[int, Chord]] = []
    for span in plan.chords:
        tick = span.beat * TICKS_PER_BEAT
        if tick < end and not (starts and starts[-1][1] == span.chord):
            starts.append((tick, span.chord))
    ends = [tick for tick, _ in starts[1:]] + [end]
    return tuple(Region(s, e, chord) for (s, chord), e in zip(starts, ends, strict=True))


def _bars(plan: Plan, end: int) -> tuple[Bar, ...]:
    starts = [int(b) * TICKS_PER_BEAT for b in plan.grid.downbeats]
    starts = [s for s in starts if s < end]
    edges = np.array([*starts, end])
    edges_s = plan.grid.seconds_at(edges / TICKS_PER_BEAT)
    mood = plan.emotion @ np.array(list(EMOTION_VALENCE_AROUSAL.values()))
    lengths_s = np.maximum(np.diff(edges_s), 1e-9)
    valence, arousal = (_integral(mood[:, i], edges_s) / lengths_s for i in range(2))
    notes = _integral(plan.density, edges_s)
    return tuple(
        Bar(s, int(e), phrase, place, float(n), float(v), float(a))
        for s, e, (phrase, place), n, v, a in zip(
            starts, edges[1:], _phrases(plan, len(starts)), notes, valence, arousal, strict=True
        )
    )


def _integral(curve: FloatArray, edges_s: FloatArray) -> FloatArray:
    """[N - 1] integral of a per-second curve [S] between [N] edges in seconds."""
    total = np.concatenate([[0.0], np.cumsum(curve)])
    return np.diff(np.interp(edges_s, np.arange(len(total)), total))


def _phrases(plan: Plan, n_bars: int) -> list[tuple[int, int]]:
    """Phrase and place of every bar: a phrase begins with a section and every four bars."""
    downbeats = plan.grid.downbeats
    section_bars = {
        int(np.searchsorted(downbeats, s.beat, side="right")) - 1 for s in plan.sections
    }
    edges = [*sorted({0, *(bar for bar in section_bars if bar < n_bars)}), n_bars]
    places: list[tuple[int, int]] = []
    phrase = -1
    for first, last in pairwise(edges):
        for bar in range(last - first):
            if bar % PHRASE_BARS == 0 and (bar == 0 or last - first - bar > 1):
                phrase, start = phrase + 1, bar
            places.append((phrase, bar - start))
    return places


def _hits(plan: Plan, end: int) -> dict[int, Cut]:
    beats_s = plan.grid.beats_s[:-1]
    hits: dict[int, Cut] = {}
    for cut in plan.cuts:
        beat = int(np.abs(beats_s - cut.time_s).argmin())
        tick = beat * TICKS_PER_BEAT
        if abs(beats_s[beat] - cut.time_s) <= HIT_TOLERANCE_S and 0 < tick < end:
            hits[tick] = cut
    return hits


def _closing(plan: Plan, bars: tuple[Bar, ...], regions: tuple[Region, ...]) -> int:
    bar = bars[-1]
    start_s = float(plan.grid.seconds_at(bar.start / TICKS_PER_BEAT))
    if plan.grid.duration_s - start_s < MIN_CLOSING_S and len(bars) > 1:
        bar = bars[-2]
    return max(bar.start, regions[-1].start)
