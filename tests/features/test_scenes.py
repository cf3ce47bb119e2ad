"""Cuts are found on the frame on which they were drawn, whatever the frame rate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenedetect import AdaptiveDetector, detect

from amt.features.scenes import CutDetector, scene_offset, thumbnail, visual_change
from amt.features.video import VideoReader
from amt.types import Cut
from tests.features.clips import picture, shots, write_clip


def find(path):
    with VideoReader(path) as reader:
        detector = CutDetector()
        for frame in reader:
            detector.push(frame)
        return detector.finish(reader.duration_s)


def crossed(first, last, steps):
    """Frames that blend one picture into another, ends not included."""
    for share in np.linspace(0, 1, steps + 2)[1:-1]:
        yield ((1 - share) * first + share * last).astype(np.uint8)


@pytest.mark.parametrize("fps", [Fraction(25, 2), 25, 50])
def test_hard_cuts_are_exact_to_the_frame(tmp_path, fps):
    lengths = [int(1.6 * fps), int(2.2 * fps), int(1.1 * fps), int(2 * fps)]
    cuts = find(write_clip(tmp_path / "c.mp4", shots(lengths), fps=fps))
    assert [cut.kind for cut in cuts] == ["cut"] * 3
    expected = np.cumsum(lengths)[:-1] / float(fps)
    assert [cut.time_s for cut in cuts] == pytest.approx(list(expected), abs=1e-3)
    assert all(0.3 < cut.strength <= 1 for cut in cuts)


def test_hard_cuts_are_exact_at_a_variable_rate(tmp_path):
    steps = np.random.default_rng(0).choice([20, 33, 50, 110], 90)
    times_ms = np.concatenate([[0], np.cumsum(steps)[:-1]]).tolist()
    cuts = find(write_clip(tmp_path / "v.mkv", shots([30, 35, 25]), times_ms=times_ms))
    assert [cut.time_s for cut in cuts] == [times_ms[30] / 1000, times_ms[65] / 1000]


def test_hard_cuts_are_those_of_pyscenedetect(tmp_path):
    path = write_clip(tmp_path / "c.mp4", shots([40, 50, 20, 45]))
    reference = [start.seconds for start, _ in detect(str(path), AdaptiveDetector())][1:]
    assert [cut.time_s for cut in find(path)] == pytest.approx(reference)


def test_a_flash_is_no_cut(tmp_path):
    images = shots([60])
    images[30] = np.full_like(images[30], 255)
    assert find(write_clip(tmp_path / "f.mp4", images)) == ()


@pytest.mark.parametrize("steps", [12, 24, 40])
def test_a_dissolve_is_found_at_its_middle(tmp_path, steps):
    first, last = picture(0), picture(1)
    images = [first] * 40 + list(crossed(first, last, steps)) + [last] * 40
    (cut,) = find(write_clip(tmp_path / "d.mp4", images))
    assert cut.kind == "dissolve"
    assert cut.time_s == pytest.approx((39.5 + (steps + 1) / 2) / 25, abs=0.06)
    assert cut.strength > 0.3


@pytest.mark.parametrize("level", [0, 255])
def test_a_fade_ends_with_the_first_frame_of_the_new_picture(tmp_path, level):
    first, last = picture(0), picture(1)
    blank = np.full_like(first, level)
    images = [first] * 30 + list(crossed(first, blank, 15)) + [blank] * 10
    begin = len(images)
    images += [*crossed(blank, last, 15), *[last] * 30]
    (cut,) = find(write_clip(tmp_path / "f.mp4", images))
    assert cut.kind == "fade"
    # The very first steps out of black are as good as black.
    assert begin / 25 <= cut.time_s <= (begin + 3) / 25


def test_fading_in_at_the_start_and_out_at_the_end_is_no_cut(tmp_path):
    image = picture(2)
    black = np.zeros_like(image)
    images = [*[black] * 5, *crossed(black, image, 20), *[image] * 30]
    assert find(write_clip(tmp_path / "f.mp4", [*images, *images[::-1]])) == ()


def test_a_pan_and_a_change_of_light_are_no_cuts(tmp_path):
    wide = picture(5, 400, 64)
    pan = [wide[:, 2 * k : 2 * k + 96] for k in range(80)]
    light = [np.clip(picture(6) * share, 0, 255).astype(np.uint8)
             for share in np.interp(np.arange(80), [0, 30, 50, 80], [0.4, 0.4, 1, 1])]  # fmt: skip
    assert find(write_clip(tmp_path / "pan.mp4", pan)) == ()
    assert find(write_clip(tmp_path / "light.mp4", light)) == ()


def test_the_strength_grows_with_the_change():
    first, last = thumbnail(picture(0)), thumbnail(picture(1))
    strengths = [visual_change(first, (1 - a) * first + a * last) for a in (0, 0.3, 0.6, 1)]
    assert strengths[0] == 0
    assert strengths == sorted(strengths)
    assert visual_change(np.zeros_like(first), np.ones_like(first)) == 1


times = st.lists(st.floats(0.01, 39.9), max_size=12)


@given(times, st.integers(1, 40))
def test_scene_offset_counts_from_the_last_cut_rounded_up(cuts_s, seconds):
    offset = scene_offset([Cut(time) for time in cuts_s], seconds)
    starts = {0} | {int(np.ceil(time)) for time in cuts_s}
    for second in range(seconds):
        assert offset[second] == second - max(start for start in starts if start <= second)


def test_only_hard_cuts_begin_a_scene():
    cuts = [Cut(1.0, kind="fade"), Cut(2.0, kind="dissolve")]
    assert scene_offset(cuts, 4).tolist() == [0, 1, 2, 3]
