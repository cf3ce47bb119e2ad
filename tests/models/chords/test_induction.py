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
    ROOT_LIKENESS,
    EchoHeads,
    EchoMemory,
    Recollection,
    recollect,
)

chord_lists = st.lists(st.integers(0, 30), min_size=1, max_size=25)


def alike(a: int, b: int) -> float:
    return 1.0 if a == b else ROOT_LIKENESS * ((a - 1) // 13 == (b - 1) // 13)


def plain_likeness(chords: list[int], slot: int, lag: int, decay: float) -> float:
    """Weighted share of the chords before ``slot`` that equal those ``lag`` slots earlier."""
    return sum(
        (1 - decay) * decay ** (slot - 1 - k) * alike(chords[k], chords[k - lag])
        for k in range(lag, slot)
    )


@settings(max_examples=30, deadline=None)
@given(chord_lists, st.integers(1, 30))
def test_likeness_is_a_running_share_of_equal_chords(chords: list[int], reach: int) -> None:
    memory = recollect(torch.tensor([chords]), reach)
    for slot in range(len(chords)):
        for lag in range(1, memory.chords.shape[-1] + 1):
            heard = memory.chords[0, slot, lag - 1].item()
            assert heard == (chords[slot - lag] if lag <= slot else NONE)
            for row, decay in enumerate(DECAYS):
                expected = plain_likeness(chords, slot, lag, decay)
                found = memory.likeness[0, slot, row, lag - 1].item()
                assert found == pytest.approx(expected, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(chord_lists)
def test_a_memory_grown_chord_by_chord_is_the_same(chords: list[int]) -> None:
    whole = recollect(torch.tensor([chords]), 9)
    memories = [EchoMemory.empty(9)]
    for chord in chords[:-1]:
        memories.append(memories[-1].heard(chord))
    grown = Recollection.join(memories)
    reach = whole.chords.shape[-1]
    assert torch.equal(grown.chords[..., :reach], whole.chords)
    torch.testing.assert_close(grown.likeness[..., :reach], whole.likeness)


def test_every_head_answers_with_a_distribution_but_before_the_first_chord() -> None:
    echo = EchoHeads()(recollect(torch.randint(0, 157, (3, 20)), 8))
    totals = echo.probs.sum(dim=-1)
    assert torch.equal(totals[:, 0], torch.zeros(3, N_HEADS))
    torch.testing.assert_close(totals[:, 1:], torch.ones(3, 19, N_HEADS))
    assert echo.likeness.min() >= 0 and echo.likeness.max() <= 1


def test_a_passage_that_returns_is_expected() -> None:
    verse = [1, 1, 40, 40, 73, 73, 99, 99, 7, 7, 55, 55]
    echo = EchoHeads()(recollect(torch.tensor([verse * 3]), 64))
    returning = echo.probs[0, 18:]
    expected = torch.tensor((verse * 3)[18:])
    assert (returning.argmax(dim=-1) == expected[:, None]).float().mean() > 0.9


def test_a_chord_held_longer_the_second_time_does_not_end_the_match() -> None:
    first = [1, 1, 40, 40, 73, 73, 99, 99, 7, 7, 55, 55]
    second = [1, 1, 40, 40, 40, 73, 73, 99, 99, 7, 7]
    echo = EchoHeads()(recollect(torch.tensor([first + second + [0]]), 64))
    assert echo.probs[0, -1].argmax(dim=-1).eq(55).float().mean() >= 0.5
