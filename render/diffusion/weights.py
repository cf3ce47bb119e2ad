"""Networks on disk: a folder with ``weights.safetensors``, ``config.json`` and a model card.

``config.json`` names the network, its settings, the analysis it was trained on and the SHA-256 of
the weights, which is checked before anything is read. Matrices are float16; nothing in a weight
file can run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from render.diffusion.denoiser import Denoiser, DenoiserConfig
from render.diffusion.instruments import INSTRUMENTS
from render.diffusion.mel import FLOOR, HOP, LOG_CENTRE, LOG_SCALE, N_FFT, N_MELS, SAMPLE_RATE
from render.diffusion.vocoder import Vocoder, VocoderConfig
from render.errors import WeightsError

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "config.json"
DENOISER, VOCODER = "denoiser", "vocoder"
"""Names of the networks and of their folders."""
FORMAT = 1

_ANALYSIS = {
    "sample_rate": SAMPLE_RATE, "n_fft": N_FFT, "hop": HOP, "n_mels": N_MELS, "floor": FLOOR,
    "log_centre": LOG_CENTRE, "log_scale": LOG_SCALE,
}  # fmt: skip
M = TypeVar("M", bound=nn.Module)


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
    folder.mkdir(parents=True, exist_ok=True)
    compact = {
        name: tensor.detach()
        .to("cpu", torch.float16 if tensor.ndim >= 2 else torch.float32)
        .contiguous()
        for name, tensor in tensors.items()
    }
    data = save_safetensors(compact)
    (folder / WEIGHTS_FILE).write_bytes(data)
    kind = DENOISER if isinstance(config, DenoiserConfig) else VOCODER
    about = _expected(kind) | {
        "sha256": hashlib.sha256(data).hexdigest(),
        "settings": asdict(config),
    }
    (folder / CONFIG_FILE).write_text(json.dumps(about, indent=2) + "\n")


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
    settings, tensors = _read(folder, DENOISER)
    try:
        network = Denoiser(DenoiserConfig(**settings))
    except TypeError as error:
        raise _unfit(folder) from error
    return _fill(network, tensors, folder)


def load_vocoder(folder: Path) -> Vocoder:
    """The vocoder in ``folder``; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another network or version.
    """
    settings, tensors = _read(folder, VOCODER)
    try:
        network = Vocoder(VocoderConfig(**settings))
    except TypeError as error:
        raise _unfit(folder) from error
    return _fill(network, tensors, folder)


def _expected(kind: str) -> dict[str, Any]:
    about = {"format": FORMAT, "network": kind, "analysis": _ANALYSIS}
    return about | {"instruments": list(INSTRUMENTS)} if kind == DENOISER else about


def _read(folder: Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    about = _read_config(folder / CONFIG_FILE, kind)
    path = folder / WEIGHTS_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"no {kind} weights at {path}: {error.strerror}: name a folder that holds them"
        ) from error
    if hashlib.sha256(data).hexdigest() != about["sha256"]:
        raise WeightsError(
            f"{path} is damaged, as its SHA-256 is not the one in {CONFIG_FILE}: fetch it again"
        )
    try:
        return about["settings"], load_safetensors(data)
    except SafetensorError as error:
        raise WeightsError(f"{path} is no safetensors file: {error}: fetch it again") from error


def _read_config(path: Path, kind: str) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text())
    except OSError as error:
        raise WeightsError(
            f"no {kind} at {path.parent}: {error.strerror}: name a folder that holds one"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{path} is no JSON: fetch it again") from error
    expected = _expected(kind)
    fits = isinstance(about, dict) and all(about.get(k) == v for k, v in expected.items())
    if not (fits and isinstance(about.get("settings"), dict) and "sha256" in about):
        raise WeightsError(
            f"{path} describes another network, format, analysis or set of instruments than the "
            f"{kind} of format {FORMAT} that is expected: choose weights of this version"
        )
    return dict(about)


def _fill(network: M, tensors: dict[str, Tensor], folder: Path) -> M:
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise _unfit(folder) from error
    return network.eval()


def _unfit(folder: Path) -> WeightsError:
    return WeightsError(
        f"the weights and the settings in {folder} do not fit each other: fetch both again"
    )
