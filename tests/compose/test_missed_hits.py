"""Hit points that are missed are named."""

from __future__ import annotations

import numpy as np

from amt.compose.missed_hits import missed_hits
from amt.timing import GridOptions, fit_grid, steady_grid
from experiments.fit.hit_lists import DURATION_S, FRAME_RATES, drawn_hits, met


def test_the_sentence_names_time_and_distances():
    grid = steady_grid(20.0, 120, whole_bars=False)
    assert missed_hits(grid, (4.0, 6.0)) == ()
    assert missed_hits(grid, (4.5, 6.1)) == (
        "the hit point at 4.500 s is missed: the nearest downbeat is 500 ms early, a beat is there",
        "the hit point at 6.100 s is missed: the nearest downbeat is 100 ms early, "
        "the beat 100 ms early",
    )


def test_feasible_hits_are_met_to_half_a_frame_at_every_rate():
    """Of hit points 1.25 s apart or more, at least 99 in 100."""
    shares = []
    for name, rate in FRAME_RATES.items():
        rng = np.random.default_rng([9, len(name)])
        for _ in range(3):
            hits = drawn_hits(4.0, rate, rng)
            shares.append(
                met(fit_grid([], DURATION_S, options=GridOptions(), hits=hits), hits, rate)
            )
    assert np.concatenate(shares).mean() >= 0.99
