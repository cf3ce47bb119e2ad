"""A melody moves by octaves as a whole, or by whole phrases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amt.arrange.form import form_of
from amt.arrange.registers import in_register, within
from amt.arrange.styles import load_style
from amt.arrange.tracks import Draft
from tests.arrange.plan_strategies import make_plan, moods

PLAN = make_plan(32.0)
FORM = form_of(PLAN)
FLUTE = load_style("orchestral").instrument("melody")
assert FLUTE is not None


def line(*pitches: int) -> list[Draft]:
    return [Draft(480 * i, pitch, 480 * i + 400) for i, pitch in enumerate(pitches)]


def pitches(notes: list[Draft]) -> list[int]:
    return [note.pitch for note in notes]


def test_a_low_flute_melody_goes_up_an_octave() -> None:
    assert pitches(in_register(line(62, 64, 67), FORM, FLUTE)) == [74, 76, 79]
    assert pitches(in_register(line(74, 76, 79), FORM, FLUTE)) == [74, 76, 79]


def test_without_a_centre_a_melody_in_range_stays() -> None:
    assert pitches(in_register(line(62, 64, 67), FORM, replace(FLUTE, centre=None))) == [62, 64, 67]


def test_a_phrase_beyond_the_range_moves_as_a_whole() -> None:
    first, second = [76, 79, 81, 79] * 4, [98, 95, 97, 93] * 4
    moved = pitches(in_register(line(*first, *second), FORM, replace(FLUTE, centre=None)))
    assert moved == first + [pitch - 12 for pitch in second]


@given(st.lists(st.integers(20, 120), min_size=1), st.integers(30, 70), st.integers(11, 40))
def test_every_note_is_in_range_by_octaves_alone(drawn: list[int], low: int, width: int) -> None:
    before, after = line(*drawn), within(line(*drawn), low, low + width)
    shifts = np.array(pitches(after)) - pitches(before)
    assert (shifts % 12 == 0).all()
    assert all(low <= pitch <= low + width for pitch in pitches(after))
    if max(drawn) - min(drawn) <= width - 11:
        assert len(set(shifts.tolist())) == 1, "intervals stay"


def test_joy_lifts_the_centre_of_a_melody_and_sadness_lowers_it() -> None:
    def lowest(mood: str) -> int:
        form = form_of(replace(PLAN, emotion=moods(len(PLAN.emotion), mood)))
        # As far below the centre as above it an octave higher.
        return min(pitches(in_register(line(68, 68, 68), form, replace(FLUTE, centre=74))))

    assert lowest("exciting") == 80
    assert lowest("sad") == 68
