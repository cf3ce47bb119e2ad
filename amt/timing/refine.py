"""Exact beat times for sections whose beats are counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import (
    block_array,
    csr_array,
    diags_array,
    eye_array,
    vstack,
)

from amt.timing.options import GridOptions
from amt.types import FloatArray, IntArray

SAFE_HIT_S = 0.036
"""Error in seconds up to which a beat hits for certain: 4 ms less than
:data:`amt.timing.hits.HIT_S`, so that rounding (half a millisecond in a MIDI file) costs no hit."""
MISS_PRICE = 20.0
"""Price of a second of error beyond that, for a unit of the event's weight; 1 below it."""
BATCH_BEATS = 800
"""Beats of one linear program, about: its time grows faster than linearly with them."""
TEMPO_CHANGE_PRICE = 0.1
"""Price of a second of change of length between neighbouring beats: a steady tempo is preferred."""


@dataclass(frozen=True, slots=True, eq=False)
class TempoSection:
    """A stretch of one tempo, its beats counted and its bars drawn."""

    start_s: float
    end_s: float
    bars: tuple[int, ...]
    """Beats of every bar; they sum to N."""
    last_beat: float
    """Share of the last beat that sounds; 1 in all but the last section."""
    hits: tuple[tuple[float, float, float], ...]
    """Position in beats (above 0, below N), time in seconds and weight of every event to be hit: on
    a beat, or a half or quarter of one after it."""
    beat_s: float
    """Beat length by which the section was counted."""
    divided: bool = False
    """Whether this is a part of a section divided for computation, whose tempo is ``beat_s``."""

    @property
    def n_beats(self) -> int:
        """N."""
        return sum(self.bars)


def beat_times(sections: Sequence[TempoSection], options: GridOptions) -> FloatArray:
    """Place the beats of a piece.

    Args:
        sections: B beats in all, each section beginning where the one before it ends; the mean
            tempo of each lies in the bounds.
        options: The bounds.

    Returns:
        [B + 1] times in seconds.
    """
    times_s: list[FloatArray] = []
    before_s = None
    for batch in _batches(sections):
        placed = _solve(batch, options, before_s)
        if placed is None:
            placed = _solve([replace(part, divided=False) for part in batch], options)
        assert placed is not None, "an even division satisfies every bound"
        times_s.append(placed[:-1])
        before_s = float(placed[-1] - placed[-2]) if batch[-1].divided else None
    return np.concatenate([*times_s, [sections[-1].end_s]])


def _batches(sections: Sequence[TempoSection]) -> Iterator[list[TempoSection]]:
    """Neighbouring sections of some :data:`BATCH_BEATS` together, longer ones divided."""
    batch: list[TempoSection] = []
    for section in sections:
        if batch and sum(s.n_beats for s in (*batch, section)) > BATCH_BEATS:
            yield batch
            batch = []
        if section.n_beats < 2 * BATCH_BEATS:
            batch.append(section)
        else:
            yield from ([part] for part in _divide(section))
    if batch:
        yield batch


def _divide(section: TempoSection) -> Iterator[TempoSection]:
    """Parts of a section that is too long for one linear program, divided at bar lines.

    The simplex method takes more than linear time. A seam lies where the straight line between the
    events around it puts the bar line; there only the rule for neighbouring bars is waived.
    """
    bar_lines = np.concatenate([[0], np.cumsum(section.bars)])
    targets = np.arange(0, section.n_beats - BATCH_BEATS, BATCH_BEATS)
    edges = [*np.searchsorted(bar_lines, targets).tolist(), len(section.bars)]
    end = section.n_beats - 1 + section.last_beat
    known = (
        {0.0: section.start_s} | {float(b): t for b, t, _ in section.hits} | {end: section.end_s}
    )
    for a, b in itertools.pairwise(edges):
        first, last = int(bar_lines[a]), int(bar_lines[b])
        is_last = b == len(section.bars)
        start_s, end_s = np.interp([first, last], list(known), list(known.values()))
        yield TempoSection(
            start_s=float(start_s),
            end_s=section.end_s if is_last else float(end_s),
            bars=section.bars[a:b],
            last_beat=section.last_beat if is_last else 1.0,
            hits=tuple((k - first, t, w) for k, t, w in section.hits if first < k < last),
            beat_s=section.beat_s,
            divided=True,
        )


