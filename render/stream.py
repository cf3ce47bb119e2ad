"""Sound block by block: measuring, levelling and resampling what is longer than memory.

A block is float32 [channels, L], one to three channels, full scale ±1; a stream is an iterable of
blocks of any lengths. Whatever is made of a stream does not depend on where its blocks begin.

Silence costs nothing: :func:`silence` makes blocks that hold no samples, and everything here
passes over them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyloudnorm
import soxr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import sosfilt

Block = NDArray[np.float32]
"""Samples [channels, L]."""

BLOCK = 1 << 16
"""Frames of a block where the choice is ours: about 1.5 s."""
ATTACK_S = 0.005
"""How far the limiter looks ahead: the gain glides down over this time before a peak."""
RELEASE_S = 0.1
"""Time constant with which the limiter's gain comes back after a peak."""
MAX_LIMITING_DB = 6.0
"""Peaks are pushed down by no more than this; past it the whole sound stays quieter instead."""

_GATE_HOPS = 4
_HOPS_A_SECOND = 10
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_DB = -0.691
"""BS.1770's gating blocks of 0.4 s begin every 0.1 s; loudness is this plus their power in dB."""
_UNHEARD = -20.0
"""Natural logarithm of a reduction that changes no float32."""
_RESAMPLER_RING = 4096
"""Frames of silence after which a resampler has nothing more to say."""


def silence(frames: int, channels: int = 2) -> Block:
    """A block of zeros that takes no memory; read-only."""
    return np.broadcast_to(np.float32(0), (channels, frames))


def is_silence(block: Block) -> bool:
    """Whether a block was made by :func:`silence`, or is a piece of one."""
    return block.strides == (0, 0)


def blocks_of(samples: Block) -> Iterator[Block]:
    """Samples [channels, T] as a stream."""
    for start in range(0, samples.shape[1], BLOCK):
        yield samples[:, start : start + BLOCK]


def scaled(blocks: Iterable[Block], factor: float) -> Iterator[Block]:
    """Every sample multiplied by a factor."""
    for block in blocks:
        yield block if is_silence(block) else block * np.float32(factor)


def ended(blocks: Iterable[Block], length: int, fade: int) -> Iterator[Block]:
    """The first ``length`` frames; the last ``fade`` of them die away, cosine-shaped."""
    ramp = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, fade, dtype=np.float32))
    done = 0
    for block in blocks:
        kept = block[:, : length - done]
        into = done + kept.shape[1] - (length - fade)
        if into > 0 and not is_silence(kept):
            kept = kept.copy()
            faded = min(into, kept.shape[1])
            kept[:, kept.shape[1] - faded :] *= ramp[into - faded : into]
        yield kept
        done += kept.shape[1]
        if done >= length:
            return


def lengthened(blocks: Iterable[Block], length: int) -> Iterator[Block]:
    """The stream, followed by silence up to ``length`` frames."""
    done = 0
    for block in blocks:
        yield block
        done += block.shape[1]
    while done < length:
        yield silence(min(BLOCK, length - done))
        done += BLOCK


@dataclass(frozen=True, slots=True)
class Levels:
    """How loud a stream is.

    Attributes:
        loudness_lufs: integrated loudness (ITU-R BS.1770-4); -inf for silence.
        peak: largest absolute sample.
    """

    loudness_lufs: float
    peak: float


def levels(blocks: Iterable[Block], sample_rate: int) -> Levels:
    """Measure a stream; one shorter than a gating block of 0.4 s is repeated to fill it.

    Args:
        blocks: the stream.
        sample_rate: in Hz.
    """
    meter = _Meter(sample_rate)
    head: list[Block] = []
    missing = meter.gate_frames
    for block in blocks:
        if missing > 0:  # what is short is kept, to be repeated
            head.append(block)
            missing -= block.shape[1]
        meter.hear(block)
    peak = meter.peak
    if missing > 0 and peak > 0:
        short = np.concatenate(head, axis=1)
        meter = _Meter(sample_rate)
        meter.hear(np.tile(short, math.ceil(meter.gate_frames / short.shape[1])))
    return Levels(meter.loudness(), peak)


