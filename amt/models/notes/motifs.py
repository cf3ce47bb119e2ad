"""Motif heads: induction heads over the notes, aligned in musical time.

Music repeats bar by bar, but seldom note by note: a melody returns over another accompaniment. So
these induction heads (Olsson et al. 2022; with fixed matching, as in
:mod:`amt.models.chords.induction`) compare passages in musical time. For every lag of whole bars
they look up the position of that earlier bar at which the piece is in the present one, and return
the word that followed there. The weight of a lag depends on four similarities through learned
weights: few numbers, so that a small corpus suffices to train them.

Conventions: words are those of :mod:`amt.models.notes.tokens`. Row ``t`` of a context is the one in
which the word after word ``t`` is predicted. Shapes: ``B`` batch, ``T`` words, ``L`` lags (entry
``l`` is ``l + 1`` bars back), ``F`` = 4 similarities, ``H`` heads, ``V`` ids of a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from amt.models.notes.tokens import (
    BAR,
    FIRST_POSITION,
    N_COLUMNS,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    VOCABULARY,
    bar_of,
)
from amt.types import BoolArray, Float32Array, IntArray

PAST_DECAYS = (0.5, 0.85)
"""Decays from bar to bar of the moving averages over past bars: time constants of about 2 and 7
bars."""
N_SIMILARITIES = 2 + len(PAST_DECAYS)
"""Of the present bar so far, of the chords, of the past bars by each decay."""
N_HEADS = 2
INITIAL_WEIGHTS = ((2.0, 1.0, 4.0, 4.0), (4.0, 1.0, 8.0, 2.0))
"""[H, F] weights of the similarities before training."""
INITIAL_LAG_WEIGHT = 0.1
"""By how much the logarithm of a lag lowers its score before training."""
PRIOR_NOTES = 2
"""Notes added to the denominator of the first similarity, so that one matched note is little
evidence."""
CHORD_BARS = 2
"""Bars whose chords are compared: the present one and the next."""
MASKED_SCORE = -1e4
"""Finite, so that a row without any earlier bar stays a number."""
_BAR_KEYS = 1 << 16
"""More than any key of :func:`sort_keys`."""


class MotifContext(NamedTuple):
    """The words at each lag and their similarities, as arrays or as tensors with [B] before."""

    words: IntArray
    """[T, L, 5] the word that came next at each lag; all zero before the beginning of the piece."""
    similarity: Float32Array
    """[T, L, F]"""


class ChordChart(NamedTuple):
    """The plan's chords by bar, to be compared."""

    chords: IntArray
    """[bars, MAX_BEATS] chord on each beat of each bar, -1 after the bar's end."""
    beats: IntArray
    """[bars]"""

    @classmethod
    def of(cls, chords: IntArray, bars: Sequence[int]) -> ChordChart:
        """From a chord for each beat [B] and the beats of each bar."""
        beats = np.asarray(bars, dtype=np.int64)
        chart = np.full((len(bars), max(bars)), -1, dtype=np.int64)
        chart[np.arange(chart.shape[1]) < beats[:, None]] = chords
        return cls(chart, beats)

    def similarity(self, bar: int, n_lags: int) -> Float32Array:
        """Share of the beats of a bar and of the next that have the chord of the lag, [L]."""
        lags = np.arange(1, n_lags + 1)
        total = np.zeros(n_lags, dtype=np.float32)
        for ahead in range(min(CHORD_BARS, len(self.beats) - bar)):
            now, then = bar + ahead, np.maximum(bar + ahead - lags, 0)
            equal = (self.chords[now] == self.chords[then]) & (self.chords[now] >= 0)
            beats = np.maximum(self.beats[now], self.beats[then])
            total += equal.sum(axis=1) / beats / CHORD_BARS
        return np.where(lags <= bar, total, 0).astype(np.float32)


