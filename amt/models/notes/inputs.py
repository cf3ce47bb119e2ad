"""Inputs of the arranger as batches of tensors: the plan by beat, and the notes so far by word.

Shapes: ``B`` batch, ``S`` beats of the plan, ``C`` = 10 controls, ``T`` words, ``L`` lags of the
motif memory, ``F`` similarities of each lag (:mod:`amt.models.notes.motifs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from amt.models.notes.tokens import ROLES

CONTROLS = (
    "density", "loudness", "valence", "arousal", "section", "to_hit", "tempo", *ROLES,
)  # fmt: skip
"""Controls of each beat: notes per beat in its bar; loudness of its bar (mean MIDI velocity / 127);
valence and arousal (-1 to 1); whether a section begins on it (0 or 1); beats to the next hit point,
0 on one; tempo in beats per minute; whether each role plays in its bar (0 or 1)."""
NO_HIT = 1e3
"""Beats to the next hit point where there is none."""
PADDING_BAR = -1
"""Number of the bar of padding."""


class PlanInput(NamedTuple):
    """Input of the encoder, beat by beat."""

    chord: Tensor
    """[B, S] chord id."""
    beat: Tensor
    """[B, S] number of the beat in its bar, from 0."""
    beats: Tensor
    """[B, S] beats of its bar, 1 to :data:`amt.models.notes.tokens.MAX_BEATS`."""
    bar: Tensor
    """[B, S] number of its bar, rising from 0; :data:`PADDING_BAR` for padding."""
    controls: Tensor
    """[B, S, C] in the order and the units of :data:`CONTROLS`."""
    known: Tensor
    """[B, C] 1 where a control is given, 0 where the model chooses."""
    minor: Tensor
    """[B] 1 for A minor, 0 for C major."""


class WordInput(NamedTuple):
    """Input of the decoder: the word before each predicted one, and the context of the motifs."""

    words: Tensor
    """[B, T, 5]"""
    bar: Tensor
    """[B, T] bar of each word, as in :class:`PlanInput`."""
    n_notes: Tensor
    """[B, T] notes that its bar has so far."""
    motif_words: Tensor
    """[B, T, L, 5], and the next of :class:`amt.models.notes.motifs.MotifContext`."""
    motif_similarity: Tensor
    """[B, T, L, F]"""


def plan_beats(bars: Sequence[int], first_bar: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Rows ``beat``, ``beats`` and ``bar`` [S] of a :class:`PlanInput` for bars of these beats."""
    rows = [(beat, n, first_bar + i) for i, n in enumerate(bars) for beat in range(n)]
    beat, beats, bar = torch.tensor(rows).T
    return beat, beats, bar
