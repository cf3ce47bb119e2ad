"""The counter-melody fills the gaps of the melody, below it, by step and in contrary motion."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange import counter
from amt.arrange.counter import LEAST_GAP, LONGEST, counter_melody, phrase_spans
from amt.arrange.score import Score, write_score
from amt.arrange.spacing import MELODY_GAP
from amt.arrange.styles import Instrument, load_style
from amt.arrange.tracks import Draft
from amt.types import TICKS_PER_BEAT, Plan
from tests.arrange.plan_strategies import make_plan, plans

PLAN = make_plan(64.0, chords="Am F C G Dm E7 Am Am", mood="neutral", style="orchestral")


def player(style: str = "orchestral") -> Instrument:
    found = load_style(style).instrument("counter")
    assert found is not None
    return found


def drawn_melody(score: Score, seed: int) -> list[Draft]:
    """A melody in one voice with short and long notes and rests, in steps and thirds."""
    rng = np.random.default_rng(seed)
    tick, pitch, notes = 0, 79, []
    while tick < score.form.end:
        length = int(rng.choice([1, 1, 2, 4, 6, 8])) * TICKS_PER_BEAT // 2
        pitch = int(np.clip(pitch + rng.integers(-4, 5), 64, 93))
        if rng.random() > 0.2:
            notes.append(Draft(tick, pitch, min(tick + length, score.form.end)))
        tick += length
    return notes


def written(plan: Plan = PLAN, seed: int = 0, phrases: tuple[int, ...] = (1, 3, 5, 7)):
    score = write_score(plan, load_style(plan.style))
    melody = drawn_melody(score, seed)
    return score, melody, counter_melody(melody, score, player(), phrases)


@settings(max_examples=30, deadline=None)
@given(plans(style="orchestral"), st.integers(0, 1000))
def test_it_is_one_line_below_the_melody_in_its_phrases_alone(plan: Plan, seed: int) -> None:
    score, melody, line = written(plan, seed)
    spans = phrase_spans(score, (1, 3, 5, 7))
    onsets = np.array([note.start for note in melody])
    for note in line:
        assert player().low <= note.pitch <= player().high
        assert 0 < note.end - note.start <= LONGEST
        assert any(start <= note.start < note.end <= end for start, end in spans)
        over = [m.pitch for m in melody if m.start < note.end and note.start < m.end]
        assert all(note.pitch <= pitch - MELODY_GAP for pitch in over)
        near = onsets[[any(s <= o < e for s, e in spans) for o in onsets]]
        assert np.abs(near - note.start).min(initial=LEAST_GAP) >= LEAST_GAP
    for one, other in pairwise(line):
        assert one.end <= other.start


@settings(max_examples=30, deadline=None)
@given(plans(style="orchestral"), st.integers(0, 1000))
def test_no_note_sounds_into_a_chord_that_has_it_not(plan: Plan, seed: int) -> None:
    score, _, line = written(plan, seed)
    for note in line:
        later = [r for r in score.form.regions if note.start < r.start < note.end]
        assert all(note.pitch % 12 in region.chord.pitch_classes for region in later)


def moves() -> list[tuple[int, int]]:
    """Motion of melody and counter-melody from note to note of the latter, over drawn melodies."""
    found = []
    for seed in range(8):
        _, melody, line = written(seed=seed)
        for one, other in pairwise(line):
            if other.start - one.start <= 4 * TICKS_PER_BEAT:
                above = [
                    [m.pitch for m in melody if m.start <= note.start][-1] for note in (one, other)
                ]
                found.append((above[1] - above[0], other.pitch - one.pitch))
    return found


def contrary_share() -> float:
    both = [(a, b) for a, b in moves() if a and b]
    return float(np.mean([a * b < 0 for a, b in both]))


def step_share() -> float:
    return float(np.mean([1 <= abs(b) <= 2 for _, b in moves()]))


def third_share() -> float:
    found = []
    for seed in range(8):
        _, melody, line = written(seed=seed)
        for note in line:
            above = [m.pitch for m in melody if m.start <= note.start][-1]
            found.append((above - note.pitch) % 12 in (3, 4, 8, 9))
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("measure", "constant", "off", "least"),
    [
        (contrary_share, "_SIMILAR_COST", 0.0, 0.1),
        (step_share, "_PASSING_COST", 9.0, 0.1),
        (third_share, "_INTERVAL_COST", 0.0, 0.05),
    ],
)
def test_a_cost_has_its_effect(measure, constant, off, least, monkeypatch) -> None:
    on = measure()
    monkeypatch.setattr(counter, constant, off)
    assert on - measure() >= least


def test_it_moves_by_step_and_against_the_melody() -> None:
    assert step_share() >= 0.5
    assert contrary_share() >= 0.6
    assert third_share() >= 0.5
