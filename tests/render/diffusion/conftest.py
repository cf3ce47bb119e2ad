"""Networks small enough to run in a moment."""

from __future__ import annotations

import pytest
import torch

from render.diffusion.denoiser import Denoiser, DenoiserConfig
from render.diffusion.vocoder import Vocoder, VocoderConfig

TINY_DENOISER = DenoiserConfig(d_model=32, hidden=48, layers=2, d_notes=16)
TINY_VOCODER = VocoderConfig(d_model=24, hidden=48, layers=2)


def lively(network):
    """The network with an output layer that is not zero, as after training."""
    torch.nn.init.normal_(network.proj_out.weight, std=0.1)
    return network.eval()


@pytest.fixture
def denoiser() -> Denoiser:
    torch.manual_seed(0)
    return lively(Denoiser(TINY_DENOISER))


@pytest.fixture
def pointwise() -> Denoiser:
    """A denoiser without layers between frames: a patch depends on itself only."""
    torch.manual_seed(0)
    return lively(Denoiser(DenoiserConfig(d_model=32, hidden=48, layers=0, d_notes=16)))


@pytest.fixture
def vocoder() -> Vocoder:
    torch.manual_seed(1)
    return Vocoder(TINY_VOCODER).eval()
