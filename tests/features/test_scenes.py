"""Cuts are found on the frame on which they were drawn, whatever the frame rate."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenedetect import AdaptiveDetector, detect

from amt.features.hard_cuts import HardCuts
from amt.features.scenes import CutDetector, scene_offset
from amt.features.similarity import thumbnail, visual_change
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


def detailed(seed, width=192, height=108):
    """A picture with detail at several scales, as a film has."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3)) + rng.integers(0, 256, 3)
    for cells, contrast in ((3, 90), (8, 60), (20, 30)):
        coarse = rng.normal(0, contrast, (cells, round(cells * width / height), 3))
        image += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return image.clip(0, 255).astype(np.uint8)


def slide_show(tmp_path, times_ms, name="s.mkv"):
    """One frame a slide, each shown from its time on; the last one ends the show."""
    images = [detailed(seed) for seed in range(len(times_ms) - 1)]
    return write_clip(tmp_path / name, [*images, images[-1]], times_ms=times_ms)


@pytest.mark.parametrize("step_ms", [3000, 1000, 500, 333])
def test_slides_of_one_frame_are_shots(tmp_path, step_ms):
    cuts = find(slide_show(tmp_path, [k * step_ms for k in range(9)]))
    assert [cut.time_s for cut in cuts] == pytest.approx([k * step_ms / 1000 for k in range(1, 8)])
    assert {cut.kind for cut in cuts} == {"cut"}


def test_slides_are_shots_whatever_repeated_frames_were_dropped(tmp_path):
    cuts = find(slide_show(tmp_path, [0, 2000, 5000, 9000, 9400, 14000, 18000, 18040]))
    assert [cut.time_s for cut in cuts] == [2, 5, 9, 9.4, 14, 18]


def test_a_time_lapse_of_one_view_has_no_cuts(tmp_path):
    view = picture(3)
    images = []
    for k, share in enumerate(np.interp(np.arange(30), [0, 10, 20, 30], [1, 0.5, 0.9, 0.4])):
        image = (view * share).astype(np.uint8)
        image[40:54, 7 * k % 80 : 7 * k % 80 + 12] = 20 + 7 * k
        images.append(image)
    assert (
        find(write_clip(tmp_path / "t.mkv", images, times_ms=[1000 * k for k in range(30)])) == ()
    )


def test_doubled_frames_of_fast_movement_are_no_cuts(tmp_path):
    wide = detailed(5, 900, 64)
    images = [wide[:, 9 * k : 9 * k + 96] for k in range(80) for _ in range(3)]
    assert find(write_clip(tmp_path / "d.mp4", images)) == ()


def pushed(first, last, steps, axis):
    """Frames in which one picture pushes the other out, along an axis of the picture."""
    side = first.shape[axis]
    both = np.concatenate([first, last], axis=axis)
    for k in range(1, steps + 1):
        start = round(k / (steps + 1) * side)
        yield np.take(both, range(start, start + side), axis=axis)


def wiped(first, last, steps):
    for k in range(1, steps + 1):
        border = round(k / (steps + 1) * first.shape[1])
        yield np.concatenate([last[:, :border], first[:, border:]], axis=1)


@pytest.mark.parametrize("steps", [8, 20])
@pytest.mark.parametrize("draw", [
    lambda a, b, n: pushed(a, b, n, 0), lambda a, b, n: pushed(a, b, n, 1), wiped,
], ids=["push up", "push left", "wipe"])  # fmt: skip
def test_pushes_and_wipes_are_found_at_their_middle(tmp_path, draw, steps):
    first, last = picture(10), picture(12)
    images = [first] * 40 + list(draw(first, last, steps)) + [last] * 40
    (cut,) = find(write_clip(tmp_path / "p.mp4", images))
    assert cut.kind == "dissolve"
    assert cut.time_s == pytest.approx((39.5 + (steps + 1) / 2) / 25, abs=0.1)


