"""Networks of the neural renderer that are small enough to run in a moment."""

from __future__ import annotations

from pathlib import Path

import torch

from render.diffusion.denoiser import Denoiser, DenoiserConfig
from render.diffusion.predictor import Predictor, PredictorConfig
from render.diffusion.weights import DENOISER, PREDICTOR, Renderer, save_network

TINY_PREDICTOR = PredictorConfig(d_note=16, d_key=4, d_model=24, hidden=32, layers=2)
TINY_DENOISER = DenoiserConfig(d_model=24, hidden=32, layers=2)


def tiny_renderer() -> Renderer:
    """Both networks with output layers that are not zero, as after training."""
    torch.manual_seed(0)
    renderer = Renderer(Predictor(TINY_PREDICTOR).eval(), Denoiser(TINY_DENOISER).eval())
    for network in (renderer.predictor, renderer.denoiser):
        torch.nn.init.normal_(network.proj_out.weight, std=0.02)
    return renderer


def save_tiny_renderer(folder: Path) -> Path:
    """Write both to a folder, and return it."""
    renderer = tiny_renderer()
    save_network(folder / PREDICTOR, TINY_PREDICTOR, renderer.predictor.state_dict())
    save_network(folder / DENOISER, TINY_DENOISER, renderer.denoiser.state_dict())
    return folder
