"""The chord slots of a piece.

A *slot* is a stretch of music that holds one chord: half a bar, as near as whole beats allow, and a
whole bar in half-time feel.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amt.types import Section, TimeGrid

SLOTS_OF_BAR = {4: (2, 2), 5: (3, 2), 6: (3, 3), 7: (4, 3)}
"""How many beats each chord slot of a bar lasts, by metre: half-bars as near as can be. Bars of
other lengths are one slot."""
MIN_FINAL_CHORD_S = 1.0
"""Seconds that the final chord needs to sound: a last bar that is shorter is part of the one
before."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of music that holds one chord."""

    beat: int
    """Index of its first beat."""
    middle_s: float
    """Time of its middle in seconds."""
    begins_bar: bool


def chord_slots(grid: TimeGrid, sections: Sequence[Section] = ()) -> tuple[Slot, ...]:
    """The slots of a grid, bar by bar (:data:`SLOTS_OF_BAR`).

    A bar of a section in half-time feel is one slot. In double-time feel slots are those of normal
    feel: two of its beats are a bar as it is felt.

    Args:
        grid: beats and bars.
        sections: of the piece, in order; without them the feel is normal.
    """
    slots = []
    beats_of_sections = [section.beat for section in sections]
    for downbeat, beats in zip(grid.downbeats, grid.bars, strict=True):
        first = int(downbeat)
        number = bisect_right(beats_of_sections, first)
        half = number > 0 and sections[number - 1].feel == "half"
        for length in (beats,) if half else SLOTS_OF_BAR.get(beats, (beats,)):
            ends = grid.seconds_at(np.array([first, first + length], dtype=np.float64))
            slots.append(Slot(first, float(ends.mean()), first == downbeat))
            first += length
    return tuple(slots)


def final_chord_slot(slots: Sequence[Slot], grid: TimeGrid, end_s: float | None = None) -> int:
    """Index of the slot where the final chord begins.

    It is the first of the last bar that leaves the chord :data:`MIN_FINAL_CHORD_S`; of the very
    last bar where the piece has fewer than three. ``end_s`` is when the music ends, where that is
    before the clip does.
    """
    bars = [i for i, slot in enumerate(slots) if slot.begins_bar]
    end_s = grid.duration_s if end_s is None else end_s
    long = [i for i in bars if end_s - grid.beats_s[slots[i].beat] >= MIN_FINAL_CHORD_S]
    return long[-1] if long and len(bars) > 2 else bars[-1]
