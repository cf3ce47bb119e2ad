"""Scores of curves against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.common.bootstrap import figures
from experiments.expression.metrics import curve_metrics, curve_table


def test_curves_by_hand() -> None:
    truth = np.array([[0.0, 2], [1, 4], [2, 6]])
    curve = np.array([[0.0, 6], [0.5, 4], [1, 2]])
    found = figures(curve_table([curve], [truth]), curve_metrics)
    assert found["rmse_loudness"] == pytest.approx(math.sqrt((0.25 + 1) / 3))
    assert found["rmse_density"] == pytest.approx(math.sqrt(32 / 3))
    assert found["pearson_loudness"] == pytest.approx(1)
    assert found["pearson_density"] == pytest.approx(-1)
    assert found["std_ratio_loudness"] == pytest.approx(0.5)
    padded = figures(curve_table([curve], [truth], padded_to=12), curve_metrics)
    assert padded["rmse_density"] == pytest.approx(math.sqrt(32 / 12))
    cut = figures(curve_table([curve], [truth], padded_to=2), curve_metrics)
    assert cut["rmse_density"] == pytest.approx(math.sqrt(16 / 2))


def test_a_constant_song_has_no_correlation() -> None:
    rising, flat = np.array([[0.0, 0], [1, 1]]), np.ones((2, 2))
    found = figures(curve_table([rising, flat], [rising, rising]), curve_metrics)
    assert found["pearson_loudness"] == pytest.approx(1)
    nothing = figures(curve_table([flat], [rising]), curve_metrics)
    assert math.isnan(nothing["pearson_loudness"])
