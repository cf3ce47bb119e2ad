"""The true peak of a stream: the largest value of the signal between the samples, too.

As ITU-R BS.1770-4 (Annex 2) has it, the stream is interpolated to four times its sample rate. Only
blocks that can hold the largest value are interpolated.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from render.audio.blocks import Block, block_peak

OVERSAMPLING = 4
"""Points of the interpolated signal for each sample (BS.1770-4: four at 48 kHz)."""
MOST_OVERSHOOT = 2.0
"""Factor by which the signal between samples exceeds them at most, in sound that is not built for
it: 6 dB; 3 dB are common in limited music."""
_MARGIN = 64
"""Samples at a seam between blocks that are interpolated together with those beyond it."""


def true_peak(blocks: Iterable[Block]) -> float:
    """The largest absolute value of a stream of blocks [channels, L] between and on its samples."""
    highest, seam = 0.0, 0
    joined: Block | None = None
    for block in blocks:
        joined = block if joined is None else np.concatenate([joined, block], axis=1)
        if joined.shape[1] < 4 * _MARGIN:  # too short for what follows
            continue
        between = _between(joined, highest)[seam:-_MARGIN]
        highest = max(highest, block_peak(joined), float(between.max()))
        joined, seam = joined[:, -2 * _MARGIN :], _MARGIN
    if joined is None or not joined.shape[1]:
        return highest
    return max(highest, block_peak(joined), float(_between(joined, highest)[seam:].max()))


def _between(samples: Block, highest: float) -> NDArray[np.float32]:
    """[L] largest absolute value after each sample and before the next, over the channels.

    They are 0 where nothing can exceed ``highest``.
    """
    if block_peak(samples) * MOST_OVERSHOOT <= highest:
        return np.zeros(samples.shape[1], np.float32)
    fine = np.abs(resample_poly(samples, OVERSAMPLING, 1, axis=1)).max(axis=0)
    return np.asarray(fine.reshape(-1, OVERSAMPLING).max(axis=1), np.float32)
