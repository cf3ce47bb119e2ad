"""How long the notes of a part sound, by the mood: detached when agitated, legato when calm.

Juslin and Laukka (Psychological Bulletin 129, 2003) review 41 studies of performances: joy, anger
and fear are played staccato, sadness and tenderness legato. The parts written by patterns follow
the same rule (:mod:`amt.arrange.patterns`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from amt.arrange.draft import Draft
from amt.arrange.form import Form
from amt.types import TICKS_PER_BEAT

DETACHED = 0.5
"""Share by which a note is shorter at arousal 1."""
LEGATO = 2.0
"""Share of the gap to the next onset that a note fills at arousal -1 or, capped at all of it, less:
at -.5 the gap is closed."""
LONGEST_DETACHED = 2 * TICKS_PER_BEAT
"""Ticks from which on a note is held for its own sake, and stays as long as it is."""
WIDEST_GAP = TICKS_PER_BEAT
"""Ticks of the widest gap that is filled: a longer one is a rest."""
SHORTEST = TICKS_PER_BEAT // 8
"""Ticks of a detached note at least."""


def articulated(part: Sequence[Draft], form: Form) -> list[Draft]:
    """Notes of one part, shorter or longer by the mood where they begin; the ending stays.

    Args:
        part: its notes on the grid, in any order.
        form: with the mood of every cell.
    """
    onsets = sorted({note.start for note in part})
    return [_articulated(note, onsets, form) for note in part]


def _articulated(note: Draft, onsets: Sequence[int], form: Form) -> Draft:
    if note.start >= form.ending:
        return note
    arousal = form.cell_at(note.start).arousal
    length = note.end - note.start
    if arousal > 0 and length < LONGEST_DETACHED:
        shorter = max(round(length * (1 - DETACHED * arousal)), min(length, SHORTEST))
        return note._replace(end=note.start + shorter)
    place = bisect_right(onsets, note.start)
    gap = (onsets[place] if place < len(onsets) else note.end) - note.end
    if arousal < 0 and 0 < gap <= WIDEST_GAP:
        return note._replace(end=note.end + round(gap * min(1.0, -LEGATO * arousal)))
    return note
