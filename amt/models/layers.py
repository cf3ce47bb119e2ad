"""Attention layers shared by the models.

Dropout acts on what a layer adds, not inside it: on a CPU the random numbers for attention weights
and hidden units cost as much as all matrix products together.

Shapes: ``B`` batch, ``T`` slots of music, ``S`` slots of video, ``G`` global segments, ``H`` heads,
``D`` model width, ``K = D / H``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F


class Rotation(NamedTuple):
    """Rotations of rotary position embedding, [T, K / 2] each."""

    cos: Tensor
    sin: Tensor


def rotary(positions: Tensor, head_dim: int) -> Rotation:
    """Rotary position embedding (Su et al. 2021), base 10,000.

    Args:
        positions: [T] slot numbers.
        head_dim: K.
    """
    frequency = 10_000.0 ** (-torch.arange(0, head_dim, 2, device=positions.device) / head_dim)
    angles = torch.outer(positions.float(), frequency)
    return Rotation(angles.cos(), angles.sin())


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Apply rotary embedding to queries or keys [..., T, K]."""
    first, second = x.float().chunk(2, dim=-1)
    cos, sin = rotation
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1).type_as(x)


class FeedForward(nn.Sequential):
    """Position-wise network with GELU: [..., D] -> [..., D]."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__(nn.Linear(d_model, d_ff), nn.GELU(), nn.Linear(d_ff, d_model))


class ChannelDropout(nn.Module):
    """Drops a channel for a whole clip: [B, S, D] -> [B, S, D].

    Features of neighbouring seconds are so alike that dropping single numbers hides nothing.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop, when training."""
        return x * F.dropout(torch.ones_like(x[:, :1]), self.p, self.training)


class KeyValueCache:
    """Keys and values of the slots already composed, as far back as ``context`` reaches."""

    def __init__(self, context: int) -> None:
        self.context = context
        self._end = 0
        self._store: Tensor | None = None  # [2, B, H, 2 context, K], keys and values

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add n <= context slots [B, H, n, K]; return those that any of them can hear.

        Returns:
            Keys and values [B, H, <= context + n - 1, K], the added ones last.
        """
        b, h, n, k = keys.shape
        if self._store is None:
            self._store = keys.new_empty(2, b, h, 2 * self.context, k)
        if self._end + n > 2 * self.context:
            # Moving what is in reach to the front now and then costs less than joining tensors in
            # every slot.
            kept = self._store[..., self._end - self.context + 1 : self._end, :].clone()
            self._end = kept.shape[-2]
            self._store[..., : self._end, :] = kept
        self._store[0, :, :, self._end : self._end + n] = keys
        self._store[1, :, :, self._end : self._end + n] = values
        self._end += n
        reach = slice(max(0, self._end - self.context - n + 1), self._end)
        return self._store[0, :, :, reach], self._store[1, :, :, reach]

    def forget(self, n: int) -> None:
        """Take back the last n slots that were added."""
        self._end -= n


class CausalSelfAttention(nn.Module):
    """Self-attention over the last ``context`` slots with rotary positions."""

    def __init__(self, d_model: int, n_heads: int, context: int) -> None:
        super().__init__()
        self.n_heads, self.context = n_heads, context
        self.project_in = nn.Linear(d_model, 3 * d_model, bias=False)
        self.project_out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor, rotation: Rotation, cache: KeyValueCache | None = None) -> Tensor:
        """Attend.

        Args:
            x: [B, T, D]; with a cache the newest T slots.
            rotation: of the slots of ``x``.
            cache: keys and values of the slots before ``x``.

        Returns:
            [B, T, D]
        """
        query, key, value = rearrange(
            self.project_in(x), "b t (three h k) -> three b h t k", three=3, h=self.n_heads
        )
        query, key = rotate(query, rotation), rotate(key, rotation)
        if cache is not None:
            key, value = cache.append(key, value)
        if cache is None and x.shape[1] <= self.context:  # half the work of the same with a mask
            heard = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            mask = causal_band(x.shape[1], key.shape[2], self.context, x.device)
            heard = F.scaled_dot_product_attention(query, key, value, mask)
        out: Tensor = self.project_out(rearrange(heard, "b h t k -> b t (h k)"))
        return out


def causal_band(queries: int, keys: int, context: int, device: torch.device) -> Tensor:
    """Boolean mask [queries, keys], the last of both being the same slot.

    Each slot may hear the ``context`` slots that end with itself.
    """
    slots = torch.arange(keys, device=device)
    distance = slots[keys - queries :, None] - slots
    return (distance >= 0) & (distance < context)


@dataclass(frozen=True, slots=True)
class VideoMemory:
    """Keys and values of a clip for one :class:`VideoAttention`."""

    local_key: Tensor
    """[B, H, S, K]"""
    local_value: Tensor
    global_key: Tensor
    """[B, H, G, K]"""
    global_value: Tensor


class VideoAttention(nn.Module):
    """Attention to the video, local and global side by side.

    Each slot looks at the slots of video within ``window`` to each side, aligned in time through a
    learned bias for every distance, and at ``G`` segments that summarise the whole clip (the long
    and short term of VidMuse, Tian et al. 2024). Time and memory are linear in the clip's length.
    """

    block = 128
    """Slots that attend together; bounds the size of the score matrix."""

    def __init__(self, d_model: int, n_heads: int, window: int) -> None:
        super().__init__()
        self.n_heads, self.window = n_heads, window
        self.project_query = nn.Linear(d_model, d_model, bias=False)
        self.project_memory = nn.Linear(d_model, 2 * d_model, bias=False)
        self.project_out = nn.Linear(d_model, d_model, bias=False)
        self.distance_bias = nn.Parameter(torch.zeros(n_heads, 2 * window + 1))
        self.global_bias = nn.Parameter(torch.zeros(n_heads, 1))

    def memory(self, local: Tensor, summary: Tensor) -> VideoMemory:
        """Project the clip [B, S, D] and its summary [B, G, D] once for all queries."""
        pairs = [
            rearrange(self.project_memory(x), "b s (two h k) -> two b h s k", two=2, h=self.n_heads)
            for x in (local, summary)
        ]
        return VideoMemory(pairs[0][0], pairs[0][1], pairs[1][0], pairs[1][1])

    def forward(self, x: Tensor, memory: VideoMemory, first_slot: int = 0) -> Tensor:
        """Attend from slots ``first_slot`` on: x [B, T, D] -> [B, T, D]."""
        query = rearrange(self.project_query(x), "b t (h k) -> b h t k", h=self.n_heads)
        heard = [
            self._attend(queries, memory, first_slot + i * self.block)
            for i, queries in enumerate(query.split(self.block, dim=2))
        ]
        out: Tensor = self.project_out(rearrange(torch.cat(heard, dim=2), "b h t k -> b t (h k)"))
        return out

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
