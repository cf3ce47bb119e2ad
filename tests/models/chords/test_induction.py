"""The fixed induction heads against a plain loop, and what they are for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.models.chords.induction import (
    DECAYS,
    N_HEADS,
    NONE,
    ROOT_SIMILARITY,
    CopyContext,
    CopyMemory,
    InductionHeads,
    copy_context,
)

chord_lists = st.lists(st.integers(0, 30), min_size=1, max_size=25)


def alike(a: int, b: int) -> float:
    return 1.0 if a == b else ROOT_SIMILARITY * ((a - 1) // 13 == (b - 1) // 13)


def plain_similarity(chords: list[int], slot: int, lag: int, decay: float) -> float:
    """Weighted share of the chords before ``slot`` that equal those ``lag`` slots earlier."""
    return sum(
        (1 - decay) * decay ** (slot - 1 - k) * alike(chords[k], chords[k - lag])
        for k in range(lag, slot)
    )


@settings(max_examples=30, deadline=None)
@given(chord_lists, st.integers(1, 30))
def test_similarity_is_a_running_share_of_equal_chords(chords: list[int], reach: int) -> None:
    memory = copy_context(torch.tensor([chords]), reach)
    for slot in range(len(chords)):
        for lag in range(1, memory.chords.shape[-1] + 1):
            found = memory.chords[0, slot, lag - 1].item()
            assert found == (chords[slot - lag] if lag <= slot else NONE)
            for row, decay in enumerate(DECAYS):
                expected = plain_similarity(chords, slot, lag, decay)
                share = memory.similarity[0, slot, row, lag - 1].item()
                assert share == pytest.approx(expected, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(chord_lists)
def test_a_memory_grown_chord_by_chord_is_the_same(chords: list[int]) -> None:
    whole = copy_context(torch.tensor([chords]), 9)
    memories = [CopyMemory.empty(9)]
    for chord in chords[:-1]:
        memories.append(memories[-1].update(chord))
    grown = CopyContext.join(memories)
    reach = whole.chords.shape[-1]
    assert torch.equal(grown.chords[..., :reach], whole.chords)
    torch.testing.assert_close(grown.similarity[..., :reach], whole.similarity)


def test_every_head_answers_with_a_distribution_but_before_the_first_chord() -> None:
    output = InductionHeads()(copy_context(torch.randint(0, 157, (3, 20)), 8))
    totals = output.probs.sum(dim=-1)
    assert torch.equal(totals[:, 0], torch.zeros(3, N_HEADS))
    torch.testing.assert_close(totals[:, 1:], torch.ones(3, 19, N_HEADS))
    assert output.similarity.min() >= 0 and output.similarity.max() <= 1


def test_a_passage_that_returns_is_expected() -> None:
    verse = [1, 1, 40, 40, 73, 73, 99, 99, 7, 7, 55, 55]
    output = InductionHeads()(copy_context(torch.tensor([verse * 3]), 64))
    returning = output.probs[0, 18:]
    expected = torch.tensor((verse * 3)[18:])
    assert (returning.argmax(dim=-1) == expected[:, None]).float().mean() > 0.9


def test_a_chord_held_longer_the_second_time_does_not_end_the_match() -> None:
    first = [1, 1, 40, 40, 73, 73, 99, 99, 7, 7, 55, 55]
    second = [1, 1, 40, 40, 40, 73, 73, 99, 99, 7, 7]
    output = InductionHeads()(copy_context(torch.tensor([first + second + [0]]), 64))
    assert output.probs[0, -1].argmax(dim=-1).eq(55).float().mean() >= 0.5
