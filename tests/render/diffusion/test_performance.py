"""Vibrato, slurs and the colour of soft notes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.diffusion.performance import (
    SLUR_OVERLAP_S,
    VIBRATO_DELAY_S,
    VIBRATO_LEAST_S,
    VIBRATO_RISE_S,
    VIBRATO_SEMITONES,
    connected,
    upper_band,
    vibrato_of,
)
from render.score import Note

VIOLIN, FLUTE, PIANO, CLARINET = 40, 73, 0, 71


def test_vibrato_begins_late_and_grows():
    vibrato = vibrato_of(VIOLIN, 1.0, 2.0)
    assert vibrato is not None
    age_s = np.linspace(0, 2, 2001)
    semitones = vibrato.deviation(age_s)
    assert not semitones[age_s <= VIBRATO_DELAY_S].any()
    early = np.abs(semitones[age_s < VIBRATO_DELAY_S + 0.15]).max()
    full = np.abs(semitones[age_s > VIBRATO_DELAY_S + VIBRATO_RISE_S]).max()
    assert early < 0.35 * full
    assert full == pytest.approx(VIBRATO_SEMITONES[VIOLIN], rel=0.26)
    crossings = np.count_nonzero(np.diff(np.sign(semitones[age_s > 0.81])))
    assert crossings / 2 / (2 - 0.81) == pytest.approx(5.6, abs=0.8)


@given(onset_s=st.floats(0, 600), program=st.sampled_from(sorted(VIBRATO_SEMITONES)))
def test_phase_is_the_integral_of_pitch(onset_s, program):
    vibrato = vibrato_of(program, onset_s, 3.0)
    age_s = np.linspace(0, 3, 30_001)
    ratio = 2 ** (vibrato.deviation(age_s) / 12) - 1
    integral = np.concatenate([[0], np.cumsum((ratio[1:] + ratio[:-1]) / 2 * np.diff(age_s))])
    assert np.abs(vibrato.ahead_s(age_s) - integral).max() < 2e-5 + 5e-5 * age_s[-1]
    # The pitch swings about what is written: nobody ends higher than written.
    late = age_s > 1
    assert abs(np.polyfit(age_s[late], vibrato.ahead_s(age_s)[late], 1)[0]) < 2e-4


def test_who_has_vibrato():
    assert vibrato_of(PIANO, 0.0, 5.0) is None
    assert vibrato_of(CLARINET, 0.0, 5.0) is None
    assert vibrato_of(VIOLIN, 0.0, VIBRATO_LEAST_S - 0.01) is None
    assert len({vibrato_of(FLUTE, 0.5 * i, 1.0) for i in range(10)}) > 5


def held(*notes: Note, program: int = VIOLIN) -> list[float]:
    return [note.end_s for note, _ in sorted(connected([(note, program) for note in notes]))]


def test_notes_that_follow_each_other_overlap():
    line = (Note(0, 1, 60, 80), Note(1, 2, 62, 80), Note(2.02, 3, 64, 80))
    assert held(*line) == pytest.approx([1 + SLUR_OVERLAP_S, 2.02 + SLUR_OVERLAP_S, 3])
    assert held(*line, program=PIANO) == [1, 2, 3]


@pytest.mark.parametrize(
    "following",
    [
        Note(1.1, 2, 62, 80),  # a rest
        Note(1, 2, 60, 80),  # the same key anew
        Note(1, 2, 75, 80),  # too far
    ],
)
def test_what_does_not_connect(following):
    assert held(Note(0, 1, 60, 80), following) == [1, following.end_s]


def test_a_note_is_not_held_into_its_own_repetition():
    ends = held(Note(0, 1, 60, 80), Note(1, 1.04, 62, 80), Note(1.04, 2, 60, 80))
    assert ends[0] == pytest.approx(1.04)


@given(
    notes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 8), st.integers(55, 70)), max_size=12
    )
)
def test_connecting_never_shortens_nor_moves(notes):
    played = [(Note(s / 8, (s + d) / 8, p, 80), VIOLIN) for s, d, p in notes]
    after = connected(played)
    assert len(after) == len(played)
    for (one, _), (other, _) in zip(sorted(played), sorted(after), strict=True):
        assert (one.start_s, one.pitch) == (other.start_s, other.pitch)
        assert one.end_s <= other.end_s <= one.end_s + SLUR_OVERLAP_S + 0.03


def test_soft_notes_are_darker():
    factors = upper_band(np.array([127.0, 90.0, 64.0, 0.0]))
    assert factors[0] == 1 and factors[-1] == 0
    assert (np.diff(factors) < 0).all()
    whole_db = 40 * np.log10(64 / 127)
    assert 20 * np.log10(factors[2]) == pytest.approx(whole_db / 2)
