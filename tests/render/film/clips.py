"""Clips of the kinds that cameras, editors and converters make, drawn with PyAV alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from amt.features.video import VideoReader
from render.audio import Audio

RATE = 48_000
FAST = {"libx264": {"preset": "ultrafast"}, "libsvtav1": {"preset": "12"}}


def draw(
    path: Path,
    codec: str = "libx264",
    *,
    count: int = 40,
    size: tuple[int, int] = (64, 48),
    pixel_format: str = "yuv420p",
    times_ms: Sequence[int] | None = None,
    sound: np.ndarray | None = None,
    layout: str = "mono",
    sound_rate: int = RATE,
    sound_codec: str = "aac",
    **options: str,
) -> Path:
    """A clip whose pictures all differ, 25 a second or at the times given; sound is [channels, T].

    Where sound is given, picture and sound both begin at 0.
    """
    base = Fraction(1, 1000) if times_ms is not None else Fraction(1, 25)
    with av.open(str(path), "w") as clip:
        video = clip.add_stream(codec, rate=25, options={**FAST.get(codec, {}), **options})
        video.width, video.height, video.pix_fmt = *size, pixel_format
        video.codec_context.time_base = base
        audio = None
        if sound is not None:
            audio = clip.add_stream(sound_codec, rate=sound_rate, layout=layout)
        for index in range(count):
            clip.mux(video.encode(_picture(index, size, times_ms, base)))
        clip.mux(video.encode(None))
        if audio is not None and sound is not None:
            kind = "fltp" if sound.dtype == np.float32 else "s16p"
            frame = av.AudioFrame.from_ndarray(sound, format=kind, layout=layout)
            frame.sample_rate, frame.pts = sound_rate, 0
            clip.mux(audio.encode(frame))
            clip.mux(audio.encode(None))
    return path


def _picture(
    index: int, size: tuple[int, int], times_ms: Sequence[int] | None, base: Fraction
) -> av.VideoFrame:
    width, height = size
    image = np.full((height, width, 3), (6 * index) % 250, np.uint8)
    image[: height // 2, (3 * index) % width :] = 250 - (5 * index) % 250
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    frame.pts, frame.time_base = index if times_ms is None else times_ms[index], base
    return frame


def remux(source: Path, path: Path, *, cut_s: float = 0.0, picture_s: float = 0.0) -> Path:
    """Copy a clip's packets, as ``ffmpeg -ss -c copy`` does.

    Args:
        source: the clip.
        path: the copy.
        cut_s: what lies before is moved before 0; MP4 then holds an edit list that hides it.
        picture_s: how much later the picture starts.
    """
    with av.open(str(source)) as clip, av.open(str(path), "w") as copy:
        targets = {s.index: copy.add_stream_from_template(s, opaque=True) for s in clip.streams}
        for packet in clip.demux():
            if not packet.size:
                continue
            late_s = picture_s if packet.stream.type == "video" else 0.0
            shift = round((late_s - cut_s) / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = targets[packet.stream.index]
            copy.mux(packet)
    return path


def seen(path: Path) -> tuple[list[str], list[float], float]:
    """Digests and times of the pictures that the analysis sees, and where the last one ends."""
    with VideoReader(path) as reader:
        frames = [(hashlib.md5(f.bgr.tobytes()).hexdigest(), f.time_s) for f in reader]
        return [f[0] for f in frames], [f[1] for f in frames], reader.duration_s


def decoded_sound(path: Path) -> np.ndarray:
    """Absolute samples [T] of a film's sound at 48 kHz, from the film's 0 on."""
    with av.open(str(path)) as film:
        frames = list(film.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    return np.abs(samples).max(axis=0)[-round((frames[0].pts or 0) * frames[0].time_base) :]


def bursts(
    seconds: float, at_s: Sequence[float], rate: int = RATE, channels: int = 1
) -> np.ndarray:
    """Silence [channels, T] with a tone of 50 ms at each of some times."""
    samples = np.zeros((channels, round(seconds * rate)), np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(round(0.05 * rate)) / rate)
    for time_s in at_s:
        start = round(time_s * rate)
        samples[:, start : start + tone.size] = tone[: samples.shape[1] - start]
    return samples


def onsets(wave: np.ndarray) -> list[float]:
    """Seconds at which sound begins after at least 0.1 s of quiet."""
    loud = np.flatnonzero(wave > 0.1)
    begins = loud[np.insert(np.diff(loud) > RATE // 10, 0, True)] if loud.size else loud
    return [float(start / RATE) for start in begins]


def music(seconds: float = 1.0) -> Audio:
    """Silence as a soundtrack."""
    return Audio(np.zeros((2, round(44100 * seconds)), np.float32), 44100)
