"""Induction heads over the chord history.

They find earlier slots preceded by the same chords and return the distribution of the chords that
followed (Olsson et al. 2022), with fixed instead of learned matching, as in the n-gram heads of
Akyürek et al. (2024): a transformer learns such heads only from far more data than there are songs
with a video.

The similarity of two pasts is an exponential moving average of the similarity of their chords slot
by slot, so a chord that is held a slot longer the second time lowers the similarity a little and
does not end the match. Heads differ in the decay of the average and in the softmax temperature.

Shapes: ``B`` batch, ``T`` slots, ``L`` lags (entry ``l`` is the slot ``l + 1`` before the present
one), ``M`` decays, ``H`` heads (``H / M`` for each decay), ``V`` = 157 chords.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amt.chords import QUALITIES, VOCABULARY_SIZE

DECAYS = (0.7, 0.85, 0.93, 0.97)
"""Decay of the moving average from slot to slot: time constants of about 3, 7, 14 and 33 slots,
which are half a bar to four bars."""
SHARPNESS = (8.0, 12.0, 20.0, 30.0, 20.0, 30.0, 50.0, 75.0)
"""[H] inverse softmax temperatures before training, two for each decay."""
AGE_WEIGHT = 0.1
"""By how much the logarithm of a lag lowers its score before training."""
ROOT_SIMILARITY = 0.5
"""Similarity of two chords that share only the root; that of equal chords is 1."""
NONE = -1
"""Stands for the slots before the first chord."""
N_HEADS = len(SHARPNESS)
MASKED_SCORE = -1e4
"""Finite, so that a row without any earlier slot stays a number."""
_DECAY = torch.tensor(DECAYS)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class CopyContext:
    """The earlier chords before each slot, and how similar their pasts are to the slot's own."""

    chords: Tensor
    """[B, T, L] chord at each lag, or :data:`NONE`."""
    similarity: Tensor
    """[B, T, M, L] similarity of the past at each lag to the present one, 0 to 1."""

    @staticmethod
    def join(memories: list[CopyMemory]) -> CopyContext:
        """The states of one piece before consecutive slots, as a batch of one."""
        chords = torch.stack([memory.chords for memory in memories])
        similarity = torch.stack([memory.similarity for memory in memories])
        return CopyContext(chords[None, :, :-1], similarity[None])


@dataclass(frozen=True, slots=True, eq=False)
class CopyMemory:
    """The state of the moving averages of one piece, updated chord by chord."""

    chords: Tensor
    """[L + 1] the last chords, newest first."""
    similarity: Tensor
    """[M, L]"""

    @classmethod
    def empty(cls, n_lags: int) -> CopyMemory:
        """Before the first chord; ``n_lags`` is L."""
        return cls(torch.full((n_lags + 1,), NONE), torch.zeros(len(DECAYS), n_lags))

    def update(self, chord: int) -> CopyMemory:
        """The state after one more chord."""
        chords = torch.cat([torch.tensor([chord]), self.chords[:-1]])
        return CopyMemory(chords, _updated(self.similarity, chords[:1], chords[1:]))


def copy_context(chords: Tensor, n_lags: int) -> CopyContext:
    """The context before every slot of ``chords`` [B, T], at most ``n_lags`` slots back."""
    slots = chords.shape[1]
    n_lags = min(n_lags, slots)
    padded = F.pad(chords, (n_lags + 1, 0), value=NONE)
    lags = padded.unfold(1, n_lags + 1, 1).flip(-1)[:, :slots]  # [B, T, L + 1], newest first
    similarity = torch.zeros(len(chords), len(DECAYS), n_lags, device=chords.device)
    rows = []
    for slot in range(slots):
        past = lags[:, slot, None]
        similarity = _updated(similarity, past[..., :1], past[..., 1:])
        rows.append(similarity)
    return CopyContext(lags[..., :-1], torch.stack(rows, dim=1))


def _updated(similarity: Tensor, newest: Tensor, others: Tensor) -> Tensor:
    """Moving averages [..., M, L] after a chord [..., 1], compared with ``others`` [..., L]."""
    played = (newest >= 0) & (others >= 0)
    root, roots = ((x - 1).div(len(QUALITIES), rounding_mode="floor") for x in (newest, others))
    chord_similarity = torch.where(newest == others, 1.0, ROOT_SIMILARITY * (root == roots))
    decay = _DECAY.to(similarity.device)
    return decay * similarity + (1 - decay) * (chord_similarity * played)


class InductionOutput(NamedTuple):
    """The prediction of the induction heads."""

    probs: Tensor
    """[B, T, H, V] distribution of the next chord; all zero before the second chord."""
    similarity: Tensor
    """[B, T, H] of the best match, 0 to 1."""


class InductionHeads(nn.Module):
    """CopyContext -> InductionOutput: a softmax over lags of sharpness x similarity - age."""

    def __init__(self) -> None:
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS).log())
        self.age_weight = nn.Parameter(torch.full((N_HEADS,), AGE_WEIGHT))

    def forward(self, context: CopyContext) -> InductionOutput:
        """Predict the next chord of every slot."""
        played = (context.chords >= 0)[:, :, None]
        similarity = context.similarity.repeat(1, 1, N_HEADS // len(DECAYS), 1)
        age = torch.arange(similarity.shape[-1], device=similarity.device).add(1).log()
        scores = self.log_sharpness.exp()[:, None] * similarity - self.age_weight[:, None] * age
        weights = scores.masked_fill(~played, MASKED_SCORE).float().softmax(dim=-1) * played
        chords = context.chords.clamp(min=0)[:, :, None].expand_as(weights)
        empty = weights.new_zeros(*weights.shape[:-1], VOCABULARY_SIZE)
        return InductionOutput(empty.scatter_add(-1, chords, weights), similarity.amax(dim=-1))
