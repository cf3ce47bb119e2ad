"""Notes of a keyboard → two hands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.types import Note

_SPLITS = np.arange(48, 73)
"""Pitches, C3 to C5, from which notes may belong to the right hand."""
_MIDDLE = 60
_SPAN = 14
"""Semitones that a hand grasps: a ninth. Wider chords cost :data:`_STRETCH` a semitone."""
_STRETCH, _OFF_MIDDLE, _MOVE = 3.0, 0.15, 0.4
"""Costs of a semitone: of a stretch, of the split's distance from middle C, of its move."""


def hands_of(notes: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """Return the notes of the right and of the left hand.

    At every onset a split pitch is chosen, so that neither hand grasps more than a ninth of what
    sounds and the split moves little: the cheapest path by dynamic programming.
    """
    ordered = sorted(notes)
    starts = sorted({note.start for note in ordered})
    if not starts:
        return [], []
    costs = np.array([_cost(sounding) for sounding in _sounding(ordered, starts)])
    moves = _MOVE * np.abs(_SPLITS[:, None] - _SPLITS[None, :])
    best, came = costs[0], []
    for cost in costs[1:]:
        total = best[:, None] + moves
        came.append(total.argmin(axis=0))
        best = total.min(axis=0) + cost
    path = [int(best.argmin())]
    for step in reversed(came):
        path.append(int(step[path[-1]]))
    split = {start: int(_SPLITS[i]) for start, i in zip(starts, reversed(path), strict=True)}
    right = [note for note in ordered if note.pitch >= split[note.start]]
    left = [note for note in ordered if note.pitch < split[note.start]]
    return right, left


def _sounding(notes: Sequence[Note], starts: Sequence[int]) -> list[list[int]]:
    """The pitches that sound at each onset, in order of pitch."""
    found: list[list[int]] = []
    held: list[Note] = []
    index = 0
    for start in starts:
        held = [note for note in held if note.end > start]
        while index < len(notes) and notes[index].start == start:
            held.append(notes[index])
            index += 1
        found.append(sorted(note.pitch for note in held))
    return found


def _cost(pitches: Sequence[int]) -> np.ndarray:
    """[splits] cost of each split for pitches that sound together."""
    cost = _OFF_MIDDLE * np.abs(_SPLITS - _MIDDLE).astype(np.float64)
    for i, split in enumerate(_SPLITS):
        for hand in ([p for p in pitches if p < split], [p for p in pitches if p >= split]):
            if hand:
                cost[i] += _STRETCH * max(0, hand[-1] - hand[0] - _SPAN)
    return cost
