"""Notes → the source of their sound, before a network has shaped it.

Every note is a sum of sinusoids at the partials of its pitch, from its true onset on, as in
additive synthesis with a source and a filter (DDSP, Engel et al. 2020; neural source-filter models,
Wang et al. 2019), for any number of notes at once. Drums are bursts of noise. What a filter cannot
invent is right from the start: pitch, phase from frame to frame, and the moment of each onset.

A note is computed in blocks of :data:`BLOCK` samples, each a matrix product of the partials'
amplitudes and phases with a table of sinusoids; neighbouring blocks are crossfaded. Levels may
change from block to block and come from a :class:`Levels`: :class:`PlainLevels` are fixed formulas,
and a network may give its own. Sound is made in tiles of :data:`TILE` samples that begin at whole
multiples of it, so the samples do not depend on how a caller divides the time, memory does not grow
with the length, and the cost grows with the notes that sound.

Letters in shapes: L samples, b blocks, K partials of a note.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from render.diffusion.instruments import DRUM_PROGRAM, INSTRUMENTS
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.performance import vibrato_of
from render.diffusion.tokens import TAIL_S, NoteTable

BLOCK = 128
"""Samples from one value of a level to the next, 5.3 ms."""
TILE = 32 * BLOCK
"""Samples that are computed at once, 0.17 s."""
MOST_PARTIALS = 160
"""Of one note; above the 160th there is only noise. Reached below 75 Hz."""
HIGHEST_HZ = 0.49 * SAMPLE_RATE
ATTACK_S = 0.003
"""Seconds in which a note rises from silence (raised cosine)."""
_PHASE_STEP = (math.sqrt(5) - 1) / 2
"""Initial phases of partials are multiples of this, in cycles: spread evenly, so that no pulse
stands out (golden ratio, an additive quasi-random sequence)."""

FloatArray = NDArray[np.float64]

STRUCK_OR_PLUCKED = frozenset({0, 1, *range(24, 28), *range(32, 36), 45, 46})
"""Programs with stiff strings, whose partials are stretched."""


class Levels(Protocol):
    """Gives the level of every note of a bus over time."""

    def partials(self, note: int, hz: FloatArray, age_s: FloatArray) -> NDArray[np.float32]:
        """Amplitudes [b, K] of a note's partials at K frequencies and b ages, full scale 1.

        Args:
            note: index in the table of notes.
            hz: [K] frequencies.
            age_s: [b] seconds since the onset, at least 0.
        """
        ...

    def noise(self, note: int, age_s: FloatArray) -> NDArray[np.float32]:
        """Standard deviation [b] of a note's white noise at b ages."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PlainLevels:
    """Levels without a network: the same spectrum and decay for every instrument.

    Attributes:
        table: the notes.
    """

    table: NoteTable

    def partials(self, note: int, hz: FloatArray, age_s: FloatArray) -> NDArray[np.float32]:
        """See :meth:`Levels.partials`."""
        spectrum = np.arange(1, len(hz) + 1) ** _SLOPE
        return np.asarray(self._envelope(note, age_s)[:, None] * spectrum, np.float32)

    def noise(self, note: int, age_s: FloatArray) -> NDArray[np.float32]:
        """See :meth:`Levels.noise`."""
        if is_drum(self.table, note):
            level = _force(self.table, note) * np.exp(-age_s / _DRUM_DECAY_S)
        else:
            level = _NOISE * self._envelope(note, age_s)
        return np.asarray(level, np.float32)

    def _envelope(self, note: int, age_s: FloatArray) -> FloatArray:
        held_s = self.table.release_s[note] - self.table.onset_s[note]
        decay = np.exp(-age_s / _DECAY_S - np.maximum(age_s - held_s, 0) / _RELEASE_S)
        return np.asarray(_force(self.table, note) * decay)


_SLOPE = -0.7
"""Exponent of a partial's number in its amplitude. Set by hand, as are the following."""
_DECAY_S, _RELEASE_S, _DRUM_DECAY_S = 1.5, 0.08, 0.12
"""Time constants of the decay while a note is held, after its release, and of a drum."""
_NOISE = 0.01
"""Noise of a pitched note, relative to its first partial."""
_LOUDEST = 0.1
"""Amplitude of the first partial of a note of velocity 127."""


