"""Loudness against the standard's reference tone and pyloudnorm, and the gain that reaches it."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from render.audio import Audio, measure_loudness, normalising_gain
from render.audio.blocks import silence
from render.audio.loudness import MAX_LIMITING_DB
from tests.render.audio.sounds import (
    CUTS,
    LOW_RATE,
    RATE,
    cut_at,
    gain_to,
    loudness,
    noise,
    normalised,
    peak_db,
    sine,
    uneven_noise,
    zeros,
)


def plain_loudness(samples: np.ndarray, rate: int) -> float:
    with np.errstate(divide="ignore"):
        return float(pyloudnorm.Meter(rate).integrated_loudness(samples.T.astype(np.float64)))


def test_loudness_of_the_reference_tone():
    # BS.1770: a 997 Hz sine at full scale in one channel reads -3.01 LUFS, in two 0.
    assert loudness(sine(1.0)) == pytest.approx(0.0, abs=0.1)
    left = sine(1.0)
    left.samples[1] = 0
    assert loudness(left) == pytest.approx(-3.01, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(st.integers(int(0.4 * LOW_RATE) + 1, 3 * LOW_RATE), st.integers(0, 99), CUTS)
@example(frames=3201, seed=0, cuts=[2400])  # a block that begins where a gating hop does
def test_loudness_is_that_of_pyloudnorm(frames, seed, cuts):
    samples = uneven_noise(frames, seed)
    found = measure_loudness(cut_at(samples, cuts), LOW_RATE)
    assert found.integrated_lufs == pytest.approx(plain_loudness(samples, LOW_RATE), abs=1e-3)
    assert found.peak == np.abs(samples).max()


@pytest.mark.parametrize("rate", [11025, 22050, 24000, 44100, 48000, 96000])
def test_loudness_at_other_sample_rates(rate):
    samples = uneven_noise(round(2.345 * rate))
    found = measure_loudness(cut_at(samples, [1, rate, rate + 7]), rate).integrated_lufs
    assert found == pytest.approx(plain_loudness(samples, rate), abs=5e-3)


def test_silence_is_measured_as_zeros_are():
    sound = uneven_noise(2 * LOW_RATE)
    zero = np.zeros((2, 5 * LOW_RATE), np.float32)
    cheap = measure_loudness([silence(LOW_RATE), sound, silence(5 * LOW_RATE), sound], LOW_RATE)
    plain = measure_loudness([zero[:, :LOW_RATE], sound, zero, sound], LOW_RATE)
    assert cheap.integrated_lufs == pytest.approx(plain.integrated_lufs, abs=1e-9)
    assert measure_loudness([silence(LOW_RATE)], LOW_RATE).integrated_lufs == -math.inf
    assert measure_loudness([], LOW_RATE).integrated_lufs == -math.inf


def test_a_short_sound_measures_as_the_same_sound_held():
    assert loudness(sine(0.1, 0.2, 1000.0)) == pytest.approx(
        loudness(sine(0.1, 2.0, 1000.0)), abs=0.2
    )


@pytest.mark.parametrize("scale", [0.001, 0.05, 0.3])
def test_the_gain_reaches_loudness_below_the_ceiling(scale):
    out = normalised(noise(scale))
    assert loudness(out) == pytest.approx(-14.0, abs=0.1)
    assert peak_db(out) <= -1.0 + 1e-4


def test_the_gain_stays_lower_rather_than_crushing_sharp_peaks():
    clicks = noise(0.001, 4.0)
    clicks.samples[:, ::RATE] = 0.9
    out = normalised(clicks)
    gain_db = 20 * math.log10(gain_to(clicks))
    assert gain_db + peak_db(clicks) == pytest.approx(MAX_LIMITING_DB - 1.0, abs=0.01)
    assert loudness(out) < -14.5
    assert peak_db(out) <= -1.0 + 1e-4


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.39, 2.0])
def test_silence_stays_and_the_shortest_sounds_are_taken(seconds):
    assert not normalised(zeros(seconds)).samples.any()
    if seconds:
        assert peak_db(normalised(sine(0.01, seconds))) <= -1.0 + 1e-4


def test_the_gain_does_not_depend_on_the_blocks():
    samples = uneven_noise(3 * LOW_RATE, scale=0.5)
    gain = normalising_gain(lambda: cut_at(samples, [5, 9999]), LOW_RATE, -14.0, -1.0)
    assert gain == pytest.approx(gain_to(Audio(samples, LOW_RATE)), rel=1e-6)
