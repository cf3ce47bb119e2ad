"""What rules leave of a word's columns, and that something is always left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import parse_chord
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.constraints import Chart, Player, Rules
from amt.models.notes.network import CONTROLS
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_PLACE,
    LOWEST_PITCH,
    PITCH,
    PLACE,
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
SWITCHED_OFF = Rules(
    chord_tones=False, resolve=False, counted=False, ranges=None, voices=None, planned=False,
    pace=0, dynamics=0, leap=0, breath=0, sustain=0, recall=0, phrase=0,
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


def player_of(plan: NotePlan, rules: Rules, bar: int = 0, stop: int | None = None) -> Player:
    """Where the words of a bar begin."""
    player = Player(Chart(plan, rules, stop))
    for _ in range(bar + 1):
        player.hear(np.array([BAR, 0, 0, 0, 0]))
    return player


def word(position: int, role: int, midi: int, length: int = 12, velocity: int = 8) -> IntArray:
    duration = 1 + int(np.flatnonzero(bins().durations == length)[0])
    return np.array([FIRST_PLACE + position, role, midi - LOWEST_PITCH + 1, duration, velocity])


def midi(mask: BoolArray) -> list[int]:
    return (np.flatnonzero(mask) - 1 + LOWEST_PITCH).tolist()


@pytest.mark.parametrize(("beats", "strong"), [(2, {0, 1}), (3, {0}), (4, {0, 2}), (6, {0, 3})])
def test_tune_and_harmony_have_chord_tones_on_strong_beats(beats: int, strong: set[int]) -> None:
    rules = replace(SWITCHED_OFF, chord_tones=True)
    player = player_of(plan_of("F", (beats, beats)), rules)
    for role in (MELODY, COUNTER, HARMONY):
        for position in range(0, RESOLUTION * beats, 3):
            pitches = midi(player.pitches(FIRST_PLACE + position, role, 1))
            bound = position in {RESOLUTION * beat for beat in strong} and role != COUNTER
            assert {p % 12 for p in pitches} == ({5, 9, 0} if bound else set(range(12)))


def test_pitches_stay_in_the_range_of_their_role() -> None:
    ranges = ((60, 72), (48, 60), (30, 50))
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, ranges=ranges))
    for role, (low, high) in enumerate(ranges, 1):
        assert midi(player.pitches(FIRST_PLACE + 5, role, 1)) == list(range(low, high + 1))


def test_where_range_and_chord_leave_nothing_the_chord_gives_way() -> None:
    rules = replace(SWITCHED_OFF, chord_tones=True, ranges=((61, 63),) * 3)
    player = player_of(plan_of("C"), rules)
    assert midi(player.pitches(FIRST_PLACE, MELODY, 1)) == [61, 62, 63]
    above = 64 - LOWEST_PITCH + 1
    assert midi(player.pitches(FIRST_PLACE, MELODY, above))[0] == 64


def test_a_role_whose_range_is_exhausted_at_a_place_is_closed_there() -> None:
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, ranges=((60, 72), (50, 60), (40, 50))))
    player.hear(word(5, HARMONY, 49))
    assert player.roles(FIRST_PLACE + 5).tolist() == [False, False, False, True]
    player.hear(word(5, HARMONY, 50))
    assert not player.roles(FIRST_PLACE + 5).any()
    assert not player.places()[FIRST_PLACE + 5] and player.places()[FIRST_PLACE + 6]


def test_roles_play_where_the_plan_has_them() -> None:
    plan = plan_of("C", roles="101")
    player = player_of(plan, replace(SWITCHED_OFF, planned=True))
    assert player.roles(FIRST_PLACE).tolist() == [False, True, False, True]
    nobody = player_of(plan_of("C", roles="000"), replace(SWITCHED_OFF, planned=True))
    assert np.flatnonzero(nobody.places()).tolist() == [BAR]


def test_a_second_note_of_a_single_voice_ends_the_first() -> None:
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, voices=(1, 1, 6)))
    player.hear(word(0, MELODY, 60, 24), number=1)
    assert not player.roles(FIRST_PLACE)[MELODY] and player.roles(FIRST_PLACE)[HARMONY]
    player.hear(word(17, MELODY, 62, 12), number=2)
    lengths = {number: bins().durations[length - 1] for number, length in player.cuts.items()}
    assert lengths == {1: 16}  # the longest of the vocabulary up to 17


def test_the_oldest_of_too_many_voices_ends() -> None:
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, voices=(1, 1, 3)))
    for number, pitch in enumerate((40, 43, 48)):
        player.hear(word(3 * number, HARMONY, pitch, 48), number=number)
    player.hear(word(9, HARMONY, 52), number=3)
    assert list(player.cuts) == [0]


def test_a_given_note_is_waited_for() -> None:
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, voices=(1, 1, 2)))
    player.hear(word(40, MELODY, 60, 16))
    player.hear(word(40, HARMONY, 48, 20))
    player.hear(np.array([BAR, 0, 0, 0, 0]))
    first, free = FIRST_PLACE, FIRST_PLACE + 8
    assert not player.roles(first)[MELODY] and player.roles(free)[MELODY]
    assert 48 not in midi(player.pitches(first, HARMONY, 1))
    assert 48 in midi(player.pitches(FIRST_PLACE + 12, HARMONY, 1))


def test_places_at_which_nobody_is_free_are_left_out() -> None:
    rules = replace(SWITCHED_OFF, voices=(1, 1, 1), planned=True)
    player = player_of(plan_of("C", roles="100"), rules)
    player.hear(word(40, MELODY, 60, 16))
    player.hear(np.array([BAR, 0, 0, 0, 0]))
    places = player.places()
    assert not places[FIRST_PLACE : FIRST_PLACE + 8].any() and places[FIRST_PLACE + 8]


def test_the_last_bar_comes_to_rest() -> None:
    plan = plan_of("C C C C F F C:maj7 C:maj7")
    player = player_of(plan, replace(SWITCHED_OFF, resolve=True), bar=1)
    fourth, seventh = FIRST_PLACE + 3, FIRST_PLACE + 2 * RESOLUTION + 3
    assert {p % 12 for p in midi(player.pitches(fourth, MELODY, 1))} == {5, 9, 0}
    assert {p % 12 for p in midi(player.pitches(seventh, MELODY, 1))} == {0, 4, 7}
    assert {p % 12 for p in midi(player.pitches(seventh, HARMONY, 1))} == {0, 4, 7, 11}
    longest = [
        bins().durations[np.flatnonzero(player.durations(fourth, p - LOWEST_PITCH + 1)) - 1].max()
        for p in (60, 65)
    ]
    assert longest == [42, 20]  # of the vocabulary, up to 45 and 21


@given(position=st.integers(0, 47), stop=st.integers(48, 96))
def test_no_note_outlasts_the_music(position: int, stop: int) -> None:
    player = player_of(plan_of("C"), SWITCHED_OFF, stop=stop)
    lengths = np.flatnonzero(player.durations(FIRST_PLACE + position, 40))
    assert lengths[0] == 1
    assert position + bins().durations[lengths - 1].max() <= stop


def test_a_bar_has_about_as_many_notes_as_are_asked() -> None:
    rules = replace(SWITCHED_OFF, counted=True, fewest=0.6, most=1.4)
    player = player_of(plan_of("C", density=2.0), rules)
    ends = []
    for i in range(14):
        places = player.places()
        ends.append((bool(places[BAR]), bool(places[FIRST_PLACE:].any())))
        player.hear(word(3 * i, COUNTER, 60))
    assert not any(may_end for may_end, _ in ends[:3])
    assert all(both == (True, True) for both in ends[4:12])
    assert all(may_go_on is False for _, may_go_on in ends[13:])


def test_places_ahead_of_the_pace_are_less_likely_and_the_bar_ends_when_all_have_come() -> None:
    player = player_of(plan_of("C", density=2.0), replace(SWITCHED_OFF, pace=1.0))
    assert player.pace()[BAR] < player.pace()[FIRST_PLACE]
    for i in range(8):
        player.hear(word(3 * i, COUNTER, 60))
    lean = player.pace()
    assert lean[BAR] == 0
    assert (np.diff(lean[FIRST_PLACE + 21 : FIRST_PLACE + 48]) > 0).all()
    assert not player_of(plan_of("C"), SWITCHED_OFF).pace().any()


def test_velocities_lean_to_the_loudness_and_make_up_for_what_it_lacked() -> None:
    plan = plan_of("C")
    plan.controls[:, CONTROLS.index("loudness")] = 0.5
    plan.known[CONTROLS.index("loudness")] = True
    player = player_of(plan, Rules(dynamics=1.0))
    likeliest = bins().velocities[player.dynamics()[1:].argmax()]
    assert likeliest == pytest.approx(0.5 * 127, abs=5)
    player.hear(word(0, MELODY, 60, velocity=1))
    assert bins().velocities[player.dynamics()[1:].argmax()] > likeliest
    assert not player_of(plan, SWITCHED_OFF).dynamics().any()


def test_the_tune_leans_to_steps_and_nothing_else_does() -> None:
    player = player_of(plan_of("C"), Rules(leap=0.5))
    assert not player.proximity(MELODY).any()
    player.hear(word(0, MELODY, 60))
    lean = player.proximity(MELODY)[1:]
    near = 60 - LOWEST_PITCH
    assert not lean[near - 2 : near + 3].any()
    assert lean[near + 12] == lean[near - 12] == -5
    assert not player.proximity(HARMONY).any()


def test_a_tune_that_sang_without_a_rest_leans_to_short_notes_and_one_that_paused_to_long() -> None:
    leanings = []
    for length in (12, 3):
        rules = replace(SWITCHED_OFF, breath=4.0, rest=0.3)
        player = player_of(plan_of("C", (4,)), rules)
        for beat in range(4):
            player.hear(word(12 * beat, MELODY, 60, length))
        assert not player.holding(COUNTER).any() and not player.holding(HARMONY).any()
        leanings.append(player.holding(MELODY))
    for leaning, sign in zip(leanings, (-1, 1), strict=True):
        lengths = np.diff(leaning[1:])  # they rise with the id
        assert (sign * lengths >= 0).all() and sign * leaning[-1] > 0.1


def test_a_tune_that_was_away_did_not_breathe() -> None:
    rules = replace(SWITCHED_OFF, breath=4.0, rest=0.3)
    there, away = (player_of(plan_of("C", (4,) * 9), rules) for _ in range(2))
    for player, bar in ((there, 0), (away, 7)):
        player.hear(word(0, MELODY, 60, 12))
        for _ in range(bar):
            player.hear(np.array([BAR, 0, 0, 0, 0]))
        player.hear(word(12, MELODY, 60, 12))
    assert away.holding(MELODY)[-1] == pytest.approx(0)
    assert there.holding(MELODY)[-1] < -0.1


def test_the_harmony_leans_to_long_notes() -> None:
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, sustain=0.5))
    lengths = bins().durations
    leaning = player.holding(HARMONY)[1:]
    np.testing.assert_allclose(leaning, 0.5 * np.log2(lengths))
    assert not player.holding(MELODY).any()


def test_the_memory_has_more_of_a_say_in_the_tune_alone() -> None:
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, recall=1.0))
    assert [player.recall(PITCH, role) for role in (MELODY, COUNTER, HARMONY)] == [1, 0, 0]
    assert player.recall(PLACE, 0) == player.recall(ROLE, 0) == 1  # as it is not known whose


def test_every_bar_ends() -> None:
    player = player_of(plan_of("C"), replace(SWITCHED_OFF, most_notes=3))
    for i in range(3):
        assert player.places()[FIRST_PLACE:].any()
        player.hear(word(i, HARMONY, 60))
    assert np.flatnonzero(player.places()).tolist() == [BAR]


CHORDS = ("C", "A:min7", "G:7", "N", "F:maj7", "B:hdim7")


@st.composite
def ruled(draw: st.DrawFn) -> tuple[NotePlan, Rules]:
    bars = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    chords = draw(st.lists(st.sampled_from(CHORDS), min_size=sum(bars), max_size=sum(bars)))
    density = draw(st.none() | st.floats(0, 8))
    roles = draw(st.sampled_from(["111", "101", "001", "100"]))
    switches = {name: draw(st.booleans()) for name in ("chord_tones", "resolve", "counted")}
    rules = Rules(**switches, voices=draw(st.sampled_from([None, (1, 1, 6), (1, 1, 2)])))
    return plan_of(" ".join(chords), bars, density, roles), rules


@settings(max_examples=60, deadline=None)
@given(ruled(), st.integers(0, 2**32 - 1))
def test_drawing_blindly_under_the_rules_always_ends_with_music(
    case: tuple[NotePlan, Rules], seed: int
) -> None:
    plan, rules = case
    rng = np.random.default_rng(seed)
    player, words = Player(Chart(plan, rules)), list[IntArray]()
    heard = np.array([BAR, 0, 0, 0, 0])
    while True:
        words.append(heard)
        player.hear(heard, number=len(words) - 1)
        if player.bar == len(plan.bars):
            break
        heard = drawn(player, plan, heard, rng)
    written = np.stack(words)
    for number, length in player.cuts.items():
        assert length < written[number, DURATION]
        written[number, DURATION] = length
    notes = to_notes(written, plan.bars)
    assert len(notes) == (written[:, PLACE] != BAR).sum()
    assert (notes[:, 0] + notes[:, 3]).max(initial=0) <= RESOLUTION * sum(plan.bars)
    for role, most in enumerate(rules.voices or (999,) * 3):
        part = notes[notes[:, 1] == role]
        ends = part[:, 0] + part[:, 3]
        for onset in part[:, 0]:
            assert ((part[:, 0] <= onset) & (ends > onset)).sum() <= most


def drawn(player: Player, plan: NotePlan, last: IntArray, rng: np.random.Generator) -> IntArray:
    """A word after the last that the rules and the order of words allow."""
    ids = np.arange(VOCABULARY[PLACE])
    last_place = FIRST_PLACE + RESOLUTION * plan.bars[player.bar] - 1
    inside = (ids == BAR) | ((ids >= max(FIRST_PLACE, last[PLACE])) & (ids <= last_place))
    place = int(rng.choice(np.flatnonzero(player.places() & inside)))
    if place == BAR:
        return np.array([BAR, 0, 0, 0, 0])
    role = int(rng.choice(np.flatnonzero(player.roles(place))))
    same = place == last[PLACE] and role == last[ROLE]
    least = int(last[PITCH]) + 1 if same else 1
    pitch = int(rng.choice(np.flatnonzero(player.pitches(place, role, least))))
    assert pitch >= least
    length = int(rng.choice(np.flatnonzero(player.durations(place, pitch))))
    return np.array([place, role, pitch, length, 8])
