"""The analysis: bands where they should be, levels as stated, and a way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from render.diffusion.mel import (
    HOP,
    LOG_CENTRE,
    LOG_SCALE,
    N_FFT,
    N_MELS,
    SAMPLE_RATE,
    SILENCE,
    log_mel,
    mel_filters,
    padded,
)


def sine(hz: float, amplitude: float, seconds: float = 0.5) -> torch.Tensor:
    time = torch.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return amplitude * torch.sin(2 * math.pi * hz * time)[None]


def test_the_filters_are_slaneys_and_none_is_empty():
    from transformers.audio_utils import mel_filter_bank

    reference = mel_filter_bank(
        N_FFT // 2 + 1, N_MELS, 0.0, SAMPLE_RATE / 2, SAMPLE_RATE, norm=None, mel_scale="slaney"
    )
    filters = mel_filters()
    np.testing.assert_allclose(filters, reference.T, atol=1e-6)
    assert (filters.sum(dim=1) > 0).all()


@settings(deadline=None, max_examples=20)
@given(length=st.integers(1, 20_000))
def test_there_is_a_frame_for_every_hop(length):
    mel = log_mel(padded(torch.zeros(2, length)))
    assert mel.shape == (2, N_MELS, math.ceil(length / HOP))
    torch.testing.assert_close(mel, torch.full_like(mel, SILENCE))


@settings(deadline=None, max_examples=20)
@given(hz=st.floats(60, 10_000), amplitude=st.floats(0.01, 1.0))
def test_a_sinusoid_reads_its_level_in_its_band(hz, amplitude):
    mel = log_mel(padded(sine(hz, amplitude)))[0, :, 10:-10].mean(dim=1)
    magnitudes = torch.exp(mel * LOG_SCALE + LOG_CENTRE)
    bins = torch.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    filters = mel_filters()
    centre_hz = (filters * bins).sum(dim=1) / filters.sum(dim=1)
    found = int(magnitudes.argmax())
    spacing = centre_hz[min(found + 1, N_MELS - 1)] - centre_hz[max(found - 1, 0)]
    assert abs(float(centre_hz[found]) - hz) <= max(float(spacing), 25)
    expected = amplitude * N_FFT / 4
    assert 0.4 * expected < float(magnitudes[found]) < 2.1 * expected


def test_frames_stand_for_their_own_samples():
    wave = torch.zeros(1, 20 * HOP)
    wave[0, 10 * HOP + HOP // 2] = 1.0
    mel = log_mel(padded(wave))[0]
    assert int(mel.sum(dim=0).argmax()) == 10
    around = mel.amax(dim=0) > SILENCE
    assert around.nonzero().flatten().tolist() == [9, 10, 11]


def test_twice_the_amplitude_is_log_two_more():
    soft, loud = (log_mel(padded(sine(440.0, a)))[0, :, 10:-10] for a in (0.1, 0.2))
    sounding = soft > SILENCE + 0.2
    assert float((loud - soft)[sounding].mean()) == pytest.approx(math.log(2) / LOG_SCALE, rel=1e-3)
