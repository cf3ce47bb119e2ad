"""What the piece itself says comes next: attention to the slots after passages like the present.

Songs repeat. A head looks for earlier slots that were reached by the same chords as the present
one, and answers with the chords that followed there: an induction head (Olsson et al. 2022) whose
matching is fixed instead of learned, as in the n-gram heads of Akyürek et al. (2024). A transformer
learns such heads only from far more data than there are songs with a picture.

How alike two pasts are is a running mean, so a chord that was held a slot longer the second time
costs a little and does not end the match. Heads differ in how far they look back and in how sharply
they prefer the best match.

Shapes: ``B`` batch, ``T`` slots, ``L`` lags (entry ``l`` is the slot ``l + 1`` before the present
one), ``M`` memory lengths, ``H`` heads (``H / M`` for each length), ``V`` = 157 chords.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amt.chords import QUALITIES, VOCABULARY_SIZE

DECAYS = (0.7, 0.85, 0.93, 0.97)
"""Share of the running mean that stays from slot to slot: about 3, 7, 14 and 33 slots back."""
SHARPNESS = (8.0, 12.0, 20.0, 30.0, 20.0, 30.0, 50.0, 75.0)
"""Inverse temperatures at which the heads begin, two for each decay."""
ROOT_SIMILARITY = 0.5
"""How alike two chords are that share only the root; equal chords are 1."""
NONE = -1
"""Stands where no chord was played yet."""
N_HEADS = len(SHARPNESS)
_DECAY = torch.tensor(DECAYS)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class CopyContext:
    """What a piece remembers before each slot."""

    chords: Tensor
    """[B, T, L] chord at each lag, or :data:`NONE`."""
    similarity: Tensor
    """[B, T, M, L] how alike the past of that slot and the present one are, 0 to 1."""

    @staticmethod
    def join(memories: list[CopyMemory]) -> CopyContext:
        """Memories of one piece before consecutive slots, as a batch of one."""
        chords = torch.stack([memory.chords for memory in memories])
        return CopyContext(
            chords[None, :, :-1], torch.stack([memory.similarity for memory in memories])[None]
        )


@dataclass(frozen=True, slots=True, eq=False)
class CopyMemory:
    """The memory of one piece that grows chord by chord."""

    chords: Tensor
    """[L + 1] the last chords, newest first."""
    similarity: Tensor
    """[M, L]"""

    @classmethod
    def empty(cls, reach: int) -> CopyMemory:
        """Before the first chord; ``reach`` is L."""
        return cls(torch.full((reach + 1,), NONE), torch.zeros(len(DECAYS), reach))

    def update(self, chord: int) -> CopyMemory:
        """The memory after one chord more."""
        chords = torch.cat([torch.tensor([chord]), self.chords[:-1]])
        return CopyMemory(chords, _updated(self.similarity, chords[:1], chords[1:]))


def copy_context(chords: Tensor, reach: int) -> CopyContext:
    """The memory before every slot of ``chords`` [B, T], at most ``reach`` slots back."""
    slots = chords.shape[1]
    reach = min(reach, slots)
    padded = F.pad(chords, (reach + 1, 0), value=NONE)
    lags = padded.unfold(1, reach + 1, 1).flip(-1)[:, :slots]  # [B, T, L + 1], newest first
    similarity = torch.zeros(len(chords), len(DECAYS), reach, device=chords.device)
    rows = []
    for slot in range(slots):
        past = lags[:, slot, None]
        similarity = _updated(similarity, past[..., :1], past[..., 1:])
        rows.append(similarity)
    return CopyContext(lags[..., :-1], torch.stack(rows, dim=1))


def _updated(similarity: Tensor, newest: Tensor, others: Tensor) -> Tensor:
    """Running means [..., M, L] after a chord [..., 1] whose slot is met by ``others`` [..., L]."""
    played = (newest >= 0) & (others >= 0)
    root, roots = ((x - 1).div(len(QUALITIES), rounding_mode="floor") for x in (newest, others))
    alike = torch.where(newest == others, 1.0, ROOT_SIMILARITY * (root == roots)) * played
    decay = _DECAY.to(similarity.device)
    return decay * similarity + (1 - decay) * alike


class InductionOutput(NamedTuple):
    """What the heads answer."""

    probs: Tensor
    """[B, T, H, V] distribution of the next chord; all zero where nothing was played yet."""
    similarity: Tensor
    """[B, T, H] of the best match, 0 to 1."""


class InductionHeads(nn.Module):
    """CopyContext -> InductionOutput."""

    def __init__(self) -> None:
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS).log())
        self.fading = nn.Parameter(torch.full((N_HEADS,), 0.1))

    def forward(self, memory: CopyContext) -> InductionOutput:
        """Listen back."""
        played = (memory.chords >= 0)[:, :, None]
        similarity = memory.similarity.repeat(1, 1, N_HEADS // len(DECAYS), 1)
        age = torch.arange(similarity.shape[-1], device=similarity.device).add(1).log()
        scores = self.log_sharpness.exp()[:, None] * similarity - self.fading[:, None] * age
        weights = scores.masked_fill(~played, -1e4).float().softmax(dim=-1) * played
        chords = memory.chords.clamp(min=0)[:, :, None].expand_as(weights)
        empty = weights.new_zeros(*weights.shape[:-1], VOCABULARY_SIZE)
        return InductionOutput(empty.scatter_add(-1, chords, weights), similarity.amax(dim=-1))
