"""Bootstrap intervals and differences against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.common.bootstrap import intervals, paired_differences, resamples
from experiments.composer.metrics import chord_metrics


def test_the_interval_of_equal_songs_is_a_point_and_of_unequal_ones_is_not() -> None:
    draws = resamples(10, 200, seed=0)
    assert (draws.sum(axis=1) == 10).all()
    assert (draws == resamples(10, 200, seed=0)).all()
    hits = np.arange(10.0)
    same = {"slots": np.full(10, 4.0), "nll": np.full(10, 8.0)}
    table = same | {"changes": np.ones(10), "hits@1_on_change": np.ones(10)}
    table |= {f"hits@{k}": hits for k in (1, 3, 5)}
    found = intervals(table, chord_metrics, draws)
    assert found["nll"] == pytest.approx((2, 2))
    low, high = found["hits@1"]
    assert low < hits.mean() / 4 < high
    shifted = table | {"hits@1": hits + 1}
    difference = paired_differences(table, shifted, chord_metrics, draws)["hits@1"]
    assert difference == pytest.approx((0.25, 0.25, 0.25))
