"""Transformer layers shared by the chord and the note networks.

Pre-norm layers after Vaswani et al. (2017) and Xiong et al. (2020). Dropout acts on the output of a
sublayer, not inside it: on a CPU the random numbers for attention weights and hidden units would
cost as much as all matrix products together.

Shapes: ``B`` batch, ``T`` decoder positions (slots or words), ``S`` positions of the attended
memory, ``H`` heads, ``D`` model width, ``K = D / H``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

ROTARY_BASE = 10_000.0
"""Longest wavelength of rotary embedding over 2 pi, in positions (Su et al. 2021)."""
INITIAL_STD = 0.02


class Rotation(NamedTuple):
    """Rotations of rotary position embedding, [T, K / 2] each."""

    cos: Tensor
    sin: Tensor


def rotary(positions: Tensor, head_dim: int) -> Rotation:
    """Rotary position embedding (Su et al. 2021) of some positions.

    Args:
        positions: [T] numbers of the positions.
        head_dim: K.
    """
    frequency = ROTARY_BASE ** (-torch.arange(0, head_dim, 2, device=positions.device) / head_dim)
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
    """Dropout of a channel in all slots of a clip: [B, S, D] -> [B, S, D].

    Features of neighbouring seconds are nearly equal, so that dropping them one by one would hide
    nothing.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Zero each channel with probability ``p`` in training; identity in evaluation."""
        return x * F.dropout(torch.ones_like(x[:, :1]), self.p, self.training)


class KeyValueCache:
    """Keys and values of the positions decoded so far, limited to the context window.

    Args:
        context: size of the window of :class:`CausalSelfAttention`, in positions.
    """

    def __init__(self, context: int) -> None:
        self.context = context
        self._end = 0
        self._store: Tensor | None = None  # [2, B, H, 2 context, K], keys and values

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add n <= context positions [B, H, n, K]; return all that any of them attends to.

        Returns:
            Keys and values [B, H, <= context + n - 1, K], the added ones last.
        """
        b, h, n, k = keys.shape
        if self._store is None:
            self._store = keys.new_empty(2, b, h, 2 * self.context, k)
        if self._end + n > 2 * self.context:
            # Moving the window to the front now and then costs less than joining tensors in every
            # step.
            kept = self._store[..., self._end - self.context + 1 : self._end, :].clone()
            self._end = kept.shape[-2]
            self._store[..., : self._end, :] = kept
        self._store[0, :, :, self._end : self._end + n] = keys
        self._store[1, :, :, self._end : self._end + n] = values
        self._end += n
        window = slice(max(0, self._end - self.context - n + 1), self._end)
        return self._store[0, :, :, window], self._store[1, :, :, window]

    def drop_last(self, n: int) -> None:
        """Remove the last n positions that were added."""
        self._end -= n


