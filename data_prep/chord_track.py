"""Chords with exact times, the common form of every corpus the composer learns from.

Conventions: chord ids follow :mod:`amt.chords` and are *normalised*: the song is transposed so that
its key is C major or A minor, as in MuVi-Sync's ``lab_v2_norm``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amt.chords import Chord, Key, Mode, chord_from_id, home_distance


@dataclass(frozen=True, slots=True, eq=False)
class ChordTrack:
    """The chords of one song."""

    name: str
    mode: Mode
    starts_s: NDArray[np.float64]
    """[n] increasing; each chord lasts to the start of the next."""
    ids: NDArray[np.int64]
    """[n] normalised chord ids."""
    duration_s: float

    def sample(self, times_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """Chord ids [len(times_s)] sounding at ``times_s``; no chord before the first start."""
        index = np.searchsorted(self.starts_s, times_s, side="right") - 1
        return np.where(index < 0, 0, self.ids[np.maximum(index, 0)])


def normalise(ids: NDArray[np.int64], key: Key) -> NDArray[np.int64]:
    """Transpose chord ids (any shape) from ``key`` to C major or A minor."""
    return transpose_ids(ids, home_distance(key))


def transpose_ids(ids: NDArray[np.int64], semitones: int) -> NDArray[np.int64]:
    """Transpose chord ids (any shape) up by ``semitones``.

    >>> transpose_ids(np.array([0, 1, 122]), 3)
    array([ 0, 40,  5])
    """
    table = np.array([chord_from_id(i).transpose(semitones).id for i in range(157)])
    return table[ids]


def chord_ids(chords: list[Chord]) -> NDArray[np.int64]:
    """Vocabulary ids [n] of ``chords``."""
    return np.array([chord.id for chord in chords], dtype=np.int64)
