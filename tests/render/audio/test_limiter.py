"""The limiter against its definition, and against other divisions into blocks."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from render.audio import Audio, limit
from render.audio.blocks import is_silence, silence
from tests.render.audio.sounds import (
    CUTS,
    LOW_RATE,
    RATE,
    cut_at,
    joined,
    limited,
    noise,
    sine,
    uneven_noise,
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10.0), st.floats(-12.0, 0.0))
def test_limiter_never_lets_a_sample_past_and_only_turns_down(seed, scale, ceiling):
    loud = noise(scale, 0.2, seed)
    out = limited(loud, ceiling)
    assert np.abs(out.samples).max() <= 10 ** (ceiling / 20) + 1e-6
    assert (np.abs(out.samples) <= np.abs(loud.samples) + 1e-6).all()


def test_limiter_follows_its_definition():
    """Against a plain loop: instant hold, exponential release, look-ahead average."""
    rate, ceiling = 2000, 10 ** (-1 / 20)
    samples = np.random.default_rng(1).normal(0, 0.5, (2, 500)).astype(np.float32)
    needed = np.maximum(0, 1 - ceiling / np.abs(samples).max(axis=0))
    released = needed.copy()
    for i in range(1, needed.size):
        released[i] = max(needed[i], released[i - 1] * math.exp(-1 / (0.1 * rate)))
    ahead = 10
    held = [released[i : i + ahead].max() for i in range(needed.size)]
    padded = [held[0]] * (ahead - 1) + held
    smooth = np.array([np.mean(padded[i : i + ahead]) for i in range(needed.size)])
    out = limited(Audio(samples, rate)).samples
    inner = slice(ahead, -ahead)
    np.testing.assert_allclose(out[:, inner], (samples * (1 - smooth))[:, inner], atol=1e-6)


def test_limiter_leaves_quiet_sound_and_distant_passages_alone():
    quiet = sine(0.5)
    np.testing.assert_array_equal(limited(quiet).samples, quiet.samples)
    burst = sine(0.5, 4.0)
    burst.samples[:, RATE : RATE + 50] = 1.5
    out = limited(burst)
    before = slice(0, RATE - round(0.02 * RATE))
    np.testing.assert_allclose(out.samples[:, before], burst.samples[:, before], atol=1e-6)
    np.testing.assert_allclose(out.samples[:, -RATE:], burst.samples[:, -RATE:], atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 2 * LOW_RATE), st.integers(0, 99), CUTS, st.floats(-12, 0))
def test_limiting_does_not_depend_on_the_blocks(frames, seed, cuts, ceiling_db):
    loud = uneven_noise(frames, seed, 0.5)
    whole = limited(Audio(loud, LOW_RATE), ceiling_db).samples
    in_blocks = joined(limit(cut_at(loud, cuts), LOW_RATE, ceiling_db))
    np.testing.assert_allclose(in_blocks, whole, atol=1e-6)


def test_silence_passes_the_limiter_as_silence():
    loud = uneven_noise(LOW_RATE, scale=2.0)
    zeros = np.zeros((2, 4 * LOW_RATE), np.float32)
    rests = [silence(2 * LOW_RATE)] * 2
    out = list(limit([*rests, loud, *rests, *rests, loud], LOW_RATE, -1.0))
    assert sum(block.shape[1] for block in out if is_silence(block)) > 5 * LOW_RATE
    plain = joined(limit([zeros, loud, zeros, zeros, loud], LOW_RATE, -1.0))
    np.testing.assert_allclose(joined(out), plain, atol=1e-6)
