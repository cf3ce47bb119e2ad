"""What the notes of a song do, second by second: the music's side of every comparison with a clip.

Conventions: seconds run through the song's tempo map. ``S`` is the number of whole or begun seconds
of the song, so a song made for a clip has the rows of that clip's features. A track without CC 11
plays at 127, the value MIDI starts from (MMA, *Recommended Practice RP-015*).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amt.types import TICKS_PER_BEAT, FloatArray, Song, Track

_EXPRESSION = 11
_FULL = 127.0
_TEMPO_ROUNDING_S = 1e-3
"""A tempo map in whole microseconds strays from the clip's clock by less than this. So little past
the last second begins no second, and an onset so little before a second belongs to it."""


def tick_seconds(song: Song, ticks: ArrayLike) -> FloatArray:
    """Times in seconds of ticks (any shape), by the song's tempo map."""
    starts = np.array([tempo.tick for tempo in song.tempos], dtype=np.float64)
    tick_s = np.array([tempo.us_per_beat for tempo in song.tempos]) / (1e6 * TICKS_PER_BEAT)
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
    """How much is struck in each second, [S]: the sum over the notes that begin, drums included.

    A note counts as velocity / 127 times CC 11 / 127 at its beginning, so full-force notes count 1.
    """
    strength = np.zeros(n_seconds(song))
    for track in song.tracks:
        ticks, values = _expression(track)
        struck = values[np.searchsorted(ticks, _starts(track), side="right") - 1]
        _add(strength, tick_seconds(song, _starts(track)), struck * _velocities(track))
    return strength


def heard_loudness(song: Song) -> FloatArray:
    """How loud the sounding notes are in each second, [S] in 0-1; 0 where nothing sounds.

    The mean of velocity / 127 times CC 11 / 127 at each moment over the notes of the pitched
    tracks, every note weighted by the time for which it sounds in that second.
    """
    loudness, sounding_s = np.zeros(n_seconds(song)), np.zeros(n_seconds(song))
    for track in song.tracks:
        if track.is_drum or not track.notes:
            continue
        note, start_s, end_s, second = _by_second(song, track)
        swell = _integral(song, track, end_s) - _integral(song, track, start_s)
        np.add.at(loudness, second, _velocities(track)[note] * swell)
        np.add.at(sounding_s, second, end_s - start_s)
    return np.divide(loudness, sounding_s, out=loudness, where=sounding_s > 0)


def _by_second(
    song: Song, track: Track
) -> tuple[NDArray[np.int64], FloatArray, FloatArray, NDArray[np.int64]]:
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


def _expression(track: Track) -> tuple[NDArray[np.int64], FloatArray]:
    """Ticks [C] and values [C] in 0-1 of CC 11, from tick 0 on; of one tick the last counts."""
    events = {0: _FULL} | {
        c.tick: float(c.value) for c in track.controls if c.number == _EXPRESSION
    }
    return np.array(list(events)), np.array(list(events.values())) / _FULL


def _starts(track: Track) -> NDArray[np.int64]:
    return np.array([note.start for note in track.notes], dtype=np.int64)


def _velocities(track: Track) -> FloatArray:
    return np.array([note.velocity for note in track.notes], dtype=np.float64) / _FULL


def _add(curve: FloatArray, times_s: FloatArray, amounts: FloatArray) -> None:
    """Add amounts [N] to the seconds of a curve [S] in which they happen."""
    seconds = (times_s + _TEMPO_ROUNDING_S).astype(np.int64)
    np.add.at(curve, np.minimum(seconds, len(curve) - 1), amounts)


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's correlation of two curves [S]; NaN where one of them does not move."""
    if len(first) < 2 or min(np.ptp(first), np.ptp(second)) < 1e-9:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])
