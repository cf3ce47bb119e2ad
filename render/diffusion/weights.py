"""Both networks on disk, as :mod:`render.files.weights` reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from render.diffusion.denoiser import Denoiser, DenoiserConfig
from render.diffusion.predictor import Predictor, PredictorConfig
from render.diffusion.pretrained import DENOISER as DENOISER
from render.diffusion.pretrained import PREDICTOR as PREDICTOR
from render.files import weights
from render.files.weights import CONFIG_FILE as CONFIG_FILE
from render.files.weights import WEIGHTS_FILE as WEIGHTS_FILE


@dataclass(frozen=True, slots=True)
class Renderer:
    """Both networks, in evaluation mode."""

    predictor: Predictor
    denoiser: Denoiser


def save_network(
    folder: Path, config: PredictorConfig | DenoiserConfig, tensors: dict[str, Tensor]
) -> None:
    """Write a network's folder; ``config`` says which network it is."""
    network = Predictor if isinstance(config, PredictorConfig) else Denoiser
    weights.save_network(network, folder, config, tensors)


def load_renderer(folder: Path) -> Renderer:
    """Both networks, from the folders ``predictor`` and ``denoiser`` of a folder.

    Raises:
        WeightsError: a file is missing, damaged, or of another network or version.
    """
    return Renderer(
        Predictor.from_pretrained(folder / PREDICTOR), Denoiser.from_pretrained(folder / DENOISER)
    )
