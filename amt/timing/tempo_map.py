"""A time grid as the tempo and metre events of a MIDI file.

A MIDI file counts in ticks and holds its tempo in whole microseconds a quarter note (Standard MIDI
Files 1.0, "Set Tempo"), so the length of a beat is rounded. What is rounded away is made up for by
the tempos that follow, and the clock of the file stays within half a millisecond of the grid.
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np

from amt.types import TICKS_PER_BEAT, TempoChange, TimeGrid, TimeSignature

MAX_DRIFT_US = 480.0
"""Largest distance in microseconds of the file's clock from the grid on any beat: half a
millisecond less rounding."""


def tempo_changes(grid: TimeGrid) -> tuple[TempoChange, ...]:
    """The tempo map of a grid, with as few changes as its tolerance allows.

    A tempo stands for as many beats as some whole number of microseconds keeps within
    :data:`MAX_DRIFT_US` of the grid, so that differences too small for an ear or a score
    make no event: a steady clip of a few minutes has one tempo. Of the tempos that do, the one
    that ends nearest to the grid is taken, so that errors do not add up.

    Args:
        grid: Beats and bars of the piece.

    Returns:
        Changes sorted by tick, the first at tick 0. The time of any tick by this map lies within
        .5 ms of the grid.
    """
    ends_us = ((grid.beats_s[:-1] + grid.beat_length_s) * 1e6).tolist()
    changes: list[TempoChange] = []
    first, clock_us = 0, 0
    while first < len(ends_us):
        n_beats, us_per_beat = _longest_steady(ends_us[first:], clock_us)
        if not changes or changes[-1].us_per_beat != us_per_beat:
            changes.append(TempoChange(first * TICKS_PER_BEAT, us_per_beat))
        first += n_beats
        clock_us += n_beats * us_per_beat
    return tuple(changes)


def _longest_steady(ends_us: list[float], clock_us: int) -> tuple[int, int]:
    """Number of beats that one tempo holds from a clock on, and its microseconds a beat."""
    low, high, n_beats = 1, 2**24 - 1, 0
    for n, end_us in enumerate(ends_us, 1):
        new_low = max(low, ceil((end_us - MAX_DRIFT_US - clock_us) / n))
        new_high = min(high, floor((end_us + MAX_DRIFT_US - clock_us) / n))
        if new_low > new_high:
            break
        low, high, n_beats = new_low, new_high, n
    if not n_beats:  # a beat longer than MIDI can express
        return 1, min(max(round(ends_us[0] - clock_us), 1), 2**24 - 1)
    return n_beats, min(max(round((ends_us[n_beats - 1] - clock_us) / n_beats), low), high)


def time_signatures(grid: TimeGrid) -> tuple[TimeSignature, ...]:
    """The metre of a grid: one signature wherever the number of beats in a bar changes.

    A last bar that is shorter than the one before it is cut off by the end of the clip and keeps
    the metre.

    Args:
        grid: Beats and bars of the piece.

    Returns:
        Signatures in quarter notes, sorted by tick, the first at tick 0.
    """
    bars = np.array(grid.bars)
    if len(bars) > 1:
        bars[-1] = max(bars[-1], bars[-2])
    changed = np.flatnonzero(np.diff(bars, prepend=0))
    downbeats = grid.downbeats
    return tuple(
        TimeSignature(int(downbeats[bar]) * TICKS_PER_BEAT, int(bars[bar])) for bar in changed
    )


def grid_end_tick(grid: TimeGrid) -> int:
    """The tick on which the music ends, never before tick 1."""
    return max(1, round(grid.end_beat * TICKS_PER_BEAT))
