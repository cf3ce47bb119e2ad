"""Which sections get a key of their own."""

from __future__ import annotations

import numpy as np
import pytest

from amt.chords import Key
from amt.compose.grid import chord_slots
from amt.compose.section_keys import (
    parallel_key,
    relative_key,
    slot_keys,
    with_keys,
)
from amt.timing import steady_grid
from amt.types import Section

C, A_MINOR = Key(0, "major"), Key(9, "minor")
BAR_S = 2.0


def keys(moods: list[tuple[float, float]], key: Key = C, bars: int = 8) -> list[Key | None]:
    """The keys of sections of some bars each, with these valences and arousals."""
    n_bars = bars * len(moods)
    grid = steady_grid(n_bars * BAR_S, 120.0, whole_bars=True)
    affect = np.repeat(np.array(moods), round(bars * BAR_S), axis=0)
    sections = [Section(4 * bars * i, "neutral") for i in range(len(moods))]
    return [section.key for section in with_keys(sections, grid, key, affect)]


def test_a_darker_section_goes_to_the_relative_and_a_much_darker_one_to_the_parallel() -> None:
    assert keys([(0.3, 0), (-0.1, 0), (0.3, 0)]) == [None, relative_key(C), None]
    assert keys([(0.6, 0), (-0.6, 0), (0.6, 0)]) == [None, parallel_key(C), None]
    assert keys([(-0.3, 0), (0.2, 0), (-0.3, 0)], A_MINOR) == [None, relative_key(A_MINOR), None]
    assert relative_key(relative_key(C)) == parallel_key(parallel_key(C)) == C


def test_a_section_that_is_dark_but_no_darker_than_the_piece_keeps_its_key() -> None:
    assert keys([(0.05, 0), (-0.08, 0), (0.05, 0)]) == [None, None, None]
    assert keys([(0.7, 0), (0.1, 0), (0.7, 0)]) == [None, None, None]


def test_short_sections_do_not_change_the_key() -> None:
    assert keys([(0.6, 0), (-0.6, 0), (0.6, 0), (-0.6, 0), (0.6, 0)], bars=3) == [None] * 5


def test_a_key_is_kept_while_the_mood_only_wavers() -> None:
    """Just below the threshold a section stays in a key, but would not go there."""
    stays = keys([(0.3, 0), (0.3, 0), (-0.2, 0), (-0.06, 0), (0.2, 0)])
    alone = keys([(0.2, 0), (0.2, 0), (0.1, 0), (-0.06, 0), (0.1, 0)])
    assert stays[3] is not None
    assert alone[3] is None


def test_the_piece_ends_on_its_own_tonic() -> None:
    assert keys([(0.3, 0), (0.3, 0), (-0.1, 0)])[-1] is None
    assert keys([(0.6, 0), (0.6, 0), (-0.6, 0)])[-1] == parallel_key(C)


@pytest.mark.parametrize(("valence", "mode"), [(0.4, "major"), (-0.4, "minor")])
def test_a_joyful_climax_is_lifted_by_a_whole_tone(valence: float, mode: str) -> None:
    home = Key(0, mode)
    found = keys([(valence, 0), (valence, 0.7), (valence, 0)], home)
    assert found == [None, Key(2, "major") if mode == "major" else None, None]


def test_every_slot_is_in_the_key_of_its_section() -> None:
    slots = chord_slots(steady_grid(8.0, 120.0, whole_bars=True))
    sections = [Section(4, "sad", key=A_MINOR), Section(8, "sad")]
    assert slot_keys(slots, sections, C) == (C, C, A_MINOR, A_MINOR, C, C, C, C)
    assert slot_keys(slots, (), C) == (C,) * 8
