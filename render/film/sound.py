"""The sound of a film, in blocks: soundtrack, the video's own sound, mix, encoded packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np

from render.audio import Block, Sound, limit
from render.audio.blocks import cut, is_silence, pad
from render.audio.resample import resample
from render.errors import MuxError
from render.files.clip_sound import PlacedSamples, placed_samples

BIT_RATE = 192_000
"""Bits a second of the encoded sound."""
SAMPLE_RATE = 48_000
"""In Hz; supported by AAC and Opus."""

_FRAME = 1024
"""Samples of a frame that is encoded."""
PEAK_DB = -1.0
"""Ceiling of a mix with the video's own sound, in dBFS."""
CODEC_DB = 0.5
"""Decibels by which true peaks are kept lower in a film, for what AAC and Opus add to them at
:data:`BIT_RATE`."""
_FADE_S = 2.0
"""Seconds of the fade where a soundtrack is cut."""


def soundtrack(sound: Sound, frames: int) -> Iterator[Block]:
    """A soundtrack in stereo at :data:`SAMPLE_RATE`, exactly ``frames`` long.

    A shorter one ends in silence; a longer one is faded out over at most 2 s and cut.

    Raises:
        MuxError: the sound is neither mono nor stereo.
    """
    resampled = resample(_stereo(sound), sound.sample_rate, SAMPLE_RATE)
    if round(sound.frames * SAMPLE_RATE / sound.sample_rate) > frames:
        resampled = cut(resampled, frames, min(round(_FADE_S * SAMPLE_RATE), frames // 2))
    return pad(resampled, frames)


def _stereo(sound: Sound) -> Iterator[Block]:
    """The blocks [2, L] of a sound of one or two channels."""
    if sound.channels not in (1, 2):
        raise MuxError(f"the soundtrack has {sound.channels} channels, expected 1 or 2")
    for block in sound.blocks():
        yield block if sound.channels == 2 else np.repeat(block, 2, axis=0)


def own_sound(frames: Iterable[tuple[Fraction | None, av.AudioFrame]]) -> Iterator[PlacedSamples]:
    """The video's own sound in stereo at :data:`SAMPLE_RATE`, in pieces at their positions."""
    return placed_samples(frames, SAMPLE_RATE, channels=2)


def mixed(sound: Iterable[Block], own: Iterable[PlacedSamples], gain_db: float) -> Iterator[Block]:
    """A soundtrack mixed with the video's own sound, peaks limited to -1 dBFS.

    Args:
        sound: the soundtrack at :data:`SAMPLE_RATE`.
        own: the video's sound in order of time; where pieces overlap, the first counts.
        gain_db: of the video's sound, in dB.
    """
    return limit(added(sound, own, gain_db), SAMPLE_RATE, PEAK_DB)


def added(sound: Iterable[Block], own: Iterable[PlacedSamples], gain_db: float) -> Iterator[Block]:
    """The same without a limiter."""
    factor = np.float32(10 ** (gain_db / 20))
    pieces = _in_order(own)
    start, piece = next(pieces, (0, None))
    low = 0
    for block in sound:
        high = low + block.shape[1]
        if piece is not None and start < high:
            block = np.array(block)
        while piece is not None and start < high:
            part = piece[:, : high - start]
            block[:, start - low : start - low + part.shape[1]] += factor * part
            start, piece = start + part.shape[1], piece[:, part.shape[1] :]
            if not piece.shape[1]:
                start, piece = next(pieces, (0, None))
        yield block
        low = high


def _in_order(pieces: Iterable[PlacedSamples]) -> Iterator[PlacedSamples]:
    """The pieces from frame 0 on, without parts that overlap an earlier piece."""
    end = 0
    for start, piece in pieces:
        fresh = piece[:, max(end - start, 0) :]
        if fresh.shape[1]:
            start = max(start, end)
            yield start, fresh
            end = start + fresh.shape[1]


def encoded(sound: Iterable[Block], stream: av.AudioStream) -> Iterator[av.Packet]:
    """Encode blocks [2, L] to packets of a film's audio stream."""
    at = 0
    for samples in _framed(sound):
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), at
        at += samples.shape[1]
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _framed(sound: Iterable[Block]) -> Iterator[Block]:
    """The same sound in blocks of :data:`_FRAME` frames, the last one shorter."""
    left: Block = np.empty((2, 0), np.float32)
    for block in sound:
        joined = np.concatenate([left, block], axis=1) if left.shape[1] else block
        if is_silence(joined):
            joined = np.zeros(joined.shape, np.float32)
        whole = joined.shape[1] - joined.shape[1] % _FRAME
        for start in range(0, whole, _FRAME):
            yield np.ascontiguousarray(joined[:, start : start + _FRAME])
        left = joined[:, whole:]
    if left.shape[1]:
        yield np.ascontiguousarray(left)
