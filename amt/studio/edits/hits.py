"""Hit points of a plan: bar lines that move to moments, by a change of tempo around them.

The music keeps its bars, chords and notes; only the times of its beats change. Fixed points are the
beginning, the end and other hit points, and also the strong cuts that a bar line meets, where the
tempo up to them need not change by more than :data:`MOST_CHANGE`. Between fixed points the beats
are placed by the linear program of :mod:`amt.timing.refine`, which keeps other cuts that beats hit
as far as it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from amt.errors import GridError, InputError
from amt.options.music import MAX_BPM, MIN_BPM
from amt.timing import GridOptions
from amt.timing.hits import is_hit, is_strong
from amt.timing.refine import TempoSection, beat_times
from amt.types import Accent, FloatArray, Plan, TimeGrid

NEAR_S = 0.08
"""Two hit points this near are one: two frames of film."""
SAME_S = 0.002
"""A hit point is named by its time, to this."""
ACCENT_S = 0.5
"""Another accent this near to a hit point gives way to it, as in :mod:`amt.spotting.requests`."""
MOST_CHANGE = 1.15
"""Factor by which tempo changes at most so that a cut beside a hit point stays met; set by hand: it
is twice the just noticeable difference of tempo in music, about 6 to 8 % (Drake and Botte 1993)."""

_Anchor = tuple[int, float]
"""A beat and the time at which it is."""


def hit_added(plan: Plan, time_s: float) -> Plan:
    """A plan in which a bar line falls on a moment.

    Raises:
        InputError: no bar line can be there.
    """
    _check_place(plan, time_s)
    if any(abs(hit_s - time_s) < NEAR_S for hit_s in plan.hits_s):
        raise InputError(f"there is a hit point at {time_s:.2f} s already: move that one")
    return _with_hit(plan, _nearest_bar_line(plan, time_s), time_s)


def hit_moved(plan: Plan, time_s: float, to_s: float) -> Plan:
    """A plan in which a hit point, and the bar line on it, is at another moment.

    Raises:
        InputError: there is no such hit point, or no bar line can be there.
    """
    _check_place(plan, time_s)
    _check_place(plan, to_s)
    beat = _bar_line_at(plan, _found(plan, time_s))
    plan = hit_removed(plan, time_s)
    if any(abs(hit_s - to_s) < NEAR_S for hit_s in plan.hits_s):
        raise InputError(f"there is a hit point at {to_s:.2f} s already")
    if beat is not None and _tempo_problem(plan, beat, to_s):
        beat = None  # another bar line is nearer
    return _with_hit(plan, _nearest_bar_line(plan, to_s) if beat is None else beat, to_s)


def hit_removed(plan: Plan, time_s: float) -> Plan:
    """A plan in which a moment is no hit point; the tempo stays as it is.

    Raises:
        InputError: there is no such hit point.
    """
    gone = _found(plan, time_s)
    return replace(
        plan,
        hits_s=tuple(hit_s for hit_s in plan.hits_s if hit_s != gone),
        accents=tuple(accent for accent in plan.accents if abs(accent.time_s - gone) > SAME_S),
    )


def _found(plan: Plan, time_s: float) -> float:
    near = [hit_s for hit_s in plan.hits_s if abs(hit_s - time_s) <= SAME_S]
    if not near:
        raise InputError(f"there is no hit point at {time_s:.3f} s")
    return near[0]


def _check_place(plan: Plan, time_s: float) -> None:
    end_s = plan.grid.duration_s
    if not 0 < time_s < end_s:
        raise InputError(f"a hit point must lie in the piece, between 0 and {end_s:.1f} s")


def _bar_line_at(plan: Plan, time_s: float) -> int | None:
    """The bar line on a moment, as a beat."""
    downbeats = plan.grid.downbeats
    distance_s = np.abs(plan.grid.beats_s[downbeats] - time_s)
    nearest = int(distance_s.argmin())
    return int(downbeats[nearest]) if is_hit(float(distance_s[nearest]), 0.0) else None


def _nearest_bar_line(plan: Plan, time_s: float) -> int:
    """The bar line that can be at a moment with the least change of tempo.

    Raises:
        InputError: none can; the sentence says what the nearest would take.
    """
    free = {beat for beat, _ in _anchors(plan)}
    lines = [int(beat) for beat in plan.grid.downbeats if int(beat) not in free]
    lines.sort(key=lambda beat: abs(float(plan.grid.beats_s[beat]) - time_s))
    problems = []
    for beat in lines[:3]:
        problem = _tempo_problem(plan, beat, time_s)
        if not problem:
            return beat
        problems.append(problem)
    raise InputError(problems[0] if problems else f"no bar line is free to move to {time_s:.2f} s")


def _anchors(plan: Plan) -> list[_Anchor]:
    """The beats that stay where they are, by time: both ends and hit points."""
    grid = plan.grid
    found = {0: 0.0, grid.n_beats: grid.duration_s}
    for hit_s in plan.hits_s:
        beat = _bar_line_at(plan, hit_s)
        if beat is not None:
            found[beat] = float(grid.beats_s[beat])
    return sorted(found.items())


def _around(plan: Plan, beat: int) -> tuple[_Anchor, _Anchor]:
    """The fixed points on both sides of a beat."""
    anchors = _anchors(plan)
    before = [anchor for anchor in anchors if anchor[0] < beat]
    after = [anchor for anchor in anchors if anchor[0] > beat]
    return before[-1], after[0]


def _near(plan: Plan, beat: int, time_s: float) -> tuple[_Anchor, _Anchor]:
    """The same, or nearer strong cuts that a bar line meets and can go on meeting."""
    grid = plan.grid
    before, after = _around(plan, beat)
    for cut in plan.cuts:
        line = _bar_line_at(plan, cut.time_s) if is_strong(cut) else None
        if line is None or line == beat:
            continue
        line_s = float(grid.beats_s[line])
        was_s, is_s = float(grid.beats_s[beat]) - line_s, time_s - line_s
        if was_s * is_s <= 0 or not 1 / MOST_CHANGE <= was_s / is_s <= MOST_CHANGE:
            continue
        if before[0] < line < beat:
            before = (line, line_s)
        elif beat < line < after[0]:
            after = (line, line_s)
    return before, after


def _bounds(grid: TimeGrid) -> tuple[float, float]:
    """Slowest and fastest tempo that a change may lead to."""
    tempos = grid.tempo_bpm
    return min(MIN_BPM, float(tempos.min())), max(MAX_BPM, float(tempos.max()))


def _tempo_problem(plan: Plan, beat: int, time_s: float) -> str:
    """Why a bar line cannot be at a moment; empty where it can."""
    low, high = _bounds(plan.grid)
    (first, first_s), (last, last_s) = _around(plan, beat)
    for start, start_s, end, end_s in (
        (first, first_s, beat, time_s),
        (beat, time_s, last, last_s),
    ):
        beats = (plan.grid.end_beat if end == plan.grid.n_beats else end) - start
        tempo = 60 * beats / (end_s - start_s) if end_s > start_s else float("inf")
        if not low <= tempo <= high:
            need = f"{tempo:.0f}" if tempo < 1000 else "over 1000"
            return (
                f"no bar line can be at {time_s:.2f} s: it would take a tempo of {need} beats a "
                f"minute, and {low:.0f} to {high:.0f} are possible; move other hit points, or "
                "compose a new take"
            )
    return ""


def _with_hit(plan: Plan, beat: int, time_s: float) -> Plan:
    """A plan whose bar line on a beat is at a moment, a hit point with an accent."""
    around = _near(plan, beat, time_s)
    times_s = _retimed(plan, [around[0], (beat, time_s), around[1]])
    accents = [one for one in plan.accents if abs(one.time_s - time_s) >= ACCENT_S]
    accents.append(Accent(time_s, 1.0))
    return replace(
        plan,
        grid=replace(plan.grid, beats_s=times_s),
        hits_s=tuple(sorted((*plan.hits_s, time_s))),
        accents=tuple(sorted(accents, key=lambda one: one.time_s)),
    )


def _retimed(plan: Plan, anchors: Sequence[_Anchor]) -> FloatArray:
    """[B + 1] times of the beats with those between the anchors placed anew."""
    grid = plan.grid
    low, high = _bounds(grid)
    options = GridOptions(min_bpm=low, max_bpm=max(high, 1.25 * low))
    times_s = grid.beats_s.copy()
    sections = [_section(plan, start, end) for start, end in pairwise(anchors)]
    try:
        placed = beat_times(sections, options)
    except (GridError, AssertionError):  # a beat that is cut short, at a bound
        beats, seconds = zip(*anchors, strict=True)
        placed = np.interp(np.arange(beats[0], beats[-1] + 1), beats, seconds)
    times_s[anchors[0][0] : anchors[-1][0] + 1] = placed
    times_s[anchors[0][0]], times_s[anchors[-1][0]] = anchors[0][1], anchors[-1][1]
    return times_s


def _section(plan: Plan, start: _Anchor, end: _Anchor) -> TempoSection:
    """The beats between two anchors, with the cuts that they hit now or may hit then."""
    grid = plan.grid
    (first, first_s), (last, last_s) = start, end
    edges = [*grid.downbeats.tolist(), grid.n_beats]
    bars = grid.bars[edges.index(first) : edges.index(last)]
    last_beat = grid.last_beat if last == grid.n_beats else 1.0
    hits = []
    for cut in plan.cuts:
        beat = int(np.abs(grid.beats_s - cut.time_s).argmin())
        inside = first < beat < last and first_s < cut.time_s < last_s
        if inside and is_hit(float(grid.beats_s[beat]), cut.time_s):
            hits.append((float(beat - first), cut.time_s, cut.strength))
    length = last - first - 1 + last_beat
    return TempoSection(first_s, last_s, bars, last_beat, tuple(hits), (last_s - first_s) / length)
