"""The drawn storm: its shots, its mood and its movement come out as they were drawn."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import av
import numpy as np
import pytest

from amt.features import extract_features
from amt.mood import valence_arousal
from amt.types import EMOTIONS, VideoFeatures
from tests.data.make_storm import FPS, HEIGHT, SHOTS, TARGET, WIDTH, cut_list

STARTS_S = dict(
    zip([shot.name for shot in SHOTS], np.cumsum([0, *[s.seconds for s in SHOTS]]), strict=False)
)


@pytest.fixture(scope="module")
def storm() -> VideoFeatures:
    return extract_features(TARGET, backend="analytic")


def of(features: VideoFeatures, mood: str) -> np.ndarray:
    return features.emotion[:, EMOTIONS.index(mood)]


def mean_within(curve: np.ndarray, shot: str) -> float:
    """Mean of a per-second curve over the seconds that lie wholly inside a shot."""
    length = next(s.seconds for s in SHOTS if s.name == shot)
    return float(curve[ceil(STARTS_S[shot]) : int(STARTS_S[shot] + length)].mean())


def test_the_clip_is_as_long_and_as_large_as_drawn(storm):
    assert storm.duration_s == pytest.approx(sum(shot.seconds for shot in SHOTS))
    assert storm.seconds == ceil(storm.duration_s)
    assert TARGET.stat().st_size < 1_000_000
    with av.open(str(TARGET)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (WIDTH, HEIGHT)
        assert stream.average_rate == Fraction(FPS)


def test_every_change_of_shot_is_found_and_nothing_else(storm):
    """Rain, lightning and a running camera are no cuts."""
    drawn = cut_list()
    assert [cut.kind for cut in storm.cuts] == [cut.kind for cut in drawn]
    for found, true in zip(storm.cuts, drawn, strict=True):
        tolerance_s = 1.01 / FPS if true.kind == "cut" else 0.5
        assert abs(found.time_s - true.time_s) <= tolerance_s


def test_the_cut_from_flowers_to_storm_is_a_strong_one(storm):
    assert all(0 < cut.strength <= 1 for cut in storm.cuts)
    into_storm = min(storm.cuts, key=lambda cut: abs(cut.time_s - STARTS_S["hills"]))
    assert into_storm.strength > 0.5


@pytest.mark.parametrize("stormy", ["hills", "sea"])
@pytest.mark.parametrize("calm", ["meadow", "flowers", "clearing", "sunset"])
def test_the_storm_is_more_aroused_and_less_pleasant_than_the_calm(storm, stormy, calm):
    valence, arousal = valence_arousal(storm.emotion).T
    assert mean_within(arousal, stormy) > mean_within(arousal, calm) + 0.3
    assert mean_within(valence, stormy) < mean_within(valence, calm) - 0.3


@pytest.mark.parametrize("stormy", ["hills", "sea"])
def test_the_storm_is_tense_or_fearful(storm, stormy):
    likeliest = max(EMOTIONS, key=lambda mood: mean_within(of(storm, mood), stormy))
    assert likeliest in ("tense", "fearful")
    assert mean_within(valence_arousal(storm.emotion)[:, 0], stormy) <= -0.2


@pytest.mark.parametrize("calm", ["meadow", "flowers", "sunset"])
def test_the_calm_is_relaxing(storm, calm):
    assert max(EMOTIONS, key=lambda mood: mean_within(of(storm, mood), calm)) == "relaxing"


@pytest.mark.parametrize("calm", ["meadow", "sunset"])
def test_the_storm_moves_more(storm, calm):
    assert mean_within(storm.motion, "hills") > 2 * mean_within(storm.motion, calm)


def test_emotions_are_probabilities(storm):
    assert storm.emotion.shape == (storm.seconds, 6)
    assert (storm.emotion >= 0).all()
    assert np.allclose(storm.emotion.sum(axis=1), 1)
