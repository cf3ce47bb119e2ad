"""Sampling words: they are music, keep the constraints, and leave given bars alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import chord_from_id, parse_chord
from amt.errors import InputError
from amt.models.config import ArrangerConfig
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.constraints import Constraints
from amt.models.notes.decode import Infill, NoteSamplingOptions, sample_words, target_scores
from amt.models.notes.inputs import CONTROLS
from amt.models.notes.network import Arranger
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    ONSET,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    ROLES,
    IntArray,
    bar_of,
    bins,
    to_notes,
    to_words,
)
from amt.reporter import callback_reporter

CONFIG = ArrangerConfig(
    d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2, context=24, motif_bars=3,
    plan_window=4,
)  # fmt: skip
CHORDS = [parse_chord(name).id for name in ("C", "A:min7", "F", "G:7", "N", "D:min")]
MELODY, COUNTER, HARMONY = range(3)


@cache
def network(motif_bars: int = 3) -> Arranger:
    torch.manual_seed(1)
    return Arranger(replace(CONFIG, motif_bars=motif_bars)).eval()


def plan_of(
    bars: tuple[int, ...], density: float = 2.0, roles: IntArray | None = None, seed: int = 0
) -> NotePlan:
    """A chord every two beats; ``roles`` [bars, roles] play, or all."""
    rng = np.random.default_rng(seed)
    n_beats = sum(bars)
    controls = np.zeros((n_beats, len(CONTROLS)))
    controls[:, CONTROLS.index("density")] = density
    controls[:, CONTROLS.index("loudness")] = 0.6
    controls[:, CONTROLS.index("tempo")] = 100
    for i, role in enumerate(ROLES):
        plays = np.ones(len(bars)) if roles is None else roles[:, i]
        controls[:, CONTROLS.index(role)] = np.repeat(plays, bars)
    chords = rng.choice(CHORDS, n_beats // 2 + 1).repeat(2)[:n_beats]
    return NotePlan(bars, chords, False, controls, np.ones(len(CONTROLS), dtype=bool))


def written(
    plan: NotePlan, seed: int = 0, given: Infill | None = None, **options: object
) -> IntArray:
    chosen = NoteSamplingOptions(**options)  # type: ignore[arg-type]
    return sample_words(network(), plan, chosen, torch.Generator().manual_seed(seed), given)


@st.composite
def plans(draw: st.DrawFn) -> NotePlan:
    bars = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=5)))
    rows = st.lists(st.booleans(), min_size=3, max_size=3)
    roles = np.array(draw(st.lists(rows, min_size=len(bars), max_size=len(bars))), dtype=np.int64)
    return plan_of(bars, draw(st.floats(0, 4)), roles, draw(st.integers(0, 99)))


@settings(max_examples=12, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**31), candidates=st.integers(1, 3))
def test_what_is_written_is_music_that_keeps_the_constraints(
    plan: NotePlan, seed: int, candidates: int
) -> None:
    words = written(plan, seed, candidates=candidates)
    assert bar_of(words)[-1] == len(plan.bars) and words[-1, POSITION] == BAR
    notes = to_notes(words, plan.bars)
    np.testing.assert_array_equal(to_words(notes, plan.bars), words)
    constraints, starts = Constraints(), RESOLUTION * np.array([*plan.downbeats, sum(plan.bars)])
    ends = notes[:, ONSET] + notes[:, DURATION]
    assert ends.max(initial=0) <= starts[-1]
    bar = np.searchsorted(starts, notes[:, ONSET], side="right") - 1
    assert plan.roles[bar, notes[:, ROLE]].all()
    assert constraints.ranges and constraints.voices
    for role, (low, high) in enumerate(constraints.ranges):
        of = notes[:, ROLE] == role
        assert ((notes[of, PITCH] >= low) & (notes[of, PITCH] <= high)).all()
        for onset in notes[of, ONSET]:
            sounding = of & (notes[:, ONSET] <= onset) & (ends > onset)
            assert sounding.sum() <= constraints.voices[role]
    for onset, role, pitch, *_ in notes:
        in_bar = int(np.searchsorted(starts, onset, side="right") - 1)
        beats, place = plan.bars[in_bar], onset - starts[in_bar]
        strong = place == 0 or (beats % 2 == 0 and place == RESOLUTION * beats // 2)
        tones = chord_from_id(int(plan.chords[onset // RESOLUTION])).pitch_classes
        if tones and role != COUNTER and strong:
            assert pitch % 12 in tones
    check_rest(plan, notes)


def check_rest(plan: NotePlan, notes: IntArray) -> None:
    """The last bar has tones of its chords, and all that sounds in the end is of the last one."""
    start = RESOLUTION * plan.downbeats[-1]
    for onset, _, pitch, *_ in notes[notes[:, ONSET] >= start]:
        tones = chord_from_id(int(plan.chords[onset // RESOLUTION])).pitch_classes
        assert not tones or pitch % 12 in tones
    tones = chord_from_id(int(plan.chords[-1])).pitch_classes
    at_end = notes[notes[:, ONSET] + notes[:, DURATION] == RESOLUTION * sum(plan.bars)]
    if tones:
        assert np.isin(at_end[:, PITCH] % 12, tones).all()
        assert np.isin(at_end[at_end[:, ROLE] == MELODY, PITCH] % 12, tones[:3]).all()


def test_equal_seeds_write_equal_notes_and_others_do_not() -> None:
    plan = plan_of((4,) * 4)
    first = written(plan, 7)
    np.testing.assert_array_equal(first, written(plan, 7))
    assert not np.array_equal(first, written(plan, 8))


@pytest.mark.parametrize("n", [2, 4])
def test_the_best_of_several_candidates_is_deterministic(n: int) -> None:
    plan = plan_of((4, 3))
    np.testing.assert_array_equal(written(plan, 1, candidates=n), written(plan, 1, candidates=n))


def test_threads_are_left_as_they_were_and_notes_do_not_depend_on_them() -> None:
    before, plan, found = torch.get_num_threads(), plan_of((2, 4)), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(written(plan))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_the_network_decides_alone_where_the_temperature_is_low() -> None:
    plan = plan_of((4, 4))
    np.testing.assert_array_equal(
        written(plan, 1, temperature=1e-4), written(plan, 2, temperature=1e-4)
    )
    np.testing.assert_array_equal(written(plan, 1, top_p=1e-9), written(plan, 2, top_p=1e-9))


def test_constraints_can_be_switched_off() -> None:
    constraints = Constraints(
        chord_tones=False, resolve=False, count_notes=False, ranges=None, voices=None,
        planned_roles=False, pace_weight=0, loudness_weight=0, leap_nats=0, rest_nats=0,
        sustain_nats=0, copy_nats=0, phrase_nats=0,
    )  # fmt: skip
    plan = plan_of((4,) * 6, roles=np.zeros((6, 3), dtype=np.int64))
    assert len(to_notes(written(plan), plan.bars)) == 0
    notes = to_notes(written(plan, constraints=constraints), plan.bars)
    assert set(notes[:, ROLE]) == {MELODY, COUNTER, HARMONY}
    assert Constraints().ranges is not None
    low, high = Constraints().ranges[MELODY]
    melody = notes[notes[:, ROLE] == MELODY]
    assert ((melody[:, PITCH] < low) | (melody[:, PITCH] > high)).any()


def test_a_candidate_that_does_what_is_asked_scores_higher() -> None:
    plan = plan_of((4, 4), density=2.0)
    velocity = int(bins().velocities[np.abs(bins().velocities - 0.6 * 127).argmin()])

    def piece(n: int, loud: int) -> IntArray:
        notes = [[6 * i + 48 * bar, 0, 60, 6, loud] for bar in range(2) for i in range(n)]
        return to_words(np.array(notes), plan.bars)

    as_asked, thin, loud = piece(8, velocity), piece(3, velocity), piece(8, 120)
    scores = target_scores(plan, [as_asked, thin, loud], range(2))
    assert scores.argmax() == 0 and scores[0] > -0.2
    only_second = target_scores(
        plan, [np.concatenate([thin[:4], as_asked[9:]]), as_asked], range(1, 2)
    )
    assert only_second[0] == only_second[1]


@settings(max_examples=12, deadline=None)
@given(plan=plans(), data=st.data())
def test_given_bars_come_back_as_they_were(plan: NotePlan, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(plan.bars) - 1))
    last = data.draw(st.integers(first + 1, len(plan.bars)))
    piece = written(plan, 1)
    anew = written(plan, 2, Infill(piece, range(first, last)))
    old, new = bar_of(piece), bar_of(anew)
    np.testing.assert_array_equal(piece[old < first], anew[new < first])
    np.testing.assert_array_equal(piece[old >= last], anew[new >= last])
    before, after = to_notes(piece, plan.bars), to_notes(anew, plan.bars)
    starts = RESOLUTION * np.array([*plan.downbeats, sum(plan.bars)])
    span = (after[:, ONSET] >= starts[first]) & (after[:, ONSET] < starts[last])
    kept = (before[:, ONSET] < starts[first]) | (before[:, ONSET] >= starts[last])
    np.testing.assert_array_equal(before[kept], after[~span])
    assert (after[span, ONSET] + after[span, DURATION]).max(initial=0) <= starts[last]
    assert Constraints().voices
    ends = after[:, ONSET] + after[:, DURATION]
    for onset, role, *_ in after[span]:
        sounding = (after[:, ROLE] == role) & (after[:, ONSET] <= onset) & (ends > onset)
        assert sounding.sum() <= (1, 1, 6)[role]


def test_new_bars_know_what_stands_before_them() -> None:
    plan = plan_of((4,) * 6)
    # Else held notes would be cut, and those across the border waited for.
    options = {"temperature": 1e-3, "constraints": Constraints(voices=None, sustain_nats=0)}
    whole = written(plan, 1, **options)
    again = written(plan, 5, Infill(whole, range(3, 6)), **options)
    # The likeliest way on is the one it went, but for notes that wait for given ones to end.
    assert again.shape == whole.shape
    assert np.mean(again == whole) > 0.99
    other = written(plan, 9)
    bars = bar_of(other)
    changed = np.concatenate([other[bars < 3], whole[bar_of(whole) >= 3]])
    elsewhere = written(plan, 5, Infill(changed, range(3, 6)), **options)
    assert not np.array_equal(elsewhere[bar_of(elsewhere) >= 3], whole[bar_of(whole) >= 3])


def test_phrases_that_are_recalled_return() -> None:
    plan = plan_of((4,) * 12, density=2.0)
    similarities = []
    for say in (-9.0, 9.0):
        constraints = Constraints(copy_nats=say, phrase_nats=0)
        words = written(plan, 3, constraints=constraints)
        bars = np.split(words, np.flatnonzero(np.diff(bar_of(words))) + 1)[:12]
        melodies = [
            {tuple(w[[POSITION, PITCH]]) for w in bar if w[ROLE] - 1 == MELODY} for bar in bars
        ]
        similarities.append(
            np.mean([
                max(len(now & then) / max(len(now), 1) for then in melodies[max(0, i - 3) : i])
                for i, now in enumerate(melodies) if i
            ])
        )  # fmt: skip
    assert similarities[1] > similarities[0] + 0.2


def test_long_pieces_do_not_lose_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of((4, 3, 4, 5) * 10, density=1.0)
    words = written(plan)
    assert bar_of(words)[-1] == 40
    counts = np.bincount(bar_of(words))[:-1] - 1
    assert 1 <= np.median(counts[:10]) <= 8 and 1 <= np.median(counts[-10:]) <= 8
    for bars in (1, 7, 99):
        monkeypatch.setattr("amt.models.notes.batched_decoder.CHUNK_BARS", bars)
        np.testing.assert_array_equal(written(plan), words)


def test_progress_rises_to_one() -> None:
    seen: list[float] = []
    sample_words(
        network(), plan_of((4,) * 4), NoteSamplingOptions(candidates=2),
        torch.Generator().manual_seed(0),
        reporter=callback_reporter(lambda _, share: seen.append(share)),
    )  # fmt: skip
    assert seen == sorted(seen) and seen[-1] == 1 and 0 <= seen[0] < 1


def test_a_network_without_memory_writes_as_well() -> None:
    plan = plan_of((4, 4))
    words = sample_words(network(0), plan, NoteSamplingOptions(), torch.Generator().manual_seed(0))
    assert bar_of(words)[-1] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"top_p": 0.0}, "top_p 0.0"),
        ({"top_p": 1.5}, "top_p 1.5"),
        ({"candidates": 0}, "0 candidates"),
        ({"temperature": float("nan")}, "temperature nan"),
    ],
)
def test_bad_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NoteSamplingOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("anew", [range(0), range(1, 4), range(-1, 1), range(0, 3, 2)])
def test_bars_that_are_not_there_are_refused(anew: range) -> None:
    plan = plan_of((4, 4, 4))
    piece = written(plan)
    with pytest.raises(InputError, match="are to be written; expected some of 1 to 3"):
        written(plan, 0, Infill(piece, anew))
    with pytest.raises(InputError, match="not of 2 bars"):
        written(plan_of((4, 4)), 0, Infill(piece, range(1)))
