"""A clip's own sound on the clip's clock: decoded frames, and samples at a rate of choice.

Second 0 is that of :class:`render.files.clip.Clip`, so that sound and frames agree. Memory does not
grow with the length of the clip.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from render.files.clip import Clip

_JITTER_S = 0.05
"""Timestamps closer than this to the end of the samples before are taken for rounding errors."""

PlacedSamples = tuple[int, NDArray[np.float32]]
"""First frame on the clip's clock, at the rate asked for, and samples [channels, L]."""


def decoded_stream(
    clip: Clip, stream: av.VideoStream | av.AudioStream
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """The decoded frames of a stream, without those of broken packets."""
    for packet in clip.packets():
        if packet.stream_index == stream.index:
            with contextlib.suppress(av.FFmpegError):
                yield from packet.decode()
    with contextlib.suppress(av.FFmpegError):
        yield from stream.decode(None)


def decoded_sound(clip: Clip) -> Iterator[tuple[Fraction | None, av.AudioFrame]]:
    """The clip's own sound: (seconds or None where the file states none, decoded frame)."""
    if clip.audio is None:
        return
    for frame in decoded_stream(clip, clip.audio):
        yield None if frame.pts is None else frame.pts * frame.time_base, frame


def placed_samples(
    frames: Iterable[tuple[Fraction | None, av.AudioFrame]], sample_rate: int, channels: int
) -> Iterator[PlacedSamples]:
    """A clip's own sound at a rate, in pieces at their positions.

    Samples are contiguous while timestamps differ by rounding only; where they jump by more than
    :data:`_JITTER_S`, so does the sound.

    Args:
        frames: (seconds on the clip's clock or None where the file states none, decoded sound).
        sample_rate: in Hz.
        channels: 1 or 2.
    """
    resampler: av.AudioResampler | None = None
    setup: tuple[str, str, int] | None = None
    placed = taken_to_s = Fraction(0)
    at = 0
    for time_s, frame in frames:
        jumped = time_s is not None and abs(time_s - taken_to_s) > _JITTER_S
        if resampler is None or jumped or setup != _setup(frame):
            if resampler is not None:
                yield from _pieces(at, resampler.resample(None), channels)
            placed = taken_to_s if time_s is None else time_s
            at, taken_to_s, setup = round(placed * sample_rate), placed, _setup(frame)
            resampler = _new_resampler(frame, sample_rate, channels)
        taken_to_s += Fraction(frame.samples, frame.sample_rate)
        for start, samples in _pieces(at, resampler.resample(frame), channels):
            at = start + samples.shape[1]
            yield start, samples
    if resampler is not None:
        yield from _pieces(at, resampler.resample(None), channels)


def _setup(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _new_resampler(frame: av.AudioFrame, sample_rate: int, channels: int) -> av.AudioResampler:
    # The resampler would take 3 dB off a mono sound that it spreads to stereo.
    mono = channels == 1 or frame.layout.nb_channels == 1
    return av.AudioResampler(format="fltp", layout="mono" if mono else "stereo", rate=sample_rate)


def _pieces(
    at: int, frames: Iterable[av.AudioFrame | None], channels: int
) -> Iterator[PlacedSamples]:
    for frame in frames:
        if frame is None:
            continue
        samples = np.nan_to_num(np.asarray(frame.to_ndarray(), np.float32))
        yield at, np.repeat(samples, 1 + channels - samples.shape[0], axis=0)
        at += samples.shape[1]
