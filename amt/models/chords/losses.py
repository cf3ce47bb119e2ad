"""Training loss of the composer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from amt.chords import VOCABULARY_SIZE
from amt.models.chords.inputs import chord_history
from amt.models.chords.network import ComposerOutput
from amt.mood import emotion_chords


@dataclass(frozen=True, slots=True)
class ComposerLoss:
    """The parts of the composer's loss; scalars; ``total`` is minimised."""

    total: Tensor
    nll: Tensor
    """Negative log-likelihood of the slot's chord, nats a slot."""
    next_chord: Tensor
    """Cross-entropy of the next different chord, in every slot that has one."""
    affective: Tensor
    """Negative log of the probability given to chords that fit the clip's emotion."""


def composer_loss(
    output: ComposerOutput,
    chords: Tensor,
    weight: Tensor,
    emotion: Tensor,
    emotion_known: Tensor,
    slots: Tensor,
    *,
    next_weight: float,
    affective_weight: float,
    smoothing: float,
) -> ComposerLoss:
    """Loss of a teacher-forced batch.

    Args:
        output: the composer's prediction.
        chords: [B, T] targets.
        weight: [B, T] 1 for slots that count, 0 for padding.
        emotion: [B, T, 6] probabilities.
        emotion_known: [B] 1 where ``emotion`` is real.
        slots: scalar, number of slots that count in the whole batch over all processes, divided
            by the number of processes, so that averaged gradients do not depend on the split.
        next_weight: of the next-chord term.
        affective_weight: of the affective matching term (Kang et al. 2023 use BCE; here the
            log-probability of fitting qualities, weighted by emotion, which stays finite).
        smoothing: label smoothing of the next-chord term.
    """

    def mean(values: Tensor, mask: Tensor) -> Tensor:
        return (values * mask).sum() / slots

    nll = -mean(output.log_probs.gather(-1, chords[..., None]).squeeze(-1), weight)
    following, exists = next_different(chords, weight)
    log_next = output.next_logits.log_softmax(dim=-1)
    hit = -log_next.gather(-1, following[..., None]).squeeze(-1)
    spread = -log_next.masked_fill(log_next == float("-inf"), 0).mean(dim=-1)
    next_chord = mean((1 - smoothing) * hit + smoothing * spread, exists * weight)
    fitting = torch.tensor(emotion_chords()).to(emotion)
    fit = torch.einsum("btv,ev->bte", output.log_probs.exp(), fitting)
    matching = -((emotion * fit.clamp(min=1e-4).log()).sum(dim=-1))
    affective = mean(matching, weight * emotion_known[:, None])
    loss = nll + next_weight * next_chord + affective_weight * affective
    return ComposerLoss(loss, nll.detach(), next_chord.detach(), affective.detach())


def next_different(chords: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """For each slot, the first chord from it on that differs from the chord before it.

    Args:
        chords: [B, T].
        weight: [B, T] 0 for padding, which ends the search.

    Returns:
        [B, T] chord ids (an arbitrary other chord where there is none) and [B, T] 1 where there
        is one.
    """
    last = chord_history(chords).last
    changed = (chords != last) & (weight > 0)
    t = chords.shape[1]
    slots = torch.arange(t, device=chords.device).expand_as(chords)
    when = torch.where(changed, slots, t).flip(1).cummin(dim=1).values.flip(1)
    exists = when < t
    following = chords.gather(1, when.clamp(max=t - 1))
    return torch.where(exists, following, (last + 1) % VOCABULARY_SIZE), exists.float()
