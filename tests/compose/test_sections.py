"""Sections: where they begin, and that they share a theme where they show the same scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.compose.scenes import shot_spans
from amt.compose.sections import MIN_SECTION_S, MOST_CODA, MOST_INTRO, piece_sections
from amt.features.appearance import DIM, N_COLOURS, appearance, similarity
from amt.timing import steady_grid
from amt.types import EMOTIONS, Cut, Section, VideoFeatures


def film(scenes: str, seconds: list[float], mood: str = "neutral") -> VideoFeatures:
    """Shots that each show one of the scenes A, B, C …, between strong cuts."""
    edges = np.cumsum([0.0, *seconds])
    rows = np.zeros((int(np.ceil(edges[-1])), DIM))
    names = np.searchsorted(edges, np.arange(len(rows)), side="right") - 1
    for second, shot in enumerate(names):
        rows[second, ord(scenes[shot]) - 65] = rows[second, N_COLOURS] = 1
    return VideoFeatures(
        duration_s=float(edges[-1]),
        emotion=np.tile(np.eye(len(EMOTIONS))[EMOTIONS.index(mood)], (len(rows), 1)),
        motion=np.zeros(len(rows)),
        scene_offset=np.zeros(len(rows)),
        cuts=tuple(Cut(float(time_s), 0.9) for time_s in edges[1:-1]),
        semantic=None,
        backend="analytic",
        appearance=rows,
    )


def sections(features: VideoFeatures, bpm: float = 120.0) -> list[tuple[str, float]]:
    """Label and start in seconds of each section."""
    grid = steady_grid(features.duration_s, bpm, whole_bars=True)
    made = piece_sections(features, grid, features.emotion)
    return [(s.label, float(grid.beats_s[s.beat])) for s in made]


def labels(features: VideoFeatures, bpm: float = 120.0) -> list[str]:
    return [label for label, _ in sections(features, bpm)]


@pytest.mark.parametrize("order", ["ABA", "ABCA", "ABAC", "ABCB", "ABCABC"])
def test_a_scene_that_returns_has_its_theme_and_others_have_their_own(order: str) -> None:
    made = labels(film(order, [8.0] * len(order)))
    seen = ""
    for scene, label in zip(order, made, strict=True):
        assert label == scene + "'" * seen.count(scene)
        seen += scene


def test_scenes_are_as_old_as_their_first_shot() -> None:
    found = [shot.scene for shot in shot_spans(film("ACABC", [3, 3, 3, 3, 3]))]
    assert found == [0, 1, 0, 2, 1]
    without = replace(film("ABA", [8.0] * 3), appearance=None)
    assert [shot.scene for shot in shot_spans(without)] == [0, 1, 2]


def test_a_shot_without_a_picture_of_its_own_counts_to_the_scene_before() -> None:
    features = film("ABCA", [3.2, 0.3, 0.3, 4.2])
    assert [shot.scene for shot in shot_spans(features)] == [0, 0, 0, 0]


def test_a_film_that_cuts_back_and_forth_is_one_section() -> None:
    dialogue = film("ABABABABCD", [2.0] * 8 + [8.0, 10.0])
    assert sections(dialogue) == [("A", 0.0), ("B", 16.0), ("A'", 24.0)]
    insert = film("ABA", [12.0, 2.0, 12.0])
    assert len(sections(insert)) == 1


def test_dialogues_of_the_same_people_share_a_theme() -> None:
    features = film("ABABCABAB", [2.5, 2.5, 2.5, 2.5, 10.0, 2.5, 2.5, 2.5, 2.5])
    assert labels(features) == ["A", "B", "A'"]


def test_a_film_without_returns_ends_with_its_first_theme() -> None:
    assert labels(film("ABCD", [10.0] * 4)) == ["A", "B", "C", "A'"]


def test_a_piece_has_few_themes() -> None:
    made = labels(film("ABCDEFGHIJ", [9.0] * 10))
    assert made == ["A", "B", "C", "D", "A'", "B'", "C'", "D'", "A''", "B''"]


def test_a_long_shot_has_a_contrast_a_return_and_a_coda() -> None:
    made = sections(film("A", [60.0], "relaxing"), 76.0)
    assert [label for label, _ in made][-4:] == ["A", "B", "A'", "coda"]
    assert labels(film("A", [20.0])) == ["A"]


def test_a_long_shot_is_divided_where_movement_changes() -> None:
    still = film("A", [64.0])
    grid = steady_grid(64.0, 120.0, whole_bars=True)
    for second in (16, 22):
        moving = replace(still, motion=np.where(np.arange(64) < second, 0.0, 20.0))
        made = piece_sections(moving, grid, moving.emotion)
        assert float(second) in [float(grid.beats_s[s.beat]) for s in made]


def test_ends_are_short_and_an_agitated_film_begins_at_once() -> None:
    for seconds in (40.0, 64.0, 120.0):
        features = film("AB", [seconds / 2] * 2)
        made = sections(features)
        assert (made[0][0], made[-1][0]) == ("intro", "coda")
        assert MIN_SECTION_S <= made[1][1] <= MOST_INTRO * seconds
        assert MIN_SECTION_S <= seconds - made[-1][1] <= MOST_CODA * seconds
        assert labels(film("AB", [seconds / 2] * 2, "exciting"))[0] == "A"
    assert labels(film("A", [16.0])) == ["A"]


def test_sections_of_a_film_without_appearance_alternate() -> None:
    features = replace(film("ABCDE", [8.0] * 5), appearance=None)
    assert labels(features) == ["A", "B", "A'", "C", "A''"]
    assert labels(replace(film("ABCD", [8.0] * 4), appearance=None)) == ["A", "B", "A'", "A''"]


def test_appearance_is_a_matter_of_colours_and_edges() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (36, 64, 3), dtype=np.uint8)
    row = appearance(picture)
    assert row.shape == (DIM,)
    assert row[:N_COLOURS].sum() == pytest.approx(1)
    assert row[N_COLOURS:].sum() == pytest.approx(1)
    assert similarity(row, row) == pytest.approx(1)
    dark = appearance(np.zeros((36, 64, 3), dtype=np.uint8))
    bright = appearance(np.full((36, 64, 3), 255, dtype=np.uint8))
    assert similarity(dark, bright) <= 0.5
    upright = np.zeros((36, 64, 3), dtype=np.uint8)
    upright[:, ::8] = 255
    lying = np.zeros((36, 64, 3), dtype=np.uint8)
    lying[::8] = 255
    assert similarity(appearance(upright), appearance(lying)) <= 0.7


def test_sections_last_long_enough_whatever_the_film() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        lengths = rng.uniform(0.5, 20.0, rng.integers(1, 12))
        order = "".join(chr(65 + rng.integers(5)) for _ in lengths)
        features = film(order, lengths.tolist())
        grid = steady_grid(features.duration_s, float(rng.uniform(66, 138)), whole_bars=True)
        made: tuple[Section, ...] = piece_sections(features, grid, features.emotion)
        starts_s = [float(grid.beats_s[s.beat]) for s in made]
        ends_s = [*starts_s[1:], features.duration_s]
        assert starts_s[0] == 0
        if len(made) > 1:
            pairs = zip(starts_s, ends_s, strict=True)
            assert min(end - start for start, end in pairs) >= MIN_SECTION_S - 1e-6
        assert all(s.beat in grid.downbeats for s in made)