def sort_keys(words: IntArray) -> IntArray:
    """Key [...] of each word [..., 5] within its bar: words of a bar are in the order of keys."""
    position, role, pitch = (words[..., column] for column in (POSITION, ROLE, PITCH))
    return np.asarray((position * VOCABULARY[ROLE] + role) * VOCABULARY[PITCH] + pitch)


class MotifMemory:
    """The words of one piece within the context window, updated bar by bar or word by word.

    Args:
        chart: the chords of the whole piece.
        n_lags: L, the context window in bars.
    """

    def __init__(self, chart: ChordChart, n_lags: int) -> None:
        self.chart, self.n_lags = chart, n_lags
        self._lags = np.arange(1, n_lags + 1)
        self._words = np.zeros((0, N_COLUMNS), dtype=np.int64)
        self._keys = np.zeros(0, dtype=np.int64)
        self._first = [0]  # index of each bar's first word, and of the present one's
        self._matches = np.zeros(n_lags, dtype=np.int64)  # notes of the present bar at each lag
        self._past = np.zeros((len(PAST_DECAYS), n_lags), dtype=np.float32)
        self._chords = np.zeros(n_lags, dtype=np.float32)

    def update(self, words: IntArray) -> MotifContext:
        """Add words [T, 5] of one bar; return the context after each of them.

        The first word of a bar must be the first of a call.
        """
        if words[0, POSITION] == BAR:
            self._begin_bar()
        bar = len(self._first) - 1
        keys = sort_keys(words)
        old = self._keys[: self._first[bar]]
        played = self._lags <= bar
        wanted = (bar - self._lags) * _BAR_KEYS + keys[:, None]
        after = np.searchsorted(old, wanted, side="right")
        matches = self._count_matches(words, old, wanted, after, played)
        n_own = len(self._keys) - self._first[bar] + np.arange(len(words))
        n_other = after - self._first_words(np.maximum(bar - self._lags, 0)) - 1
        self._words = np.concatenate([self._words, words])
        self._keys = np.concatenate([self._keys, bar * _BAR_KEYS + keys])
        similarity = np.empty((len(words), self.n_lags, N_SIMILARITIES), dtype=np.float32)
        n_both = n_own[:, None] + n_other
        # Matched less unmatched notes of both bars, over all of them.
        similarity[..., 0] = (4 * matches - n_both) / (PRIOR_NOTES + n_both)
        similarity[..., 1] = self._chords
        similarity[..., 2:] = self._past.T
        return MotifContext(self._next_words(after, played, bar), similarity * played[:, None])

    def _count_matches(
        self,
        words: IntArray,
        old: IntArray,
        wanted: IntArray,
        after: IntArray,
        played: BoolArray,
    ) -> IntArray:
        """[T, L] notes of the present bar, up to each word, that the bar at each lag has too."""
        is_note = (words[:, POSITION] >= FIRST_POSITION)[:, None]
        if len(old):
            found = (old[np.maximum(after - 1, 0)] == wanted) & is_note & played
        else:
            found = np.zeros_like(wanted, dtype=bool)
        matches = self._matches + np.cumsum(found, axis=0)
        self._matches = matches[-1]
        return np.asarray(matches)

    def _next_words(self, after: IntArray, played: BoolArray, bar: int) -> IntArray:
        """The words [T, L, 5] at indices [T, L]; those beyond the present bar's length end it."""
        found = self._words[np.minimum(after, len(self._words) - 1)]
        beats = self.chart.beats[bar] if bar < len(self.chart.beats) else 0
        beyond = found[..., POSITION] >= FIRST_POSITION + RESOLUTION * beats
        found[beyond] = 0
        found[beyond, POSITION] = BAR
        return np.asarray(found * played[:, None])

    def empty_context(self) -> MotifContext:
        """A context for one word, as before the beginning of a piece."""
        shape = (1, self.n_lags)
        return MotifContext(
            np.zeros((*shape, N_COLUMNS), dtype=np.int64),
            np.zeros((*shape, N_SIMILARITIES), dtype=np.float32),
        )

    def copy(self) -> MotifMemory:
        """An independent memory with the same words."""
        return deepcopy(self, {id(self.chart): self.chart})

    def _first_words(self, bars: IntArray) -> IntArray:
        """Index of the first word of each of some bars within the window."""
        lowest = int(bars.min(initial=0))
        return np.array(self._first[lowest:], dtype=np.int64)[bars - lowest]

    def _begin_bar(self) -> None:
        """End the present bar, if there is one, and compare it with each before it."""
        if len(self._keys):
            bar = len(self._first) - 1
            notes = np.diff([*self._first, len(self._keys)]) - 1
            both = notes[bar] + notes[np.maximum(bar - self._lags, 0)]
            dice = np.where(self._lags <= bar, 2 * self._matches / np.maximum(both, 1), 0)
            for row, decay in enumerate(PAST_DECAYS):
                self._past[row] = decay * self._past[row] + (1 - decay) * dice
            self._first.append(len(self._keys))
            self._drop_before(bar - self.n_lags)
        self._matches = np.zeros(self.n_lags, dtype=np.int64)
        bar = len(self._first) - 1
        if bar < len(self.chart.beats):
            self._chords = self.chart.similarity(bar, self.n_lags)

    def _drop_before(self, bar: int) -> None:
        """Drop the words before a bar, so that time per word stays constant in long pieces."""
        if bar > 0:
            n = self._first[bar]
            self._words, self._keys = self._words[n:], self._keys[n:]
            self._first = [first - n for first in self._first]


