"""The bass part: figures of the style on the bass notes of the chords.

The first note of a chord is the bass note of its region (:attr:`amt.arrange.score.Score.bass`), so
the line of those is followed; what comes between is named by the symbols of the figure
(:data:`amt.arrange.figures.BASS_SYMBOLS`).
"""

from __future__ import annotations

from amt.arrange.harmony_voices import bass_fifth
from amt.arrange.placing import Placed
from amt.arrange.score import Score
from amt.arrange.styles import Instrument
from amt.chords import Key
from amt.types import TICKS_PER_BEAT

_OCTAVE = 12
_LEAST_LEAD = 2 * TICKS_PER_BEAT
"""Ticks that a chord lasts at least for the bass to lead from it into the next one."""


def bass_pitches(score: Score, player: Instrument, notes: list[Placed]) -> list[int]:
    """Return the pitch of each note of the bass, in its range.

    Args:
        score: of the piece.
        player: the bass.
        notes: of :meth:`amt.arrange.score.Score.bass_notes`, in order.
    """
    form = score.form
    pitches = []
    known: set[int] = set()
    for i, note in enumerate(notes):
        index = form.region_at(note.start)
        last = i + 1 == len(notes) or form.region_at(notes[i + 1].start) != index
        symbol = note.symbol if index in known else "r"
        known.add(index)
        leads = last and index + 1 < len(form.regions) and _is_long(score, note, index)
        pitches.append(_pitch(score, player, index, symbol, leads))
    return pitches


def _is_long(score: Score, note: Placed, index: int) -> bool:
    """Whether the chord has lasted long enough, and the note is near enough to its end."""
    region = score.form.regions[index]
    near = region.end - note.start <= TICKS_PER_BEAT
    return near and region.end - region.start >= _LEAST_LEAD


def _pitch(score: Score, player: Instrument, index: int, symbol: str, leads: bool) -> int:
    region, root = score.form.regions[index], score.bass[index]
    if region.chord.root is None or region.bass is not None:  # a pedal point is held
        return root
    if symbol in "ac" and leads:
        key = score.form.regions[index + 1].key
        return _approach(key, player, root, score.bass[index + 1], chromatic=symbol == "c")
    above = root + _OCTAVE if root + _OCTAVE <= player.high else root
    if symbol == "o" or (symbol == "c" and not leads):
        return above
    if symbol == "d":
        return root - _OCTAVE if root - _OCTAVE >= player.low else root
    if symbol == "n":
        below = [n for n in (root - 1, root - 2) if n >= player.low and n % 12 in region.key.scale]
        return max(below, default=root)
    if root % 12 != region.chord.root:  # an inversion lasts only while its bass stays
        return root
    if symbol == "t":
        third = root + (region.chord.pitch_classes[1] - root) % 12
        return next((p for p in (third + _OCTAVE, third) if p <= player.high), root)
    if symbol == "5":
        fifth = root + (region.chord.pitch_classes[2] - root) % 12
        return fifth if fifth <= player.high else root
    if symbol in "fa":
        return bass_fifth(root, region.chord, player.low, player.high)
    return root


def _approach(
    key: Key, player: Instrument, root: int, target: int, *, chromatic: bool = False
) -> int:
    """A note a step or semitone from the next bass note, on the side of the present one.

    It is of the key (or failing that any), unless it is chromatic: then it is a semitone away.
    """
    reach = (-1, 1) if chromatic else (-2, -1, 1, 2)
    near = [target + i for i in reach if player.low <= target + i <= player.high]
    in_key = [] if chromatic else [n for n in near if n % 12 in key.scale]
    return min(in_key or near, key=lambda n: (abs(n - root), n))
