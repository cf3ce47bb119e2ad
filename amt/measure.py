"""What the notes of a song do, second by second and bar by bar: density, loudness, onset strength.

Reports and evaluations compare these curves with those of a clip or a plan; the note transformer is
conditioned on the ones by bar.

Conventions: seconds run through the song's tempo map. ``S`` is the number of whole or begun seconds
of the song, so a song made for a clip has the rows of that clip's features. A bar is measured as
the second that it would last at a tempo of one bar a second, so both kinds of curve share one
definition. Loudness is velocity / 127 times expression (CC 11) / 127: 1 is full force. A track
without CC 11 plays at 127, the value MIDI starts from (MMA, *Recommended Practice RP-015*).
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from amt.types import TICKS_PER_BEAT, FloatArray, IntArray, Song, TempoChange, Track

_EXPRESSION = 11
"""MIDI controller number of expression."""
_FULL = 127.0
"""Highest velocity and controller value."""
_US_PER_S = 1_000_000
_TEMPO_ROUNDING_S = 1e-3
"""A tempo map in whole microseconds strays from the clip's clock by less than this. So little past
the last second begins no second, and an onset so little before a second belongs to it."""


def tick_seconds(song: Song, ticks: ArrayLike) -> FloatArray:
    """Times in seconds of ticks (any shape), by the song's tempo map."""
    starts = np.array([tempo.tick for tempo in song.tempos], dtype=np.float64)
    tick_s = np.array([tempo.us_per_beat for tempo in song.tempos]) / (_US_PER_S * TICKS_PER_BEAT)
    starts_s = np.concatenate([[0.0], np.cumsum(np.diff(starts) * tick_s[:-1])])
    at = np.asarray(ticks, dtype=np.float64)
    index = np.searchsorted(starts, at, side="right") - 1
    return np.asarray(starts_s[index] + (at - starts[index]) * tick_s[index])


def n_seconds(song: Song) -> int:
    """S, the number of whole or begun seconds of a song; at least 1."""
    return max(1, math.ceil(float(tick_seconds(song, song.end)) - _TEMPO_ROUNDING_S))


def notes_per_second(song: Song) -> FloatArray:
    """Notes of the pitched tracks that begin in each second, [S], as ``Plan.density`` counts."""
    counts = np.zeros(n_seconds(song))
    for track in song.tracks:
        if not track.is_drum:
            _add(counts, tick_seconds(song, _starts(track)), np.ones(len(track.notes)))
    return counts


def onset_strength(song: Song) -> FloatArray:
    """Sum of the loudness at the onsets of each second, [S], drums included.

    A note counts as velocity / 127 times CC 11 / 127 at its onset, so full-force notes count 1.
    """
    strength = np.zeros(n_seconds(song))
    for track in song.tracks:
        ticks, values = _expression(track)
        expression = values[np.searchsorted(ticks, _starts(track), side="right") - 1]
        _add(strength, tick_seconds(song, _starts(track)), expression * _velocities(track))
    return strength


def measured_loudness(song: Song) -> FloatArray:
    """Mean loudness of the sounding notes in each second, [S] in 0-1; 0 where nothing sounds.

    The mean is of velocity / 127 times CC 11 / 127 at each moment over the notes of the pitched
    tracks, every note weighted by the time for which it sounds in that second.
    """
    loudness, sounding_s = np.zeros(n_seconds(song)), np.zeros(n_seconds(song))
    for track in song.tracks:
        if track.is_drum or not track.notes:
            continue
        note, start_s, end_s, second = _by_second(song, track)
        expression = _integral(song, track, end_s) - _integral(song, track, start_s)
        np.add.at(loudness, second, _velocities(track)[note] * expression)
        np.add.at(sounding_s, second, end_s - start_s)
    return np.divide(loudness, sounding_s, out=loudness, where=sounding_s > 0)


def bar_ticks(song: Song) -> IntArray:
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
    """Mean loudness of the sounding notes in each bar, [bars] in 0-1; 0 where nothing sounds."""
    return measured_loudness(_bar_a_second(song))


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's correlation of two curves [S]; NaN where one of them is constant or has one row."""
    if len(first) < 2 or min(np.ptp(first), np.ptp(second)) < 1e-9:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def _by_second(song: Song, track: Track) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    """Notes cut at whole seconds: index of the note, start, end and second of every piece."""
    start_s = tick_seconds(song, _starts(track))
    end_s = tick_seconds(song, np.array([note.end for note in track.notes]))
    last = n_seconds(song) - 1
    first_second = np.minimum(start_s.astype(np.int64), last)
    last_second = np.clip(np.ceil(end_s).astype(np.int64) - 1, first_second, last)
    pieces = last_second - first_second + 1
    note = np.repeat(np.arange(len(pieces)), pieces)
    within = np.arange(len(note)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    second = first_second[note] + within
    # The rounding of the tempo map past the last second belongs to that second.
    until_s = np.where(second == last, np.inf, second + 1.0)
    return (
        note,
        np.maximum(start_s[note], np.where(within == 0, 0.0, second)),
        np.minimum(end_s[note], until_s),
        second,
    )


def _integral(song: Song, track: Track, seconds: FloatArray) -> FloatArray:
    """Integral of CC 11 / 127 from 0 to each time [N] in seconds."""
    ticks, values = _expression(track)
    from_s = tick_seconds(song, ticks)
    before = np.concatenate([[0.0], np.cumsum(values[:-1] * np.diff(from_s))])
    index = np.searchsorted(from_s, seconds, side="right") - 1
    return np.asarray(before[index] + values[index] * (seconds - from_s[index]))


def _expression(track: Track) -> tuple[IntArray, FloatArray]:
    """Ticks [C] and values [C] in 0-1 of CC 11, from tick 0 on; of one tick the last counts."""
    events = {0: _FULL} | {
        c.tick: float(c.value) for c in track.controls if c.number == _EXPRESSION
    }
    return np.array(list(events)), np.array(list(events.values())) / _FULL


def _starts(track: Track) -> IntArray:
    return np.array([note.start for note in track.notes], dtype=np.int64)


def _velocities(track: Track) -> FloatArray:
    return np.array([note.velocity for note in track.notes], dtype=np.float64) / _FULL


def _add(curve: FloatArray, times_s: FloatArray, amounts: FloatArray) -> None:
    """Add amounts [N] to the seconds of a curve [S] in which they fall."""
    seconds = (times_s + _TEMPO_ROUNDING_S).astype(np.int64)
    np.add.at(curve, np.minimum(seconds, len(curve) - 1), amounts)


def _bar_a_second(song: Song) -> Song:
    """The song with tempos at which every bar, the last too, lasts a second.

    The last beat of a bar makes up for the rounding of the others to whole microseconds, so that
    nothing adds up from bar to bar.
    """
    ticks, tempos = bar_ticks(song).tolist(), []
    for start, end in pairwise(ticks):
        us_per_beat = _US_PER_S * TICKS_PER_BEAT // (end - start)
        tempos.append(TempoChange(start, us_per_beat))
        last_beat = end - TICKS_PER_BEAT
        if last_beat > start:
            before_us = us_per_beat * (last_beat - start) // TICKS_PER_BEAT
            tempos.append(TempoChange(last_beat, _US_PER_S - before_us))
    return replace(song, tempos=tuple(tempos))
