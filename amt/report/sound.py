"""Sound small enough to live in a page: MP3, which every browser plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Protocol

import av
import numpy as np
import soxr

from amt.types import Float32Array

BIT_RATES = (96_000, 64_000, 48_000, 32_000, 24_000)
"""In bits a second, the best first."""
MAX_BYTES = 12_000_000
"""The best rate that keeps within this is taken, or else the lowest."""

_STEREO_FROM = 64_000
_FULL_RATE, _HALF_RATE = 44_100, 22_050
_BLOCK_S = 10

Samples = Float32Array


class SoundSource(Protocol):
    """A rendered song that is read block by block; second 0 is the first picture of the clip.

    Such as :class:`render.audio.Master`, so an hour of sound need not lie in memory.
    """

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    @property
    def frames(self) -> int:
        """Length in samples a channel."""

    def blocks(self) -> Iterator[Samples]:
        """The sound from its beginning: [channels, L] each, full scale ±1."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A rendered song in memory; second 0 is the first picture of the clip."""

    samples: Samples
    """[channels, T], full scale ±1; one or two channels."""
    sample_rate: int
    """In Hz."""

    @property
    def frames(self) -> int:
        """T."""
        return int(self.samples.shape[1])

    def blocks(self) -> Iterator[Samples]:
        """The sound, some seconds at a time."""
        size = _BLOCK_S * self.sample_rate
        for start in range(0, self.frames, size):
            yield self.samples[:, start : start + size]


def encode_mp3(sound: SoundSource, target: BinaryIO) -> None:
    """Encode as MP3 at a constant rate, so that players find any second by its place in the file.

    Up to 16 minutes it is 96 kbit/s in stereo, and less for more; below 64 kbit/s the sound is mono
    at 22.05 kHz. Equal sound gives equal bytes.

    Args:
        sound: read once, block by block.
        target: file to write; must be able to seek, as the header is written last.
    """
    bit_rate = choose_bit_rate(sound.frames / sound.sample_rate)
    stereo = bit_rate >= _STEREO_FROM
    with av.open(target, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=_FULL_RATE if stereo else _HALF_RATE)
        stream.bit_rate = bit_rate
        stream.layout = "stereo" if stereo else "mono"
        for frame in _frames(sound, stereo, stream.rate):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def choose_bit_rate(length_s: float) -> int:
    """The best of :data:`BIT_RATES` that keeps a sound within :data:`MAX_BYTES`, or the lowest."""
    fitting = (rate for rate in BIT_RATES if rate / 8 * length_s <= MAX_BYTES)
    return next(fitting, BIT_RATES[-1])


def _frames(sound: SoundSource, stereo: bool, rate: int) -> Iterator[av.AudioFrame]:
    """The sound at another rate and number of channels."""
    at = 0
    for part in _resampled(_mixed(sound, stereo), sound.sample_rate, rate, 2 if stereo else 1):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(part.T.clip(-1, 1)),
            format="fltp",
            layout="stereo" if stereo else "mono",
        )
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
        at += frame.samples
        yield frame


def _mixed(sound: SoundSource, stereo: bool) -> Iterator[Samples]:
    """Blocks [L, 2] or [L, 1]."""
    for block in sound.blocks():
        part = np.resize(block, (2, block.shape[1])) if stereo else block.mean(axis=0)[np.newaxis]
        yield np.ascontiguousarray(part.T, dtype=np.float32)


def _resampled(
    blocks: Iterator[Samples], from_hz: int, to_hz: int, channels: int
) -> Iterator[Samples]:
    """Blocks [L, channels] at another rate, without a seam where they meet."""
    if from_hz == to_hz:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32")
    parts = (stream.resample_chunk(block) for block in blocks)
    yield from (part for part in parts if len(part))
    last = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    if len(last):
        yield last
