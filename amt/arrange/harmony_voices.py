"""Chords → voices: which chord tones sound, in which octave, and how the voices move.

A voicing is a rising tuple of MIDI notes, one a voice, so voices never cross. The voices of a
progression are chosen together: dynamic programming finds the sequence with the least total motion
plus the least cost of each voicing on its own (register, doublings, close intervals in the bass
register, where they turn to mud).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise

import numpy as np

from amt.chords import Chord
from amt.types import FloatArray

MUD_LIMIT = 48
"""C3: with a voice below it, the next voice up must be at least a fifth away."""

_MUD_GAP = 7
_WIDEST_GAP = 12
_CENTRE_WEIGHT = 0.25
_DOUBLED_THIRD_COST = 3.0
_SEMITONE_COST = 4.0
_SPREAD_COST = 0.3


@cache
def voicings(chord: Chord, voices: int, low: int, high: int) -> tuple[tuple[int, ...], ...]:
    """Every voicing of a chord in a range.

    With enough voices every chord tone sounds; with too few a perfect fifth goes first and then the
    root, which the bass has. Where a low range leaves no clear voicing, any complete one is given.

    Args:
        chord: Any chord but N.
        voices: Number of voices, 3-5.
        low: Lowest MIDI note allowed.
        high: Highest MIDI note allowed.

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
    """Voicings of a progression with the least motion of its voices.

    Args:
        chords: The progression, without N.
        voices: Number of voices, 3-5.
        low: Lowest MIDI note allowed.
        high: Highest MIDI note allowed; at least 19 semitones above ``low`` for four voices, 16
            for three.
        centres: [len(chords)] the MIDI note around which each chord should lie.

    Returns:
        One voicing a chord, each inside the range.
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
    """The voicing without a doubling, else without a perfect fifth, else without the root."""
    classes = [n % 12 for n in voicing]
    for note in voicing:
        if classes.count(note % 12) > 1:
            return tuple(n for n in voicing if n != note)
    spare = _dispensable(chord)[0]
    return tuple(n for n in voicing if n % 12 != spare)


def bass_roots(roots: Sequence[int], low: int, high: int, centre: float) -> list[int]:
    """Bass notes for a sequence of root pitch classes: each near the one before and the centre."""
    notes: list[int] = []
    for root in roots:
        octaves = np.array([n for n in range(low, high + 1) if n % 12 == root])
        cost = 0.6 * np.abs(octaves - centre)
        if notes:
            cost = cost + 0.4 * np.abs(octaves - notes[-1])
        notes.append(int(octaves[cost.argmin()]))
    return notes


def bass_fifth(root: int, chord: Chord, low: int, high: int) -> int:
    """The chord's own fifth beside a bass root: below it where the range allows, else above.

    Suspended, diminished and augmented chords give their own fifth; the range must span an octave.
    """
    interval = (chord.pitch_classes[2] - chord.pitch_classes[0]) % 12
    below = root + interval - 12
    return below if below >= low else min(root + interval, high)


def chord_tones(chord: Chord, start: int, high: int, count: int) -> tuple[int, ...]:
    """The first ``count`` chord tones from MIDI note ``start`` up, as far as ``high`` allows."""
    tones = (n for n in range(start, high + 1) if n % 12 in chord.pitch_classes)
    return tuple(note for note, _ in zip(tones, range(count), strict=False))


def _dispensable(chord: Chord) -> list[int]:
    """Pitch classes that may go, the first soonest; an altered fifth marks its chord and stays."""
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
    """[options] cost of each voicing by itself, in semitones of motion."""
    gaps = np.diff(options, axis=1)
    third = chord.pitch_classes[1]
    thirds = (options % 12 == third).sum(axis=1)
    doublings = options.shape[1] - len(chord.pitch_classes)
    cost = options.shape[1] * _CENTRE_WEIGHT * np.abs(options.mean(axis=1) - centre)
    if doublings > 0:
        cost += _DOUBLED_THIRD_COST * (thirds > 1)
    cost += _SEMITONE_COST * (gaps == 1).sum(axis=1)
    return np.asarray(cost + _SPREAD_COST * np.maximum(gaps - 5, 0).sum(axis=1))
