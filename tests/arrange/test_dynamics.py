"""Loudness → velocity and expression."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange.dynamics import decibels, expression, expression_curve, level_at, velocity
from amt.types import Cut
from tests.arrange.plan_strategies import grids, steady

levels = st.floats(0, 1)


@settings(deadline=None)
@given(levels, levels)
def test_louder_is_never_softer(one: float, two: float) -> None:
    soft, loud = sorted([one, two])
    assert 1 <= velocity(decibels(soft)) <= velocity(decibels(loud)) <= 127
    assert 1 <= expression(decibels(soft)) <= expression(decibels(loud)) <= 127


def test_velocity_and_expression_together_follow_the_plan_decibel_for_decibel() -> None:
    rms = np.array([0.01, 0.05, 0.1, 0.3])
    gain_db = 40 * np.log10(velocity(decibels(rms)) / 127 * expression(decibels(rms)) / 127)
    np.testing.assert_allclose(np.diff(gain_db), np.diff(20 * np.log10(rms)), atol=1e-9)


def test_a_median_clip_is_mezzo_forte() -> None:
    assert 64 <= velocity(decibels(0.1)) <= 80
    assert velocity(decibels(0.0)) >= 20


@settings(deadline=None)
@given(grids(), st.integers(0, 2**32))
def test_the_curve_is_sparse_and_inside_the_piece(grid, seed: int) -> None:
    end = round(grid.end_beat * 480)
    loudness = np.random.default_rng(seed).uniform(0, 0.5, int(np.ceil(grid.duration_s)))
    points = expression_curve(grid, loudness, (), max(end, 1))
    ticks = np.array([point.tick for point in points])
    assert ticks[0] == 0
    assert np.all(np.diff(ticks) >= 120)
    assert ticks[-1] < max(end, 1)
    values = [point.value for point in points]
    assert all(a != b for a, b in pairwise(values))


def test_a_constant_loudness_needs_one_point() -> None:
    assert len(expression_curve(steady(20.0), np.full(20, 0.1), (), 480 * 40)) == 1


@pytest.mark.parametrize(("strength", "swells"), [(1.0, True), (0.2, False)])
def test_a_strong_cut_is_led_to_by_a_crescendo(strength: float, swells: bool) -> None:
    seconds = np.array([1.0, 3.0, 3.9, 4.0, 6.0])
    level = level_at(seconds, np.full(8, 0.1), (Cut(4.0, strength),))
    assert level[[0, 3, 4]] == pytest.approx(-20)
    assert (level[2] > level[1] > -20) == swells
    assert level.max() < -15
