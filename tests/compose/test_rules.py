"""Each musical rule of composing has its effect: direction and least size.

Every test holds everything but one rule still, and fails if the rule's constant is 0.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from amt.chords import HOME, Chord, Key, Mode, chord_from_id
from amt.compose import ComposeOptions
from amt.compose.curves import fade_to_end, loudness_and_density
from amt.compose.grid import Slot, chord_slots, final_chord_slot
from amt.compose.harmony import TENSE_QUALITIES, HarmonyContext, harmony_bias
from amt.compose.key import choose_key
from amt.compose.mood_target import (
    MoodTarget,
    energy_curve,
    mood_target,
    motion_level,
    scene_rows,
)
from amt.compose.planned import PlannedChord
from amt.compose.sections import piece_sections
from amt.models.chords.decode import SamplingOptions
from amt.mood import (
    MoodSpan,
    change_odds,
    density_level,
    loudness_level,
    negative_valence,
    tension,
)
from amt.types import EMOTION_VALENCE_AROUSAL, EMOTIONS, Cut, FloatArray, TimeGrid, VideoFeatures

NEUTRAL, CONTENT, AFRAID = (0.0, 0.0), (1.0, -1.0), (-1.0, 1.0)
"""Valence and arousal."""
BAR_S = 2.0


def certain(mood: str, seconds: int = 40) -> FloatArray:
    return np.tile(np.eye(len(EMOTIONS))[EMOTIONS.index(mood)], (seconds, 1))


def steady_grid(bars: int = 8, last_bar_s: float = BAR_S) -> TimeGrid:
    """Bars of four beats at 120 BPM; the last one may be cut off."""
    end_s = (bars - 1) * BAR_S + last_bar_s
    beats_s = np.arange(0, end_s - 1e-9, 0.5)
    n_beats = len(beats_s)
    sizes = (4,) * (bars - 1) + (n_beats - 4 * (bars - 1),)
    return TimeGrid(np.append(beats_s, end_s), sizes, (end_s - beats_s[-1]) / 0.5)


def context(
    *,
    affect: tuple[float, float] = NEUTRAL,
    mood: str = "neutral",
    mode: Mode = "major",
    section_beats: tuple[int, ...] = (0,),
    weight: float = 0.0,
    chromaticism: float = 1.0,
    grid: TimeGrid | None = None,
    seed: int = 1,
) -> HarmonyContext:
    grid = grid or steady_grid()
    slots = chord_slots(grid)
    return HarmonyContext(
        slots=slots,
        final_slot=final_chord_slot(slots, grid),
        section_beats=frozenset(section_beats),
        mode=mode,
        emotion=certain(mood),
        affect=np.tile(affect, (40, 1)),
        chord_mood_weight=weight,
        chromaticism=chromaticism,
        seed=seed,
    )


def film(motion: FloatArray, mood: str = "neutral", cuts: tuple[Cut, ...] = ()) -> VideoFeatures:
    seconds = len(motion)
    return VideoFeatures(
        duration_s=float(seconds),
        emotion=certain(mood, seconds),
        motion=np.asarray(motion, dtype=np.float64),
        scene_offset=np.zeros(seconds),
        cuts=cuts,
        semantic=None,
        backend="analytic",
    )


# --- mood: how far music follows it (EMOPIA) ---


def test_arousal_is_worth_decibels_and_notes() -> None:
    low, high = np.array([[0.0, -1.0]]), np.array([[0.0, 1.0]])
    assert 20 * np.log10(loudness_level(high) / loudness_level(low))[0] >= 20
    assert (density_level(high) / density_level(low))[0] >= 3
    neutral = np.zeros((1, 2))
    assert -30 <= 20 * np.log10(loudness_level(neutral))[0] <= -20
    assert 4 <= density_level(neutral)[0] <= 8


def test_chords_change_more_often_when_happy_and_a_little_when_excited() -> None:
    sad, happy = np.array([[-1.0, 0.0]]), np.array([[1.0, 0.0]])
    calm, excited = np.array([[0.0, -1.0]]), np.array([[0.0, 1.0]])
    assert (change_odds(happy) - change_odds(sad))[0] >= 1
    assert 0.1 <= (change_odds(excited) - change_odds(calm))[0] <= 0.5


def test_fear_and_tension_are_tense_and_joy_is_not() -> None:
    places = np.array([EMOTION_VALENCE_AROUSAL[m] for m in ("fearful", "tense", "exciting")])
    fearful, tense, exciting = tension(places)
    assert fearful >= 0.4
    assert tense >= 0.4
    assert exciting == 0
    np.testing.assert_array_equal(negative_valence(np.array([[-0.3, 0.0], [0.0, 0.0]])), [1, 0])


# --- key ---


def test_clearly_negative_valence_is_minor_and_nearly_neutral_is_major() -> None:
    modes = [choose_key(film(np.zeros(9)), np.full((9, 2), v), 0).mode for v in (-0.3, -0.03, 0.3)]
    assert modes == ["minor", "major", "major"]


def test_the_most_intense_part_of_a_clip_decides_its_mode() -> None:
    calm, storm = np.tile([0.5, -0.5], (16, 1)), np.tile([-0.35, 0.6], (8, 1))
    assert choose_key(film(np.zeros(24)), np.concatenate([calm, storm]), 0).mode == "minor"
    faint = np.tile([-0.35, -0.5], (8, 1))
    assert choose_key(film(np.zeros(24)), np.concatenate([calm, faint]), 0).mode == "major"


# --- mood over time ---


def test_the_mood_changes_with_a_strong_cut_and_slowly_inside_a_scene() -> None:
    def target(strength: float, at_s: float = 20.3) -> FloatArray:
        features = film(np.zeros(40), cuts=(Cut(at_s, strength),))
        features.emotion[21:] = certain("sad", 19)
        return mood_target(features, ComposeOptions()).emotion[:, EMOTIONS.index("sad")]

    at_cut, inside = target(0.9), target(0.3)
    assert at_cut[19] < 0.01
    assert at_cut[20] > 0.99  # the cut lies in the first half of its second
    assert inside[18] > 0.1
    assert inside[23] < 0.9
    # A montage has no scenes of its own.
    many = tuple(Cut(float(t), 0.9) for t in np.arange(1.0, 39.0))
    rows = scene_rows(film(np.zeros(40), cuts=many))
    assert (np.diff([0, *rows, 40]) >= 3).all()


# --- harmony ---


def gain(with_rule: Tensor, without: Tensor, chord: Chord) -> float:
    return float(with_rule[chord.id] - without[chord.id])


def test_foreign_tones_cost_as_far_as_chromaticism_is_held_back() -> None:
    home = HOME["major"]
    in_key, foreign = Chord(home.tonic, "maj"), Chord(home.tonic, "min")  # a minor third
    strict, free = (harmony_bias(context(chromaticism=c)).chords[4] for c in (0.0, 1.0))
    assert gain(strict, free, in_key) == 0
    assert gain(strict, free, foreign) <= -2
    # The leading tone belongs to minor as well.
    minor = HOME["minor"]
    dominant = Chord((minor.tonic + 7) % 12, "maj")
    strict = harmony_bias(context(mode="minor", chromaticism=0.0)).chords[4]
    assert strict[dominant.id] == strict[minor.tonic_chord.id]


def test_a_piece_opens_on_the_tonic_and_ends_with_a_cadence_on_it() -> None:
    found = context()
    home, bias = found.home, harmony_bias(found).chords
    other = Chord((home.tonic + 4) % 12, "min").id
    assert bias[0, home.tonic_chord.id] - bias[0, other] >= 1
    assert torch.isfinite(bias[found.final_slot :]).sum() == len(found.slots) - found.final_slot
    assert torch.isfinite(bias[found.final_slot :, home.tonic_chord.id]).all()
    assert bias[found.final_slot - 1, Chord((home.tonic + 7) % 12, "7").id] >= 2


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_before_a_section_come_dominants_and_on_it_the_tonic_or_the_sixth(mode: Mode) -> None:
    home = HOME[mode]
    with_section = harmony_bias(context(mode=mode, section_beats=(0, 12)))
    without = harmony_bias(context(mode=mode))
    slot = next(i for i, s in enumerate(context().slots) if s.beat == 12)
    before, on = ((with_section.chords[i], without.chords[i]) for i in (slot - 1, slot))

    def degree(semitones: int, quality: str) -> Chord:
        return Chord((home.tonic + semitones) % 12, quality)

    fourth, sixth = ("maj", (9, "min")) if mode == "major" else ("min", (8, "maj"))
    assert gain(*before, degree(7, "maj")) >= 2
    assert gain(*before, degree(7, "7")) >= 2
    assert 1.5 <= gain(*before, degree(5, fourth)) < gain(*before, degree(7, "maj"))
    for weak in (degree(2, "min7"), degree(10, "maj")):
        assert 0.5 <= gain(*before, weak) < gain(*before, degree(5, fourth))
    assert gain(*before, home.tonic_chord) <= -1
    assert gain(*on, home.tonic_chord) >= 1.5
    assert 0.5 <= gain(*on, degree(*sixth)) < gain(*on, home.tonic_chord)


def test_chords_change_at_sections_then_on_downbeats_then_inside_bars() -> None:
    found = context(section_beats=(0, 12))
    changes = harmony_bias(found).changes.tolist()
    at = {slot.beat: odds for slot, odds in zip(found.slots, changes, strict=True)}
    assert at[12] - at[16] >= 1
    assert at[16] - at[18] >= 1
    assert at[18] <= -0.5
    sad, happy = (harmony_bias(context(affect=(v, 0.0))).changes[3] for v in (-0.7, 0.7))
    assert happy - sad >= 0.8


def tense_slots(found: HarmonyContext, quality: str = "7") -> list[int]:
    """Slots in which dominant sevenths, or chords of another quality, are favoured."""
    bias = harmony_bias(found).chords[: found.final_slot]
    tense, major = ([Chord(root, q).id for root in range(12)] for q in (quality, "maj"))
    gains = bias[:, tense].amin(dim=1) - bias[:, major].amax(dim=1)
    return torch.nonzero(gains > 5).flatten().tolist()


def test_tension_calls_for_tense_chords_before_downbeats() -> None:
    grid = steady_grid(60)

    def called(affect: tuple[float, float], weight: float) -> tuple[list[int], HarmonyContext]:
        found = context(affect=affect, weight=weight, grid=grid)
        return tense_slots(found), found

    slots, found = called(AFRAID, 0.3)
    assert all(found.slots[i + 1].begins_bar for i in slots)
    before_downbeats = sum(slot.begins_bar for slot in found.slots) - 1
    assert 0.15 <= len(slots) / before_downbeats <= 0.45
    most, _ = called(AFRAID, 20.0)
    assert len(slots) < len(most) <= 0.7 * before_downbeats
    assert called(AFRAID, 0.0)[0] == called(CONTENT, 20.0)[0] == []
    bias = harmony_bias(found).chords[slots[0]]
    plain = Chord(0, "maj").id
    for quality in TENSE_QUALITIES["tense"]:
        assert bias[Chord(0, quality).id] - bias[plain] >= 6


def test_fear_calls_for_diminished_chords_and_tension_for_ones_that_resolve() -> None:
    grid = steady_grid(60)
    fear, tense = (
        context(affect=AFRAID, mood=mood, weight=0.8, grid=grid) for mood in ("fearful", "tense")
    )
    assert tense_slots(fear, "dim")
    assert tense_slots(tense, "7")
    assert tense_slots(fear, "7") == tense_slots(tense, "dim") == []


def test_under_tension_harmony_does_not_move_more_often_elsewhere() -> None:
    def odds(affect: tuple[float, float]) -> float:
        found = context(affect=affect)
        return float(harmony_bias(found).changes[3]) - float(change_odds(np.array([affect]))[0])

    assert odds(AFRAID) <= odds(CONTENT) - 1


def test_chords_that_fit_the_mood_gain_and_minor_chords_where_valence_is_negative() -> None:
    def bias(weight: float, mood: str, valence: float) -> Tensor:
        return harmony_bias(context(weight=weight, mood=mood, affect=(valence, -1.0))).chords[4]

    sus, major, minor = (Chord(0, quality).id for quality in ("sus4", "maj", "min"))
    exciting = bias(0.8, "exciting", 0.5)
    assert exciting[sus] - exciting[minor] >= 0.5
    assert (bias(0.0, "exciting", 0.5)[1:] == 0).all()
    dark = bias(0.8, "relaxing", -0.5)
    for quality in ("min", "min7", "min6"):
        assert dark[Chord(0, quality).id] - dark[major] >= 0.2
    bright = bias(0.8, "relaxing", 0.5)
    assert bright[minor] < bright[major]


# --- slots ---


def test_a_bar_of_four_beats_has_two_chords_and_odd_bars_are_divided_nearly_even() -> None:
    def lengths(beats: int) -> list[int]:
        grid = TimeGrid(np.arange(2 * beats + 1.0), (beats, beats))
        slots = chord_slots(grid)
        edges = np.array([slot.beat for slot in slots] + [2 * beats])
        # A beat lasts a second here, so the middles of slots say the same as their first beats.
        middles_s = [slot.middle_s for slot in slots]
        np.testing.assert_array_equal(middles_s, (edges[1:] + edges[:-1]) / 2)
        return np.diff(edges).tolist()[: len(slots) // 2]

    assert [lengths(n) for n in (2, 3, 4, 5, 6, 7)] == [[2], [3], [2, 2], [3, 2], [3, 3], [4, 3]]


def test_the_final_chord_has_a_second_at_least() -> None:
    def final_beat(last_bar_s: float) -> int:
        grid = steady_grid(8, last_bar_s)
        slots = chord_slots(grid)
        return slots[final_chord_slot(slots, grid)].beat

    assert final_beat(1.5) == 28
    assert final_beat(0.8) == 24


# --- sections ---


def test_sections_begin_at_strong_cuts_that_leave_room() -> None:
    grid = steady_grid(12)

    def beats(*cuts: Cut) -> list[int]:
        features = film(np.zeros(24), cuts=cuts)
        return [s.beat for s in piece_sections(features, grid, features.emotion)]

    assert beats(Cut(8.0, 0.9), Cut(16.0, 0.9)) == [0, 16, 32]
    assert beats(Cut(8.0, 0.9), Cut(12.0, 0.9)) == [0, 16]
    assert beats(Cut(4.0, 0.9), Cut(20.0, 0.9)) == [0]
    assert beats(Cut(8.0, 0.6)) == [0]


# --- mood target ---


def test_motion_is_measured_on_a_log_scale_and_smoothed() -> None:
    assert motion_level(film(np.full(9, 30.0)))[4] == pytest.approx(1.0)
    assert 0.4 <= motion_level(film(np.full(9, 5.0)))[4] <= 0.7
    burst = np.zeros(30)
    burst[14:18] = 30.0
    level = motion_level(film(burst))
    assert np.abs(np.diff(level)).max() <= 0.5
    assert level[12] >= 0.02


def test_energy_is_half_motion_half_arousal_and_asked_moods_set_its_level() -> None:
    still, moving = np.zeros(10), np.ones(10)
    calm, excited = np.full(10, -1.0), np.full(10, 1.0)
    assert (energy_curve(moving, calm) - energy_curve(still, calm)).min() >= 0.4
    assert (energy_curve(still, excited) - energy_curve(still, calm)).min() >= 0.4
    np.testing.assert_array_equal(energy_curve(moving, calm, 1.0), energy_curve(still, calm, 1.0))
    step = np.repeat([0.0, 1.0], 5)
    asked = energy_curve(step, np.zeros(10), 1.0)
    assert asked[9] - asked[0] >= 0.2
    assert asked.mean() == pytest.approx(0.5)


def test_the_strength_of_mood_is_relative_to_the_guidance_of_human_music() -> None:
    def target(guidance: float) -> MoodTarget:
        sampling = SamplingOptions(affect_guidance=guidance)
        return mood_target(film(np.zeros(30), "sad"), ComposeOptions(sampling=sampling))

    assert target(1.5).affect[15, 0] == pytest.approx(EMOTION_VALENCE_AROUSAL["sad"][0])
    assert target(0.75).affect[15, 0] == pytest.approx(EMOTION_VALENCE_AROUSAL["sad"][0] / 2)
    assert target(3.0).affect[15, 0] == -1
    np.testing.assert_array_equal(target(3.0).video_emotion, certain("sad", 30))


def test_an_asked_mood_replaces_the_video_s_in_its_span_and_sets_in_gradually() -> None:
    options = ComposeOptions(moods=(MoodSpan("sad", 20.0, 40.0),), mood_sigma_s=2.0)
    target = mood_target(film(np.zeros(40), "relaxing"), options)
    sad = target.emotion[:, EMOTIONS.index("sad")]
    assert sad[2] <= 0.05
    assert sad[37] >= 0.9
    assert np.abs(np.diff(sad)).max() <= 0.5
    assert (target.video_emotion[:, EMOTIONS.index("sad")] == 0).all()


# --- loudness and density ---


class StillExpression:
    """Predicts given curves, [S, 2], whatever it is shown, and keeps what it was shown."""

    def __init__(self, curves: FloatArray) -> None:
        self.curves = torch.tensor(curves)[None]

    def __call__(self, video):
        self.video = video
        return SimpleNamespace(mean=self.curves)

    def rescale_variance(self, mean: Tensor) -> Tensor:
        return mean


def still_mood(motion: FloatArray, affect: tuple[float, float] = NEUTRAL) -> MoodTarget:
    seconds = len(motion)
    curves = np.tile(affect, (seconds, 1))
    emotion = certain("neutral", seconds)
    return MoodTarget(emotion, curves, np.zeros(seconds), emotion, curves, motion)


def curves_of(
    motion: FloatArray,
    predicted: FloatArray | None = None,
    affect: tuple[float, float] = NEUTRAL,
) -> tuple[FloatArray, FloatArray, StillExpression]:
    seconds = len(motion)
    constant = np.tile([0.05, 12.0], (seconds, 1))
    network = StillExpression(constant if predicted is None else predicted)
    loudness, density = loudness_and_density(
        film(np.zeros(seconds)), network, still_mood(motion, affect)
    )
    return loudness, density, network


STEP = np.repeat([0.0, 1.0], 15)


def test_motion_moves_loudness_by_decibels_and_density_by_a_factor() -> None:
    loudness, density, _ = curves_of(STEP)
    assert 20 * np.log10(loudness[25] / loudness[5]) >= 5
    assert density[25] / density[5] >= 2
    faint, _, _ = curves_of(0.01 * STEP)
    assert 20 * np.log10(faint[25] / faint[5]) <= 1.5


def test_the_network_shapes_the_course_smoothly_and_half_of_the_density_s_level() -> None:
    still = np.zeros(30)
    burst = np.tile([0.05, 12.0], (30, 1))
    burst[15] = [0.2, 24.0]
    loudness, density, network = curves_of(still, burst)
    assert loudness[15] >= 1.3 * loudness[5]
    assert loudness[14] >= 1.1 * loudness[5]
    assert density[14] >= 1.05 * density[5]
    sparse = curves_of(still, np.tile([0.05, 3.0], (30, 1)))[1]
    dense = curves_of(still, np.tile([0.05, 12.0], (30, 1)))[1]
    assert dense[10] / sparse[10] == pytest.approx(2, rel=0.1)
    assert 4 <= dense[10] <= 8
    louder = curves_of(still, np.tile([0.4, 12.0], (30, 1)))[0]
    np.testing.assert_allclose(louder, curves_of(still)[0])
    # The clip lies in the middle of a longer video.
    assert float(network.video.clock.min()) >= 25


def test_mood_sets_the_level_of_loudness_and_density() -> None:
    still = np.zeros(30)
    low, high = (curves_of(still, affect=(0.0, arousal)) for arousal in (-1.0, 1.0))
    assert 20 * np.log10(high[0] / low[0]).min() >= 18
    assert (high[1] / low[1]).min() >= 3


def test_the_quietest_and_the_sparsest_music_is_still_there_and_the_loudest_is_bounded() -> None:
    wild = 40 * np.repeat([0.0, 1.0], 15)
    predicted = np.stack([np.repeat([1e-5, 0.9], 15), np.repeat([1e-4, 90.0], 15)], axis=1)
    loudness, density, _ = curves_of(wild, predicted, affect=(0.0, 1.0))
    assert loudness.min() >= 0.009
    assert density.min() >= 0.4
    assert 0.3 <= loudness.max() <= 1
    assert 20 <= density.max() <= 40


def test_density_falls_to_nothing_under_the_final_chord() -> None:
    grid = steady_grid()
    density = fade_to_end(np.full(16, 8.0), grid, 24)
    np.testing.assert_array_equal(density[:12], 8)
    assert (np.diff(density[12:]) < 0).all()
    assert density[-1] <= 1.5


def test_a_slot_reads_the_mood_in_its_middle() -> None:
    found = context()
    assert [slot.middle_s for slot in found.slots[:3]] == [0.5, 1.5, 2.5]
    curve = np.arange(40.0)
    np.testing.assert_array_equal(found.at_slots(curve)[:5], [0, 1, 2, 3, 4])
    assert isinstance(found.slots[0], Slot)
    assert found.home == Key(HOME["major"].tonic, "major")
    assert chord_from_id(found.home.tonic_chord.id) == found.home.tonic_chord


def test_planned_degrees_gain_and_change_where_they_change():
    """By at least 3 nats against a slot without a plan, and 1.5 nats of a change."""
    free = context()
    line = [degree for degree in (0, 5, 7, 9) for _ in range(2)] * len(free.slots)
    planned = replace(free, planned=tuple(map(PlannedChord, line[: len(free.slots)])))
    gained = harmony_bias(planned).chords - harmony_bias(free).chords
    fourth, tonic = Chord(5, "maj").id, Chord(0, "maj").id
    assert float(gained[2, fourth] - gained[2, tonic]) >= 3
    moved = harmony_bias(planned).changes - harmony_bias(free).changes
    assert float(moved[2]) >= 1.5
    assert float(moved[3]) <= -1.5


def test_chords_of_four_tones_gain_where_degrees_are_planned():
    free = context()
    planned = replace(free, planned=(PlannedChord(0),) * len(free.slots))
    gained = harmony_bias(planned).chords - harmony_bias(free).chords
    assert float(gained[1, Chord(0, "maj7").id] - gained[1, Chord(0, "maj").id]) >= 0.2
