"""The octave in which a melody lies: moved as a whole, or by whole phrases, never note by note."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from amt.arrange.form import Form
from amt.arrange.styles import Instrument
from amt.arrange.tracks import Draft

OCTAVE = 12
_SHIFTS = (0, OCTAVE, -OCTAVE, 2 * OCTAVE, -2 * OCTAVE)
"""Semitones by which a melody may be moved; of equally good ones the first."""
AROUSAL_SEMITONES, VALENCE_SEMITONES = 6.0, 3.0
"""Semitones by which the centre of a melody is higher at arousal or valence 1 than at 0. High pitch
expresses joy, anger and fear, low pitch sadness and tenderness (Juslin and Laukka, Psychological
Bulletin 129, 2003). A melody moves by octaves, so the mood decides where two are about as near."""
_OUTSIDE_COST = 12.0
"""Semitones of distance from the centre that a note outside the range counts as."""


def in_register(melody: Sequence[Draft], form: Form, player: Instrument) -> list[Draft]:
    """Return a melody near the centre of its instrument.

    It is moved by octaves as a whole; where a phrase then leaves the range of the instrument, that
    phrase by itself, and where no octave holds the whole phrase, its notes outside one by one.

    Args:
        melody: its notes, in any order.
        form: whose phrases they are in.
        player: with its range; without a centre only phrases that leave the range are moved.
    """
    line = sorted(melody)
    if player.centre is not None and line:
        centre = player.centre + mood_semitones(line, form)
        line = moved(line, best_shift(line, player.low, player.high, centre))
    found: list[Draft] = []
    for _, phrase in groupby(line, key=lambda note: form.cell_at(note.start).phrase):
        found += within(list(phrase), player.low, player.high)
    return found


def mood_semitones(notes: Sequence[Draft], form: Form) -> int:
    """Semitones by which the mood of some notes moves the centre of their register."""
    cells = [form.cell_at(note.start) for note in notes]
    by_note = [AROUSAL_SEMITONES * c.arousal + VALENCE_SEMITONES * c.valence for c in cells]
    return round(sum(by_note) / len(by_note))


def best_shift(
    notes: Sequence[Draft], low: int, high: int, centre: int, shifts: Sequence[int] = _SHIFTS
) -> int:
    """The shift with the least mean distance from a centre, and few notes out of a range."""

    def cost(shift: int) -> float:
        outside = sum(not low <= note.pitch + shift <= high for note in notes)
        return (
            abs(sum(note.pitch + shift - centre for note in notes)) + _OUTSIDE_COST * outside
        ) / max(len(notes), 1)

    return min(shifts, key=cost)


def within(notes: Sequence[Draft], low: int, high: int) -> list[Draft]:
    """Notes in a range of at least an octave: as a whole if they are not as wide."""
    if not notes:
        return []
    lowest, highest = (f(note.pitch for note in notes) for f in (min, max))
    if low <= lowest and highest <= high:
        return list(notes)
    up = OCTAVE * -(-(low - lowest) // OCTAVE)  # the lowest octave in range, and the one below high
    down = OCTAVE * ((high - highest) // OCTAVE)
    if up <= down:
        return moved(notes, min((up, down), key=abs))
    return [note._replace(pitch=_folded(note.pitch, low, high)) for note in notes]


def moved(notes: Sequence[Draft], shift: int) -> list[Draft]:
    """Notes higher by some semitones."""
    return [note._replace(pitch=note.pitch + shift) for note in notes]


def _folded(pitch: int, low: int, high: int) -> int:
    """A pitch moved by the fewest octaves into a range of at least an octave."""
    if pitch < low:
        return pitch + OCTAVE * -(-(low - pitch) // OCTAVE)
    return pitch - OCTAVE * -(-max(pitch - high, 0) // OCTAVE)
