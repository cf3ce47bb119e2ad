"""Networks on disk: a folder with ``weights.safetensors``, ``config.json`` and a model card.

``config.json`` also names the analysis that the network was trained on. They are read and written
by :mod:`render.files.weights`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from render.diffusion.denoiser import Denoiser, DenoiserConfig
from render.diffusion.instruments import INSTRUMENTS
from render.diffusion.mel import FLOOR, HOP, LOG_CENTRE, LOG_SCALE, N_FFT, N_MELS, SAMPLE_RATE
from render.diffusion.vocoder import Vocoder, VocoderConfig
from render.files.weights import CONFIG_FILE as CONFIG_FILE
from render.files.weights import WEIGHTS_FILE as WEIGHTS_FILE
from render.files.weights import read_network, write_network

DENOISER, VOCODER = "denoiser", "vocoder"
"""Names of the networks and of their folders."""
FORMAT = 1

_ANALYSIS = {
    "sample_rate": SAMPLE_RATE, "n_fft": N_FFT, "hop": HOP, "n_mels": N_MELS, "floor": FLOOR,
    "log_centre": LOG_CENTRE, "log_scale": LOG_SCALE,
}  # fmt: skip


_RENAMED_DENOISER = {
    "notes.nothing": "note_encoder.null",
    "notes": "note_encoder",
    "sketch": "prior",
    "sketched": "prior_in",
    "inlet": "proj_in",
    "outlet": "proj_out",
    "level": "time_mlp",
    "tables": "modulation",
    "retold": "note_gains",
    "blocks.*.mix": "blocks.*.depthwise",
}
"""Tensor names of the weight file -> those of today's attributes (see
:func:`render.files.weights.read_network`); goes when the denoiser is retrained."""
_RENAMED_VOCODER = {
    "inlet": "embed",
    "first_norm": "norm",
    "last_norm": "final_layer_norm",
    "blocks.*.mix": "blocks.*.depthwise",
}
"""Likewise; goes when the vocoder is retrained."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """Both networks, in evaluation mode."""

    denoiser: Denoiser
    vocoder: Vocoder


def save_network(
    folder: Path, config: DenoiserConfig | VocoderConfig, tensors: dict[str, Tensor]
) -> None:
    """Write a network's folder; matrices become float16, small tensors stay float32.

    Args:
        folder: made if missing; its model card is left as it is.
        config: the settings from which the network is rebuilt; they say which it is.
        tensors: its state dict.
    """
    kind = DENOISER if isinstance(config, DenoiserConfig) else VOCODER
    write_network(folder, _about(kind), config, tensors)


def load_renderer(folder: Path) -> Renderer:
    """Both networks, from the folders ``denoiser`` and ``vocoder`` of a folder.

    Raises:
        WeightsError: a file is missing, damaged, or of another network or version.
    """
    return Renderer(load_denoiser(folder / DENOISER), load_vocoder(folder / VOCODER))


def load_denoiser(folder: Path) -> Denoiser:
    """The denoiser in ``folder``; float32, evaluation mode, on CPU.

    Raises:
        WeightsError: a file is missing, damaged, or of another network or version.
    """
    return read_network(
        folder, DENOISER, _about(DENOISER), DenoiserConfig, Denoiser, _RENAMED_DENOISER
    )


def load_vocoder(folder: Path) -> Vocoder:
    """The vocoder in ``folder``; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another network or version.
    """
    return read_network(folder, VOCODER, _about(VOCODER), VocoderConfig, Vocoder, _RENAMED_VOCODER)


def _about(kind: str) -> dict[str, object]:
    about = {"format": FORMAT, "network": kind, "analysis": _ANALYSIS}
    return about | {"instruments": list(INSTRUMENTS)} if kind == DENOISER else about
