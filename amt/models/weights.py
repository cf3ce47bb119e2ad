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

RENAMED_COMPOSER = {
    "layers.*.norm_video": "layers.*.norm_cross",
    "layers.*.video_attention": "layers.*.cross_attention",
    "echo.fading": "induction.age_weight",
    "echo": "induction",
    "echo_in": "induction_in",
    "echo_gate": "copy_gate",
}
"""Tensor names of the weight file -> those of today's attributes (see
:func:`render.files.weights.read_network`); goes when the composer is retrained."""
RENAMED_COMPOSER_SETTINGS = {"echo": "induction"}
"""Likewise of its settings."""
RENAMED_EXPRESSION: dict[str, str] = {}
"""Likewise; goes when the expression regressor is retrained."""
RENAMED_ARRANGER = {
    "encoder.layers.*.project_in": "encoder.layers.*.attention.project_in",
    "encoder.layers.*.project_out": "encoder.layers.*.attention.project_out",
    "layers.*.norm_plan": "layers.*.norm_cross",
    "layers.*.plan_attention": "layers.*.cross_attention",
    "gates": "copy_gates",
    "lacking": "remaining_notes",
    "heads.place": "heads.position",
    "heads.told": "heads.embed_prev",
}
"""Likewise; goes when the arranger is retrained."""


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
    composer = read_network(
        folder, "composer model", _about("composer"), ComposerConfig, Composer,
        RENAMED_COMPOSER, RENAMED_COMPOSER_SETTINGS,
    )  # fmt: skip
    return _by_columns(composer)


def load_expression(folder: Path | None = None) -> Expression:
    """The expression regressor in ``folder``, or the one that is installed; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    folder = folder or PACKAGED / "expression"
    expression = read_network(
        folder, "expression model", _about("expression"), ExpressionConfig, Expression,
        RENAMED_EXPRESSION,
    )  # fmt: skip
    return _by_columns(expression)


def load_arranger(folder: Path) -> Arranger:
    """The arranger in ``folder``; likewise.

    Raises:
        WeightsError: a file is missing, damaged, or of another model or version.
    """
    arranger = read_network(
        folder, "arranger model", _about("arranger"), ArrangerConfig, Arranger, RENAMED_ARRANGER
    )
    return _by_columns(arranger)


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
