"""After a rest beats and bars begin anew: the music comes in on a downbeat."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.timing import GridOptions, fit_grid
from amt.timing.held import errors_s
from amt.types import Cut
from experiments.fit.alignment import synthetic_clips


def test_the_music_comes_in_exactly_and_the_bar_after_a_rest_is_free() -> None:
    """A strong cut shortly after a rest falls on a downbeat more often than in a grid without."""
    met: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        (clip,) = synthetic_clips(4.0, 1, seed)
        start_s, end_s = 20.0 + rng.uniform(0, 5), 27.0 + rng.uniform(0, 5)
        soon_s = end_s + rng.uniform(0.6, 2.5)
        cuts = [c for c in clip.cuts if not start_s < c.time_s < soon_s + 1]
        cuts = sorted([*cuts, Cut(soon_s, 0.95)], key=lambda cut: cut.time_s)
        for rests in ([(start_s, end_s)], []):
            grid = fit_grid(cuts, 60.0, options=GridOptions(), hits=[end_s], rests=rests)
            both = np.array([end_s, soon_s])
            errors = np.abs(errors_s(grid, both, on_downbeats=True))
            met[bool(rests)].append(bool(errors[1] <= 0.04))
            if rests:
                assert errors[0] < 1e-6
    assert sum(met[True]) >= sum(met[False])
    assert np.mean(met[True]) > 0.9


@settings(max_examples=40, deadline=None)
@given(
    times=st.lists(st.floats(0.1, 39.5), max_size=12, unique_by=lambda t: round(t, 1)),
    edges=st.lists(st.floats(0.0, 40.0), min_size=2, max_size=6, unique_by=lambda t: round(t, 2)),
)
def test_any_rests_give_a_whole_grid(times: list[float], edges: list[float]) -> None:
    cuts = [Cut(time_s, 0.9) for time_s in sorted(times)]
    ordered = sorted(edges)
    rests = [(a, b) for a, b in zip(ordered[::2], ordered[1::2], strict=False) if b - a > 0.2]
    grid = fit_grid(cuts, 40.0, options=GridOptions(), rests=rests)
    assert grid.beats_s[0] == 0 and grid.beats_s[-1] == 40.0
    assert sum(grid.bars) == grid.n_beats and 0 < grid.last_beat <= 1
    assert min(grid.bars) >= 1 and max(grid.bars) <= 12
    assert (np.diff(grid.beats_s) > 0).all()
    for rest_s, end_s in rests:
        if end_s - rest_s >= 0.5 and 1 < end_s < 39 and rest_s > 1.5:
            distance_s = np.abs(grid.beats_s[grid.downbeats] - end_s).min()
            assert distance_s < 1e-6 or any(abs(end_s - a) < 1.5 for a, _ in rests)
