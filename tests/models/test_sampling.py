"""Nucleus sampling: the fewest most likely entries, drawn with their probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amt.models.sampling import nucleus, sample_nucleus

logit_lists = st.lists(st.floats(-20, 5), min_size=1, max_size=20)


@given(logit_lists, st.floats(0.01, 1.0), st.floats(0.1, 5.0))
def test_the_nucleus_is_the_fewest_likeliest_that_reach_p(
    logits: list[float], p: float, temperature: float
) -> None:
    indices, kept = nucleus(np.array(logits), temperature, p)
    probs = np.exp(np.array(logits) / temperature)
    probs /= probs.sum()
    mass = probs[indices].sum()
    assert len(set(indices.tolist())) == len(indices) >= 1
    assert mass >= p - 1e-9
    assert mass - probs[indices].min() < p + 1e-9
    others = np.delete(probs, indices)
    assert probs[indices].min() >= others.max(initial=0)
    assert (np.diff(kept) <= 0).all()
    np.testing.assert_allclose(kept, probs[indices] / mass)


def test_entries_are_drawn_as_often_as_their_probabilities_say() -> None:
    logits = np.log([0.1, 0.5, 0.05, 0.35])
    uniforms = (np.arange(1000) + 0.5) / 1000
    drawn = [sample_nucleus(logits, 1.0, 0.9, u) for u in uniforms]
    counts = np.bincount(drawn, minlength=4)
    np.testing.assert_allclose(counts / 1000, [0.1 / 0.95, 0.5 / 0.95, 0, 0.35 / 0.95], atol=2e-3)


@pytest.mark.parametrize("uniform", [0.0, 0.5, np.nextafter(1, 0)])
def test_what_is_forbidden_is_never_drawn(uniform: float) -> None:
    logits = np.array([-np.inf, 0.0, -np.inf, -1.0, -np.inf])
    assert sample_nucleus(logits, 1.0, 1.0, uniform) in {1, 3}
    assert sample_nucleus(logits, 1e-3, 1.0, uniform) == 1
