"""Mono sound of a bus → stereo of a room's width, with the band above the network's filled in.

The networks compute one channel at 24 kHz. FluidR3's instruments, by which they were trained, were
recorded by two microphones: left and right of its piano or violins are hardly correlated. So the
side (half of left less right) is the sound through a filter that spreads it over a few hundredths
of a second, as walls near the player do, followed by a short decaying tail; its level in every
octave is what was measured of the teacher (:mod:`render.diffusion.stereo_table`). Left gets the
side added and right subtracted. For a player in the middle the sum of both channels stays exactly
what the network computed, so nothing is cancelled on one loudspeaker.

Of what is bowed or blown, overtones fade further than the whole where expression (CC 11) is low
(:mod:`render.diffusion.performance`).

Above 12 kHz stands a copy of the octave below, moved up by 6 kHz (spectral band replication, Dietz
et al. 2002), at the level that the teacher has there.

Both are convolutions on a grid of :data:`GRID` samples that begins with the stream: samples do not
depend on how a stream is cut into blocks, and memory does not grow with its length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, minimum_phase

from render.audio import Block, Resampler
from render.audio.blocks import silence
from render.diffusion.buses import Bus, Curve
from render.diffusion.instruments import FAMILIES, INSTRUMENTS
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.performance import DARK_HZ, DARKENED, upper_band
from render.diffusion.stereo_table import HIGH_DB, OCTAVES_HZ, WIDTH_DB

Taps = NDArray[np.float64]

GRID = 4096
"""Samples that are convolved at once; filters have at most one more."""
WIDEST_DB = 0.0
"""Most power of the side over that of the middle: left and right uncorrelated. Wider sound, of
which the teacher has some, is out of phase."""
_DIFFUSER_MS = ((0.9, 2.3, 6.1), (1.1, 2.9, 5.3), (0.7, 3.1, 7.3), (1.3, 1.9, 6.7), (0.8, 2.6, 4.9))
"""Delays of all-pass filters (Schroeder 1962), without common divisors, so that no reflection
stands out; families take one row after another. Set by hand, as is the gain."""
_DIFFUSER_GAIN = 0.6
_DIFFUSED_S = 0.06
"""Length to which the all-pass filters are cut; they have fallen by 60 dB."""
_TAIL_S, _TAIL_RT60_S = 0.16, 1.2
"""Length of the tail, and the time in which it would fall by 60 dB: measured of the teacher's
reverb, by woodblock and side stick."""
_TAIL_DB = -28.0
"""Most power of the tail on the side, relative to the sound: measured in the same way."""
_COLOUR_TAPS = 1023
"""Of the filter that gives the octaves their levels."""

NETWORK_TOP_HZ = 12_000.0
"""Where the band that is filled in begins."""
_SHIFT_HZ = 6_000.0
_FILL_TAPS = 191
_LEAST_RATE = 2 * (NETWORK_TOP_HZ + 1_000.0)
"""Lowest sample rate in Hz at which there is a band to fill."""
_MOST_HIGH_DB = 0.0


class Convolver:
    """Convolution of a stream with a filter, by overlap-save (Oppenheim & Schafer).

    Args:
        taps: [channels, n], n at most :data:`GRID` + 1; each channel has its own.
    """

    def __init__(self, taps: Taps) -> None:
        self._channels, self._n_taps = taps.shape
        if self._n_taps > GRID + 1:
            raise ValueError(f"{self._n_taps} taps, expected at most {GRID + 1}")
        self._response = np.fft.rfft(taps, 2 * GRID)
        self._before = np.zeros((self._channels, GRID))
        self._waiting: Block = np.zeros((self._channels, 0), np.float32)
        self._has_ended = False

    def push(self, block: Block) -> Iterator[tuple[Block, Block]]:
        """(sound, filtered sound) of every stretch [channels, GRID] that is complete."""
        waiting = np.concatenate([self._waiting, block], axis=1)
        whole = waiting.shape[1] // GRID * GRID
        self._waiting = waiting[:, whole:]
        for start in range(0, whole, GRID):
            yield self._filtered(waiting[:, start : start + GRID])

    def finish(self) -> Iterator[tuple[Block, Block]]:
        """What is left, and what the filter rings on for; nothing when asked again."""
        if self._has_ended:
            return
        self._has_ended = True
        left = self._waiting.shape[1]
        end = left + self._n_taps - 1
        for raw, filtered in self.push(silence(-(-end // GRID) * GRID - left, self._channels)):
            yield raw[:, :end], filtered[:, :end]
            end -= GRID

    def _filtered(self, block: Block) -> tuple[Block, Block]:
        if not block.any() and not self._before.any():
            return silence(GRID, self._channels), silence(GRID, self._channels)
        both = np.concatenate([self._before, block], axis=1)
        self._before = both[:, GRID:]
        found = np.fft.irfft(np.fft.rfft(both) * self._response, 2 * GRID)
        return block, found[:, GRID:].astype(np.float32)


# --- width ------------------------------------------------------------------------------------


_SIGNS = np.array([[1.0], [-1.0]], np.float32)


def width_of(programs: Mapping[int, int]) -> NDArray[np.float64]:
    """Power of the side over that of the middle in each octave, of programs with weights.

    >>> float(width_of({24: 3})[0].round(4))
    0.002
    """
    rows = np.array([WIDTH_DB[program] for program in programs], np.float64)
    power = 10 ** (np.minimum(rows, WIDEST_DB) / 10)
    return np.asarray(np.average(power, axis=0, weights=list(programs.values())))


def side_filter(width: NDArray[np.float64], number: int, sample_rate: int = SAMPLE_RATE) -> Taps:
    """Filter [n] from the sound of a player to its side.

    Args:
        width: [7] power of the side over that of the middle in each octave.
        number: of the player, on which the pattern of its reflections depends.
        sample_rate: in Hz.
    """
    tail_power = min(10 ** (_TAIL_DB / 10), float(width.min()))
    colour = _by_octave(np.sqrt(width - tail_power), sample_rate)
    spread = np.convolve(_diffuser(number, sample_rate), colour)
    tail = math.sqrt(tail_power) * _tail(number, sample_rate)
    taps = np.zeros(max(len(spread), len(tail)))
    taps[: len(spread)] += spread
    taps[: len(tail)] += tail
    return taps[: GRID + 1]


def _diffuser(number: int, sample_rate: int) -> Taps:
    """Impulse response of three all-pass filters after each other."""
    delays = _DIFFUSER_MS[number % len(_DIFFUSER_MS)]
    gain = _DIFFUSER_GAIN if number // len(_DIFFUSER_MS) % 2 == 0 else -_DIFFUSER_GAIN
    taps = np.zeros(round(_DIFFUSED_S * sample_rate))
    taps[0] = 1.0
    for delay_ms in delays:
        delay = round(delay_ms / 1000 * sample_rate)
        out = np.empty_like(taps)
        for i, value in enumerate(taps.tolist()):  # y[i] = -g·x[i] + x[i - d] + g·y[i - d]
            past = taps[i - delay] + gain * out[i - delay] if i >= delay else 0.0
            out[i] = past - gain * value
        taps = out
    return taps


def _by_octave(factors: NDArray[np.float64], sample_rate: int) -> Taps:
    """Filter of minimum phase with these factors at :data:`OCTAVES_HZ`, straight between them."""
    bins = np.linspace(0, sample_rate / 2, 2049)
    wanted = np.interp(np.log(np.maximum(bins, 1.0)), np.log(OCTAVES_HZ), factors)
    impulse = np.roll(np.fft.irfft(wanted**2), _COLOUR_TAPS // 2)[:_COLOUR_TAPS]
    # What has the square of the wanted response is halved by the reduction to minimum phase.
    return np.asarray(minimum_phase(impulse * np.hanning(_COLOUR_TAPS + 2)[1:-1], half=True))


def _tail(number: int, sample_rate: int) -> Taps:
    """Decaying noise of power 1, after the early reflections."""
    length = round(_TAIL_S * sample_rate)
    at_s = np.arange(length) / sample_rate
    noise = np.random.default_rng([number, length]).standard_normal(length)
    taps = noise * 10 ** (-3 * at_s / _TAIL_RT60_S) * np.minimum(at_s / _DIFFUSED_S, 1)
    return np.asarray(taps / math.sqrt(float(np.square(taps).sum())))


# --- the band above ---------------------------------------------------------------------------


def high_gain(programs: Mapping[int, int]) -> float:
    """Factor of the copied octave, of programs with weights."""
    levels = np.array([HIGH_DB[program] for program in programs], np.float64)
    power = 10 ** (np.minimum(levels, _MOST_HIGH_DB) / 10)
    return math.sqrt(float(np.average(power, weights=list(programs.values()))))


class HighBand:
    """Adds the octave below 12 kHz, moved up, to a stream that has nothing above.

    Args:
        gain: factor of what is added.
        sample_rate: in Hz; below :data:`_LEAST_RATE` nothing is added.
    """

    def __init__(self, gain: float, sample_rate: int) -> None:
        self._gain = gain if sample_rate >= _LEAST_RATE else 0.0
        self._turn = 2 * math.pi * _SHIFT_HZ / sample_rate
        self._done = 0
        top = min(0.98 * sample_rate / 2, 3 * _SHIFT_HZ)
        edges = (_SHIFT_HZ, NETWORK_TOP_HZ), (NETWORK_TOP_HZ, top)
        self._source, self._image = (
            Convolver(np.tile(_band_pass(low, high, sample_rate), (2, 1))) if self._gain else None
            for low, high in edges
        )

    def push(self, block: Block) -> Iterator[Block]:
        """The blocks that can be computed once ``block`` [2, L] is there."""
        if self._source is None:
            yield block
        else:
            yield from self._added(self._source.push(block))

    def finish(self) -> Iterator[Block]:
        """The blocks that are left when the stream has ended."""
        if self._source is not None:
            yield from self._added(self._source.finish())

    def _added(self, blocks: Iterator[tuple[Block, Block]]) -> Iterator[Block]:
        assert self._image is not None
        for raw, octave in blocks:
            length = raw.shape[1]
            carrier = 2 * np.cos(self._turn * np.arange(self._done, self._done + length))
            self._done += length
            padded = np.zeros((2, GRID), np.float32)
            padded[:, :length] = octave * carrier
            ((_, image),) = self._image.push(padded)
            yield raw if not image.any() else raw + np.float32(self._gain) * image[:, :length]


def _band_pass(low_hz: float, high_hz: float, sample_rate: int) -> Taps:
    edges = [low_hz, min(high_hz, 0.499 * sample_rate)]
    taps = firwin(_FILL_TAPS, edges, pass_zero=False, fs=sample_rate)
    # Of minimum phase, so that what is added is no later than what is there.
    return np.asarray(minimum_phase(np.convolve(taps, taps[::-1]), half=True))


# --- colour -----------------------------------------------------------------------------------


class Darkening:
    """Lowers the upper band of a stream further than the whole where expression is low.

    The bands are those of a low-pass filter of the first order and of what it leaves, so that
    together they are the sound itself.

    Args:
        expression: controller 11 over time.
    """

    def __init__(self, expression: Curve) -> None:
        self._expression = expression
        fall = math.exp(-2 * math.pi * DARK_HZ / SAMPLE_RATE)
        low_pass = (1 - fall) * fall ** np.arange(_DARK_TAPS)
        self._low = Convolver(np.tile(low_pass, (2, 1)))
        self._done = 0

    def push(self, block: Block) -> Iterator[Block]:
        """The blocks that can be computed once ``block`` [2, L] at 24 kHz is there."""
        yield from self._mixed(self._low.push(block))

    def finish(self) -> Iterator[Block]:
        """The blocks that are left when the stream has ended."""
        yield from self._mixed(self._low.finish())

    def _mixed(self, pairs: Iterator[tuple[Block, Block]]) -> Iterator[Block]:
        for raw, low in pairs:
            start, self._done = self._done, self._done + raw.shape[1]
            if not raw.any():
                yield raw
                continue
            time_s = np.arange(start, self._done) / SAMPLE_RATE
            factor = upper_band(self._expression.between(time_s)).astype(np.float32)
            yield low + factor * (raw - low)


_DARK_TAPS = 64


# --- a bus ------------------------------------------------------------------------------------


class StereoStage:
    """Sound of a bus after volume and pan → wide sound at another sample rate, as a stream.

    Args:
        bus: whose notes say which instruments play.
        sample_rate: of the output, in Hz.
    """

    def __init__(self, bus: Bus, sample_rate: int) -> None:
        ids, counts = np.unique(bus.notes.instrument, return_counts=True)
        played = {INSTRUMENTS[i]: n for i, n in zip(ids.tolist(), counts.tolist(), strict=True)}
        names = [family.name for family in FAMILIES]
        taps = side_filter(width_of(played), names.index(bus.name))
        is_darkened = DARKENED.issuperset(played) and bool((bus.expression.values != 127).any())
        self._colour = Darkening(bus.expression) if is_darkened else None
        self._side = Convolver(np.tile(taps, (2, 1)))
        self._resampler = Resampler(SAMPLE_RATE, sample_rate)
        self._high = HighBand(high_gain(played), sample_rate)

    def push(self, block: Block) -> Iterator[Block]:
        """The output that can be computed once ``block`` [2, L] at 24 kHz is there."""
        for coloured in (block,) if self._colour is None else self._colour.push(block):
            yield from self._on(_widened(self._side.push(coloured)))

    def finish(self) -> Iterator[Block]:
        """The output that is left when the input has ended."""
        for coloured in () if self._colour is None else self._colour.finish():
            yield from self._on(_widened(self._side.push(coloured)))
        yield from self._on(_widened(self._side.finish()))
        for block in self._resampler.finish():
            yield from self._high.push(block)
        yield from self._high.finish()

    def _on(self, blocks: Iterator[Block]) -> Iterator[Block]:
        for block in blocks:
            for resampled in self._resampler.push(block):
                yield from self._high.push(resampled)


def _widened(pairs: Iterator[tuple[Block, Block]]) -> Iterator[Block]:
    """Stereo blocks with their side: the filtered sound is added left and subtracted right."""
    for raw, side in pairs:
        yield raw if not side.any() else raw + side * _SIGNS
