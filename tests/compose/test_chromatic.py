"""Chords from outside the key, pedal points, and harmonic rhythm in the plan of a phrase."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from amt.chords import Key
from amt.compose.chromatic import (
    APPLIED_TO,
    with_applied_dominant,
    with_borrowed_chord,
    with_pedal_point,
)
from amt.compose.degrees import DOMINANT, HarmonicSetting, returning_slots, slot_plan
from amt.compose.grid import chord_slots, final_chord_slot
from amt.compose.mood_harmony import MOOD_HARMONY, Borrowed
from amt.compose.phrases import piece_phrases
from amt.compose.planned import PlannedChord, runs
from amt.timing import steady_grid
from amt.types import EMOTIONS, Phrase, Section

SEEDS = range(12)
MODES = ("major", "minor")


def plan_of(*degrees: int) -> list[PlannedChord]:
    """Two slots of each degree, then a dominant that must come."""
    return [PlannedChord(d) for d in degrees for _ in range(2)] + [PlannedChord(7, ("maj",))] * 2


def piece(mood: str = "neutral", seed: int = 0, mode: str = "major", chromaticism: float = 1.0):
    """Phrases, slots, keys and plan of 33 bars with a section in the middle."""
    grid = steady_grid(33 * 2.0, 120.0, whole_bars=True)
    slots = chord_slots(grid)
    final = final_chord_slot(slots, grid)
    sections = [Section(0, mood, label="A"), Section(64, mood, label="A'")]
    phrases = piece_phrases(grid, sections, slots[final].beat, np.random.default_rng(seed))
    keys = (Key(0, mode),) * len(slots)
    setting = HarmonicSetting(keys, (mood,) * len(slots), {0, 64}, chromaticism)
    plan = slot_plan(phrases, slots, final, setting, np.random.default_rng(seed))
    return phrases, slots, keys, plan


@pytest.mark.parametrize("seed", SEEDS)
def test_a_secondary_dominant_leads_to_a_degree_of_the_key(seed: int) -> None:
    plan = plan_of(0, 4, 9, 2)
    found = with_applied_dominant(plan, "major", np.random.default_rng(seed))
    changed = [i for i, (a, b) in enumerate(zip(plan, found, strict=True)) if a != b]
    assert changed in ([1], [2, 3], [4, 5], [6, 7]), "a chord, or the end of the first"
    target = found[changed[-1] + 1].degree
    for slot in changed:
        assert (found[slot].degree - target) % 12 == 7
        assert found[slot].qualities == ("7",)
    assert target in APPLIED_TO["major"]


def test_no_secondary_dominant_comes_between_a_chord_and_itself_or_at_the_beginning() -> None:
    rng = np.random.default_rng(0)
    back = [PlannedChord(9), PlannedChord(4), PlannedChord(9), PlannedChord(9)]
    assert with_applied_dominant(back, "major", rng) == back
    short = [PlannedChord(4), PlannedChord(9)]
    assert with_applied_dominant(short, "major", rng) == short


def test_a_borrowed_chord_takes_the_place_it_is_written_for() -> None:
    rng = np.random.default_rng(0)
    plan = plan_of(0, 5, 9)
    fourth = with_borrowed_chord(plan, (Borrowed(5, 5, ("min",), after=True),), rng)
    assert fourth[2:4] == [PlannedChord(5), PlannedChord(5, ("min",))]
    sixth = with_borrowed_chord(plan, (Borrowed(9, 8, ("maj",)),), rng)
    assert sixth[4:6] == [PlannedChord(8, ("maj",))] * 2
    assert with_borrowed_chord(plan, (Borrowed(0, 1, ("maj",)),), rng) == plan
    assert with_borrowed_chord(plan, (Borrowed(7, 10, ("maj",)),), rng) == plan


def test_a_pedal_point_lies_under_changing_chords_up_to_the_dominant() -> None:
    found = [with_pedal_point(plan_of(0, 5, 2), np.random.default_rng(seed)) for seed in SEEDS]
    pedals = [[chord.pedal for chord in plan] for plan in found]
    assert [None, None, 7, 7, 7, 7, 7, 7] in pedals
    assert [0, 0, 0, 0, None, None, None, None] in pedals
    lone = [PlannedChord(7)] * 8
    assert all(with_pedal_point(lone, np.random.default_rng(s)) == lone for s in SEEDS)


def foreign(plan: tuple[PlannedChord, ...]) -> int:
    """Chords that must come but are no dominants of cadences."""
    return sum(
        plan[run.start].is_exact and plan[run.start].degree != DOMINANT for run in runs(plan)
    )


def test_fear_has_most_chords_from_outside_the_key_and_a_strict_key_none() -> None:
    counts = {
        mood: sum(foreign(piece(mood, seed, mode)[-1]) for seed in SEEDS for mode in MODES)
        for mood in EMOTIONS
    }
    assert counts["fearful"] == max(counts.values())
    assert min(counts.values()) >= len(SEEDS) / 2
    assert all(foreign(piece(mood, 1, chromaticism=0.0)[-1]) == 0 for mood in EMOTIONS)


def test_only_tension_holds_pedal_points_and_suspends_its_dominants_as_sadness_does() -> None:
    for mood in EMOTIONS:
        plans = [piece(mood, seed)[-1] for seed in SEEDS]
        pedals = sum(any(chord.pedal is not None for chord in plan) for plan in plans)
        assert (pedals >= 6) == (mood == "tense")
        suspended = any(chord.qualities == ("sus4",) for plan in plans for chord in plan)
        assert suspended == (mood in ("tense", "sad"))
        seventh = any("7" in chord.qualities for plan in plans for chord in plan)
        assert seventh == (mood != "relaxing")


def test_harmony_is_quicker_when_exciting_than_when_sad() -> None:
    sad, exciting = (
        sum(len(runs(piece(mood, seed)[-1])) for seed in SEEDS) for mood in ("sad", "exciting")
    )
    assert exciting >= 1.25 * sad


@pytest.mark.parametrize("mode", MODES)
def test_harmony_quickens_towards_cadences(mode: str) -> None:
    """The last two bars of phrases have at least a quarter more chords than the first two."""
    early = late = 0
    for seed in SEEDS:
        phrases, slots, _, plan = piece("neutral", seed, mode)
        beats = [slot.beat for slot in slots]
        for phrase, following in pairwise(phrases):
            first, stop = beats.index(phrase.beat), beats.index(following.beat)
            moves = [not plan[i].same_chord(plan[i - 1]) for i in range(first + 1, stop)]
            if stop - first == 8 and phrase.cadence != "open":
                early += sum(moves[:3])
                late += sum(moves[3:])
    assert late >= 1.25 * early


@pytest.mark.parametrize("mood", ["sad", "relaxing"])
def test_calm_phrases_close_on_the_fourth_inside_and_on_the_dominant_at_the_end(mood: str) -> None:
    grid = steady_grid(33 * 2.0, 120.0, whole_bars=True)
    slots = chord_slots(grid)
    phrases = (Phrase(0, "a1", "authentic"), Phrase(64, "b1", "authentic"))
    keys = (Key(0, "major"),) * len(slots)
    setting = HarmonicSetting(keys, (mood,) * len(slots), {0}, chromaticism=0.0)
    plan = slot_plan(phrases, slots, len(slots) - 2, setting, np.random.default_rng(0))
    degrees = [chord.degree for chord in plan]
    assert degrees[28:32] == [5, 5, 0, 0]
    assert degrees[-4:] == [degrees[-4], 7, 0, 0]


def test_phrases_that_return_take_over_their_chords() -> None:
    for seed in SEEDS:
        phrases, slots, keys, plan = piece("neutral", seed)
        sources = returning_slots(phrases, slots, plan[:-2], keys)
        assert sources
        for slot, source in sources.items():
            assert source < slot
            assert source not in sources
            assert plan[slot].same_chord(plan[source])
        assert max(sources) < len(plan) - 2


def test_one_planned_chord_of_a_progression_is_one_chord() -> None:
    """In a phrase that goes round, and in a phrase of another label with the same plan."""
    slots = chord_slots(steady_grid(16 * 2.0, 120.0, whole_bars=True))
    phrases = [Phrase(beat, label, "open") for beat, label in ((0, "a1"), (16, "b1"), (32, "c1"))]
    loop = [PlannedChord(d) for d in (0, 9, 5, 7) for _ in range(2)]
    other = [PlannedChord(d) for d in (2, 4, 2, 4) for _ in range(2)]
    keys = (Key(0, "major"),) * len(slots)
    sources = returning_slots(phrases, slots, [*loop, *loop, *other], keys)
    assert {slot: sources[slot] for slot in range(8, 16)} == {i + 8: i for i in range(8)}
    assert {slot for slot in sources if slot >= 16} == {20, 21, 22, 23}
    assert [sources[slot] for slot in range(20, 24)] == [16, 17, 18, 19]


def test_a_phrase_before_another_key_ends_on_the_dominant_of_that_key() -> None:
    grid = steady_grid(16 * 2.0, 120.0, whole_bars=True)
    slots = chord_slots(grid)
    phrases = (Phrase(0, "a1", "half"), Phrase(32, "b1", "authentic"))
    keys = tuple(Key(0, "major") if slot.beat < 32 else Key(9, "minor") for slot in slots)
    setting = HarmonicSetting(keys, ("neutral",) * len(slots), {0, 32})
    plan = slot_plan(phrases, slots, len(slots) - 2, setting, np.random.default_rng(0))
    before = plan[15]
    assert before.degree == 4  # E in C major leads to A minor
    assert set(before.qualities) == {"7", "maj"}


def test_every_mood_has_a_harmony_of_its_own() -> None:
    assert set(MOOD_HARMONY) == set(EMOTIONS)
    for harmony in MOOD_HARMONY.values():
        assert sum(harmony.rhythms.values()) == pytest.approx(1)
