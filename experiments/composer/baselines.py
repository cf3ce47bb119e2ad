"""What a composer must beat: rules and counts that see no picture.

Every baseline is a distribution over the next chord given the chords before it, so that all are
scored alike. The first second has no chord before it; a start symbol stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from amt.chords import VOCABULARY_SIZE
from amt.models.chords.induction import InductionHeads, copy_context
from amt.models.chords.inputs import START_ID
from amt.types import FloatArray

Chords = NDArray[np.int64]
Baseline = Callable[[Chords], FloatArray]
"""Chords [T] -> [T, V] log-probability of each second's chord given those before it."""

STRENGTH = 10.0
"""How many observations the shorter context counts as (Dirichlet prior, MacKay & Peto 1995)."""


def fit_baselines(songs: Sequence[Chords]) -> dict[str, Baseline]:
    """Count chords in training songs [T] each, and make every baseline from the counts."""
    frequency = _frequency(songs)
    bigram = _bigram(songs, frequency)
    trigram = _trigram(songs, bigram)
    repeats = sum(int((song[1:] == song[:-1]).sum()) for song in songs)
    share = (repeats + 1) / (sum(len(song) - 1 for song in songs) + 2)  # neither 0 nor 1

    def majority(chords: Chords) -> FloatArray:
        return np.log(frequency)[None].repeat(len(chords), axis=0)

    def repeat(chords: Chords) -> FloatArray:
        """The last chord with the share of repeats in training, the others by frequency."""
        probabilities = (1 - share) * frequency[None].repeat(len(chords), axis=0)
        probabilities[0] = frequency
        probabilities[np.arange(1, len(chords)), chords[:-1]] += share
        return np.asarray(np.log(probabilities))

    def by_last(chords: Chords) -> FloatArray:
        return np.asarray(np.log(bigram[before(chords, 1)]))

    def by_last_two(chords: Chords) -> FloatArray:
        return np.asarray(np.log(trigram(before(chords, 2), before(chords, 1))))

    def with_induction(chords: Chords) -> FloatArray:
        """Half trigram, half untrained induction heads."""
        counted, copied = np.exp(by_last_two(chords)), _induction(chords)
        copied[0] = counted[0]  # there is no chord to copy yet
        return np.asarray(np.log(0.5 * (counted + copied)))

    return {
        "repeat": repeat, "majority": majority, "bigram": by_last, "trigram": by_last_two,
        "trigram and induction": with_induction,
    }  # fmt: skip


def before(chords: Chords, n: int) -> Chords:
    """The chord ``n`` seconds before each second, or the start symbol: [T] -> [T]."""
    return np.concatenate([np.full(n, START_ID), chords])[: len(chords)]


@torch.inference_mode()
def _induction(chords: Chords) -> FloatArray:
    """[T, V] mean prediction of the composer's induction heads, untrained."""
    context = copy_context(torch.from_numpy(chords)[None], len(chords))
    probs = InductionHeads()(context).probs[0].mean(dim=-2)
    return np.asarray(probs.double().numpy())


def _frequency(songs: Sequence[Chords]) -> FloatArray:
    """[V] share of each chord; one is added to each count so that none is impossible."""
    counts = np.bincount(np.concatenate(songs), minlength=VOCABULARY_SIZE) + 1.0
    return np.asarray(counts / counts.sum())


def _backed_off(counts: FloatArray, shorter: FloatArray) -> FloatArray:
    """Counts [..., V] blended with the distribution after the shorter context [..., V]."""
    seen = counts.sum(axis=-1, keepdims=True)
    return np.asarray((counts + STRENGTH * shorter) / (seen + STRENGTH))


def _bigram(songs: Sequence[Chords], frequency: FloatArray) -> FloatArray:
    """[V + 1, V] distribution after each chord, and after the start symbol."""
    counts = np.zeros((VOCABULARY_SIZE + 1, VOCABULARY_SIZE))
    for song in songs:
        np.add.at(counts, (before(song, 1), song), 1)
    return _backed_off(counts, frequency)


def _trigram(songs: Sequence[Chords], bigram: FloatArray) -> Callable[[Chords, Chords], FloatArray]:
    """Distribution [T, V] after pairs of chords; the table is a row for each pair that occurs."""
    width = VOCABULARY_SIZE + 1
    pairs = np.concatenate([before(song, 2) * width + before(song, 1) for song in songs])
    known, rows = np.unique(pairs, return_inverse=True)
    counts = np.zeros((len(known) + 1, VOCABULARY_SIZE))  # the last row: pairs never seen
    np.add.at(counts, (rows, np.concatenate(songs)), 1)

    def distribution(first: Chords, second: Chords) -> FloatArray:
        asked = first * width + second
        place = np.searchsorted(known, asked).clip(max=len(known) - 1)
        row = np.where(known[place] == asked, place, len(known))
        return _backed_off(counts[row], bigram[second])

    return distribution
