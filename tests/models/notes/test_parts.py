"""Long pieces in parts: where parts begin, and that they are whole music together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from amt.models.notes import parts
from amt.models.notes.batched_decoder import WholePlans
from amt.models.notes.conditioning import NotePlan, plan_input
from amt.models.notes.inputs import CONTROLS
from amt.models.notes.parts import LONG_BARS, MARGIN_BARS, PART_BARS, part_edges, part_plan
from amt.models.notes.tokens import BAR, POSITION, bar_of, to_notes, to_words
from tests.models.notes.test_decode import network, plan_of, written

SHORTEST = parts.SHORTEST_PART_BARS


def with_sections(plan: NotePlan, *bars: int) -> NotePlan:
    controls = plan.controls.copy()
    controls[plan.downbeats[list(bars)], CONTROLS.index("section")] = 1
    return replace(plan, controls=controls)


def test_parts_begin_with_sections_and_are_never_short() -> None:
    assert part_edges(plan_of((4,) * (LONG_BARS - 1))) == (0, LONG_BARS - 1)
    plain = plan_of((4,) * 300)
    assert part_edges(plain)[:3] == (0, PART_BARS, 2 * PART_BARS)
    marked = with_sections(plain, 0, 10, PART_BARS - 9, PART_BARS + 3, 2 * PART_BARS - 4, 290)
    assert part_edges(marked)[:3] == (0, PART_BARS + 3, 2 * PART_BARS - 4)
    for n_bars in range(LONG_BARS, LONG_BARS + 200, 7):
        edges = part_edges(plan_of((2,) * n_bars))
        lengths = [last - first for first, last in pairwise(edges)]
        assert edges[-1] == n_bars and min(lengths) >= SHORTEST
        assert max(lengths) <= PART_BARS + SHORTEST


def test_the_plan_of_a_part_is_that_of_its_bars() -> None:
    plan = plan_of((4, 3, 2, 5) * 3)
    part = part_plan(plan, 2, 5)
    assert part.bars == plan.bars[2 : 5 + MARGIN_BARS]
    beats = slice(7, 7 + sum(part.bars))
    np.testing.assert_array_equal(part.chords, plan.chords[beats])
    np.testing.assert_array_equal(part.controls, plan.controls[beats])


def test_a_long_piece_is_music_and_the_same_every_time() -> None:
    bars = tuple(4 if i % 5 else 3 for i in range(LONG_BARS + 100))
    plan = with_sections(plan_of(bars, density=0.5), *range(0, len(bars), 13))
    words = written(plan)
    assert bar_of(words)[-1] == len(bars) and words[-1, POSITION] == BAR
    notes = to_notes(words, bars)
    np.testing.assert_array_equal(to_words(notes, bars), words)
    counts = np.bincount(bar_of(words))[: len(bars)] - 1
    assert (counts > 0).mean() > 0.9
    np.testing.assert_array_equal(written(plan), words)
    assert len(written(plan, seed=1)) != len(words)


def test_parts_do_not_repeat_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of one plan differ, in one group and in several."""
    plan = plan_of((4,) * (LONG_BARS + 8), density=0.5)
    plan = replace(plan, chords=np.full(len(plan.chords), plan.chords[0]))
    for group in (1, 8):
        monkeypatch.setattr(parts, "GROUP", group)
        words = written(plan)
        first, second = (words[(bar_of(words) >= b) & (bar_of(words) < b + 20)] for b in (0, 64))
        assert len(first) != len(second) or (first != second).any()


def test_padding_changes_nothing_of_a_plan() -> None:
    plans = [plan_of((4,) * n, seed=n) for n in (3, 12)]
    with torch.inference_mode():
        together = WholePlans(network(), plans).around(0, 2)
        alone = network().encode(plan_input(plans[0]))
    n_beats = 12
    torch.testing.assert_close(together.states[:1, :n_beats], alone.states)
    assert (together.plan.bar[0, n_beats:] < 0).all()
