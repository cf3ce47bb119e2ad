"""The memory of motifs against a plain reference, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amt.models.notes.motifs import (
    N_SIMILARITIES,
    PAST_DECAYS,
    ChordChart,
    MotifHeads,
    MotifMemory,
    motif_context,
)
from amt.models.notes.tokens import (
    BAR,
    FIRST_POSITION,
    PITCH,
    RESOLUTION,
    ROLE,
    VOCABULARY,
    bar_of,
    snap,
    to_words,
)

REACH = 3
Word = tuple[int, ...]


@st.composite
def pieces(draw: st.DrawFn) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Few places, roles and pitches, so that bars are alike."""
    bars = tuple(draw(st.lists(st.integers(1, 2), min_size=1, max_size=6)))
    note = st.tuples(
        st.integers(0, 4 * sum(bars) - 1).map(lambda i: 3 * i),
        st.integers(0, 1), st.integers(60, 61), st.just(3), st.just(71),
    )  # fmt: skip
    notes = np.array(draw(st.lists(note, max_size=25)), dtype=np.int64).reshape(-1, 5)
    return to_words(snap(notes), bars), bars


def plain_bars(words: NDArray[np.int64]) -> list[list[Word]]:
    """The words of each bar, its bar word aside; the word that ends the piece is the last bar."""
    bars: list[list[Word]] = []
    for word in words.tolist():
        if word[0] == BAR:
            bars.append([])
        else:
            bars[-1].append(tuple(word[:3]))
    return bars


def plain_next(words: NDArray[np.int64], now: Word, bar: int, lag: int, beats: int) -> Word:
    for word, of in zip(words.tolist(), bar_of(words), strict=True):
        if of == bar - lag and word[0] != BAR and tuple(word[:3]) > now:
            if word[0] >= FIRST_POSITION + RESOLUTION * beats:
                break
            return tuple(word)
    return (BAR, 0, 0, 0, 0)


@settings(max_examples=60, deadline=None)
@given(pieces())
def test_the_memory_is_that_of_a_plain_search(
    piece: tuple[NDArray[np.int64], tuple[int, ...]],
) -> None:
    words, beats = piece
    chart = ChordChart.of(np.arange(sum(beats)) % 2, beats)
    found = motif_context(words, chart, REACH)
    bars = plain_bars(words)
    for t, bar in enumerate(bar_of(words).tolist()):
        so_far = [w for w in bars[bar] if t and w <= tuple(words[t, :3])]
        so_far = so_far if words[t, 0] != BAR else []
        for lag in range(1, REACH + 1):
            if lag > bar:
                assert not found.words[t, lag - 1].any()
                assert not found.similarity[t, lag - 1].any()
                continue
            now = tuple(words[t, :3].tolist())
            last = beats[bar] if bar < len(beats) else 0
            assert tuple(found.words[t, lag - 1]) == plain_next(words, now, bar, lag, last)
            others = [w for w in bars[bar - lag] if so_far and w <= now]
            met = len(set(so_far) & set(others))
            total = len(so_far) + len(others)
            assert found.similarity[t, lag - 1, 0] == pytest.approx(
                (2 * met - (total - 2 * met)) / (2 + total)
            )
            for row, decay in enumerate(PAST_DECAYS):
                past = sum(
                    (1 - decay) * decay ** (bar - 1 - b)
                    * 2 * len(set(bars[b]) & set(bars[b - lag]))
                    / max(1, len(bars[b]) + len(bars[b - lag]))
                    for b in range(lag, bar)
                )  # fmt: skip
                assert found.similarity[t, lag - 1, 2 + row] == pytest.approx(past, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(pieces())
def test_a_memory_grown_word_by_word_is_the_same(
    piece: tuple[NDArray[np.int64], tuple[int, ...]],
) -> None:
    words, beats = piece
    chart = ChordChart.of(np.arange(sum(beats)) % 3, beats)
    whole, memory = motif_context(words, chart, REACH), MotifMemory(chart, REACH)
    for t in range(len(words)):
        row = memory.update(words[t : t + 1])
        np.testing.assert_array_equal(row.words[0], whole.words[t])
        np.testing.assert_allclose(row.similarity[0], whole.similarity[t], atol=1e-6)


def test_chords_are_compared_beat_by_beat() -> None:
    chart = ChordChart.of(np.array([1, 1, 2, 2, 1, 1, 2, 3, 1, 1]), (4, 4, 2))
    np.testing.assert_allclose(chart.similarity(1, 2), [(3 / 4 + 2 / 4) / 2, 0])
    np.testing.assert_allclose(chart.similarity(2, 2), [2 / 4 / 2, 2 / 4 / 2])
    np.testing.assert_allclose(chart.similarity(0, 2), 0)


def test_a_melody_that_returns_over_another_accompaniment_is_expected() -> None:
    rng = np.random.default_rng(0)
    melody = [[6 * i, 0, 60 + int(rng.integers(12)), 6, 71] for i in range(32)]
    bars = (4,) * 8
    notes = melody + [[192 + onset, *rest] for onset, *rest in melody]
    notes += [[48 * b + 12 * i, 2, 40 + int(rng.integers(9)), 6, 71]
              for b in range(8) for i in range(4)]  # fmt: skip
    words = to_words(snap(np.array(notes)), bars)
    memory = motif_context(words, ChordChart.of(np.zeros(32, dtype=np.int64), bars), 6)
    ahead = [torch.tensor(column[:-1])[None] for column in memory]
    motifs = MotifHeads(6)(*ahead)
    following = torch.tensor(words[1:])
    weights = motifs.matching(following[None, :, :2])
    pitch = motifs.column_probs(PITCH, weights)[0, :, 0]
    melody_returns = (bar_of(words)[1:] == 6) & (words[1:, ROLE] == 1)
    assert melody_returns.sum() == 8
    hits = pitch.argmax(dim=-1) == following[:, PITCH]
    assert hits[melody_returns].float().mean() > 0.8


def test_every_head_gives_a_distribution_once_a_bar_is_over() -> None:
    bars = (1, 1, 1)
    words = to_words(np.array([[0, 0, 60, 3, 71], [12, 0, 60, 3, 71]]), bars)
    memory = motif_context(words, ChordChart.of(np.zeros(3, dtype=np.int64), bars), REACH)
    assert memory.similarity.shape == (len(words), REACH, N_SIMILARITIES)
    heads = MotifHeads(REACH)
    motifs = heads(torch.tensor(memory.words)[None], torch.tensor(memory.similarity)[None])
    for column, size in enumerate(VOCABULARY):
        probs = motifs.column_probs(column, motifs.weights)
        assert probs.shape[-1] == size
        torch.testing.assert_close(probs.sum(dim=-1)[0, :2], torch.zeros(2, 2))
        torch.testing.assert_close(probs.sum(dim=-1)[0, 2:], torch.ones(len(words) - 2, 2))
