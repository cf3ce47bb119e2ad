"""Sampling spectrograms: repeatable, the same in any window, texture only where it is asked for."""

from __future__ import annotations

import pytest
import torch

from render.diffusion.mel import N_MELS, SILENCE
from render.diffusion.sampler import NotesNearby, SamplerOptions, sample
from render.diffusion.tokens import note_table
from render.errors import EngineError
from render.score import Note

TABLE = note_table([(Note(0.3 * i, 0.3 * i + 0.5, 50 + i, 40 + 3 * i), 48) for i in range(20)])


def sampled(renderer, first=0, n_frames=200, bus=0, **choices) -> torch.Tensor:
    return sample(renderer, TABLE, first, n_frames, SamplerOptions(**choices), bus).mel


def test_equal_seeds_give_equal_spectrograms(renderer):
    first, again, other = (sampled(renderer, steps=3, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (N_MELS, 200)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.min()) >= SILENCE


def test_one_step_is_the_mean_whatever_the_seed(renderer):
    mean = sampled(renderer, seed=1)
    assert torch.equal(mean, sampled(renderer, seed=2))
    assert not torch.equal(mean, sampled(renderer, steps=2))


def test_buses_have_noise_of_their_own(renderer):
    assert not torch.equal(sampled(renderer, steps=2), sampled(renderer, steps=2, bus=1))


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_windows_fit_each_other_without_a_seam(renderer, steps):
    whole = sampled(renderer, -20, 220, steps=steps)
    parts = [sampled(renderer, a, n, steps=steps) for a, n in ((-20, 70), (50, 101), (151, 49))]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-4, rtol=0)


def test_notes_nearby_are_those_that_are_active_there():
    long = note_table(
        [(Note(0.0, 30.0, 40, 80), 0), *((Note(t, t + 0.1, 60, 80), 0) for t in (1, 9))]
    )
    nearby = NotesNearby(long)
    assert nearby.notes(800, 100).pitch.tolist() == [40, 60]
    assert nearby.notes(500, 100).pitch.tolist() == [40]
    assert nearby.notes(4000, 100).pitch.tolist() == []


@pytest.mark.parametrize(
    ("choices", "message"),
    [({"steps": 0}, "0 steps"), ({"steps": 21}, "21 steps"), ({"seed": -1}, "seed -1")],
)
def test_options_without_meaning_are_refused(choices, message):
    with pytest.raises(EngineError, match=message):
        SamplerOptions(**choices)
