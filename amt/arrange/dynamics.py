"""Loudness → velocity and expression (CC 11).

General MIDI synthesisers turn a value ``v`` into a gain of ``40 log10(v / 127)`` dB, for velocity
and for CC 11 alike (MMA, *General MIDI Level 1 Developer Guidelines*). The plan's loudness is an
RMS value, ``20 log10(rms)`` dB. Half of these decibels are given to the velocities, which also
carry an instrument's tone, and half to CC 11, which moves inside long notes; together they follow
the plan decibel for decibel.
"""

from __future__ import annotations

import numpy as np

from amt.types import TICKS_PER_BEAT, ControlChange, Cut, FloatArray, TimeGrid

EXPRESSION = 11
"""MIDI controller number of the dynamics curve."""

POINTS_PER_BEAT = 4
"""Resolution of the dynamics curve."""

STRONG_CUT = 0.5
"""From this strength on, a cut gets an accent and a crescendo that leads to it."""

_FLOOR_DB = -54.0
_FULL_VELOCITY_DB = 0.0
_FULL_EXPRESSION_DB = -6.0
_CRESCENDO_S = 2.0
_CRESCENDO_DB = 5.0


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


def level_at(seconds: FloatArray, loudness: FloatArray, hits: tuple[Cut, ...] = ()) -> FloatArray:
    """The level in dB at any time: the plan's curve, smooth, with a swell into strong cuts.

    Args:
        seconds: [N] times.
        loudness: [S] RMS a second.
        hits: Cuts that the music lands on; those of :data:`STRONG_CUT` and more get a crescendo of
            up to 5 dB over the 2 s before them, or since the hit before.

    Returns:
        [N] dB.
    """
    centres = np.arange(len(loudness)) + 0.5
    level = np.interp(seconds, centres, decibels(loudness))
    before = 0.0
    for hit in hits:
        if hit.strength < STRONG_CUT:
            continue
        start = max(hit.time_s - _CRESCENDO_S, before)
        inside = (seconds >= start) & (seconds < hit.time_s)
        rise = (seconds[inside] - start) / _CRESCENDO_S
        level[inside] += _CRESCENDO_DB * hit.strength * rise**2
        before = hit.time_s
    return level


def expression_curve(
    grid: TimeGrid, loudness: FloatArray, hits: tuple[Cut, ...], end: int
) -> tuple[ControlChange, ...]:
    """The dynamics curve of a track: CC 11 on every quarter of a beat where it changes.

    Args:
        grid: Beats of the piece.
        loudness: [S] RMS a second.
        hits: Cuts that the music lands on.
        end: Tick on which the music ends.
    """
    ticks = np.arange(0, end, TICKS_PER_BEAT // POINTS_PER_BEAT)
    seconds = grid.seconds_at(ticks / TICKS_PER_BEAT)
    values = np.rint(expression(level_at(seconds, loudness, hits))).astype(int)
    changed = np.flatnonzero(np.diff(values, prepend=-1))
    return tuple(ControlChange(int(ticks[i]), EXPRESSION, int(values[i])) for i in changed)


def _midi_value(level_db: FloatArray | float, full_db: float) -> FloatArray:
    half_db = (np.asarray(level_db) - full_db) / 2
    return np.clip(127 * 10 ** (half_db / 40), 1, 127)
