"""Streams come to the same as whole sounds, wherever their blocks begin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.audio import Audio
from render.audio.blocks import BLOCK_FRAMES, cut, pad, peak, scale, silence, split
from render.errors import AudioError
from tests.render.audio.sounds import CUTS, LOW_RATE, RATE, cut_at, joined, sine, uneven_noise


def faded(samples: np.ndarray, fade: int) -> np.ndarray:
    """The plain definition: the last frames times a raised cosine."""
    ramp = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade, dtype=np.float32))
    ramp = np.concatenate([np.ones(samples.shape[1] - fade, np.float32), ramp])
    return samples * ramp


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2 * LOW_RATE), CUTS, st.integers(1, 3 * LOW_RATE))
def test_ends_and_lengths_are_those_of_whole_sound(frames, cuts, asked):
    samples = uneven_noise(frames)
    fade = min(LOW_RATE // 10, frames // 2)
    whole = joined(cut(cut_at(samples, cuts), frames, fade))
    np.testing.assert_array_equal(whole, faded(samples, fade))
    if asked < frames:
        fade = min(LOW_RATE // 10, asked // 2)
        out = cut(cut_at(samples, cuts), asked, fade)
        expected = faded(samples[:, :asked], fade)
    else:
        out = pad(cut_at(samples, cuts), asked)
        expected = np.pad(samples, ((0, 0), (0, asked - frames)))
    np.testing.assert_array_equal(joined(out), expected)


@given(st.floats(0.01, 3.0))
def test_a_cut_or_padded_sound_has_the_length_asked_for(seconds):
    length = round(seconds * RATE)
    out = joined(pad(cut(sine(0.5, 1.0).blocks(), length, length // 2), length))
    assert out.shape == (2, length)


def test_a_cut_fades_and_keeps_the_rest():
    long = sine(0.5, 6.0)
    out = joined(cut(long.blocks(), 5 * RATE, 2 * RATE))
    assert np.abs(out[:, -10:]).max() < 1e-3
    np.testing.assert_array_equal(out[:, : 3 * RATE], long.samples[:, : 3 * RATE])


def test_scale_multiplies_and_leaves_silence():
    out = joined(scale([*sine(0.5).blocks(), silence(9)], 0.5))
    np.testing.assert_allclose(out[:, :-9], sine(0.25).samples, atol=1e-7)
    assert not out[:, -9:].any()


def test_blocks_of_a_sound_are_the_sound():
    samples = uneven_noise(2 * BLOCK_FRAMES + 5)
    np.testing.assert_array_equal(joined(split(samples)), samples)
    assert peak(split(samples)) == np.abs(samples).max()
    assert peak([silence(5), *split(samples[:, :0])]) == peak([]) == 0.0


def test_bad_audio_is_named():
    with pytest.raises(AudioError, match=r"expected float32 \[channels, T\]"):
        Audio(np.zeros(5, np.float32), RATE)
    with pytest.raises(AudioError, match="float64"):
        Audio(np.zeros((2, 5)), RATE)
