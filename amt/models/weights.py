"""The models that are installed, and where."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from amt.models.chords.network import Composer
from amt.models.config import ModelConfig
from amt.models.expression import Expression
from amt.models.notes.network import Arranger
from render.files.weights import CONFIG_FILE as CONFIG_FILE
from render.files.weights import WEIGHTS_FILE as WEIGHTS_FILE
from render.files.weights import save_network

PACKAGED = Path(__file__).parent.parent / "weights"
MODELS = {"composer": Composer, "expression": Expression, "arranger": Arranger}
"""Name of a model, and of its folder -> its class."""


def save_model(folder: Path, kind: str, config: ModelConfig, tensors: dict[str, Tensor]) -> None:
    """Write the folder of a model whose parameters are a state dict of its own.

    Args:
        folder: made if missing; its model card is left as it is.
        kind: a key of :data:`MODELS`.
        config: its settings.
        tensors: its state dict.
    """
    save_network(MODELS[kind], folder, config, tensors)


def load_composer(folder: Path | str | None = None) -> Composer:
    """The composer in ``folder``, or the one that is installed.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    return Composer.from_pretrained(folder or PACKAGED / "composer")


def load_expression(folder: Path | str | None = None) -> Expression:
    """The expression regressor in ``folder``, or the one that is installed; likewise."""
    return Expression.from_pretrained(folder or PACKAGED / "expression")


def load_arranger(folder: Path | str | None = None) -> Arranger:
    """The arranger in ``folder``, or the one that is installed; likewise."""
    return Arranger.from_pretrained(folder or PACKAGED / "arranger")
