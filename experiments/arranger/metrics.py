"""What arrangements are measured by, beside those of people.

Definitions follow MusPy (Dong et al. 2020) where it has one, on a grid of twelfths of a beat:
:func:`pitch_class_entropy`, :func:`scale_consistency`, :func:`in_scale_share`,
:func:`groove_consistency`, :func:`polyphony`, :func:`polyphony_rate` and :func:`empty_beat_rate`.
MusPy's code differs from its definitions in the beat after a note that ends on a beat (no empty
one), in a last bar that is full (another one, empty) and in two pitches at once (no polyphony).
Sets of pieces are compared by overlapped area (Yang & Lerch 2020): of kernel densities of what is
measured in windows of :data:`WINDOW_BARS` bars, and of histograms.

Shapes: ``N`` songs, ``G`` points or bins of a common axis, ``T`` positions, ``R`` resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from amt.chords import Key, chord_from_id
from amt.models.notes.tokens import (
    DURATION,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    ONSET,
    PITCH,
    RESOLUTION,
    bar_starts,
)
from amt.types import FloatArray
from data_prep.note_song import NoteSong
from experiments.arranger.melody import melody_line, share

WINDOW_BARS = 8
"""Bars that are measured at once."""
LARGEST_INTERVAL = 12
"""Semitones; larger ones count as this."""
NOTE_VALUES = tuple(beats / 12 for beats in (3, 4, 6, 8, 9, 12, 18, 24, 36, 48, 72, 96))
"""Beats, from a sixteenth to two whole notes; a length counts as the nearest in proportion."""

_POINTS = 512
_MARGIN = 4
"""Bandwidths beyond the farthest value at which the common axis ends."""
_NARROWEST = 1e-3
"""Least bandwidth, for quantities that hardly move."""


def bars_of(piece: NoteSong, first: int, last: int) -> NoteSong:
    """Bars ``first`` to before ``last``; notes that outlast them are cut."""
    edges = bar_starts(piece.bars)
    start, end = int(edges[first]), int(edges[last])
    beats = slice(start // RESOLUTION, end // RESOLUTION)
    notes = piece.notes[(piece.notes[:, ONSET] >= start) & (piece.notes[:, ONSET] < end)].copy()
    notes[:, DURATION] = np.minimum(notes[:, DURATION], end - notes[:, ONSET])
    notes[:, ONSET] -= start
    return replace(
        piece,
        bars=piece.bars[first:last],
        tempo_bpm=piece.tempo_bpm[beats],
        chords=piece.chords[beats],
        notes=notes,
        density=piece.density[first:last],
        loudness=piece.loudness[first:last],
    )


def windows(piece: NoteSong) -> list[NoteSong]:
    """The piece in parts of :data:`WINDOW_BARS` bars; what is left over at its end does not count.

    A shorter piece is one window.
    """
    firsts = range(0, max(1, len(piece.bars) - WINDOW_BARS + 1), WINDOW_BARS)
    return [bars_of(piece, i, min(i + WINDOW_BARS, len(piece.bars))) for i in firsts]


# --- of a window ------------------------------------------------------------------------------


def piano_roll(piece: NoteSong) -> NDArray[np.bool_]:
    """Which pitches sound at each position, whatever their role, [T, 88]."""
    length = RESOLUTION * sum(piece.bars)
    steps = np.zeros((length + 1, 1 + HIGHEST_PITCH - LOWEST_PITCH), dtype=np.int64)
    onset, pitch = piece.notes[:, ONSET], piece.notes[:, PITCH] - LOWEST_PITCH
    np.add.at(steps, (onset, pitch), 1)
    np.add.at(steps, (np.minimum(onset + piece.notes[:, DURATION], length), pitch), -1)
    return np.asarray(np.cumsum(steps[:-1], axis=0) > 0)


def _pitch_classes(piece: NoteSong) -> FloatArray:
    """Notes of each pitch class, [12]."""
    return np.bincount(piece.notes[:, PITCH] % 12, minlength=12).astype(np.float64)


def pitch_class_entropy(piece: NoteSong) -> float:
    """Shannon entropy in bits of the pitch classes of the notes; NaN without notes."""
    counts = _pitch_classes(piece)
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(share * np.log2(share)).sum()) if len(share) else float("nan")


def in_scale_share(piece: NoteSong) -> float:
    """Share of the notes in the major or natural minor scale of the piece's key."""
    counts = _pitch_classes(piece)
    return share(counts[list(piece.key.scale)].sum(), counts.sum())


def scale_consistency(piece: NoteSong) -> float:
    """Largest share of the notes that one major or natural minor scale holds."""
    counts = _pitch_classes(piece)
    # Natural minor scales have the pitch classes of their relative majors.
    return share(max(counts[list(Key(t, "major").scale)].sum() for t in range(12)), counts.sum())


def groove_consistency(piece: NoteSong) -> float:
    """One less the mean share of positions in which onsets of neighbouring bars differ.

    Only neighbours of one length are compared; NaN if there are none.
    """
    edges = bar_starts(piece.bars)
    struck = np.zeros(edges[-1], dtype=bool)
    struck[piece.notes[:, ONSET]] = True
    bars = np.split(struck, edges[1:-1])
    pairs = [(a, b) for a, b in pairwise(bars) if len(a) == len(b)]
    return 1 - float(np.mean([np.mean(a != b) for a, b in pairs])) if pairs else float("nan")


def polyphony(piece: NoteSong) -> float:
    """Mean number of pitches that sound together, over positions in which any does."""
    sounding = piano_roll(piece).sum(axis=1)
    return share(sounding.sum(), (sounding > 0).sum())


