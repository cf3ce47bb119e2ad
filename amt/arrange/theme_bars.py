"""The bars of a melody: in other bars, over other chords, in other rhythms, higher or lower.

Conventions: notes are integers [n, 5] as :mod:`amt.models.notes.tokens` has them, of the melody
alone, sorted by onset, in the home key. Positions are twelfths of a beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from amt.chords import HOME, Chord, Key, chord_from_id
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, VELOCITY
from amt.types import IntArray

OCTAVE = 12
SCALE_STEPS = 7
WIDE, MOST_ADDED = 3, 2
"""Semitones from which on an interval is filled with a passing note, and notes that are added to a
bar at most."""


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
    returns: tuple[int, ...] = ()
    """How often the theme of each phrase's section came before, by the plan; () for never."""
    resting: frozenset[int] = frozenset()
    """Bars in which the melody rests."""

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

    def scale(self, bar: int) -> tuple[int, ...]:
        """Pitch classes of the key of a bar, rising from C."""
        key = self.keys[bar] if self.keys else HOME["major"]
        return tuple(sorted(key.scale))

    def differ(self, old: int, new: int) -> bool:
        """Whether two bars have other chords or lengths."""
        beats = np.cumsum([0, *self.bars])
        before, after = (self.chords[beats[bar] : beats[bar + 1]] for bar in (old, new))
        return not bool(np.array_equal(before, after))

    def chord_at(self, position: int) -> Chord:
        """The chord that sounds at a position."""
        return chord_from_id(int(self.chords[min(position // RESOLUTION, len(self.chords) - 1)]))


def by_bar_of(melody: IntArray, context: ThemeContext) -> list[IntArray]:
    """The notes that begin in each bar."""
    bars: list[IntArray] = np.split(melody, np.searchsorted(melody[:, ONSET], context.edges[1:-1]))
    return bars


def joined(by_bar: Sequence[IntArray]) -> IntArray:
    """One voice: each note ends where the next begins."""
    melody: IntArray = np.concatenate(by_bar)
    melody = melody[np.lexsort((-melody[:, VELOCITY], melody[:, ONSET]))]
    if not len(melody):
        return melody
    melody = melody[np.append(True, np.diff(melody[:, ONSET]) > 0)].copy()
    until_next = np.append(np.diff(melody[:, ONSET]), np.iinfo(np.int64).max)
    melody[:, DURATION] = np.minimum(melody[:, DURATION], until_next)
    return melody


def moved_bar(
    notes: IntArray, old: int, new: int, context: ThemeContext, *, settles: bool = False
) -> IntArray:
    """The notes of one bar in another, fitted to its length and chords.

    Args:
        notes: of bar ``old``.
        old: number of their bar.
        new: number of the other.
        context: of the piece.
        settles: whether every note with weight becomes a tone of its chord, as in a cadence; else
            only those that clash with it.
    """
    edges = context.edges
    moved: IntArray = notes.copy()
    moved[:, ONSET] += edges[new] - edges[old]
    _transpose(moved, context.transposition(old, new), context)
    moved = moved[moved[:, ONSET] < edges[new + 1]]
    moved[:, DURATION] = np.minimum(moved[:, DURATION], edges[-1] - moved[:, ONSET])
    for note in moved:
        before = context.chord_at(int(note[ONSET] - edges[new] + edges[old]))
        chord = context.chord_at(int(note[ONSET]))
        if before == chord or not _weighs(note, new, context):
            continue
        if settles:
            note[PITCH] = nearest(int(note[PITCH]), chord.pitch_classes, context)
        elif clashes(int(note[PITCH]), chord):
            fit(note, context)
    return moved


def without_clashes(notes: IntArray, bar: int, context: ThemeContext) -> IntArray:
    """The notes of a bar, of which those that clash with their chord with weight are moved.

    Repetitions of a pitch over one chord move with it.
    """
    fitted: IntArray = notes.copy()
    chords = [context.chord_at(int(onset)) for onset in notes[:, ONSET]]
    for _, run in groupby(range(len(notes)), key=lambda i: (int(notes[i, PITCH]), chords[i].id)):
        rows = list(run)
        pitch, chord = int(notes[rows[0], PITCH]), chords[rows[0]]
        if clashes(pitch, chord) and any(_weighs(notes[row], bar, context) for row in rows):
            fitted[rows, PITCH] = nearest(pitch, chord.pitch_classes, context)
    return fitted


def _weighs(note: IntArray, bar: int, context: ThemeContext) -> bool:
    """Whether a note of a bar is on a strong beat, or longer than a beat."""
    in_bar = int(note[ONSET] - context.edges[bar])
    return bool(in_bar % (2 * RESOLUTION) == 0 or note[DURATION] > RESOLUTION)


def _transpose(notes: IntArray, semitones: int, context: ThemeContext) -> None:
    """Move notes by semitones, those that leave the instrument's range an octave back."""
    notes[:, PITCH] += semitones
    notes[notes[:, PITCH] > context.high, PITCH] -= OCTAVE
    notes[notes[:, PITCH] < context.low, PITCH] += OCTAVE


def in_rhythm(
    notes: IntArray, pattern: IntArray, old: int, bar: int, context: ThemeContext
) -> IntArray:
    """The pitches of a bar in the rhythm of the notes of bar ``old``."""
    edges = context.edges
    pattern = pattern.copy()
    pattern[:, ONSET] -= edges[old]
    pattern = pattern[pattern[:, ONSET] < edges[bar + 1] - edges[bar]]
    chosen = np.linspace(0, len(notes) - 1, len(pattern)).round().astype(np.int64)
    moved = notes[chosen].copy()
    moved[:, ONSET] = edges[bar] + pattern[:, ONSET]
    moved[:, DURATION] = np.minimum(pattern[:, DURATION], edges[-1] - moved[:, ONSET])
    for note in moved:
        fit(note, context)
    return moved


def clashes(pitch: int, chord: Chord) -> bool:
    """Whether a pitch that is not of the chord is a semitone from one of its tones."""
    distances = {(pitch - tone) % OCTAVE for tone in chord.pitch_classes}
    return 0 not in distances and bool(distances & {1, OCTAVE - 1})


def fit(note: IntArray, context: ThemeContext) -> None:
    """Move a note on a beat to the nearest tone of its chord; changes ``note``."""
    if note[ONSET] % RESOLUTION == 0:
        classes = context.chord_at(int(note[ONSET])).pitch_classes
        note[PITCH] = nearest(int(note[PITCH]), classes, context)


def nearest(pitch: int, classes: Sequence[int], context: ThemeContext) -> int:
    """The nearest pitch of some pitch classes that the instrument can play; itself if none are."""
    options = [p for p in range(context.low, context.high + 1) if p % OCTAVE in classes]
    return min(options, key=lambda p: (abs(p - pitch), p), default=pitch)


def sequenced(notes: IntArray, bar: int, steps: int, context: ThemeContext) -> IntArray:
    """The notes of a bar some steps of the scale higher, without clashes; as they are if too high.

    Args:
        notes: of the bar.
        bar: its number.
        steps: of the scale.
        context: of the piece.
    """
    higher: IntArray = notes.copy()
    higher[:, PITCH] = [stepped(int(p), steps, context.scale(bar)) for p in notes[:, PITCH]]
    if len(higher) and higher[:, PITCH].max() > context.high:
        return notes
    return without_clashes(higher, bar, context)


def stepped(pitch: int, steps: int, scale: Sequence[int]) -> int:
    """A pitch moved by steps of a scale; a foreign one as the tone below it."""
    below = in_scale(pitch, scale, up=False)
    octaves, degree = divmod(scale.index(below % OCTAVE) + steps, SCALE_STEPS)
    return below - below % OCTAVE + octaves * OCTAVE + scale[degree] + pitch - below


def in_scale(pitch: int, scale: Sequence[int], *, up: bool) -> int:
    """The nearest pitch of a scale in one direction, itself included."""
    while pitch % OCTAVE not in scale:
        pitch += 1 if up else -1
    return pitch


def ornamented(notes: IntArray, scale: Sequence[int]) -> IntArray:
    """Notes with others between those a beat or more apart: passing notes, else upper neighbours.

    Args:
        notes: [n, 5] of one bar or more.
        scale: pitch classes of their key.
    """
    added: list[IntArray] = []
    for before, after in pairwise(notes):
        gap = int(after[ONSET] - before[ONSET])
        if gap < RESOLUTION or len(added) == MOST_ADDED:
            continue
        note = before.copy()
        note[ONSET] += gap - RESOLUTION // 2
        note[DURATION] = RESOLUTION // 2
        interval = int(after[PITCH] - before[PITCH])
        towards = after[PITCH] - np.sign(interval) if abs(interval) >= WIDE else before[PITCH] + 1
        note[PITCH] = in_scale(int(towards), scale, up=interval < WIDE)
        added.append(note)
    together = np.concatenate([notes, np.array(added, dtype=np.int64).reshape(-1, 5)])
    return together[np.argsort(together[:, ONSET], kind="stable")]
