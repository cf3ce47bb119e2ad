"""Encoder of the plan, and the decoder's attention to it.

The encoder reads the plan beat by beat, with self-attention among the beats within a window. A word
of the decoder attends to the beats of the bars around its own, with a learned bias for each
distance in bars.

Shapes: ``B`` batch, ``S`` beats of the plan, ``C`` controls, ``T`` words, ``H`` heads, ``D`` model
width, ``K = D / H``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from amt.models.chords.inputs import ChordEmbedding
from amt.models.config import ArrangerConfig
from amt.models.layers import (
    CrossAttention,
    EncoderLayer,
    Rotation,
    SelfAttention,
    rotary,
    rotate,
)
from amt.models.notes.inputs import CONTROLS, PADDING_BAR, PlanInput
from amt.models.notes.tokens import MAX_BEATS, RESOLUTION

DENSITY_SCALE = 4.0
"""Notes per beat that are scaled to 1."""
MEAN_LOUDNESS, LOUDNESS_SCALE = 0.65, 4.0
"""Mean loudness of POP909, and the factor that scales its variation to a size of about 1."""
HIT_DECAY_BEATS = 4.0
"""Beats over which the nearness of a hit point falls to 1/e: a bar of four."""
REFERENCE_TEMPO_BPM, MIN_TEMPO_BPM = 100.0, 10.0
"""Tempo that is scaled to 0, twice which is scaled to 1, and the lowest tempo."""
MASKED_SCORE = -1e4
"""Large rather than infinite: a word of padding attends to nothing, and must stay a number."""


class PlanEmbedding(nn.Module):
    """PlanInput -> [B, S, D]."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.chord = ChordEmbedding(d_model)
        self.beat = nn.Embedding(MAX_BEATS, d_model)
        self.beats = nn.Embedding(MAX_BEATS + 1, d_model)
        self.minor = nn.Embedding(2, d_model)
        self.controls = nn.Sequential(
            nn.Linear(2 * len(CONTROLS), d_model), nn.GELU(), nn.Linear(d_model, d_model)
        )

    def forward(self, plan: PlanInput) -> Tensor:
        """Embed."""
        known = plan.known[:, None].expand_as(plan.controls)
        controls = torch.cat([_scaled(plan.controls) * known, known], dim=-1)
        embedded: Tensor = (
            self.chord(plan.chord)
            + self.beat(plan.beat)
            + self.beats(plan.beats)
            + self.minor(plan.minor)[:, None]
            + self.controls(controls)
        )
        return embedded


def _scaled(controls: Tensor) -> Tensor:
    """Controls [..., C] scaled to sizes of about 1."""
    columns = dict(zip(CONTROLS, controls.unbind(dim=-1), strict=True))
    columns["density"] = columns["density"] / DENSITY_SCALE
    columns["loudness"] = LOUDNESS_SCALE * (columns["loudness"] - MEAN_LOUDNESS)
    columns["to_hit"] = torch.exp(-columns["to_hit"] / HIT_DECAY_BEATS)
    columns["tempo"] = torch.log2(columns["tempo"].clamp(min=MIN_TEMPO_BPM) / REFERENCE_TEMPO_BPM)
    return torch.stack(list(columns.values()), dim=-1)


