"""Motion equals its definition, computed plainly."""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest

from amt.features.motion import MotionMeter
from amt.features.video import VideoReader
from tests.features.clips import picture, write_clip


def measured(path, seconds):
    meter = MotionMeter()
    with VideoReader(path) as reader:
        for frame in reader:
            meter.push(frame)
    return meter.per_second(seconds)


def reference(path, seconds):
    with av.open(str(path)) as container:
        frames = [(float(f.time), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    values = np.zeros(seconds)
    for (before_s, before), (after_s, after) in pairwise(frames):
        if int(after_s) > int(before_s):
            values[int(after_s)] = np.abs(after.astype(float) - before.astype(float)).mean()
    return values


def test_motion_is_the_difference_of_the_pair_at_which_a_second_has_passed(tmp_path):
    wide = picture(5, 600, 64)
    times_ms = np.cumsum([0, *np.random.default_rng(1).choice([20, 40, 90], 79)]).tolist()
    path = write_clip(
        tmp_path / "m.mkv", [wide[:, 5 * k : 5 * k + 96] for k in range(80)], times_ms=times_ms
    )
    seconds = times_ms[-1] // 1000 + 1
    # Two conversions of one frame may round differently in places.
    assert measured(path, seconds) == pytest.approx(reference(path, seconds), abs=0.5)
    assert measured(path, seconds)[0] == 0
    assert (measured(path, seconds)[1:] > 1).all()


def test_a_still_picture_does_not_move(tmp_path):
    path = write_clip(tmp_path / "s.mp4", [picture(0)] * 75)
    assert measured(path, 3).max() < 0.5


def test_a_second_without_a_frame_is_still(tmp_path):
    images = [picture(k) for k in range(4)]
    path = write_clip(tmp_path / "gap.mkv", images, times_ms=[0, 500, 3200, 3600])
    values = measured(path, 4)
    assert values[:3].tolist() == [0, 0, 0]
    assert values[3] > 10
