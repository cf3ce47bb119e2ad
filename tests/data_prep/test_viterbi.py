"""Dynamic programming against the best of all sequences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from data_prep.viterbi import best_segments, best_states


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("change_cost", [0.0, 0.7, 10.0])
def test_the_states_are_the_best_of_all(seed: int, change_cost: float) -> None:
    score = np.random.default_rng(seed).normal(size=(6, 3))

    def total(states: tuple[int, ...]) -> float:
        changes = sum(a != b for a, b in itertools.pairwise(states))
        return float(score[np.arange(6), states].sum()) - change_cost * changes

    best = max(itertools.product(range(3), repeat=6), key=total)
    assert best_states(score, change_cost).tolist() == list(best)


@pytest.mark.parametrize("seed", range(5))
def test_the_segments_are_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths, n_frames, last = np.array([2, 3]), 14, 10
    gain, cost = rng.normal(size=(n_frames, 2)), np.array([[0.0, 0.4], [0.3, 0.0]])

    def total(first: int, chosen: tuple[int, ...]) -> tuple[float, list[int]]:
        borders = [first]
        value = 0.0
        for i, length in enumerate(chosen):
            value += gain[borders[-1], length]
            value -= cost[length, chosen[i - 1]] if i else min(cost[length])
            borders.append(borders[-1] + int(lengths[length]))
        return value, borders

    candidates = [
        total(first, chosen)
        for first in range(4)  # the first border is free up to the longest length
        for n in range(1, 8)
        for chosen in itertools.product(range(2), repeat=n)
        if first + lengths[list(chosen)].sum() < n_frames
    ]
    allowed = [
        (value, borders)
        for value, borders in candidates
        if last < borders[-1] < n_frames and borders[1] > 3
    ]
    _, best = max(allowed, key=lambda pair: pair[0])
    assert best_segments(gain, lengths, cost, n_frames, last).tolist() == best
