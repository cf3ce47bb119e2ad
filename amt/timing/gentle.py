"""A grid that a composer can edit: one tempo from strong event to strong event, few of them.

Sections begin on strong cuts and hit points. Each has a whole number of beats of one length; cuts
inside it are met where they fall on its beats. Which events divide the piece, and how many beats
each section has, is found by dynamic programming over the strong events: the state is the event and
the tempo before it, of which the :data:`BEAM` best are kept. Rewards and prices have the unit of
:mod:`amt.timing.lattice`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from amt.timing.bars import draw_bars
from amt.timing.lattice import (
    END_ON_BAR,
    END_ON_BEAT,
    FREE_TEMPO,
    QUARTER_BEAT_SHARE,
    STEADY_METRE_PRICE,
    TEMPO_PRICE,
    Events,
)
from amt.timing.options import GridOptions
from amt.timing.refine import SAFE_HIT_S
from amt.types import FloatArray, TimeGrid

CHANGE_PRICE, JUMP_PRICE = 0.3, 3.0
"""Price of a new tempo, and of its distance from the old one in log tempo: a change of 25 % costs
about what a strong cut on a beat earns. Chosen by hand on the synthetic cut lists of seed 100 of
:mod:`experiments.fit.tempo_maps`, and so are the other constants."""
HALF_BEAT_SHARE = 0.7
"""Share of a beat's reward that a half-beat earns: more than where tempo may bend, because here
most cuts that are met at all are met between beats."""
SAME_TEMPO = 0.003
"""Difference of log tempo below which two tempi are one."""
NEAR_TEMPO = 0.01
"""Difference of log tempo up to which two sections may become one: nobody notices 1 %."""
SHORTEST_S, LONGEST_S = 3.0, 90.0
"""Seconds of a section; longer ones only where no strong event divides them."""
OPEN_TEMPI = 160
"""Tempi tried in the last section, which may end anywhere."""
BEAM = 8
"""Ways kept for each event and section."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A section of one tempo."""

    start_s: float
    end_s: float
    beat_s: float
    length: float
    """In beats; whole but in the last section."""
    downbeats: tuple[int, ...]
    """Beats that begin a bar though the regular bars from the start would not have it."""
    value: float


@dataclass(frozen=True, slots=True)
class _Way:
    """Sections from the start to an event."""

    value: float
    parts: tuple[_Part, ...] = ()


def fit_gentle(events: Events, options: GridOptions) -> TimeGrid:
    """A grid with one tempo from strong event to strong event, and few changes of it.

    Args:
        events: cuts and hit points between start and end.
        options: bounds and preferences of tempo.
    """
    times_s = events.times_s
    last = len(times_s) - 1
    ways: dict[int, list[_Way]] = {0: [_Way(0.0)]}
    ends: list[_Way] = []
    for b in (*(np.flatnonzero(events.downbeat_reward > 0) + 1).tolist(), last):
        ends = [
            _extended(way, part)
            for a in _starts(list(ways), times_s, b)
            for part in _parts(events, a, b, options)
            for way in ways[a]
        ]
        if ends and b != last:
            ways[b] = _best(ends)
    return _grid(_joined(max(ends, key=lambda way: way.value).parts, events), options)


def _starts(before: list[int], times_s: FloatArray, b: int) -> list[int]:
    """Events on which a section that ends on event ``b`` may begin.

    Args:
        before: events that a way leads to, from 0 on.
        times_s: of all events.
        b: the event, or the end.
    """
    near = [a for a in before if SHORTEST_S <= times_s[b] - times_s[a] <= LONGEST_S]
    far = [a for a in before if times_s[b] - times_s[a] > LONGEST_S]
    return near or far[-1:] or (before[:1] if b == len(times_s) - 1 else [])


def _extended(way: _Way, part: _Part) -> _Way:
    """A way with one more section."""
    price = 0.0
    if way.parts:
        jump = abs(math.log(part.beat_s / way.parts[-1].beat_s))
        price = CHANGE_PRICE + JUMP_PRICE * jump if jump > SAME_TEMPO else 0.0
    return _Way(way.value + part.value - price, (*way.parts, part))


def _joined(parts: tuple[_Part, ...], events: Events) -> tuple[_Part, ...]:
    """Sections of which neighbours of nearly one tempo are one, where no event is lost by it."""
    joined = list(parts[:1])
    for part in parts[1:]:
        both = _together(joined[-1], part)
        near = all(abs(math.log(both.beat_s / p.beat_s)) < NEAR_TEMPO for p in (joined[-1], part))
        if near and _earned([both], events) >= _earned([joined[-1], part], events):
            joined[-1] = both
        else:
            joined.append(part)
    return tuple(joined)


def _together(one: _Part, other: _Part) -> _Part:
    """Two sections as one, with a downbeat where the second began."""
    seam = round(one.length)
    downbeats = (*one.downbeats, seam, *(seam + beat for beat in other.downbeats))
    length = one.length + other.length
    beat_s = (other.end_s - one.start_s) / length
    return _Part(one.start_s, other.end_s, beat_s, length, downbeats, one.value + other.value)


