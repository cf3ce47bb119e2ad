"""The one place where models are scored.

Figures are ratios of sums over songs. A *table* holds, for every quantity that is summed, one
number a song; :func:`total` adds the songs up, ``chord_metrics`` and ``curve_metrics`` turn sums
into figures, and the bootstrap draws songs anew (Efron 1979) before doing the same.

Shapes: ``N`` songs, ``R`` resamples, ``T`` seconds, ``V`` = 157 chords.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amt.chords import VOCABULARY_SIZE, chord_from_id
from amt.models.expression import TARGETS
from amt.models.video import VideoInput
from amt.mood import emotion_chords
from amt.types import FloatArray
from experiments.composer.data import ComposerBatch

Table = Mapping[str, FloatArray]
"""Name -> [N] a number a song."""
Sums = Mapping[str, FloatArray]
"""Name -> sums over songs, of any shape."""
Metrics = Callable[[Sums], dict[str, FloatArray]]

HITS = (1, 3, 5)
PAPER_SECONDS = 300
"""Video2Music counts this many seconds of every song."""


def total(table: Table) -> Sums:
    """Sums over all songs, each a scalar."""
    return {name: np.asarray(column.sum()) for name, column in table.items()}


def figures(table: Table, metrics: Metrics) -> dict[str, float]:
    """Metrics over all songs."""
    return {name: float(value) for name, value in metrics(total(table)).items()}


def resamples(n_songs: int, n_resamples: int, seed: int) -> FloatArray:
    """How often each song is drawn in each resample, [R, N]; rows sum to N."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_songs, np.full(n_songs, 1 / n_songs), size=n_resamples)
    return counts.astype(np.float64)


def _resampled(table: Table, metrics: Metrics, draws: FloatArray) -> dict[str, FloatArray]:
    return metrics({name: draws @ column for name, column in table.items()})


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """NaN where nothing was counted."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _interval(values: FloatArray) -> tuple[float, float]:
    """95 % of the resamples lie between; resamples without a value do not count."""
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def intervals(table: Table, metrics: Metrics, draws: FloatArray) -> dict[str, tuple[float, float]]:
    """95 % bootstrap interval of every metric."""
    return {name: _interval(v) for name, v in _resampled(table, metrics, draws).items()}


def paired_differences(
    first: Table, second: Table, metrics: Metrics, draws: FloatArray
) -> dict[str, tuple[float, float, float]]:
    """``second`` minus ``first`` on the same songs: the difference and its 95 % interval."""
    ours, theirs = (_resampled(table, metrics, draws) for table in (first, second))
    here, there = (figures(table, metrics) for table in (first, second))
    return {
        name: (there[name] - here[name], *_interval(theirs[name] - ours[name])) for name in ours
    }


# --- chords -----------------------------------------------------------------------------------


def chord_table(
    log_probs: Tensor, chords: Tensor, weight: Tensor, emotion: Tensor | None = None
) -> dict[str, FloatArray]:
    """Score predicted distributions of the chord of every second.

    A second is a change when its chord differs from that of the second before; the first second
    is none. The affective match is the probability given to chords whose quality fits the
    emotion of the picture (:data:`amt.mood.EMOTION_QUALITIES`), averaged over
    emotions.

    Args:
        log_probs: [B, T, V]
        chords: [B, T] what was played.
        weight: [B, T] 1 for seconds that count, 0 for padding.
        emotion: [B, T, 6] of the picture; without it the affective match is left out.

    Returns:
        A table of B songs.
    """
    truth = log_probs.gather(-1, chords[..., None])
    rank = (log_probs > truth).sum(dim=-1)
    changed = weight.clone()
    changed[:, 1:] *= chords[:, 1:] != chords[:, :-1]
    changed[:, 0] = 0
    columns = {"slots": weight, "changes": changed, "nll": -truth.squeeze(-1) * weight}
    columns |= {f"hits@{k}": (rank < k) * weight for k in HITS}
    columns["hits@1_on_change"] = (rank < 1) * changed
    if emotion is not None:
        fit = log_probs.exp() @ torch.tensor(emotion_chords()).T.to(log_probs)
        columns["affective_match"] = (fit * emotion).sum(dim=-1) * weight
    return {name: values.double().sum(dim=1).numpy() for name, values in columns.items()}


def chord_metrics(sums: Sums) -> dict[str, FloatArray]:
    """NLL (nats a second), Hits@1/3/5, Hits@1 on change and the affective match if it is there."""
    names = ("nll", *(f"hits@{k}" for k in HITS), "affective_match")
    metrics = {name: _ratio(sums[name], sums["slots"]) for name in names if name in sums}
    return metrics | {"hits@1_on_change": _ratio(sums["hits@1_on_change"], sums["changes"])}


def joined(tables: Sequence[Table]) -> dict[str, FloatArray]:
    """One table of the songs of several."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


