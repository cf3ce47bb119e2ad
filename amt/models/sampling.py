"""Nucleus (top-p) sampling (Holtzman et al. 2020), for chords and for the columns of notes."""

from __future__ import annotations

import numpy as np

from amt.types import FloatArray, IntArray


def nucleus(log_probs: FloatArray, temperature: float, top_p: float) -> tuple[IntArray, FloatArray]:
    """The most likely entries that together reach ``top_p``, and their probabilities.

    Args:
        log_probs: [V] logits or log-probabilities, -inf where an entry is forbidden; one at least
            is finite.
        temperature: above 0; divides the logits.
        top_p: total probability at which the nucleus ends, in (0, 1].

    Returns:
        [n] indices, the most likely first (equal ones in order), and [n] probabilities that sum
        to 1.
    """
    logits = log_probs / temperature
    probs = np.exp(logits - logits.max())
    order = np.argsort(-probs, kind="stable")
    cumulative = np.cumsum(probs[order]) / probs.sum()
    kept = order[: int(np.searchsorted(cumulative, top_p)) + 1]
    return kept, np.asarray(probs[kept] / probs[kept].sum())


def sample_nucleus(log_probs: FloatArray, temperature: float, top_p: float, uniform: float) -> int:
    """One entry drawn from the nucleus by inversion of the cumulative distribution.

    Args:
        log_probs: [V], and the next as for :func:`nucleus`.
        temperature: above 0.
        top_p: in (0, 1].
        uniform: random number in [0, 1).
    """
    indices, probs = nucleus(log_probs, temperature, top_p)
    rank = int(np.searchsorted(np.cumsum(probs), uniform, side="right"))
    return int(indices[min(rank, len(indices) - 1)])
