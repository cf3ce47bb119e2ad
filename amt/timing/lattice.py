"""The best beats, bars and tempi for a list of events, by dynamic programming (Viterbi).

The clip enters only through its events: the start, every cut and hit point, the end. At an event
the state of the music is

* ``k``: the tempo of the section, one of ``K`` beat lengths;
* ``f``: 0 while the last claimed downbeat is fresh (under one and a half beats old), else 1;
* ``r``: how much faster than its section the music runs, one of ``R`` rates;
* ``q``: the position in the bar, one of ``Q = beats_per_bar * CELLS`` cells.

Between two events the position moves by the gap over the beat length, plus what bending the tempo
can gain or lose: with a rate that changes by at most ``max_step`` a beat and stays in its bounds,
that is an interval known in closed form, and the best way into a state is the largest value in a
window of the states before. The work is linear in the number of events and does not depend on the
time between them.

A strong event on any beat may claim it as a downbeat. The bar before it then has the beats that
are left over (2, 3 or, where only one is left, one more than usual), for a price; where two strong
events are but a beat apart it has one beat, for a higher price. At some strong events the section
may end and another tempo begin, for a price too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from amt.timing.hits import HIT_S
from amt.types import BoolArray, FloatArray, IntArray

CELLS = 32
"""Cells of position a beat: 12.5 ms at 150 BPM. :mod:`amt.timing.refine` places beats exactly."""
EDGE_LOSS = 0.25
"""Share of a reward that is lost at the edge of the tolerance of a hit; the loss is quadratic."""
HALF_BEAT_SHARE, QUARTER_BEAT_SHARE = 0.4, 0.15
"""Share of a beat's reward that a half-beat and a quarter of a beat earn: an accent off the beat
marks the cut, but less firmly than one on the beat."""
FRESH_CELLS = 3 * CELLS // 2
"""A downbeat is fresh while the next one would make a bar of one beat."""

# Prices and rewards have one unit: a beat on a cut earns about 1 (amt.timing.fit). They were chosen
# by hand on synthetic cut lists of other seeds than those of the figures in experiments/RESULTS.md.
METRE_PRICE = 0.2
"""Price of a bar of an unusual number of beats."""
STEADY_METRE_PRICE = 1.3
"""The same where the music is to be edited by hand, in gentle and fixed tempo maps: such a bar pays
where it brings about one strong cut more on a downbeat for each pair of changes of metre. Chosen on
the cut lists of the seed 100 of :mod:`experiments.fit.tempo_maps`."""
BEAT_BAR_PRICE = 0.6
"""Price of a bar of one beat, between two strong events a beat apart."""
PICKUP_PRICE = 0.2
"""Price of a first bar cut short."""
SECTION_PRICE, DISTANCE_PRICE = 0.25, 0.7
"""Price of a new tempo, and of its distance from the old one in log tempo."""
MIN_TEMPO_JUMP = 0.1
"""Least distance of the two in log tempo: about 10 %, well above what listeners can notice
(:data:`amt.timing.steady.TEMPO_TOLERANCE`), so that it sounds deliberate."""
TEMPO_PRICE, FREE_TEMPO = 0.003, 0.25
"""Price a second of a log tempo that lies 0.25 from the preferred one; it grows with the fourth
power, so that tempi nearer by cost next to nothing and half or double the tempo too much."""
END_ON_BAR, END_ON_BEAT = 1.6, 1.0
"""Rewards for an end on a bar line, on a beat."""

MOST_KEPT = 64
"""Events whose values are kept at least; a clip of few cuts computes nothing twice."""
TIE_PRICE = np.float32(1e-6)
"""Price of a cell of bending: of paths of one value the one that bends less is taken."""
NEVER = np.float32(-1e9)
"""Value of a state that cannot be."""
FloatCells = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Event:
    """What a cut or a hit point is worth."""

    beat: float
    """Earned by a beat."""
    downbeat: float
    """Earned besides by a downbeat; 0 where none may be claimed."""
    boundary: bool
    """Whether a new tempo may begin."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """The M events that beats should hit, with the start and the end of the stretch."""

    times_s: FloatArray
    """[M + 2] start, events, end."""
    beat_reward: FloatArray
    """[M] earned by a beat on the event."""
    downbeat_reward: FloatArray
    """[M] earned besides by a downbeat on it; where it is 0 no downbeat may be claimed."""
    boundary: BoolArray
    """[M] where a new tempo may begin."""

    def at(self, i: int) -> Event:
        """One of the M events."""
        return Event(
            float(self.beat_reward[i]), float(self.downbeat_reward[i]), bool(self.boundary[i])
        )


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What can happen in the gap between two events."""

    least: IntArray
    """[K, R, R'] fewest cells that bending from one rate to another gains."""
    most: IntArray
    """[K, R, R'] most cells; below ``least`` where the rates are too far apart."""
    price: FloatCells
    """[K] price of the tempo over the gap."""


