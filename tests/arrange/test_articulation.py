"""Notes are detached at high arousal and legato at low; rests and long notes stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amt.arrange.articulation import articulated
from amt.arrange.draft import Draft
from amt.arrange.form import form_of
from amt.types import TICKS_PER_BEAT
from tests.arrange.plan_strategies import make_plan, moods

BEAT = TICKS_PER_BEAT


def lengths(mood: str, part: list[Draft]) -> list[int]:
    plan = make_plan(24.0)
    form = form_of(replace(plan, emotion=moods(24, mood)))
    return [note.end - note.start for note in articulated(part, form)]


def line(length: int) -> list[Draft]:
    return [Draft(i * BEAT, 60, i * BEAT + length) for i in range(8)]


@pytest.mark.parametrize("mood", ["exciting", "tense", "fearful"])
def test_agitated_notes_are_detached(mood: str) -> None:
    assert max(lengths(mood, line(BEAT))) <= 0.75 * BEAT
    assert lengths(mood, line(20)) == [20] * 8  # already short


@pytest.mark.parametrize("mood", ["sad", "relaxing"])
def test_calm_notes_reach_the_next_one_but_not_over_a_rest(mood: str) -> None:
    assert lengths(mood, line(BEAT // 2))[:-1] == [BEAT] * 7
    apart = [Draft(0, 60, BEAT), Draft(4 * BEAT, 62, 5 * BEAT)]
    assert lengths(mood, apart) == [BEAT, BEAT]


def test_neutral_notes_long_notes_and_the_ending_stay() -> None:
    assert lengths("neutral", line(BEAT // 2)) == [BEAT // 2] * 8
    assert lengths("exciting", [Draft(0, 60, 3 * BEAT)]) == [3 * BEAT]
    ending = form_of(make_plan(24.0)).ending
    assert lengths("exciting", [Draft(ending, 60, ending + BEAT)]) == [BEAT]
