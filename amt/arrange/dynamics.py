"""Loudness → velocity and expression (CC 11).

General MIDI synthesisers turn a value ``v`` into a gain of ``40 log10(v / 127)`` dB, for velocity
and for CC 11 alike (MMA, *General MIDI Level 1 Developer Guidelines*). The plan's loudness is an
RMS value, ``20 log10(rms)`` dB. Velocity and CC 11 together follow it 1:1; how they divide the
changes depends on the instrument (:class:`Balance`). A struck or plucked note decays whatever CC 11
does, so there velocity carries every change and CC 11 stays constant. A sustained note can grow,
so there CC 11 carries most changes, and velocity, which also changes the timbre, the rest.
Crescendi into strong cuts and into peaks of movement are added to the level (:class:`Crescendo`).

Levels are in dB of full scale, times in seconds. Constants without a source were set by hand;
``tests/arrange/test_effects.py`` states the least effect of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from amt.types import TICKS_PER_BEAT, ControlChange, FloatArray, TimeGrid

EXPRESSION = 11
"""MIDI controller number of the dynamics curve (MIDI 1.0: expression)."""

POINTS_PER_BEAT = 4
"""Control changes per beat at most: a quarter of a beat is 0.1 to 0.25 s at 60 to 150 bpm."""

CRESCENDO_S = 2.0
"""Seconds before a strong cut at which its crescendo begins."""
CRESCENDO_DB = 5.0
"""dB above the plan's level that a cut of strength 1 reaches, in a style of accent 1."""
STRUCK_GROWTH = 1.5
"""Factor of the height of a crescendo of an instrument whose notes decay: they fall while it rises.
Chosen on drawn films (seed 7)."""
PUSH_S = 0.5
"""Seconds before a peak of movement at which its crescendo begins."""
PUSH_DB = 3.0
"""dB above the plan's level that a peak of movement of strength 1 reaches; less than for a cut."""
FALL_S = 1.0
"""Seconds after the peak of a crescendo at which the plan's level is reached again."""
SUDDEN_FALL_S = 0.02
"""The same where a sudden piano follows."""

SUSTAINED_SHARE = 0.25
"""Share of a change in level that velocity carries in a sustained instrument; CC 11 carries the
rest, so that a held note alone grows by three quarters of a crescendo."""
DECAYING_PROGRAMS = frozenset(
    [*range(16), *range(24, 29), *range(31, 38), 45, 46, 47, *range(104, 109), *range(112, 119)]
)
"""General MIDI programs (from 0) whose notes decay while they are held: pianos, chromatic
percussion, guitars without distortion, plucked basses, pizzicato, harp, timpani, plucked
instruments of other traditions, and tuned percussion."""
AUDIBLE_S = 1.0
"""Seconds for which a note that decays counts: in General MIDI soundfonts it loses 3 to 30 dB in
the first 0.7 s (25 programs of two soundfonts, measured)."""
_PARTS = 8
"""Moments of a note at which its mean level is taken."""

_FLOOR_DB = -54.0
"""Level of silence. Divided evenly it gives velocity and CC 11 the value 27: soft, but audible."""
_FULL_DB = 0.0
"""Level that gives velocity and CC 11 the value 127."""
_GAIN_DB_PER_DECADE = 40.0
"""Gain of ``v`` against 127, in dB per factor of ten (General MIDI Level 1)."""


class Crescendo(NamedTuple):
    """A rise above the plan's level with its peak at one moment, and the fall after it."""

    time_s: float
    """Moment of the peak."""
    peak_db: float
    """Height of the peak above the plan's level."""
    rise_s: float = CRESCENDO_S
    """Duration of the rise, above 0."""
    fall_s: float = FALL_S
    """Duration of the fall, above 0."""


class Balance(NamedTuple):
    """How velocity and CC 11 of one instrument divide the level of a piece."""

    share: float
    """Share of the changes in level that velocity carries, 0-1."""
    centre_db: float
    """Level around which the piece changes."""
    velocity_db: float
    """Gain of velocity at that level; CC 11 gives the rest."""

    def velocity(self, level_db: FloatArray | float) -> FloatArray:
        """Return the velocities, 1-127 and not rounded, of notes that begin at levels in dB."""
        change = np.asarray(level_db) - self.centre_db
        return _midi_value(self.velocity_db + self.share * change)

    def expression(self, level_db: FloatArray | float) -> FloatArray:
        """Return the CC 11 values, 1-127 and not rounded, at levels in dB."""
        change = np.asarray(level_db) - self.centre_db
        return _midi_value(self.centre_db - self.velocity_db + (1 - self.share) * change)