def excitation(
    table: NoteTable,
    start: int,
    stop: int,
    levels: Levels | None = None,
    bend: Bend | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Samples float32 [stop - start] of the source of a bus, in mono at :data:`SAMPLE_RATE`.

    Arguments and divisions of the time are those of :func:`sources`, whose two rows it adds.
    """
    return np.asarray(sources(table, start, stop, levels, bend, seed).sum(axis=0))


def sources(
    table: NoteTable,
    start: int,
    stop: int,
    levels: Levels | None = None,
    bend: Bend | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Partials and noise of a bus, float32 [2, stop - start], in mono at :data:`SAMPLE_RATE`.

    Any division of the time gives the same samples.

    Args:
        table: the notes of the bus.
        start: first sample, counted from the start of the piece; may be negative.
        stop: sample after the last.
        levels: of the notes; None takes :class:`PlainLevels`.
        bend: pitch bends; None bends nothing.
        seed: of the noise.
    """
    levels = PlainLevels(table) if levels is None else levels
    first, last = start // TILE, -(-stop // TILE)
    tiles = [_tile(table, index, levels, bend, seed) for index in range(first, last)]
    if not tiles:
        return np.zeros((2, 0), np.float32)
    return np.concatenate(tiles, axis=1)[:, start - first * TILE : stop - first * TILE]


def is_drum(table: NoteTable, note: int) -> bool:
    """Whether a note is one of the drum kit."""
    return INSTRUMENTS[int(table.instrument[note])] == DRUM_PROGRAM


def partial_hz(pitch: int, program: int) -> FloatArray:
    """Frequencies [K] of a note's partials below :data:`HIGHEST_HZ`, the lowest first.

    Partial k of a stiff string stands at k·f·sqrt((1 + B·k²) / (1 + B)) (Fletcher 1964).
    """
    fundamental = 440.0 * 2 ** ((pitch - 69) / 12)
    k = np.arange(1, MOST_PARTIALS + 1)
    stiffness = inharmonicity(pitch) if program in STRUCK_OR_PLUCKED else 0.0
    hz = k * fundamental * np.sqrt((1 + stiffness * k**2) / (1 + stiffness))
    return np.asarray(hz[hz < HIGHEST_HZ])


def partial_phases(count: int) -> FloatArray:
    """Phases [K] of partials at the onset, in cycles."""
    return np.asarray(np.arange(1, count + 1) ** 2 * _PHASE_STEP, np.float64)


def inharmonicity(pitch: int) -> float:
    """Coefficient B of a piano's string: the sum of two exponentials in the MIDI pitch.

    The shape is that of Rigaud, David & Daudet (2013), whose treble bridge gives the second term;
    the first, of the bass bridge, is set by hand to 1e-4 at the lowest C.
    """
    return math.exp(-0.085 * pitch - 7.2) + math.exp(0.0926 * pitch - 13.64)


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """Pitch over time, piecewise linear in semitones, as time that runs faster or slower.

    A sinusoid of f Hz that is bent has turned f·(:meth:`warped` b - :meth:`warped` a) times between
    the times a and b.

    Attributes:
        at_s: float64 [n] rising times in seconds.
        semitones: float64 [n] of the bend at those times; constant before and after.
        warped_s: float64 [n] the integral of 2^(semitones / 12) from the first time on.
    """

    at_s: FloatArray
    semitones: FloatArray
    warped_s: FloatArray

    @classmethod
    def of(cls, at_s: FloatArray, semitones: FloatArray) -> Bend:
        """A bend of these values."""
        parts = _integral(semitones[:-1], np.diff(semitones), np.diff(at_s), np.diff(at_s))
        return cls(at_s, semitones, np.concatenate([[0.0], np.cumsum(parts)]))

    def warped(self, time_s: FloatArray) -> FloatArray:
        """Integral [b] of the frequency ratio from the first time of the curve to ``time_s``."""
        index = np.clip(np.searchsorted(self.at_s, time_s, side="right") - 1, 0, len(self.at_s) - 1)
        following = np.minimum(index + 1, len(self.at_s) - 1)
        since = time_s - self.at_s[index]
        rise = np.where(since < 0, 0.0, self.semitones[following] - self.semitones[index])
        length = self.at_s[following] - self.at_s[index]
        return np.asarray(
            self.warped_s[index] + _integral(self.semitones[index], rise, length, since)
        )


def _integral(
    first: FloatArray, rise: FloatArray, length_s: FloatArray, until_s: FloatArray
) -> FloatArray:
    """Integral of 2^((first + rise·t / length) / 12) from 0 to ``until_s``."""
    slope = rise / np.maximum(length_s, 1e-9) * (math.log(2) / 12)
    is_flat = np.abs(slope) < 1e-9
    safe = np.where(is_flat, 1.0, slope)
    ratio = 2 ** (first / 12)
    return np.asarray(
        ratio * np.where(is_flat, until_s, np.expm1(safe * np.where(is_flat, 0, until_s)) / safe)
    )


# --- tiles ------------------------------------------------------------------------------------


def _tile(
    table: NoteTable, index: int, levels: Levels, bend: Bend | None, seed: int
) -> NDArray[np.float32]:
    """Partials and noise [2, TILE] from index·TILE on."""
    start_s, end_s = index * TILE / SAMPLE_RATE, (index + 1) * TILE / SAMPLE_RATE
    tile, noise_level = np.zeros((2, TILE), np.float32)
    sounding = (table.onset_s < end_s) & (table.release_s + TAIL_S > start_s)
    for note in np.flatnonzero(sounding).tolist():
        low, high = _blocks(table, note, start_s)
        span = slice(low * BLOCK, high * BLOCK)
        time_s = start_s + np.arange(low, high + 1) * BLOCK / SAMPLE_RATE
        age_s = np.maximum(time_s - table.onset_s[note], 0.0)
        gate = _gate(table, note, start_s, span)
        if not is_drum(table, note):
            tile[span] += gate * _pitched(table, note, time_s, age_s, levels, bend)
        at = np.arange(span.start, span.stop) / BLOCK - low
        noise_level[span] += gate * np.interp(
            at, np.arange(high + 1 - low), levels.noise(note, age_s)
        ).astype(np.float32)
    if noise_level.any():
        # A seed may not be negative, and a window before the piece has a negative number.
        rng = np.random.default_rng([seed, index + 2**20])
        noise_level *= rng.standard_normal(TILE, dtype=np.float32)
    return np.stack([tile, noise_level])


def _blocks(table: NoteTable, note: int, start_s: float) -> tuple[int, int]:
    """The blocks of a tile in which a note sounds: the first, and the one after the last."""
    first = (table.onset_s[note] - start_s) * SAMPLE_RATE / BLOCK
    last = (table.release_s[note] + TAIL_S - start_s) * SAMPLE_RATE / BLOCK
    n_blocks = TILE // BLOCK
    low = min(max(math.floor(first), 0), n_blocks - 1)
    return low, max(min(math.ceil(last), n_blocks), low + 1)


def _gate(table: NoteTable, note: int, start_s: float, span: slice) -> NDArray[np.float32]:
    """Factor of each sample of a span: 0 before the onset and after the tail, rising between."""
    time_s = start_s + np.arange(span.start, span.stop) / SAMPLE_RATE
    rising = np.clip((time_s - table.onset_s[note]) / ATTACK_S, 0, 1)
    falling = np.clip((table.release_s[note] + TAIL_S - time_s) / (TAIL_S / 4), 0, 1)
    return np.asarray((0.5 - 0.5 * np.cos(np.pi * rising)) * falling, np.float32)


def _pitched(
    table: NoteTable, note: int, time_s: FloatArray, age_s: FloatArray, levels: Levels,
    bend: Bend | None,
) -> NDArray[np.float32]:  # fmt: skip
    """Partials of a note between the first and the last of b times that are a block apart."""
    pitch, program = int(table.pitch[note]), INSTRUMENTS[int(table.instrument[note])]
    hz = partial_hz(pitch, program)
    onset_s = float(table.onset_s[note])
    if bend is None:
        turned_s = time_s - onset_s
    else:
        turned_s = bend.warped(time_s) - float(bend.warped(np.array([onset_s]))[0])
    vibrato = vibrato_of(program, onset_s, float(table.release_s[note]) - onset_s)
    if vibrato is not None:
        turned_s = turned_s + vibrato.ahead_s(age_s)
    cycles = turned_s[:, None] * hz + partial_phases(len(hz))
    phase = (2 * np.pi * (cycles - np.floor(cycles))).astype(np.float32)
    amplitude = levels.partials(note, hz, age_s)
    turning = np.concatenate([amplitude * np.cos(phase), amplitude * np.sin(phase)], axis=1)
    after, before = _sinusoids(pitch, program)
    # PyTorch keeps to the threads that it was given; NumPy would take all of them.
    rows = torch.from_numpy(turning.astype(np.float32))
    sound = rows[:-1] @ torch.from_numpy(after) + rows[1:] @ torch.from_numpy(before)
    return sound.reshape(-1).numpy()


@functools.lru_cache(maxsize=256)
def _sinusoids(pitch: int, program: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tables [2K, BLOCK] of a note's partials after a block's centre, fading out, and before it.

    The first K rows are the cosines that go with the cosine of the phase, the others the sines.
    """
    angle = 2 * np.pi * partial_hz(pitch, program)[:, None] / SAMPLE_RATE
    sample = np.arange(BLOCK)
    fade = 0.5 + 0.5 * np.cos(np.pi * sample / BLOCK)
    after = np.concatenate([np.sin(angle * sample), np.cos(angle * sample)]) * fade
    ahead = angle * (sample - BLOCK)
    before = np.concatenate([np.sin(ahead), np.cos(ahead)]) * (1 - fade)
    return after.astype(np.float32), before.astype(np.float32)


def _force(table: NoteTable, note: int) -> float:
    """Amplitude of a note by its velocity, whose square it is (General MIDI level 2)."""
    return _LOUDEST * (int(table.velocity[note]) / 127) ** 2