def polyphony_rate(piece: NoteSong) -> float:
    """Share of positions in which two pitches or more sound."""
    return float((piano_roll(piece).sum(axis=1) >= 2).mean())


def empty_beat_rate(piece: NoteSong) -> float:
    """Share of beats in which nothing sounds."""
    sounding = piano_roll(piece).any(axis=1)
    return float(1 - sounding.reshape(-1, RESOLUTION).any(axis=1).mean())


def chord_tone_share(piece: NoteSong) -> float:
    """Share of the sounding time of notes in which they are of the chord; N does not count."""
    classes = np.arange(LOWEST_PITCH, HIGHEST_PITCH + 1) % 12
    held = piano_roll(piece).reshape(-1, RESOLUTION, len(classes)).sum(axis=1)
    tones = [chord_from_id(int(chord)).pitch_classes for chord in piece.chords]
    inside = np.array([np.isin(classes, chord) for chord in tones])
    known = piece.chords > 0
    return share(held[inside & known[:, None]].sum(), held[known].sum())


WINDOW_METRICS: Mapping[str, Callable[[NoteSong], float]] = {
    "pitch-class entropy": pitch_class_entropy,
    "scale consistency": scale_consistency,
    "in-scale share": in_scale_share,
    "chord-tone share": chord_tone_share,
    "groove consistency": groove_consistency,
    "polyphony": polyphony,
    "polyphony rate": polyphony_rate,
    "empty-beat rate": empty_beat_rate,
}


def window_values(piece: NoteSong) -> dict[str, FloatArray]:
    """Every metric in every window in which it is defined."""
    parts = windows(piece)
    found = {name: np.array([of(p) for p in parts]) for name, of in WINDOW_METRICS.items()}
    return {name: values[np.isfinite(values)] for name, values in found.items()}


# --- histograms -------------------------------------------------------------------------------


def interval_histogram(piece: NoteSong) -> FloatArray:
    """Steps of the melody in semitones, from :data:`LARGEST_INTERVAL` down to as much up, [25]."""
    steps = np.diff(melody_line(piece)[:, PITCH]).clip(-LARGEST_INTERVAL, LARGEST_INTERVAL)
    counts = np.bincount(steps + LARGEST_INTERVAL, minlength=2 * LARGEST_INTERVAL + 1)
    return counts.astype(np.float64)


def length_histogram(piece: NoteSong) -> FloatArray:
    """Notes by their length, [12] for :data:`NOTE_VALUES`."""
    away = np.abs(np.log(piece.notes[:, DURATION, None] / (RESOLUTION * np.array(NOTE_VALUES))))
    return np.bincount(away.argmin(axis=1), minlength=len(NOTE_VALUES)).astype(np.float64)


HISTOGRAMS: Mapping[str, Callable[[NoteSong], FloatArray]] = {
    "note lengths": length_histogram,
    "pitch intervals": interval_histogram,
}


# --- overlapped area --------------------------------------------------------------------------


def kernel_masses(
    values: Sequence[Sequence[FloatArray]], reference: Sequence[FloatArray]
) -> list[FloatArray]:
    """Gaussian kernels of what is measured, summed song by song, on one axis for all sets.

    Args:
        values: for each set of songs and each of its N songs the values of its windows.
        reference: the same of the set whose Scott bandwidth (1992) serves all, so that sets whose
            values hardly move have densities too.

    Returns:
        [N, G] for each set; every kernel sums to 1.
    """
    pooled = np.concatenate(list(reference))
    width = max(_NARROWEST, float(pooled.std()) * len(pooled) ** -0.2)
    everything = np.concatenate([song for songs in values for song in songs])
    low, high = everything.min() - _MARGIN * width, everything.max() + _MARGIN * width
    # Points as dense as kernels are narrow, whatever the range is.
    axis = np.linspace(low, high, max(_POINTS, int(4 * (high - low) / width)))

    def mass(song: FloatArray) -> FloatArray:
        kernels = np.exp(-0.5 * ((axis - song[:, None]) / width) ** 2)
        return np.asarray((kernels / kernels.sum(axis=1, keepdims=True)).sum(axis=0))

    return [np.array([mass(song) for song in songs]) for songs in values]


def overlapped_area(first: FloatArray, second: FloatArray) -> FloatArray:
    """Area under both of two distributions [..., G], each brought to a sum of 1: 0 to 1, [...].

    NaN where one of them is empty.
    """
    with np.errstate(invalid="ignore"):
        shares = [mass / mass.sum(axis=-1, keepdims=True) for mass in (first, second)]
    return np.asarray(np.minimum(*shares).sum(axis=-1))


def halves_overlap(masses: FloatArray, seed: int, n_splits: int = 100) -> float:
    """Mean overlapped area of one half of the songs [N, G] with the other: what is to be hoped."""
    rng = np.random.default_rng(seed)
    areas = []
    for _ in range(n_splits if len(masses) > 1 else 0):
        order = rng.permutation(len(masses))
        halves = np.array_split(masses[order], 2)
        areas.append(float(overlapped_area(*(half.sum(axis=0) for half in halves))))
    return float(np.mean(areas)) if areas else float("nan")


# --- controls ---------------------------------------------------------------------------------


def rank_correlation(asked: FloatArray, measured: FloatArray) -> float:
    """Spearman's rho of two curves; NaN where one of them does not move."""
    if len(asked) < 2 or min(np.ptp(asked), np.ptp(measured)) < 1e-9:
        return float("nan")
    return float(spearmanr(asked, measured).statistic)
