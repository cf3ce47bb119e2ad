"""Where one shot ends and the next begins: hard cuts, fades and gradual changes, in one pass.

*Hard cuts* are pictures that are other ones from one frame to the next (:mod:`.hard_cuts`).

*Fades* are runs of blank frames (black or white) between two pictures, where the picture goes or
comes gradually (:mod:`.fades`). Their time is that of the first frame that is not blank any more.

*Dissolves* are all other gradual changes: blends, wipes, pushes and slides (:mod:`.transitions`).
Their time is their middle.

The *strength* of a change is how unlike the pictures before and after it are
(:mod:`.similarity`).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import numpy as np

from amt.features.fades import Fades
from amt.features.hard_cuts import HardCuts
from amt.features.similarity import thumbnail
from amt.features.spans import Sample
from amt.features.transitions import Transitions
from amt.features.video import Frame
from amt.types import Cut, FloatArray


class CutDetector:
    """Finds the cuts of a clip from its frames, one :meth:`push` each, then :meth:`finish`."""

    def __init__(self) -> None:
        self._hard = HardCuts()
        self._fades = Fades()
        self._transitions = Transitions()

    def push(self, frame: Frame) -> None:
        """Take the next frame of the clip."""
        sample = Sample(frame.time_s, thumbnail(frame.bgr))
        self._hard.push(sample.time_s, frame.bgr, sample.thumbnail)
        self._fades.push(sample)
        self._transitions.push(sample)

    def finish(self, duration_s: float) -> tuple[Cut, ...]:
        """Every cut strictly inside the clip, in order of time.

        Where two kinds claim one change, a hard cut goes before a fade and a fade before a
        dissolve.

        Args:
            duration_s: length of the clip.
        """
        found = list(self._hard.finish())
        taken = [(cut.time_s, cut.time_s) for cut in found]
        for span in [*self._fades.finish(), *self._transitions.finish()]:
            if not any(span.start_s <= end and start <= span.end_s for start, end in taken):
                found.append(span.cut)
                taken.append((span.start_s, span.end_s))
        inside = (cut for cut in found if 0 < cut.time_s < duration_s)
        return tuple(sorted(inside, key=lambda cut: cut.time_s))


def scene_offset(cuts: Iterable[Cut], seconds: int) -> FloatArray:
    """Whole seconds since the last hard cut, where a scene begins at its cut rounded up.

    Only cuts of kind ``cut`` count, for that is what Video2Music's features hold.

    Args:
        cuts: in any order.
        seconds: S, the number of seconds of the clip.

    Returns:
        [S], 0 where a scene begins.

    >>> scene_offset([Cut(1.2), Cut(2.5, kind="dissolve")], 5)
    array([0., 1., 0., 1., 2.])
    """
    second = np.arange(seconds)
    starts = np.zeros(seconds, dtype=np.int64)
    for cut in cuts:
        if cut.kind == "cut" and ceil(cut.time_s) < seconds:
            starts[ceil(cut.time_s)] = ceil(cut.time_s)
    return (second - np.maximum.accumulate(starts)).astype(np.float64)
