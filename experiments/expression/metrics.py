"""Scores of predicted curves of loudness and density.

Shapes: ``S`` or ``T`` seconds; the two columns are loudness and density.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from amt.models.expression import TARGETS
from amt.models.video import VideoInput
from amt.types import FloatArray
from experiments.common.bootstrap import Sums, ratio

_CONSTANT = 1e-12
"""Product of standard deviations up to which a curve is taken to be constant."""


@torch.no_grad()
def expression_curves(
    model: torch.nn.Module, videos: Sequence[VideoInput]
) -> list[NDArray[np.float32]]:
    """Expected loudness and density [S, 2] of every clip (B = 1 each, so that none is padded)."""
    device = next(model.parameters()).device
    return [model(video.to(device)).mean[0].float().cpu().numpy() for video in videos]


def curve_table(
    curves: Sequence[NDArray[Any]], truths: Sequence[NDArray[Any]], *, padded_to: int | None = None
) -> dict[str, FloatArray]:
    """Score predicted curves [T, 2] of each song.

    Args:
        curves: loudness and density of every second.
        truths: the same, as measured.
        padded_to: count this many seconds of every song, as Video2Music does: later ones are cut
            off, missing ones are zero in both; None counts every second.

    Returns:
        A table of the songs, for each target ``t`` with the squared error, seconds, moments of
        prediction and truth over the known seconds, and Pearson's r within the song (a song whose
        prediction or truth is constant has none).
    """
    rows = []
    for curve, truth in zip(curves, truths, strict=True):
        predicted, played = (np.asarray(x, np.float64)[:padded_to] for x in (curve, truth))
        row = {"seconds": float(padded_to or len(played)), "known": float(len(played))}
        for i, name in enumerate(TARGETS):
            x, y = predicted[:, i], played[:, i]
            spread = x.std() * y.std()
            has_r = spread > _CONSTANT
            r = ((x - x.mean()) * (y - y.mean())).mean() / spread if has_r else 0.0
            row |= {
                f"error2_{name}": ((x - y) ** 2).sum(), f"r_{name}": r, f"has_r_{name}": has_r,
                f"x_{name}": x.sum(), f"x_{name}_squared": (x**2).sum(),
                f"y_{name}": y.sum(), f"y_{name}_squared": (y**2).sum(),
            }  # fmt: skip
        rows.append(row)
    return {name: np.array([row[name] for row in rows], np.float64) for name in rows[0]}


def curve_metrics(sums: Sums) -> dict[str, FloatArray]:
    """For each target RMSE, mean within-song Pearson's r, and std of prediction over truth's."""
    metrics = {}
    for name in TARGETS:
        metrics[f"rmse_{name}"] = np.sqrt(ratio(sums[f"error2_{name}"], sums["seconds"]))
        metrics[f"pearson_{name}"] = ratio(sums[f"r_{name}"], sums[f"has_r_{name}"])
        predicted, played = (_spread(sums, f"x_{name}"), _spread(sums, f"y_{name}"))
        metrics[f"std_ratio_{name}"] = ratio(predicted, played)
    return metrics


def _spread(sums: Sums, name: str) -> FloatArray:
    """Standard deviation over the known seconds, from the sums of values and of squares."""
    mean = sums[name] / sums["known"]
    return np.sqrt(np.maximum(sums[f"{name}_squared"] / sums["known"] - mean**2, 0))