def test_a_fast_pan_from_view_to_view_is_no_cut(tmp_path):
    wide = detailed(7, 6 * 96, 64)
    places = [*[0] * 30, *np.linspace(0, 96, 9), *[96] * 30, *np.linspace(96, 380, 20), *[380] * 30]
    images = [wide[:, round(x) : round(x) + 96] for x in places]
    assert find(write_clip(tmp_path / "p.mp4", images)) == ()


def test_a_jump_of_quality_is_no_cut(tmp_path):
    grain = np.random.default_rng(0).integers(60, 190, (64, 96, 3)).astype(np.uint8)
    sharp = picture(4) // 2 + grain // 2
    small = cv2.resize(sharp, (24, 16), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(small, (96, 64), interpolation=cv2.INTER_NEAREST)
    images = [coarse if k % 40 > 2 else sharp for k in range(160)]
    assert find(write_clip(tmp_path / "q.mp4", images)) == ()


def test_a_flash_that_dies_away_is_no_cut(tmp_path):
    light = np.zeros(80)
    light[30:42] = 0.9 * np.exp(-np.arange(12) / 3)
    images = [((1 - a) * picture(1) + a * 255).astype(np.uint8) for a in light]
    assert find(write_clip(tmp_path / "f.mp4", images)) == ()


def test_the_strength_is_what_a_viewer_sees():
    """About .9 for shots of unlike scenes, about .5 for another framing of one scene."""
    scenes = [detailed(seed) for seed in range(30)]
    unlike = [visual_change(thumbnail(a), thumbnail(b)) for a, b in pairwise(scenes)]
    assert 0.82 < np.median(unlike) < 0.97
    assert np.quantile(unlike, 0.1) > 0.7
    nearer = [cv2.resize(scene[22:86, 38:154], (192, 108)) for scene in scenes]
    framed = [
        visual_change(thumbnail(a), thumbnail(b)) for a, b in zip(scenes, nearer, strict=True)
    ]
    assert 0.35 < np.median(framed) < 0.65


@pytest.mark.parametrize("bar", [10, 25, 45])
def test_black_bars_do_not_weaken_a_cut(bar):
    scenes = [detailed(seed) for seed in range(30)]
    barred = [np.pad(image, ((0, 0), (bar, bar), (0, 0))) for image in scenes]
    plain, weakened = (
        np.median([visual_change(thumbnail(a), thumbnail(b)) for a, b in pairwise(images)])
        for images in (scenes, barred)
    )
    assert weakened > plain - 0.1


def test_pictures_of_any_size_and_rate_are_taken():
    rng = np.random.default_rng(0)
    for width, height in ((2, 2), (256, 2), (2, 256), (97, 61)):
        hard = HardCuts()
        for time_s in np.cumsum(rng.choice([0.001, 0.04, 4.0], 60)):
            image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            hard.push(float(time_s), image, thumbnail(image))
        times_s = [cut.time_s for cut in hard.finish()]
        assert times_s == sorted(set(times_s))


def test_credits_that_come_and_go_on_black_are_cuts(tmp_path):
    black = np.zeros((108, 192, 3), np.uint8)
    credits = black.copy()
    for line in range(15, 108, 12):
        cv2.putText(credits, "NAMES OF THE CREW", (12, line), 0, 0.5, (220, 220, 220), 1)
    images = [image for image in (black, credits, black) for _ in range(40)]
    cuts = find(write_clip(tmp_path / "t.mp4", images))
    assert [cut.time_s for cut in cuts] == pytest.approx([1.6, 3.2])


def test_a_fade_in_is_not_claimed_twice(tmp_path):
    """While the new picture grows brighter something large passes through it."""
    first, last = picture(0), picture(1)
    black = np.zeros_like(first)
    images = [*[first] * 30, *crossed(first, black, 12), *[black] * 5, *crossed(black, last, 20)]
    for k, image in enumerate(images[-20:]):
        image[20:50, 4 * k : 4 * k + 16] //= 2
    cuts = find(write_clip(tmp_path / "f.mp4", [*images, *[last] * 40]))
    assert [cut.kind for cut in cuts] == ["fade"]
