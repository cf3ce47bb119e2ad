"""Hard cuts, decided in time: a picture that is another from one frame to the next, and stays.

The change of a frame against the one before it is PySceneDetect's content value, the mean absolute
difference of hue, saturation and value (0-255), over the picture without black bars. As in its
``AdaptiveDetector``, a change that stands out of those around it is a cut; but

* *around* is a time, not a number of frames, and frames that repeat the one before do not count.
  So the pictures of a slide show are shots though each is one frame, and a film whose frames are
  doubled moves no more than before;
* the pictures before and after must be unlike (:mod:`amt.features.similarity`), and the more, the
  longer the time between them: pictures a second apart differ by movement alone. A jump of
  compression quality at a key frame leaves them alike, and so does a change of light;
* pictures of two scenes are a cut even where both move so fast that the change does not stand out,
  and where it is small in numbers but nothing else moves, as between titles on black;
* a change that is undone at once, such as a camera's flash, is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np

from amt.features.opencv import cv2
from amt.features.similarity import Thumbnail, correlation, dissimilarity, picture_area, strength_of
from amt.types import Cut, ImageArray

MIN_SHOT_S = 0.25
"""Of cuts nearer to each other the stronger one counts."""
LOOK_S = 0.31
"""Seconds before and after a frame in which its change is compared with others."""
NEIGHBOURS = 2
"""Changes looked at on each side."""
MIN_CHANGE = 15.0
MIN_RATIO = 3.0
"""A change stands out if it is as large, and as many times the mean of its neighbours
(``AdaptiveDetector``)."""
LEAST_CHANGE = MIN_CHANGE / 3
"""A smaller change is no cut, however little moves around it."""
REPEATED = 1.0
"""A smaller change is the same picture again."""
ALIKE = ((0.1, 0.3), (0.18, 0.42))
"""Seconds between two pictures, and the dissimilarity that they must have."""
UNLIKE, UNLIKE_RATIO = 0.6, 2.0
"""Pictures of two scenes, if so many times as unlike as their neighbours."""
STRANGERS = ((0.1, 0.3), (0.68, 0.6))
"""Seconds between two pictures, and the dissimilarity of two scenes whatever moves around them."""
SAME_VIEW = 0.9
"""From this correlation on a change is one of light."""
SETTLE_S = 0.09
"""The new shot is looked at so long after the cut: a cut may have a blended frame."""
FLASH_S = 0.4
UNDONE = 0.4
"""A change is undone if within this time the pictures are less unlike than this share of it."""


@dataclass(slots=True, eq=False)
class _Shown:
    """A frame against the one before it."""

    time_s: float
    gap_s: float
    change: float
    thumbnail: Thumbnail
    unlike: float | None = None
    """From the frame before; None until it is asked for."""


class HardCuts:
    """Finds hard cuts from the frames of a clip, one :meth:`push` each, then :meth:`finish`."""

    def __init__(self) -> None:
        self._shown: list[_Shown] = []
        self._next = 1
        """The first frame that is not decided."""
        self._hsv: ImageArray | None = None
        self._cuts: list[Cut] = []

    def push(self, time_s: float, bgr: ImageArray, thumbnail: Thumbnail) -> None:
        """Take the next frame [h, w, 3]."""
        hsv = cast("ImageArray", cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV))
        gap_s = change = 0.0
        if self._hsv is not None and self._hsv.shape == hsv.shape:
            before = self._shown[-1]
            gap_s = time_s - before.time_s
            area = thumbnail[picture_area(before.thumbnail, thumbnail)].size / thumbnail.size
            # OpenCV sums bytes ten times as fast as NumPy.
            change = sum(cv2.mean(cv2.absdiff(hsv, self._hsv))[:3]) / 3 / area
        self._hsv = hsv
        self._shown.append(_Shown(time_s, gap_s, change, thumbnail))
        self._decide(time_s - max(LOOK_S, FLASH_S))

    def finish(self) -> list[Cut]:
        """Every hard cut, in order of time."""
        self._decide(math.inf)
        return self._cuts

    def _decide(self, until_s: float) -> None:
        """Decide the frames shown until then, and forget those that no other one needs."""
        while self._next < len(self._shown) and self._shown[self._next].time_s <= until_s:
            if self._stands_out(self._next):
                self._keep(self._next)
            self._next += 1
        first = next(
            (i for i, s in enumerate(self._shown) if s.time_s >= until_s - max(LOOK_S, FLASH_S)), 0
        )
        forgotten = min(first, self._next - 2)
        if forgotten > 0:
            del self._shown[:forgotten]
            self._next -= forgotten

    def _stands_out(self, index: int) -> bool:
        """Whether a frame is another picture than the one before it."""
        shown = self._shown[index]
        if shown.change < REPEATED:
            return False
        near = [self._neighbours(index, -1), self._neighbours(index, 1)]
        around = sum(sum(self._shown[i].change for i in side) / len(side) for side in near if side)
        if shown.change >= max(MIN_CHANGE, MIN_RATIO * around / 2):
            return self._unlike(index) >= float(np.interp(shown.gap_s, *ALIKE))
        if shown.change < LEAST_CHANGE:
            return False
        others = [self._unlike(i) for side in near for i in side]
        if not others:
            return self._unlike(index) >= ALIKE[1][1]
        strangers = float(np.interp(shown.gap_s, *STRANGERS))
        return self._unlike(index) >= max(UNLIKE, min(strangers, UNLIKE_RATIO * max(others)))

    def _neighbours(self, index: int, step: int) -> list[int]:
        """The nearest frames on one side that show a new picture."""
        found: list[int] = []
        place = index + step
        while 0 < place < len(self._shown) and len(found) < NEIGHBOURS:
            shown = self._shown[place]
            if abs(shown.time_s - self._shown[index].time_s) > LOOK_S:
                break
            if shown.change >= REPEATED:
                found.append(place)
            place += step
        return found

    def _unlike(self, index: int) -> float:
        shown = self._shown[index]
        if shown.unlike is None:
            shown.unlike = dissimilarity(self._shown[index - 1].thumbnail, shown.thumbnail)
        return shown.unlike

    def _keep(self, index: int) -> None:
        """Note a cut, unless its change is undone or a stronger cut is beside it."""
        time_s = self._shown[index].time_s
        before = self._shown[index - 1].thumbnail
        later = [s for s in self._shown[index:] if s.time_s <= time_s + FLASH_S]
        after = [s for s in later if s.time_s <= time_s + SETTLE_S][-1].thumbnail
        unlike = dissimilarity(before, after)
        earlier = [s for s in self._shown[: index - 1] if s.time_s >= time_s - FLASH_S]
        undone = min(
            [dissimilarity(before, s.thumbnail) for s in later]
            + [dissimilarity(s.thumbnail, after) for s in earlier]
            + [dissimilarity(s.thumbnail, later[-1].thumbnail) for s in earlier[:1]]
        )
        if undone < UNDONE * unlike or correlation(before, after) > SAME_VIEW:
            return
        cut = Cut(time_s, strength_of(unlike), "cut")
        if self._cuts and time_s - self._cuts[-1].time_s < MIN_SHOT_S:
            if cut.strength <= self._cuts[-1].strength:
                return
            self._cuts.pop()
        self._cuts.append(cut)
