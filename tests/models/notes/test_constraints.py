"""What constraints leave of a word's columns, and that something is always left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import parse_chord
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.constraints import ConstraintContext, Constraints
from amt.models.notes.decoding_state import DecodingState
from amt.models.notes.network import CONTROLS
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_POSITION,
    LOWEST_PITCH,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    ROLES,
    VOCABULARY,
    IntArray,
    bins,
    to_notes,
)
from amt.types import BoolArray

MELODY, COUNTER, HARMONY = 1, 2, 3
SWITCHED_OFF = Constraints(
    chord_tones=False, resolve=False, count_notes=False, ranges=None, voices=None,
    planned_roles=False, pace_weight=0, loudness_weight=0, leap_nats=0, rest_nats=0,
    sustain_nats=0, copy_nats=0, phrase_nats=0,
)  # fmt: skip


def plan_of(
    chords: str, bars: tuple[int, ...] = (4, 4), density: float | None = None, roles: str = "111"
) -> NotePlan:
    """One chord for each beat, or for all; the roles that play."""
    names = chords.split()
    names = names * sum(bars) if len(names) == 1 else names
    controls = np.zeros((sum(bars), len(CONTROLS)))
    known = np.zeros(len(CONTROLS), dtype=bool)
    for role, plays in zip(ROLES, roles, strict=True):
        controls[:, CONTROLS.index(role)] = int(plays)
        known[CONTROLS.index(role)] = True
    if density is not None:
        controls[:, CONTROLS.index("density")] = density
        known[CONTROLS.index("density")] = True
    ids = np.array([parse_chord(name).id for name in names])
    return NotePlan(bars, ids, False, controls, known)


def state_of(
    plan: NotePlan, constraints: Constraints, bar: int = 0, stop: int | None = None
) -> DecodingState:
    """Where the words of a bar begin."""
    state = DecodingState(ConstraintContext(plan, constraints, stop))
    for _ in range(bar + 1):
        state.update(np.array([BAR, 0, 0, 0, 0]))
    return state


def word(position: int, role: int, midi: int, length: int = 12, velocity: int = 8) -> IntArray:
    duration = 1 + int(np.flatnonzero(bins().durations == length)[0])
    return np.array([FIRST_POSITION + position, role, midi - LOWEST_PITCH + 1, duration, velocity])


def midi(mask: BoolArray) -> list[int]:
    return (np.flatnonzero(mask) - 1 + LOWEST_PITCH).tolist()


@pytest.mark.parametrize(("beats", "strong"), [(2, {0, 1}), (3, {0}), (4, {0, 2}), (6, {0, 3})])
def test_melody_and_harmony_have_chord_tones_on_strong_beats(beats: int, strong: set[int]) -> None:
    constraints = replace(SWITCHED_OFF, chord_tones=True)
    state = state_of(plan_of("F", (beats, beats)), constraints)
    for role in (MELODY, COUNTER, HARMONY):
        for position in range(0, RESOLUTION * beats, 3):
            pitches = midi(state.pitch_mask(FIRST_POSITION + position, role, 1))
            bound = position in {RESOLUTION * beat for beat in strong} and role != COUNTER
            assert {p % 12 for p in pitches} == ({5, 9, 0} if bound else set(range(12)))


def test_pitches_stay_in_the_range_of_their_role() -> None:
    ranges = ((60, 72), (48, 60), (30, 50))
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, ranges=ranges))
    for role, (low, high) in enumerate(ranges, 1):
        assert midi(state.pitch_mask(FIRST_POSITION + 5, role, 1)) == list(range(low, high + 1))


def test_where_range_and_chord_leave_nothing_the_chord_gives_way() -> None:
    constraints = replace(SWITCHED_OFF, chord_tones=True, ranges=((61, 63),) * 3)
    state = state_of(plan_of("C"), constraints)
    assert midi(state.pitch_mask(FIRST_POSITION, MELODY, 1)) == [61, 62, 63]
    above = 64 - LOWEST_PITCH + 1
    assert midi(state.pitch_mask(FIRST_POSITION, MELODY, above))[0] == 64


def test_a_role_whose_range_is_exhausted_at_a_place_is_closed_there() -> None:
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, ranges=((60, 72), (50, 60), (40, 50))))
    state.update(word(5, HARMONY, 49))
    assert state.role_mask(FIRST_POSITION + 5).tolist() == [False, False, False, True]
    state.update(word(5, HARMONY, 50))
    assert not state.role_mask(FIRST_POSITION + 5).any()
    assert (
        not state.position_mask()[FIRST_POSITION + 5] and state.position_mask()[FIRST_POSITION + 6]
    )


def test_roles_play_where_the_plan_has_them() -> None:
    plan = plan_of("C", roles="101")
    state = state_of(plan, replace(SWITCHED_OFF, planned_roles=True))
    assert state.role_mask(FIRST_POSITION).tolist() == [False, True, False, True]
    nobody = state_of(plan_of("C", roles="000"), replace(SWITCHED_OFF, planned_roles=True))
    assert np.flatnonzero(nobody.position_mask()).tolist() == [BAR]


def test_a_second_note_of_a_single_voice_ends_the_first() -> None:
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, voices=(1, 1, 6)))
    state.update(word(0, MELODY, 60, 24), number=1)
    assert not state.role_mask(FIRST_POSITION)[MELODY] and state.role_mask(FIRST_POSITION)[HARMONY]
    state.update(word(17, MELODY, 62, 12), number=2)
    lengths = {number: bins().durations[length - 1] for number, length in state.cuts.items()}
    assert lengths == {1: 16}  # the longest of the vocabulary up to 17


def test_the_oldest_of_too_many_voices_ends() -> None:
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, voices=(1, 1, 3)))
    for number, pitch in enumerate((40, 43, 48)):
        state.update(word(3 * number, HARMONY, pitch, 48), number=number)
    state.update(word(9, HARMONY, 52), number=3)
    assert list(state.cuts) == [0]


def test_a_given_note_is_waited_for() -> None:
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, voices=(1, 1, 2)))
    state.update(word(40, MELODY, 60, 16))
    state.update(word(40, HARMONY, 48, 20))
    state.update(np.array([BAR, 0, 0, 0, 0]))
    first, free = FIRST_POSITION, FIRST_POSITION + 8
    assert not state.role_mask(first)[MELODY] and state.role_mask(free)[MELODY]
    assert 48 not in midi(state.pitch_mask(first, HARMONY, 1))
    assert 48 in midi(state.pitch_mask(FIRST_POSITION + 12, HARMONY, 1))


def test_places_at_which_nobody_is_free_are_left_out() -> None:
    constraints = replace(SWITCHED_OFF, voices=(1, 1, 1), planned_roles=True)
    state = state_of(plan_of("C", roles="100"), constraints)
    state.update(word(40, MELODY, 60, 16))
    state.update(np.array([BAR, 0, 0, 0, 0]))
    places = state.position_mask()
    assert not places[FIRST_POSITION : FIRST_POSITION + 8].any() and places[FIRST_POSITION + 8]


def test_the_last_bar_comes_to_rest() -> None:
    plan = plan_of("C C C C F F C:maj7 C:maj7")
    state = state_of(plan, replace(SWITCHED_OFF, resolve=True), bar=1)
    fourth, seventh = FIRST_POSITION + 3, FIRST_POSITION + 2 * RESOLUTION + 3
    assert {p % 12 for p in midi(state.pitch_mask(fourth, MELODY, 1))} == {5, 9, 0}
    assert {p % 12 for p in midi(state.pitch_mask(seventh, MELODY, 1))} == {0, 4, 7}
    assert {p % 12 for p in midi(state.pitch_mask(seventh, HARMONY, 1))} == {0, 4, 7, 11}
    longest = [
        bins()
        .durations[np.flatnonzero(state.duration_mask(fourth, p - LOWEST_PITCH + 1)) - 1]
        .max()
        for p in (60, 65)
    ]
    assert longest == [42, 20]  # of the vocabulary, up to 45 and 21


@given(position=st.integers(0, 47), stop=st.integers(48, 96))
def test_no_note_outlasts_the_music(position: int, stop: int) -> None:
    state = state_of(plan_of("C"), SWITCHED_OFF, stop=stop)
    lengths = np.flatnonzero(state.duration_mask(FIRST_POSITION + position, 40))
    assert lengths[0] == 1
    assert position + bins().durations[lengths - 1].max() <= stop


def test_a_bar_has_about_as_many_notes_as_are_asked() -> None:
    constraints = replace(SWITCHED_OFF, count_notes=True, min_count=0.6, max_count=1.4)
    state = state_of(plan_of("C", density=2.0), constraints)
    ends = []
    for i in range(14):
        places = state.position_mask()
        ends.append((bool(places[BAR]), bool(places[FIRST_POSITION:].any())))
        state.update(word(3 * i, COUNTER, 60))
    assert not any(may_end for may_end, _ in ends[:3])
    assert all(both == (True, True) for both in ends[4:12])
    assert all(may_go_on is False for _, may_go_on in ends[13:])


def test_places_ahead_of_the_pace_are_less_likely_and_the_bar_ends_when_all_have_come() -> None:
    state = state_of(plan_of("C", density=2.0), replace(SWITCHED_OFF, pace_weight=1.0))
    assert state.position_bias()[BAR] < state.position_bias()[FIRST_POSITION]
    for i in range(8):
        state.update(word(3 * i, COUNTER, 60))
    bias = state.position_bias()
    assert bias[BAR] == 0
    assert (np.diff(bias[FIRST_POSITION + 21 : FIRST_POSITION + 48]) > 0).all()
    assert not state_of(plan_of("C"), SWITCHED_OFF).position_bias().any()


def test_velocities_follow_the_loudness_and_make_up_for_softer_ones() -> None:
    plan = plan_of("C")
    plan.controls[:, CONTROLS.index("loudness")] = 0.5
    plan.known[CONTROLS.index("loudness")] = True
    state = state_of(plan, Constraints(loudness_weight=1.0))
    likeliest = bins().velocities[state.velocity_bias()[1:].argmax()]
    assert likeliest == pytest.approx(0.5 * 127, abs=5)
    state.update(word(0, MELODY, 60, velocity=1))
    assert bins().velocities[state.velocity_bias()[1:].argmax()] > likeliest
    assert not state_of(plan, SWITCHED_OFF).velocity_bias().any()


def test_only_the_melody_is_biased_to_steps() -> None:
    state = state_of(plan_of("C"), Constraints(leap_nats=0.5))
    assert not state.pitch_bias(MELODY).any()
    state.update(word(0, MELODY, 60))
    bias = state.pitch_bias(MELODY)[1:]
    near = 60 - LOWEST_PITCH
    assert not bias[near - 2 : near + 3].any()
    assert bias[near + 12] == bias[near - 12] == -5
    assert not state.pitch_bias(HARMONY).any()


def test_without_rests_the_melody_is_biased_to_short_notes_and_with_many_to_long() -> None:
    biases = []
    for length in (12, 3):
        constraints = replace(SWITCHED_OFF, rest_nats=4.0, rest_share=0.3)
        state = state_of(plan_of("C", (4,)), constraints)
        for beat in range(4):
            state.update(word(12 * beat, MELODY, 60, length))
        assert not state.duration_bias(COUNTER).any() and not state.duration_bias(HARMONY).any()
        biases.append(state.duration_bias(MELODY))
    for bias, sign in zip(biases, (-1, 1), strict=True):
        lengths = np.diff(bias[1:])  # they rise with the id
        assert (sign * lengths >= 0).all() and sign * bias[-1] > 0.1


def test_bars_without_melody_are_not_counted_as_rests() -> None:
    constraints = replace(SWITCHED_OFF, rest_nats=4.0, rest_share=0.3)
    there, away = (state_of(plan_of("C", (4,) * 9), constraints) for _ in range(2))
    for state, bar in ((there, 0), (away, 7)):
        state.update(word(0, MELODY, 60, 12))
        for _ in range(bar):
            state.update(np.array([BAR, 0, 0, 0, 0]))
        state.update(word(12, MELODY, 60, 12))
    assert away.duration_bias(MELODY)[-1] == pytest.approx(0)
    assert there.duration_bias(MELODY)[-1] < -0.1


def test_the_harmony_is_biased_to_long_notes() -> None:
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, sustain_nats=0.5))
    lengths = bins().durations
    bias = state.duration_bias(HARMONY)[1:]
    np.testing.assert_allclose(bias, 0.5 * np.log2(lengths))
    assert not state.duration_bias(MELODY).any()


def test_the_copy_weight_is_raised_for_the_melody_alone() -> None:
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, copy_nats=1.0))
    assert [state.copy_bias(PITCH, role) for role in (MELODY, COUNTER, HARMONY)] == [1, 0, 0]
    assert state.copy_bias(POSITION, 0) == state.copy_bias(ROLE, 0) == 1  # as it is not known whose


def test_every_bar_ends() -> None:
    state = state_of(plan_of("C"), replace(SWITCHED_OFF, max_notes=3))
    for i in range(3):
        assert state.position_mask()[FIRST_POSITION:].any()
        state.update(word(i, HARMONY, 60))
    assert np.flatnonzero(state.position_mask()).tolist() == [BAR]


CHORDS = ("C", "A:min7", "G:7", "N", "F:maj7", "B:hdim7")


@st.composite
def ruled(draw: st.DrawFn) -> tuple[NotePlan, Constraints]:
    bars = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    chords = draw(st.lists(st.sampled_from(CHORDS), min_size=sum(bars), max_size=sum(bars)))
    density = draw(st.none() | st.floats(0, 8))
    roles = draw(st.sampled_from(["111", "101", "001", "100"]))
    switches = {name: draw(st.booleans()) for name in ("chord_tones", "resolve", "count_notes")}
    constraints = Constraints(
        **switches, voices=draw(st.sampled_from([None, (1, 1, 6), (1, 1, 2)]))
    )
    return plan_of(" ".join(chords), bars, density, roles), constraints


@settings(max_examples=60, deadline=None)
@given(ruled(), st.integers(0, 2**32 - 1))
def test_drawing_blindly_under_the_constraints_always_ends_with_music(
    case: tuple[NotePlan, Constraints], seed: int
) -> None:
    plan, constraints = case
    rng = np.random.default_rng(seed)
    state, words = DecodingState(ConstraintContext(plan, constraints)), list[IntArray]()
    word = np.array([BAR, 0, 0, 0, 0])
    while True:
        words.append(word)
        state.update(word, number=len(words) - 1)
        if state.bar == len(plan.bars):
            break
        word = drawn(state, plan, word, rng)
    written = np.stack(words)
    for number, length in state.cuts.items():
        assert length < written[number, DURATION]
        written[number, DURATION] = length
    notes = to_notes(written, plan.bars)
    assert len(notes) == (written[:, POSITION] != BAR).sum()
    assert (notes[:, 0] + notes[:, 3]).max(initial=0) <= RESOLUTION * sum(plan.bars)
    for role, most in enumerate(constraints.voices or (999,) * 3):
        part = notes[notes[:, 1] == role]
        ends = part[:, 0] + part[:, 3]
        for onset in part[:, 0]:
            assert ((part[:, 0] <= onset) & (ends > onset)).sum() <= most


def drawn(
    state: DecodingState, plan: NotePlan, last: IntArray, rng: np.random.Generator
) -> IntArray:
    """A word after the last that the constraints and the order of words allow."""
    ids = np.arange(VOCABULARY[POSITION])
    last_place = FIRST_POSITION + RESOLUTION * plan.bars[state.bar] - 1
    inside = (ids == BAR) | ((ids >= max(FIRST_POSITION, last[POSITION])) & (ids <= last_place))
    place = int(rng.choice(np.flatnonzero(state.position_mask() & inside)))
    if place == BAR:
        return np.array([BAR, 0, 0, 0, 0])
    role = int(rng.choice(np.flatnonzero(state.role_mask(place))))
    same = place == last[POSITION] and role == last[ROLE]
    least = int(last[PITCH]) + 1 if same else 1
    pitch = int(rng.choice(np.flatnonzero(state.pitch_mask(place, role, least))))
    assert pitch >= least
    length = int(rng.choice(np.flatnonzero(state.duration_mask(place, pitch))))
    return np.array([place, role, pitch, length, 8])
