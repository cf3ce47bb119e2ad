from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amt.errors import GridError
from amt.timing import grid_end_tick, steady_grid, tempo_changes, time_signatures
from amt.types import TICKS_PER_BEAT, TimeGrid, TimeSignature

durations = st.floats(0.5, 300)
tempos = st.floats(60, 160)


def clock(grid: TimeGrid, ticks: np.ndarray) -> np.ndarray:
    """Time in seconds of ticks as a sequencer reads the tempo map."""
    changes = tempo_changes(grid)
    at = np.array([c.tick for c in changes])
    us = np.array([c.us_per_beat for c in changes], dtype=float)
    starts = np.concatenate([[0], np.cumsum(np.diff(at) * us[:-1])])
    which = np.searchsorted(at, ticks, side="right") - 1
    return (starts[which] + (ticks - at[which]) * us[which]) / TICKS_PER_BEAT / 1e6


def assert_whole(grid: TimeGrid, duration_s: float) -> None:
    assert grid.beats_s[0] == 0
    assert grid.duration_s == duration_s
    assert (np.diff(grid.beats_s) > 0).all()
    assert sum(grid.bars) == grid.n_beats
    assert min(grid.bars) >= 1
    assert 0 < grid.last_beat <= 1


@given(durations, tempos, st.integers(2, 7), st.booleans())
def test_a_steady_grid_keeps_its_tempo(duration_s, bpm, beats_per_bar, whole_bars):
    grid = steady_grid(duration_s, bpm, beats_per_bar=beats_per_bar, whole_bars=whole_bars)
    assert_whole(grid, duration_s)
    np.testing.assert_allclose(grid.tempo_bpm, grid.tempo_bpm[0])
    assert 60 - 1e-6 <= grid.tempo_bpm[0] <= 160 + 1e-6
    bend = 0.041 if whole_bars else 0.005
    assert abs(grid.tempo_bpm[0] / bpm - 1) <= bend
    assert set(grid.bars[:-1]) <= {beats_per_bar}


@given(st.floats(60, 300), st.floats(70, 150))
def test_whole_bars_end_with_the_clip(duration_s, bpm):
    grid = steady_grid(duration_s, bpm, whole_bars=True)
    assert set(grid.bars) == {4}
    assert grid.last_beat == 1


@pytest.mark.parametrize("bpm", [60, 97, 160])
def test_half_a_second_is_one_beat(bpm):
    grid = steady_grid(0.5, bpm, whole_bars=False)
    assert grid.bars[0] >= 1
    assert_whole(grid, 0.5)


@pytest.mark.parametrize("bpm", [61.7, 119.9, 143.21])
def test_a_tempo_map_does_not_drift_in_two_hours(bpm):
    grid = steady_grid(7200, bpm, whole_bars=False)
    ticks = np.arange(0, grid_end_tick(grid), 37)
    drift_s = clock(grid, ticks) - grid.seconds_at(ticks / TICKS_PER_BEAT)
    assert np.abs(drift_s).max() < 1e-3
    assert len(tempo_changes(grid)) < 60


@given(st.lists(st.floats(0.375, 1), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_moving_tempo_map_follows_the_grid(lengths, last_beat):
    lengths[-1] *= last_beat
    beats_s = np.concatenate([[0], np.cumsum(lengths)])
    grid = TimeGrid(beats_s, (len(lengths),), last_beat)
    changes = tempo_changes(grid)
    ticks = np.append(np.arange(0, grid_end_tick(grid), 119), grid_end_tick(grid) - 1)
    drift_s = clock(grid, ticks) - grid.seconds_at(ticks / TICKS_PER_BEAT)
    assert np.abs(drift_s).max() < 1e-3
    assert all(a.us_per_beat != b.us_per_beat for a, b in pairwise(changes))


def test_time_signatures_change_with_the_bars():
    grid = TimeGrid(np.arange(0, 17) * 0.5, (2, 4, 4, 3, 3))
    assert time_signatures(grid) == (
        TimeSignature(0, 2),
        TimeSignature(2 * 480, 4),
        TimeSignature(10 * 480, 3),
    )


def test_a_last_bar_cut_short_keeps_the_metre():
    grid = TimeGrid(np.arange(0, 10) * 0.5, (4, 4, 1))
    assert time_signatures(grid) == (TimeSignature(0, 4),)


@pytest.mark.parametrize("duration_s", [0, -1, float("nan"), float("inf")])
def test_a_clip_needs_a_length(duration_s):
    with pytest.raises(GridError, match="clip lasts"):
        steady_grid(duration_s, 120, whole_bars=True)


@pytest.mark.parametrize("bpm", [0, 59, 161, float("nan")])
def test_a_tempo_out_of_bounds_is_refused(bpm):
    with pytest.raises(GridError, match="60 to 160"):
        steady_grid(10, bpm, whole_bars=True)
