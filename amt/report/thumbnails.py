"""A film strip: small pictures at regular times, however long the clip."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from amt.features.video import VideoReader
from amt.types import ImageArray

MOST = 60
"""Pictures in a strip; shorter clips have one a second, but at least :data:`FEWEST`."""
FEWEST = 12
SHORT_SIDE = 90
"""Pixels of the shorter side, at most."""

_QUALITY = 60


def film_strip(video: Path, duration_s: float) -> tuple[bytes, ...]:
    """The pictures in the middle of equal parts of a clip, as JPEG; memory does not grow with it.

    Raises:
        VideoError: the clip cannot be decoded.
    """
    parts = min(MOST, max(FEWEST, math.ceil(duration_s)))
    times_s = (np.arange(parts) + 0.5) * duration_s / parts
    with VideoReader(video) as reader:
        return tuple(_jpeg(picture) for picture in reader.pictures_at(times_s, SHORT_SIDE))


def _jpeg(picture: ImageArray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "JPEG", quality=_QUALITY, optimize=True)
    return target.getvalue()