def balance(
    program: int, is_drum: bool, loudness: FloatArray, crescendi: Sequence[Crescendo] = ()
) -> Balance:
    """Return how an instrument divides the levels of a piece between velocity and CC 11.

    At the median level each gives half of the decibels, or as near to half as leaves room for the
    highest level.

    Args:
        program: General MIDI program from 0; of drums, the kit.
        is_drum: whether it plays percussion keys, which all decay.
        loudness: [S] RMS of each second of the clip, 0-1.
        crescendi: rises above it.
    """
    share = 1.0 if is_drum or program in DECAYING_PROGRAMS else SUSTAINED_SHARE
    levels = decibels(loudness)
    centre = float(np.median(levels))
    peak = max((crescendo.peak_db for crescendo in crescendi), default=0.0)
    rise = max(min(float(levels.max()) + peak, _FULL_DB) - centre, 0.0)
    # Neither velocity nor CC 11 may exceed 127 at the highest level.
    least, most = centre + (1 - share) * rise, -share * rise
    return Balance(share, centre, float(np.clip(centre / 2, least, most)))


def decibels(loudness: FloatArray | float) -> FloatArray:
    """Return the level in dB of full scale, at least -54, of RMS values 0-1 (any shape)."""
    floor = 10 ** (_FLOOR_DB / 20)
    return np.asarray(20 * np.log10(np.maximum(loudness, floor)))


def even_velocity(level_db: FloatArray | float) -> FloatArray:
    """Return the velocity, 1-127 and not rounded, that carries half of levels in dB (any shape)."""
    return _midi_value(np.asarray(level_db) / 2)


def level_at(
    seconds: FloatArray, loudness: FloatArray, crescendi: Sequence[Crescendo] = ()
) -> FloatArray:
    """Return the level in dB at given times: the plan's loudness plus crescendi.

    The loudness of a second is the level at its centre, and is interpolated in between.

    Args:
        seconds: [N] times in seconds.
        loudness: [S] RMS of each second of the clip, 0-1.
        crescendi: rises above it; where several overlap, the highest counts.

    Returns:
        [N] dB of full scale.
    """
    centres = np.arange(len(loudness)) + 0.5
    level = np.interp(seconds, centres, decibels(loudness))
    boost = np.zeros(len(seconds))
    for crescendo in crescendi:
        since = seconds - crescendo.time_s
        length = np.where(since < 0, crescendo.rise_s, crescendo.fall_s)
        height = crescendo.peak_db * (1 - np.abs(since) / length).clip(0, 1) ** 2
        boost = np.maximum(boost, height)
    return level + boost


def note_levels(
    balance: Balance,
    starts_s: FloatArray,
    ends_s: FloatArray,
    loudness: FloatArray,
    crescendi: Sequence[Crescendo] = (),
) -> FloatArray:
    """Return the level [N] in dB that the velocity of each note stands for.

    It is the level at the onset of a sustained note, which CC 11 carries on from there. A note that
    decays has no other means than its velocity, so it gets the mean level of the time for which it
    sounds, :data:`AUDIBLE_S` at most.

    Args:
        balance: of the instrument.
        starts_s: [N] onsets in seconds.
        ends_s: [N] ends in seconds.
        loudness: [S] RMS of each second of the clip, 0-1.
        crescendi: rises above it.
    """
    if balance.share < 1:
        return level_at(starts_s, loudness, crescendi)
    lengths_s = np.minimum(ends_s - starts_s, AUDIBLE_S)
    parts = (np.arange(_PARTS) + 0.5) / _PARTS
    seconds = starts_s[:, None] + lengths_s[:, None] * parts
    levels = level_at(seconds.ravel(), loudness, crescendi)
    return np.asarray(levels.reshape(seconds.shape).mean(axis=1))


def expression_curve(
    grid: TimeGrid,
    loudness: FloatArray,
    crescendi: Sequence[Crescendo],
    end: int,
    balance: Balance,
    shape_db: Callable[[FloatArray], FloatArray] | None = None,
) -> tuple[ControlChange, ...]:
    """Return the dynamics of a track: a CC 11 event on each quarter of a beat where it changes.

    Args:
        grid: beats of the piece.
        loudness: [S] RMS of each second of the clip, 0-1.
        crescendi: rises above it.
        end: tick on which the music ends.
        balance: of the instrument; one whose notes decay has a single event.
        shape_db: differences in level at ticks [N], such as those of phrases.
    """
    ticks = np.arange(0, end, TICKS_PER_BEAT // POINTS_PER_BEAT)
    seconds = grid.seconds_at(ticks / TICKS_PER_BEAT)
    levels = level_at(seconds, loudness, crescendi)
    if shape_db is not None:
        levels = levels + shape_db(ticks.astype(np.float64))
    values = np.rint(balance.expression(levels)).astype(int)
    changed = np.flatnonzero(np.diff(values, prepend=-1))
    return tuple(ControlChange(int(ticks[i]), EXPRESSION, int(values[i])) for i in changed)


def _midi_value(gain_db: FloatArray | float) -> FloatArray:
    """The value of velocity or CC 11, 1-127 and not rounded, that has a gain in dB."""
    gain = np.asarray(gain_db) - _FULL_DB
    return np.clip(127 * 10 ** (gain / _GAIN_DB_PER_DECADE), 1, 127)
