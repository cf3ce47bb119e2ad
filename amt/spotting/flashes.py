"""Flashes: pictures that are suddenly much brighter, and soon as dark as before."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from amt.features.similarity import Thumbnail, thumbnail, visual_change
from amt.features.video import Frame

RISE = 0.12
"""Least rise of mean brightness (0-1) of a flash. Set by hand: exposure that adapts and cameras
that pan stay below within :data:`RISE_S`."""
RISE_S = 0.13
"""Seconds in which it rises: three frames at 24 a second."""
FALL = 0.5
"""Share of the rise that has gone again when the flash is over."""
FLASH_S = 0.7
"""Seconds that a flash lasts at most; what stays bright longer is other light."""
FULL_RISE = 0.5
"""A rise of this has strength 1."""
SAME_PICTURE = 0.45
"""Largest change (:func:`amt.features.similarity.visual_change`) between the pictures before and
after; above, it is a cut."""


class Flash(NamedTuple):
    """A flash: its first bright frame, and how much brighter it was, 0 to 1."""

    time_s: float
    strength: float


class _Look(NamedTuple):
    time_s: float
    level: float
    picture: Thumbnail


class FlashDetector:
    """Finds the flashes of a clip from its frames, one :meth:`push` each."""

    def __init__(self) -> None:
        self._recent: deque[_Look] = deque()
        self._base: _Look | None = None
        self._onset_s = 0.0
        self._peak = 0.0
        self.flashes: list[Flash] = []

    def push(self, frame: Frame) -> None:
        """Take the next frame."""
        picture = thumbnail(frame.bgr)
        look = _Look(frame.time_s, float(picture.mean()), picture)
        if self._base is None:
            self._wait(look)
        else:
            self._follow(look, self._base)

    def _wait(self, look: _Look) -> None:
        recent = self._recent
        while recent and look.time_s - recent[0].time_s > RISE_S:
            recent.popleft()
        darkest = min(recent, key=lambda seen: seen.level, default=look)
        recent.append(look)
        if look.level - darkest.level >= RISE:
            self._base, self._onset_s, self._peak = darkest, look.time_s, look.level

    def _follow(self, look: _Look, base: _Look) -> None:
        self._peak = max(self._peak, look.level)
        rise = self._peak - base.level
        over = look.level <= base.level + (1 - FALL) * rise
        if over and visual_change(base.picture, look.picture) < SAME_PICTURE:
            self.flashes.append(Flash(self._onset_s, min(1.0, rise / FULL_RISE)))
        if over or look.time_s - self._onset_s > FLASH_S:
            self._base = None
            self._recent.clear()
            self._recent.append(look)
