"""Models on disk: a folder with ``weights.safetensors``, ``config.json`` and a model card.

They are read and written by :mod:`render.files.weights`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from torch import Tensor, nn

from amt.models.chords.network import Composer
from amt.models.config import ArrangerConfig, ComposerConfig, ExpressionConfig, ModelConfig
from amt.models.expression import Expression
from amt.models.notes.network import Arranger
from render.files.weights import CONFIG_FILE as CONFIG_FILE
from render.files.weights import WEIGHTS_FILE as WEIGHTS_FILE
from render.files.weights import read_network, write_network

FORMAT = 1
PACKAGED = Path(__file__).parent.parent / "weights"
M = TypeVar("M", bound=nn.Module)


def save_model(folder: Path, kind: str, config: ModelConfig, tensors: dict[str, Tensor]) -> None:
    """Write a model's folder; matrices become float16, small tensors stay float32.

    Args:
        folder: made if missing; its model card is left as it is.
        kind: ``composer``, ``expression`` or ``arranger``.
        config: the settings from which the model is rebuilt.
        tensors: its state dict.
    """
    write_network(folder, _about(kind), config, tensors)


def load_composer(folder: Path | None = None) -> Composer:
    """The composer in ``folder``, or the one that is installed; float32, evaluation mode, on CPU.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    folder = folder or PACKAGED / "composer"
    about = _about("composer")
    return _by_columns(read_network(folder, "composer model", about, ComposerConfig, Composer))


def load_expression(folder: Path | None = None) -> Expression:
    """The expression regressor in ``folder``, or the one that is installed; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    folder = folder or PACKAGED / "expression"
    about = _about("expression")
    return _by_columns(
        read_network(folder, "expression model", about, ExpressionConfig, Expression)
    )


def load_arranger(folder: Path) -> Arranger:
    """The arranger in ``folder``; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    about = _about("arranger")
    return _by_columns(read_network(folder, "arranger model", about, ArrangerConfig, Arranger))


def _about(kind: str) -> dict[str, object]:
    return {"format": FORMAT, "model": kind}


def _by_columns(model: M) -> M:
    """The model with its matrices column by column in memory.

    The products of few rows that decoding consists of then take less than half the time on a CPU.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data = layer.weight.data.t().contiguous().t()
    return model
