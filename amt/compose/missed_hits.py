"""Hit points that the grid could not put on a downbeat, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.reporter import Reporter
from amt.types import TimeGrid

EXACT_S = 1 / 120
"""Seconds up to which a hit point is met: half a frame at 60 frames a second."""


def report_missed_hits(grid: TimeGrid, hits_s: Sequence[float], reporter: Reporter) -> None:
    """Report each sentence of :func:`missed_hits`."""
    for sentence in missed_hits(grid, hits_s):
        reporter.message(sentence)


def missed_hits(grid: TimeGrid, hits_s: Sequence[float]) -> tuple[str, ...]:
    """One sentence for each hit point without a downbeat within half a frame, in order of time.

    Args:
        grid: of the piece.
        hits_s: hit points in seconds.
    """
    downbeats_s, beats_s = grid.beats_s[grid.downbeats], grid.beats_s
    found = []
    for hit_s in sorted(hits_s):
        to_bar, to_beat = (
            float(marks_s[np.abs(marks_s - hit_s).argmin()] - hit_s)
            for marks_s in (downbeats_s, beats_s)
        )
        if abs(to_bar) <= EXACT_S:
            continue
        beat = "a beat is there" if abs(to_beat) <= EXACT_S else f"the beat {_off(to_beat)}"
        found.append(
            f"the hit point at {hit_s:.3f} s is missed: the nearest downbeat is {_off(to_bar)}, "
            f"{beat}"
        )
    return tuple(found)


def _off(seconds: float) -> str:
    return f"{1000 * abs(seconds):.0f} ms {'late' if seconds > 0 else 'early'}"