class PlanEncoder(nn.Module):
    """PlanInput -> [B, S, D]."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.embedding = PlanEmbedding(d)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(SelfAttention(d, config.n_heads), d, config.d_ff, config.dropout)
            for _ in range(config.encoder_layers)
        )
        self.norm = nn.LayerNorm(d)

    def forward(self, plan: PlanInput) -> Tensor:
        """Encode."""
        x = self.dropout(self.embedding(plan))
        beats = torch.arange(x.shape[1], device=x.device)
        rotation = rotary(beats, self.config.d_model // self.config.n_heads)
        near = (beats[:, None] - beats).abs() <= self.config.plan_window
        # Padding attends to itself, as a row without anything to attend to would be no number.
        itself = torch.eye(len(beats), device=x.device).bool()
        inside = (plan.bar != PADDING_BAR)[:, None, :] | itself
        for layer in self.layers:
            x = layer(x, rotation, (near & inside)[:, None])
        encoded: Tensor = self.norm(x)
        return encoded


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPlan:
    """A plan, or some bars of one, as the decoder attends to it."""

    plan: PlanInput
    states: Tensor
    """[B, S, D]"""
    first_bar: int
    """Number of the first bar that is encoded."""
    first_beat: int
    """Beat of the piece in row 0."""
    bar_rows: Tensor
    """[B, bars] row of the first beat of each bar; 0 for bars that the plan does not have."""
    memories: tuple[tuple[Tensor, Tensor] | None, ...]
    """Keys and values [B, H, S, K] for each decoder layer with cross-attention."""

    def row_of_bar(self, bar: Tensor) -> Tensor:
        """Row of the first beat of bars [B, T] of the piece."""
        return self.bar_rows.gather(1, bar - self.first_bar)

    def row_of(self, bar: Tensor, position: Tensor) -> Tensor:
        """Row [B, T] of the beat of positions (from 0, of a bar) [B, T] in bars [B, T]."""
        beat = position.div(RESOLUTION, rounding_mode="floor")
        return (self.row_of_bar(bar) + beat).clamp(max=self.plan.bar.shape[1] - 1)

    def states_at(self, rows: Tensor) -> Tensor:
        """States [B, T, D] of rows [B, T]."""
        return self.states.gather(1, rows[..., None].expand(-1, -1, self.states.shape[-1]))


def bar_rows(plan: PlanInput) -> Tensor:
    """[B, bars] row of the first beat of each bar, from the first bar of the first piece on."""
    first_bar, last_bar = int(plan.bar[0, 0]), int(plan.bar.max())
    starts = (plan.beat == 0) & (plan.bar != PADDING_BAR)
    rows = torch.arange(plan.bar.shape[1], device=plan.bar.device).expand_as(plan.bar)
    found = rows.new_zeros(len(rows), last_bar + 1 - first_bar)
    return found.scatter_add(1, (plan.bar - first_bar).clamp(min=0), rows * starts)


class PlanAttention(CrossAttention):
    """Attention to the beats of the bars around a word's own: [B, T, D] -> [B, T, D]."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__(config.d_model, config.n_heads)
        self.behind, self.ahead = config.bars_behind, config.bars_ahead
        self.bar_bias = nn.Parameter(torch.zeros(config.n_heads, self.behind + self.ahead + 1))

    def memory(self, states: Tensor, first_beat: int) -> tuple[Tensor, Tensor]:
        """Keys, rotated by the beats' times, and values [B, H, S, K] of the plan [B, S, D]."""
        key, value = self.keys_values(states)
        times = first_beat + torch.arange(states.shape[1], device=states.device)
        return rotate(key, rotary(RESOLUTION * times, key.shape[-1])), value

    def forward(
        self,
        x: Tensor,
        rotation: Rotation,
        bar: Tensor,
        memory: tuple[Tensor, Tensor],
        plan_bar: Tensor,
    ) -> Tensor:
        """Attend to the plan.

        Args:
            x: [B, T, D] words.
            rotation: by their musical times.
            bar: [B, T] their bars.
            memory: from :meth:`memory`.
            plan_bar: [B, S] bars of the plan's beats.
        """
        distance = plan_bar[:, None] - bar[..., None] + self.behind
        near = (distance >= 0) & (distance <= self.behind + self.ahead)
        near = near & (plan_bar != PADDING_BAR)[:, None]
        bias = self.bar_bias[:, distance.clamp(0, self.behind + self.ahead)]
        mask = rearrange(bias, "h b t s -> b h t s").masked_fill(~near[:, None], MASKED_SCORE)
        query = rotate(self.queries(x), rotation)
        key, value = memory
        attn_out = F.scaled_dot_product_attention(query, key, value, mask.to(query.dtype))
        return self.merge(attn_out)
