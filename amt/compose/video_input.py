"""A clip as input of the composer and of the expression network."""

from __future__ import annotations

import numpy as np
import torch

from amt.features.semantic import SEMANTIC_DIM
from amt.models.video import MODALITIES, VideoInput
from amt.types import FloatArray, VideoFeatures


def video_at(
    features: VideoFeatures, emotion: FloatArray, affect: FloatArray, times_s: FloatArray
) -> VideoInput:
    """The clip read at some moments, as a batch of one.

    Args:
        features: of the clip, S seconds.
        emotion: [S, 6] probabilities.
        affect: [S, 2] valence and arousal.
        times_s: [N] moments in seconds.

    Returns:
        Tensors of leading shape [1, N].
    """
    rows = times_s.astype(np.int64).clip(0, features.seconds - 1)
    semantic = features.semantic
    if semantic is None:  # the networks are given zeros, marked as unknown
        semantic = np.zeros((features.seconds, SEMANTIC_DIM))
    clock = np.stack([times_s, features.duration_s - times_s], axis=-1)
    known = [name != "semantic" or features.semantic is not None for name in MODALITIES]
    arrays = (
        semantic[rows], emotion[rows], features.motion[rows], features.scene_offset[rows],
        affect[rows], clock, np.array(known),
    )  # fmt: skip
    return VideoInput(*(torch.tensor(array, dtype=torch.float32)[None] for array in arrays))
