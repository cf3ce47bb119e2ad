"""What the notes of a song do, bar by bar: what the note transformer is asked for, and judged by.

The definitions are those of :mod:`amt.report.measure`, which counts by the second: a bar is
measured as the second that it would last at a tempo of a bar a second.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amt.report.measure import heard_loudness, notes_per_second
from amt.types import TICKS_PER_BEAT, FloatArray, Song, TempoChange


def bar_ticks(song: Song) -> NDArray[np.int64]:
    """Tick [bars + 1] on which each bar begins by the time signatures, and the song's end."""
    changes = song.time_signatures
    ends = [change.tick for change in changes[1:]] + [song.end]
    starts = [
        np.arange(change.tick, end, 4 * TICKS_PER_BEAT * change.numerator // change.denominator)
        for change, end in zip(changes, ends, strict=True)
    ]
    return np.concatenate([*starts, [song.end]]).astype(np.int64)


def notes_per_beat(song: Song) -> FloatArray:
    """Notes of the pitched tracks that begin in each bar, divided by its beats, [bars]."""
    beats = np.diff(bar_ticks(song)) / TICKS_PER_BEAT
    return np.asarray(notes_per_second(_bar_a_second(song)) / beats)


def bar_loudness(song: Song) -> FloatArray:
    """How loud the sounding notes are in each bar, [bars] in 0-1; 0 where nothing sounds."""
    return heard_loudness(_bar_a_second(song))


def _bar_a_second(song: Song) -> Song:
    """The song at tempi at which every bar, the last too, lasts a second.

    The last beat of a bar makes up for the rounding of the others to whole microseconds, so that
    nothing adds up from bar to bar.
    """
    ticks, tempos = bar_ticks(song).tolist(), []
    for start, end in pairwise(ticks):
        us_per_beat = 1_000_000 * TICKS_PER_BEAT // (end - start)
        tempos.append(TempoChange(start, us_per_beat))
        last_beat = end - TICKS_PER_BEAT
        if last_beat > start:
            before_us = us_per_beat * (last_beat - start) // TICKS_PER_BEAT
            tempos.append(TempoChange(last_beat, 1_000_000 - before_us))
    return replace(song, tempos=tuple(tempos))
