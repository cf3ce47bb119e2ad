"""Do hit points set by hand fall on downbeats, to within half a frame?

    python -m experiments.evaluate hits --lists 200 --seed 0

Lists of hit points are drawn for films of a minute at every usual frame rate: gaps of at least half
the mean, exponential beyond, on whole frames. Beside the fitted grid stand a fixed 120 BPM and the
fitted grid of the next list, which is what chance gives. The command names every hit
point that it misses by more than half a frame at 60 frames a second; ``not named`` counts lists
in which it does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from amt.compose.missed_hits import EXACT_S, missed_hits
from amt.timing import GridOptions, fit_grid, steady_grid
from amt.types import FloatArray, TimeGrid
from experiments.common.tables import markdown, number

FRAME_RATES = {
    "23.976": 24000 / 1001, "24": 24.0, "25": 25.0, "29.97": 30000 / 1001, "30": 30.0, "50": 50.0,
    "59.94": 60000 / 1001, "60": 60.0,
}  # fmt: skip
DURATION_S = 60.0
MEAN_GAPS_S = (2.0, 4.0)


def drawn_hits(mean_gap_s: float, rate: float, rng: np.random.Generator) -> list[float]:
    """Hit points of a minute, on whole frames, at least half the mean gap apart."""
    hits, time_s = [], 0.5 + rng.exponential(mean_gap_s)
    while time_s < DURATION_S - 1:
        hits.append(round(time_s * rate) / rate)
        time_s += mean_gap_s / 2 + rng.exponential(mean_gap_s / 2)
    return hits


def met(grid: TimeGrid, hits_s: Sequence[float], rate: float) -> FloatArray:
    """Whether a downbeat falls on each hit point to within half a frame."""
    downbeats_s = grid.beats_s[grid.downbeats]
    distance_s = np.abs(np.array(hits_s)[:, None] - downbeats_s).min(axis=1)
    return np.asarray(distance_s <= 0.5 / rate + 1e-9, dtype=np.float64)


def row(mean_gap_s: float, name: str, lists: int, seed: int) -> list[str]:
    """Counts and shares of one frame rate."""
    rate = FRAME_RATES[name]
    rng = np.random.default_rng([seed, round(1000 * rate), round(10 * mean_gap_s)])
    drawn = [hits for hits in (drawn_hits(mean_gap_s, rate, rng) for _ in range(lists)) if hits]
    grids = [fit_grid([], DURATION_S, options=GridOptions(), hits=hits) for hits in drawn]
    fixed = steady_grid(DURATION_S, 120, whole_bars=False)
    ours, chance, steady = (
        np.concatenate([met(grid, hits, rate) for grid, hits in zip(found, drawn, strict=True)])
        for found in (grids, [*grids[1:], grids[0]], [fixed] * len(drawn))
    )
    unnamed = sum(
        len(missed_hits(grid, hits)) < int((met(grid, hits, 0.5 / EXACT_S) == 0).sum())
        for grid, hits in zip(grids, drawn, strict=True)
    )
    shares = (number(float(values.mean()), 4) for values in (ours, steady, chance))
    return [f"{mean_gap_s:g} s", name, str(len(ours)), *shares, str(unnamed)]


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="evaluate hits", description="Hit points set by hand.")
    parser.add_argument("--lists", type=int, default=200, help="lists a frame rate (200)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    header = ["mean gap", "frames/s", "hits", "fitted", "120 BPM", "another list's", "not named"]
    rows = [row(gap, name, args.lists, args.seed) for gap in MEAN_GAPS_S for name in FRAME_RATES]
    print(markdown(header, rows))
