"""Scores of whole sets of arrangements beside the human ones of the same songs.

Every report is plain numbers by name, for tables and for JSON. Intervals are 95 % bootstrap
intervals over songs, which are drawn alike for all arrangements. Shapes: ``N`` songs, ``G`` points
or bins of a common axis, ``R`` resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amt.measure import bar_loudness, notes_per_beat
from amt.types import FloatArray, Song
from data_prep.note_song import NoteSong
from experiments.arranger.melody import MelodyIndex, melody_values
from experiments.arranger.metrics import (
    HISTOGRAMS,
    WINDOW_METRICS,
    halves_overlap,
    kernel_masses,
    overlapped_area,
    rank_correlation,
    window_values,
)
from experiments.common.bootstrap import Sums, figures, interval, intervals, quantiles

HUMAN, PATTERNS, NETWORK = "human", "patterns", "network"
MEAN = "mean"
CONTROLS = ("density", "loudness")
QUARTILES = (0.25, 0.5, 0.75)
_POOLED_RESAMPLES = 200
"""Fewer than elsewhere, as each takes a rank correlation over the bars of all songs."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """A song as somebody arranged it."""

    piece: NoteSong
    """Its notes on the grid; density and loudness are those that were asked for."""
    song: Song
    """As a DAW sees it."""


Sets = Mapping[str, Sequence[Arrangement]]
"""Who arranged -> the arrangements of the same N songs, in one order; :data:`HUMAN` among them."""


# --- what the notes are like ------------------------------------------------------------------


def overlap_report(
    sets: Sets, others: Sequence[NoteSong], draws: FloatArray, seed: int
) -> dict[str, Any]:
    """Overlapped areas with the human arrangements, by metric and on average.

    Args:
        sets: of N songs.
        others: human arrangements of other songs: the area that they reach can be hoped for.
        draws: [R, N]
        seed: of the halves into which the human songs are split, a humbler hope, as there are
            fewer songs on each side.
    """
    pieces = {name: [made.piece for made in group] for name, group in sets.items()}
    values = {name: [window_values(piece) for piece in group] for name, group in pieces.items()}
    other_values = [window_values(piece) for piece in others]
    areas: dict[str, dict[str, FloatArray]] = {name: {} for name in sets if name != HUMAN}
    halves: dict[str, float] = {}
    hoped: dict[str, float] = {}
    every = np.concatenate([np.ones((1, draws.shape[1])), draws])
    for metric in (*WINDOW_METRICS, *HISTOGRAMS):
        *own, other = _masses(metric, pieces, values, others, other_values)
        by_name = dict(zip(pieces, own, strict=True))
        human = by_name[HUMAN]
        halves[metric] = halves_overlap(human, seed)
        hoped[metric] = float(overlapped_area(human.sum(axis=0), other.sum(axis=0)))
        for name in areas:
            areas[name][metric] = overlapped_area(every @ human, every @ by_name[name])
    for found in areas.values():
        found[MEAN] = np.mean(list(found.values()), axis=0)
    for hope in (halves, hoped):
        hope[MEAN] = float(np.mean(list(hope.values())))
    report: dict[str, Any] = {
        "human halves": halves,
        "other human songs": hoped,
        "arrangers": {name: _with_intervals(found) for name, found in areas.items()},
    }
    if NETWORK in areas and PATTERNS in areas:
        ours, theirs = areas[NETWORK], areas[PATTERNS]
        report["network less patterns"] = _with_intervals({m: ours[m] - theirs[m] for m in ours})
    return report


def _masses(
    metric: str,
    pieces: Mapping[str, Sequence[NoteSong]],
    values: Mapping[str, Sequence[Mapping[str, FloatArray]]],
    others: Sequence[NoteSong],
    other_values: Sequence[Mapping[str, FloatArray]],
) -> list[FloatArray]:
    """[N, G] of a metric for each set and, last, for the other songs."""
    if metric in HISTOGRAMS:
        groups = [*pieces.values(), others]
        return [np.array([HISTOGRAMS[metric](piece) for piece in group]) for group in groups]
    measured = [[song[metric] for song in group] for group in (*values.values(), other_values)]
    return kernel_masses(measured, [song[metric] for song in values[HUMAN]])


def _with_intervals(found: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Figure and interval of values [1 + R], the first without resampling."""
    return {
        name: {"figure": float(values[0]), "interval": interval(values[1:])}
        for name, values in found.items()
    }