def levelling_gain(
    play: Callable[[], Iterable[Block]], sample_rate: int, lufs: float, peak_db: float
) -> float:
    """The factor that, followed by :func:`limited`, brings a stream to a loudness.

    Limiting costs loudness, so the factor is found in two rounds; it never asks the limiter for
    more than :data:`MAX_LIMITING_DB`, and is 1 for silence.

    Args:
        play: gives the stream anew; it is called once to three times.
        sample_rate: in Hz.
        lufs: integrated loudness to reach.
        peak_db: ceiling of the peaks in dBFS.
    """
    found = levels(play(), sample_rate)
    if not math.isfinite(found.loudness_lufs):
        return 1.0
    peak = 20 * math.log10(found.peak)
    highest_db = peak_db + MAX_LIMITING_DB - peak
    gain_db = min(lufs - found.loudness_lufs, highest_db)
    for _ in range(2):
        if gain_db + peak <= peak_db:
            break
        sound = limited(scaled(play(), 10 ** (gain_db / 20)), sample_rate, peak_db)
        gain_db = min(gain_db + lufs - levels(sound, sample_rate).loudness_lufs, highest_db)
    return float(10 ** (gain_db / 20))


def limited(blocks: Iterable[Block], sample_rate: int, peak_db: float) -> Iterator[Block]:
    """Keep all samples within ``peak_db`` dBFS with a look-ahead limiter, channels linked.

    Attack :data:`ATTACK_S` (linear, ends as the peak arrives), exponential release
    :data:`RELEASE_S`. What stays below the ceiling passes unchanged.

    Args:
        blocks: the stream.
        sample_rate: in Hz.
        peak_db: in dBFS.
    """
    limiter = _Limiter(sample_rate, peak_db)
    for block in blocks:
        yield from limiter.push(block)
    yield from limiter.finish()


class Resampler:
    """Changes the sample rate of a stream, with soxr's linear-phase filter of high quality.

    Args:
        source: sample rate of what comes, in Hz.
        target: sample rate of what is given, in Hz.
        channels: of the stream.
    """

    def __init__(self, source: int, target: int, channels: int = 2) -> None:
        self._source, self._target, self._channels = source, target, channels
        self._stream: soxr.ResampleStream | None = None
        self._taken = self._given = 0

    def push(self, block: Block) -> Iterator[Block]:
        """What can be told after a block of the stream."""
        if self._source == self._target:
            yield block
            return
        self._taken += block.shape[1]
        resting = is_silence(block) and block.shape[1] >= _RESAMPLER_RING
        if self._stream is not None or not resting:
            yield self._resampled(block, last=resting)
        if resting:
            rest = round(self._taken * self._target / self._source) - self._given
            self._given += rest
            yield silence(rest, self._channels)

    def finish(self) -> Iterator[Block]:
        """What is left when the stream has ended."""
        if self._stream is not None:
            yield self._resampled(silence(0, self._channels), last=True)

    def _resampled(self, block: Block, *, last: bool) -> Block:
        if self._stream is None:
            self._stream = soxr.ResampleStream(
                self._source, self._target, self._channels, dtype="float32", quality="HQ"
            )
        out = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last).T
        if last:
            self._stream = None
            due = round(self._taken * self._target / self._source) - self._given
            out = out[:, :due]
        self._given += out.shape[1]
        return np.asarray(out)


class _Meter:
    """Loudness and peak of a stream, from the energies of its tenths of a second."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._sos = _k_weighting(sample_rate)
        self._state: NDArray[np.float64] | None = None
        self._frames = 0
        self._energies = [0.0]
        self.peak = 0.0

    @property
    def gate_frames(self) -> int:
        """Frames of a gating block, rounded up."""
        return self._rate * _GATE_HOPS // _HOPS_A_SECOND + 1

    def hear(self, block: Block) -> None:
        """Take in the next block of the stream."""
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
        # Filters forget silence within a block; without it they would ring into denormal numbers.
        if self._state is not None or not is_silence(block):
            energies = np.add.reduceat(self._power(block), starts)
            self._state = None if is_silence(block) and frames > self._rate else self._state
        self._energies[-1] += float(energies[0])
        self._energies += energies[1:].tolist()
        self._frames = end

    def _power(self, block: Block) -> NDArray[np.float64]:
        """K-weighted power [L], summed over channels."""
        self.peak = max(self.peak, float(np.abs(block).max()))
        if self._state is None:
            self._state = np.zeros((len(self._sos), len(block), 2))
        weighted, self._state = sosfilt(self._sos, block.astype(np.float64), zi=self._state)
        power: NDArray[np.float64] = np.einsum("cl,cl->l", weighted, weighted)
        return power

    def loudness(self) -> float:
        """Integrated loudness of what was heard; pyloudnorm's rounding of the last block."""
        hops = self._frames * _HOPS_A_SECOND / self._rate
        n_blocks = max(round(hops - _GATE_HOPS) + 1, 0)
        energies = np.zeros(max(n_blocks + _GATE_HOPS - 1, len(self._energies)))
        energies[: len(self._energies)] = self._energies
        gated = np.stack([energies[i : i + n_blocks] for i in range(_GATE_HOPS)]).sum(axis=0)
        power = gated * (_HOPS_A_SECOND / _GATE_HOPS / self._rate)
        heard = power[power > 10 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET_DB) / 10)]
        if not heard.size:
            return -math.inf
        heard = heard[heard > heard.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
        return float(_OFFSET_DB + 10 * np.log10(heard.mean()))


def _k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """BS.1770's two filters as second-order sections, with pyloudnorm's coefficients."""
    stages = (
        pyloudnorm.IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, sample_rate, "high_shelf"),
        pyloudnorm.IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass"),
    )
    return np.stack([np.concatenate([stage.b, stage.a]) for stage in stages])


