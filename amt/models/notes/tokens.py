"""Notes as compound words, the tokens of the note transformer.

A word is one note, a compound (Hsiao et al. 2021) of the REMI+ tokens *Position*, *Program*,
*Pitch*, *Duration* and *Velocity* (Huang & Yang 2020; von Rütte et al. 2023), or the beginning of
a bar. So a piece has one step per note where the flat sequence has five. The vocabulary is that of
MidiTok's ``REMI``; :mod:`amt.models.notes.tokenizer` is the same as a MidiTok tokenizer, which
encodes and decodes MIDI files.

Conventions:

* A position is a twelfth of a beat: sixteenths and triplets fall on it.
* Notes are integers [n, 5]: onset (positions from the beginning of the piece), role (index of
  :data:`ROLES`), MIDI pitch, duration (positions) and velocity. They are *tidy* when sorted by
  onset, role and pitch, with no two notes of one role and pitch that overlap.
* Bars are given by their numbers of beats, 1 to :data:`MAX_BEATS` each.
* Words are integers [m, 5]: position, role, pitch, duration, velocity; 0 is none. Words of a bar
  are in the order of its notes, after one of position :data:`BAR`; a last such word ends the piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from amt.errors import InputError
from amt.types import TICKS_PER_BEAT, IntArray, Note, Track

RESOLUTION = 12
"""Positions per beat."""
TICKS_PER_POSITION = TICKS_PER_BEAT // RESOLUTION
MAX_BEATS = 8
"""Longest bar, and longest note."""
LOWEST_PITCH, HIGHEST_PITCH = 21, 108
"""The piano's keys."""
ROLES: dict[str, int] = {"melody": 73, "counter": 48, "harmony": 0}
"""Role -> General MIDI program of its *Program* token (and used for nothing else)."""

ONSET, ROLE, PITCH, DURATION, VELOCITY = range(5)
"""Columns of notes."""
POSITION = ONSET
"""First column of words; the others are those of notes."""
PAD, BAR, FIRST_POSITION = range(3)
"""Ids of positions: no word, the beginning of a bar, the first position of a bar."""

BEAT_RESOLUTIONS = {(0, 1): RESOLUTION, (1, 2): 6, (2, 4): 2, (4, MAX_BEATS): 1}
"""Range of a length in beats -> its resolution in steps per beat."""
N_VELOCITIES = 16
"""Velocities of the vocabulary, evenly spaced from 7 to 127."""
N_COLUMNS = 5
VOCABULARY = (
    FIRST_POSITION + RESOLUTION * MAX_BEATS,
    1 + len(ROLES),
    2 + HIGHEST_PITCH - LOWEST_PITCH,
    1 + sum((high - low) * steps for (low, high), steps in BEAT_RESOLUTIONS.items()),
    1 + N_VELOCITIES,
)
"""Number of ids in each column of words."""
BAR_WORD: IntArray = np.array([BAR, 0, 0, 0, 0])
"""[5] The word that begins a bar, or ends the piece."""


class Bins(NamedTuple):
    """What the ids of two columns stand for, less the 0 of none."""

    durations: IntArray
    """Positions, rising from 1."""
    velocities: IntArray
    """Rising."""


@cache
def bins() -> Bins:
    """The lengths and velocities of the vocabulary, as MidiTok's tokenizers have them."""
    steps = [
        (beats * n + step) * RESOLUTION // n
        for (low, high), n in BEAT_RESOLUTIONS.items()
        for beats in range(low, high)
        for step in range(n)
    ]
    durations = np.array([*steps[1:], RESOLUTION * MAX_BEATS], dtype=np.int64)
    velocities = np.linspace(0, 127, N_VELOCITIES + 1, dtype=np.int64)[1:]
    assert (len(durations) + 1, len(velocities) + 1) == VOCABULARY[DURATION:]
    return Bins(durations, velocities)


def bar_starts(bars: Sequence[int]) -> IntArray:
    """Position [bars + 1] on which each bar begins, and the end.

    Raises:
        InputError: a bar has less than one beat or more than :data:`MAX_BEATS`.
    """
    wrong = [beats for beats in bars if not 1 <= beats <= MAX_BEATS]
    if wrong:
        raise InputError(f"a bar has {wrong[0]} beats; expected 1 to {MAX_BEATS}: correct the grid")
    return np.concatenate([[0], RESOLUTION * np.cumsum(bars)]).astype(np.int64)


def tidy(notes: IntArray) -> IntArray:
    """Sort notes, keep the loudest of equal ones, and end each before its pitch begins again."""
    order = np.lexsort((-notes[:, VELOCITY], notes[:, PITCH], notes[:, ROLE], notes[:, ONSET]))
    notes = notes[order]
    same = np.all(notes[1:, ONSET:DURATION] == notes[:-1, ONSET:DURATION], axis=1)
    notes = notes[np.concatenate([[True], ~same])] if len(notes) else notes
    notes[:, DURATION] = np.minimum(notes[:, DURATION], _until_repeated(notes))
    return notes


def snap(notes: IntArray) -> IntArray:
    """Tidy notes with the nearest lengths and velocities of the vocabulary, in its range of pitch.

    A length that would overlap the next note of its pitch becomes the longest that does not.
    """
    notes = tidy(_folded(notes))
    table = bins()
    notes[:, VELOCITY] = table.velocities[_nearest(table.velocities, notes[:, VELOCITY])]
    notes[:, DURATION] = table.durations[_nearest(table.durations, notes[:, DURATION])]
    room = np.searchsorted(table.durations, _until_repeated(notes), side="right") - 1
    notes[:, DURATION] = np.minimum(notes[:, DURATION], table.durations[room])
    return notes


