"""Loudness → velocity and expression."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange.dynamics import (
    Balance,
    Crescendo,
    balance,
    decibels,
    even_velocity,
    expression_curve,
    level_at,
    note_levels,
)
from tests.arrange.plan_strategies import grids, steady

PIANO, STRINGS, HARP, TIMPANI, MUSIC_BOX = 0, 48, 46, 47, 10
LOUDNESS = np.array([0.01, 0.05, 0.1, 0.3])

levels = st.floats(0, 1)


def split(program: int, loudness: np.ndarray = LOUDNESS, is_drum: bool = False) -> Balance:
    return balance(program, is_drum, loudness)


def gain_db(value: np.ndarray) -> np.ndarray:
    return 40 * np.log10(value / 127)


@settings(deadline=None)
@given(levels, levels, st.sampled_from([PIANO, STRINGS]))
def test_louder_is_never_softer(one: float, two: float, program: int) -> None:
    soft, loud = sorted([one, two])
    both = split(program, np.array([one, two]))
    assert 1 <= both.velocity(decibels(soft)) <= both.velocity(decibels(loud)) <= 127
    assert 1 <= both.expression(decibels(soft)) <= both.expression(decibels(loud)) <= 127


@pytest.mark.parametrize("program", [PIANO, STRINGS])
def test_velocity_and_expression_together_follow_the_plan_decibel_for_decibel(program) -> None:
    level, both = decibels(LOUDNESS), split(program)
    total_db = gain_db(both.velocity(level)) + gain_db(both.expression(level))
    np.testing.assert_allclose(total_db, level, atol=1e-9)


@pytest.mark.parametrize(
    ("program", "is_drum"),
    [(PIANO, False), (HARP, False), (TIMPANI, False), (MUSIC_BOX, False), (STRINGS, True)],
)
def test_decaying_instruments_change_by_velocity_alone(program: int, is_drum: bool) -> None:
    both = split(program, is_drum=is_drum)
    assert np.ptp(both.expression(decibels(LOUDNESS))) == pytest.approx(0)
    assert np.ptp(gain_db(both.velocity(decibels(LOUDNESS)))) > 29


def test_a_held_note_of_strings_grows_by_most_of_a_crescendo() -> None:
    both = split(STRINGS)
    soft, loud = gain_db(both.expression(np.array([-26.0, -20.0])))
    assert 0.6 * 6 <= loud - soft < 6
    assert both.velocity(-20.0) > both.velocity(-26.0)  # louder attacks are brighter


def test_a_struck_note_has_the_mean_level_of_its_first_second() -> None:
    """A sustained one that of its onset, because CC 11 goes on from there."""
    loudness = 10 ** (np.array([-40.0, -30.0, -20.0, -10.0]) / 20)
    starts_s, ends_s = np.array([1.0, 1.0, 2.0]), np.array([1.2, 4.0, 3.0])
    struck, held = (note_levels(split(p), starts_s, ends_s, loudness) for p in (PIANO, STRINGS))
    np.testing.assert_allclose(struck, [-34.0, -30.0, -20.0])
    np.testing.assert_allclose(held, [-35.0, -35.0, -25.0])


@pytest.mark.parametrize("program", [PIANO, STRINGS])
def test_the_loudest_crescendo_of_a_wide_range_is_not_cut_off(program: int) -> None:
    loudness = np.array([0.01, 0.01, 0.02, 0.3])
    both = balance(program, False, loudness, (Crescendo(4.0, 5.0),))
    steps = np.array([-10.5, -8.5, -6.0])
    assert (np.diff(both.velocity(steps)) > 0).all()
    total_db = gain_db(both.velocity(steps)) + gain_db(both.expression(steps))
    np.testing.assert_allclose(total_db, steps, atol=1e-9)


def test_a_median_clip_is_mezzo_forte() -> None:
    for program in (PIANO, STRINGS):
        assert 64 <= split(program, np.full(9, 0.1)).velocity(decibels(0.1)) <= 80
    assert 64 <= even_velocity(decibels(0.1)) <= 80
    assert even_velocity(decibels(0.0)) >= 20


@settings(deadline=None)
@given(grids(), st.integers(0, 2**32))
def test_the_curve_is_sparse_and_inside_the_piece(grid, seed: int) -> None:
    end = round(grid.end_beat * 480)
    loudness = np.random.default_rng(seed).uniform(0, 0.5, int(np.ceil(grid.duration_s)))
    points = expression_curve(grid, loudness, (), max(end, 1), split(STRINGS, loudness))
    ticks = np.array([point.tick for point in points])
    assert ticks[0] == 0
    assert np.all(np.diff(ticks) >= 120)
    assert ticks[-1] < max(end, 1)
    values = [point.value for point in points]
    assert all(a != b for a, b in pairwise(values))


def test_a_constant_loudness_and_a_decaying_instrument_need_one_point() -> None:
    grid, loudness = steady(20.0), np.linspace(0.1, 0.3, 20)
    flat = np.full(20, 0.1)
    assert len(expression_curve(grid, flat, (), 480 * 40, split(STRINGS, flat))) == 1
    assert len(expression_curve(grid, loudness, (), 480 * 40, split(PIANO, loudness))) == 1
    assert len(expression_curve(grid, loudness, (), 480 * 40, split(STRINGS, loudness))) > 20


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
