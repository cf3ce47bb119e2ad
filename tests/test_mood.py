"""Mood curves: smoothing, what the user may write, and blending."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from amt.errors import InputError
from amt.mood import MoodSpan, apply_moods, parse_moods, smooth, valence_arousal
from amt.reporter import callback_reporter
from amt.times import parse_time
from amt.types import EMOTION_VALENCE_AROUSAL, EMOTIONS

curves = arrays(np.float64, st.integers(1, 40), elements=st.floats(-5, 5))


@given(curves, st.floats(0, 10))
def test_smoothing_stays_within_the_curve(curve: np.ndarray, sigma_s: float) -> None:
    smoothed = smooth(curve, sigma_s)
    assert smoothed.shape == curve.shape
    assert smoothed.min() >= curve.min() - 1e-9
    assert smoothed.max() <= curve.max() + 1e-9


@given(st.integers(1, 40), st.floats(0, 10))
def test_smoothing_keeps_a_constant_and_probabilities(seconds: int, sigma_s: float) -> None:
    emotion = np.random.default_rng(seconds).dirichlet(np.ones(6), size=seconds)
    np.testing.assert_allclose(smooth(emotion, sigma_s).sum(axis=1), 1)
    np.testing.assert_allclose(smooth(np.ones(seconds), sigma_s), 1)


def test_smoothing_is_slower_with_a_wider_kernel() -> None:
    step = np.repeat([0.0, 1.0], 20)
    steepest = [np.diff(smooth(step, sigma_s)).max() for sigma_s in (0.0, 1.0, 3.0)]
    assert steepest == sorted(steepest, reverse=True)


@pytest.mark.parametrize("mood", EMOTIONS)
def test_a_certain_mood_lies_at_its_place_on_the_circumplex(mood: str) -> None:
    certain = np.eye(6)[EMOTIONS.index(mood)]
    np.testing.assert_allclose(valence_arousal(certain), EMOTION_VALENCE_AROUSAL[mood])


def test_moods_are_read_as_a_word_as_spans_and_from_csv(tmp_path: Path) -> None:
    assert parse_moods("Tense", 30.0) == (MoodSpan("tense", 0.0, 30.0),)
    spans = (MoodSpan("relaxing", 0.0, 12.0), MoodSpan("tense", 12.0, 30.0))
    assert parse_moods("calm:0-12, tense:12-30", 30.0) == spans
    path = tmp_path / "moods.csv"
    path.write_text("start,end,mood\n0,12,calm\n12,30,tense\n")
    assert parse_moods(str(path), 30.0) == spans


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cheerfull", "unknown mood 'cheerfull'"),
        ("tense:0-90", "does not lie inside the clip"),
        ("tense:5-5", "ends no later"),
        ("tense:nan-5", "is no time"),
        ("tense:a-b", "two numbers"),
        ("tense:1", "not written as"),
        ("", "not written as"),
        ("missing.csv", "cannot read the moods"),
    ],
)
def test_bad_moods_are_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_moods(text, 30.0)


def test_a_csv_with_text_in_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "moods.csv"
    path.write_text("once upon a time\n")
    with pytest.raises(InputError, match="rows of start,end,mood"):
        parse_moods(str(path), 30.0)
    path.write_text("zero,ten,sad\n")
    with pytest.raises(InputError, match="two numbers"):
        parse_moods(str(path), 30.0)


@given(st.floats(0, 1))
def test_blending_moves_from_the_picture_to_what_is_asked(blend: float) -> None:
    picture = np.random.default_rng(0).dirichlet(np.ones(6), size=10)
    asked = apply_moods(picture, (MoodSpan("sad", 2.0, 6.0),), blend)
    np.testing.assert_allclose(asked.sum(axis=1), 1)
    np.testing.assert_array_equal(asked[[0, 1, 6, 7, 8, 9]], picture[[0, 1, 6, 7, 8, 9]])
    assert (asked[2:6, 3] >= np.minimum(picture[2:6, 3], 0.85) - 1e-9).all()


def test_times_may_be_minutes_and_aliases_are_explained() -> None:
    said: list[str] = []
    spans = parse_moods(
        "happy:0-1:02.5, sad:1:02.5\u20130:01:30", 90.0, callback_reporter(message=said.append)
    )
    assert [(s.mood, s.start_s, s.end_s) for s in spans] == [
        ("exciting", 0, 62.5),
        ("sad", 62.5, 90),
    ]
    assert said == ["the mood happy is taken as exciting, the nearest of the six"]


def test_a_spreadsheet_may_separate_by_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "moods.csv"
    path.write_text("start;end;mood\n0:00;0:12,5;calm\n12,5;30;tense\n")
    spans = parse_moods(str(path), 30.0)
    assert [(s.mood, s.start_s, s.end_s) for s in spans] == [
        ("relaxing", 0, 12.5),
        ("tense", 12.5, 30),
    ]


@pytest.mark.parametrize("text", ["", "-1", "1:60", "1:2:3:4", "1:75:00", "1e3", "nan", "1 2", "٣"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(InputError, match="is no time"):
        parse_time(text)
