"""Scores of predicted chords, and what chord progressions are like.

Shapes: ``B`` songs, ``T`` seconds, ``V`` = 157 chords.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amt.chords import VOCABULARY_SIZE, chord_from_id
from amt.models.video import VideoInput
from amt.mood import emotion_chords
from amt.types import FloatArray
from experiments.common.bootstrap import Sums, figures, joined, ratio
from experiments.common.examples import ExampleBatch

HITS = (1, 3, 5)
"""A hit at k: the right chord is among the k most likely."""


def chord_table(
    log_probs: Tensor, chords: Tensor, weight: Tensor, emotion: Tensor | None = None
) -> dict[str, FloatArray]:
    """Score predicted distributions of the chord of every second.

    A second is a change when its chord differs from that of the second before; the first second
    is none. The affective match is the probability given to chords whose quality fits the
    emotion of the video (:data:`amt.mood.EMOTION_QUALITIES`), averaged over emotions.

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
    metrics = {name: ratio(sums[name], sums["slots"]) for name in names if name in sums}
    return metrics | {"hits@1_on_change": ratio(sums["hits@1_on_change"], sums["changes"])}


@torch.no_grad()
def composer_table(
    model: torch.nn.Module,
    batches: Sequence[ExampleBatch],
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
    model: torch.nn.Module, batches: Sequence[ExampleBatch], *, with_video: bool
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
