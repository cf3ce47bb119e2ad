"""From features to a plan, with toy models: what is promised whatever the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import Key, parse_chord, parse_key
from amt.compose import ComposeOptions, compose
from amt.compose.key import choose_key
from amt.errors import GridError, InputError
from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig, ExpressionConfig
from amt.models.expression import Expression
from amt.mood import EMOTION_QUALITIES, MoodSpan
from amt.plan import rounded, validate
from amt.types import EMOTIONS, Cut, Plan, VideoFeatures

TOY_COMPOSER = ComposerConfig(d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2)
TOY_EXPRESSION = ExpressionConfig(d_model=8, hidden=8, layers=2, levels=4)


@pytest.fixture(scope="module")
def models() -> tuple[Composer, Expression]:
    torch.manual_seed(0)
    expression = Expression(TOY_EXPRESSION).eval()
    expression.levels.copy_(torch.tensor([[0.0, 0.05, 0.1, 0.3], [0.0, 4.0, 8.0, 16.0]]))
    return Composer(TOY_COMPOSER).eval(), expression


def clip(duration_s: float, cuts_s: tuple[float, ...] = (), mood: str = "neutral") -> VideoFeatures:
    seconds = int(np.ceil(duration_s))
    rng = np.random.default_rng(seconds)
    emotion = np.full((seconds, 6), 0.1)
    emotion[:, EMOTIONS.index(mood)] = 0.5
    return VideoFeatures(
        duration_s=duration_s,
        emotion=emotion,
        motion=rng.uniform(0, 20, seconds),
        scene_offset=np.arange(seconds, dtype=np.float64) % 7,
        cuts=tuple(Cut(time_s, 0.9) for time_s in cuts_s),
        semantic=None,
        backend="analytic",
    )


def plan_of(models, features: VideoFeatures, **options) -> Plan:
    return compose(features, ComposeOptions(**options), *models)


@settings(max_examples=15, deadline=None)
@given(duration_s=st.floats(0.4, 90), seed=st.integers(0, 2**31), share=st.floats(0.1, 0.9))
def test_every_clip_gets_a_whole_plan(models, duration_s: float, seed: int, share: float) -> None:
    plan = plan_of(models, clip(duration_s, (duration_s * share,)), seed=seed)
    validate(rounded(plan))
    assert plan.grid.duration_s == pytest.approx(duration_s, abs=1e-6)
    assert all(span.chord.root is not None for span in plan.chords)
    last = plan.chords[-1].chord
    assert last == plan.key.tonic_chord


def test_same_seed_same_plan_another_seed_another(models) -> None:
    first, again, other = (
        plan_of(models, clip(40.0), seed=seed, key=Key(0, "major")) for seed in (1, 1, 2)
    )
    assert first.chords == again.chords
    assert first.chords != other.chords


def test_chords_change_on_beats_of_the_grid_and_begin_at_zero(models) -> None:
    plan = plan_of(models, clip(45.0, (10.0, 21.3, 33.3)))
    beats = [span.beat for span in plan.chords]
    assert beats[0] == 0
    assert beats == sorted(set(beats))
    assert beats[-1] < plan.grid.n_beats


def test_chords_keep_to_the_key_unless_asked(models) -> None:
    key = parse_key("Eb major")
    strict = plan_of(models, clip(60.0), key=key, chromaticism=-30.0)
    tones = {pc for span in strict.chords for pc in span.chord.pitch_classes}
    assert tones <= set(key.scale)
    free = plan_of(models, clip(60.0), key=key, chromaticism=1.0)
    assert {pc for span in free.chords for pc in span.chord.pitch_classes} - set(key.scale)


def test_the_primer_opens_the_piece_in_its_own_key(models) -> None:
    primer = tuple(parse_chord(name) for name in ("Dm", "Bb", "Gm", "A"))
    plan = plan_of(models, clip(30.0), primer=primer, key=parse_key("D minor"), bpm=120.0)
    assert tuple(span.chord for span in plan.chords[:4]) == primer
    with pytest.raises(InputError, match="primer has 400 chords"):
        plan_of(models, clip(5.0), primer=primer * 100)


def test_mood_decides_the_mode(models) -> None:
    assert plan_of(models, clip(20.0, mood="sad")).key.mode == "minor"
    assert plan_of(models, clip(20.0, mood="relaxing")).key.mode == "major"
    asked = (MoodSpan("sad", 0.0, 20.0),)
    assert plan_of(models, clip(20.0, mood="relaxing"), moods=asked).key.mode == "minor"


@pytest.mark.parametrize(("mood", "other"), [("sad", "maj"), ("exciting", "min")])
def test_chord_qualities_follow_mood_as_far_as_asked(models, mood: str, other: str) -> None:
    def qualities(weight: float) -> list[str]:
        plans = (
            plan_of(
                models, clip(60.0, mood=mood), key=Key(9, "minor"), chord_mood_weight=weight,
                seed=seed,
            )
            for seed in range(4)
        )  # fmt: skip
        return [span.chord.quality for plan in plans for span in plan.chords]

    def fitting(found: list[str]) -> float:
        return np.mean([quality in EMOTION_QUALITIES[mood] for quality in found])

    def opposite(found: list[str]) -> float:
        return np.mean([quality.startswith(other) for quality in found])

    strong, none = qualities(6.0), qualities(0.0)
    assert fitting(strong) > fitting(none) + 0.1
    assert opposite(strong) < opposite(none)


def test_the_tonic_comes_from_the_seed_and_from_the_clip() -> None:
    def tonic(features: VideoFeatures, seed: int = 0, valence: float = 0.0) -> int:
        return choose_key(features, np.full((3, 2), valence), seed).tonic

    assert len({tonic(clip(20.0), seed) for seed in range(60)}) == 12
    assert len({tonic(clip(20.0 + 0.04 * frames)) for frames in range(60)}) == 12
    assert len({tonic(clip(60.0, (float(cut_s),))) for cut_s in range(1, 60)}) == 12
    brighter, still = clip(20.0, mood="exciting"), clip(20.0)
    still.motion[:] = 0.0
    assert {tonic(brighter), tonic(still), tonic(still, valence=-1.0)} == {tonic(clip(20.0))}


def test_more_energy_is_faster_louder_and_denser(models) -> None:
    calm, wild = clip(30.0, mood="relaxing"), clip(30.0, mood="exciting")
    slow, fast = (
        plan_of(models, features, fit=False).grid.tempo_bpm.mean() for features in (calm, wild)
    )
    assert slow < fast
    wild.motion[:15] = 0.0
    wild.motion[15:] = 30.0
    plan = plan_of(models, wild)
    assert plan.loudness[20:].mean() > plan.loudness[:10].mean()
    assert plan.density[20:].mean() > plan.density[:10].mean()


def test_sections_end_on_a_dominant_more_often_than_chance(models) -> None:
    key = Key(0, "major")

    def dominants(cuts_s: tuple[float, ...]) -> float:
        """Share of dominants in the half bar before 20 and 40 s."""
        found = []
        for seed in range(12):
            plan = plan_of(
                models, clip(60.0, cuts_s), seed=seed, key=key, bpm=120.0, chord_mood_weight=0.0
            )
            for time_s in (20.0, 40.0):
                beat = round(float(plan.grid.beats_at(time_s))) - 1
                chord = [span.chord for span in plan.chords if span.beat <= beat][-1]
                found.append(chord.root == 7)
        return float(np.mean(found))

    assert dominants((20.0, 40.0)) > 2 * dominants((15.0, 30.0, 45.0))


def test_peaks_of_movement_become_accents_but_cuts_do_not(models) -> None:
    features = clip(20.0, (10.0,))
    features.motion[:] = 1.0
    features.motion[[5, 10]] = 20.0
    assert [accent.time_s for accent in plan_of(models, features).accents] == [5.0]


def test_density_settles_in_the_last_bar(models) -> None:
    plan = plan_of(models, clip(40.0))
    last_bar = int(plan.grid.beats_s[plan.grid.downbeats[-1]])
    assert plan.density[-1] < 0.7 * plan.density[last_bar - 1]
    assert plan_of(models, clip(0.5)).density[0] > 0


def test_strong_cuts_begin_sections_with_the_mood_seen_there(models) -> None:
    features = clip(24.0, (12.0,), mood="relaxing")
    features.emotion[12:] = np.eye(6)[EMOTIONS.index("tense")]
    plan = plan_of(models, features)
    assert [section.mood for section in plan.sections] == ["relaxing", "tense"]
    start_s = plan.grid.seconds_at(float(plan.sections[1].beat))
    assert start_s == pytest.approx(12.0, abs=0.04)


@pytest.mark.parametrize("fit", [True, False])
@pytest.mark.parametrize("bpm", [-5.0, 500.0, float("nan")])
def test_impossible_tempi_are_named(bpm: float, fit: bool) -> None:
    with pytest.raises(InputError, match=f"^`bpm` is {bpm:g}; expected a number from 60 to 160"):
        ComposeOptions(bpm=bpm, fit=fit)


def test_a_hit_point_outside_the_clip_is_named(models) -> None:
    with pytest.raises(GridError, match="hit point lies at 99 s"):
        plan_of(models, clip(20.0), hits_s=(99.0,))


@pytest.mark.parametrize("value", [-0.5, 1e6, float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("name", "option", "high"),
    [("mood_sigma_s", "mood_smoothing", "600"), ("mood_blend", "mood_blend", "1"),
     ("chord_mood_weight", "chord_mood", "20")],
)  # fmt: skip
def test_a_number_out_of_range_is_named_as_in_the_table_of_options(
    name: str, option: str, high: str, value: float
) -> None:
    with pytest.raises(InputError) as caught:
        ComposeOptions(**{name: value})
    sentence = str(caught.value)
    assert sentence.startswith(f"`{option}` is {value:g}; expected ")
    assert f"to {high}" in sentence


def test_hits_need_a_fitted_grid(models) -> None:
    with pytest.raises(InputError, match="leave out `fit=False`"):
        plan_of(models, clip(20.0), fit=False, hits_s=(3.0,))