class SelfAttention(nn.Module):
    """Multi-head self-attention with rotary positions, under a mask: [B, S, D] -> [B, S, D]."""

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.project_in = nn.Linear(d_model, 3 * d_model, bias=False)
        self.project_out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor, rotation: Rotation, mask: Tensor) -> Tensor:
        """Attend where ``mask`` [B, 1, S, S] is true (row: query, column: key)."""
        query, key, value = self.project(x, rotation)
        return self.merge(F.scaled_dot_product_attention(query, key, value, mask))

    def project(self, x: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, rotated, and values [B, H, T, K] of x [B, T, D]."""
        query, key, value = rearrange(
            self.project_in(x), "b t (three h k) -> three b h t k", three=3, h=self.n_heads
        )
        return rotate(query, rotation), rotate(key, rotation), value

    def merge(self, attn_out: Tensor) -> Tensor:
        """Heads [B, H, T, K] joined and projected: [B, T, D]."""
        out: Tensor = self.project_out(rearrange(attn_out, "b h t k -> b t (h k)"))
        return out


class CausalSelfAttention(SelfAttention):
    """Self-attention over the last ``context`` positions, with an optional key/value cache."""

    def __init__(self, d_model: int, n_heads: int, context: int) -> None:
        super().__init__(d_model, n_heads)
        self.context = context

    def forward(  # type: ignore[override]
        self, x: Tensor, rotation: Rotation, cache: KeyValueCache | None = None
    ) -> Tensor:
        """Attend to the past.

        Args:
            x: [B, T, D]; with a cache the newest T positions.
            rotation: of the positions of ``x``.
            cache: keys and values of the positions before ``x``.

        Returns:
            [B, T, D]
        """
        query, key, value = self.project(x, rotation)
        if cache is not None:
            key, value = cache.append(key, value)
        if cache is None and x.shape[1] <= self.context:  # half the work of the same with a mask
            attn_out = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            mask = causal_band(x.shape[1], key.shape[2], self.context, x.device)
            attn_out = F.scaled_dot_product_attention(query, key, value, mask)
        return self.merge(attn_out)


def causal_band(queries: int, keys: int, context: int, device: torch.device) -> Tensor:
    """Boolean mask [queries, keys], the last of both being the same position.

    True for the ``context`` positions that end with the query's own.
    """
    slots = torch.arange(keys, device=device)
    distance = slots[keys - queries :, None] - slots
    return (distance >= 0) & (distance < context)


class CrossAttention(nn.Module):
    """Base of attention to a memory that is encoded once: projections of both sides.

    A subclass says in ``forward`` which part of the memory each position attends to.
    """

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.project_query = nn.Linear(d_model, d_model, bias=False)
        self.project_memory = nn.Linear(d_model, 2 * d_model, bias=False)
        self.project_out = nn.Linear(d_model, d_model, bias=False)

    def queries(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, H, T, K]."""
        query: Tensor = rearrange(self.project_query(x), "b t (h k) -> b h t k", h=self.n_heads)
        return query

    def keys_values(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, S, K] of the memory's states [B, S, D]."""
        key, value = rearrange(
            self.project_memory(states), "b s (two h k) -> two b h s k", two=2, h=self.n_heads
        )
        return key, value

    def merge(self, attn_out: Tensor) -> Tensor:
        """Heads [B, H, T, K] joined and projected: [B, T, D]."""
        out: Tensor = self.project_out(rearrange(attn_out, "b h t k -> b t (h k)"))
        return out


class EncoderLayer(nn.Module):
    """Pre-norm transformer encoder layer: attention, then feed-forward; [B, S, D] -> [B, S, D].

    Args:
        attention: called with the normalised states and whatever else ``forward`` is given.
        d_model: D.
        d_ff: width of the feed-forward network.
        dropout: probability, on the output of each sublayer.
    """

    def __init__(self, attention: nn.Module, d_model: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_ff = nn.LayerNorm(d_model)
        self.ff = FeedForward(d_model, d_ff)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, *attention_args: object) -> Tensor:
        """Add both sublayers to x."""
        x = x + self.dropout(self.attention(self.norm_attention(x), *attention_args))
        out: Tensor = x + self.dropout(self.ff(self.norm_ff(x)))
        return out


class DecoderLayer(nn.Module):
    """Pre-norm transformer decoder layer: [B, T, D] -> [B, T, D].

    Causal self-attention, then cross-attention in a layer that has it, then feed-forward.

    Args:
        self_attention: over the positions before.
        cross_attention: to the encoded input, or None; called with the normalised states and
            whatever else ``forward`` is given.
        d_model: D.
        d_ff: width of the feed-forward network.
        dropout: probability, on the output of each sublayer.
    """

    def __init__(
        self,
        self_attention: CausalSelfAttention,
        cross_attention: CrossAttention | None,
        d_model: int,
        d_ff: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention = self_attention
        self.norm_cross = None if cross_attention is None else nn.LayerNorm(d_model)
        self.cross_attention = cross_attention
        self.norm_ff = nn.LayerNorm(d_model)
        self.ff = FeedForward(d_model, d_ff)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, rotation: Rotation, cache: KeyValueCache | None, *cross_args: object
    ) -> Tensor:
        """Add the sublayers to x; ``rotation`` and ``cache`` are those of the self-attention."""
        x = x + self.dropout(self.self_attention(self.norm_self(x), rotation, cache))
        if self.cross_attention is not None and self.norm_cross is not None:
            x = x + self.dropout(self.cross_attention(self.norm_cross(x), *cross_args))
        out: Tensor = x + self.dropout(self.ff(self.norm_ff(x)))
        return out


def initialise(module: nn.Module) -> None:
    """Normal weights of standard deviation 0.02 (as GPT-2, Radford et al. 2019), zero biases.

    For ``nn.Module.apply``.
    """
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=INITIAL_STD)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
