"""Models on disk: a folder with ``weights.safetensors``, ``config.json`` and a model card.

``config.json`` names the model, its settings and the SHA-256 of the weights, which is checked
before anything is read. Weights are float16 safetensors; nothing in a weight file can run.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from amt.errors import WeightsError
from amt.model.arranger import Arranger
from amt.model.composer import Composer
from amt.model.config import ArrangerConfig, ComposerConfig, ExpressionConfig, ModelConfig
from amt.model.expression import Expression

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "config.json"
FORMAT = 1
PACKAGED = Path(__file__).parent.parent / "weights"
M = TypeVar("M", bound=nn.Module)
_CONFIGS: dict[str, type[ModelConfig]] = {
    "arranger": ArrangerConfig,
    "composer": ComposerConfig,
    "expression": ExpressionConfig,
}


def save_model(folder: Path, kind: str, config: ModelConfig, tensors: dict[str, Tensor]) -> None:
    """Write a model's folder; matrices become float16, small tensors stay float32.

    Args:
        folder: made if missing; its model card is left as it is.
        kind: ``composer``, ``expression`` or ``arranger``.
        config: the settings from which the model is rebuilt.
        tensors: its state dict.
    """
    folder.mkdir(parents=True, exist_ok=True)
    compact = {
        name: tensor.to(torch.float16 if tensor.ndim >= 2 else torch.float32).contiguous()
        for name, tensor in tensors.items()
    }
    data = save_safetensors(compact)
    (folder / WEIGHTS_FILE).write_bytes(data)
    about = {
        "format": FORMAT,
        "model": kind,
        "sha256": hashlib.sha256(data).hexdigest(),
        "settings": config.to_dict(),
    }
    (folder / CONFIG_FILE).write_text(json.dumps(about, indent=2) + "\n")


def load_composer(folder: Path | None = None) -> Composer:
    """The composer in ``folder``, or the one that is installed; float32, evaluation mode, on CPU.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    folder = folder or PACKAGED / "composer"
    config, tensors = _read(folder, "composer")
    assert isinstance(config, ComposerConfig)
    return _fill(Composer(config), tensors, folder)


def load_expression(folder: Path | None = None) -> Expression:
    """The expression regressor in ``folder``, or the one that is installed; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    folder = folder or PACKAGED / "expression"
    config, tensors = _read(folder, "expression")
    assert isinstance(config, ExpressionConfig)
    return _fill(Expression(config), tensors, folder)


def load_arranger(folder: Path) -> Arranger:
    """The arranger in ``folder``; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    config, tensors = _read(folder, "arranger")
    assert isinstance(config, ArrangerConfig)
    return _fill(Arranger(config), tensors, folder)


def _read(folder: Path, kind: str) -> tuple[ModelConfig, dict[str, Tensor]]:
    about = _read_config(folder / CONFIG_FILE, kind)
    path = folder / WEIGHTS_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"no {kind} weights at {path}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != about["sha256"]:
        raise WeightsError(f"{path} is damaged: its SHA-256 is not the one in {CONFIG_FILE}")
    try:
        tensors = load_safetensors(data)
    except SafetensorError as error:
        raise WeightsError(f"{path} is no safetensors file: {error}") from error
    return _CONFIGS[kind].from_dict(about["settings"]), tensors


def _read_config(path: Path, kind: str) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text())
    except OSError as error:
        raise WeightsError(f"no {kind} model at {path.parent}: {error.strerror}") from error
    except ValueError as error:
        raise WeightsError(f"{path} is no JSON: {error}") from error
    expected = {"format": FORMAT, "model": kind}
    found = {name: about.get(name) for name in expected} if isinstance(about, dict) else about
    if found != expected or "sha256" not in about or "settings" not in about:
        raise WeightsError(
            f"{path} describes {found}; expected the {kind} model in format {FORMAT}"
        )
    return dict(about)


def _fill(model: M, tensors: dict[str, Tensor], folder: Path) -> M:
    try:
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"the weights in {folder} do not fit their config.json") from error
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            # Column by column in memory, the products of few rows that decoding consists of take
            # less than half the time on a CPU.
            layer.weight.data = layer.weight.data.t().contiguous().t()
    return model.eval()
