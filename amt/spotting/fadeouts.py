"""Pictures that have gone gradually: fades to black or white, whether a picture follows or not."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from amt.features.fades import Fades
from amt.features.similarity import thumbnail
from amt.features.video import Frame


class FadeOut(NamedTuple):
    """A fade: when the picture begins to go, and its first blank frame."""

    start_s: float
    end_s: float


class FadeOutDetector:
    """Finds the fades to black or white of a clip from its frames, one :meth:`push` each.

    What is a blank frame, a picture and a gradual change is as for :class:`Fades`.
    """

    LOOK_S = 4.0
    """How far back a fade may begin."""
    BEGUN = 0.9
    """A fade begins with the last frame that has this share of the full picture's contrast."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()
        self.fade_outs: list[FadeOut] = []

    def push(self, frame: Frame) -> None:
        """Take the next frame."""
        luminance = thumbnail(frame.bgr).mean(axis=2)
        spread, level = float(luminance.std()), float(luminance.mean())
        low, high = Fades.BLANK_LEVELS
        if spread < Fades.BLANK_SPREAD and not low <= level <= high:
            self._go(frame.time_s)
            return
        self._seen.append((frame.time_s, spread))
        while frame.time_s - self._seen[0][0] > self.LOOK_S:
            self._seen.popleft()

    def _go(self, end_s: float) -> None:
        """A blank frame: was there a picture that went gradually?"""
        recent = [spread for time_s, spread in self._seen if end_s - time_s <= Fades.LOOK_S]
        full = max(recent, default=0.0)
        if full >= Fades.MIN_SPREAD and recent[-1] < Fades.GRADUAL * full:
            fullest = max(spread for _, spread in self._seen)
            begun = [t for t, spread in self._seen if spread >= self.BEGUN * fullest]
            self.fade_outs.append(FadeOut(begun[-1], end_s))
        self._seen.clear()
