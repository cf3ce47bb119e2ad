"""What the picture of each second looks like, so that scenes that return can be found.

The descriptor of a picture has :data:`DIM` shares: a colour histogram, and histograms of the
orientation of edges in each quarter of the picture (after Dalal and Triggs 2005). Neither changes
much where the camera or what it shows moves within a scene. Descriptors of several pictures may be
averaged. Their similarity is the intersection of the histograms (Swain and Ballard 1991).
"""

from __future__ import annotations

import numpy as np

from amt.features.opencv import cv2
from amt.features.video import Frame
from amt.types import FloatArray, ImageArray

SIZE = (64, 36)
"""Width and height to which pictures are shrunk."""
LEVELS = 4
"""Levels of each colour channel."""
ORIENTATIONS = 8
"""Orientations of edges, over half a turn."""
N_COLOURS = LEVELS**3
DIM = N_COLOURS + 4 * ORIENTATIONS
EDGE_SHARE = 0.5
"""Weight of edges in similarity; the rest is colour. Set on drawn films with the seeds 0 to 15
(:mod:`experiments.music.films`)."""
NOISE = 4.0
"""Gradient, in 8-bit steps a pixel, that is no edge."""


class AppearanceMeter:
    """Describes the first frame shown in each second, one :meth:`push` a frame."""

    def __init__(self) -> None:
        self._rows: dict[int, FloatArray] = {}

    def push(self, frame: Frame) -> None:
        """Take the next frame of the clip."""
        second = int(frame.time_s)
        if second not in self._rows:
            self._rows[second] = appearance(frame.bgr)

    def per_second(self, seconds: int) -> FloatArray:
        """[seconds, :data:`DIM`]; a second in which no frame begins has the row before it."""
        known = sorted(self._rows)
        index = np.searchsorted(known, np.arange(seconds), side="right") - 1
        return np.stack([self._rows[known[i]] for i in np.maximum(index, 0)])


def appearance(bgr: ImageArray) -> FloatArray:
    """[:data:`DIM`] descriptor of a picture [h, w, 3]; colours sum to 1, and so do edges."""
    small = cv2.resize(bgr, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.concatenate([_colours(small / 255), _edges(small.mean(axis=2))])


def similarity(first: FloatArray, second: FloatArray) -> FloatArray:
    """Similarity of descriptors [..., :data:`DIM`], 0 (nothing in common) to 1 (equal), [...]."""
    common = np.minimum(first, second)
    colours, edges = common[..., :N_COLOURS].sum(axis=-1), common[..., N_COLOURS:].sum(axis=-1)
    return np.asarray((1 - EDGE_SHARE) * colours + EDGE_SHARE * edges)


def _colours(picture: np.ndarray) -> FloatArray:
    """[64] shares of the colours; a value between two levels counts for both (trilinear)."""
    position = picture.reshape(-1, 3) * (LEVELS - 1)
    low = np.minimum(position.astype(np.int64), LEVELS - 2)
    share = position - low
    histogram = np.zeros(N_COLOURS)
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, share, 1 - share).prod(axis=1)
        code = (low + corner) @ np.array([LEVELS**2, LEVELS, 1])
        histogram += np.bincount(code, weight, minlength=N_COLOURS)
    return np.asarray(histogram / histogram.sum())


def _edges(luminance: np.ndarray) -> FloatArray:
    """[4 x 8] shares of the edges by quarter of the picture and orientation; equal for no edges.

    Args:
        luminance: [h, w] in 0-255.
    """
    down, across = np.gradient(luminance)
    strength = np.maximum(np.hypot(down, across) - NOISE, 0)
    turn = np.arctan2(down, across) % np.pi / np.pi
    orientation = np.minimum((turn * ORIENTATIONS).astype(np.int64), ORIENTATIONS - 1)
    height, width = luminance.shape
    rows, columns = np.mgrid[0:height, 0:width]
    quarter = 2 * (rows >= height // 2) + (columns >= width // 2)
    code = (quarter * ORIENTATIONS + orientation).ravel()
    histogram = np.bincount(code, strength.ravel(), minlength=4 * ORIENTATIONS).astype(float)
    total = float(histogram.sum())
    return (
        np.asarray(histogram / total)
        if total > 0
        else np.full(4 * ORIENTATIONS, 1 / (4 * ORIENTATIONS))
    )
