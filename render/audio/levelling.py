"""Gain and ceiling that bring a stream to a loudness with true peaks below a limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from render.audio.blocks import Block, scale
from render.audio.limiter import limit
from render.audio.loudness import MAX_LIMITING_DB, LoudnessMeter, normalising_gain
from render.audio.true_peak import true_peak

_CEILING_ROUNDS = 3
"""Times that the limiter's ceiling is set, the first included."""
_CEILING_MARGIN_DB = 0.05
"""Decibels by which it is lowered beyond the excess, for what limiting adds."""
TOLERANCE_LU = 0.5
"""A loudness is reached where it is missed by no more (EBU R 128)."""


@dataclass(frozen=True, slots=True)
class Level:
    """How a stream reaches a loudness."""

    gain: float
    """Factor of every sample, before the limiter."""
    ceiling_db: float
    """Of the limiter, in dBFS; at or below the limit of true peaks."""
    reached_lufs: float
    """Integrated loudness of the result; -inf for silence."""

    def applied(self, blocks: Iterable[Block], sample_rate: int) -> Iterator[Block]:
        """The stream at this level."""
        return limit(scale(blocks, self.gain), sample_rate, self.ceiling_db)


def levelled(
    open_stream: Callable[[], Iterable[Block]], sample_rate: int, lufs: float, peak_db: float
) -> Level:
    """The level at which a stream has a loudness, its true peaks limited.

    The limiter's ceiling is that of samples; where the signal between them goes beyond, the
    ceiling is lowered by as much, at most :data:`_CEILING_ROUNDS` times.

    Args:
        open_stream: returns the stream from its beginning; called two to twelve times.
        sample_rate: in Hz.
        lufs: integrated loudness to reach.
        peak_db: limit of true peaks in dBTP.
    """
    ceiling_db = peak_db
    for _ in range(_CEILING_ROUNDS):
        gain = normalising_gain(open_stream, sample_rate, lufs, ceiling_db)
        level, excess_db = _measured(open_stream, sample_rate, gain, ceiling_db, peak_db)
        if excess_db <= 0:
            break
        ceiling_db -= excess_db + _CEILING_MARGIN_DB
    return level


def _measured(
    open_stream: Callable[[], Iterable[Block]],
    sample_rate: int,
    gain: float,
    ceiling_db: float,
    peak_db: float,
) -> tuple[Level, float]:
    """The level of a gain and a ceiling, and the decibels by which true peaks exceed the limit."""
    meter = LoudnessMeter(sample_rate)

    def measured() -> Iterator[Block]:
        for block in limit(scale(open_stream(), gain), sample_rate, ceiling_db):
            meter.update(block)
            yield block

    excess_db = 20 * math.log10(max(true_peak(measured()), 1e-9)) - peak_db
    return Level(gain, ceiling_db, meter.integrated_lufs()), excess_db


def missed_loudness(reached_lufs: float, lufs: float) -> str | None:
    """A sentence on a loudness that was not reached; None where it was, and for silence.

    >>> missed_loudness(-17.25, -14.0)
    'the sound reaches -17.2 LUFS of -14: more would limit its peaks by over 9 dB'
    """
    if not math.isfinite(reached_lufs) or abs(reached_lufs - lufs) <= TOLERANCE_LU:
        return None
    return (
        f"the sound reaches {reached_lufs:.1f} LUFS of {lufs:g}: more would limit its peaks by "
        f"over {MAX_LIMITING_DB:g} dB"
    )
