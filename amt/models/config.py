"""What a model is: flat settings that travel with its weights."""

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
    """How many slots back the decoder hears."""
    window: int = 16
    """Reach of local attention over the video to each side, in slots."""
    n_global: int = 32
    """Number of segments that summarise the whole clip."""
    semantic_dim: int = 768
    rotary: bool = True
    """Whether the decoder knows where a slot lies beyond the run lengths that it is told."""
    induction: bool = False
    """Whether it listens for passages like the present one (:mod:`amt.models.chords.induction`)."""
    max_run: int = 32
    """Slots since the last chord change are counted up to this."""

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
    """How many words back the decoder hears."""
    plan_window: int = 32
    """Reach of attention over the plan to each side, in beats."""
    bars_behind: int = 1
    """How many bars of the plan before the present one the decoder sees."""
    bars_ahead: int = 2
    motif_bars: int = 48
    """How many bars back motifs are remembered; 0 for a model without that memory."""

    def __post_init__(self) -> None:
        if self.d_model % self.n_heads or (self.d_model // self.n_heads) % 4:
            raise ValueError("d_model must be n_heads times a multiple of four")
