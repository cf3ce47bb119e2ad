"""The counter-melody: a second line that moves where the melody rests or holds a note.

It is written by rule, below the melody, in every second phrase. Its rhythm is complementary: it
begins notes only in the gaps between the onsets of the melody (Kennan 1999, *Counterpoint*: one
part moves while the other holds). Its pitches are the cheapest path through the tones of the
chords: by step, against the direction of the melody, a third or a sixth from it, never in parallel
fifths or octaves, and at least :data:`amt.arrange.spacing.MELODY_GAP` semitones below it.

Times are ticks, 480 to the beat. Costs have no unit; they were set by hand.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from amt.arrange.score import Score
from amt.arrange.spacing import MELODY_GAP
from amt.arrange.styles import Instrument
from amt.arrange.tracks import Draft
from amt.types import TICKS_PER_BEAT

HALF = TICKS_PER_BEAT // 2
LEAST_GAP = HALF
"""Ticks between an onset of the counter-melody and one of the melody at least: half a beat."""
LONG_GAP = 2 * TICKS_PER_BEAT
"""Ticks between onsets of the melody from which it is answered in half beats when lively."""
LONGEST = 4 * TICKS_PER_BEAT
"""Ticks of a note at most: four beats."""
BREATH = HALF
"""Ticks of rest at the end of a phrase."""
LIVELY = 0.0
"""Arousal, -1 to 1, from which long gaps are answered in half beats."""
LEAST_NOTES = 2
"""Notes of a phrase at least: a single one is no line."""

_REPEAT_COST, _SKIP_COST, _LEAP_COST = 1.2, 0.6, 0.35
"""Of a repeated note; of a third or fourth; of a wider leap, per semitone."""
_SIMILAR_COST = 0.6
"""Of moving in the direction of the melody."""
_PARALLEL_COST = 3.0
"""Of parallel fifths, octaves and unisons."""
_IMPERFECT = frozenset({3, 4, 8, 9})
_PERFECT = frozenset({0, 7})
"""Classes of intervals: thirds and sixths; unisons, octaves and fifths."""
_INTERVAL_COST = 0.5
"""Of any other interval from the melody than a third or sixth."""
_DISTANCE_COST, _NEAR = 0.06, 16
"""Per semitone by which the line is farther below the melody than an octave and a third."""
_CENTRE_COST = 0.03
"""Per semitone from the middle of the instrument's range."""
_PASSING_COST, _UNPREPARED_COST = 0.2, 3.0
"""Of a tone of the key that is not of the chord; of one that is not reached and left by step."""
_MOST_PASSING = TICKS_PER_BEAT
"""Ticks of a note that is not of its chord at most: a beat."""


class _Slot(NamedTuple):
    """A moment at which the counter-melody may begin a note."""

    start: int
    end: int
    """Where the next one begins, or the note must end at the latest."""
    melody: int
    """Pitch of the melody that sounds then, or sounded last."""
    tones: tuple[int, ...]
    """Pitch classes of the chord."""
    candidates: tuple[int, ...]


def counter_melody(
    melody: Sequence[Draft], score: Score, player: Instrument, phrases: Collection[int]
) -> list[Draft]:
    """Return the counter-melody of a piece.

    Args:
        melody: its notes, in any order.
        score: chords, key and phrases.
        player: whose range it keeps to.
        phrases: numbers of the phrases in which it plays.

    Returns:
        Notes in order of time, one at a time, each of its chord, or passing by step.
    """
    line = sorted(melody)
    starts = [note.start for note in line]
    drafts: list[Draft] = []
    for start, end in phrase_spans(score, phrases):
        # Of a melody in one voice, one note that began earlier may sound into the phrase.
        inside = line[max(bisect_left(starts, start) - 1, 0) : bisect_left(starts, end)]
        slots = _slots(inside, score, player, start, end)
        if len(slots) >= LEAST_NOTES:
            drafts += _notes(slots, _path(slots, player), score)
    return drafts


def phrase_spans(score: Score, phrases: Collection[int]) -> list[tuple[int, int]]:
    """Start and end of some phrases in ticks, the end at the final chord at the latest."""
    cells = score.form.cells
    firsts = [cell.start for before, cell in pairwise(cells) if cell.phrase != before.phrase]
    edges = [0, *firsts, score.form.end]
    return [
        (start, min(end, score.form.ending))
        for number, (start, end) in enumerate(pairwise(edges))
        if number in phrases and start < score.form.ending
    ]


