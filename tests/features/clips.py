"""Clips drawn by the tests themselves: what is in them, and when, is known."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

Image = np.ndarray


def picture(seed: int, width: int = 96, height: int = 64) -> Image:
    """A soft pattern that shares nothing with another seed's."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write_clip(
    path: Path,
    images: Sequence[Image],
    *,
    fps: Fraction | int = 25,
    times_ms: Sequence[int] | None = None,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Encode pictures at a constant rate, or each at its own time."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "12", "bf": "2"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        base = Fraction(1, 1000) if times_ms is not None else 1 / Fraction(fps)
        stream.codec_context.time_base = base
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts = index if times_ms is None else times_ms[index]
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def mark_rotation(path: Path, degrees: int) -> Path:
    """Write a rotation (counter-clockwise) into the display matrix of an MP4's track header."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 44
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 1 << 16
    matrix = (cosine * one, -sine * one, 0, sine * one, cosine * one, 0, 0, 0, 1 << 30)
    data[start : start + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


def shots(lengths: Sequence[int], seed: int = 0) -> list[Image]:
    """Still shots of so many frames each, every one another picture."""
    return [picture(seed + shot) for shot, length in enumerate(lengths) for _ in range(length)]
