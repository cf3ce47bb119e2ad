"""What melodies are like, and the longest passages that they share with a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from amt.models.notes.tokens import (
    DURATION,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    ONSET,
    PITCH,
    ROLE,
    ROLES,
    bar_starts,
)
from amt.types import IntArray
from data_prep.note_song import NoteSong

LEAST_MOTIF = 2
"""Notes that a bar's melody must have to be a motif that may return."""
LAGS = (4, 8)
"""Bars after which phrases return."""

_MELODY = list(ROLES).index("melody")


def melody_line(piece: NoteSong) -> IntArray:
    """The melody as one voice, [k, 5]: the highest note of its role at every onset.

    Of a piece without that role it is the highest of all notes at every onset, its skyline
    (Uitdenbogerd & Zobel 1999).
    """
    notes = piece.notes[piece.notes[:, ROLE] == _MELODY]
    notes = notes if len(notes) else piece.notes
    order = np.lexsort((-notes[:, PITCH], notes[:, ONSET]))
    ordered = notes[order]
    is_first = np.diff(ordered[:, ONSET], prepend=-1) > 0
    return np.asarray(ordered[is_first])


def share(part: float, whole: float) -> float:
    """``part / whole``; NaN where ``whole`` is 0."""
    return float(part / whole) if whole else float("nan")


class Motif(NamedTuple):
    """The melody of a bar, wherever it lies."""

    onsets: tuple[int, ...]
    """Positions from the beginning of the bar."""
    intervals: tuple[int, ...]
    """Semitones from each note to the next."""

    @property
    def steps(self) -> set[tuple[int, int | None]]:
        """The onset of each note and the interval that leads to it, None to the first."""
        return set(zip(self.onsets, (None, *self.intervals), strict=True))


def melody_values(piece: NoteSong) -> dict[str, float]:
    """What the melody of a whole piece is like; NaN where there is too little of it.

    ``range``: semitones from its lowest note to its highest. ``stepwise``: share of its intervals
    that are of one or two semitones. ``rests``: share of the time of the bars in which it begins a
    note that it is silent. ``returns after 4`` and ``8``: see :func:`returning_share`; ``similarity
    after 4`` and ``8``: see :func:`mean_similarity`.
    """
    line = melody_line(piece)
    steps = np.abs(np.diff(line[:, PITCH]))
    motifs = _motifs(line, piece.bars)
    return {
        "range": float(np.ptp(line[:, PITCH])) if len(line) else float("nan"),
        "stepwise": share(((steps == 1) | (steps == 2)).sum(), len(steps)),
        "rests": _rests(line, piece.bars),
        **{f"returns after {lag}": returning_share(motifs, lag) for lag in LAGS},
        **{f"similarity after {lag}": mean_similarity(motifs, lag) for lag in LAGS},
    }


def _rests(line: IntArray, bars: Sequence[int]) -> float:
    edges = bar_starts(bars)
    begins = np.histogram(line[:, ONSET], edges)[0] > 0
    sounds = np.zeros(edges[-1], dtype=bool)
    for onset, duration in line[:, [ONSET, DURATION]].tolist():
        sounds[onset : onset + duration] = True
    silent = [~part for part in np.split(sounds, edges[1:-1])]
    inside = [part for part, does in zip(silent, begins, strict=True) if does]
    return float(np.concatenate(inside).mean()) if inside else float("nan")


def returning_share(motifs: Sequence[Motif | None], lag: int) -> float:
    """Share of the bars with a motif that have it again ``lag`` bars later, at any pitch.

    Bars after which the piece ends too soon do not count.

    Args:
        motifs: of each bar, None for fewer notes than :data:`LEAST_MOTIF`.
        lag: bars.
    """
    returned = [now == later for now, later in _pairs(motifs, lag)]
    return float(np.mean(returned)) if returned else float("nan")


def mean_similarity(motifs: Sequence[Motif | None], lag: int) -> float:
    """How alike motifs are to those ``lag`` bars later: the mean of Dice's coefficient of steps.

    A step is an onset and the interval that leads to it. For the rest as
    :func:`returning_share`.
    """
    alike = [
        0.0
        if later is None
        else 2 * len(now.steps & later.steps) / (len(now.onsets) + len(later.onsets))
        for now, later in _pairs(motifs, lag)
    ]
    return float(np.mean(alike)) if alike else float("nan")


def _pairs(motifs: Sequence[Motif | None], lag: int) -> list[tuple[Motif, Motif | None]]:
    """Motifs and what is ``lag`` bars after them."""
    pairs = zip(motifs, motifs[lag:], strict=False)
    return [(now, later) for now, later in pairs if now is not None]


def _motifs(line: IntArray, bars: Sequence[int]) -> list[Motif | None]:
    edges = bar_starts(bars)
    parts = np.split(line, np.searchsorted(line[:, ONSET], edges[1:-1]))
    return [
        Motif(tuple((part[:, ONSET] - start).tolist()), tuple(np.diff(part[:, PITCH]).tolist()))
        if len(part) >= LEAST_MOTIF
        else None
        for part, start in zip(parts, edges[:-1].tolist(), strict=True)
    ]


# --- copying ----------------------------------------------------------------------------------


class MelodyIndex:
    """The melodies of a corpus, to find the longest passage that another melody shares with one.

    Melodies are compared by their intervals, so that a transposed passage is the same.

    Args:
        pieces: the corpus.
    """

    def __init__(self, pieces: Sequence[NoteSong]) -> None:
        # A byte an interval; the byte between two melodies is no interval, so nothing spans them.
        self._corpus = b"\xff".join(_interval_bytes(piece) for piece in pieces)
        self._passages: dict[int, set[bytes]] = {}

    def longest_match(self, piece: NoteSong) -> int:
        """Intervals of the longest passage of the piece's melody that the corpus has too."""
        text = _interval_bytes(piece)
        # Each part of a passage that is there is there too, so lengths can be bisected.
        length, beyond = 0, 1
        while self._has(text, beyond):
            length, beyond = beyond, 2 * beyond
        while beyond - length > 1:
            middle = (length + beyond) // 2
            length, beyond = (middle, beyond) if self._has(text, middle) else (length, middle)
        return length

    def _has(self, text: bytes, length: int) -> bool:
        """Whether some passage of this length is in the corpus."""
        if length not in self._passages:
            self._passages[length] = _passages(self._corpus, length)
        return not self._passages[length].isdisjoint(_passages(text, length))


def _interval_bytes(piece: NoteSong) -> bytes:
    steps = np.diff(melody_line(piece)[:, PITCH])
    return (steps + HIGHEST_PITCH - LOWEST_PITCH).astype(np.uint8).tobytes()


def _passages(text: bytes, length: int) -> set[bytes]:
    return {text[i : i + length] for i in range(len(text) - length + 1)}
