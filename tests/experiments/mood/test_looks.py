"""Drawn films look as they were asked to, and are read as they were meant."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.mood import films
from experiments.mood.looks import as_meant, clip_figures, confusion, read_mood, text_of


@pytest.mark.parametrize("look", films.LOOKS)
def test_a_drawn_film_is_read_as_it_was_meant(look, tmp_path):
    # A seed of neither group.
    features = films.features_of(films.look_film(look, 1000), tmp_path)
    assert read_mood(features) in films.EXPECTED[look]
    figures = clip_figures(features)
    assert figures["valence followed"] <= figures["valence read"] + 1e-9
    table = confusion([(look, features)])
    assert as_meant(table) == 1
    group = {"confusion": table, "as meant": 1.0, "clips": [("a film", "sad", figures)]}
    assert "| a film | sad |" in text_of({"reported": group})


def test_the_groups_of_films_have_no_seed_in_common():
    assert not set(films.CALIBRATION_SEEDS) & set(films.REPORTED_SEEDS)


def test_a_film_that_changes_its_look_is_followed(tmp_path):
    film = films.changing_film("bright still", "dark moving", 1000)
    halves = [np.mean([image.mean() for image in film.images[i::2]]) for i in (0, 1)]
    assert halves[0] == pytest.approx(halves[1], rel=0.1)
    figures = clip_figures(films.features_of(film, tmp_path))
    for axis in ("valence", "arousal"):
        assert figures[f"{axis} followed"] >= 0.7 * figures[f"{axis} read"] > 0.3
