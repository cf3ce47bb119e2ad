"""The tempo of a piece serves its mood, and its beats fall on the cuts."""

from __future__ import annotations

import numpy as np
import pytest

from amt.compose import ComposeOptions
from amt.compose.grid import chord_slots
from amt.compose.tempo import piece_grid, wanted_tempo, with_feels
from amt.timing.hits import are_hits
from amt.types import EMOTIONS, FEEL_FACTOR, Cut, FloatArray, Section, TimeGrid, VideoFeatures

SECONDS = 60


def film(*cuts_s: float) -> VideoFeatures:
    return VideoFeatures(
        duration_s=float(SECONDS),
        emotion=np.tile(np.eye(len(EMOTIONS))[-1], (SECONDS, 1)),
        motion=np.zeros(SECONDS),
        scene_offset=np.zeros(SECONDS),
        cuts=tuple(Cut(time_s, 0.9) for time_s in cuts_s),
        semantic=None,
        backend="analytic",
    )


def every(step_s: float, count: int) -> list[float]:
    return [step_s * (i + 1) for i in range(count)]


def tempo(bpm: float) -> FloatArray:
    return np.full(SECONDS, bpm)


def bpm_of(grid: TimeGrid) -> float:
    return 60 * grid.end_beat / grid.duration_s


def test_tempo_follows_energy_and_joy() -> None:
    calm, wild = wanted_tempo(np.array([0.0, 1.0]), np.zeros(2))
    assert 60 <= calm <= 72
    assert 130 <= wild <= 145
    sad, happy = wanted_tempo(np.full(2, 0.5), np.array([-1.0, 1.0]))
    assert happy - sad >= 15
    assert wanted_tempo(np.array([-9.0, 9.0]), np.zeros(2)).tolist() == [60, 160]


@pytest.mark.parametrize("wanted", [72.0, 100.0, 132.0])
def test_without_cuts_or_without_fitting_the_tempo_is_the_wanted_one(wanted: float) -> None:
    for options in (ComposeOptions(fit=False), ComposeOptions()):
        grid, feel = piece_grid(film(), options, tempo(wanted))
        assert feel == "normal"
        assert bpm_of(grid) == pytest.approx(wanted, rel=0.05)
    held, feel = piece_grid(film(*every(2.0, 20)), ComposeOptions(bpm=150), tempo(wanted))
    assert (round(bpm_of(held)), feel) == (150, "normal")


@pytest.mark.parametrize("step_s", [1.31, 1.7, 2.26, 3.11])
def test_cuts_fall_on_beats_and_the_felt_tempo_is_near_the_wanted_one(step_s: float) -> None:
    cuts = every(step_s, int(SECONDS / step_s) - 1)
    felt = []
    for wanted in (75.0, 100.0, 130.0):
        grid, feel = piece_grid(film(*cuts), ComposeOptions(), tempo(wanted))
        distance = np.abs(np.array(cuts)[:, None] - grid.beats_s).min(axis=1)
        assert are_hits(distance).mean() >= 0.9
        felt.append(bpm_of(grid) * FEEL_FACTOR[feel])
        assert abs(np.log2(felt[-1] / wanted)) <= 0.35
    assert felt == sorted(felt)
    assert felt[0] <= 90
    assert felt[-1] >= 110


def test_where_cuts_force_a_fast_beat_calm_music_is_in_half_time() -> None:
    cuts = every(60 / 144 * 3, 45)  # three beats at 144 or one and a half at 72
    grid, feel = piece_grid(film(*cuts), ComposeOptions(), tempo(72.0))
    assert (round(bpm_of(grid)), feel) == (144, "half")
    _, feel = piece_grid(film(*cuts), ComposeOptions(), tempo(140.0))
    assert feel == "normal"


def test_a_section_that_wants_half_the_tempo_has_half_time_feel() -> None:
    grid = TimeGrid(np.arange(0, 60.1, 0.5), (4,) * 30)  # 120 BPM
    sections = (Section(0, "exciting"), Section(60, "sad"))
    wanted = np.where(np.arange(SECONDS) < 30, 120.0, 66.0)
    feels = [s.feel for s in with_feels(sections, grid, "normal", wanted)]
    assert feels == ["normal", "half"]
    wanted[30:] = 90.0
    feels = [s.feel for s in with_feels(sections, grid, "normal", wanted)]
    assert feels == ["normal", "normal"]


def test_a_bar_in_half_time_feel_has_one_chord() -> None:
    grid = TimeGrid(np.arange(17.0), (4,) * 4)
    sections = (Section(0, "sad", "half"), Section(8, "exciting", "double"))
    beats = [slot.beat for slot in chord_slots(grid, sections)]
    assert beats == [0, 4, 8, 10, 12, 14]


@pytest.mark.parametrize("step_s", [1.31, 1.7, 2.26, 3.11])
@pytest.mark.parametrize("energy", [0.1, 0.9])
def test_the_felt_tempo_stays_in_the_range_of_the_style_and_on_the_cuts(
    step_s: float, energy: float
) -> None:
    bounds = (66.0, 96.0)
    wanted = wanted_tempo(np.full(SECONDS, energy), np.zeros(SECONDS), bounds)
    cuts = every(step_s, 18)
    grid, feel = piece_grid(film(*cuts), ComposeOptions(tempo_range=bounds), wanted)
    felt = grid.tempo_bpm * FEEL_FACTOR[feel]
    assert np.mean((felt >= 0.97 * bounds[0]) & (felt <= 1.03 * bounds[1])) >= 0.95
    distance = np.abs(np.array(cuts)[:, None] - grid.beats_s).min(axis=1)
    assert are_hits(distance).mean() >= 0.9


def test_a_range_of_tempo_too_narrow_for_any_cut_is_passed_over() -> None:
    features = film(5.3, 12.1)
    grid, feel = piece_grid(features, ComposeOptions(tempo_range=(100.0, 101.0)), tempo(100))
    assert grid.duration_s == features.duration_s
    assert feel == "normal"
