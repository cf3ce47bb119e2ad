"""Sections in keys of their own, in the notes of the network.

The network writes a whole piece in one home key and mode. Where a section has a key of its own, its
notes that belong neither to that key nor to their chord move to the nearest that do, so that a
melody that returns in the parallel minor has that minor's thirds.

Conventions: notes are integers [n, 5] as :mod:`amt.models.notes.tokens` has them, transposed to the
home key of the piece, as are the keys. ``B`` beats.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.chords import Key, chord_from_id, home_distance
from amt.models.notes.tokens import ONSET, PITCH, RESOLUTION
from amt.types import IntArray, Plan


def bar_keys(plan: Plan) -> tuple[Key, ...]:
    """[bars] the key of each bar's first beat."""
    return tuple(_home(plan, plan.key_at(int(beat))) for beat in plan.grid.downbeats)


def section_keys(plan: Plan) -> tuple[Key | None, ...]:
    """[B] the key of each beat where its section has one of its own, else None."""
    keys = (plan.key_at(beat) for beat in range(plan.grid.n_beats))
    return tuple(None if key == plan.key else _home(plan, key) for key in keys)


def in_section_keys(notes: IntArray, keys: Sequence[Key | None], chords: IntArray) -> IntArray:
    """The notes, those foreign to their section's own key and to their chord moved to the nearest.

    Args:
        notes: [n, 5], in any order.
        keys: [B] as :func:`section_keys` gives them.
        chords: [B] chord ids.
    """
    if not any(keys):
        return notes
    moved = notes.copy()
    for note in moved:
        beat = min(int(note[ONSET]) // RESOLUTION, len(keys) - 1)
        key = keys[beat]
        if key is not None:
            tones = {*key.scale, *chord_from_id(int(chords[beat])).pitch_classes}
            note[PITCH] += _shift(int(note[PITCH]), tones, down_first=key.mode == "minor")
    return np.asarray(moved)


def _shift(pitch: int, tones: set[int], *, down_first: bool) -> int:
    """The semitones to the nearest tone; of two equally near ones, that of the mode's thirds."""
    order = (0, -1, 1, -2, 2) if down_first else (0, 1, -1, 2, -2)
    return next(step for step in order if (pitch + step) % 12 in tones)


def _home(plan: Plan, key: Key) -> Key:
    return Key((key.tonic + home_distance(plan.key)) % 12, key.mode)
