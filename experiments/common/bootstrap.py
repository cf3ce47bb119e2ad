"""Figures over songs, and 95 % bootstrap intervals of them: the one place that draws songs anew.

Figures are ratios of sums over songs. A *table* holds, for every quantity that is summed, one
number per song; :func:`total` adds the songs up, a function of type :data:`Metrics` turns sums into
figures, and the bootstrap (Efron 1979) draws songs with replacement before doing the same.

Shapes: ``N`` songs (or other units that are drawn), ``R`` resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from amt.types import FloatArray

Table = Mapping[str, FloatArray]
"""Name -> [N] one number per song."""
Sums = Mapping[str, FloatArray]
"""Name -> sums over songs, of any shape."""
Metrics = Callable[[Sums], dict[str, FloatArray]]
"""Turns sums into figures of the same shape."""

INTERVAL = (0.025, 0.975)
"""Quantiles between which 95 % of the resamples lie."""


# --- tables -----------------------------------------------------------------------------------


def total(table: Table) -> Sums:
    """Sums over all songs, each a scalar."""
    return {name: np.asarray(column.sum()) for name, column in table.items()}


def figures(table: Table, metrics: Metrics) -> dict[str, float]:
    """Metrics over all songs."""
    return {name: float(value) for name, value in metrics(total(table)).items()}


def joined(tables: Sequence[Table]) -> dict[str, FloatArray]:
    """One table of the songs of several."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """``part / whole``, elementwise; NaN where ``whole`` is 0."""
    out = np.full(np.shape(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=out, where=np.asarray(whole) > 0))


# --- resampling -------------------------------------------------------------------------------


def resamples(n_songs: int, n_resamples: int, seed: int) -> FloatArray:
    """How often each song is drawn in each resample, [R, N]; rows sum to N."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_songs, np.full(n_songs, 1 / n_songs), size=n_resamples)
    return counts.astype(np.float64)


def quantiles(values: FloatArray, shares: Sequence[float]) -> tuple[float, ...]:
    """Quantiles of the finite values; NaN if there is none."""
    values = values[np.isfinite(values)]
    if not len(values):
        return (math.nan,) * len(shares)
    return tuple(np.quantile(values, shares).tolist())


def interval(values: FloatArray) -> tuple[float, float]:
    """Bounds between which 95 % of the resampled values [R] lie; values of NaN do not count."""
    low, high = quantiles(values, INTERVAL)
    return low, high


def intervals(table: Table, metrics: Metrics, draws: FloatArray) -> dict[str, tuple[float, float]]:
    """95 % bootstrap interval of every metric, from ``draws`` [R, N]."""
    return {name: interval(v) for name, v in _resampled(table, metrics, draws).items()}


def paired_differences(
    first: Table, second: Table, metrics: Metrics, draws: FloatArray
) -> dict[str, tuple[float, float, float]]:
    """``second`` minus ``first`` on the same songs: the difference and its 95 % interval."""
    ours, theirs = (_resampled(table, metrics, draws) for table in (first, second))
    here, there = (figures(table, metrics) for table in (first, second))
    return {name: (there[name] - here[name], *interval(theirs[name] - ours[name])) for name in ours}


def mean_and_interval(values: Sequence[float], n_resamples: int, seed: int) -> dict[str, object]:
    """Mean of the finite values, their 95 % bootstrap interval, and their number (``excerpts``).

    The draws depend on the number of values and the seed alone, so intervals of differences
    between values of the same units are paired.
    """
    kept = np.array([value for value in values if math.isfinite(value)])
    if not len(kept):
        return {"figure": math.nan, "interval": (math.nan, math.nan), "excerpts": 0}
    means = resamples(len(kept), n_resamples, seed) @ kept / len(kept)
    return {"figure": float(kept.mean()), "interval": interval(means), "excerpts": len(kept)}


def share_interval(
    hits: NDArray[np.bool_], groups: Sequence[object], seed: int = 0, n_resamples: int = 1000
) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of ``hits`` [N]; whole groups are drawn.

    Args:
        hits: [N] what is counted.
        groups: [N] the group of each, such as its song.
        seed: of the draws.
        n_resamples: R.
    """
    _, group = np.unique([str(name) for name in groups], return_inverse=True)
    counts, sums = np.bincount(group), np.bincount(group, weights=hits)
    draws = resamples(len(counts), n_resamples, seed)
    return interval(np.asarray(draws @ sums / (draws @ counts)))


def _resampled(table: Table, metrics: Metrics, draws: FloatArray) -> dict[str, FloatArray]:
    return metrics({name: draws @ column for name, column in table.items()})