@dataclass(frozen=True, slots=True, eq=False)
class BestPath:
    """The best way through the lattice."""

    tempo: IntArray
    """[M + 1] index of the section tempo between neighbouring events."""
    position: FloatArray
    """[M + 2] beats since the start at every event; the start itself may lie inside a bar."""
    claimed: BoolArray
    """[M] events that are claimed downbeats."""
    start: float
    """Position in the bar at the start, in beats."""
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """The states and what may happen between them."""

    beat_s: FloatArray
    """[K] beat lengths of sections."""
    rates: FloatArray
    """[K, R] rates, sorted: 0.02 is 2 % faster than the section."""
    rate_bounds: FloatArray
    """[K, 2] slowest and fastest rate between events."""
    max_step: float
    """Largest change of rate a beat; 0 for a tempo that does not bend."""
    beats_per_bar: int
    preferred_beat_s: float
    start: FloatCells
    """[Q] value of beginning at each position in the bar."""
    pinned_end: bool = False
    """Whether the end is a downbeat that must be met, as at the end of a section."""
    metre_price: float | None = None
    """Price of a bar of an unusual number of beats; None is :data:`METRE_PRICE`."""
    kernel: FloatCells = field(init=False)
    """[K, Q] share of the reward at each position in the bar for being near a beat, a half-beat or
    a quarter of a beat."""
    prices: FloatCells = field(init=False)
    """[2, beats_per_bar] price of claiming beat m as a downbeat, fresh or not."""

    def __post_init__(self) -> None:
        kernel = np.zeros((len(self.beat_s), self.width), dtype=np.float32)
        for parts, share in ((1, 1.0), (2, HALF_BEAT_SHARE), (4, QUARTER_BEAT_SHARE)):
            step = CELLS // parts
            to_point = (np.arange(self.width) + step // 2) % step - step // 2
            error = np.abs(to_point) / CELLS * self.beat_s[:, None] / HIT_S
            near = np.where(error <= 1, share * (1 - EDGE_LOSS * error**2), 0)
            kernel = np.maximum(kernel, near.astype(np.float32))
        odd = METRE_PRICE if self.metre_price is None else self.metre_price
        prices = np.full((2, self.beats_per_bar), odd, dtype=np.float32)
        prices[:, 0] = 0
        prices[0, 1:] = -NEVER
        prices[0, 1] = max(BEAT_BAR_PRICE, odd)
        object.__setattr__(self, "kernel", kernel)
        object.__setattr__(self, "prices", prices)

    @property
    def width(self) -> int:
        """Q."""
        return self.beats_per_bar * CELLS

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[K, 2, R, Q]."""
        return (len(self.beat_s), 2, self.rates.shape[1], self.width)

    def solve(self, events: Events) -> BestPath:
        """Find the path of the highest value through ``events``."""
        cells = np.rint(events.times_s[:, None] / self.beat_s * CELLS).astype(np.int64)
        shifts = np.diff(cells - cells[0], axis=0)
        windows = [self._window(gap_s) for gap_s in np.diff(events.times_s)]
        return self._trace(events, shifts, windows, _Values(self, events, shifts, windows))

    def _start(self) -> FloatCells:
        value = np.full(self.shape, NEVER, dtype=np.float32)
        value[:, 0, :, 0] = self.start[0]
        value[:, 1, :, 1:] = self.start[1:]
        return value

    def _window(self, gap_s: float) -> Window:
        """What bending can gain in a gap."""
        beats = (gap_s / self.beat_s)[:, None, None]
        first, last = self.rates[:, :, None], self.rates[:, None, :]
        gains = []
        for sign, bound in ((-1, self.rate_bounds[:, 0]), (1, self.rate_bounds[:, 1])):
            gain = _largest_gain(
                sign * first, sign * last, sign * bound[:, None, None], beats, self.max_step
            )
            gains.append(sign * gain * CELLS)
        least, most = np.ceil(gains[0] - 0.5), np.floor(gains[1] + 0.5)
        reachable = np.abs(last - first) <= self.max_step * beats + 1e-9
        least = np.where(reachable, least, most + 1)
        distance = np.log(self.beat_s / self.preferred_beat_s) / FREE_TEMPO
        price = (TEMPO_PRICE * distance**4 * gap_s).astype(np.float32)
        return Window(least.astype(np.int64), most.astype(np.int64), price)

    def _advance(self, value: FloatCells, shift: IntArray, window: Window) -> FloatCells:
        """Values after a gap in which nothing happens."""
        n_tempi, _, n_rates, width = self.shape
        span = np.clip(window.most - window.least + 1, 1, width)
        level = np.log2(span).astype(np.int64)
        # Entry j of the table holds the best of 2 ** j cells; the best of any window is that of
        # two overlapping entries. The two layers of a cell travel together, as one 8-byte item.
        tables = [np.ascontiguousarray(np.moveaxis(value, 1, -1))]
        for j in range(int(level.max())):
            tables.append(np.maximum(tables[-1], np.roll(tables[-1], -(1 << j), axis=-2)))
        table = np.concatenate([np.stack(tables)] * 2, axis=-2).view(np.float64)
        turns = sliding_window_view(table[..., 0], width, axis=-1)
        tempo = np.arange(n_tempi)[:, None, None]
        rate = np.arange(n_rates)[:, None]
        low = -(shift[:, None, None] + window.most)
        high = low + span - (1 << level)
        found = np.maximum(
            turns[level, tempo, rate, low % width].view(np.float32),
            turns[level, tempo, rate, high % width].view(np.float32),
        )
        found[window.most < window.least] = NEVER
        moved = found.max(axis=1).reshape(n_tempi, n_rates, width, 2)
        return self._age(np.moveaxis(moved, -1, 1), shift) - window.price[:, None, None, None]

    def _age(self, value: FloatCells, shift: IntArray) -> FloatCells:
        """Move what is fresh no longer to the other layer."""
        stale = self._source(np.arange(self.width), shift[:, None]) + shift[:, None] >= FRESH_CELLS
        stale = stale[:, None, :]
        aged = np.empty_like(value)
        aged[:, 0] = np.where(stale, NEVER, value[:, 0])
        aged[:, 1] = np.maximum(value[:, 1], np.where(stale, value[:, 0], NEVER))
        return aged

    def _source(self, cell: IntArray, shift: IntArray | np.int64) -> IntArray:
        """Where in a fresh bar, -CELLS / 4 or later, the music was that now stands at ``cell``."""
        margin = CELLS // 4
        return (cell - shift + margin) % self.width - margin

    def _arrive(self, value: FloatCells, event: Event) -> FloatCells:
        """Values with what an event earns, and with the choices that it offers."""
        arrived = value + np.float32(event.beat) * self.kernel[:, None, None, :]
        if event.downbeat <= 0:
            return arrived
        near, claims = self._claims(value, event.beat + event.downbeat)
        best = claims.max(axis=(1, 3))
        arrived[:, 0][:, :, near] = np.maximum(arrived[:, 0][:, :, near], best)
        if event.boundary:
            leave = best[:, :, len(near) // 2].max(axis=1)
            enter = (leave[:, None] - self._jump_prices()).max(axis=0)
            arrived[:, 0, :, 0] = np.maximum(arrived[:, 0, :, 0], enter[:, None])
        return arrived

    def _claims(self, value: FloatCells, reward: float) -> tuple[IntArray, FloatCells]:
        """Cells E near a downbeat, and [K, 2, R, beat m, E] values of claiming beat m there."""
        reach = int(HIT_S / self.beat_s.min() * CELLS)
        near = np.arange(-reach, reach + 1) % self.width
        cells = (near + CELLS * np.arange(self.beats_per_bar)[:, None]) % self.width
        kernel = self.kernel[:, None, None, None, near]
        earned = np.where(kernel > 0, reward * kernel, NEVER)
        claims = value[..., cells] + earned - self.prices[:, None, :, None]
        return near, claims.astype(np.float32)

    def _jump_prices(self) -> FloatArray:
        """[K, K'] price of going from one section tempo to another."""
        distance = np.abs(np.log(self.beat_s[:, None] / self.beat_s))
        return np.where(
            distance >= MIN_TEMPO_JUMP, SECTION_PRICE + DISTANCE_PRICE * distance, -float(NEVER)
        )

    def _finish(self, value: FloatCells) -> FloatCells:
        """Values with what the end earns."""
        finished = value.copy()
        cells = np.arange(self.beats_per_bar) * CELLS
        if self.pinned_end:
            finished[:] = NEVER
            finished[..., cells] = value[..., cells] - self.prices[:, None, :]
        else:
            finished[..., cells] += END_ON_BEAT
            finished[..., 0] += END_ON_BAR - END_ON_BEAT
        return finished

    def _trace(
        self,
        events: Events,
        shifts: IntArray,
        windows: list[Window],
        before: _Values,
    ) -> BestPath:
        """Walk back from the best end; every step repeats the choice that made the value."""
        n_events = len(events.beat_reward)
        finished = self._finish(before.last)
        state = _unravel(finished)
        tempo = np.zeros(n_events + 1, dtype=np.int64)
        moves = np.zeros(n_events + 1)
        claimed = np.zeros(n_events, dtype=np.bool_)
        for i in range(n_events, -1, -1):
            tempo[i] = state[0]
            after = self._arrive(before[i - 1], events.at(i - 1)) if i else self._start()
            state, moves[i] = self._step_back(after, state, shifts[i], windows[i])
            if i:
                state, claimed[i - 1] = self._undo_arrival(before[i - 1], state, events.at(i - 1))
        position = np.concatenate([[0], np.cumsum(moves)])
        return BestPath(tempo, position, claimed, state[3] / CELLS, float(finished.max()))

    def _step_back(
        self, value: FloatCells, state: State, shift: IntArray, window: Window
    ) -> tuple[State, float]:
        """The state from which ``state`` was reached over a gap, and the beats in between."""
        k, f, r, q = state
        least, most = window.least[k, :, r], window.most[k, :, r]
        gains = most[:, None] - np.arange(min(int((most - least).max()) + 1, self.width))
        cells = (q - shift[k] - gains) % self.width
        rates = np.arange(len(most))[:, None]
        # A tie goes to the path that bends less.
        here = value[k][:, rates, cells] - TIE_PRICE * np.abs(gains)
        here[:, gains < least[:, None]] = -np.inf
        stale = self._source(np.array(q), shift[k]) + shift[k] >= FRESH_CELLS
        if stale != f:
            here[0] = -np.inf
        if f == 0:
            here[1] = -np.inf
        f0, r0, j = _unravel(here)
        return (k, f0, r0, int(cells[r0, j])), (int(shift[k]) + int(gains[r0, j])) / CELLS

    def _undo_arrival(self, value: FloatCells, state: State, event: Event) -> tuple[State, bool]:
        """The state in which an event was met, and whether it was claimed as a downbeat."""
        k, f, r, q = state
        best = float(value[state] + np.float32(event.beat) * self.kernel[k, q])
        if event.downbeat <= 0 or f == 1:
            return state, False
        near, claims = self._claims(value, event.beat + event.downbeat)
        claimed = False
        if q in near:
            e = int(np.flatnonzero(near == q)[0])
            f0, m = _unravel(claims[k, :, r, :, e])
            if claims[k, f0, r, m, e] >= best:
                best, claimed = float(claims[k, f0, r, m, e]), True
                state = (k, f0, r, int((q + m * CELLS) % self.width))
        if event.boundary and q == 0:
            leave = claims[..., len(near) // 2] - self._jump_prices()[:, k, None, None, None]
            k0, f0, r0, m = _unravel(leave)
            if leave[k0, f0, r0, m] > best:
                return (k0, f0, r0, m * CELLS), True
        return state, claimed


class _Values:
    """The values before each event, of which only a square root of their number is kept at a time.

    Values are kept every so many events, and those in between computed again when the way back
    comes to them, so that a film of two hours takes no hundreds of megabytes.
    """

    def __init__(
        self, lattice: Lattice, events: Events, shifts: IntArray, windows: list[Window]
    ) -> None:
        self._lattice, self._events, self._shifts, self._windows = lattice, events, shifts, windows
        self._step = max(MOST_KEPT, math.isqrt(len(windows)))
        self._kept: list[FloatCells] = []
        self._block: tuple[int, list[FloatCells]] = (-1, [])
        value = lattice._start()
        for i in range(len(windows)):
            if i % self._step == 0:
                self._kept.append(value)
            self.last, value = self._after(value, i)

    def __getitem__(self, i: int) -> FloatCells:
        """The values before event ``i``, with what the gap before it costs."""
        number = i // self._step
        if number != self._block[0]:
            value, block = self._kept[number], []
            for j in range(number * self._step, min((number + 1) * self._step, len(self._windows))):
                before, value = self._after(value, j)
                block.append(before)
            self._block = number, block
        return self._block[1][i % self._step]

    def _after(self, value: FloatCells, i: int) -> tuple[FloatCells, FloatCells]:
        """The values before event ``i`` and after it."""
        before = self._lattice._advance(value, self._shifts[i], self._windows[i])
        if i == len(self._windows) - 1:
            return before, before
        return before, self._lattice._arrive(before, self._events.at(i))


State = tuple[int, ...]


def _unravel(value: NDArray[np.floating]) -> State:
    return tuple(int(i) for i in np.unravel_index(int(value.argmax()), value.shape))


def _largest_gain(
    first: FloatArray, last: FloatArray, bound: FloatArray, beats: FloatArray, max_step: float
) -> FloatArray:
    """Area under the highest rate that begins at ``first`` and ends at ``last``.

    The rate climbs by ``max_step`` a beat, stays at ``bound`` while it can, and falls again.
    """
    if max_step == 0:
        return first * beats + 0 * last
    peak = np.minimum(bound, (first + last + max_step * beats) / 2)
    rise, fall = (peak - first) / max_step, (peak - last) / max_step
    area = rise * (first + peak) / 2 + fall * (peak + last) / 2
    return np.asarray(area + (beats - rise - fall) * peak)
