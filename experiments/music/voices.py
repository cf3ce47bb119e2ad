"""Measures of how parts sound together, of the melody, and of the form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amt.types import TICKS_PER_BEAT, FloatArray
from experiments.music.piece import (
    ACCOMPANIMENT,
    BASS,
    END,
    MELODY,
    ONSET,
    PITCH,
    VELOCITY,
    IntArray,
    Piece,
    doubles,
    sorted_notes,
)

LOW = 48
"""C3: two notes below it that are less than a fifth apart blur."""
FIFTH = 7
PHRASE_BARS = 4
GRID = TICKS_PER_BEAT // 4
"""Rhythms are compared in sixteenths."""
MOST = 0.75
"""Share of the melody's notes that a part plays which doubles it."""
LEAST_NOTES = 2
"""Notes that the melody of a bar must have for a bar to count as one that may return."""


# --- parts together ---------------------------------------------------------------------------


def doubled_bass(piece: Piece) -> float:
    """Share of the bass notes whose very pitch sounds in the accompaniment when they begin."""
    if BASS not in piece.parts or ACCOMPANIMENT not in piece.parts:
        return math.nan
    return _share(_lowest(piece.parts[BASS]), piece.parts[ACCOMPANIMENT], _unison)


def _lowest(bass: IntArray) -> IntArray:
    """The bass as one voice: of basses and cellos in octaves, the lower."""
    onset, end, pitch = bass[:, ONSET], bass[:, END], bass[:, PITCH]
    under = (onset[None] <= onset[:, None]) & (end[None] > onset[:, None])
    return np.asarray(bass[~(under & (pitch[None] < pitch[:, None])).any(axis=1)])


def low_mud(piece: Piece) -> float:
    """Share of the beats at which two notes below C3 are less than a fifth apart."""
    low = piece.notes[piece.notes[:, PITCH] < LOW]
    muddy = []
    for tick in range(0, piece.n_beats * TICKS_PER_BEAT, TICKS_PER_BEAT):
        sounding = low[(low[:, ONSET] <= tick) & (low[:, END] > tick), PITCH]
        pitches = np.unique(sounding)
        muddy.append(bool((np.diff(pitches) < FIFTH).any()))
    return _mean(muddy)


def melody_on_top(piece: Piece) -> float:
    """Share of the melody's notes, the highest of each onset, above which nothing sounds."""
    return _melody_share(piece, lambda intervals: not (intervals > 0).any())


def melody_unisons(piece: Piece) -> float:
    """Share of the melody's notes whose very pitch another part sounds at their onset."""
    return _melody_share(piece, _unison)


def melody_clashes(piece: Piece) -> float:
    """Share of the melody's notes that begin a semitone from a note of another part."""
    return _melody_share(piece, lambda intervals: bool((np.abs(intervals) == 1).any()))


Test = Callable[[IntArray], bool]
"""Whether intervals in semitones, from a note up to those that sound with it, are of a kind."""


def _unison(intervals: IntArray) -> bool:
    return bool((intervals == 0).any())


def _melody_share(piece: Piece, test: Test) -> float:
    if MELODY not in piece.parts or len(piece.parts) == 1:
        return math.nan
    return _share(skyline(piece), _beside_melody(piece), test)


def _beside_melody(piece: Piece) -> IntArray:
    """The notes of all parts but the melody, without those that double it on purpose.

    A part doubles the melody in four bars in which all its notes begin with a note of the melody,
    on its pitch or octaves from it, and in which it plays most of the melody.
    """
    edges = _bar_ticks(piece)[::PHRASE_BARS][1:]
    melody = np.split(skyline(piece), np.searchsorted(skyline(piece)[:, ONSET], edges))
    kept = []
    for part, notes in piece.parts.items():
        for window, line in zip(
            np.split(notes, np.searchsorted(notes[:, ONSET], edges)), melody, strict=True
        ):
            doubling = len(line) and len(window) >= MOST * len(line) and doubles(window, line)
            if part != MELODY and not doubling:
                kept.append(window)
    return sorted_notes(np.concatenate([piece.notes[:0], *kept]))


def _share(line: IntArray, others: IntArray, test: Test) -> float:
    """Share of notes that pass the test of their intervals to what sounds when they begin."""
    found = []
    for onset, _, pitch, _ in line:
        sounding = (others[:, ONSET] <= onset) & (others[:, END] > onset)
        found.append(test(others[sounding, PITCH] - pitch))
    return _mean(found)


def silent_beats(piece: Piece) -> float:
    """Share of the beats within which nothing sounds."""
    starts = TICKS_PER_BEAT * np.arange(piece.n_beats)
    notes = piece.notes
    onsets, ends = np.sort(notes[:, ONSET]), np.sort(notes[:, END])
    begun = np.searchsorted(onsets, starts + TICKS_PER_BEAT, side="left")
    ended = np.searchsorted(ends, starts, side="right")
    return _mean(begun == ended)


# --- melody -----------------------------------------------------------------------------------


