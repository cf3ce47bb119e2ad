"""Sampling spectrograms: repeatable, joined without seams, of any length."""

from __future__ import annotations

import pytest
import torch

from render.diffusion import sampler
from render.diffusion.denoiser import Conditioning
from render.diffusion.mel import FRAME_RATE, N_MELS, SILENCE
from render.diffusion.sampler import (
    CONTEXT_FRAMES,
    HOP_FRAMES,
    OVERLAP_FRAMES,
    SamplerOptions,
    sample_mel,
)
from render.diffusion.tokens import note_table
from render.errors import EngineError
from render.score import Note

TABLE = note_table([(Note(0.3 * i, 0.3 * i + 0.5, 50 + i, 40 + 3 * i), 48) for i in range(20)])


def sampled(network, table=TABLE, options=None, **choices) -> torch.Tensor:
    return torch.cat(list(sample_mel(network, table, options or SamplerOptions(**choices))), dim=1)


def test_equal_seeds_give_equal_spectrograms(denoiser):
    first, again, other = (sampled(denoiser, steps=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape[1] >= TABLE.end_s * FRAME_RATE
    assert float(first.min()) == pytest.approx(SILENCE)


def test_buses_have_noise_of_their_own(denoiser):
    options = SamplerOptions(steps=2)
    one, two = (next(sample_mel(denoiser, TABLE, options, bus)) for bus in (0, 1))
    assert not torch.equal(one, two)


@pytest.mark.parametrize("choices", [{"steps": 4}, {"steps": 5, "guidance": 2.0}])
def test_borders_of_windows_leave_no_trace(pointwise, monkeypatch, choices):
    many = sampled(pointwise, **choices)
    monkeypatch.setattr(sampler, "HOP_FRAMES", 4 * HOP_FRAMES)
    monkeypatch.setattr(sampler, "WINDOW_FRAMES", CONTEXT_FRAMES + 4 * HOP_FRAMES + OVERLAP_FRAMES)
    one = sampled(pointwise, **choices)
    assert many.shape == one.shape == (N_MELS, 4 * HOP_FRAMES)
    torch.testing.assert_close(many, one, atol=1e-4, rtol=0)


def test_no_window_is_given_frames_of_the_one_before(denoiser, monkeypatch):
    """The networks grow louder after a context of their own; each window starts without one."""
    found: list[Conditioning] = []
    condition = denoiser.condition

    def recording(*args):
        found.append(condition(*args))
        return found[-1]

    monkeypatch.setattr(denoiser, "condition", recording)
    sampled(denoiser, steps=2)
    assert len(found) > 2
    assert not any(cond.known.any() or cond.context.any() for cond in found)


def test_guidance_of_one_is_no_guidance_and_more_overstates(denoiser):
    plain, none, strong = (sampled(denoiser, steps=2, guidance=g) for g in (1.0, 1.0 + 1e-6, 4.0))
    torch.testing.assert_close(plain, none, atol=1e-4, rtol=0)
    assert float((strong - plain).abs().max()) > 1e-3


def test_a_long_rest_is_silent_and_costs_nothing(pointwise, monkeypatch):
    torch.nn.init.zeros_(pointwise.proj_out.weight)
    calls = []
    monkeypatch.setattr(sampler, "_sample_window", lambda *args: calls.append(1) or silent)
    silent = torch.full((N_MELS, sampler.WINDOW_FRAMES), SILENCE)
    table = note_table([(Note(start, start + 0.1, 60, 80), 0) for start in (0.0, 600.0)])
    pieces = list(sample_mel(pointwise, table, SamplerOptions()))
    assert len(pieces) >= 600 * FRAME_RATE / HOP_FRAMES
    assert len(calls) < 6
    assert float(pieces[100].max()) == pytest.approx(SILENCE)


def test_a_window_gives_way_to_the_next_without_a_jump(denoiser, monkeypatch):
    """Where each window is of another level, the level glides; the first begins at once."""
    levels = iter(range(9))
    monkeypatch.setattr(
        sampler,
        "_sample_window",
        lambda *args: torch.full((N_MELS, sampler.WINDOW_FRAMES), next(levels)),
    )
    table = note_table([(Note(0.0, 5.0, 60, 80), 0)])
    mel = torch.cat(list(sample_mel(denoiser, table, SamplerOptions())), dim=1)[0]
    assert mel[0] == 0 and mel[sampler.HOP_FRAMES - 1] == 0 and mel[2 * sampler.HOP_FRAMES - 1] == 1
    assert float(mel[: 2 * sampler.HOP_FRAMES].diff().max()) < 2 / sampler.OVERLAP_FRAMES


def test_sound_that_never_decays_is_faded(denoiser, monkeypatch):
    """A network that never falls silent is silenced in the second window after the last note."""
    ringing = torch.ones(N_MELS, sampler.WINDOW_FRAMES)
    monkeypatch.setattr(sampler, "_sample_window", lambda *args: ringing)
    table = note_table([(Note(start, start + 0.1, 60, 80), 0) for start in (0.0, 60.0)])
    pieces = list(sample_mel(denoiser, table, SamplerOptions()))
    assert [float(piece.max()) > SILENCE for piece in pieces[:8]] == [True] * 3 + [False] * 5


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"steps": 0}, "0 steps"),
        ({"steps": 21}, "21 steps"),
        ({"guidance": 0.5}, "guidance 0.5"),
        ({"guidance": float("nan")}, "guidance nan"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_options_without_meaning_are_refused(choices, message):
    with pytest.raises(EngineError, match=message):
        SamplerOptions(**choices)