def _solve(
    sections: Sequence[TempoSection], options: GridOptions, before_s: float | None = None
) -> FloatArray | None:
    """Place the beats of neighbouring sections, or None where that is impossible.

    A linear program over the time and length of every beat and the tempo of every section. It
    minimises the weighted distance of beats from their events, which hits as many exactly as can
    be (the l1 norm is sparse), and the total variation of beat length, which keeps the tempo steady
    in between. The bounds on tempo, on its deviation from the section, on neighbouring beats and on
    neighbouring bars of a section are constraints; an even division satisfies them all, so there is
    a solution if the mean tempo of every section is in bounds.

    Where ``before_s`` is given, the first beat follows one of that length.
    """
    first = np.cumsum([0, *(section.n_beats for section in sections)])
    n = int(first[-1])
    beats, times_s, weights = _targets(sections).T
    tempo, change = _tempo_rows(sections, options)
    met = _interpolation(beats, n + 1)
    error, change_size = eye_array(len(beats)), eye_array(change.shape[0])
    # Columns: B + 1 times, B lengths, tempi, errors, errors beyond meeting, changes of length.
    # Blocks without an entry are zero.
    upper = block_array(
        [
            [None, tempo[:, :n], tempo[:, n:], None, None, None],
            [met, None, None, -error, None, None],
            [-met, None, None, -error, None, None],
            [None, None, None, error, -error, None],
            [None, change, None, None, None, -change_size],
            [None, -change, None, None, None, -change_size],
        ],
        format="csr",
    )
    allowed, still = np.full(len(beats), SAFE_HIT_S), np.zeros(2 * change.shape[0])
    costs = [weights, MISS_PRICE * weights, np.full(change.shape[0], TEMPO_CHANGE_PRICE)]
    free = np.zeros(upper.shape[1] - sum(map(len, costs)))
    equal = _length_rows(n, sections[-1].last_beat, upper.shape[1])
    result = linprog(
        np.concatenate([free, *costs]),
        A_ub=upper,
        b_ub=np.concatenate([np.zeros(tempo.shape[0]), times_s, -times_s, allowed, still]),
        A_eq=equal,
        b_eq=np.zeros(n),
        bounds=_column_bounds(sections, upper.shape[1], options, before_s),
        method="highs-ds",
    )
    return np.asarray(result.x[: n + 1], dtype=np.float64) if result.status == 0 else None


def _targets(sections: Sequence[TempoSection]) -> FloatArray:
    """[M, 3] beats from the start of all sections, time and weight of every event."""
    first = np.cumsum([0, *(section.n_beats for section in sections)])
    targets = [
        (start + beat, time_s, weight)
        for start, section in zip(first, sections, strict=False)
        for beat, time_s, weight in section.hits
    ]
    return np.array(targets, dtype=np.float64).reshape(-1, 3)


def _length_rows(n: int, last_beat: float, n_columns: int) -> csr_array:
    """Rows over all columns that must be zero: a beat ends where its length says."""
    steps = diags_array([-1.0, 1.0], offsets=[0, 1], shape=(n, n + 1))
    shares = np.ones(n)
    shares[-1] = last_beat
    return block_array(
        [[steps, -diags_array(shares), csr_array((n, n_columns - 2 * n - 1))]], format="csr"
    )


def _column_bounds(
    sections: Sequence[TempoSection], n_columns: int, options: GridOptions, before_s: float | None
) -> FloatArray:
    """[columns, 2] smallest and largest value of every column."""
    first = np.cumsum([0, *(section.n_beats for section in sections)])
    n = int(first[-1])
    bounds = np.zeros((n_columns, 2))
    bounds[:, 1] = np.inf
    bounds[first] = np.array([s.start_s for s in sections] + [sections[-1].end_s])[:, None]
    beat_s = (options.shortest_beat_s, options.longest_beat_s)
    bounds[n + 1 : 2 * n + 1 + len(sections)] = beat_s
    for i, section in enumerate(sections):
        if section.divided:
            bounds[2 * n + 1 + i] = section.beat_s
    if before_s is not None:
        step = 1 + options.max_step
        bounds[n + 1] = np.clip([before_s / step, before_s * step], *beat_s)
    return bounds


def _tempo_rows(
    sections: Sequence[TempoSection], options: GridOptions
) -> tuple[csr_array, csr_array]:
    """Rows over [lengths, tempi] that must not be positive, and rows of changes of length."""
    section_of_bar = np.repeat(np.arange(len(sections)), [len(s.bars) for s in sections])
    bars = np.array([n_beats for section in sections for n_beats in section.bars])
    bar_of_beat = np.repeat(np.arange(len(bars)), bars)
    section_of_beat = section_of_bar[bar_of_beat]
    n = len(bar_of_beat)
    mean = csr_array((1 / bars[bar_of_beat], (bar_of_beat, np.arange(n))), shape=(len(bars), n))
    tolerance, step = options.tempo_tolerance, 1 + options.max_step

    beat = eye_array(n, format="csr")
    beat_before, beat_after = _pairs(beat, section_of_beat)
    bar_before, bar_after = _pairs(mean, section_of_bar)
    neighbours = vstack(
        [
            beat_after - step * beat_before,
            beat_before - step * beat_after,
            bar_after - (1 + tolerance) * bar_before,
            bar_before - (1 + tolerance) * bar_after,
        ]
    )
    section = _selection(section_of_beat, len(sections))
    rows = block_array(
        [
            [neighbours, csr_array((neighbours.shape[0], len(sections)))],
            [beat, -(1 + tolerance) * section],
            [-beat, (1 - tolerance) * section],
        ],
        format="csr",
    )
    return rows, csr_array(beat_after - beat_before)


def _pairs(rows: csr_array, section: IntArray) -> tuple[csr_array, csr_array]:
    """Rows and the rows after them, where both are of one section."""
    same = np.flatnonzero(section[1:] == section[:-1])
    return rows[same], rows[same + 1]


def _selection(columns: IntArray, n_columns: int) -> csr_array:
    """Rows with a single 1 each."""
    rows = np.arange(len(columns))
    return csr_array((np.ones(len(columns)), (rows, columns)), shape=(len(columns), n_columns))


def _interpolation(positions: FloatArray, n_columns: int) -> csr_array:
    """Rows that read a column at positions between 0 and ``n_columns`` - 1, linearly."""
    whole = np.floor(positions)
    share = positions - whole
    before = _selection(whole.astype(np.int64), n_columns)
    after = _selection(np.minimum(whole + 1, n_columns - 1).astype(np.int64), n_columns)
    return csr_array(diags_array(1 - share) @ before + diags_array(share) @ after)
