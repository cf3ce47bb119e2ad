"""A clip's picture and a soundtrack → a film; video packets are copied, never re-encoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from render.audio import Audio, fit_duration, limit, resample
from render.errors import MuxError

BIT_RATE = 192_000
"""Of the encoded sound, in bits a second."""

_AUDIO_CODECS = {".mp4": "aac", ".m4v": "aac", ".mov": "aac", ".mkv": "aac", ".webm": "libopus"}
_WEBM = ("vp8", "vp9", "av1")
_SAMPLE_RATE = 48_000
"""What both codecs take and film uses."""
_FRAME = 1024
_PEAK_DB = -1.0


@dataclass(frozen=True, slots=True)
class _Picture:
    """When the picture of a clip starts, in its stream's ticks, and how long it lasts."""

    start: int
    duration_s: float


def mux(video: Path, audio: Audio, out: Path, *, keep_original: float | None = None) -> None:
    """Lay a soundtrack under a clip's picture.

    Video packets are copied byte for byte, with their rotation; the picture starts at 0 and the
    sound is padded, or faded out and cut, to last as long. Sound is encoded as stereo AAC (Opus in
    WebM) at 192 kbit/s.

    Args:
        video: the clip.
        audio: the soundtrack, mono or stereo; second 0 is the clip's first picture.
        out: the film; its suffix (.mp4, .m4v, .mov, .mkv, .webm) chooses the container.
        keep_original: gain in dB, 0 or less, at which the clip's own sound is mixed under the
            soundtrack; None leaves it out, and a clip without sound stays without.

    Raises:
        MuxError: the clip cannot be read or has no picture, its codec cannot live in the
            container, the container is unknown, or ``out`` is the clip itself or cannot be written.
    """
    codec = _AUDIO_CODECS.get(out.suffix.lower())
    if codec is None:
        raise MuxError(f"{out.name} has no known film suffix: name it {', '.join(_AUDIO_CODECS)}")
    if keep_original is not None and not keep_original <= 0:
        raise MuxError(f"the clip's own sound has a gain of {keep_original} dB, expected 0 or less")
    if out.exists() and out.samefile(video):
        raise MuxError(f"{out} is the clip itself: choose another name for the film")
    picture = _survey(video)
    sound = fit_duration(_stereo(resample(audio, _SAMPLE_RATE)), picture.duration_s)
    if keep_original is not None:
        sound = _mix_original(video, picture, sound, keep_original)
    _write(video, picture, sound, out, codec)


@contextmanager
def _open_clip(path: Path) -> Iterator[av.container.InputContainer]:
    try:
        with av.open(str(path)) as clip:
            yield clip
    except (av.error.FFmpegError, OSError) as error:
        raise MuxError(f"cannot read the clip {path}: {error.strerror}") from error


def _video_stream(clip: av.container.InputContainer, path: Path) -> av.VideoStream:
    stream = clip.streams.best("video")
    if stream is None:
        raise MuxError(f"{path} holds no picture: choose a video file")
    return stream


def _survey(path: Path) -> _Picture:
    """Find when the picture starts and ends, from the times of its packets alone."""
    with _open_clip(path) as clip:
        stream = _video_stream(clip, path)
        spans = [
            (packet.pts, packet.pts + (packet.duration or 0))
            for packet in clip.demux(stream)
            if packet.pts is not None and packet.size
        ]
        if not spans:
            raise MuxError(f"{path} holds no timed pictures: choose another clip")
        start, end = min(span[0] for span in spans), max(span[1] for span in spans)
        if end <= start:
            raise MuxError(f"{path} is a still picture: choose a video file")
        return _Picture(start, float((end - start) * stream.time_base))


def _stereo(audio: Audio) -> Audio:
    if audio.samples.shape[0] not in (1, 2):
        raise MuxError(f"the soundtrack has {audio.samples.shape[0]} channels, expected 1 or 2")
    return Audio(np.repeat(audio.samples, 3 - len(audio.samples), axis=0), audio.sample_rate)


