"""Integrated loudness of a stream (ITU-R BS.1770-4), and the gain that reaches a loudness.

The stream is K-weighted and its power is summed over hops of 0.1 s. A gating block is the mean of
four hops. Loudness is that of the mean power of all gating blocks above -70 LUFS and above the mean
of those less 10 LU. The results are those of ``pyloudnorm``, which needs the whole sound in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy.signal import sosfilt

from render.audio.blocks import Block, is_silence, scale
from render.audio.limiter import limit

MAX_LIMITING_DB = 9.0
"""The limiter reduces peaks by no more than this; a sound that would need more stays quieter."""

_HOPS_PER_BLOCK = 4
_HOPS_A_SECOND = 10
"""BS.1770's gating blocks of 0.4 s begin every 0.1 s."""
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_DB = -0.691
"""BS.1770: loudness is this plus the K-weighted power in dB."""
_LIMITING_ROUNDS = 2
"""Corrections of the gain for the loudness that limiting costs; two leave less than 0.1 LU."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a stream is.

    Attributes:
        integrated_lufs: integrated loudness; -inf for silence.
        peak: largest absolute sample.
    """

    integrated_lufs: float
    peak: float


def measure_loudness(blocks: Iterable[Block], sample_rate: int) -> Loudness:
    """Integrated loudness and peak of a stream at ``sample_rate`` Hz.

    A stream shorter than one gating block of 0.4 s is repeated to fill it.
    """
    meter = LoudnessMeter(sample_rate)
    head: list[Block] = []
    missing = meter.block_frames
    for block in blocks:
        if missing > 0:  # a short stream is kept, to be repeated
            head.append(block)
            missing -= block.shape[1]
        meter.update(block)
    peak = meter.peak
    if missing > 0 and peak > 0:
        short = np.concatenate(head, axis=1)
        meter = LoudnessMeter(sample_rate)
        meter.update(np.tile(short, math.ceil(meter.block_frames / short.shape[1])))
    return Loudness(meter.integrated_lufs(), peak)


def normalising_gain(
    open_stream: Callable[[], Iterable[Block]], sample_rate: int, lufs: float, peak_db: float
) -> float:
    """The factor that brings a stream to a loudness once :func:`limit` has limited its peaks.

    Limiting costs loudness, so the factor is found in two rounds. It asks the limiter for at most
    :data:`MAX_LIMITING_DB`, and is 1 for silence.

    Args:
        open_stream: returns the stream from its beginning; called once to three times.
        sample_rate: in Hz.
        lufs: integrated loudness to reach.
        peak_db: ceiling of the peaks in dBFS.
    """
    found = measure_loudness(open_stream(), sample_rate)
    if not math.isfinite(found.integrated_lufs):
        return 1.0
    found_peak_db = 20 * math.log10(found.peak)
    highest_db = peak_db + MAX_LIMITING_DB - found_peak_db
    gain_db = min(lufs - found.integrated_lufs, highest_db)
    for _ in range(_LIMITING_ROUNDS):
        if gain_db + found_peak_db <= peak_db:
            break
        sound = limit(scale(open_stream(), 10 ** (gain_db / 20)), sample_rate, peak_db)
        reached_lufs = measure_loudness(sound, sample_rate).integrated_lufs
        gain_db = min(gain_db + lufs - reached_lufs, highest_db)
    return float(10 ** (gain_db / 20))


class LoudnessMeter:
    """Integrated loudness and peak of a stream, from the K-weighted energies of its hops.

    Args:
        sample_rate: in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._sos = _k_weighting(sample_rate)
        self._state: NDArray[np.float64] | None = None
        self._frames = 0
        self._energies = [0.0]
        self.peak = 0.0
        """Largest absolute sample so far."""

    @property
    def block_frames(self) -> int:
        """Frames of a gating block, rounded up."""
        return self._rate * _HOPS_PER_BLOCK // _HOPS_A_SECOND + 1

    def update(self, block: Block) -> None:
        """Measure the next block [channels, L] of the stream."""
        frames = block.shape[1]
        if not frames:
            return
        # The first sample of a hop is the hop's number times the rate, in tenths, rounded down.
        hop, end = len(self._energies), self._frames + frames
        last = -(-end * _HOPS_A_SECOND // self._rate)
        starts = np.arange(hop, last + 1) * self._rate // _HOPS_A_SECOND - self._frames
        starts = starts[starts < frames]
        if starts.size and starts[0] == 0:  # the block begins where a hop does
            self._energies.append(0.0)
            starts = starts[1:]
        starts = np.concatenate([[0], starts])
        energies = np.zeros(len(starts))
        # The filters' state is dropped in long silence; else it would decay to denormal numbers.
        if self._state is not None or not is_silence(block):
            energies = np.add.reduceat(self._power(block), starts)
            self._state = None if is_silence(block) and frames > self._rate else self._state
        self._energies[-1] += float(energies[0])
        self._energies += energies[1:].tolist()
        self._frames = end

    def integrated_lufs(self) -> float:
        """Integrated loudness so far; the last gating block is rounded as pyloudnorm does."""
        hops = self._frames * _HOPS_A_SECOND / self._rate
        n_blocks = max(round(hops - _HOPS_PER_BLOCK) + 1, 0)
        energies = np.zeros(max(n_blocks + _HOPS_PER_BLOCK - 1, len(self._energies)))
        energies[: len(self._energies)] = self._energies
        sums = np.stack([energies[i : i + n_blocks] for i in range(_HOPS_PER_BLOCK)]).sum(axis=0)
        power = sums * (_HOPS_A_SECOND / _HOPS_PER_BLOCK / self._rate)
        gated = power[power > 10 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET_DB) / 10)]
        if not gated.size:
            return -math.inf
        gated = gated[gated > gated.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
        return float(_OFFSET_DB + 10 * np.log10(gated.mean()))

    def _power(self, block: Block) -> NDArray[np.float64]:
        """K-weighted power [L], summed over channels."""
        self.peak = max(self.peak, float(np.abs(block).max()))
        if self._state is None:
            self._state = np.zeros((len(self._sos), len(block), 2))
        weighted, self._state = sosfilt(self._sos, block.astype(np.float64), zi=self._state)
        power: NDArray[np.float64] = np.einsum("cl,cl->l", weighted, weighted)
        return power


def _k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """BS.1770's two filters as second-order sections [2, 6], with pyloudnorm's coefficients."""
    stages = (
        pyloudnorm.IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, sample_rate, "high_shelf"),
        pyloudnorm.IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass"),
    )
    return np.stack([np.concatenate([stage.b, stage.a]) for stage in stages])
