"""Base of the models: saved to a folder, loaded from one or from the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from torch import nn

from render.files.weights import NetworkSpec, PretrainedNetwork

FORMAT = 1

RENAMED_COMPOSER = {
    "layers.*.norm_video": "layers.*.norm_cross",
    "layers.*.video_attention": "layers.*.cross_attention",
    "echo.fading": "induction.age_weight",
    "echo": "induction",
    "echo_in": "induction_in",
    "echo_gate": "copy_gate",
}
"""Tensor names of the weight file -> those of today's attributes (see
:class:`render.files.weights.NetworkSpec`); goes when the composer is retrained."""
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


class PretrainedModel(PretrainedNetwork):
    """A network whose products of few rows are fast on a CPU once it is loaded."""

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """The model in a folder, its matrices column by column in memory.

        The products of few rows that decoding consists of take less than half the time then.
        """
        model = super().from_folder(folder)
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.data = layer.weight.data.t().contiguous().t()
        return model


COMPOSER_SPEC = NetworkSpec(
    "composer model", {"format": FORMAT, "model": "composer"}, RENAMED_COMPOSER,
    RENAMED_COMPOSER_SETTINGS,
)  # fmt: skip
EXPRESSION_SPEC = NetworkSpec(
    "expression model", {"format": FORMAT, "model": "expression"}, RENAMED_EXPRESSION
)
ARRANGER_SPEC = NetworkSpec(
    "arranger model", {"format": FORMAT, "model": "arranger"}, RENAMED_ARRANGER
)
