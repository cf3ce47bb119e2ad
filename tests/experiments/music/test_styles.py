"""The measures of how far styles differ, and of drums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.arrange import arrange
from data_prep.groove import Performance
from experiments.music.styles import (
    arranged,
    distance,
    drumming_of,
    drumming_of_song,
    mean_drumming,
    overlap,
    pair_values,
    shared,
    style_table,
)
from tests.arrange.plan_strategies import make_plan


def test_shares_and_distances() -> None:
    one, other = frozenset({(0, 40), (4, 47)}), frozenset({(0, 40), (2, 47), (8, 40)})
    assert shared(one, one) == 1
    assert shared(one, other) == pytest.approx(0.4)
    assert np.isnan(shared(one, frozenset()))
    assert distance(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1


def test_styles_of_one_plan_differ() -> None:
    plan = make_plan(32, chords="Am F C G", density=12.0, mood="exciting")
    styles = {name: replace(plan, style=name) for name in ("band", "synth", "piano")}
    made = {name: arranged(wish, arrange(wish)) for name, wish in styles.items()}
    pairs = pair_values(made)
    assert all(values[0] <= 0.5 for values in pairs.values())
    assert pairs["band", "synth"][1] <= 0.7
    assert all(values[2] >= 0.2 for values in pairs.values())
    assert "mean" in style_table({pair: [values] for pair, values in pairs.items()})
    same = pair_values({"a": made["band"], "b": made["band"]})
    assert same["a", "b"] == (1, 1, 0)


def test_drums_of_a_song_are_measured_like_those_of_a_drummer() -> None:
    song = arrange(make_plan(32, style="band", mood="exciting", density=14.0))
    ours = drumming_of_song(song)
    assert ours is not None
    hits = {
        "kick": np.array([[0, 0, 100], [8, 0, 90]]),
        "snare": np.array([[4, 0, 120], [7, 0, 30], [12, 0, 120]]),
        "hat": np.array([[step, 0, 80] for step in range(0, 16, 2)]),
        "low": np.array([[15, 0, 90]]),
    }
    theirs = drumming_of(Performance("a", "rock", False, "test", 100.0, hits))
    assert theirs is not None
    assert theirs.ghosts == pytest.approx(1 / 3)
    assert theirs.toms == 1
    assert overlap(theirs, theirs) == pytest.approx(1)
    assert 0.3 <= overlap(ours, mean_drumming([theirs, theirs])) < 1
    assert drumming_of_song(arrange(make_plan(8, style="piano"))) is None
