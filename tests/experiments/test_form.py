"""The measures of form: scenes that return, bars that are alike, and bars beside each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from amt.chords import Key, parse_chord
from experiments.music.films import Scene, scene_film
from experiments.music.form import bars_alike, compared, melody_bars, theme_returns
from experiments.music.piece import MELODY, Piece
from experiments.music.rolls import self_similarity

BEAT = 480
BAR = 4 * BEAT
THEMES = {"a": ([0, 4, 8], [60, 64, 62]), "b": ([2, 6, 10, 14], [70, 65, 67, 60])}
"""Onsets in sixteenths and pitches of a bar."""


def bar(letter: str, shift: int = 0) -> np.ndarray:
    onsets, pitches = THEMES[letter]
    return np.column_stack([onsets, np.array(pitches) + shift])


def piece(order: str) -> Piece:
    """A melody of a bar for each letter, at two seconds a bar."""
    rows = [
        (BAR * i + 120 * step, BAR * i + 120 * step + 100, pitch, 80)
        for i, letter in enumerate(order)
        for step, pitch in bar(letter)
    ]
    chords = np.repeat([parse_chord("C" if letter == "a" else "G").id for letter in order], 4)
    beat_s = np.full(4 * len(order), 0.5)
    parts = {MELODY: np.array(rows)}
    return Piece("drawn", Key(0, "major"), (4,) * len(order), beat_s, chords, parts)


def test_themes_that_return_with_their_scenes_are_counted():
    found = compared("ABAC", lambda i, j: (i, j) in {(0, 2), (0, 3)})
    assert (found.recall, found.precision) == (1.0, 0.5)
    assert compared("ABAC", lambda i, j: False).recall == 0.0


def test_bars_are_alike_in_rhythm_and_contour_whatever_their_pitch():
    assert bars_alike(bar("a"), bar("a", 7))
    assert not bars_alike(bar("a"), bar("b"))
    turned = bar("a")
    turned[:, 1] *= -1
    assert not bars_alike(bar("a"), turned)


def test_a_theme_returns_at_the_beginning_of_a_scene():
    made = piece("aabbaabb")
    first, other, again = (
        melody_bars(made, Scene(start, start + 4.0, "A")) for start in (0.0, 4.0, 8.0)
    )
    assert theme_returns(first, again)
    assert not theme_returns(first, other)
    assert not theme_returns([], again)


def test_equal_bars_are_bright_in_the_self_similarity_matrix():
    matrix = self_similarity(piece("abab"))
    assert matrix.shape == (4, 4)
    np.testing.assert_allclose(np.diag(matrix), 1)
    assert matrix[0, 2] == matrix[1, 3] == 1
    assert matrix[0, 1] <= 0.5


def test_scenes_of_a_drawn_film_return_and_fill_it():
    film, scenes = scene_film(3)
    names = [scene.name for scene in scenes]
    assert names[0] in names[1:]
    assert scenes[-1].end_s == film.end_s
    assert all(a.end_s == b.start_s for a, b in pairwise(scenes))
