"""Motion as MuVi-Sync measures it: how far two adjacent frames differ, once a second.

The pair of a second is the first frame shown in that second and the frame just before it; second 0
has no such pair and is 0 (Kang, Poria and Herremans 2024, *Video2Music*).
"""

from __future__ import annotations

import numpy as np

from amt.features.video import Frame
from amt.types import FloatArray

COMPARE_SIDE = 720
"""Pixels of the shorter side at which a pair is compared. Shrinking averages noise and fine
movement away: at 256 pixels wide the value falls by up to a third on nearly still clips. So clips
up to 720p are compared at full size and only larger ones are shrunk."""

FULL_MOTION = 30.0
"""Motion (0-255) that is 1 on the logarithmic scale of :func:`log_motion`."""


class MotionMeter:
    """Collects the motion of a clip from its frames, one :meth:`push` each."""

    def __init__(self) -> None:
        self._previous: Frame | None = None
        self._values: dict[int, float] = {}
        self._second = 0

    def push(self, frame: Frame) -> None:
        """Take the next frame of the clip."""
        second = int(frame.time_s)
        if self._previous is not None and second > self._second:
            before, after = self._previous.rgb(COMPARE_SIDE), frame.rgb(COMPARE_SIDE)
            self._values[second] = mean_absolute_difference(before, after)
            self._second = second
        self._previous = frame

    def per_second(self, seconds: int) -> FloatArray:
        """Motion of every second.

        Args:
            seconds: S, the number of seconds of the clip.

        Returns:
            [S] in 0-255. A second in which no frame begins is a still picture: 0.
        """
        return np.array([self._values.get(second, 0.0) for second in range(seconds)])


def log_motion(motion: FloatArray) -> FloatArray:
    """Motion of any shape, 0-255, on a logarithmic scale: 0 for none, 1 for :data:`FULL_MOTION`."""
    return np.asarray(np.log1p(motion) / np.log1p(FULL_MOTION))


def movement(motion: FloatArray) -> FloatArray:
    """Movement inside shots, [S] -> [S]: :func:`without_cuts`, with a value for second 0.

    Second 0 has no frame before it and reads 0; it is taken to move like the second after it.
    """
    moving = motion.copy()
    moving[:1] = moving[1:2] if len(moving) > 1 else moving[:1]
    return without_cuts(moving)


def without_cuts(motion: FloatArray) -> FloatArray:
    """Movement inside shots: median of three seconds, [S] -> [S].

    By definition a pair of frames that straddles a cut counts as motion; one such second between
    two quiet ones is no movement.
    """
    padded = np.pad(motion, 1, mode="edge")
    return np.asarray(np.median(np.stack([padded[:-2], motion, padded[2:]]), axis=0))


def mean_absolute_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Mean absolute difference of two 8-bit pictures of one shape, in 0-255."""
    return float(np.abs(first.astype(np.int16) - second).mean())
