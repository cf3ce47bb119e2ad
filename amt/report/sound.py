"""Sound small enough to live in a page: MP3, which every browser plays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

BIT_RATES = (96_000, 64_000, 48_000, 32_000, 24_000)
"""In bits a second, the best first."""
MAX_BYTES = 12_000_000
"""The best rate that keeps within this is taken, or else the lowest."""

_STEREO_FROM = 64_000
_FULL_RATE, _HALF_RATE = 44_100, 22_050
_BLOCK_S = 10


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A rendered song; second 0 is the first picture of the clip."""

    samples: NDArray[np.float32]
    """[channels, T], full scale ±1; one or two channels."""
    sample_rate: int
    """In Hz."""


def encode_mp3(sound: Sound) -> bytes:
    """Encode as MP3 at a constant rate, so that players find any second by its place in the file.

    Up to 16 minutes it is 96 kbit/s in stereo, and less for more; below 64 kbit/s the sound is mono
    at 22.05 kHz. Equal sound gives equal bytes.
    """
    bit_rate = choose_bit_rate(sound.samples.shape[1] / sound.sample_rate)
    stereo = bit_rate >= _STEREO_FROM
    target = io.BytesIO()
    with av.open(target, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=_FULL_RATE if stereo else _HALF_RATE)
        stream.bit_rate = bit_rate
        stream.layout = "stereo" if stereo else "mono"
        for frame in _frames(sound, stereo, stream.rate):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target.getvalue()


def choose_bit_rate(length_s: float) -> int:
    """The best of :data:`BIT_RATES` that keeps a sound within :data:`MAX_BYTES`, or the lowest."""
    fitting = (rate for rate in BIT_RATES if rate / 8 * length_s <= MAX_BYTES)
    return next(fitting, BIT_RATES[-1])


def _frames(sound: Sound, stereo: bool, rate: int) -> Iterator[av.AudioFrame]:
    """The sound at another rate and number of channels, some seconds at a time."""
    block, at = _BLOCK_S * sound.sample_rate, 0
    for start in range(0, sound.samples.shape[1], block):
        part = sound.samples[:, start : start + block]
        part = np.resize(part, (2, part.shape[1])) if stereo else part.mean(axis=0, keepdims=True)
        if rate != sound.sample_rate:
            part = resample_poly(part, rate, sound.sample_rate, axis=1)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(part.clip(-1, 1), dtype=np.float32),
            format="fltp",
            layout="stereo" if stereo else "mono",
        )
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
        at += frame.samples
        yield frame
