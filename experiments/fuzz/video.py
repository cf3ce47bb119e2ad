"""Damaged clips: watched to the end, checked for a film, and now and then made into one."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np

from amt.features.video import VideoReader
from experiments.fuzz.contract import BrokenContract, Case
from experiments.fuzz.damage import damaged
from experiments.fuzz.runner import Draw
from render.audio import Audio
from render.mux import check_film, mux

_KINDS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("a.mp4", "libx264", {}), ("b.mp4", "mpeg4", {"movflags": "frag_keyframe+empty_moov"}),
    ("c.mkv", "libx264", {}), ("d.webm", "libvpx", {}), ("e.avi", "mpeg4", {}),
    ("f.ts", "libx264", {}), ("g.ts", "mpeg2video", {}), ("h.gif", "gif", {}),
    ("i.mov", "mjpeg", {}),
)  # fmt: skip
"""Name, codec and options of the muxer."""
_FILMED = 0.1
"""Share of the clips that are made into a film, where that can be."""
_FRAMES = 15


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    av.logging.set_level(None)
    whole = []
    for name, codec, options in _KINDS:
        path = folder / name
        write_clip(path, codec, options)
        whole.append((path.suffix, path.read_bytes()))
    rate = 48000
    tone = np.sin(np.arange(rate) / 20).astype(np.float32)
    sound = Audio(np.stack([tone, tone]), rate)

    def draw(rng: random.Random) -> Case:
        suffix, data = rng.choice(whole)
        data = data[: rng.randrange(len(data))] if rng.random() < 0.15 else damaged(data, rng)
        path = Path(f"clip{suffix}")
        (folder / path).write_bytes(data)
        film = Path(f"film{rng.choice(['.mp4', '.mkv', '.webm', '.mov'])}")
        is_filmed = rng.random() < _FILMED

        def run() -> None:
            watch(path)
            check_film(path, film)
            if is_filmed:
                mux(path, sound, film)

        return Case(run, data.decode("latin-1"), (path,))

    return draw


def watch(path: Path) -> None:
    """Read every frame; their times must rise within the length of the clip."""
    with VideoReader(path) as reader:
        before_s = -1.0
        for frame in reader:
            if not before_s < frame.time_s <= reader.duration_s:
                raise BrokenContract("times of frames do not rise, or lie after the end")
            before_s = frame.time_s
        reader.shortfall()


def write_clip(path: Path, codec: str, options: dict[str, str]) -> None:
    """A moving bar with a tone, where the container takes sound."""
    with av.open(str(path), "w", container_options=options) as clip:
        video = clip.add_stream(codec, rate=15, width=64, height=48)
        video.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        audio = None
        if path.suffix not in (".gif", ".webm"):
            audio = clip.add_stream("mp2" if path.suffix in (".ts", ".avi") else "aac", rate=44100)
        for i in range(_FRAMES):
            picture = np.full((48, 64, 3), 40, np.uint8)
            picture[:, 4 * i : 4 * i + 8] = (220, 60 + 8 * i, 20)
            frame = av.VideoFrame.from_ndarray(picture).reformat(format=video.pix_fmt)
            frame.pts = i
            clip.mux(video.encode(frame))
        clip.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(
                (np.sin(np.arange(44100) / 20) * 8000).astype(np.int16)[None], "s16", "mono"
            )
            frame.sample_rate, frame.pts = 44100, 0
            resampler = av.AudioResampler(audio.format, audio.layout, 44100, audio.frame_size)
            for piece in (*resampler.resample(frame), *resampler.resample(None), None):
                clip.mux(audio.encode(piece))
