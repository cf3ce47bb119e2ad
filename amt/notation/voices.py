"""Notes on the grid → the voices of a staff: chords that follow each other."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from amt.types import TICKS_PER_BEAT, Note

MOST_VOICES = 4
"""Voices that a staff can hold (MuseScore, Finale)."""
_ALIKE = 0.7
"""Ratio of the lengths of notes that begin together from which they are one chord."""
_HELD, _HELD_ON = 960, 480
"""Ticks that a chord under the pedal, on a beat, must last and go on behind the next onset."""


@dataclass(frozen=True, slots=True)
class Chord:
    """Notes that begin and end together."""

    start: int
    end: int
    pitches: tuple[int, ...]
    """Rising."""
    velocity: int = 80

    @property
    def middle(self) -> float:
        """Mean pitch."""
        return sum(self.pitches) / len(self.pitches)


def chords_of(notes: Sequence[Note]) -> list[Chord]:
    """Return the chords of a staff: notes that begin together and last about equally long."""
    groups: dict[int, list[Note]] = defaultdict(list)
    for note in notes:
        groups[note.start].append(note)
    starts = sorted(groups)
    chords = []
    for start in starts:
        following = bisect_left(starts, start + 1)
        to_next = starts[following] - start if following < len(starts) else None
        for part in _alike(groups[start]):
            lengths = sorted(note.end - start for note in part)
            length = lengths[-1]
            if to_next is not None and lengths[0] <= to_next < length:
                length = to_next
            chords.append(
                Chord(
                    start,
                    start + length,
                    tuple(sorted({note.pitch for note in part})),
                    max(note.velocity for note in part),
                )
            )
    return chords


def _alike(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes that begin together, divided by length."""
    parts: list[list[Note]] = []
    for note in sorted(notes, key=lambda note: note.end):
        if parts:
            shortest = parts[-1][0].end - note.start
            if shortest >= _ALIKE * (note.end - note.start):
                parts[-1].append(note)
                continue
        parts.append([note])
    return parts


def under_pedal(chords: Sequence[Chord]) -> list[Chord]:
    """Return the chords of a hand, cut where the next begins unless they are held long.

    The pedal and the strings hold them anyway, and the page is read more easily so.
    """
    starts = sorted({chord.start for chord in chords})
    joined: dict[tuple[int, int], Chord] = {}
    for chord in chords:
        following = bisect_left(starts, chord.start + 1)
        to_next = starts[following] if following < len(starts) else chord.end
        is_held = chord.end - chord.start >= _HELD and chord.end - to_next >= _HELD_ON
        is_held &= chord.start % TICKS_PER_BEAT == 0
        part = chord if is_held else _cut(chord, min(chord.end, to_next))
        other = joined.get((part.start, part.end))
        joined[part.start, part.end] = part if other is None else _joined(other, part)
    return list(joined.values())


def voices_of(chords: Sequence[Chord], most: int = MOST_VOICES) -> list[list[Chord]]:
    """Return the voices of a staff, of which the first is the highest.

    A chord that overlaps none is in the first. Of chords that overlap, the higher are in the first
    and the lower in the second; where these are taken there are two more, and then what sounds is
    cut.

    Args:
        chords: in any order.
        most: voices, at least two.
    """
    voices: list[list[Chord]] = [[] for _ in range(most)]
    ordered = sorted(chords, key=lambda chord: (chord.start, -chord.middle))
    for index, chord in enumerate(ordered):
        wanted = _wanted(ordered, index)
        order = [wanted, 1 - wanted, *range(2, most)]
        free = (v for v in order if not voices[v] or voices[v][-1].end <= chord.start)
        voice = next(free, None)
        if voice is None:
            begun = [v for v in order if voices[v][-1].start < chord.start]
            if not begun:  # five lengths on one onset: the fifth joins the chord of another
                voices[1][-1] = _joined(voices[1][-1], chord)
                continue
            voice = min(begun, key=lambda v: voices[v][-1].end)
            voices[voice][-1] = _cut(voices[voice][-1], chord.start)
        voices[voice].append(chord)
    return [voice for voice in voices if voice]


def _wanted(ordered: Sequence[Chord], index: int) -> int:
    """0 or 1: the voice that suits a chord among those that sound with it."""
    chord = ordered[index]
    others = [c for c in ordered[max(0, index - 8) : index] if c.end > chord.start]
    for other in ordered[index + 1 :]:
        if other.start >= chord.end:
            break
        others.append(other)
    if not others:
        return 0
    mean = sum(other.middle for other in others) / len(others)
    return 0 if chord.middle >= mean else 1


def _cut(chord: Chord, end: int) -> Chord:
    return Chord(chord.start, end, chord.pitches, chord.velocity)


def _joined(chord: Chord, other: Chord) -> Chord:
    pitches = tuple(sorted({*chord.pitches, *other.pitches}))
    return Chord(chord.start, chord.end, pitches, max(chord.velocity, other.velocity))
