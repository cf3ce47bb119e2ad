"""How unlike two pictures are, and the strength of the change from one to the other.

Pictures are compared as thumbnails, in which grain, the blocks of a coarse encoder and fine
movement have been averaged away. Two measures count, both in 0..1:

* *colour*: one minus the intersection of their colour histograms (Swain and Ballard 1991), but no
  more than four times the mean absolute difference, for a histogram may change wholly where a flat
  colour crosses the border of a bin;
* *structure*: one minus the contrast and structure term of SSIM (Wang et al. 2004) over the whole
  picture, with the best correlation that is found while the middle of one picture is moved over
  the other: a camera that moves a little shows the same view.

Black bars that both pictures have are cut off first. :func:`dissimilarity` is the weighted mean of
the two (of flat pictures, the colour alone), or the mean absolute difference where that is larger
(a white picture after a black one), and :func:`visual_change` puts it on a scale of strength: about
.9 for pictures that have nothing to do with each other, about .5 for two framings of one scene.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amt.features.opencv import cv2
from amt.types import BoolArray, FloatArray, ImageArray

Thumbnail = NDArray[np.float32]
"""[18, 32, 3] blue, green and red in 0..1."""

THUMBNAIL_SIZE = (32, 18)

COLOUR_SHARE = 0.4
"""Weight of colour in dissimilarity; the rest is structure. Slides of text differ in structure
alone, and a crowd that moves through one view changes in both, in structure more."""
STRENGTHS = ((0.0, 0.35, 0.6, 0.8, 1.0), (0.0, 0.5, 0.87, 0.95, 1.0))
"""Dissimilarity and the strength it stands for. Shots of different films have a median of .8, of
.56 where they have the same colours; framings of one scene .25 to .4."""

COLOUR_LIMIT = 4.0
"""The colour measure is at most so many times the mean absolute difference; see the module."""

_SHIFT = 0.125
"""The middle of a picture is moved this far each way, as a share of its side."""
_NOISE = 0.02**2
"""Variance of luminance that carries no structure: noise in the dark."""
_BAR_LEVEL = 0.06
_WIDEST_BAR = 0.36
"""Black bars: their luminance, and the share of the picture one may take on each side."""


def thumbnail(bgr: ImageArray) -> Thumbnail:
    """[h, w, 3] shrunk to :data:`THUMBNAIL_SIZE` by averaging, in 0..1."""
    small = cv2.resize(bgr, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA)
    scaled: Thumbnail = small.astype(np.float32) / np.float32(255)
    return scaled


def visual_change(before: Thumbnail, after: Thumbnail) -> float:
    """Strength of the change from one picture to another, 0 (same) to 1; see the module."""
    return strength_of(dissimilarity(before, after))


def strength_of(unlike: float) -> float:
    """Strength for a dissimilarity, both 0 to 1."""
    return float(np.interp(unlike, *STRENGTHS))


def dissimilarity(before: Thumbnail, after: Thumbnail) -> float:
    """How much two pictures differ in colour and structure, 0 to 1; see the module."""
    rows, columns = picture_area(before, after)
    first, second = before[rows, columns], after[rows, columns]
    overlap = float(np.minimum(_histogram(first), _histogram(second)).sum())
    difference = float(np.abs(first - second).mean())
    colour = min(1 - overlap, COLOUR_LIMIT * difference)
    structure, contrast = _structure(first.mean(axis=2), second.mean(axis=2))
    weight = (1 - COLOUR_SHARE) * contrast
    unlike = (1 - weight) * colour + weight * (1 - structure)
    return float(np.clip(max(unlike, difference), 0, 1))


def picture_area(before: Thumbnail, after: Thumbnail) -> tuple[slice, slice]:
    """Rows and columns without the black bars that both pictures have, on two sides at most."""
    bright = np.maximum(before, after).max(axis=2) > _BAR_LEVEL
    bars = [_bars(bright.any(axis=1 - axis)) for axis in (0, 1)]
    whole = [slice(0, side) for side in bright.shape]
    wider = int(np.argmax([bar / side for bar, side in zip(bars, bright.shape, strict=True)]))
    whole[wider] = slice(bars[wider], bright.shape[wider] - bars[wider])
    return whole[0], whole[1]


def correlation(first: Thumbnail, second: Thumbnail) -> float:
    """Pearson correlation of two pictures' luminances; 0 where one is flat."""
    a, b = (p.mean(axis=2).ravel() - p.mean() for p in (first, second))
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / scale if scale > 1e-6 else 0.0


def _bars(lit: BoolArray) -> int:
    """Lines that are dark at both ends; 0 where nothing is lit."""
    if not lit.any():
        return 0
    both = min(int(lit.argmax()), int(lit[::-1].argmax()))
    return min(both, int(_WIDEST_BAR * len(lit)))


def _histogram(picture: Thumbnail) -> FloatArray:
    """[64] shares of the colours, four levels a channel."""
    level = np.minimum((picture * 4).astype(np.int64), 3)
    code = level[..., 0] * 16 + level[..., 1] * 4 + level[..., 2]
    shares: FloatArray = np.bincount(code.ravel(), minlength=64) / code.size
    return shares


def _structure(first: Thumbnail, second: Thumbnail) -> tuple[float, float]:
    """Contrast and structure term of SSIM of two luminances under the best small shift.

    Returns:
        The term, and the share of contrast that is no noise, both in 0..1: two flat pictures have
        no structure to compare.
    """
    a, b = float(first.std()), float(second.std())
    similarity = 0.0
    if min(a, b) > 1e-3:
        centred = float(((first - first.mean()) * (second - second.mean())).mean()) / (a * b)
        similarity = max(centred, _best_match(first, second), _best_match(second, first), 0.0)
    larger = max(a, b) ** 2
    term = (2 * similarity * a * b + _NOISE) / (a * a + b * b + _NOISE)
    return term, larger / (larger + _NOISE)


def _best_match(whole: Thumbnail, other: Thumbnail) -> float:
    """Best correlation of the middle of one luminance with places in the other."""
    margins = [max(1, round(_SHIFT * side)) for side in other.shape]
    middle = other[margins[0] : -margins[0], margins[1] : -margins[1]]
    if min(middle.shape) < 3 or middle.std() < 1e-3:
        return 0.0
    found = cv2.matchTemplate(whole, np.ascontiguousarray(middle), cv2.TM_CCOEFF_NORMED)
    return float(np.clip(found, -1, 1).max())
