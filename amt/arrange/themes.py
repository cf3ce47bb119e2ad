"""The melody as themes: phrases that return, breathe, rise to a climax, and end on the tonic.

The network writes a melody bar by bar and seldom comes back to one. Here the plan's form is laid
over its notes: a phrase with the label of an earlier one takes over its melody, adapted to its own
chords; every phrase ends with a note that is held and a rest (Huron 2006: phrases end with longer
notes); the loudest section lies an octave higher; the last note is the tonic.

Conventions: notes are integers [n, 5] as :mod:`amt.models.notes.tokens` has them, of the melody
alone, sorted by onset, in the home key. Positions are twelfths of a beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amt.chords import Chord, Key, chord_from_id
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, VELOCITY
from amt.types import IntArray

PHRASE_BARS = 4
"""Bars of a phrase from which on it has a basic idea and its second statement."""
BREATH = RESOLUTION // 2
"""Positions of rest at least at the end of a phrase: half a beat."""
OCTAVE = 12


@dataclass(frozen=True, slots=True, eq=False)
class ThemeContext:
    """What the melody of a piece has to suit."""

    bars: tuple[int, ...]
    """Beats of each bar; they sum to B."""
    phrases: tuple[tuple[int, int, str], ...]
    """First bar, bar after the last, and label of each phrase."""
    chords: IntArray
    """[B] chord ids, in the home key."""
    tonic: int
    """Pitch class of the home key's tonic."""
    ending: int
    """Position on which the final chord begins."""
    low: int
    high: int
    """Pitches that the melody's instrument can play, in the home key."""
    climax: tuple[int, int] | None = None
    """First bar, and bar after the last, of the loudest of several sections."""
    keys: tuple[Key, ...] = ()
    """[bars] key of each bar, in the home key's transposition; empty where they have one key."""
    rewritten: range = range(0)
    """Bars that keep the melody that was written for them."""

    @property
    def edges(self) -> IntArray:
        """[bars + 1] positions on which bars begin, and the end."""
        return RESOLUTION * np.concatenate([[0], np.cumsum(self.bars)]).astype(np.int64)

    def transposition(self, old: int, new: int) -> int:
        """Semitones, -6 to 5, from the tonic of one bar to that of another in the same mode.

        Other modes keep their pitches: relative keys share them, parallel ones are adapted later
        (:mod:`amt.arrange.section_keys`).
        """
        if not self.keys or self.keys[old].mode != self.keys[new].mode:
            return 0
        return (self.keys[new].tonic - self.keys[old].tonic + 6) % OCTAVE - 6

    def differ(self, old: int, new: int) -> bool:
        """Whether two bars have other chords or lengths."""
        beats = np.cumsum([0, *self.bars])
        before, after = (self.chords[beats[bar] : beats[bar + 1]] for bar in (old, new))
        return not bool(np.array_equal(before, after))

    def chord_at(self, position: int) -> Chord:
        """The chord that sounds at a position."""
        return chord_from_id(int(self.chords[min(position // RESOLUTION, len(self.chords) - 1)]))


def shaped(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody with returning phrases, breaths, a climax and an ending on the tonic."""
    if not len(melody):
        return melody
    melody = with_returns(melody, context)
    melody = with_breaths(melody, context)
    melody = with_climax(melody, context)
    return ending_on_tonic(melody, context)


def with_returns(melody: IntArray, context: ThemeContext) -> IntArray:
    """Phrases of a label take over the melody of its first phrase.

    Their last bars do so only over the same chords, as cadences differ. In a first phrase of four
    bars or more the third bar takes over the melody of the first, as the second statement of a
    basic idea (Caplin 1998, the sentence), and the second bar of a contrasting phrase the rhythm of
    the very first bar. Notes on beats that are not of the new chord move to its nearest tone.
    """
    by_bar = _by_bar(melody, context)
    first_of: dict[str, tuple[int, int]] = {}
    for first, last, label in context.phrases:
        if label in first_of:
            source, source_last = first_of[label]
            for old, new in zip(range(source, source_last), range(first, last), strict=False):
                is_end = new == last - 1 or old == source_last - 1
                keeps = new in context.rewritten or (is_end and context.differ(old, new))
                if len(by_bar[old]) and not keeps:
                    by_bar[new] = _moved(by_bar[old], old, new, context)
            continue
        if first_of and last - first > 1 and len(by_bar[0]) and len(by_bar[first + 1]):
            by_bar[first + 1] = _in_rhythm(by_bar[first + 1], by_bar[0], first + 1, context)
        if last - first >= PHRASE_BARS:
            by_bar[first + 2] = _moved(by_bar[first], first, first + 2, context)
        first_of[label] = first, last
    return _joined(by_bar)


def _moved(notes: IntArray, old: int, new: int, context: ThemeContext) -> IntArray:
    """The notes of one bar in another, fitted to its length and chords."""
    edges = context.edges
    moved: IntArray = notes.copy()
    moved[:, ONSET] += edges[new] - edges[old]
    _transpose(moved, context.transposition(old, new), context)
    moved = moved[moved[:, ONSET] < edges[new + 1]]
    moved[:, DURATION] = np.minimum(moved[:, DURATION], edges[-1] - moved[:, ONSET])
    for note in moved:
        before = context.chord_at(int(note[ONSET] - edges[new] + edges[old]))
        if before != context.chord_at(int(note[ONSET])):
            _fit(note, context)
    return moved


def _transpose(notes: IntArray, semitones: int, context: ThemeContext) -> None:
    """Move notes by semitones, those that leave the instrument's range an octave back."""
    notes[:, PITCH] += semitones
    notes[notes[:, PITCH] > context.high, PITCH] -= OCTAVE
    notes[notes[:, PITCH] < context.low, PITCH] += OCTAVE


def _in_rhythm(notes: IntArray, pattern: IntArray, bar: int, context: ThemeContext) -> IntArray:
    """The pitches of a bar in the rhythm of the first bar of the piece."""
    edges = context.edges
    pattern = pattern[pattern[:, ONSET] < edges[bar + 1] - edges[bar]]
    chosen = np.linspace(0, len(notes) - 1, len(pattern)).round().astype(np.int64)
    moved = notes[chosen].copy()
    moved[:, ONSET] = edges[bar] + pattern[:, ONSET]
    moved[:, DURATION] = np.minimum(pattern[:, DURATION], edges[-1] - moved[:, ONSET])
    for note in moved:
        _fit(note, context)
    return moved


def _fit(note: IntArray, context: ThemeContext) -> None:
    """Move a note on a beat to the nearest tone of its chord; changes ``note``."""
    if note[ONSET] % RESOLUTION == 0:
        classes = context.chord_at(int(note[ONSET])).pitch_classes
        note[PITCH] = _nearest(int(note[PITCH]), classes, context)


def _nearest(pitch: int, classes: Sequence[int], context: ThemeContext) -> int:
    """The nearest pitch of some pitch classes that the instrument can play; itself if none are."""
    options = [p for p in range(context.low, context.high + 1) if p % OCTAVE in classes]
    return min(options, key=lambda p: (abs(p - pitch), p), default=pitch)


def with_breaths(melody: IntArray, context: ThemeContext) -> IntArray:
    """Every phrase ends on a held note near the middle of its last bar, then a rest.

    A longer one than :data:`PHRASE_BARS` does so after as many bars, too.
    """
    edges = context.edges
    kept = []
    ends = {
        end for first, last, _ in context.phrases for end in {min(first + PHRASE_BARS, last), last}
    }
    for bar, notes in enumerate(_by_bar(melody, context)):
        if bar + 1 not in ends or not len(notes):
            kept.append(notes)
            continue
        middle = edges[bar] + (edges[bar + 1] - edges[bar]) // 2
        early, late = notes[notes[:, ONSET] < middle], notes[notes[:, ONSET] >= middle]
        if len(early):
            late = late[late[:, ONSET] < middle + RESOLUTION]
        both = np.concatenate([early, late[:1]])
        room = edges[bar + 1] - BREATH - both[:, ONSET]
        both[:, DURATION] = np.clip(both[:, DURATION], 1, np.maximum(room, 1))
        kept.append(both)
    return _joined(kept)


def with_climax(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody of the loudest section an octave higher, as far as the instrument reaches."""
    if context.climax is None:
        return melody
    edges = context.edges
    first, last = (edges[bar] for bar in context.climax)
    inside = (melody[:, ONSET] >= first) & (melody[:, ONSET] < last)
    raised = melody.copy()
    raised[inside & (melody[:, PITCH] + OCTAVE <= context.high), PITCH] += OCTAVE
    return raised


def ending_on_tonic(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody ends on the tonic, with the final chord where it plays as far as that."""
    if not len(melody):
        return melody
    at_end = melody[:, ONSET] >= context.ending
    ended = np.concatenate([melody[~at_end], melody[at_end][:1]])
    if at_end.any():
        until = context.ending - ended[:-1, ONSET]
        ended[:-1, DURATION] = np.minimum(ended[:-1, DURATION], until)
        ended[-1, ONSET] = context.ending
        ended[-1, DURATION] = context.edges[-1] - context.ending
    ended[-1, PITCH] = _nearest(int(ended[-1, PITCH]), (context.tonic,), context)
    return ended


def _by_bar(melody: IntArray, context: ThemeContext) -> list[IntArray]:
    bars: list[IntArray] = np.split(melody, np.searchsorted(melody[:, ONSET], context.edges[1:-1]))
    return bars


def _joined(by_bar: Sequence[IntArray]) -> IntArray:
    """One voice: each note ends where the next begins."""
    melody: IntArray = np.concatenate(by_bar)
    melody = melody[np.lexsort((-melody[:, VELOCITY], melody[:, ONSET]))]
    if not len(melody):
        return melody
    melody = melody[np.append(True, np.diff(melody[:, ONSET]) > 0)].copy()
    until_next = np.append(np.diff(melody[:, ONSET]), np.iinfo(np.int64).max)
    melody[:, DURATION] = np.minimum(melody[:, DURATION], until_next)
    return melody
