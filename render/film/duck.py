"""Music that is softer while somebody speaks in the video's own sound.

The gain falls linearly in dB over the attack before speech begins, stays at the depth while it
lasts, and recovers linearly in dB over the release after it ends. Times are seconds of the film.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.audio.blocks import Block, is_silence
from render.audio.loudness import LoudnessMeter
from render.files.clip_sound import PlacedSamples

CLEARANCE_LU = 10.0
"""Loudness units by which speech stands above the music: what EBU R 128 s4 and dialogue mixers ask
for at least so that speech stays intelligible lies between 7 and 15."""
DEEPEST_DB = 18.0
"""Decibels by which music is lowered at most, where the depth is chosen for the clearance."""

Spans = tuple[tuple[float, float], ...]
"""Start and end of each stretch of speech in seconds, in order, apart from each other."""


@dataclass(frozen=True, slots=True)
class Duck:
    """How music makes room for speech."""

    spans: Spans
    depth_db: float | None = None
    """From 0; None chooses it so that speech stands :data:`CLEARANCE_LU` above the music."""
    attack_s: float = 0.15
    release_s: float = 0.6


def ducked(blocks: Iterable[Block], sample_rate: int, duck: Duck) -> Iterator[Block]:
    """A stream that is softer in the spans of a duck whose depth is given."""
    for first, block in placed(blocks):
        yield lowered(first, block, sample_rate, duck)


def lowered(first: int, block: Block, sample_rate: int, duck: Duck) -> Block:
    """A block whose first frame is ``first``, softer where it lies in the spans of a duck."""
    end = first + block.shape[1]
    near = [
        span
        for span in duck.spans
        if span[0] - duck.attack_s < end / sample_rate
        and span[1] + duck.release_s > first / sample_rate
    ]
    if not near or is_silence(block):
        return block
    gain_db = _gain_db(np.arange(first, end) / sample_rate, near, duck)
    return np.asarray(block * (10 ** (gain_db / 20)).astype(np.float32))


def _gain_db(
    times_s: NDArray[np.float64], spans: Iterable[tuple[float, float]], duck: Duck
) -> NDArray[np.float64]:
    """[L] gain at times; where ramps of two spans meet, the lower one counts."""
    depth_db = duck.depth_db or 0.0
    gain_db = np.zeros(len(times_s))
    for start_s, end_s in spans:
        points_s = (start_s - duck.attack_s, start_s, end_s, end_s + duck.release_s)
        ramp_db = np.interp(times_s, points_s, (0.0, -depth_db, -depth_db, 0.0))
        gain_db = np.minimum(gain_db, ramp_db)
    return gain_db


def needed_depth_db(
    music: Iterable[Block],
    own: Iterable[PlacedSamples],
    sample_rate: int,
    spans: Spans,
    own_gain_db: float,
) -> float:
    """Decibels by which music must be lowered so that speech stands :data:`CLEARANCE_LU` above it.

    Both are measured over the spans alone (ITU-R BS.1770-4).

    Args:
        music: the soundtrack, not ducked.
        own: the video's own sound.
        sample_rate: of both, in Hz.
        spans: of speech.
        own_gain_db: gain of the own sound in the mix.

    Returns:
        0 to :data:`DEEPEST_DB`.
    """
    speech_lufs = lufs_inside(own, sample_rate, spans) + own_gain_db
    music_lufs = lufs_inside(placed(music), sample_rate, spans)
    if not math.isfinite(speech_lufs) or not math.isfinite(music_lufs):
        return 0.0
    return min(max(CLEARANCE_LU - (speech_lufs - music_lufs), 0.0), DEEPEST_DB)


def placed(blocks: Iterable[Block]) -> Iterator[PlacedSamples]:
    """The blocks of a stream with their first frames."""
    first = 0
    for block in blocks:
        yield first, block
        first += block.shape[1]


def lufs_inside(pieces: Iterable[PlacedSamples], sample_rate: int, spans: Spans) -> float:
    """Integrated loudness in LUFS of the parts of a sound that lie in some spans."""
    meter = LoudnessMeter(sample_rate)
    frames = [(round(a * sample_rate), round(b * sample_rate)) for a, b in spans]
    for first, samples in pieces:
        for start, end in frames:
            part = samples[:, max(start - first, 0) : max(end - first, 0)]
            if part.shape[1]:
                meter.update(np.ascontiguousarray(part))
    return meter.integrated_lufs()
