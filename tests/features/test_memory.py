"""Memory does not grow with the length of a clip."""

from __future__ import annotations

import weakref

import numpy as np

from amt.features.motion import MotionMeter
from amt.features.scenes import CutDetector
from amt.features.video import VideoReader
from tests.features.clips import picture, write_clip


def most_pictures_alive(path) -> int:
    """How many decoded pictures live at once while a clip is measured."""
    alive: list[weakref.ref[np.ndarray]] = []
    motion, detector, most = MotionMeter(), CutDetector(), 0
    with VideoReader(path) as reader:
        for frame in reader:
            motion.push(frame)
            detector.push(frame)
            alive = [image for image in alive if image() is not None]
            alive.append(weakref.ref(frame.bgr))
            most = max(most, len(alive))
    return most


def test_only_a_few_pictures_are_alive_however_long_the_clip(tmp_path):
    short, long = (
        write_clip(tmp_path / f"{n}.mp4", [picture(k // 60) for k in range(n)]) for n in (100, 700)
    )
    assert most_pictures_alive(long) == most_pictures_alive(short) <= 12
