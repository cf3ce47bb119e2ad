"""Settings of the models: flat dataclasses that travel with the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ModelConfig:
    """Base of the configs."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class ComposerConfig(ModelConfig):
    """Settings of :class:`amt.models.chords.network.Composer`."""

    d_model: int = 256
    """Width of encoder and decoder."""
    n_heads: int = 4
    """Attention heads everywhere."""
    d_ff: int = 1024
    """Width of the feed-forward layers."""
    encoder_layers: int = 2
    decoder_layers: int = 6
    cross_every: int = 2
    """Every how many decoder layers one attends to the video."""
    dropout: float = 0.2
    semantic_dropout: float = 0.4
    """Share of the semantic channels hidden from each clip in training."""
    context: int = 384
    """Context window of the decoder, in slots."""
    window: int = 16
    """Window of local attention over the video to each side, in slots."""
    n_global: int = 32
    """Number of segments that summarise the whole clip."""
    semantic_dim: int = 768
    rotary: bool = True
    """Whether the decoder has rotary positions beside the lengths of the last chords."""
    induction: bool = False
    """Whether it has induction heads (:mod:`amt.models.chords.induction`)."""
    max_run: int = 32
    """Lengths of chords are distinguished up to this many slots."""

    def __post_init__(self) -> None:
        if self.d_model % self.n_heads or (self.d_model // self.n_heads) % 2:
            raise ValueError("d_model must be n_heads times an even number")


@dataclass(frozen=True)
class ExpressionConfig(ModelConfig):
    """Settings of :class:`amt.models.expression.Expression`."""

    d_model: int = 128
    """Width of the projected features."""
    hidden: int = 128
    """Width of the GRU, each direction."""
    layers: int = 2
    dropout: float = 0.3
    semantic_dropout: float = 0.4
    semantic_dim: int = 768
    levels: int = 24
    """Bins of the predicted distributions of loudness and of density."""


@dataclass(frozen=True)
class ArrangerConfig(ModelConfig):
    """Settings of :class:`amt.models.notes.network.Arranger`."""

    d_model: int = 256
    """Width of encoder and decoder."""
    n_heads: int = 4
    """Attention heads everywhere."""
    d_ff: int = 704
    """Width of the feed-forward layers."""
    encoder_layers: int = 2
    decoder_layers: int = 5
    cross_every: int = 2
    """Every how many decoder layers one attends to the plan, the first included."""
    dropout: float = 0.1
    context: int = 512
    """Context window of the decoder, in words."""
    plan_window: int = 32
    """Window of the encoder's attention to each side, in beats."""
    bars_behind: int = 1
    """Bars of the plan before the present one that the decoder attends to."""
    bars_ahead: int = 2
    """Likewise after it."""
    motif_bars: int = 48
    """Context window of the motif heads, in bars; 0 for a model without them."""

    def __post_init__(self) -> None:
        if self.d_model % self.n_heads or (self.d_model // self.n_heads) % 4:
            raise ValueError("d_model must be n_heads times a multiple of four")