def _mix_original(path: Path, picture: _Picture, sound: Audio, gain_db: float) -> Audio:
    """Add the clip's own sound, each frame at its time relative to the first picture."""
    mixed = sound.samples.copy()
    factor = np.float32(10 ** (gain_db / 20))
    with _open_clip(path) as clip:
        video = _video_stream(clip, path)
        origin_s = picture.start * video.time_base
        stream = clip.streams.best("audio")
        if stream is None:
            return sound
        at: int | None = None
        for frame in _decode(stream, clip):
            if at is None:
                first_s = (frame.pts or 0) * frame.time_base - origin_s
                at = round(first_s * _SAMPLE_RATE)
            samples = frame.to_ndarray()
            low, high = max(at, 0), min(at + samples.shape[1], mixed.shape[1])
            if low < high:
                mixed[:, low:high] += factor * samples[:, low - at : high - at]
            at += samples.shape[1]
    return limit(Audio(mixed, sound.sample_rate), _PEAK_DB)


def _decode(stream: av.AudioStream, clip: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    """The frames of a stream as floats, mono or stereo, at the film's sample rate."""
    # The resampler would take 3 dB off a mono sound that it spreads to stereo.
    layout = "mono" if stream.channels == 1 else "stereo"
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=_SAMPLE_RATE)
    for frame in clip.decode(stream):
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _write(video: Path, picture: _Picture, sound: Audio, out: Path, codec: str) -> None:
    with _open_clip(video) as clip, _open_film(out) as film:
        source = _video_stream(clip, video)
        target = _copy_stream(film, source, out)
        encoder = film.add_stream(codec, rate=_SAMPLE_RATE, layout="stereo", bit_rate=BIT_RATE)
        film.metadata.update(clip.metadata)
        frames = _frames(sound)
        encoded_s = 0.0
        for packet in _packets(clip, source, picture.start):
            packet_s = float(packet.dts * packet.time_base)
            packet.stream = target
            while encoded_s <= packet_s and (frame := next(frames, None)) is not None:
                encoded_s = float((frame.pts + frame.samples) * frame.time_base)
                film.mux(encoder.encode(frame))
            film.mux(packet)
        for frame in frames:
            film.mux(encoder.encode(frame))
        film.mux(encoder.encode(None))


@contextmanager
def _open_film(path: Path) -> Iterator[av.container.OutputContainer]:
    try:
        with av.open(str(path), "w") as film:
            yield film
    except (av.error.FFmpegError, OSError) as error:
        raise MuxError(f"cannot write the film {path}: {error.strerror}") from error


def _copy_stream(
    film: av.container.OutputContainer, source: av.VideoStream, out: Path
) -> av.VideoStream:
    try:
        target = film.add_stream_from_template(source)
    except ValueError as error:
        raise MuxError(
            f"the clip's {source.codec_context.name} picture cannot live in {out.suffix}: "
            "name the film .mkv" + (" or .webm" if source.codec_context.name in _WEBM else "")
        ) from error
    target.metadata.update(source.metadata)
    return target


def _packets(
    clip: av.container.InputContainer, source: av.VideoStream, start: int
) -> Iterator[av.Packet]:
    """The video packets, moved so that the first picture shows at 0, all with decoding times.

    Matroska states none before the first picture that was reordered; they are counted back from it.
    """
    waiting: list[av.Packet] = []
    for packet in clip.demux(source):
        if packet.pts is None or not packet.size:
            continue
        packet.pts -= start
        waiting.append(packet)
        if packet.dts is not None:
            packet.dts -= start
            step = max(packet.duration or 0, 1)
            for back, early in enumerate(reversed(waiting)):
                early.dts = packet.dts - back * step
            yield from waiting
            waiting.clear()
    for packet in waiting:
        packet.dts = packet.pts
        yield packet


def _frames(sound: Audio) -> Iterator[av.AudioFrame]:
    """The sound in pieces of 1024 frames, each with its time."""
    for start in range(0, sound.samples.shape[1], _FRAME):
        samples = np.ascontiguousarray(sound.samples[:, start : start + _FRAME])
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = sound.sample_rate
        frame.time_base = Fraction(1, sound.sample_rate)
        frame.pts = start
        yield frame
