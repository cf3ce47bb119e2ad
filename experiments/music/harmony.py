"""Measures of a progression: how chords change, return and end.

A *change* is a beat (or second) whose chord differs from the one before; passages without chord
(id 0) are left out. Shapes: ``B`` beats or seconds, ``K`` changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amt.chords import QUALITY_NAMES, Key, chord_from_id
from amt.types import TICKS_PER_BEAT, FloatArray
from experiments.music.piece import END, ONSET, PITCH, Piece

IntArray = NDArray[np.int64]

WINDOW_S = 40.0
"""Seconds over which chords are counted, as they are for MuVi-Sync."""
TRIADS = ("maj", "min", "dim", "aug", "sus2", "sus4")
"""Qualities that have no seventh or sixth."""
LAGS = (2, 3, 4, 8)
PHRASE_BARS = 4


def progression(chords: IntArray) -> IntArray:
    """Chords [K] one after another, without repeats and without passages that have none."""
    chords = chords[chords > 0]
    if len(chords) == 0:
        return chords
    return np.asarray(chords[np.append(True, chords[1:] != chords[:-1])])


def returns_after(chords: IntArray, lag: int) -> float:
    """Share of the chords of a progression that are the one ``lag`` changes before."""
    line = progression(chords)
    return _mean(line[lag:] == line[:-lag]) if len(line) > lag else math.nan


def alternation(chords: IntArray) -> float:
    """Share of the chords that end a pattern A-B-A-B."""
    line = progression(chords)
    if len(line) < 4:
        return math.nan
    return _mean((line[3:] == line[1:-2]) & (line[2:-1] == line[:-3]))


def distinct_and_entropy(chords: IntArray, length_s: FloatArray) -> tuple[float, float]:
    """Distinct chords, and entropy in bits of the time spent on each, in windows of 40 s.

    Args:
        chords: [B] ids.
        length_s: [B] seconds that each lasts.

    Returns:
        The means over whole windows; NaN where the piece is shorter than one.
    """
    window = (np.cumsum(length_s) - length_s) // WINDOW_S
    n_whole = int(length_s.sum() // WINDOW_S)
    if n_whole == 0:
        return math.nan, math.nan
    counts, entropies = [], []
    for number in range(n_whole):
        inside = (window == number) & (chords > 0)
        seconds = np.bincount(chords[inside], weights=length_s[inside])
        seconds = seconds[seconds > 0]
        share = seconds / seconds.sum() if len(seconds) else seconds
        counts.append(len(seconds))
        entropies.append(float(-(share * np.log2(share)).sum()))
    return float(np.mean(counts)), float(np.mean(entropies))


def sevenths(chords: IntArray) -> float:
    """Share of the chords of a progression that have a seventh or a sixth."""
    line = progression(chords)
    return _mean([QUALITY_NAMES[(i - 1) % len(QUALITY_NAMES)] not in TRIADS for i in line])


def inversions(piece: Piece) -> float:
    """Share of the chord changes at which the lowest sounding note is not the root."""
    notes, found = piece.notes, []
    for beat in np.flatnonzero(np.diff(piece.chords, prepend=-1)):
        chord = chord_from_id(int(piece.chords[beat]))
        tick = int(beat) * TICKS_PER_BEAT
        sounding = notes[(notes[:, ONSET] <= tick) & (notes[:, END] > tick), PITCH]
        if chord.root is not None and len(sounding):
            found.append(int(sounding.min()) % 12 != chord.root)
    return _mean(found)


def applied_and_borrowed(chords: IntArray, keys: Sequence[Key]) -> tuple[float, float]:
    """Shares of the chords of a progression that are secondary dominants, and other foreign chords.

    A chord is foreign if it has a tone outside its key, to whose minor the leading tone belongs. It
    is a secondary dominant if it is a major triad or a dominant seventh, and the next chord is on
    the degree a fourth above, which is not the tonic but of the key.

    Args:
        chords: [B] ids.
        keys: [B] of each beat.
    """
    changes = [i for i in range(len(chords)) if chords[i] > 0 and (i == 0 or _differs(chords, i))]
    applied = borrowed = 0
    for i, following in zip(changes, [*changes[1:], None], strict=True):
        chord, key = chord_from_id(int(chords[i])), keys[i]
        tones = {*key.scale, (key.tonic + 11) % 12} if key.mode == "minor" else {*key.scale}
        if chord.root is None or tones.issuperset(chord.pitch_classes):
            continue
        target = None if following is None else chord_from_id(int(chords[following])).root
        leads = chord.quality in ("maj", "7") and target == (chord.root + 5) % 12
        if leads and target != key.tonic and target in key.scale:
            applied += 1
        else:
            borrowed += 1
    if not changes:
        return math.nan, math.nan
    return applied / len(changes), borrowed / len(changes)


def _differs(chords: IntArray, beat: int) -> bool:
    """Whether a chord is another than the last one before."""
    before = chords[:beat][chords[:beat] > 0]
    return len(before) == 0 or bool(before[-1] != chords[beat])


def changes_by_place(piece: Piece) -> tuple[float, float]:
    """Chord changes of a bar in the last two bars of each four, and in the first two.

    Bars are counted from the beginning of each section, as those of phrases are.
    """
    edges = np.concatenate([[0], np.cumsum(piece.bars)])
    moves = np.append(False, piece.chords[1:] != piece.chords[:-1])
    by_bar = [int(moves[a:b].sum()) for a, b in pairwise(edges)]
    starts = sorted({0, *np.searchsorted(edges, piece.sections).tolist()})
    late, early = [], []
    for start, stop in pairwise([*starts, len(piece.bars)]):
        for first in range(start, stop - PHRASE_BARS + 1, PHRASE_BARS):
            early += by_bar[first : first + 2]
            late += by_bar[first + 2 : first + PHRASE_BARS]
    return _mean(late), _mean(early)


def ends_on_cadence(chords: IntArray, key: Key) -> float:
    """1 where the last chord is on the tonic and the one before on the fifth or leading tone."""
    line = [chord_from_id(int(i)) for i in progression(chords)[-2:]]
    if len(line) < 2 or line[1].root is None or line[0].root is None:
        return math.nan
    before, last = ((chord.root - key.tonic) % 12 for chord in line if chord.root is not None)
    return float(last == 0 and before in (7, 11))


def equal_openings(openings: Sequence[Sequence[int]]) -> float:
    """Share of the pairs of pieces that begin with the same four chords.

    Args:
        openings: the first chords of each piece, moved to C major or A minor.
    """
    pairs = [
        tuple(openings[i][:4]) == tuple(openings[j][:4])
        for i in range(len(openings))
        for j in range(i)
    ]
    return _mean(pairs)


def _mean(values: Sequence[float] | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
