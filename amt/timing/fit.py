"""A grid fitted to the cuts of a video.

Three steps, each exact for what it decides:

1. :mod:`amt.timing.lattice` with every tempo and few rates draws the sections and their tempi;
2. the same with one tempo and more rates counts the beats of a section and draws its bars;
3. :mod:`amt.timing.refine` places the beats, free of any raster.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from amt.options.music import MAX_BPM, MIN_BPM
from amt.timing.bars import draw_bars
from amt.timing.gentle import fit_gentle
from amt.timing.hits import are_hits, is_strong
from amt.timing.lattice import (
    CELLS,
    HALF_BEAT_SHARE,
    NEVER,
    PICKUP_PRICE,
    QUARTER_BEAT_SHARE,
    STEADY_METRE_PRICE,
    BestPath,
    Events,
    FloatCells,
    Lattice,
)
from amt.timing.options import GridOptions, check_input
from amt.timing.refine import TempoSection, beat_times
from amt.timing.rests import Rests, fit_between_rests
from amt.timing.steady import constant_tempo
from amt.types import BoolArray, Cut, FloatArray, IntArray, TimeGrid

BEAT_REWARD, STRENGTH_REWARD, DOWNBEAT_REWARD = 1.1, 0.1, 1.4
"""Earned by a beat on any cut; besides, for a unit of its strength; besides, by a downbeat on a
strong cut. Units are those of the prices of :mod:`amt.timing.lattice`."""
HIT_REWARD = 50.0
"""Earned by a downbeat on a hit point set by hand: it outweighs all cuts around it."""

EXACT_S = 0.005
"""With a fixed tempo, a hit point is met if a downbeat is this near; else the phase is moved. It is
stricter than a hit, because a user who types a moment expects it exactly."""

MIN_TEMPO_SECTION_S = 4.0
"""Seconds between two changes of section tempo, at least; the strongest cuts are served first."""
MIN_HIT_SECTION_S = 1.0
"""The same before and after a hit point set by hand, which is to be met exactly."""
OPENING_S = 4.0
"""Seconds from the start in which a strong cut may end an opening of a tempo of its own."""
MOST_OPENINGS = 2
"""Openings that are tried: each costs a fit of the whole clip."""
SHORTEST_PICKUP_S = 0.2
"""Seconds of a single beat before that cut at least."""


@dataclass(frozen=True, slots=True)
class Raster:
    """How finely tempo is divided."""

    spacing: float
    """Difference of log tempo between candidates for a section."""
    plan_rates: int
    """Rates for drawing the sections."""
    count_rates: int
    """Rates for counting the beats of one."""


FINE, COARSE = Raster(0.02, 5, 9), Raster(0.03, 3, 5)
FINE_EVENTS = 300
"""Clips with more events take the coarse raster: a film must not take minutes or gigabytes."""
FINEST = 4
"""Parts of a beat on which an event may fall."""
NEAR_TEMPI = (-0.02, 0.0, 0.02)
"""Log tempi around that of the section, tried in counting its beats."""


def fit_grid(
    cuts: Sequence[Cut],
    duration_s: float,
    *,
    options: GridOptions,
    hits: Sequence[float] = (),
    rests: Rests = (),
) -> TimeGrid:
    """A grid whose beats and bars fall on the cuts of a video.

    Cuts fall on beats and strong cuts (:func:`amt.timing.hits.is_strong`) on downbeats, as many as
    the bounds of ``options`` allow; where there are too many, their strength decides. Bars have
    ``beats_per_bar`` beats except where a strong cut asks for another number. The tempo may change
    at strong cuts, at a price; within such a section it bends less than a listener notices. The
    music ends with the video, on a bar line or a beat if that can be.

    Args:
        cuts: Changes of shot, sorted by time, inside the clip.
        duration_s: Length of the clip.
        options: Bounds and preferences.
        hits: Times in seconds that must fall on a downbeat if it is at all possible.
        rests: Start and end of stretches without music, in order: beats and bars begin anew after
            each (:mod:`amt.timing.rests`), unless tempi are held.

    Returns:
        A grid from 0 s to ``duration_s``. The first bar may be a pickup. With ``fixed_bpm`` every
        beat has that tempo; only where hit points fall between its beats is the first beat longer
        or shorter than the others, which sets the phase.

    Raises:
        GridError: Cuts are out of order, or something lies outside the clip.
    """
    check_input(cuts, duration_s, hits)
    if rests and options.fixed_bpm is None and not options.is_gentle:
        anew = partial(_fit_stretch, options)
        return fit_between_rests(cuts, duration_s, hits, rests, anew)
    events = gather_events(cuts, duration_s, hits)
    if not len(events.beat_reward):
        return _steady(duration_s, options)
    if options.fixed_bpm is not None:
        return _fit_fixed(events, 60 / options.fixed_bpm, options, hits)
    if options.is_gentle:
        return fit_gentle(events, options)
    grids = [_fit_free(events, options)]
    for opening_s in events.times_s[1:-1][events.downbeat_reward > 0][:MOST_OPENINGS]:
        missed = np.abs(grids[0].beats_s[grids[0].downbeats] - opening_s).min()
        if SHORTEST_PICKUP_S <= opening_s <= OPENING_S and not are_hits(missed):
            grids.append(_fit_after(float(opening_s), cuts, duration_s, options, hits))
    return max(grids, key=lambda grid: earned(grid, events))


def _fit_stretch(
    options: GridOptions, cuts: Sequence[Cut], duration_s: float, hits: Sequence[float]
) -> TimeGrid:
    return fit_grid(cuts, duration_s, options=options, hits=hits)


def _fit_free(events: Events, options: GridOptions) -> TimeGrid:
    if not len(events.beat_reward):
        return _steady(float(events.times_s[-1]), options)
    sections = fit_sections(events, options)
    times_s = beat_times(sections, options)
    bars = [n for section in sections for n in section.bars]
    return TimeGrid(times_s, tuple(bars), sections[-1].last_beat)


def _fit_after(
    opening_s: float,
    cuts: Sequence[Cut],
    duration_s: float,
    options: GridOptions,
    hits: Sequence[float],
) -> TimeGrid:
    """A grid with a downbeat on a cut near the start, and any even tempo before it.

    No pulse is established yet, so the beats of the opening are as long as they must be, as near
    as can be to those after it.
    """
    later = [replace(c, time_s=c.time_s - opening_s) for c in cuts if c.time_s > opening_s]
    later_hits = [hit_s - opening_s for hit_s in hits if hit_s > opening_s]
    rest_s = duration_s - opening_s
    rest = _fit_free(gather_events(later, rest_s, later_hits), options)
    n_beats = max(round(opening_s / rest.beat_length_s[0]), math.ceil(opening_s * MIN_BPM / 60))
    n_beats = max(1, min(n_beats, math.floor(opening_s * MAX_BPM / 60)))
    opening = np.arange(n_beats) * opening_s / n_beats
    pickup = n_beats % options.beats_per_bar
    bars = (
        *((pickup,) if pickup else ()),
        *[options.beats_per_bar] * (n_beats // options.beats_per_bar),
    )
    beats_s = np.concatenate([opening, opening_s + rest.beats_s])
    return TimeGrid(beats_s, (*bars, *rest.bars), rest.last_beat)


def earned(grid: TimeGrid, events: Events) -> float:
    """What a grid earns by the events on its downbeats, beats, and halves and quarters of beats."""
    times_s = events.times_s[1:-1]
    value = np.zeros(len(times_s))
    for parts, share in ((4, QUARTER_BEAT_SHARE), (2, HALF_BEAT_SHARE), (1, 1.0)):
        met = _near(times_s, grid.seconds_at(np.arange(parts * grid.n_beats) / parts))
        value[met] = share * events.beat_reward[met]
    on_downbeat = _near(times_s, grid.beats_s[grid.downbeats])
    return float(value.sum() + events.downbeat_reward[on_downbeat].sum())


def _near(times_s: FloatArray, points_s: FloatArray) -> BoolArray:
    """Whether each time is a hit on the nearest of some points, both sorted."""
    after = np.searchsorted(points_s, times_s).clip(0, len(points_s) - 1)
    distance_s = [np.abs(times_s - points_s[i]) for i in (after, np.maximum(after - 1, 0))]
    return are_hits(np.minimum(*distance_s))


def fit_sections(events: Events, options: GridOptions) -> list[TempoSection]:
    """Sections of one tempo each, with their beats counted, from start to end."""
    raster = FINE if len(events.beat_reward) <= FINE_EVENTS else COARSE
    edges, tempi = _plan_sections(events, raster, options)
    times_s = events.times_s
    sections = []
    for a, b, beat_s in zip(edges, edges[1:], tempi, strict=False):
        inside = slice(a, b - 1)
        local = Events(
            times_s=times_s[a : b + 1],
            beat_reward=events.beat_reward[inside],
            downbeat_reward=events.downbeat_reward[inside],
            boundary=np.zeros(b - 1 - a, dtype=np.bool_),
        )
        counted = _count_beats(
            local, beat_s, raster, options, first=a == 0, last=b == len(times_s) - 1
        )
        sections += _divided_at_hits(counted, options)
    return sections


def _divided_at_hits(section: TempoSection, options: GridOptions) -> list[TempoSection]:
    """The section in parts that meet at hit points set by hand, so that beats fall on them exactly.

    A hit point whose part would leave the bounds of tempo stays inside its section.
    """
    bar_lines = np.concatenate([[0], np.cumsum(section.bars)])
    length = section.n_beats - 1 + section.last_beat
    parts: list[TempoSection] = []
    first, start_s = 0, section.start_s
    edges = [(b, t) for b, t, weight in section.hits if weight >= HIT_REWARD and b in bar_lines]
    for beat, time_s in [*edges, (section.n_beats, section.end_s)]:
        is_last = beat == section.n_beats
        spans = ((time_s - start_s, beat - first), (section.end_s - time_s, length - beat))
        if not is_last and not all(_in_bounds(s, beats, options) for s, beats in spans):
            continue
        low, high = np.searchsorted(bar_lines, [first, beat])
        parts.append(
            replace(
                section,
                start_s=start_s,
                end_s=time_s,
                bars=section.bars[low:high],
                last_beat=section.last_beat if is_last else 1.0,
                hits=tuple((b - first, t, w) for b, t, w in section.hits if first < b < beat),
            )
        )
        first, start_s = round(beat), time_s
    return parts


def _in_bounds(seconds: float, beats: float, options: GridOptions) -> bool:
    return options.shortest_beat_s * beats <= seconds <= options.longest_beat_s * beats


def gather_events(cuts: Sequence[Cut], duration_s: float, hits: Sequence[float] = ()) -> Events:
    """Cuts and hit points as events of the lattice; a hit at 0 s is met by the first beat."""
    wanted = [
        (
            cut.time_s,
            BEAT_REWARD + STRENGTH_REWARD * cut.strength,
            DOWNBEAT_REWARD * is_strong(cut),
        )
        for cut in cuts
    ]
    wanted += [(hit_s, HIT_REWARD, HIT_REWARD) for hit_s in hits if hit_s > 0]
    times_s, beat, downbeat = np.array(sorted(wanted)).reshape(-1, 3).T
    return Events(
        times_s=np.concatenate([[0.0], times_s, [duration_s]]),
        beat_reward=beat,
        downbeat_reward=downbeat,
        boundary=_section_boundaries(times_s, np.where(downbeat > 0, beat, 0), duration_s),
    )


def _section_boundaries(times_s: FloatArray, strengths: FloatArray, duration_s: float) -> BoolArray:
    """The strongest events that keep :data:`MIN_TEMPO_SECTION_S` from each other and both ends."""
    taken = [0.0, duration_s]
    chosen = np.zeros(len(times_s), dtype=np.bool_)
    for i in np.argsort(-strengths, kind="stable"):
        j = bisect(taken, times_s[i])
        room_s = min(times_s[i] - taken[j - 1], taken[min(j, len(taken) - 1)] - times_s[i])
        needed_s = MIN_HIT_SECTION_S if strengths[i] >= HIT_REWARD else MIN_TEMPO_SECTION_S
        if strengths[i] > 0 and room_s >= needed_s:
            taken.insert(j, float(times_s[i]))
            chosen[i] = True
    return chosen


def _plan_sections(
    events: Events, raster: Raster, options: GridOptions
) -> tuple[list[int], list[float]]:
    """Indices in ``events.times_s`` where sections begin and end, and their beat lengths."""
    ratio = options.longest_beat_s / options.shortest_beat_s
    n_tempi = math.ceil(math.log(ratio) / raster.spacing) + 1
    beat_s = np.geomspace(options.shortest_beat_s, options.longest_beat_s, n_tempi)
    path = _lattice(beat_s, raster.plan_rates, options, first=True, last=True).solve(events)
    changes = np.flatnonzero(np.diff(path.tempo)) + 1
    edges = [0, *changes.tolist(), len(events.times_s) - 1]
    return edges, [float(beat_s[path.tempo[a]]) for a in edges[:-1]]


def _lattice(
    beat_s: FloatArray, n_rates: int, options: GridOptions, *, first: bool, last: bool
) -> Lattice:
    """A lattice for a section, or for the whole clip where it is both first and last."""
    slowest = np.maximum(-options.tempo_tolerance, beat_s / options.longest_beat_s - 1)
    fastest = np.minimum(options.tempo_tolerance, beat_s / options.shortest_beat_s - 1)
    start = np.full(options.beats_per_bar * CELLS, NEVER)
    if first:
        start[::CELLS] = -PICKUP_PRICE
    start[0] = 0
    return Lattice(
        beat_s=beat_s,
        rates=np.linspace(slowest, fastest, n_rates, axis=1),
        rate_bounds=np.stack([slowest, fastest], axis=1),
        max_step=options.max_step,
        beats_per_bar=options.beats_per_bar,
        preferred_beat_s=options.preferred_beat_s,
        start=start,
        pinned_end=not last,
    )


def _count_beats(
    events: Events,
    beat_s: float,
    raster: Raster,
    options: GridOptions,
    *,
    first: bool,
    last: bool,
) -> TempoSection:
    """Find the number of beats of a section, its bars, and the events that its beats hit."""
    tempi = np.clip(beat_s * np.exp(NEAR_TEMPI), options.shortest_beat_s, options.longest_beat_s)
    path = _lattice(np.unique(tempi), raster.count_rates, options, first=first, last=last).solve(
        events
    )
    beat_s = float(np.unique(tempi)[path.tempo[0]])
    start_s, end_s = float(events.times_s[0]), float(events.times_s[-1])
    # Cells may leave the tempo bounds by half a cell; the count must not.
    fewest, most = (
        (end_s - start_s) / b for b in (options.longest_beat_s, options.shortest_beat_s)
    )
    length = float(np.clip(path.position[-1], fewest, most))
    if not last:
        length = float(np.clip(round(length), math.ceil(fewest), math.floor(most)))
    n_beats = max(1, math.ceil(length - 0.5 / CELLS))
    n_beats += n_beats < fewest
    beats = np.rint(path.position[1:-1]).astype(np.int64)
    pickup = round(-path.start) % options.beats_per_bar
    downbeats = [*beats[path.claimed].tolist(), *([] if last else [n_beats])]
    bars = draw_bars(downbeats, n_beats, options.beats_per_bar, pickup)
    return TempoSection(
        start_s=start_s,
        end_s=end_s,
        bars=bars,
        last_beat=min(1.0, length - (n_beats - 1)),
        hits=_events_hit(events, path, beat_s, n_beats),
        beat_s=beat_s,
    )


def _events_hit(
    events: Events, path: BestPath, beat_s: float, n_beats: int
) -> tuple[tuple[float, float, float], ...]:
    """Beat, time and weight of the events that the path hits, on quarters of a beat."""
    position = path.position[1:-1]
    beats = np.where(path.claimed, np.rint(position), np.rint(position * FINEST) / FINEST)
    met = are_hits((position - beats) * beat_s)
    share = np.select(
        [beats % 1 == 0, beats % 0.5 == 0], [1.0, HALF_BEAT_SHARE], QUARTER_BEAT_SHARE
    )
    weights = events.beat_reward * share + np.where(path.claimed, events.downbeat_reward, 0)
    return tuple(
        (float(beats[i]), float(events.times_s[i + 1]), float(weights[i]))
        for i in np.flatnonzero(met & (beats > 0) & (beats < n_beats))
    )


def _steady(duration_s: float, options: GridOptions) -> TimeGrid:
    return constant_tempo(
        duration_s,
        options.fixed_bpm or 60 / options.preferred_beat_s,
        (options.min_bpm, options.max_bpm),
        options.beats_per_bar,
        whole_bars=options.fixed_bpm is None,
    )


def _fit_fixed(
    events: Events, beat_s: float, options: GridOptions, hits: Sequence[float]
) -> TimeGrid:
    """A grid of one tempo, held from the first beat on unless that would miss a hit point."""
    grid = _fit_phase(events, beat_s, options, whole_beats=True)
    downbeats_s = grid.beats_s[grid.downbeats]
    if all(np.abs(downbeats_s - hit_s).min() <= EXACT_S for hit_s in hits):
        return grid
    return _fit_phase(events, beat_s, options, whole_beats=False)


def _fit_phase(
    events: Events, beat_s: float, options: GridOptions, *, whole_beats: bool
) -> TimeGrid:
    """A grid whose tempo is held from the second beat on, or from the first (``whole_beats``)."""
    start, first_lines = _phases(beat_s, options)
    if whole_beats:
        start[np.arange(start.size) % CELLS > 0] = NEVER
    lattice = Lattice(
        beat_s=np.array([beat_s]),
        rates=np.zeros((1, 1)),
        rate_bounds=np.zeros((1, 2)),
        max_step=0.0,
        beats_per_bar=options.beats_per_bar,
        preferred_beat_s=beat_s,
        start=start,
        metre_price=STEADY_METRE_PRICE,
    )
    path = lattice.solve(events)
    q = round(path.start * CELLS)
    # Positions from the bar line at or before the start; the first beat ends at first_line.
    position = path.start + path.position
    first_line = int(first_lines[q])
    first_s = (first_line - path.start) * beat_s
    events_s = events.times_s[1:-1]
    beats = np.rint(position[1:-1]).astype(np.int64)
    error_s = events_s - (first_s + (beats - first_line) * beat_s)
    met = are_hits(error_s) & (beats >= first_line)
    if met.any() and not whole_beats:
        first_s += _weighted_median(error_s[met], events.beat_reward[met])
    first_s = float(np.clip(first_s, options.shortest_beat_s, options.longest_beat_s))
    duration_s = float(events.times_s[-1])
    if first_s >= duration_s:
        return _steady(duration_s, options)
    rest = (duration_s - first_s) / beat_s
    n_beats = 1 + max(1, math.ceil(rest - 0.5 / CELLS))
    lines_s = first_s + np.arange(n_beats - 1) * beat_s
    bar_line = -(-first_line // options.beats_per_bar) * options.beats_per_bar
    bars = draw_bars(
        (beats[path.claimed] - first_line + 1).tolist(),
        n_beats,
        options.beats_per_bar,
        pickup=bar_line - first_line + 1,
    )
    last_beat = min(1.0, rest - (n_beats - 2))
    return TimeGrid(np.concatenate([[0.0], lines_s, [duration_s]]), bars, last_beat)


def _phases(beat_s: float, options: GridOptions) -> tuple[FloatCells, IntArray]:
    """[Q] value of beginning at each position in the bar, and the beat on which beat 0 ends.

    The first beat alone is stretched or shortened to reach the phase, within the tempo bounds.
    """
    position = np.arange(options.beats_per_bar * CELLS) / CELLS
    line = np.floor(position).astype(np.int64) + 1
    line += (line - position) * beat_s < options.shortest_beat_s - 1e-9
    allowed = (line - position) * beat_s <= options.longest_beat_s + 1e-9
    start = np.where(allowed, np.float32(-PICKUP_PRICE), NEVER)
    start[0] = 0
    return start, line


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][half])
