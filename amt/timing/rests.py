"""A grid for music with rests: after each of them beats and bars begin anew.

While nothing sounds no pulse is felt, so the beats of a rest are as long as they must be for the
music to come in on a downbeat, to the microsecond, and what follows is fitted as if the clip began
there: its first bar may have a tempo of its own (:func:`amt.timing.fit.fit_grid`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from amt.options.music import MAX_BPM, MIN_BPM
from amt.types import Cut, FloatArray, TimeGrid

SHORTEST_REST_S = 0.5
"""Seconds of a rest after which the pulse is forgotten."""
SHORTEST_MUSIC_S = 1.0
"""Seconds of music around a rest that are fitted for themselves."""

Rests = Sequence[tuple[float, float]]
"""Start and end of each rest in seconds, in order, apart from each other."""
Fit = Callable[[Sequence[Cut], float, Sequence[float]], TimeGrid]
"""Cuts, length and hit points of a stretch → its grid."""


def fit_between_rests(
    cuts: Sequence[Cut], duration_s: float, hits: Sequence[float], rests: Rests, fit: Fit
) -> TimeGrid:
    """A grid that begins anew after every rest that is long enough.

    Args:
        cuts: of the clip.
        duration_s: length of the clip.
        hits: moments that must fall on a downbeat.
        rests: inside the clip; those that last to its end change nothing.
        fit: fits the stretches.
    """
    start_s = 0.0
    beats_s: list[FloatArray] = []
    bars: list[int] = []
    for rest_s, end_s in rests:
        room_s = min(end_s - start_s, duration_s - end_s)
        if end_s - rest_s < SHORTEST_REST_S or room_s < SHORTEST_MUSIC_S:
            continue
        local = _shifted(cuts, start_s, rest_s)
        grid = fit(local, end_s - start_s, [h - start_s for h in hits if start_s < h < rest_s])
        before, n_bars = _until(grid, rest_s - start_s)
        beats_s.append(start_s + before)
        bars += n_bars
        start_s = end_s
    rest = fit(
        _shifted(cuts, start_s, duration_s), duration_s - start_s,
        [h - start_s for h in hits if h > start_s or (start_s == 0 and h == 0)],
    )  # fmt: skip
    return TimeGrid(
        np.concatenate([*beats_s, start_s + rest.beats_s]), (*bars, *rest.bars), rest.last_beat
    )


def _shifted(cuts: Sequence[Cut], start_s: float, end_s: float) -> list[Cut]:
    return [replace(c, time_s=c.time_s - start_s) for c in cuts if start_s < c.time_s < end_s]


def _until(grid: TimeGrid, rest_s: float) -> tuple[FloatArray, list[int]]:
    """Beats and bars of a stretch whose music ends at ``rest_s``, filled with whole beats.

    Returns:
        Times of its beats, without its end, and the beats of its bars.
    """
    first = min(int(np.searchsorted(grid.beats_s, rest_s - 1e-9)), grid.n_beats - 1)
    left_s = grid.duration_s - float(grid.beats_s[first])
    n_beats = round(left_s / float(grid.beat_length_s[max(first - 1, 0)]))
    n_beats = max(n_beats, math.ceil(left_s * MIN_BPM / 60))
    n_beats = max(1, min(n_beats, math.floor(left_s * MAX_BPM / 60)))
    silent = np.linspace(grid.beats_s[first], grid.duration_s, n_beats + 1)[:-1]
    bars: list[int] = []
    while sum(bars) + grid.bars[len(bars)] <= first:
        bars.append(grid.bars[len(bars)])
    usual = max(set(grid.bars), key=grid.bars.count)
    whole, over = divmod(first + n_beats - sum(bars), usual)
    bars += [usual] * whole
    if over == 1 and whole:
        bars[-1] += 1
    elif over:
        bars.append(over)
    return np.concatenate([grid.beats_s[:first], silent]), bars
