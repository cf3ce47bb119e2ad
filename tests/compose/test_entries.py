"""Entries: who plays when, and when the music begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.compose.entries import LIGHT, opening_silence, piece_entries
from amt.compose.phrases import piece_phrases
from amt.timing import steady_grid
from amt.types import Entry, Section
from tests.compose.test_sections import film

LABELS = {0: "intro", 4: "A", 12: "B", 20: "A'", 28: "coda"}
"""First bars of the sections."""


def entries(labels: dict[int, str] = LABELS, loud: int = 20, arousal: float = 0.0) -> list[Entry]:
    """Entries of a piece of 31 bars of two seconds, loudest in the section from a bar on."""
    grid = steady_grid(62.0, 120.0, whole_bars=True)
    sections = [Section(4 * bar, "neutral", label=label) for bar, label in labels.items()]
    phrases = piece_phrases(grid, sections, 120, np.random.default_rng(0))
    seconds = np.arange(62)
    loudness = np.where((seconds >= 2 * loud) & (seconds < 2 * loud + 16), 0.2, 0.1)
    return list(piece_entries(sections, phrases, grid, loudness, np.full(62, arousal)))


def resting(bar: int, **options) -> set[str]:
    before = [entry for entry in entries(**options) if entry.beat <= 4 * bar]
    return set(before[-1].resting) if before else set()


def test_roles_enter_one_after_the_other() -> None:
    assert resting(0) == {"melody", "counter", "bass", "drums"}
    assert resting(4) == {"counter", "bass", "drums"}
    assert resting(6) == {"counter", "drums"}
    assert resting(8) == set()


def test_a_soft_contrast_and_the_coda_are_thin_and_all_play_in_the_loudest_section() -> None:
    assert resting(12) == resting(16) == set(LIGHT)
    assert resting(12, loud=12) == set()
    assert resting(20) == resting(24) == set()
    assert resting(28) == set(LIGHT)


def test_an_agitated_piece_and_a_short_one_are_not_built_up() -> None:
    plain = {0: "A", 12: "B", 20: "A'"}
    assert resting(0, labels=plain) == {"counter", "bass", "drums"}
    assert resting(0, labels=plain, arousal=0.6) == set()
    grid = steady_grid(16.0, 120.0, whole_bars=True)
    sections = [Section(0, "neutral", label="A")]
    phrases = piece_phrases(grid, sections, 28, np.random.default_rng(0))
    assert piece_entries(sections, phrases, grid, np.ones(16), np.zeros(16)) == ()


@pytest.mark.parametrize(("arousal", "waits"), [(-0.6, True), (0.0, False), (0.6, False)])
def test_a_calm_piece_begins_a_little_after_the_picture(arousal: float, *, waits: bool) -> None:
    features = film("A", [60.0])
    features.appearance[:, 0], features.appearance[:, 1] = 0, 1  # no black
    grid = steady_grid(60.0, 80.0, whole_bars=True)
    found = opening_silence(features, grid, np.full(60, arousal))
    assert bool(found) == waits
    if waits:
        assert found[0].end_s in grid.beats_s
        assert 0.01 <= found[0].end_s / 60 <= 0.05
    assert opening_silence(film("B", [12.0]), grid, np.full(60, arousal)) in ((), found)


def test_the_music_waits_for_a_picture_that_begins_black() -> None:
    features = film("BC", [3.0, 57.0])
    rows = features.appearance.copy()
    rows[:2] = 0
    rows[:2, 0] = 1
    grid = steady_grid(60.0, 120.0, whole_bars=True)
    awake = np.zeros(60)
    assert opening_silence(replace(features, appearance=rows), grid, awake)[0].end_s == 2.0
    rows[:, 0] = 1
    assert opening_silence(replace(features, appearance=rows), grid, awake) == ()
    assert opening_silence(features, grid, awake) == ()