def _earned(parts: list[_Part], events: Events) -> float:
    """What the beats of some sections earn by the events inside them, and between them."""
    value = 0.0
    for number, part in enumerate(parts):
        first, last = np.searchsorted(events.times_s, [part.start_s, part.end_s])
        times_s = events.times_s[first + (number == 0) : last]
        rewards = events.beat_reward[first - 1 + (number == 0) : last - 1]
        position = (times_s - part.start_s) / part.beat_s
        value += float((_shares(position[None], np.array([part.beat_s]))[0] * rewards).sum())
    return value


def _best(ways: list[_Way]) -> list[_Way]:
    """The best ways, of different last tempi."""
    kept: list[_Way] = []
    for way in sorted(ways, key=lambda w: -w.value):
        beat_s = way.parts[-1].beat_s
        if all(abs(math.log(beat_s / k.parts[-1].beat_s)) > SAME_TEMPO for k in kept):
            kept.append(way)
        if len(kept) == BEAM:
            break
    return kept


def _parts(events: Events, a: int, b: int, options: GridOptions) -> Iterator[_Part]:
    """The best sections from event ``a`` to event ``b``, of different numbers of beats."""
    start_s, end_s = float(events.times_s[a]), float(events.times_s[b])
    is_last = b == len(events.times_s) - 1
    lengths = _lengths(end_s - start_s, options, is_last=is_last)
    beat_s = (end_s - start_s) / lengths
    inside = slice(a, b - 1)
    position = (events.times_s[a + 1 : b] - start_s) / beat_s[:, None]
    value = (_shares(position, beat_s) * events.beat_reward[inside]).sum(axis=1)
    distance = np.log(beat_s / options.preferred_beat_s) / FREE_TEMPO
    value -= TEMPO_PRICE * (end_s - start_s) * distance**4
    if is_last:
        whole = np.abs(lengths - np.rint(lengths)) < 1e-6
        bars = np.rint(lengths) % options.beats_per_bar == 0
        value += np.select([whole & bars, whole], [END_ON_BAR, END_ON_BEAT], 0.0)
    else:
        value += events.beat_reward[b - 1] + events.downbeat_reward[b - 1]
    for i in np.argsort(-value, kind="stable")[: 2 * BEAM]:
        claimed, gain = _downbeats(events, inside, position[i], float(beat_s[i]), options)
        end = 0 if is_last else round(float(lengths[i])) - (claimed[-1] if claimed else 0)
        gain -= STEADY_METRE_PRICE * (end % options.beats_per_bar != 0 and (a > 0 or bool(claimed)))
        yield _Part(
            start_s, end_s, float(beat_s[i]), float(lengths[i]), claimed, float(value[i]) + gain
        )


def _lengths(seconds: float, options: GridOptions, *, is_last: bool) -> FloatArray:
    """Numbers of beats that a section may have."""
    fewest, most = seconds / options.longest_beat_s, seconds / options.shortest_beat_s
    whole = np.arange(max(1, math.ceil(fewest)), max(1, math.floor(most)) + 1, dtype=np.float64)
    if not is_last:
        return whole
    free = np.geomspace(fewest, most, OPEN_TEMPI)
    return np.concatenate([whole[(whole >= fewest) & (whole <= most)], free])


def _shares(position: FloatArray, beat_s: FloatArray) -> FloatArray:
    """[N, M] share of its reward that each event earns at each of N beat lengths."""
    shares = np.zeros(position.shape)
    for parts, share in ((4, QUARTER_BEAT_SHARE), (2, HALF_BEAT_SHARE), (1, 1.0)):
        error_s = np.abs(position * parts - np.rint(position * parts)) / parts * beat_s[:, None]
        shares[error_s <= SAFE_HIT_S] = share
    return shares


def _downbeats(
    events: Events, inside: slice, position: FloatArray, beat_s: float, options: GridOptions
) -> tuple[tuple[int, ...], float]:
    """Beats of strong events that begin a bar against the regular ones, and what downbeats earn."""
    claimed: list[int] = []
    gain = 0.0
    origin = 0
    rewards = events.downbeat_reward[inside]
    for i in np.flatnonzero(rewards > 0):
        beat = round(float(position[i]))
        if abs(position[i] - beat) * beat_s > SAFE_HIT_S or beat <= origin:
            continue
        is_regular = (beat - origin) % options.beats_per_bar == 0
        if is_regular:
            gain += rewards[i]
        elif beat - origin >= options.beats_per_bar and rewards[i] > STEADY_METRE_PRICE:
            gain += rewards[i] - STEADY_METRE_PRICE
            claimed.append(beat)
            origin = beat
    return tuple(claimed), float(gain)


def _grid(parts: tuple[_Part, ...], options: GridOptions) -> TimeGrid:
    """The beats and bars of some sections."""
    beats_s: list[FloatArray] = []
    bars: list[int] = []
    n_beats = 1
    for number, part in enumerate(parts):
        n_beats = max(1, math.ceil(part.length - 1e-6))
        beats_s.append(part.start_s + np.arange(n_beats, dtype=np.float64) * part.beat_s)
        is_last = part is parts[-1]
        first = part.downbeats[0] if part.downbeats else n_beats
        pickup = first % options.beats_per_bar if number == 0 and not is_last else 0
        ends = [*part.downbeats, *([] if is_last else [n_beats])]
        bars += draw_bars(ends, n_beats, options.beats_per_bar, pickup)
    last_beat = min(1.0, parts[-1].length - (n_beats - 1))
    return TimeGrid(np.concatenate([*beats_s, [parts[-1].end_s]]), tuple(bars), last_beat)