def transpose(notes: IntArray, semitones: int) -> IntArray:
    """Tidy notes moved up by ``semitones``; what leaves the range of pitch is moved by octaves."""
    moved = notes.copy()
    moved[:, PITCH] += semitones
    return tidy(_folded(moved))


def to_words(notes: IntArray, bars: Sequence[int]) -> IntArray:
    """Tidy notes [n, 5] -> words [n + bars + 1, 5].

    Lengths and velocities must be of the vocabulary (:func:`snap`), or become the nearest.

    Raises:
        InputError: a bar is too long, or a note begins outside the bars.
    """
    starts = bar_starts(bars)
    onsets = notes[:, ONSET]
    if len(notes) and not (onsets[0] >= 0 and onsets[-1] < starts[-1]):
        raise InputError(
            f"notes begin on positions {onsets[0]} to {onsets[-1]}; "
            f"expected 0 to {starts[-1] - 1}, inside the bars"
        )
    bar = np.searchsorted(starts, onsets, side="right") - 1
    table = bins()
    columns = [
        FIRST_POSITION + onsets - starts[bar],
        1 + notes[:, ROLE],
        1 + notes[:, PITCH] - LOWEST_PITCH,
        1 + _nearest(table.durations, notes[:, DURATION]),
        1 + _nearest(table.velocities, notes[:, VELOCITY]),
    ]
    bar_word = np.array([[BAR, 0, 0, 0, 0]])
    first_notes = np.searchsorted(onsets, starts)
    return np.insert(np.stack(columns, axis=1), first_notes, bar_word, axis=0).astype(np.int64)


def to_notes(words: IntArray, bars: Sequence[int]) -> IntArray:
    """Words [m, 5] -> tidy notes; words after the last bar are left out.

    Raises:
        InputError: a bar is too long, or a note stands before the first bar word, outside its bar
            or without one of its columns.
    """
    starts = bar_starts(bars)
    bar = bar_of(words)
    kept = (words[:, POSITION] != BAR) & (words[:, POSITION] != PAD) & (bar < len(bars))
    words, bar = words[kept], bar[kept]
    if np.any(bar < 0) or np.any(words[:, ROLE:] == 0):
        raise InputError("expected a bar word first and, of every note, all five columns")
    onsets = starts[bar] + words[:, POSITION] - FIRST_POSITION
    if np.any(onsets >= starts[bar + 1]):
        raise InputError("a note begins after the end of its bar: the words are of other bars")
    table = bins()
    columns = [
        onsets,
        words[:, ROLE] - 1,
        words[:, PITCH] - 1 + LOWEST_PITCH,
        table.durations[words[:, DURATION] - 1],
        table.velocities[words[:, VELOCITY] - 1],
    ]
    return tidy(np.stack(columns, axis=1))


def bar_of(words: IntArray) -> IntArray:
    """Bar [m] that each word stands in; -1 before the first bar word."""
    return np.asarray(np.cumsum(words[:, POSITION] == BAR) - 1)


def tracks_of(notes: IntArray) -> tuple[Track, ...]:
    """One track for each role that plays, in ticks; each has the role's name and program."""
    tracks = []
    for role, (name, program) in enumerate(ROLES.items()):
        rows = notes[notes[:, ROLE] == role]
        starts = rows[:, ONSET] * TICKS_PER_POSITION
        ends = starts + rows[:, DURATION] * TICKS_PER_POSITION
        columns = zip(
            starts.tolist(), rows[:, PITCH].tolist(), ends.tolist(), rows[:, VELOCITY].tolist(),
            strict=True,
        )  # fmt: skip
        if len(rows):
            tracks.append(Track(name, program, tuple(Note(*column) for column in columns)))
    return tuple(tracks)


def _folded(notes: IntArray) -> IntArray:
    """Notes with pitches moved by octaves into the range of the vocabulary."""
    notes = notes.copy()
    pitch = notes[:, PITCH]
    below, above = LOWEST_PITCH - pitch, pitch - HIGHEST_PITCH
    notes[:, PITCH] += 12 * (np.maximum(0, -(-below // 12)) - np.maximum(0, -(-above // 12)))
    return notes


def _until_repeated(notes: IntArray) -> IntArray:
    """Positions [n] from each note to the next of its role and pitch; many after the last."""
    order = np.lexsort((notes[:, ONSET], notes[:, PITCH], notes[:, ROLE]))
    ordered = notes[order]
    room = np.full(len(notes), np.iinfo(np.int32).max, dtype=np.int64)
    again = np.all(ordered[1:, ROLE:DURATION] == ordered[:-1, ROLE:DURATION], axis=1)
    gaps = np.diff(ordered[:, ONSET])
    room[order[:-1][again]] = gaps[again]
    return room


def _nearest(table: IntArray, values: IntArray) -> IntArray:
    """Index of the nearest entry of a rising table; the lower of two."""
    upper = np.searchsorted(table, values).clip(1, len(table) - 1)
    lower_is_nearer = values - table[upper - 1] <= table[upper] - values
    return np.asarray(upper - lower_is_nearer)
