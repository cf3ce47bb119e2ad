"""The arranger network: order of words, context, padding, and its motif heads."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from amt.models.config import ArrangerConfig
from amt.models.layers import KeyValueCache
from amt.models.notes.conditioning import NotePlan, plan_input
from amt.models.notes.inputs import CONTROLS, WordInput
from amt.models.notes.motifs import MotifHeads, motif_context
from amt.models.notes.network import Arranger
from amt.models.notes.tokens import (
    BAR,
    PITCH,
    POSITION,
    VOCABULARY,
    IntArray,
    bar_of,
    snap,
    to_words,
)

CONFIG = ArrangerConfig(
    d_model=32, n_heads=2, d_ff=48, encoder_layers=2, decoder_layers=3, dropout=0.0, context=12,
    plan_window=3, motif_bars=4,
)  # fmt: skip


@cache
def network(motif_bars: int = 4, context: int = 12) -> Arranger:
    torch.manual_seed(0)
    settings = CONFIG.to_dict() | {"motif_bars": motif_bars, "context": context}
    model = Arranger(ArrangerConfig(**settings)).eval()
    # Small first weights would hide the attention's output behind rounding.
    for name, parameter in model.named_parameters():
        if "attention" in name and parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def plan_of(bars: tuple[int, ...], seed: int = 0) -> NotePlan:
    rng = np.random.default_rng(seed)
    controls = rng.random((sum(bars), len(CONTROLS)))
    chords = rng.integers(0, 157, sum(bars))
    return NotePlan(bars, chords, False, controls, np.ones(len(CONTROLS), dtype=bool))


def piece_of(bars: tuple[int, ...], n: int, seed: int = 0) -> IntArray:
    rng = np.random.default_rng(seed)
    columns = [
        rng.integers(0, 12 * sum(bars), n), rng.integers(0, 3, n), rng.integers(21, 109, n),
        rng.integers(1, 24, n), rng.integers(20, 120, n),
    ]  # fmt: skip
    return to_words(snap(np.stack(columns, axis=1)), bars)


def inputs_of(words: IntArray, plan: NotePlan, reach: int) -> WordInput:
    """All words but the last, as the decoder receives them."""
    bar = bar_of(words)
    first = np.flatnonzero(words[:, POSITION] == BAR)
    memory = motif_context(words, plan.chart, reach)
    columns = (words, bar, np.arange(len(words)) - first[bar], memory.words, memory.similarity)
    return WordInput(*(torch.from_numpy(column[:-1])[None] for column in columns))


@torch.no_grad()
def log_probs_of(model: Arranger, words: IntArray, plan: NotePlan) -> Tensor:
    """Log-probability [T, 5] of each word after the first."""
    targets = torch.from_numpy(words[1:])[None]
    inputs = inputs_of(words, plan, model.config.motif_bars)
    return model(inputs, plan_input(plan), targets)[0][0]


@st.composite
def pieces(draw: st.DrawFn) -> tuple[NotePlan, IntArray]:
    bars = tuple(draw(st.lists(st.integers(1, 8), min_size=1, max_size=6)))
    seed = draw(st.integers(0, 1000))
    return plan_of(bars, seed), piece_of(bars, draw(st.integers(0, 30)), seed)


@pytest.mark.parametrize("motif_bars", [0, 4])
@settings(max_examples=6, deadline=None)
@given(piece=pieces())
def test_every_column_is_a_distribution_over_the_ids_that_are_possible(
    motif_bars: int, piece: tuple[NotePlan, IntArray]
) -> None:
    plan, words = piece
    model = network(motif_bars)
    with torch.no_grad():
        ready = model.decode(inputs_of(words, plan, motif_bars), model.encode(plan_input(plan)))
        targets = torch.from_numpy(words[1:])[None]
        is_note = words[1:, POSITION] != BAR
        for column, size in enumerate(VOCABULARY):
            log_probs = model.log_probs(column, ready, targets)[0]
            assert log_probs.shape == (len(words) - 1, size)
            present = log_probs[torch.from_numpy(is_note)] if column else log_probs
            torch.testing.assert_close(present.exp().sum(-1), torch.ones(len(present)))
            ids = targets[0, :, column, None]
            own = log_probs.gather(-1, ids)[:, 0][torch.from_numpy(is_note | (column == 0))]
            assert own.isfinite().all()  # what a piece really does is never forbidden


def test_words_out_of_order_or_outside_the_bar_are_impossible() -> None:
    plan = plan_of((2, 4))
    words = np.array([[BAR, 0, 0, 0, 0], [8, 2, 40, 3, 3], [BAR, 0, 0, 0, 0]])
    model = network()
    with torch.no_grad():
        ready = model.decode(inputs_of(words, plan, 4), model.encode(plan_input(plan)))
        places = model.log_probs(0, ready, torch.zeros(1, 2, 5, dtype=torch.long))[0]
        here = torch.tensor([[[2, 1, 1, 1, 1], [8, 2, 1, 1, 1]]])
        roles = model.log_probs(1, ready, here)[0, 1]
        pitches = model.log_probs(PITCH, ready, here)[0, 1]
    possible = [np.flatnonzero(row.isfinite()).tolist() for row in places]
    assert possible[0] == [BAR, *range(2, 26)]
    assert possible[1] == [BAR, *range(8, 26)]
    assert np.flatnonzero(roles.isfinite()).tolist() == [2, 3]
    assert np.flatnonzero(pitches.isfinite()).tolist() == list(range(41, VOCABULARY[PITCH]))


@pytest.mark.parametrize("chunk", [1, 5])
def test_cached_decoding_equals_uncached(chunk: int) -> None:
    model, bars = network(), (4, 3, 4, 2, 4, 4)
    plan, words = plan_of(bars), piece_of(bars, 40)
    assert len(words) > 3 * model.config.context
    inputs = inputs_of(words, plan, 4)
    targets = torch.from_numpy(words[1:])[None]
    caches = [KeyValueCache(model.config.context) for _ in model.layers]
    with torch.no_grad():
        encoded = model.encode(plan_input(plan))
        whole = model.decode(inputs, encoded)
        for start in range(0, len(words) - 1, chunk):
            rows = slice(start, start + chunk)
            part = WordInput(*(column[:, rows] for column in inputs))
            ready = model.decode(part, encoded, start, caches)
            torch.testing.assert_close(ready.state, whole.state[:, rows], atol=1e-4, rtol=1e-4)
            for column in range(len(VOCABULARY)):
                torch.testing.assert_close(
                    model.log_probs(column, ready, targets[:, rows]),
                    model.log_probs(column, whole, targets)[:, rows],
                    atol=1e-4, rtol=1e-4,
                )  # fmt: skip


def test_a_page_of_the_plan_serves_as_the_whole() -> None:
    model, bars = network(), (4,) * 10
    plan, words = plan_of(bars), piece_of(bars, 50)
    inputs = inputs_of(words, plan, 4)
    reach = model.config.plan_window * model.config.encoder_layers
    assert reach <= 8
    rows = torch.isin(inputs.bar[0], torch.tensor([4, 5]))
    part = WordInput(*(column[:, rows] for column in inputs))
    page = plan_input(plan)
    cut = {name: getattr(page, name)[:, 4:] for name in ("chord", "beat", "beats", "bar")}
    page = page._replace(**cut, controls=page.controls[:, 4:])
    with torch.no_grad():
        whole = model.decode(part, model.encode(plan_input(plan)))
        paged = model.decode(part, model.encode(page, first_beat=4))
    torch.testing.assert_close(paged.state, whole.state, atol=1e-4, rtol=1e-4)


def test_later_words_change_nothing() -> None:
    model, bars = network(context=64), (4, 4, 4, 4)
    plan, words = plan_of(bars), piece_of(bars, 30)
    other = piece_of(bars, 30, seed=1)
    n = int((bar_of(words) < 2).sum())
    changed = np.concatenate([words[:n], other[bar_of(other) >= 2]])
    ours, theirs = log_probs_of(model, words, plan), log_probs_of(model, changed, plan)
    torch.testing.assert_close(ours[: n - 1], theirs[: n - 1], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(ours[n + 1 : n + 8], theirs[n + 1 : n + 8])


def test_the_plan_counts_as_far_as_the_windows_reach_and_no_farther() -> None:
    model, bars = network(motif_bars=0), (4,) * 12
    plan, words = plan_of(bars), piece_of(bars, 60)
    far = plan_of(bars, seed=1)
    config = model.config
    reach = 4 * config.bars_ahead + config.plan_window * config.encoder_layers
    at = 4 * 9
    mixed = NotePlan(
        bars,
        np.concatenate([plan.chords[:at], far.chords[at:]]),
        False,
        np.concatenate([plan.controls[:at], far.controls[at:]]),
        plan.known,
    )
    ours, theirs = log_probs_of(model, words, plan), log_probs_of(model, words, mixed)
    safe = int((bar_of(words) < (at - reach) // 4 - 1).sum()) - 1
    assert safe > 10
    torch.testing.assert_close(ours[:safe], theirs[:safe], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(ours[safe:], theirs[safe:], atol=1e-3)


def test_padding_changes_nothing() -> None:
    model, bars = network(), (4, 4)
    plan, words = plan_of(bars), piece_of(bars, 9)
    inputs, targets = inputs_of(words, plan, 4), torch.from_numpy(words[1:])[None]
    page = plan_input(plan)
    padded_plan = page._replace(
        chord=torch.nn.functional.pad(page.chord, (0, 3)),
        beat=torch.nn.functional.pad(page.beat, (0, 3)),
        beats=torch.nn.functional.pad(page.beats, (0, 3)),
        bar=torch.nn.functional.pad(page.bar, (0, 3), value=-1),
        controls=torch.nn.functional.pad(page.controls, (0, 0, 0, 3)),
    )
    padded = WordInput(
        *(torch.cat([c, torch.zeros_like(c[:, :2])], dim=1) for c in inputs)
    )._replace(bar=torch.nn.functional.pad(inputs.bar, (0, 2), value=-1))
    more = torch.nn.functional.pad(targets, (0, 0, 0, 2))
    with torch.no_grad():
        alone = model(inputs, page, targets)[0]
        among = model(padded, padded_plan, more)[0]
    torch.testing.assert_close(among[:, :-2], alone, atol=1e-5, rtol=1e-5)
    assert not among[:, -2:].any()


def drawn_pieces(rng: np.random.Generator, n: int) -> list[tuple[NotePlan, IntArray]]:
    """One bar of four beats, and the same again and again."""
    bars = (4,) * 4
    plan = NotePlan(
        bars, np.ones(16, dtype=np.int64), False, np.zeros((16, len(CONTROLS))),
        np.zeros(len(CONTROLS), dtype=bool),
    )  # fmt: skip
    found = []
    for _ in range(n):
        bar = [[12 * i, 0, int(rng.integers(48, 84)), 12, 71] for i in range(4)]
        notes = np.array([[48 * b + onset, *rest] for b in range(4) for onset, *rest in bar])
        found.append((plan, to_words(snap(notes), bars)))
    return found


def test_a_repeated_bar_is_expected_again() -> None:
    torch.manual_seed(0)
    # A bar has five words: attention to the last four cannot know the bar before.
    settings = CONFIG.to_dict() | {"context": 4, "decoder_layers": 1, "encoder_layers": 1}
    model = Arranger(ArrangerConfig(**settings))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    rng = np.random.default_rng(0)
    for _ in range(25):
        batch = drawn_pieces(rng, 8)
        rows = [inputs_of(words, plan, 4) for plan, words in batch]
        inputs = WordInput(*(torch.cat(column) for column in zip(*rows, strict=True)))
        plan = plan_input(batch[0][0])
        plans = plan.__class__(*(c.expand(8, *c.shape[1:]) for c in plan))
        targets = torch.from_numpy(np.stack([words[1:] for _, words in batch]))
        loss = -model(inputs, plans, targets)[0].sum(dim=-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()
    plan, words = drawn_pieces(np.random.default_rng(1), 1)[0]
    pitch = log_probs_of(model, words, plan)[:, PITCH]
    is_note, bar = words[1:, POSITION] != BAR, bar_of(words)[1:]
    first, again = pitch[is_note & (bar == 0)], pitch[is_note & (bar == 3)]
    assert first.exp().mean() < 0.2
    assert again.exp().mean() > 0.7


def test_one_lag_is_trusted_for_all_that_it_explains() -> None:
    heads = MotifHeads(4)
    plan, words = drawn_pieces(np.random.default_rng(2), 1)[0]
    memory = motif_context(words, plan.chart, 4)
    motifs = heads(*(torch.from_numpy(column)[None] for column in memory))
    sums = motifs.weights.sum(dim=-1)[0]
    later = torch.from_numpy(bar_of(words) > 0)
    torch.testing.assert_close(sums[later], torch.ones_like(sums[later]))
    assert not sums[~later].any()


@pytest.mark.parametrize(("d_model", "n_heads"), [(30, 4), (24, 4)])
def test_heads_that_cannot_turn_are_refused(d_model: int, n_heads: int) -> None:
    with pytest.raises(ValueError, match="n_heads times a multiple of four"):
        ArrangerConfig(d_model=d_model, n_heads=n_heads)