def motif_context(words: IntArray, chart: ChordChart, n_lags: int) -> MotifContext:
    """The context after each of the words [T, 5] of a piece."""
    memory = MotifMemory(chart, n_lags)
    edges = np.flatnonzero(np.diff(bar_of(words))) + 1
    rows = [memory.update(bar) for bar in np.split(words, edges)]
    return MotifContext(*(np.concatenate(column) for column in zip(*rows, strict=True)))


class MotifPrediction(NamedTuple):
    """The words that the motif heads predict."""

    words: Tensor
    """[B, T, L, 5] the words at each lag."""
    weights: Tensor
    """[B, T, H, L] probability that each head gives to the word at each lag; sums to 1, or to 0 in
    the first bar."""

    def matching(self, prefix: Tensor) -> Tensor:
        """Weights of the words that begin with the columns ``prefix`` [B, T, n], 0 for others."""
        n = prefix.shape[-1]
        same = (self.words[..., :n] == prefix[:, :, None]).all(dim=-1)
        return self.weights * same[:, :, None]

    def column_probs(self, column: int, weights: Tensor) -> Tensor:
        """Weights [B, T, H, L] summed over words by their id in a column: [B, T, H, V]."""
        ids = self.words[:, :, None, :, column].expand_as(weights)
        empty = weights.new_zeros(*weights.shape[:-1], VOCABULARY[column])
        return empty.scatter_add(-1, ids, weights)


class MotifHeads(nn.Module):
    """MotifContext -> MotifPrediction: a softmax over lags of weighted similarities."""

    def __init__(self, n_lags: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(INITIAL_WEIGHTS))
        lag_bias = -INITIAL_LAG_WEIGHT * torch.arange(1, n_lags + 1).log()
        self.lag_bias = nn.Parameter(lag_bias.repeat(N_HEADS, 1))

    def forward(self, words: Tensor, similarity: Tensor) -> MotifPrediction:
        """Predict from the words [B, T, L, 5] and similarities [B, T, L, F] of a context."""
        played = (words[..., POSITION] > 0)[:, :, None]
        scores = torch.einsum("b t l f, h f -> b t h l", similarity, self.weights)
        scores = (scores + self.lag_bias[:, : words.shape[2]]).masked_fill(~played, MASKED_SCORE)
        return MotifPrediction(words, scores.float().softmax(dim=-1) * played)
