"""Sound in blocks comes to the same as sound as a whole, wherever the blocks begin."""

from __future__ import annotations

import math
import tracemalloc
from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from render.audio import Audio, fade_out, fit_duration, limit, loudness_gain
from render.errors import AudioError
from render.stream import (
    BLOCK,
    Resampler,
    blocks_of,
    ended,
    is_silence,
    lengthened,
    levelling_gain,
    levels,
    limited,
    silence,
)
from render.tape import Tape

RATE = 8000
CUTS = st.lists(st.integers(0, 2 * RATE), max_size=6)


def noise(frames: int, seed: int = 0, scale: float = 0.1) -> np.ndarray:
    """Noise whose level moves, so that loudness gates have something to do."""
    rng = np.random.default_rng(seed)
    swell = 10 ** (1.5 * np.sin(np.arange(frames) / RATE * 3.0) - 1)
    return (scale * rng.normal(size=(2, frames)) * swell).astype(np.float32)


def cut(samples: np.ndarray, at: list[int]) -> list[np.ndarray]:
    edges = sorted({0, samples.shape[1], *(c for c in at if c < samples.shape[1])})
    return [samples[:, a:b] for a, b in pairwise(edges)]


def joined(blocks) -> np.ndarray:
    return np.concatenate([np.zeros((2, 0), np.float32), *blocks], axis=1)


def plain_loudness(samples: np.ndarray, rate: int) -> float:
    with np.errstate(divide="ignore"):
        return float(pyloudnorm.Meter(rate).integrated_loudness(samples.T.astype(np.float64)))


@settings(max_examples=25, deadline=None)
@given(st.integers(int(0.4 * RATE) + 1, 3 * RATE), st.integers(0, 99), CUTS)
@example(frames=3201, seed=0, cuts=[2400])  # a block that begins where a gating hop does
def test_loudness_is_that_of_pyloudnorm(frames, seed, cuts):
    samples = noise(frames, seed)
    found = levels(cut(samples, cuts), RATE)
    assert found.loudness_lufs == pytest.approx(plain_loudness(samples, RATE), abs=1e-3)
    assert found.peak == np.abs(samples).max()


@pytest.mark.parametrize("rate", [11025, 22050, 24000, 44100, 48000, 96000])
def test_loudness_at_other_sample_rates(rate):
    samples = noise(round(2.345 * rate))
    found = levels(cut(samples, [1, rate, rate + 7]), rate).loudness_lufs
    assert found == pytest.approx(plain_loudness(samples, rate), abs=5e-3)


def test_silence_is_measured_as_zeros_are():
    sound = noise(2 * RATE)
    zeros = np.zeros((2, 5 * RATE), np.float32)
    told = levels([silence(RATE), sound, silence(5 * RATE), sound], RATE)
    plain = levels([zeros[:, :RATE], sound, zeros, sound], RATE)
    assert told.loudness_lufs == pytest.approx(plain.loudness_lufs, abs=1e-9)
    assert levels([silence(RATE)], RATE).loudness_lufs == -math.inf
    assert levels([], RATE).loudness_lufs == -math.inf


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 2 * RATE), st.integers(0, 99), CUTS, st.floats(-12, 0))
def test_limiting_does_not_depend_on_the_blocks(frames, seed, cuts, ceiling_db):
    loud = noise(frames, seed, 0.5)
    whole = limit(Audio(loud, RATE), ceiling_db).samples
    np.testing.assert_allclose(joined(limited(cut(loud, cuts), RATE, ceiling_db)), whole, atol=1e-6)


def test_silence_passes_the_limiter_as_silence():
    loud = noise(RATE, scale=2.0)
    zeros = np.zeros((2, 4 * RATE), np.float32)
    rests = [silence(2 * RATE)] * 2
    out = list(limited([*rests, loud, *rests, *rests, loud], RATE, -1.0))
    assert sum(block.shape[1] for block in out if is_silence(block)) > 5 * RATE
    plain = joined(limited([zeros, loud, zeros, zeros, loud], RATE, -1.0))
    np.testing.assert_allclose(joined(out), plain, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2 * RATE), CUTS, st.integers(1, 3 * RATE))
def test_ends_and_lengths_are_those_of_whole_sound(frames, cuts, asked):
    samples = noise(frames)
    fade = min(RATE // 10, frames // 2)
    faded = joined(ended(cut(samples, cuts), frames, fade))
    np.testing.assert_array_equal(faded, fade_out(Audio(samples, RATE), 0.1).samples)
    fitted = fit_duration(Audio(samples, RATE), asked / RATE, 0.1).samples
    if asked < frames:
        out = ended(cut(samples, cuts), asked, min(RATE // 10, asked // 2))
    else:
        out = lengthened(cut(samples, cuts), asked)
    np.testing.assert_array_equal(joined(out), fitted)


def test_the_gain_is_that_of_sound_in_memory():
    samples = noise(3 * RATE, scale=0.5)
    gain = levelling_gain(lambda: cut(samples, [5, 9999]), RATE, -14.0, -1.0)
    assert gain == pytest.approx(loudness_gain(Audio(samples, RATE)), rel=1e-6)


@pytest.mark.parametrize("target", [8000, 24000, 44100, 48000])
def test_resampling_does_not_depend_on_the_blocks(target):
    samples = noise(30_000)
    resampler = Resampler(24000, target)
    blocks = [b for piece in cut(samples, [100, 7000, 15000]) for b in resampler.push(piece)]
    out = joined([*blocks, *resampler.finish()])
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


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * BLOCK), st.integers(0, BLOCK + 9)), max_size=5))
def test_a_tape_adds_up_what_lies_anywhere(places):
    expected = np.zeros((2, 5 * BLOCK), np.float32)
    with Tape() as tape:
        for seed, (start, frames) in enumerate(places):
            samples = noise(frames, seed)
            tape.add(start, samples)
            expected[:, start : start + frames] += samples
        assert tape.frames == max((start + frames for start, frames in places), default=0)
        np.testing.assert_array_equal(joined(tape.blocks()), expected[:, : tape.frames])


def test_a_tape_keeps_no_silence():
    with Tape() as tape:
        tape.add(0, silence(100 * BLOCK))
        tape.add(50 * BLOCK, noise(10))
        assert [is_silence(b) for b in tape.blocks()] == [i != 50 for i in range(100)]


def test_a_tape_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"cannot keep sound in .*nowhere"):
        Tape(tmp_path / "nowhere")


def test_memory_does_not_grow_with_the_length():
    def peak_bytes(seconds: int) -> int:
        tracemalloc.start()
        with Tape() as tape:
            for second in range(seconds):
                tape.add(second * RATE, noise(RATE, second))
            gain = levelling_gain(tape.blocks, RATE, -14.0, -1.0)
            for block in limited(tape.blocks(), RATE, -1.0 - gain):
                assert block.shape[0] == 2
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1)
    assert peak_bytes(80) < 1.1 * peak_bytes(20)


def test_blocks_of_a_sound_are_the_sound():
    samples = noise(2 * BLOCK + 5)
    np.testing.assert_array_equal(joined(blocks_of(samples)), samples)
