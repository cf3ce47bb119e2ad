"""Which cuts the music lands on.

Hits and strong cuts are those of :mod:`amt.timing.hits`. A *downbeat* is the first beat of a bar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amt.timing.hits import is_hit, is_strong
from amt.types import Cut, FloatArray, TimeGrid


@dataclass(frozen=True, slots=True)
class CutAlignment:
    """A cut and the music nearest to it."""

    cut: Cut
    beat_s: float
    """From the cut to the nearest beat in seconds; negative where the beat is early."""
    downbeat_s: float
    """From the cut to the nearest downbeat in seconds."""

    @property
    def strong(self) -> bool:
        """Whether the cut may ask for a downbeat."""
        return is_strong(self.cut)

    @property
    def on_beat(self) -> bool:
        """Whether a beat hits the cut."""
        return is_hit(self.beat_s, 0.0)

    @property
    def on_downbeat(self) -> bool:
        """Whether a downbeat hits the cut."""
        return is_hit(self.downbeat_s, 0.0)


def cut_alignments(cuts: tuple[Cut, ...], grid: TimeGrid) -> tuple[CutAlignment, ...]:
    """The nearest beat (the end of the music counts as one) and downbeat of every cut."""
    times_s = np.array([cut.time_s for cut in cuts], dtype=np.float64)
    to_beat = _to_nearest(times_s, grid.beats_s)
    to_downbeat = _to_nearest(times_s, grid.beats_s[grid.downbeats])
    return tuple(
        CutAlignment(cut, float(beat_s), float(downbeat_s))
        for cut, beat_s, downbeat_s in zip(cuts, to_beat, to_downbeat, strict=True)
    )


def _to_nearest(times_s: FloatArray, marks_s: FloatArray) -> FloatArray:
    """Signed seconds from each time [N] to the nearest of some sorted marks [M]."""
    after = np.searchsorted(marks_s, times_s)
    late = marks_s[np.minimum(after, len(marks_s) - 1)] - times_s
    early = marks_s[np.maximum(after - 1, 0)] - times_s
    return np.where(np.abs(early) <= np.abs(late), early, late)
