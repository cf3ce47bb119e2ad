"""Loudness → velocity and expression."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange.dynamics import (
    Crescendo,
    decibels,
    expression,
    expression_curve,
    level_at,
    velocity,
)
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


def test_a_crescendo_rises_to_its_peak_and_falls_back_after_it() -> None:
    seconds = np.array([1.0, 3.0, 3.9, 4.0, 4.5, 5.0, 6.0])
    level = level_at(seconds, np.full(8, 0.1), (Crescendo(4.0, 5.0),))
    assert level[[0, 5, 6]] == pytest.approx(-20)
    assert -20 < level[1] < level[2] < level[3] == pytest.approx(-15)
    assert -20 < level[4] < level[3]


def test_of_overlapping_crescendi_the_higher_counts() -> None:
    seconds = np.linspace(0, 8, 200)
    both = level_at(seconds, np.full(8, 0.1), (Crescendo(4.0, 5.0), Crescendo(4.5, 3.0, 0.5)))
    each = [
        level_at(seconds, np.full(8, 0.1), (crescendo,))
        for crescendo in (Crescendo(4.0, 5.0), Crescendo(4.5, 3.0, 0.5))
    ]
    np.testing.assert_allclose(both, np.maximum(*each))
