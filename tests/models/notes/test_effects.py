"""Effect sizes of the constraints and biases of writing notes, as they are by default.

Masks and biases are measured where they are computed; two are measured in what a small network
with random weights writes, which shows that masks and biases are applied.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from amt.models.notes import batched_decoder, decode, decoding_state
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.constraints import Constraints
from amt.models.notes.decode import Infill, NoteSamplingOptions, sample_words
from amt.models.notes.decoding_state import DecodingState
from amt.models.notes.inputs import CONTROLS
from amt.models.notes.motifs import MotifPrediction
from amt.models.notes.network import Arranger, DecoderOutput
from amt.models.notes.tokens import (
    BAR,
    FIRST_POSITION,
    ONSET,
    PITCH,
    RESOLUTION,
    ROLE,
    ROLES,
    VELOCITY,
    VOCABULARY,
    bins,
    to_notes,
    to_words,
)
from amt.types import FloatArray, IntArray
from tests.models.notes import test_constraints
from tests.models.notes.test_constraints import COUNTER, HARMONY, MELODY, midi, state_of, word
from tests.models.notes.test_decode import CONFIG, plan_of

BAR_LENGTH = 4 * RESOLUTION
SHORT: NotePlan = plan_of((4,) * 4, density=2.0)
QUARTER, WHOLE, QUAVER = 12, 48, 6
"""Lengths in twelfths of a beat."""


@cache
def network() -> Arranger:
    torch.manual_seed(1)
    return Arranger(CONFIG).eval()


def asked(density: float | None = None, loudness: float | None = None) -> NotePlan:
    plan = test_constraints.plan_of("C", (4,) * 16, density)
    if loudness is not None:
        plan.controls[:, CONTROLS.index("loudness")] = loudness
        plan.known[CONTROLS.index("loudness")] = True
    return plan


def sing(state: DecodingState, bars: int, length: int) -> None:
    """A melody of quarters that sound for ``length``, for some bars."""
    for _ in range(bars):
        for beat in range(4):
            state.update(word(12 * beat, MELODY, 60, length))
        state.update(np.array([BAR, 0, 0, 0, 0]))


def at_length(bias: FloatArray, length: int) -> float:
    return float(bias[1 + int(np.flatnonzero(bins().durations == length)[0])])


def long_notes(bars: int, length: int) -> float:
    """Nats of a whole note against a quarter of the melody, after some bars."""
    state = state_of(asked(), Constraints())
    sing(state, bars, length)
    return at_length(state.duration_bias(MELODY), WHOLE) - at_length(
        state.duration_bias(MELODY), QUARTER
    )


def test_octave_leaps_of_the_melody_are_less_likely_than_steps() -> None:
    state = state_of(asked(), Constraints())
    state.update(word(0, MELODY, 60))
    pitches = midi(np.ones(VOCABULARY[PITCH], dtype=bool))
    bias = dict(zip(pitches, state.pitch_bias(MELODY), strict=True))
    assert bias[72] - bias[62] <= -2
    assert bias[62] == bias[58] == 0


def test_a_pitch_of_the_melody_is_repeated_once_for_nothing_and_then_less_and_less() -> None:
    state = state_of(asked(), Constraints())
    costs = []
    for position in range(4):
        state.update(word(position, MELODY, 60))
        pitches = midi(np.ones(VOCABULARY[PITCH], dtype=bool))
        costs.append(-dict(zip(pitches, state.pitch_bias(MELODY), strict=True))[60])
    assert costs[0] == 0
    assert all(later - cost >= 0.5 for cost, later in pairwise(costs))
    state.update(word(4, MELODY, 62))
    assert state.pitch_bias(MELODY).max() == 0


def test_a_melody_without_rests_gets_shorter_notes_and_one_with_many_longer() -> None:
    assert long_notes(4, QUARTER) <= -2
    assert long_notes(4, 3) >= 2


def test_what_was_sung_is_forgotten_after_some_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    def after_a_change() -> float:
        state = state_of(asked(), Constraints())
        sing(state, 8, QUARTER)
        sing(state, 4, 3)
        return at_length(state.duration_bias(MELODY), WHOLE)

    on = after_a_change()
    monkeypatch.setattr(decoding_state, "REST_MEMORY", 1e9)
    assert on - after_a_change() >= 2


def test_whole_notes_of_the_harmony_are_likelier() -> None:
    bias = state_of(asked(), Constraints()).duration_bias(HARMONY)
    assert at_length(bias, WHOLE) - at_length(bias, QUARTER) >= 0.4


def test_the_memory_weighs_three_times_as_much_in_the_melody() -> None:
    state = state_of(asked(), Constraints())
    assert np.exp(state.copy_bias(3, MELODY)) >= 3
    assert state.copy_bias(3, HARMONY) == 0


def test_a_bar_ahead_of_its_density_waits() -> None:
    state = state_of(asked(density=2.0), Constraints())
    for i in range(5):
        state.update(word(3 * i, COUNTER, 60))
    bias = state.position_bias()
    assert bias[FIRST_POSITION + 36] - bias[FIRST_POSITION + 13] >= 1


def test_velocities_far_from_the_loudness_are_unlikely(monkeypatch: pytest.MonkeyPatch) -> None:
    state = state_of(asked(loudness=0.6), Constraints())
    loud = bins().velocities / 127

    def likeliest() -> float:
        return float(loud[state.velocity_bias()[1:].argmax()])

    bias = state.velocity_bias()[1:]
    assert bias[np.abs(loud - 0.6).argmin()] - bias[np.abs(loud - 0.25).argmin()] >= 8
    state.update(word(0, MELODY, 60, velocity=1))
    on = likeliest()
    monkeypatch.setattr(decoding_state, "MAX_VELOCITY_CORRECTION", 0.0)
    assert on - likeliest() >= 0.05


def test_a_bar_ends_neither_long_before_nor_long_after_its_density() -> None:
    state = state_of(asked(density=2.0), Constraints())
    may_end = []
    for i in range(10):
        state.update(word(3 * i, COUNTER, 60, QUAVER))
        may_end.append(bool(state.position_mask()[BAR]))
    assert may_end == [False] * 6 + [True] * 4
    assert np.flatnonzero(state.position_mask()).tolist() == [BAR]


@pytest.mark.parametrize("role", [MELODY, HARMONY])
def test_strong_beats_have_chord_tones_by_default(role: int) -> None:
    state = state_of(asked(), Constraints())
    strong, weak = (
        {pitch % 12 for pitch in midi(state.pitch_mask(FIRST_POSITION + 12 * beat, role, 1))}
        for beat in (2, 1)
    )
    assert strong == {0, 4, 7}
    assert len(weak) == 12


def test_the_last_bar_resolves_by_default() -> None:
    state = state_of(asked(), Constraints(), bar=15)
    for role in (MELODY, COUNTER, HARMONY):
        pitches = midi(state.pitch_mask(FIRST_POSITION + 5, role, 1))
        assert {pitch % 12 for pitch in pitches} == {0, 4, 7}


def test_ranges_and_voices_are_limited_by_default() -> None:
    state = state_of(asked(), Constraints())
    for role, (low, high) in zip(
        (MELODY, COUNTER, HARMONY), ((55, 91), (48, 84), (28, 88)), strict=True
    ):
        pitches = midi(state.pitch_mask(FIRST_POSITION + 5, role, 1))
        assert (pitches[0], pitches[-1]) == (low, high)
    state.update(word(0, MELODY, 60, WHOLE), number=1)
    state.update(word(12, MELODY, 62, WHOLE), number=2)
    assert list(state.cuts) == [1]
    for i in range(7):
        state.update(word(13 + i, HARMONY, 40 + i, WHOLE), number=3 + i)
    assert list(state.cuts) == [1, 3]


def test_planned_roles_alone_play_by_default() -> None:
    plan = test_constraints.plan_of("C", roles="101")
    assert state_of(plan, Constraints()).role_mask(FIRST_POSITION).tolist() == [
        False,
        True,
        False,
        True,
    ]


def decoder(constraints: Constraints) -> batched_decoder.BatchedDecoder:
    options = NoteSamplingOptions(constraints=constraints)
    nothing = np.zeros((0, len(VOCABULARY)), dtype=np.int64)
    return batched_decoder.BatchedDecoder(network(), SHORT, options, range(4), nothing, 1)


def test_the_memory_prefers_whole_phrases() -> None:
    motifs = MotifPrediction(torch.zeros(1, 1, 8, 5), torch.ones(1, 1, 2, 8))
    nothing = torch.zeros(1)
    ready = DecoderOutput(nothing, nothing, nothing, None, motifs)  # type: ignore[arg-type]
    rows = np.array([[FIRST_POSITION, 0, 0, 0, 0]])
    motifs = decoder(Constraints())._with_copy_bias(ready, ROLE, rows).motifs
    assert motifs is not None
    weighed = motifs.weights[0, 0, 0]
    assert weighed[3] / weighed[2] >= 5 and weighed[7] / weighed[0] >= 5
    assert weighed[0] == weighed[1] == weighed[2]


# That masks and biases are applied.


def written(chosen: Constraints) -> IntArray:
    """Notes [n, 5] of four bars."""
    options = NoteSamplingOptions(constraints=chosen)
    words = sample_words(network(), SHORT, options, torch.Generator().manual_seed(0))
    return to_notes(words, SHORT.bars)


def test_bars_have_the_notes_and_the_loudness_that_are_asked() -> None:
    on, off = (
        written(Constraints()),
        written(replace(Constraints(), count_notes=False, pace_weight=0, loudness_weight=0)),
    )

    def count_error(notes: IntArray) -> float:
        counts = np.bincount(notes[:, ONSET] // BAR_LENGTH, minlength=4)
        return float(np.mean(np.abs(counts - 8) / 8))

    def loudness_error(notes: IntArray) -> float:
        return float(np.abs(notes[:, VELOCITY] / 127 - 0.6).mean())

    assert count_error(on) - count_error(off) <= -0.15
    assert loudness_error(on) - loudness_error(off) <= -0.1


# Which of several candidates is kept.


def kept(monkeypatch: pytest.MonkeyPatch, best: int, given: Infill | None = None) -> IntArray:
    """The words that are kept where candidate ``best`` is by far the likeliest."""
    bonus = 100.0 * np.eye(4)[best]
    monkeypatch.setattr(batched_decoder.BatchedDecoder, "mean_log_probs", lambda _: bonus)
    options = NoteSamplingOptions(candidates=4)
    return sample_words(network(), SHORT, options, torch.Generator().manual_seed(5), given)


def test_the_likeliest_candidate_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {kept(monkeypatch, best).tobytes() for best in range(4)}
    assert len(chosen) == 4


def test_new_bars_are_kept_that_lead_best_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = kept(monkeypatch, 0)
    given = Infill(piece, range(1, 3))
    monkeypatch.setattr(batched_decoder.BatchedDecoder, "mean_log_probs", lambda self: np.zeros(4))
    chosen = set()
    for best in range(4):
        rewards = iter(100.0 * np.eye(4)[best])
        monkeypatch.setattr(decode, "_next_bar_score", lambda *_, r=rewards: float(next(r)))
        options = NoteSamplingOptions(candidates=4)
        words = sample_words(network(), SHORT, options, torch.Generator().manual_seed(6), given)
        chosen.add(words.tobytes())
    assert len(chosen) == 4


def test_new_bars_have_three_candidates_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = sample_words(network(), SHORT, NoteSamplingOptions(), torch.Generator().manual_seed(5))
    sizes: list[int] = []
    monkeypatch.setattr(
        batched_decoder.BatchedDecoder,
        "mean_log_probs",
        lambda self: sizes.append(len(self.words)) or np.zeros(len(self.words)),
    )
    given = Infill(piece, range(1, 3))
    sample_words(network(), SHORT, NoteSamplingOptions(), torch.Generator().manual_seed(6), given)
    assert sizes == [3]


def rhythm(notes_per_bar: int, velocity: int) -> IntArray:
    loud = int(bins().velocities[np.abs(bins().velocities - velocity).argmin()])
    step = BAR_LENGTH // notes_per_bar
    notes = [
        [bar * BAR_LENGTH + i * step, list(ROLES).index("melody"), 60, 6, loud]
        for bar in range(4)
        for i in range(notes_per_bar)
    ]
    return to_words(np.array(notes), SHORT.bars)


def test_missed_density_and_loudness_cost_a_candidate() -> None:
    pieces = [rhythm(8, 76), rhythm(4, 76), rhythm(8, 32)]
    as_asked, thin, soft = decode.target_scores(SHORT, pieces, range(4))
    assert as_asked - thin >= 0.4
    assert as_asked - soft >= 1.0
