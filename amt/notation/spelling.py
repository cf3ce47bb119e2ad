"""Pitches → note names, by the chord that sounds and the key."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from amt.chords import Key, parse_chord
from amt.errors import ChordError
from amt.types import KeyChange, TextEvent

_FIFTHS = "FCGDAEB"
"""Natural notes in order of fifths, of which C is 0."""
_LETTERS = "CDEFGAB"
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DEGREES = {0: 0, 3: 2, 4: 2, 6: 4, 7: 4, 8: 4, 10: 6, 11: 6}
"""Semitones above a root → letters above it, as the tones of chords are written."""
_SUSPENDED = {"sus2": {2: 1}, "sus4": {5: 3}, "maj6": {9: 5}, "min6": {9: 5}, "dim7": {9: 6}}
"""The same for the tones of single qualities."""
_FLATTEST = -3
"""Fifths from the key's tonic side to its flattest note: in C major E flat; the sharpest is G#."""


class Name(NamedTuple):
    """A pitch as it is written; middle C is ``Name("C", 0, 4)``."""

    step: str
    alter: int
    """Semitones: -1 is a flat."""
    octave: int


class Speller:
    """Spells the notes of a piece.

    Args:
        key: of the piece.
        chords: their names from each tick on; what is no chord of the vocabulary is passed over.
        changes: of the key, in order.
    """

    def __init__(
        self, key: Key, chords: Sequence[TextEvent] = (), changes: Sequence[KeyChange] = ()
    ) -> None:
        self._keys = [0, *(change.tick for change in changes)]
        self._names = [_names_in(each) for each in (key, *(change.key for change in changes))]
        self._ticks: list[int] = []
        self._tones: list[dict[int, tuple[str, int]]] = []
        for chord in chords:
            self._ticks.append(chord.tick)
            self._tones.append(chord_tones(chord.text))

    def name(self, pitch: int, tick: int) -> Name:
        """The name of a pitch at a tick."""
        index = bisect_right(self._ticks, tick) - 1
        tones = self._tones[index] if index >= 0 else {}
        names = self._names[bisect_right(self._keys, tick) - 1]
        step, alter = tones.get(pitch % 12) or names[pitch % 12]
        return Name(step, alter, (pitch - alter) // 12 - 1)


def chord_tones(name: str) -> dict[int, tuple[str, int]]:
    """Pitch class → (letter, semitones of its accidental) of the tones of a chord.

    >>> chord_tones("E7")[8]
    ('G', 1)
    """
    try:
        chord = parse_chord(name)
    except ChordError:
        return {}
    if chord.root is None or name[:1] not in _NATURALS:
        return {}
    letter = _LETTERS.index(name[0])
    degrees = _DEGREES | _SUSPENDED.get(chord.quality, {})
    tones = {}
    for pitch_class in chord.pitch_classes:
        degree = degrees.get((pitch_class - chord.root) % 12)
        if degree is not None:
            step = _LETTERS[(letter + degree) % 7]
            alter = (pitch_class - _NATURALS[step] + 6) % 12 - 6
            if abs(alter) <= 1:
                tones[pitch_class] = (step, alter)
    return tones


def _names_in(key: Key) -> dict[int, tuple[str, int]]:
    """The twelve pitch classes as they are written in a key."""
    names = {}
    for fifths in range(key.sharps + _FLATTEST, key.sharps + _FLATTEST + 12):
        alter, index = divmod(fifths + 1 if fifths <= 12 else fifths - 11, 7)
        step = _FIFTHS[index]
        names[(_NATURALS[step] + alter) % 12] = (step, alter)
    return names
