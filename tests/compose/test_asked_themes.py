"""Sections that begin where a theme is asked for."""

from __future__ import annotations

from amt.compose.asked_themes import with_themes
from amt.types import Section
from tests.arrange.plan_strategies import moods, steady

GRID = steady(40.0)
FOUND = tuple(
    Section(beat, "sad", label=label)
    for beat, label in ((0, "intro"), (8, "A"), (40, "B"), (64, "A'"), (72, "coda"))
)


def labels(*themes: tuple[float, str]) -> dict[int, str]:
    made = with_themes(FOUND, themes, GRID, moods(40, "tense"))
    assert [s.beat for s in made] == sorted({s.beat for s in made})
    return {section.beat: section.label for section in made}


def test_a_theme_begins_on_the_downbeat_that_was_asked_for():
    # 12.1 s is nearest to beat 24; the others keep their sections, and primes count anew.
    assert labels((12.1, "A")) == {0: "intro", 8: "A", 24: "A'", 40: "B", 64: "A''", 72: "coda"}
    made = with_themes(FOUND, [(12.1, "C")], GRID, moods(40, "tense"))
    assert [s.mood for s in made] == ["sad", "sad", "tense", "sad", "sad", "sad"]


def test_found_sections_give_way_to_one_that_begins_near():
    assert labels((18.0, "C")) == {0: "intro", 8: "A", 36: "C", 64: "A'", 72: "coda"}
    assert labels((0.0, "B"), (2.0, "A"))[0] == "B"
    assert labels((2.0, "B")) == {0: "intro", 4: "B", 40: "B'", 64: "A", 72: "coda"}
