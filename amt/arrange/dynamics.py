"""Loudness → velocity and expression (CC 11).

General MIDI synthesisers turn a value ``v`` into a gain of ``40 log10(v / 127)`` dB, for velocity
and for CC 11 alike (MMA, *General MIDI Level 1 Developer Guidelines*). The plan's loudness is an
RMS value, ``20 log10(rms)`` dB. Half of these decibels go into the velocities, which also change
an instrument's timbre, and half into CC 11, which can change during long notes; their sum follows
the plan's level 1:1. Crescendi into strong cuts and into peaks of movement are added to the level
(:class:`Crescendo`).

Levels are in dB of full scale, times in seconds. Constants without a source were set by hand;
``tests/arrange/test_effects.py`` states the least effect of each.
"""

from __future__ import annotations

from collections.abc import Sequence
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
PUSH_S = 0.5
"""Seconds before a peak of movement at which its crescendo begins."""
PUSH_DB = 3.0
"""dB above the plan's level that a peak of movement of strength 1 reaches; less than for a cut."""
FALL_S = 1.0
"""Seconds after the peak of a crescendo at which the plan's level is reached again."""

_FLOOR_DB = -54.0
"""Level of silence. It gives velocity and CC 11 the value 27: soft, but audible."""
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


def decibels(loudness: FloatArray | float) -> FloatArray:
    """Return the level in dB of full scale, at least -54, of RMS values 0-1 (any shape)."""
    floor = 10 ** (_FLOOR_DB / 20)
    return np.asarray(20 * np.log10(np.maximum(loudness, floor)))


def velocity(level_db: FloatArray | float) -> FloatArray:
    """Return the velocity, 1-127 and not rounded, that carries half of levels in dB (any shape)."""
    return _midi_value(level_db)


def expression(level_db: FloatArray | float) -> FloatArray:
    """Return the CC 11 value, 1-127 and not rounded, that carries half of levels in dB."""
    return _midi_value(level_db)


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
        length = np.where(since < 0, crescendo.rise_s, FALL_S)
        height = crescendo.peak_db * (1 - np.abs(since) / length).clip(0, 1) ** 2
        boost = np.maximum(boost, height)
    return level + boost


def expression_curve(
    grid: TimeGrid, loudness: FloatArray, crescendi: Sequence[Crescendo], end: int
) -> tuple[ControlChange, ...]:
    """Return the dynamics of a track: a CC 11 event on each quarter of a beat where it changes.

    Args:
        grid: beats of the piece.
        loudness: [S] RMS of each second of the clip, 0-1.
        crescendi: rises above it.
        end: tick on which the music ends.
    """
    ticks = np.arange(0, end, TICKS_PER_BEAT // POINTS_PER_BEAT)
    seconds = grid.seconds_at(ticks / TICKS_PER_BEAT)
    values = np.rint(expression(level_at(seconds, loudness, crescendi))).astype(int)
    changed = np.flatnonzero(np.diff(values, prepend=-1))
    return tuple(ControlChange(int(ticks[i]), EXPRESSION, int(values[i])) for i in changed)


def _midi_value(level_db: FloatArray | float) -> FloatArray:
    half_db = (np.asarray(level_db) - _FULL_DB) / 2
    return np.clip(127 * 10 ** (half_db / _GAIN_DB_PER_DECADE), 1, 127)
