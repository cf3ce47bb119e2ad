"""The expression regressor: a bidirectional GRU from video to loudness and note density.

After Video2Music's biGRU (Kang et al. 2023), with two changes. The mean over the whole clip is
added to every slot. And for every slot and both targets it predicts a distribution over levels
instead of one number. The mean of the distribution has the least RMSE, but varies far less than
music does, so :meth:`Expression.rescale_variance` widens it to the variance of the data for curves
that are played rather than evaluated.

Shapes: ``B`` batch, ``S`` slots, ``L`` levels; target 0 is loudness, 1 is density.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amt.models.config import ExpressionConfig
from amt.models.pretrained import EXPRESSION_SPEC, PretrainedModel
from amt.models.video import VideoEmbedding, VideoInput

TARGETS = ("loudness", "density")


class ExpressionOutput(NamedTuple):
    """The prediction for each slot."""

    log_probs: Tensor
    """[B, S, 2, L] log-probability of each level."""
    mean: Tensor
    """[B, S, 2] expected loudness (0-1) and density (notes per second)."""


class Expression(PretrainedModel):
    """Predicts loudness and note density of every slot from the video."""

    spec = EXPRESSION_SPEC
    config_type = ExpressionConfig

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = VideoEmbedding(
            config.d_model, config.semantic_dim, config.semantic_dropout
        )
        self.norm = nn.LayerNorm(config.d_model)
        self.whole = nn.Linear(config.d_model, config.d_model, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(
            config.d_model, config.hidden, config.layers,
            batch_first=True, bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )  # fmt: skip
        self.head = nn.Linear(2 * config.hidden, 2 * config.levels)
        self.levels: Tensor = nn.Buffer(torch.zeros(2, config.levels))
        """[2, L] values of the levels: quantiles of the training data, stored with the weights."""
        self.spread: Tensor = nn.Buffer(torch.ones(2, 2))
        """[2, 2] for each target the mean of the predictions over the training songs, and the
        factor that gives them the variance of the data."""

    def forward(self, video: VideoInput) -> ExpressionOutput:
        """Predict."""
        x = self.norm(F.gelu(self.embedding(video)))
        x = self.dropout(x + self.whole(x.mean(dim=1, keepdim=True)))
        hidden, _ = self.gru(x)
        logits = self.head(self.dropout(hidden)).unflatten(-1, (2, self.config.levels)).float()
        log_probs = logits.log_softmax(dim=-1)
        mean = (log_probs.exp() * self.levels).sum(dim=-1)
        return ExpressionOutput(log_probs, mean)

    def rescale_variance(self, mean: Tensor) -> Tensor:
        """Predicted means [..., 2] widened to the data's variance, within the levels' range."""
        centre, factor = self.spread[:, 0], self.spread[:, 1]
        widened = centre + factor * (mean - centre)
        return widened.clamp(min=self.levels[:, 0], max=self.levels[:, -1])


def level_targets(values: Tensor, levels: Tensor) -> Tensor:
    """Soft targets: each value shared between the two levels around it, so that the mean is kept.

    Args:
        values: [..., 2].
        levels: [2, L] increasing.

    Returns:
        [..., 2, L] non-negative, summing to 1 over L.
    """
    clipped = torch.minimum(torch.maximum(values, levels[:, 0]), levels[:, -1])
    distance = clipped[..., None] - levels
    step = levels.diff(dim=-1).clamp(min=1e-9)
    below = F.pad(1 + distance[..., 1:] / step, (1, 0), value=1)
    above = F.pad(1 - distance[..., :-1] / step, (0, 1), value=0)
    rising = (below.clamp(0, 1)) * (distance <= 0)
    falling = (above.clamp(0, 1)) * (distance > 0)
    return rising + falling
