"""The memory of motifs: what the piece played, bars ago, where it is now.

Music repeats bar by bar, but seldom note by note: a tune returns over another accompaniment. So
these induction heads (Olsson et al. 2022; with fixed matching, as in
:mod:`amt.models.chords.induction`) align passages in musical time. For every lag of whole bars they
look at the place of that earlier bar where the piece stands in the present one, and answer with the
word that came next there. How much a lag is trusted depends on four similarities, whose weights are
learned: few numbers, so that a small corpus teaches them.

Conventions: words are those of :mod:`amt.models.notes.tokens`. Row ``t`` of a recollection is what
is remembered when word ``t`` has been heard and the next is to be told. Shapes: ``B`` batch, ``T``
words, ``L`` lags (entry ``l`` is ``l + 1`` bars back), ``F`` = 4 similarities, ``H`` heads.
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
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    VOCABULARY,
    bar_of,
)
from amt.types import BoolArray, Float32Array, IntArray

PAST_DECAYS = (0.5, 0.85)
"""Share of the running means over past bars that stays from bar to bar: about 2 and 7 bars back."""
N_SIMILARITIES = 2 + len(PAST_DECAYS)
"""Of the present bar so far, of the chords, of the past bars by each decay."""
N_HEADS = 2
_FIRST_WEIGHTS = ((2.0, 1.0, 4.0, 4.0), (4.0, 1.0, 8.0, 2.0))
"""[H, F] from which the weights of the similarities are learned."""
_FADING = 0.1
"""By how much the logarithm of a lag lowers its score before anything is learned."""
_BAR_KEYS = 1 << 16


class MotifContext(NamedTuple):
    """What a piece remembers after each word, as arrays or as tensors with [B] before."""

    words: IntArray
    """[T, L, 5] the word that came next at each lag; all zero where the piece had not begun."""
    similarity: Float32Array
    """[T, L, F]"""


class ChordChart(NamedTuple):
    """The plan's chords as the memory compares them."""

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

    def similarity(self, bar: int, reach: int) -> Float32Array:
        """Share of the beats of a bar and of the one after it with the chord of the lag, [L]."""
        lags = np.arange(1, reach + 1)
        total = np.zeros(reach, dtype=np.float32)
        for ahead in range(min(2, len(self.beats) - bar)):
            now, then = bar + ahead, np.maximum(bar + ahead - lags, 0)
            equal = (self.chords[now] == self.chords[then]) & (self.chords[now] >= 0)
            total += equal.sum(axis=1) / np.maximum(self.beats[now], self.beats[then]) / 2
        return np.where(lags <= bar, total, 0).astype(np.float32)


def sort_keys(words: IntArray) -> IntArray:
    """Key [...] of each word [..., 5] within its bar: words of a bar are in the order of keys."""
    place, role, pitch = (words[..., column] for column in (POSITION, ROLE, PITCH))
    return np.asarray((place * VOCABULARY[ROLE] + role) * VOCABULARY[PITCH] + pitch)


