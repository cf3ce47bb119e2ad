"""Clips of the kinds that cameras, editing programs and broken copies leave, made with PyAV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.features.clips import picture

RATE = 25
_SAMPLE_RATE = 48_000


def write(
    path: Path,
    pictures: int = 100,
    *,
    codec: str = "libx264",
    times: Sequence[int] | None = None,
    picture_from_s: float = 0.0,
    sound_s: float | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip of pictures at times in 1/25 s, with a sound from 0 where a length is given."""
    with av.open(str(path), "w", options=options or {}) as film:
        coding = {"g": "25"} | ({} if codec in ("wmv2", "mjpeg", "ffv1") else {"bf": "2"})
        coding |= {"sc_threshold": "0"} if codec == "libx264" else {}
        video = film.add_stream(codec, rate=RATE, options=coding)
        video.width, video.height = 96, 64
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if path.suffix == ".avi":
            # As ffmpeg does, count fields; packets of one tick last less than their pictures.
            video.codec_context.time_base = Fraction(1, 2 * RATE)
        spoken = "mp2" if path.suffix == ".mpg" else "aac"
        sound = film.add_stream(spoken, rate=_SAMPLE_RATE, layout="mono") if sound_s else None
        packets: list[av.Packet] = []
        for number in range(pictures):
            frame = av.VideoFrame.from_ndarray(picture(number // 5), format="rgb24")
            frame.pts = times[number] if times is not None else number
            frame.pts += round(picture_from_s * RATE)
            frame.time_base = Fraction(1, RATE)
            packets += video.encode(frame)
        packets += video.encode()
        if sound is not None and sound_s is not None:
            packets += _sound(sound, sound_s)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            film.mux(packet)
    return path


def _sound(stream: av.AudioStream, length_s: float) -> list[av.Packet]:
    packets: list[av.Packet] = []
    kind = stream.codec_context.format.name
    silence = np.zeros((1, 1152), dtype=np.float32 if kind == "fltp" else np.int16)
    for start in range(0, round(length_s * _SAMPLE_RATE), 1152):
        frame = av.AudioFrame.from_ndarray(silence, format=kind, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _SAMPLE_RATE, start, Fraction(1, 48000)
        packets += stream.encode(frame)
    return packets + stream.encode()


def copy(
    source: Path,
    target: Path,
    change: Callable[[av.Packet], None] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """The pictures of a clip in another container, not encoded again."""
    with av.open(str(source)) as clip, av.open(str(target), "w", options=options or {}) as film:
        stream = clip.streams.video[0]
        copied = film.add_stream_from_template(stream)
        for packet in clip.demux(stream):
            if packet.size:
                if change is not None:
                    change(packet)
                packet.stream = copied
                film.mux(packet)
    return target


def trimmed(source: Path, target: Path, from_s: float) -> Path:
    """A clip trimmed without encoding: an edit list hides what lies before a time."""

    def earlier(packet: av.Packet) -> None:
        ticks = round(from_s / packet.time_base)
        packet.pts -= ticks
        packet.dts -= ticks

    return copy(source, target, earlier, {"avoid_negative_ts": "disabled"})