def skyline(piece: Piece) -> IntArray:
    """The melody as one voice: the highest note of each onset."""
    notes = piece.parts.get(MELODY)
    if notes is None:
        return np.zeros((0, 4), dtype=np.int64)
    last = np.append(notes[1:, ONSET] != notes[:-1, ONSET], True)
    return np.asarray(notes[last])


def returning_bars(piece: Piece) -> tuple[float, float]:
    """Shares of the bars whose melody, and whose rhythm, an earlier bar has.

    A melody is the same if rhythm and intervals are; its pitch may be another. A bar counts if it
    has at least :data:`LEAST_NOTES` notes, of a voice that breathes in no other way.
    """
    line, edges = skyline(piece), _bar_ticks(piece)
    rhythms: set[tuple[int, ...]] = set()
    melodies: set[tuple[int, ...]] = set()
    same_rhythm, same_melody = [], []
    for start, end in pairwise(edges):
        bar = line[(line[:, ONSET] >= start) & (line[:, ONSET] < end)]
        if len(bar) < LEAST_NOTES:
            continue
        rhythm = tuple(np.round((bar[:, ONSET] - start) / GRID).astype(int).tolist())
        melody = (*rhythm, *np.diff(bar[:, PITCH]).tolist())
        same_rhythm.append(rhythm in rhythms)
        same_melody.append(melody in melodies)
        rhythms.add(rhythm)
        melodies.add(melody)
    return _mean(same_melody), _mean(same_rhythm)


def phrase_end_density(piece: Piece) -> tuple[float, float]:
    """Melody notes that begin in the last half-bar of each four bars, and in any other half-bar.

    Phrases of four bars are counted from the beginning of each section.
    Only phrases in which the melody plays are counted.
    """
    onsets, edges = skyline(piece)[:, ONSET], _bar_ticks(piece)
    starts = sorted({0, *np.searchsorted(edges, TICKS_PER_BEAT * np.array(piece.sections))})
    ends, others = [], []
    for start, stop in pairwise([*starts, len(piece.bars)]):
        for first in range(start, stop - PHRASE_BARS + 1, PHRASE_BARS):
            halves = []
            for begin, end in pairwise(edges[first : first + PHRASE_BARS + 1]):
                middle = (begin + end) // 2
                halves += [_count(onsets, begin, middle), _count(onsets, middle, end)]
            if sum(halves):
                ends.append(halves[-1])
                others += halves[:-1]
    return _mean(ends), _mean(others)


def last_degree(piece: Piece) -> int | None:
    """Semitones (0-11) of the melody's last note above the tonic."""
    line = skyline(piece)
    return (int(line[-1, PITCH]) - piece.keys[-1].tonic) % 12 if len(line) else None


# --- form -------------------------------------------------------------------------------------


def climax_rise(piece: Piece) -> float:
    """Semitones by which the melody lies higher in the loudest section than in the others."""
    line, notes = skyline(piece), piece.notes
    edges = [*piece.sections, piece.n_beats]
    if len(piece.sections) < 2:
        return math.nan
    levels, pitches = [], []
    for start, end in pairwise(edges):
        levels.append(np.mean([_level(notes, beat * TICKS_PER_BEAT) for beat in range(start, end)]))
        inside = (line[:, ONSET] >= start * TICKS_PER_BEAT) & (
            line[:, ONSET] < end * TICKS_PER_BEAT
        )
        pitches.append(line[inside, PITCH])
    loudest = int(np.argmax(levels))
    rest = np.concatenate([p for i, p in enumerate(pitches) if i != loudest])
    if not len(rest) or not len(pitches[loudest]):
        return math.nan
    return float(pitches[loudest].mean() - rest.mean())


def cut_rise_db(piece: Piece) -> tuple[float, float]:
    """Rise in level at strong cuts, and at all other downbeats, in dB.

    The level of a moment is the root of the sum of squared velocities of what sounds; the rise is
    from half a beat before the downbeat that is nearest to a cut, to the downbeat.
    """
    notes, downbeats = piece.notes, _bar_ticks(piece)[1:-1]
    if not len(downbeats):
        return math.nan, math.nan
    rises = np.array(
        [
            _db(_level(notes, t) / max(_level(notes, t - TICKS_PER_BEAT // 2), 1.0))
            for t in downbeats
        ]
    )
    struck = {int(np.abs(downbeats - tick).argmin()) for tick in piece.strong_cuts}
    at_cut = [rises[i] for i in struck]
    elsewhere = [rise for i, rise in enumerate(rises) if i not in struck]
    return _mean(at_cut), _mean(elsewhere)


def _level(notes: IntArray, tick: int) -> float:
    sounding = notes[(notes[:, ONSET] <= tick) & (notes[:, END] > tick), VELOCITY]
    return float(np.sqrt((sounding.astype(float) ** 2).sum()))


def _db(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 1e-3))


def _count(onsets: IntArray, start: int, end: int) -> int:
    return int(((onsets >= start) & (onsets < end)).sum())


def _bar_ticks(piece: Piece) -> IntArray:
    return TICKS_PER_BEAT * np.concatenate([[0], np.cumsum(piece.bars)])


def _mean(values: Sequence[float] | FloatArray | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