def value_report(sets: Sets) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and standard deviation over windows of every metric."""
    report: dict[str, dict[str, tuple[float, float]]] = {metric: {} for metric in WINDOW_METRICS}
    for name, group in sets.items():
        measured = [window_values(made.piece) for made in group]
        for metric in WINDOW_METRICS:
            pooled = np.concatenate([song[metric] for song in measured])
            report[metric][name] = (float(pooled.mean()), float(pooled.std()))
    return report


# --- what was asked ---------------------------------------------------------------------------


def control_report(sets: Sets, draws: FloatArray) -> dict[str, Any]:
    """Spearman's rho between what was asked of each bar and what its notes do.

    ``within``: mean of the songs' own; ``pooled``: of the bars of all songs together. The human
    arrangements are what was asked, so they have no row.
    """
    report: dict[str, Any] = {}
    for name, group in sets.items():
        if name == HUMAN:
            continue
        report[name] = {}
        for control in CONTROLS:
            asked = [getattr(made.piece, control) for made in group]
            measured = [
                notes_per_beat(made.song) if control == "density" else bar_loudness(made.song)
                for made in group
            ]
            report[name][f"{control}, within songs"] = _mean_rho(asked, measured, draws)
            report[name][f"{control}, pooled"] = _pooled_rho(asked, measured, draws)
    return report


def _mean_rho(
    asked: Sequence[FloatArray], measured: Sequence[FloatArray], draws: FloatArray
) -> dict[str, Any]:
    rho = np.array([rank_correlation(a, h) for a, h in zip(asked, measured, strict=True)])
    table = {"rho": np.nan_to_num(rho), "songs": np.isfinite(rho).astype(np.float64)}

    def mean(sums: Sums) -> dict[str, FloatArray]:
        counted = np.where(sums["songs"] > 0, sums["songs"], np.nan)
        return {"rho": np.asarray(sums["rho"] / counted)}

    return {
        "figure": figures(table, mean)["rho"],
        "interval": intervals(table, mean, draws)["rho"],
    }


def _pooled_rho(
    asked: Sequence[FloatArray], measured: Sequence[FloatArray], draws: FloatArray
) -> dict[str, Any]:
    def of(songs: Sequence[int]) -> float:
        chosen = [np.concatenate([curves[i] for i in songs]) for curves in (asked, measured)]
        return rank_correlation(*chosen)

    again = [
        of(np.repeat(np.arange(len(asked)), counts.astype(int)).tolist())
        for counts in draws[:_POOLED_RESAMPLES]
    ]
    return {"figure": of(range(len(asked))), "interval": interval(np.array(again))}


# --- melody -----------------------------------------------------------------------------------


def melody_report(sets: Sets) -> dict[str, Any]:
    """Quartiles over songs of what melodies are like.

    ``inside`` says whether the median of a set lies within the human interquartile range, and
    ``share_inside`` how many songs do: of human songs it is half.
    """
    measured = {name: [melody_values(made.piece) for made in group] for name, group in sets.items()}
    report: dict[str, Any] = {}
    for measure in measured[HUMAN][0]:
        values = {
            name: np.array([song[measure] for song in group]) for name, group in measured.items()
        }
        low, _, high = quantiles(values[HUMAN], QUARTILES)
        report[measure] = {
            name: {
                "quartiles": quantiles(found, QUARTILES),
                "inside": bool(low <= quantiles(found, QUARTILES)[1] <= high),
                "share_inside": float(((low <= found) & (found <= high)).mean()),
            }
            for name, found in values.items()
        }
    return report


def copying_report(sets: Sets, training: Sequence[NoteSong]) -> dict[str, dict[str, float]]:
    """The longest passage of each melody that a training song has too, in intervals.

    The median, the upper quartile and the largest number of intervals over songs.
    """
    index = MelodyIndex(training)
    report = {}
    for name, group in sets.items():
        longest = np.array([index.longest_match(made.piece) for made in group])
        report[name] = {
            "median": float(np.median(longest)),
            "upper_quartile": float(np.quantile(longest, 0.75)),
            "highest": float(longest.max()),
        }
    return report