class _Limiter:
    """The state of :func:`limited`: what waits for the samples that follow it."""

    def __init__(self, sample_rate: int, peak_db: float) -> None:
        self._ceiling = 10 ** (peak_db / 20)
        self._ahead = max(round(ATTACK_S * sample_rate), 1)
        self._slope = 1.0 / (RELEASE_S * sample_rate)
        self._last = -np.inf  # logarithm of the released reduction of the sample before
        self._waiting: Block = np.empty((0, 0), np.float32)
        self._coming = np.empty(0)  # released reductions of what waits
        self._before: NDArray[np.float64] | None = None  # held reductions of what was given

    def push(self, block: Block) -> Iterator[Block]:
        """What is ready after a block of the stream: all but the time that is looked ahead."""
        if not block.shape[1]:
            return
        resting = is_silence(block) and block.shape[1] >= self._ahead
        if resting and not self._reduces():  # silence passes as silence
            yield self._waiting if self._waiting.size else block[:, :0]
            yield block[:, self._ahead - 1 :]
            self._waiting = block[:, : self._ahead - 1]
            self._coming = np.zeros(self._ahead - 1)
            return
        fresh = self._released(block)
        self._coming = np.concatenate([self._coming, fresh])
        joined = [self._waiting, block] if self._waiting.size else [block]
        self._waiting = np.concatenate(joined, axis=1)
        ready = self._coming.size - (self._ahead - 1)
        if ready > 0:
            yield self._turned_down(ready)

    def finish(self) -> Iterator[Block]:
        """What is left when the stream has ended."""
        if self._coming.size:
            yield self._turned_down(self._coming.size)

    def _reduces(self) -> bool:
        held = self._before is not None and bool(self._before.any())
        return held or self._last > -np.inf or bool(self._coming.any())

    def _released(self, block: Block) -> NDArray[np.float64]:
        """Reductions [L] that the block's samples ask for, each dying away after its peak."""
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
        self._last = rising[-1] if rising[-1] > _UNHEARD else -np.inf
        released: NDArray[np.float64] = np.exp(rising)
        return released

    def _turned_down(self, ready: int) -> Block:
        """The first ``ready`` frames of what waits, which then waits no more."""
        given, self._waiting = self._waiting[:, :ready], self._waiting[:, ready:]
        coming, self._coming = self._coming, self._coming[ready:]
        # Attack: hold the strongest reduction of the next `ahead` samples, then average the last
        # `ahead` of those, all of which hold the peak by the time it sounds.
        ahead = self._ahead
        if not coming.any() and (self._before is None or not self._before.any()):
            self._before = np.zeros(ahead - 1)
            return given
        held = maximum_filter1d(coming, ahead, origin=-(ahead // 2), mode="nearest")[:ready]
        before = np.full(ahead - 1, held[0]) if self._before is None else self._before
        held = np.concatenate([before, held])
        self._before = held[held.size - (ahead - 1) :]
        mean = uniform_filter1d(held, ahead, origin=(ahead - 1) // 2, mode="nearest")
        quieter = given * (1.0 - mean[ahead - 1 :]).astype(np.float32)
        return np.asarray(np.clip(quieter, -self._ceiling, self._ceiling), np.float32)
