"""Notes of a performance on a grid of bars, whether its beats were published or tracked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from amt.chords import Key
from amt.models.notes.tokens import DURATION, ONSET, RESOLUTION, bar_starts
from amt.types import FloatArray, IntArray
from data_prep.corpus import CorpusError
from data_prep.note_song import NoteSong, measured

LARGEST_ERROR = 0.4
"""Mean distance of onsets from sixteenths or triplets, in twelfths of a beat, from which the beats
are taken for wrong; notes anywhere would have .7, and most songs have less than .1."""
MOST_SILENT = 0.3
"""Share of bars in which nothing begins."""

_BINARY, _TERNARY = (0, 3, 6, 9, 12), (0, 2, 4, 6, 8, 10, 12)
"""Positions of a beat that sixteenths and triplets of eighths and sixteenths fall on."""
_TERNARY_GAIN = 0.5
"""Share of the binary error below which the ternary one must lie, as it has more positions."""


class Least(NamedTuple):
    """Less than this is no piece to learn from."""

    bars: int = 8
    notes: int = 100


OF_SONGS = Least()


def on_positions(name: str, notes: FloatArray, n_beats: int) -> IntArray:
    """Notes in beats -> notes in positions, every beat of sixteenths or of triplets.

    Args:
        name: of the piece, for the error.
        notes: [n, 5] as :mod:`amt.models.notes.tokens` has them, with onset and duration in beats.
        n_beats: notes that begin on or after this one are left out.

    Raises:
        CorpusError: the beats do not fit the notes.
    """
    quantised, error = quantise(notes, n_beats)
    if error > LARGEST_ERROR:
        raise CorpusError(f"{name}: its notes begin {error:.2f} positions off its beats on average")
    return quantised


def quantise(notes: FloatArray, n_beats: int) -> tuple[IntArray, float]:
    """Notes in beats -> notes in positions, and how far off they were on average.

    Every beat is of sixteenths or of triplets.
    """
    beat = np.floor(notes[:, ONSET] + 0.5 / RESOLUTION).astype(np.int64).clip(0)
    within = RESOLUTION * (notes[:, ONSET] - beat)
    choices = [np.array(positions, dtype=np.float64) for positions in (_BINARY, _TERNARY)]
    nearest = [grid[np.abs(within[:, None] - grid).argmin(axis=1)] for grid in choices]
    binary, ternary = (
        np.bincount(beat, np.abs(within - found), minlength=n_beats) for found in nearest
    )
    is_ternary = (ternary < _TERNARY_GAIN * binary)[beat]
    chosen = np.where(is_ternary, nearest[1], nearest[0])
    onset = RESOLUTION * beat + chosen.astype(np.int64)
    end = RESOLUTION * (notes[:, ONSET] + notes[:, DURATION])
    result = notes.astype(np.int64)
    result[:, ONSET] = onset
    result[:, DURATION] = np.maximum(1, np.rint(end).astype(np.int64) - onset)
    error = float(np.abs(within - chosen).mean()) if len(notes) else 0.0
    return result[onset < RESOLUTION * n_beats], error


def sounding_song(
    name: str, key: Key, bars: tuple[int, ...], beats_s: FloatArray, chords: IntArray,
    notes: IntArray, *, least: Least = OF_SONGS,
) -> NoteSong:  # fmt: skip
    """A song from its first bar with a note to its last.

    Args:
        name: of the song.
        key: that it is in.
        bars: beats of each bar, B in all.
        beats_s: [B + 1] times of the beats and of the end of the last.
        chords: [B] id of the chord on each beat.
        notes: [n, 5] snapped.
        least: that it must have.

    Raises:
        CorpusError: it is short or mostly silent.
    """
    first, last = _sounding_bars(notes, bars, name, least)
    starts = bar_starts(bars)
    beats = slice(int(starts[first]) // RESOLUTION, int(starts[last + 1]) // RESOLUTION)
    moved = notes.copy()
    moved[:, ONSET] -= starts[first]
    tempo_bpm = 60.0 / np.diff(beats_s)
    return measured(name, key, bars[first : last + 1], tempo_bpm[beats], chords[beats], moved)


def _sounding_bars(
    notes: IntArray, bars: tuple[int, ...], name: str, least: Least
) -> tuple[int, int]:
    """The first and the last bar in which a note begins."""
    if len(notes) < least.notes:
        raise CorpusError(f"{name}: it has {len(notes)} notes; expected {least.notes} or more")
    playing = np.unique(np.searchsorted(bar_starts(bars), notes[:, ONSET], side="right") - 1)
    first, last = int(playing[0]), int(playing[-1])
    length = last - first + 1
    if length < least.bars or len(playing) < (1 - MOST_SILENT) * length:
        raise CorpusError(f"{name}: notes begin in {len(playing)} of its {length} bars")
    return first, last
