"""Thumbnails by jumping: the pictures that a walk through all frames would give."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from amt.features.video import VideoReader


def draw_clip(path: Path, seconds: int, gop: int, fps: int = 5) -> Path:
    """Grey that rises from frame to frame, with a key frame every ``gop`` frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"g": str(gop), "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(seconds * fps):
            grey = 20 + 200 * index // (seconds * fps)
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), grey, np.uint8), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def walked(path: Path, times_s: list[float]) -> list[float]:
    """Mean grey of the first frame from each time on, by decoding every frame."""
    with VideoReader(path) as reader:
        frames = [(frame.time_s, float(frame.rgb(48).mean())) for frame in reader]
    return [next((grey for at, grey in frames if at >= t), frames[-1][1]) for t in times_s]


@pytest.mark.parametrize("gop", [5, 40, 10_000])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_as_a_walk_through_all_frames(tmp_path: Path, gop: int, suffix: str) -> None:
    path = draw_clip(tmp_path / f"clip{suffix}", seconds=60, gop=gop)
    for times_s in ([0.0], [0.0, 0.1, 20.0, 20.0, 31.3, 59.9, 80.0], list(np.arange(0.5, 60, 9.0))):
        with VideoReader(path) as reader:
            jumped = [float(picture.mean()) for picture in reader.pictures_at(times_s, 48)]
        assert jumped == pytest.approx(walked(path, times_s))


def test_few_frames_are_decoded_of_a_long_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw_clip(tmp_path / "clip.mp4", seconds=200, gop=10)
    decoded = 0
    plain = VideoReader._decoded

    def counted(reader: VideoReader):
        nonlocal decoded
        for picture in plain(reader):
            decoded += 1
            yield picture

    monkeypatch.setattr(VideoReader, "_decoded", counted)
    with VideoReader(path) as reader:
        assert len(list(reader.pictures_at([10.0, 100.0, 190.0], 16))) == 3
    assert decoded < 60
