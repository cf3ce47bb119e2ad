"""What asking for a mood does to the music: with toy models what is promised whatever the weights,
with the packaged ones that it is audible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from amt.arrange import arrange
from amt.compose import ComposeOptions, compose
from amt.compose.harmony import TENSE_QUALITIES
from amt.midi import write_midi
from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig, ExpressionConfig
from amt.models.expression import Expression
from amt.models.weights import load_composer, load_expression
from amt.mood import (
    MoodSpan,
    change_odds,
    density_level,
    fade_to_neutral,
    loudness_level,
    negative_valence,
    tension,
)
from amt.options import SamplingOptions
from amt.types import EMOTIONS, Cut, Plan, VideoFeatures

TOY_COMPOSER = ComposerConfig(d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2)
TOY_EXPRESSION = ExpressionConfig(d_model=8, hidden=8, layers=2, levels=4)
Models = tuple[Composer, Expression]
moods = st.sampled_from(EMOTIONS)


@pytest.fixture(scope="module")
def toys() -> Models:
    torch.manual_seed(0)
    expression = Expression(TOY_EXPRESSION).eval()
    expression.levels.copy_(torch.tensor([[0.0, 0.05, 0.1, 0.3], [0.0, 4.0, 8.0, 16.0]]))
    return Composer(TOY_COMPOSER).eval(), expression


@pytest.fixture(scope="module")
def packaged() -> Models:
    return load_composer(None), load_expression(None)


def clip(seconds: int, seed: int = 0) -> VideoFeatures:
    rng = np.random.default_rng(seed)
    return VideoFeatures(
        duration_s=float(seconds),
        emotion=rng.dirichlet(np.ones(6), size=seconds),
        motion=rng.uniform(0, 12, seconds),
        scene_offset=np.arange(seconds, dtype=np.float64),
        cuts=(Cut(seconds / 3 + 0.2, 0.9),),
        semantic=None,
        backend="analytic",
    )


def plan_in(
    models: Models, features: VideoFeatures, *asked: str, strength: float = 1.5, **options
) -> Plan:
    """A plan that asks for moods in equal parts of the clip."""
    length_s = features.seconds / max(1, len(asked))
    spans = tuple(MoodSpan(mood, i * length_s, (i + 1) * length_s) for i, mood in enumerate(asked))
    sampling = SamplingOptions(affect_guidance=strength)
    wishes = ComposeOptions(style="piano", moods=spans, sampling=sampling, **options)
    return compose(features, wishes, *models)


def midi_of(plan: Plan, folder: Path) -> bytes:
    path = folder / "song.mid"
    write_midi(arrange(plan), path)
    return path.read_bytes()


@settings(max_examples=5, deadline=None)
@given(first=moods, second=moods, seed=st.integers(0, 99), weight=st.sampled_from([0.0, 0.8, 5.0]))
def test_without_affect_guidance_the_bytes_are_the_same_whatever_is_asked(
    toys, tmp_path_factory, first: str, second: str, seed: int, weight: float
) -> None:
    features, folder = clip(12, seed), tmp_path_factory.mktemp("songs")
    unasked = midi_of(
        plan_in(toys, features, strength=0.0, seed=seed, chord_mood_weight=weight), folder
    )
    for asked in ((first,), (first, second)):
        plan = plan_in(toys, features, *asked, strength=0.0, seed=seed, chord_mood_weight=weight)
        assert midi_of(plan, folder) == unasked


def test_without_affect_guidance_the_mood_of_the_picture_does_not_matter_either(
    toys, tmp_path: Path
) -> None:
    features, other = clip(20), clip(20)
    other.emotion[:] = np.eye(6)[EMOTIONS.index("sad")]
    songs = {midi_of(plan_in(toys, f, strength=0.0), tmp_path) for f in (features, other)}
    assert len(songs) == 1
    songs = {midi_of(plan_in(toys, f, strength=1.5), tmp_path) for f in (features, other)}
    assert len(songs) == 2


def test_the_same_wish_gives_the_same_bytes(toys, tmp_path: Path) -> None:
    first, again = (midi_of(plan_in(toys, clip(30), "fearful", seed=5), tmp_path) for _ in range(2))
    assert first == again


def test_a_stronger_guidance_drives_moods_further_apart(toys) -> None:
    def gap(strength: float) -> float:
        plans = [plan_in(toys, clip(20), mood, strength=strength) for mood in ("exciting", "sad")]
        return float(np.log(plans[0].loudness / plans[1].loudness).mean())

    gaps = [gap(strength) for strength in (0.0, 0.75, 1.5, 3.0)]
    assert gaps[0] == 0
    assert gaps == sorted(gaps)
    assert gaps[-1] > gaps[-2] > gaps[1] > 0


def test_what_is_asked_outweighs_how_much_the_picture_moves(toys) -> None:
    still, wild = clip(30), clip(30)
    still.motion[:], wild.motion[:] = 0.2, 25.0
    calm = plan_in(toys, wild, "relaxing", fit=False).grid.tempo_bpm.mean()
    excited = plan_in(toys, still, "exciting", fit=False).grid.tempo_bpm.mean()
    assert calm < 90 < 115 < excited


def test_music_follows_a_mood_that_changes(toys) -> None:
    plan = plan_in(toys, clip(40), "relaxing", "tense")
    before, after = slice(0, 15), slice(25, 40)
    assert plan.loudness[after].mean() > 1.5 * plan.loudness[before].mean()
    assert plan.density[after].mean() > 1.3 * plan.density[before].mean()


def changes_a_minute(plans: list[Plan]) -> float:
    return float(np.mean([60 * (len(p.chords) - 1) / p.grid.duration_s for p in plans]))


def share(plans: list[Plan], *qualities: str) -> float:
    chords = [span.chord.quality for plan in plans for span in plan.chords]
    return float(np.mean([quality in qualities for quality in chords]))


@pytest.mark.parametrize("kind", ["toys", "packaged"])
def test_sad_is_minor_slow_soft_and_thin_beside_exciting(request, kind: str) -> None:
    models = request.getfixturevalue(kind)
    sad, exciting = (
        [plan_in(models, clip(24, seed), mood, seed=seed) for seed in range(3)]
        for mood in ("sad", "exciting")
    )
    assert {plan.key.mode for plan in sad} == {"minor"}
    assert {plan.key.mode for plan in exciting} == {"major"}
    assert changes_a_minute(sad) < 0.85 * changes_a_minute(exciting)
    minor = ("min", "min7", "min6")
    assert share(sad, *minor) > share(exciting, *minor)
    for slower, faster in zip(sad, exciting, strict=True):
        assert slower.grid.tempo_bpm.mean() <= faster.grid.tempo_bpm.mean()
        assert slower.loudness.mean() < 0.5 * faster.loudness.mean()
        assert slower.density.mean() < 0.75 * faster.density.mean()


@pytest.mark.parametrize("kind", ["toys", "packaged"])
def test_fear_is_dissonant_as_far_as_chords_follow_mood(request, kind: str) -> None:
    models = request.getfixturevalue(kind)

    def dissonance(mood: str, weight: float) -> float:
        plans = [
            plan_in(models, clip(24, seed), mood, seed=seed, chord_mood_weight=weight)
            for seed in range(12)
        ]
        return share(plans, *(quality for found in TENSE_QUALITIES.values() for quality in found))

    fearful = dissonance("fearful", 2.0)
    assert fearful > dissonance("relaxing", 2.0)
    assert fearful > dissonance("fearful", 0.0)


affects = arrays(np.float64, (5, 2), elements=st.floats(-1, 1))


@given(affects, st.floats(0.05, 1.0))
def test_more_arousal_is_louder_and_denser(affect: np.ndarray, more: float) -> None:
    raised = affect + np.array([0.0, more])
    assert (loudness_level(raised) > loudness_level(affect)).all()
    assert (density_level(raised) > density_level(affect)).all()
    assert (change_odds(raised) > change_odds(affect)).all()
    assert (tension(raised) >= tension(affect)).all()


@given(affects)
def test_tension_and_negative_valence_are_shares(affect: np.ndarray) -> None:
    for curve in (tension(affect), negative_valence(affect)):
        assert ((curve >= 0) & (curve <= 1)).all()


def test_only_what_is_unpleasant_is_negative_or_tense() -> None:
    places = np.array([[0.6, 0.8], [0.7, -0.7], [0.0, 0.0], [-0.6, 0.6], [-0.7, -0.5]])
    np.testing.assert_array_equal(tension(places) > 0, [False, False, False, True, False])
    np.testing.assert_array_equal(negative_valence(places) > 0, [False, False, False, True, True])


@given(st.integers(1, 20), st.floats(0, 4))
def test_toned_emotions_stay_probabilities(seconds: int, strength: float) -> None:
    emotion = np.random.default_rng(seconds).dirichlet(np.ones(6), size=seconds)
    fainter = fade_to_neutral(emotion, strength)
    np.testing.assert_allclose(fainter.sum(axis=1), 1)
    neutral = EMOTIONS.index("neutral")
    assert (fainter[:, neutral] >= emotion[:, neutral] - 1e-12).all()
    np.testing.assert_array_equal(fade_to_neutral(emotion, 1.0), emotion)
    assert (fade_to_neutral(emotion, 0.0)[:, neutral] == 1).all()