@torch.no_grad()
def composer_table(
    model: torch.nn.Module,
    batches: Sequence[ComposerBatch],
    videos: Sequence[VideoInput] | None = None,
) -> dict[str, FloatArray]:
    """Score a composer, teacher-forced.

    Args:
        model: a :class:`amt.models.chords.network.Composer`, in evaluation mode.
        batches: what was played; its emotions give the affective match, whatever the model sees.
        videos: what the model sees instead of each batch's own video.

    Returns:
        A table of all songs, in order.
    """
    device = next(model.parameters()).device
    tables = []
    seen = videos if videos is not None else [batch.video for batch in batches]
    for batch, video in zip(batches, seen, strict=True):
        output = model(batch.chords.to(device), batch.minor.to(device), video.to(device))
        log_probs = output.log_probs.float().cpu()
        tables.append(chord_table(log_probs, batch.chords, batch.weight, batch.video.emotion))
    return joined(tables)


def composer_scores(
    model: torch.nn.Module, batches: Sequence[ComposerBatch], *, with_video: bool
) -> dict[str, float]:
    """Figures of a composer over all seconds of ``batches``, with its video or with nothing."""
    blind = None if with_video else [batch.video.without_video() for batch in batches]
    return figures(composer_table(model, batches, blind), chord_metrics)


# --- chord progressions -----------------------------------------------------------------------


def tonal_centroids() -> FloatArray:
    """[V, 6] tonal centroid of every chord (Harte, Sandler & Gasser 2006); zeros for no chord."""
    pitch = np.arange(12)
    angles = np.pi * np.outer(pitch, [7 / 6, 3 / 2, 2 / 3])
    basis = np.stack([np.sin(angles), np.cos(angles)], axis=-1) * np.array([1, 1, 0.5])[:, None]
    chroma = np.zeros((VOCABULARY_SIZE, 12))
    for index in range(VOCABULARY_SIZE):
        classes = list(chord_from_id(index).pitch_classes)
        chroma[index, classes] = 1 / max(1, len(classes))
    return np.asarray(chroma @ basis.reshape(12, 6))


_CENTROIDS = tonal_centroids()


def progression_metrics(chords: NDArray[np.int64]) -> dict[str, float]:
    """What a chord sequence [T] is like (Yeh et al. 2021).

    ``entropy``: of its chord histogram, nats. ``coverage``: number of different chords.
    ``tonal_distance``: mean distance of the tonal centroids of neighbouring different chords,
    no chord left out; NaN if there is one chord only. ``change_rate``: changes a second.
    """
    counts = np.bincount(chords, minlength=VOCABULARY_SIZE)
    share = counts[counts > 0] / len(chords)
    merged = chords[np.flatnonzero(np.diff(chords, prepend=-1))]
    merged = merged[merged != 0]
    steps = np.linalg.norm(np.diff(_CENTROIDS[merged], axis=0), axis=1)
    return {
        "entropy": float(-(share * np.log(share)).sum()),
        "coverage": float(len(share)),
        "tonal_distance": float(steps.mean()) if len(steps) else float("nan"),
        "change_rate": float((np.diff(chords) != 0).mean()) if len(chords) > 1 else 0.0,
    }


# --- loudness and density ---------------------------------------------------------------------


@torch.no_grad()
def expression_curves(
    model: torch.nn.Module, videos: Sequence[VideoInput]
) -> list[NDArray[np.float32]]:
    """Expected loudness and density [S, 2] of every clip (B = 1 each, so that none is padded)."""
    device = next(model.parameters()).device
    return [model(video.to(device)).mean[0].float().cpu().numpy() for video in videos]


def curve_table(
    curves: Sequence[NDArray], truths: Sequence[NDArray], *, padded_to: int | None = None
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
            has_r = spread > 1e-12
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
        metrics[f"rmse_{name}"] = np.sqrt(_ratio(sums[f"error2_{name}"], sums["seconds"]))
        metrics[f"pearson_{name}"] = _ratio(sums[f"r_{name}"], sums[f"has_r_{name}"])
        predicted, played = (_spread(sums, f"x_{name}"), _spread(sums, f"y_{name}"))
        metrics[f"std_ratio_{name}"] = _ratio(predicted, played)
    return metrics


def _spread(sums: Sums, name: str) -> FloatArray:
    """Standard deviation over the known seconds, from the sums of values and of squares."""
    mean = sums[name] / sums["known"]
    return np.sqrt(np.maximum(sums[f"{name}_squared"] / sums["known"] - mean**2, 0))
