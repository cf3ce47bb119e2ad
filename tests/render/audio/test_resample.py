"""Resampling a stream against resampling the whole."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from render.audio import Resampler
from render.audio.blocks import is_silence, silence
from render.audio.resample import resample
from tests.render.audio.sounds import cut_at, joined, sine, uneven_noise


def test_resample_keeps_pitch_and_level():
    out = joined(resample(sine(0.5, 1.0, 1000.0).blocks(), 44100, 48000))
    expected = sine(0.5, 1.0, 1000.0, 48000).samples
    assert out.shape == expected.shape
    np.testing.assert_allclose(out[:, 500:-500], expected[:, 500:-500], atol=2e-3)


@pytest.mark.parametrize("target", [8000, 24000, 44100, 48000])
def test_resampling_does_not_depend_on_the_blocks(target):
    samples = uneven_noise(30_000)
    out = joined(resample(cut_at(samples, [100, 7000, 15000]), 24000, target))
    whole = soxr.resample(samples.T, 24000, target, quality="HQ").T
    assert out.shape == whole.shape == (2, round(30_000 * target / 24000))
    np.testing.assert_allclose(out, whole, atol=2e-5)


def test_rests_are_not_resampled_and_what_follows_is_in_time():
    tone = np.sin(2 * np.pi * 440 * np.arange(12_000) / 24000).astype(np.float32)
    sound, rest = np.tile(tone, (2, 1)), silence(24_001)
    resampler = Resampler(24000, 44100)
    stream = [rest, sound, rest, rest, sound, rest]
    blocks = [block for piece in stream for block in resampler.push(piece)]
    blocks += resampler.finish()
    zeros = np.zeros((2, 24_001), np.float32)
    plain = np.concatenate([zeros, sound, zeros, zeros, sound, zeros], axis=1)
    whole = soxr.resample(plain.T, 24000, 44100, quality="HQ").T
    assert sum(block.shape[1] for block in blocks if is_silence(block)) > 2 * 44100
    # Sound begins on a whole sample again, at most half of one away.
    step = 2 * np.pi * 440 / 44100
    for start in (24_001, 84_003):
        inner = slice(round((start + 600) * 1.8375), round((start + 11_400) * 1.8375))
        np.testing.assert_allclose(joined(blocks)[:, inner], whole[:, inner], atol=0.51 * step)
