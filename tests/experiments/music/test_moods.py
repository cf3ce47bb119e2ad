"""The comparison of moods counts what it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import pytest

from amt.arrange import arrange
from amt.types import Section, Song
from experiments.music.moods import (
    DIMENSIONS,
    MOODS,
    effect,
    equal_starts,
    measures_of,
    pair_effects,
    tempo_feel,
    text_of,
)
from tests.arrange.plan_strategies import make_plan


def song(**options: object) -> Song:
    return arrange(make_plan(24.0, **options))  # type: ignore[arg-type]


def test_tempo_feel_is_the_tempo_and_what_sections_say_of_it() -> None:
    half = (Section(0, "sad"), Section(24, "sad", "half"))
    assert tempo_feel(song(bpm=120.0)) == pytest.approx(120, abs=0.1)
    assert tempo_feel(song(bpm=120.0, sections=half)) == pytest.approx(90, abs=0.1)
    double = (Section(0, "sad", "double"),)
    assert tempo_feel(song(bpm=70.0, sections=double)) == pytest.approx(140, abs=0.1)


def test_an_effect_is_a_difference_in_deviations() -> None:
    assert effect([1.0, 2.0, 3.0], [3.0, 4.0, 5.0]) == pytest.approx(-2)
    assert effect([1.0, 1.0], [1.0, 1.0]) == 0
    assert effect([2.0, 2.0], [1.0, 1.0]) == float("inf")


def test_moods_are_distinct_where_their_measures_differ() -> None:
    noise = cycle([0.0, 0.1, -0.1])
    row = measures_of(song())

    def rows(**moved: float) -> list[dict[str, float]]:
        shifted = {name: value + moved.get(name, 0.0) for name, value in row.items()}
        return [
            {
                name: value + (next(noise) if name != "minor" else 0)
                for name, value in shifted.items()
            }
            for _ in range(6)
        ]

    table = {"sad": rows(), "tense": rows(density=1.0, minor=-1.0, **{"tense chords": 1.0})}
    found = pair_effects(table, "tense", "sad")
    assert {name for name, (_, distinct) in found.items() if distinct} == {
        "density", "mode", "harmony",
    }  # fmt: skip
    assert found["density"][0] > 0 > found["mode"][0]


def test_equal_starts_are_counted_and_the_report_is_a_table() -> None:
    one = song(chords="Am F C G")
    other = replace(one, chord_names=one.chord_names[1:])
    assert equal_starts({"sad": [one, one], "tense": [one, other]}, "sad", "tense") == 0.5
    pair = {**dict.fromkeys(DIMENSIONS, 1.0), "distinct": ["mode"], "same start": 0.5}
    report = {
        "pieces": 2,
        "means": {"density": dict.fromkeys(MOODS, 1.0)},
        "pairs": {"sad / tense": pair},
    }
    assert "| sad / tense | +1.0 | **+1.0** |" in text_of(report)
