"""Inputs of the composer's decoder: the chord history before each slot, and its embedding.

Conventions: chord ids are those of :mod:`amt.chords`, in C major or A minor. Shapes: ``B`` batch,
``T`` slots, ``D`` model width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amt.chords import QUALITIES, ROOTS, VOCABULARY_SIZE
from amt.models.chords.induction import CopyContext, copy_context

NO_CHORD_ID = 0
START_ID = VOCABULARY_SIZE
"""Stands before the first chord."""


@dataclass(frozen=True, slots=True, eq=False)
class ChordHistory:
    """The chords before each slot, as integers [B, T]."""

    last: Tensor
    """Chord of the slot before, or :data:`START_ID`."""
    run: Tensor
    """How many slots it has lasted."""
    before: Tensor
    """The chord before that one, or :data:`START_ID`."""
    run_before: Tensor
    """How many slots that one lasted."""
    copy_context: CopyContext | None = None
    """What the induction heads compare; None for a model without them."""


def chord_history(chords: Tensor, n_lags: int = 0) -> ChordHistory:
    """The history before each slot of ``chords`` [B, T].

    Args:
        chords: ids.
        n_lags: slots back that the induction heads compare; 0 for a model without them.
    """
    b, t = chords.shape
    slots = torch.arange(t, device=chords.device).expand(b, t)
    changed = torch.ones_like(chords, dtype=torch.bool)
    changed[:, 1:] = chords[:, 1:] != chords[:, :-1]
    onset = torch.where(changed, slots, 0).cummax(dim=1).values  # first slot of the running chord
    previous = (onset - 1).clamp(min=0)
    none = onset == 0
    onset_before = onset.gather(1, previous)

    def delayed(values: Tensor, first: int) -> Tensor:
        return F.pad(values[:, :-1], (1, 0), value=first)

    return ChordHistory(
        last=delayed(chords, START_ID),
        run=delayed(slots - onset + 1, 0),
        before=delayed(chords.gather(1, previous).masked_fill(none, START_ID), START_ID),
        run_before=delayed((onset - onset_before).masked_fill(none, 0), 0),
        copy_context=copy_context(chords, n_lags) if n_lags else None,
    )


class ChordEmbedding(nn.Module):
    """Chord ids [...] -> [..., D]: the sum of a root and a quality vector."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.root = nn.Embedding(len(ROOTS) + 2, d_model)
        self.quality = nn.Embedding(len(QUALITIES) + 2, d_model)
        special = torch.arange(VOCABULARY_SIZE + 1)
        root, quality = (special - 1) // len(QUALITIES), (special - 1) % len(QUALITIES)
        for index, row in ((NO_CHORD_ID, 0), (START_ID, 1)):
            root[index], quality[index] = len(ROOTS) + row, len(QUALITIES) + row
        self.root_of: Tensor = nn.Buffer(root, persistent=False)
        self.quality_of: Tensor = nn.Buffer(quality, persistent=False)

    def forward(self, chords: Tensor) -> Tensor:
        """Embed."""
        root: Tensor = self.root(self.root_of[chords])
        quality: Tensor = self.quality(self.quality_of[chords])
        return root + quality
