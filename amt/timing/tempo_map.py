"""A time grid as the tempo and metre events of a MIDI file.

A MIDI file counts in ticks and holds its tempo in whole microseconds a quarter note (Standard MIDI
Files 1.0, "Set Tempo"), so the length of a beat is rounded. The rounding of every beat is carried
to the next, and the clock of the file stays within half a millisecond of the grid for ever.
"""

from __future__ import annotations

import numpy as np

from amt.types import TICKS_PER_BEAT, TempoChange, TimeGrid, TimeSignature

MAX_DRIFT_US = 400.0
"""How far the file's clock may stray from the grid before one beat is bent to bring it back."""


def tempo_changes(grid: TimeGrid) -> tuple[TempoChange, ...]:
    """The tempo map of a grid.

    A tempo is written only where it changes: while the beats keep their length to the microsecond,
    the value stands until the sum of its rounding reaches :data:`MAX_DRIFT_US`.

    Args:
        grid: Beats and bars of the piece.

    Returns:
        Changes sorted by tick, the first at tick 0. The time of any tick by this map lies within
        .5 ms of the grid.
    """
    lengths_us = grid.beat_length_s * 1e6
    starts_us = grid.beats_s[:-1] * 1e6
    changes: list[TempoChange] = []
    clock_us = 0
    for beat, (start_us, length_us) in enumerate(zip(starts_us, lengths_us, strict=True)):
        target_us = start_us + length_us - clock_us
        current = changes[-1].us_per_beat if changes else 0
        same_tempo = abs(current - length_us) < 1.0
        if not (same_tempo and abs(current - target_us) <= MAX_DRIFT_US):
            current = round(target_us)
            if not changes or changes[-1].us_per_beat != current:
                changes.append(TempoChange(beat * TICKS_PER_BEAT, current))
        clock_us += current
    return tuple(changes)


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
