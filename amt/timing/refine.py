"""Exact beat times for sections whose beats are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog  # type: ignore[import-untyped]
from scipy.sparse import (  # type: ignore[import-untyped]
    block_array,
    csr_array,
    diags_array,
    eye_array,
    vstack,
)

from amt.timing.options import GridOptions
from amt.types import FloatArray

MEETING_S = 0.036
"""An error up to here still counts as meeting."""
MISS_PRICE = 20.0
"""Price of a second of error beyond that, against 1 below it."""
UNREST_PRICE = 0.1
"""Price of a second of change between neighbouring beats: a tempo that stands is preferred."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A stretch of one tempo, its beats counted and its bars drawn."""

    start_s: float
    end_s: float
    bars: tuple[int, ...]
    """Beats of every bar; they sum to N."""
    last_beat: float
    """Share of the last beat that is heard; 1 in all but the last section."""
    meets: tuple[tuple[int, float, float], ...]
    """Beat (1 to N - 1), time in seconds and weight of every event to be met."""

    @property
    def n_beats(self) -> int:
        """N."""
        return sum(self.bars)


def beat_times(sections: Sequence[Section], options: GridOptions) -> FloatArray:
    """Place the beats of neighbouring sections.

    A linear program over the time and length of every beat and the tempo of every section. It
    minimises the weighted distance of beats from their events, which meets as many exactly as can
    be (the l1 norm is sparse), and the total variation of beat length, which keeps the tempo steady
    in between. The bounds on tempo, on its deviation from the section, on neighbouring beats and on
    neighbouring bars of a section are constraints; an even division satisfies them all, so there is
    a solution if the mean tempo of every section is in bounds.

    Args:
        sections: B beats in all, each section beginning where the one before it ends.
        options: The bounds.

    Returns:
        [B + 1] times in seconds.
    """
    counts = [section.n_beats for section in sections]
    first = np.concatenate([[0], np.cumsum(counts)])
    n, n_sections = int(first[-1]), len(sections)
    meets = [
        (first[i] + beat, time_s, weight)
        for i, section in enumerate(sections)
        for beat, time_s, weight in section.meets
    ]
    beats, times_s, weights = np.array(meets).reshape(-1, 3).T
    tempo, change = _tempo_rows(sections, options)
    met = _selection(beats.astype(np.int64), n + 1)
    error, unrest = eye_array(len(meets)), eye_array(change.shape[0])
    # Columns: B + 1 times, B lengths, tempi, errors, errors beyond meeting, changes of length.
    # Blocks without an entry are zero.
    upper = block_array(
        [
            [None, tempo[:, :n], tempo[:, n:], None, None, None],
            [met, None, None, -error, None, None],
            [-met, None, None, -error, None, None],
            [None, None, None, error, -error, None],
            [None, change, None, None, None, -unrest],
            [None, -change, None, None, None, -unrest],
        ],
        format="csr",
    )
    still = np.zeros(2 * change.shape[0])
    allowed = np.full(len(meets), MEETING_S)
    limits = np.concatenate([np.zeros(tempo.shape[0]), times_s, -times_s, allowed, still])
    costs = [
        np.zeros(2 * n + 1 + n_sections),
        weights,
        MISS_PRICE * weights,
        still[::2] + UNREST_PRICE,
    ]
    bounds = np.zeros((upper.shape[1], 2))
    bounds[:, 1] = np.inf
    bounds[first] = np.array([s.start_s for s in sections] + [sections[-1].end_s])[:, None]
    bounds[n + 1 : 2 * n + 1 + n_sections] = options.shortest_beat_s, options.longest_beat_s
    heard = np.ones(n)
    heard[-1] = sections[-1].last_beat
    steps = diags_array([-1.0, 1.0], offsets=[0, 1], shape=(n, n + 1))
    rest = csr_array((n, upper.shape[1] - 2 * n - 1))
    result = linprog(
        np.concatenate(costs),
        A_ub=upper,
        b_ub=limits,
        A_eq=block_array([[steps, -diags_array(heard), rest]], format="csr"),
        b_eq=np.zeros(n),
        bounds=bounds,
        method="highs-ds",
    )
    assert result.status == 0, result.message
    return np.asarray(result.x[: n + 1], dtype=np.float64)


def _tempo_rows(sections: Sequence[Section], options: GridOptions) -> tuple[csr_array, csr_array]:
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


def _pairs(rows: csr_array, section: NDArray[np.int64]) -> tuple[csr_array, csr_array]:
    """Rows and the rows after them, where both are of one section."""
    same = np.flatnonzero(section[1:] == section[:-1])
    return rows[same], rows[same + 1]


def _selection(columns: NDArray[np.int64], n_columns: int) -> csr_array:
    """Rows with a single 1 each."""
    rows = np.arange(len(columns))
    return csr_array((np.ones(len(columns)), (rows, columns)), shape=(len(columns), n_columns))
