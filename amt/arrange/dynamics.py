"""Loudness → velocity and expression (CC 11).

General MIDI synthesisers turn a value ``v`` into a gain of ``40 log10(v / 127)`` dB, for velocity
and for CC 11 alike (MMA, *General MIDI Level 1 Developer Guidelines*). The plan's loudness is an
RMS value, ``20 log10(rms)`` dB. Half of these decibels are given to the velocities, which also
carry an instrument's tone, and half to CC 11, which moves inside long notes; together they follow
the plan decibel for decibel. Crescendi into cuts, and the stress on them, come on top
(:class:`Crescendo`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from amt.types import TICKS_PER_BEAT, ControlChange, FloatArray, TimeGrid

EXPRESSION = 11
"""MIDI controller number of the dynamics curve."""

POINTS_PER_BEAT = 4
"""Resolution of the dynamics curve."""

CRESCENDO_S = 2.0
"""Time for which a crescendo leads to a cut."""
CRESCENDO_DB = 5.0
"""How much louder than the plan's curve a cut of full strength is."""
PUSH_S = 0.5
PUSH_DB = 3.0
"""The same for a peak of movement inside a shot: shorter and less."""
FALL_S = 1.0
"""Time in which the level falls back to the plan's curve."""

_FLOOR_DB = -54.0
_FULL_VELOCITY_DB = 0.0
_FULL_EXPRESSION_DB = 0.0


class Crescendo(NamedTuple):
    """A rise above the plan's curve that peaks at a moment and falls back after it."""

    time_s: float
    peak_db: float
    rise_s: float = CRESCENDO_S
    """Above 0."""


def decibels(loudness: FloatArray | float) -> FloatArray:
    """Level in dB of full scale of RMS values 0-1 (any shape), not below -54 dB."""
    floor = 10 ** (_FLOOR_DB / 20)
    return np.asarray(20 * np.log10(np.maximum(loudness, floor)))


def velocity(level_db: FloatArray | float) -> FloatArray:
    """Velocity, 1-127 and not rounded, of levels in dB (any shape); rises with the level."""
    return _midi_value(level_db, _FULL_VELOCITY_DB)


def expression(level_db: FloatArray | float) -> FloatArray:
    """CC 11 value, 1-127 and not rounded, of levels in dB (any shape); rises with the level."""
    return _midi_value(level_db, _FULL_EXPRESSION_DB)


def level_at(
    seconds: FloatArray, loudness: FloatArray, crescendi: Sequence[Crescendo] = ()
) -> FloatArray:
    """The level in dB at any time: the plan's curve, smooth, with crescendi on top.

    Args:
        seconds: [N] times.
        loudness: [S] RMS a second.
        crescendi: Where they overlap, the higher one counts.

    Returns:
        [N] dB.
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
    """The dynamics curve of a track: CC 11 on every quarter of a beat where it changes.

    Args:
        grid: Beats of the piece.
        loudness: [S] RMS a second.
        crescendi: On top of it.
        end: Tick on which the music ends.
    """
    ticks = np.arange(0, end, TICKS_PER_BEAT // POINTS_PER_BEAT)
    seconds = grid.seconds_at(ticks / TICKS_PER_BEAT)
    values = np.rint(expression(level_at(seconds, loudness, crescendi))).astype(int)
    changed = np.flatnonzero(np.diff(values, prepend=-1))
    return tuple(ControlChange(int(ticks[i]), EXPRESSION, int(values[i])) for i in changed)


def _midi_value(level_db: FloatArray | float, full_db: float) -> FloatArray:
    half_db = (np.asarray(level_db) - full_db) / 2
    return np.clip(127 * 10 ** (half_db / 40), 1, 127)
