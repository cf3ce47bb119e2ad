"""The whole pass: shapes, moods, files and pictures of features."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from amt.errors import InputError
from amt.features import extract_features, load_features, plot_features, save_features
from amt.features.emotion import (
    CONTRAST_FLOOR,
    TYPICAL,
    Look,
    analytic_emotion,
    circumplex,
    cut_rate,
    look,
)
from amt.mood import valence_arousal
from amt.reporter import callback_reporter
from amt.types import EMOTION_VALENCE_AROUSAL, EMOTIONS, Cut
from tests.features.clips import picture, write_clip
from tests.render.files.kinds import write


def test_every_second_has_a_row(clip):
    shares = []
    features = extract_features(
        clip, backend="analytic", reporter=callback_reporter(lambda _, share: shares.append(share))
    )
    assert features.duration_s == pytest.approx(3.0)
    assert features.emotion.shape == (3, 6)
    assert features.emotion.sum(axis=1) == pytest.approx(np.ones(3))
    assert features.scene_offset.tolist() == [0, 1, 0]
    assert features.semantic is None
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_second_without_a_frame_shows_the_one_before(tmp_path):
    images = [picture(k) for k in range(4)]
    path = write_clip(tmp_path / "gap.mkv", images, times_ms=[0, 500, 3200, 3600])
    features = extract_features(path, backend="analytic")
    assert features.seconds == 4
    assert np.isfinite(features.emotion).all()


def test_the_same_clip_gives_the_same_features(clip):
    first, again = (extract_features(clip, backend="analytic") for _ in range(2))
    assert first.cuts == again.cuts
    assert np.array_equal(first.emotion, again.emotion)
    assert np.array_equal(first.motion, again.motion)


def test_each_emotion_is_the_likeliest_at_its_own_place():
    places = np.array(list(EMOTION_VALENCE_AROUSAL.values()))
    assert circumplex(places).argmax(axis=1).tolist() == list(range(len(EMOTIONS)))


def test_light_and_movement_mean_what_the_literature_says():
    bright = look(np.full((8, 8, 3), (250, 200, 90), np.uint8))
    dark = look(np.full((8, 8, 3), (40, 30, 20), np.uint8))
    still, moving = np.array([0.5]), np.array([25.0])

    def place(picture_look, motion):
        return valence_arousal(analytic_emotion([picture_look], motion, ()))[0]

    assert place(bright, still)[0] > place(dark, still)[0] + 0.5
    assert place(bright, moving)[1] > place(bright, still)[1] + 0.2
    assert place(dark, moving)[1] > place(dark, still)[1] + 0.2


def drawn_looks(rng, seconds):
    """Pictures of an ordinary film: every measure about its mean by about its deviation."""
    names = ("brightness", "saturation", "colourfulness", "contrast")
    rows = rng.normal(*np.transpose([TYPICAL[name] for name in names]), (seconds, 4)).clip(0, 1)
    return [Look(*row) for row in rows]


def test_moods_are_as_certain_as_those_of_clip():
    # CLIP over MuVi-Sync: entropy .725 of the greatest, likeliest emotion .481, and valence and
    # arousal .49 from neutral. Real pictures are bright and coloured together, which the drawn ones
    # are not, so theirs lie nearer to neutral.
    rng = np.random.default_rng(0)
    looks = drawn_looks(rng, 2000)
    contrast = np.array([picture.contrast for picture in looks])
    share = np.expm1(rng.normal(*TYPICAL["movement"], 2000).clip(0, 5)) / 100
    emotion = analytic_emotion(looks, 255 * share * (contrast + CONTRAST_FLOOR), ())
    entropy = -(emotion * np.log(emotion)).sum(axis=1).mean() / np.log(len(EMOTIONS))
    assert entropy == pytest.approx(0.725, abs=0.1)
    assert emotion.max(axis=1).mean() == pytest.approx(0.481, abs=0.1)
    assert np.hypot(*valence_arousal(emotion).T).mean() == pytest.approx(0.42, abs=0.1)


def test_the_cut_rate_is_counted_around_each_second():
    rate = cut_rate(tuple(Cut(time) for time in (10.0, 10.5, 11.0)), 30)
    assert rate[0] == rate[-1] == 0
    assert rate[10] == rate.max() > 0
    assert cut_rate((), 3).tolist() == [0, 0, 0]


def test_files_give_back_what_was_saved(clip, tmp_path):
    features = extract_features(clip, backend="analytic")
    for semantic in (None, np.random.default_rng(0).normal(size=(features.seconds, 768))):
        saved = replace(features, semantic=semantic)
        save_features(saved, tmp_path / "f.npz")
        loaded = load_features(tmp_path / "f.npz")
        assert (loaded.cuts, loaded.duration_s) == (saved.cuts, saved.duration_s)
        assert loaded.backend == saved.backend
        for name in ("emotion", "motion", "scene_offset"):
            assert np.array_equal(getattr(loaded, name), getattr(saved, name))
        assert np.array_equal(loaded.appearance, features.appearance)
        assert (loaded.semantic is None) == (semantic is None)
        if semantic is not None:
            assert np.array_equal(loaded.semantic, semantic)


def test_files_of_earlier_versions_have_no_appearance(clip, tmp_path):
    features = replace(extract_features(clip, backend="analytic"), appearance=None)
    save_features(features, tmp_path / "f.npz")
    assert load_features(tmp_path / "f.npz").appearance is None


def _without(name):
    def edit(arrays):
        del arrays[name]

    return edit


def _with(name, value):
    def edit(arrays):
        arrays[name] = np.array(value)

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        _without("emotion"), _without("format"), _with("format", 99), _with("motion", [1.0]),
        _with("motion", [0.0, np.nan, 0.0]), _with("cut_kind", [7]),
        _with("cut_time_s", [1.0, 2.0]), _with("cut_strength", [1.5]),
        _with("duration_s", "long"), _with("duration_s", np.nan), _with("format", [1, 2]),
        _with("format", "one"), _with("semantic", [[1.0]]), _with("emotion", [["a"] * 6] * 3),
        _with("duration_s", -3.0), _with("cut_time_s", [99.0]), _with("backend", "other"),
    ],
)  # fmt: skip
def test_broken_features_are_refused_in_one_sentence(clip, tmp_path, edit):
    path = tmp_path / "f.npz"
    save_features(extract_features(clip, backend="analytic"), path)
    with np.load(path) as data:
        arrays = dict(data)
    edit(arrays)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=r"f\.npz") as caught:
        load_features(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"not a features file", b"PK\x03\x04broken"])
def test_other_files_are_no_features(tmp_path, content):
    path = tmp_path / "f.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"f\.npz"):
        load_features(path)


def test_a_bare_array_is_no_features(tmp_path):
    path = tmp_path / "array.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(InputError, match="no features file"):
        load_features(path)


def test_files_of_numpy_that_are_no_features_are_refused(clip, tmp_path):
    features = tmp_path / "f.npz"
    save_features(extract_features(clip, backend="analytic"), features)
    cut_short, pickled = tmp_path / "short.npz", tmp_path / "pickled.npz"
    cut_short.write_bytes(features.read_bytes()[:300])
    np.savez(pickled, format=np.array([{"a": 1}], dtype=object))
    for path in (cut_short, pickled):
        with pytest.raises(InputError, match=path.name):
            load_features(path)


def test_the_plot_is_a_picture(clip, tmp_path):
    plot_features(extract_features(clip, backend="analytic"), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_importing_the_features_does_not_import_torch():
    code = "import sys, amt.features; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_picture_that_starts_late_is_described_from_second_0_and_appears_as_a_cut(tmp_path):
    path = write(tmp_path / "late.mp4", 50, picture_from_s=2.4, sound_s=4.4)
    features = extract_features(path, backend="analytic")
    assert features.duration_s == pytest.approx(4.4, abs=0.03)
    assert features.seconds == 5
    assert features.cuts[0] == Cut(pytest.approx(2.4, abs=0.03), 1.0, "cut")
    assert features.motion[:2].tolist() == [0, 0]
    assert np.array_equal(features.appearance[0], features.appearance[1])
    target = tmp_path / "late.npz"
    save_features(features, target)
    assert load_features(target).cuts == features.cuts


def test_a_file_cut_short_is_reported_in_one_line(tmp_path):
    whole = write(tmp_path / "whole.mp4", 100, options={"movflags": "faststart"})
    path = tmp_path / "short.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    messages: list[str] = []
    features = extract_features(
        path, backend="analytic", reporter=callback_reporter(message=messages.append)
    )
    assert 1 < features.duration_s < 3.5
    assert [line for line in messages if "declares 4.00 s" in line and "\n" not in line]
