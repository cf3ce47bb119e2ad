"""Attention to the slots of a video, local and global side by side.

Each position attends to the slots within ``window`` to each side of its own slot, with a learned
bias for every distance, and to ``G`` segments that summarise the whole clip (the short and the long
term of VidMuse, Tian et al. 2024). Time and memory are linear in the clip's length.

Shapes: ``B`` batch, ``T`` positions, each aligned with the video slot of the same number, ``S``
slots of video, ``G`` global segments, ``H`` heads, ``D`` model width, ``K = D / H``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from amt.models.layers import CrossAttention


@dataclass(frozen=True, slots=True)
class VideoMemory:
    """Keys and values of a clip for one :class:`VideoAttention`."""

    local_key: Tensor
    """[B, H, S, K]"""
    local_value: Tensor
    """[B, H, S, K]"""
    global_key: Tensor
    """[B, H, G, K]"""
    global_value: Tensor
    """[B, H, G, K]"""


class VideoAttention(CrossAttention):
    """Attention to near slots and to the segments: [B, T, D] -> [B, T, D].

    Args:
        d_model: D.
        n_heads: H.
        window: slots of video to each side.
    """

    block = 128
    """Positions that attend together; bounds the size of the score matrix."""

    def __init__(self, d_model: int, n_heads: int, window: int) -> None:
        super().__init__(d_model, n_heads)
        self.window = window
        self.distance_bias = nn.Parameter(torch.zeros(n_heads, 2 * window + 1))
        self.global_bias = nn.Parameter(torch.zeros(n_heads, 1))

    def memory(self, local: Tensor, summary: Tensor) -> VideoMemory:
        """Project the clip [B, S, D] and its summary [B, G, D] once for all queries."""
        return VideoMemory(*self.keys_values(local), *self.keys_values(summary))

    def forward(self, x: Tensor, memory: VideoMemory, first_slot: int = 0) -> Tensor:
        """Attend from slots ``first_slot`` on: x [B, T, D] -> [B, T, D]."""
        attn_out = [
            self._attend(queries, memory, first_slot + i * self.block)
            for i, queries in enumerate(torch.split(self.queries(x), self.block, dim=2))
        ]
        return self.merge(torch.cat(attn_out, dim=2))

    def _attend(self, query: Tensor, memory: VideoMemory, first: int) -> Tensor:
        """One block of queries [B, H, block, K] whose first slot is ``first``."""
        n_queries, n_slots = query.shape[2], memory.local_key.shape[2]
        start, stop = max(0, first - self.window), min(n_slots, first + n_queries + self.window)
        slots = torch.arange(first, first + n_queries, device=query.device)
        distance = torch.arange(start, stop, device=query.device) - slots[:, None]
        near = self.distance_bias[:, (distance + self.window).clamp(0, 2 * self.window)]
        near = near.masked_fill(distance.abs() > self.window, float("-inf"))
        far = self.global_bias[:, None].expand(-1, n_queries, memory.global_key.shape[2])
        return F.scaled_dot_product_attention(
            query,
            torch.cat([memory.local_key[:, :, start:stop], memory.global_key], dim=2),
            torch.cat([memory.local_value[:, :, start:stop], memory.global_value], dim=2),
            torch.cat([near, far], dim=-1).to(query.dtype),
        )


class VideoSelfAttention(VideoAttention):
    """The same among the slots of the video themselves: [B, S, D] -> [B, S, D].

    Args:
        d_model: D.
        n_heads: H.
        window: slots to each side.
        n_global: G.
    """

    def __init__(self, d_model: int, n_heads: int, window: int, n_global: int) -> None:
        super().__init__(d_model, n_heads, window)
        self.n_global = n_global

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Attend within x."""
        return super().forward(x, self.memory(x, segment_means(x, self.n_global)))


def segment_means(x: Tensor, n_segments: int) -> Tensor:
    """Mean over each of G equal segments: [B, S, D] -> [B, G, D]."""
    pooled = F.adaptive_avg_pool1d(rearrange(x, "b s d -> b d s"), n_segments)
    segments: Tensor = rearrange(pooled, "b d g -> b g d")
    return segments