class MotifMemory:
    """The memory of one piece, which grows bar by bar or word by word.

    Args:
        chart: the chords of the whole piece.
        reach: L.
    """

    def __init__(self, chart: ChordChart, reach: int) -> None:
        self.chart, self.reach = chart, reach
        self._lags = np.arange(1, reach + 1)
        self._words = np.zeros((0, len(VOCABULARY)), dtype=np.int64)
        self._keys = np.zeros(0, dtype=np.int64)
        self._first = [0]  # index of each bar's first word, and of the present one's
        self._met = np.zeros(reach, dtype=np.int64)
        self._past = np.zeros((len(PAST_DECAYS), reach), dtype=np.float32)
        self._chords = np.zeros(reach, dtype=np.float32)

    def update(self, words: IntArray) -> MotifContext:
        """What is remembered after each of the next words [T, 5], all of one bar.

        The first word of a bar must be the first of a call.
        """
        if words[0, POSITION] == BAR:
            self._begin_bar()
        bar = len(self._first) - 1
        keys = sort_keys(words)
        old = self._keys[: self._first[bar]]
        then = np.maximum(bar - self._lags, 0)
        played = self._lags <= bar
        wanted = (bar - self._lags) * _BAR_KEYS + keys[:, None]
        after = np.searchsorted(old, wanted, side="right")
        is_note = (words[:, POSITION] >= FIRST_POSITION)[:, None]
        if len(old):
            met = (old[np.maximum(after - 1, 0)] == wanted) & is_note & played
        else:
            met = np.zeros_like(wanted, dtype=bool)
        met = self._met + np.cumsum(met, axis=0)
        self._met = met[-1]
        n_before = len(self._keys) - self._first[bar]
        own = n_before + np.arange(len(words))
        others = after - self._first_words(then) - 1
        self._words = np.concatenate([self._words, words])
        self._keys = np.concatenate([self._keys, bar * _BAR_KEYS + keys])
        similarity = np.empty((len(words), self.reach, N_SIMILARITIES), dtype=np.float32)
        heard = own[:, None] + others
        similarity[..., 0] = (4 * met - heard) / (2 + heard)
        similarity[..., 1] = self._chords
        similarity[..., 2:] = self._past.T
        return MotifContext(self._next_words(after, played, bar), similarity * played[:, None])

    def _next_words(self, after: IntArray, played: BoolArray, bar: int) -> IntArray:
        """The words [T, L, 5] at indices [T, L]; those that outlast the present bar end it."""
        found = self._words[np.minimum(after, len(self._words) - 1)]
        beats = self.chart.beats[bar] if bar < len(self.chart.beats) else 0
        beyond = found[..., POSITION] >= FIRST_POSITION + RESOLUTION * beats
        found[beyond] = 0
        found[beyond, POSITION] = BAR
        return np.asarray(found * played[:, None])

    def nothing(self) -> MotifContext:
        """A recollection of one word of which nothing is remembered."""
        shape = (1, self.reach)
        return MotifContext(
            np.zeros((*shape, len(VOCABULARY)), dtype=np.int64),
            np.zeros((*shape, N_SIMILARITIES), dtype=np.float32),
        )

    def copy(self) -> MotifMemory:
        """A memory that goes on by itself from here."""
        return deepcopy(self, {id(self.chart): self.chart})

    def _first_words(self, bars: IntArray) -> IntArray:
        """Index of the first word of each of some bars within reach."""
        lowest = int(bars.min(initial=0))
        return np.array(self._first[lowest:], dtype=np.int64)[bars - lowest]

    def _begin_bar(self) -> None:
        """Close the present bar, if there is one, and compare it with each before it."""
        if len(self._keys):
            bar = len(self._first) - 1
            notes = np.diff([*self._first, len(self._keys)]) - 1
            both = notes[bar] + notes[np.maximum(bar - self._lags, 0)]
            alike = np.where(self._lags <= bar, 2 * self._met / np.maximum(both, 1), 0)
            for row, decay in enumerate(PAST_DECAYS):
                self._past[row] = decay * self._past[row] + (1 - decay) * alike
            self._first.append(len(self._keys))
            self._forget(bar - self.reach)
        self._met = np.zeros(self.reach, dtype=np.int64)
        bar = len(self._first) - 1
        if bar < len(self.chart.beats):
            self._chords = self.chart.similarity(bar, self.reach)

    def _forget(self, bar: int) -> None:
        """Let go of the words before a bar, so that a long piece costs no more."""
        if bar > 0:
            n = self._first[bar]
            self._words, self._keys = self._words[n:], self._keys[n:]
            self._first = [first - n for first in self._first]


def motif_context(words: IntArray, chart: ChordChart, reach: int) -> MotifContext:
    """The memory of a piece after each of its words [T, 5]."""
    memory = MotifMemory(chart, reach)
    edges = np.flatnonzero(np.diff(bar_of(words))) + 1
    rows = [memory.update(bar) for bar in np.split(words, edges)]
    return MotifContext(*(np.concatenate(column) for column in zip(*rows, strict=True)))


class Motifs(NamedTuple):
    """What the heads answer."""

    words: Tensor
    """[B, T, L, 5] the words that are remembered."""
    weights: Tensor
    """[B, T, H, L] how likely each head holds the word at each lag to come; sum to 1, or to 0
    where nothing is remembered."""

    def matching(self, chosen: Tensor) -> Tensor:
        """Weights of the words whose first columns are those ``chosen``, [B, T, columns]."""
        n = chosen.shape[-1]
        same = (self.words[..., :n] == chosen[:, :, None]).all(dim=-1)
        return self.weights * same[:, :, None]

    def copy_probs(self, column: int, weights: Tensor) -> Tensor:
        """Weights [B, T, H, L] summed by what each word has in a column: [B, T, H, V]."""
        ids = self.words[:, :, None, :, column].expand_as(weights)
        empty = weights.new_zeros(*weights.shape[:-1], VOCABULARY[column])
        return empty.scatter_add(-1, ids, weights)


class MotifHeads(nn.Module):
    """MotifContext -> Motifs."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(_FIRST_WEIGHTS))
        fading = -_FADING * torch.arange(1, reach + 1).log()
        self.lag_bias = nn.Parameter(fading.repeat(N_HEADS, 1))

    def forward(self, words: Tensor, similarity: Tensor) -> Motifs:
        """Listen back: words [B, T, L, 5] and similarity [B, T, L, F] of a recollection."""
        played = (words[..., POSITION] > 0)[:, :, None]
        scores = torch.einsum("b t l f, h f -> b t h l", similarity, self.weights)
        scores = (scores + self.lag_bias[:, : words.shape[2]]).masked_fill(~played, -1e4)
        return Motifs(words, scores.float().softmax(dim=-1) * played)
