"""Chords → voices: which chord tones sound, in which octave, and how the voices move.

A voicing is a rising tuple of MIDI notes (middle C is 60), one per voice, so voices never cross.
Voice leading: dynamic programming finds the sequence of voicings with the least total cost. The
cost is in semitones: the motion of all voices from chord to chord (as in Tymoczko, *The Geometry
of Musical Chords*, Science 313, 2006), plus a cost of each voicing by itself for its register,
doubled thirds, semitone clashes and wide gaps. Close intervals in the bass register, which sound
muddy, are excluded.

The prices were set by hand; ``tests/arrange/test_effects.py`` states the least effect of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise

import numpy as np

from amt.chords import Chord
from amt.types import FloatArray, IntArray

MUD_LIMIT = 48
"""MIDI note C3: the voice above a voice that is lower must be at least a fifth away (low interval
limit, as in orchestration textbooks)."""

_MUD_GAP = 7
"""Semitones of that least distance: a perfect fifth."""
_WIDEST_GAP = 12
"""Most semitones between neighbouring voices."""
_CENTRE_WEIGHT = 0.25
"""Price of a voice's distance from the wanted register, per semitone."""
_DOUBLED_THIRD_COST = 3.0
"""Price, in semitones of motion, of a doubled third."""
_SEMITONE_COST = 4.0
"""Price, in semitones of motion, of two voices a semitone apart."""
_SPREAD_COST = 0.3
"""Price of each semitone of a gap beyond :data:`_FREE_GAP`."""
_FREE_GAP = 5
"""Semitones between neighbouring voices that cost nothing: a perfect fourth."""
_BASS_CENTRE_WEIGHT, _BASS_MOTION_WEIGHT = 0.6, 0.4
"""Shares of the distance from the wanted register and from the note before, for bass notes."""

_INVERSION_COST, _STEP_GAIN = 11.0, 5.4
"""Cost of the third in the bass, in weighted semitones, and what a step of one or two semitones to
or from it is worth: a chord is inverted where the bass then moves by step on both sides. Set on
drawn films (seeds 400 to 409 of :mod:`experiments.music.films`) for the share of inversions that
POP909 has, 12 %; most are reached and left by step."""


@cache
def voicings(chord: Chord, voices: int, low: int, high: int) -> tuple[tuple[int, ...], ...]:
    """Return every voicing of a chord in a range.

    With enough voices every chord tone sounds; with too few the perfect fifth is left out first,
    then the root, which the bass plays. Where the range is so low that every voicing breaks the low
    interval limit, all complete voicings are returned.

    Args:
        chord: any chord but N (no chord).
        voices: number of voices, 3-5.
        low: lowest MIDI note allowed.
        high: highest MIDI note allowed.

    Returns:
        Rising tuples of ``voices`` notes, in no special order; empty if the range is too narrow.
    """
    needed = _needed(chord, voices)
    pool = [p for p in range(low, high + 1) if p % 12 in chord.pitch_classes]
    complete = [n for n in combinations(pool, voices) if needed <= {note % 12 for note in n}]
    return tuple(n for n in complete if _clear(n)) or tuple(complete)


def lead_voices(
    chords: Sequence[Chord], voices: int, low: int, high: int, centres: FloatArray
) -> list[tuple[int, ...]]:
    """Return the voicings of a progression that cost least in total.

    Args:
        chords: the progression, without N.
        voices: number of voices, 3-5.
        low: lowest MIDI note allowed.
        high: highest MIDI note allowed; at least 19 semitones above ``low`` for four voices, 16
            for three.
        centres: [len(chords)] MIDI note at which the mean of each voicing should lie.

    Returns:
        One voicing per chord, each inside the range.
    """
    if not chords:
        return []
    options = [np.array(voicings(chord, voices, low, high)) for chord in chords]
    total = _own_cost(chords[0], options[0], centres[0])
    came_from: list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]] = []
    for i in range(1, len(chords)):
        motion = np.abs(options[i][:, None, :] - options[i - 1][None, :, :]).sum(axis=2)
        through = motion + total[None, :]
        came_from.append(through.argmin(axis=1))
        total = through.min(axis=1) + _own_cost(chords[i], options[i], centres[i])
    choice = int(total.argmin())
    path = [choice]
    for previous in reversed(came_from):
        choice = int(previous[choice])
        path.append(choice)
    return [tuple(map(int, o[c])) for o, c in zip(options, reversed(path), strict=True)]


