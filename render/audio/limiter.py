"""A look-ahead peak limiter.

A sample above the ceiling asks for a *reduction*, 1 - ceiling / |sample|. Reductions are released
exponentially, held over the time that is looked ahead, and averaged over it, so that the gain has
reached its value when the peak arrives. All channels get one gain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from render.audio.blocks import Block, is_silence

ATTACK_S = 0.005
"""Seconds that the limiter looks ahead: the gain falls linearly over this time before a peak."""
RELEASE_S = 0.1
"""Time constant in seconds with which the gain recovers after a peak."""

_NEGLIGIBLE = -20.0
"""Natural logarithm of a reduction too small to change a float32."""


def limit(blocks: Iterable[Block], sample_rate: int, peak_db: float) -> Iterator[Block]:
    """The stream with all samples within ``peak_db`` dBFS; below the ceiling it is unchanged.

    Args:
        blocks: the stream.
        sample_rate: in Hz.
        peak_db: the ceiling in dBFS.
    """
    limiter = _Limiter(sample_rate, peak_db)
    for block in blocks:
        yield from limiter.push(block)
    yield from limiter.finish()


class _Limiter:
    """The state of :func:`limit`: the samples that wait for those that follow them."""

    def __init__(self, sample_rate: int, peak_db: float) -> None:
        self._ceiling = 10 ** (peak_db / 20)
        self._ahead = max(round(ATTACK_S * sample_rate), 1)
        self._slope = 1.0 / (RELEASE_S * sample_rate)
        self._last = -np.inf  # logarithm of the released reduction of the last sample
        self._waiting: Block = np.empty((0, 0), np.float32)
        self._coming = np.empty(0)  # released reductions of the samples that wait
        self._before: NDArray[np.float64] | None = None  # held reductions of the last output

    def push(self, block: Block) -> Iterator[Block]:
        """The output that can be computed after a block: all but the time that is looked ahead."""
        if not block.shape[1]:
            return
        is_rest = is_silence(block) and block.shape[1] >= self._ahead
        if is_rest and not self._reduces():  # silence passes as silence
            yield self._waiting if self._waiting.size else block[:, :0]
            yield block[:, self._ahead - 1 :]
            self._waiting = block[:, : self._ahead - 1]
            self._coming = np.zeros(self._ahead - 1)
            return
        self._coming = np.concatenate([self._coming, self._released(block)])
        joined = [self._waiting, block] if self._waiting.size else [block]
        self._waiting = np.concatenate(joined, axis=1)
        ready = self._coming.size - (self._ahead - 1)
        if ready > 0:
            yield self._output(ready)

    def finish(self) -> Iterator[Block]:
        """The output that is left when the stream has ended."""
        if self._coming.size:
            yield self._output(self._coming.size)

    def _reduces(self) -> bool:
        held = self._before is not None and bool(self._before.any())
        return held or self._last > -np.inf or bool(self._coming.any())

    def _released(self, block: Block) -> NDArray[np.float64]:
        """Reductions [L] that a block's samples ask for, each decaying after its peak."""
        peaks = np.abs(block).max(axis=0).astype(np.float64)
        if self._last == -np.inf and float(peaks.max()) <= self._ceiling:
            return np.zeros(peaks.size)
        reduction = 1.0 - self._ceiling / np.maximum(peaks, self._ceiling)
        # Release: r[n] = max(r[n], a r[n-1]) is a running maximum of log r[n] - n log a.
        fall = self._slope * np.arange(reduction.size)
        with np.errstate(divide="ignore"):
            rising = np.log(reduction) + fall
        rising[0] = max(rising[0], self._last - self._slope)
        rising = np.maximum.accumulate(rising) - fall
        self._last = rising[-1] if rising[-1] > _NEGLIGIBLE else -np.inf
        released: NDArray[np.float64] = np.exp(rising)
        return released

    def _output(self, ready: int) -> Block:
        """The first ``ready`` of the waiting frames, limited; they wait no more."""
        block, self._waiting = self._waiting[:, :ready], self._waiting[:, ready:]
        coming, self._coming = self._coming, self._coming[ready:]
        # Attack: hold the strongest reduction of the next `ahead` samples, then average the last
        # `ahead` of those, all of which hold the peak when it is output.
        ahead = self._ahead
        if not coming.any() and (self._before is None or not self._before.any()):
            self._before = np.zeros(ahead - 1)
            return block
        held = maximum_filter1d(coming, ahead, origin=-(ahead // 2), mode="nearest")[:ready]
        before = np.full(ahead - 1, held[0]) if self._before is None else self._before
        held = np.concatenate([before, held])
        self._before = held[held.size - (ahead - 1) :]
        mean = uniform_filter1d(held, ahead, origin=(ahead - 1) // 2, mode="nearest")
        limited = block * (1.0 - mean[ahead - 1 :]).astype(np.float32)
        return np.asarray(np.clip(limited, -self._ceiling, self._ceiling), np.float32)