def _slots(
    line: Sequence[Draft], score: Score, player: Instrument, start: int, end: int
) -> list[_Slot]:
    """The moments of a phrase at which the melody leaves room for a note."""
    ticks = _free_ticks(line, score, start, end)
    slots = []
    for tick, following in pairwise([*ticks, end - BREATH]):
        stop = min(following, tick + LONGEST)
        over = [note.pitch for note in line if note.start < stop and note.end > tick]
        before = bisect_right(line, tick, key=lambda note: note.start) - 1
        if before < 0 or stop <= tick:
            continue
        ceiling = min([*over, line[before].pitch]) - MELODY_GAP
        found = _candidates(score, player, tick, stop, ceiling)
        if found:
            tones = score.form.tones_at(tick)
            slots.append(_Slot(tick, stop, line[before].pitch, tones, found))
    return slots


def _free_ticks(line: Sequence[Draft], score: Score, start: int, end: int) -> list[int]:
    """Beats, or in long gaps of lively music half beats, away from the melody's onsets."""
    onsets = [note.start for note in line if start <= note.start < end]
    ticks: list[int] = []
    for before, after in pairwise([*onsets, end]):
        room = range(before + LEAST_GAP, after - LEAST_GAP + 1)
        lively = score.form.cell_at(before).arousal >= LIVELY and after - before >= LONG_GAP
        step = HALF if lively else TICKS_PER_BEAT
        first = -(-room.start // step) * step
        found = list(range(first, room.stop, step))
        if not found:  # no beat is free, but the middle between two may be
            found = [t for t in (-(-room.start // HALF) * HALF,) if t in room]
        ticks += [t for t in found if not ticks or t - ticks[-1] >= step]
    return [t for t in ticks if t < end - BREATH]


def _candidates(
    score: Score, player: Instrument, tick: int, stop: int, ceiling: int
) -> tuple[int, ...]:
    """Pitches that may begin on a tick: of the chord, or of the key where the note may pass."""
    form = score.form
    classes = set(form.tones_at(tick))
    if not classes:
        return ()
    accented = tick in (form.cell_at(tick).downbeat, form.regions[form.region_at(tick)].start)
    if stop - tick <= _MOST_PASSING and not accented:
        # A semitone above a tone of the chord it would rub against that tone.
        classes |= {c for c in form.key_at(tick).scale if (c - 1) % 12 not in classes}
    high = min(player.high, ceiling)
    return tuple(p for p in range(player.low, high + 1) if p % 12 in classes)


def _path(slots: Sequence[_Slot], player: Instrument) -> list[int]:
    """The pitches with the least sum of costs, by dynamic programming."""
    total = np.array([_own_cost(slots[0], p, player) for p in slots[0].candidates])
    came_from = []
    for before, slot in pairwise(slots):
        moves = np.array(
            [[_move_cost(before, p, slot, q) for p in before.candidates] for q in slot.candidates]
        )
        through = total[None, :] + moves
        came_from.append(through.argmin(axis=1))
        own = np.array([_own_cost(slot, p, player) for p in slot.candidates])
        total = through.min(axis=1) + own
    chosen = [int(total.argmin())]
    for previous in reversed(came_from):
        chosen.append(int(previous[chosen[-1]]))
    return [slot.candidates[i] for slot, i in zip(slots, reversed(chosen), strict=True)]


def _own_cost(slot: _Slot, pitch: int, player: Instrument) -> float:
    below = slot.melody - pitch
    cost = 0.0 if below % 12 in _IMPERFECT else _INTERVAL_COST
    cost += _DISTANCE_COST * max(below - _NEAR, 0)
    cost += _CENTRE_COST * abs(pitch - (player.low + player.high) / 2)
    return cost + _PASSING_COST * (pitch % 12 not in slot.tones)


def _move_cost(before: _Slot, old: int, slot: _Slot, new: int) -> float:
    step, lead = new - old, slot.melody - before.melody
    size = abs(step)
    foreign = old % 12 not in before.tones or new % 12 not in slot.tones
    cost = _UNPREPARED_COST * (foreign and not 1 <= size <= 2)
    if size == 0:
        cost += _REPEAT_COST
    elif size > 2:
        cost += _SKIP_COST if size <= 5 else _LEAP_COST * size
    if step * lead > 0:
        cost += _SIMILAR_COST
        same = (before.melody - old) % 12 == (slot.melody - new) % 12
        cost += _PARALLEL_COST * (same and (slot.melody - new) % 12 in _PERFECT)
    return cost


def _notes(slots: Sequence[_Slot], pitches: Sequence[int], score: Score) -> list[Draft]:
    """The notes, each up to the next or to the first chord that has not its pitch."""
    regions = score.form.regions
    drafts = []
    for slot, pitch in zip(slots, pitches, strict=True):
        later = regions[score.form.region_at(slot.start) + 1 :]
        foreign = (r.start for r in later if pitch % 12 not in r.chord.pitch_classes)
        drafts.append(Draft(slot.start, pitch, min(slot.end, next(foreign, slot.end))))
    return drafts