def thin(voicing: tuple[int, ...], chord: Chord) -> tuple[int, ...]:
    """Return a voicing with one note less: a doubling, else the perfect fifth, else the root."""
    classes = [n % 12 for n in voicing]
    for note in voicing:
        if classes.count(note % 12) > 1:
            return tuple(n for n in voicing if n != note)
    spare = _dispensable(chord)[0]
    return tuple(n for n in voicing if n % 12 != spare)


def bass_line(
    chords: Sequence[Chord],
    free: Sequence[bool],
    low: int,
    high: int,
    centre: float,
    given: Sequence[int | None] = (),
) -> list[int]:
    """Return one bass note per chord: its root, or its third where the line is then smoother.

    Dynamic programming finds the line with the least motion, distance from the register and number
    of inversions.

    Args:
        chords: the progression, without N.
        free: whether each chord may be inverted.
        low: lowest MIDI note allowed.
        high: highest MIDI note allowed, at least 11 semitones above ``low``.
        centre: MIDI note.
        given: for each chord the pitch class that its bass must have, such as that of a pedal
            point, or None; empty where none is given.
    """
    if not chords:
        return []
    options: list[IntArray] = []
    came_from: list[IntArray] = []
    total, were_inverted = np.zeros(0), np.zeros(0, dtype=bool)
    asked = given or [None] * len(chords)
    for chord, may_invert, pitch_class in zip(chords, free, asked, strict=True):
        classes = chord.pitch_classes[: 2 if may_invert else 1]
        classes = classes if pitch_class is None else (pitch_class,)
        notes = np.array([n for n in range(low, high + 1) if n % 12 in classes])
        inverted = notes % 12 != chord.pitch_classes[0]
        own = _BASS_CENTRE_WEIGHT * np.abs(notes - centre) + _INVERSION_COST * inverted
        if options:
            motion = np.abs(notes[:, None] - options[-1])
            is_step = (motion == 1) | (motion == 2)
            through = total + _BASS_MOTION_WEIGHT * motion
            through -= _STEP_GAIN * is_step * (inverted[:, None] + 1.0 * were_inverted)
            came_from.append(through.argmin(axis=1))
            own = own + through.min(axis=1)
        options.append(notes)
        total, were_inverted = own, inverted
    line = [int(total.argmin())]
    for step in reversed(came_from):
        line.append(int(step[line[-1]]))
    return [int(notes[i]) for notes, i in zip(options, reversed(line), strict=True)]


def bass_fifth(root: int, chord: Chord, low: int, high: int) -> int:
    """Return the chord's fifth below a bass root where the range allows, else above it.

    Diminished and augmented chords give their own altered fifth; the range must span an octave.
    """
    interval = (chord.pitch_classes[2] - chord.pitch_classes[0]) % 12
    below = root + interval - 12
    return below if below >= low else min(root + interval, high)


def chord_tones(chord: Chord, start: int, high: int, count: int) -> tuple[int, ...]:
    """Return the first ``count`` chord tones from MIDI note ``start`` up to at most ``high``."""
    tones = (n for n in range(start, high + 1) if n % 12 in chord.pitch_classes)
    return tuple(note for note, _ in zip(tones, range(count), strict=False))


def _dispensable(chord: Chord) -> list[int]:
    """Pitch classes that may be left out, the first soonest; an altered fifth never is."""
    root, _, fifth, *_ = chord.pitch_classes
    return [fifth, root] if (fifth - root) % 12 == 7 else [root]


def _needed(chord: Chord, voices: int) -> set[int]:
    too_many = max(len(chord.pitch_classes) - voices, 0)
    return set(chord.pitch_classes) - set(_dispensable(chord)[:too_many])


def _clear(notes: tuple[int, ...]) -> bool:
    for lower, upper in pairwise(notes):
        gap = upper - lower
        if gap > _WIDEST_GAP or (lower < MUD_LIMIT and gap < _MUD_GAP):
            return False
    return True


def _own_cost(
    chord: Chord, options: np.ndarray[tuple[int, ...], np.dtype[np.int64]], centre: float
) -> FloatArray:
    """[options] cost of each voicing [options, voices] by itself, in semitones of motion."""
    gaps = np.diff(options, axis=1)
    third = chord.pitch_classes[1]
    thirds = (options % 12 == third).sum(axis=1)
    doublings = options.shape[1] - len(chord.pitch_classes)
    cost = options.shape[1] * _CENTRE_WEIGHT * np.abs(options.mean(axis=1) - centre)
    if doublings > 0:
        cost += _DOUBLED_THIRD_COST * (thirds > 1)
    cost += _SEMITONE_COST * (gaps == 1).sum(axis=1)
    return np.asarray(cost + _SPREAD_COST * np.maximum(gaps - _FREE_GAP, 0).sum(axis=1))
