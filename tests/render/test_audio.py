from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from render.audio import (
    Audio,
    apply_gain,
    fit_duration,
    limit,
    loudness,
    loudness_gain,
    measure,
    normalise,
    resample,
    write_audio,
)
from render.errors import AudioError
from render.stream import MAX_LIMITING_DB

RATE = 44100


def sine(amplitude: float, seconds: float = 3.0, hz: float = 997.0, rate: int = RATE) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    wave = amplitude * np.sin(2 * np.pi * hz * time)
    return Audio(np.stack([wave, wave]).astype(np.float32), rate)


def noise(scale: float, seconds: float = 3.0, seed: int = 0) -> Audio:
    samples = np.random.default_rng(seed).normal(0, scale, (2, round(seconds * RATE)))
    return Audio(samples.astype(np.float32), RATE)


def silence(seconds: float) -> Audio:
    return Audio(np.zeros((2, round(seconds * RATE)), np.float32), RATE)


def peak_db(audio: Audio) -> float:
    return float(20 * np.log10(np.abs(audio.samples).max()))


def test_loudness_of_the_reference_tone():
    # BS.1770: a 997 Hz sine at full scale in one channel reads -3.01 LUFS, in two 0.
    assert loudness(sine(1.0)) == pytest.approx(0.0, abs=0.1)
    left = sine(1.0)
    left.samples[1] = 0
    assert loudness(left) == pytest.approx(-3.01, abs=0.1)


def test_measure_knows_silence_peaks_between_samples_and_quiet_stretches():
    nothing = measure(silence(1.0))
    assert nothing.loudness_lufs == nothing.peak_db == -math.inf
    assert nothing.silence_share == 1.0
    # At a quarter of the rate, 45 degrees out of phase, no sample reaches the wave's crest.
    between = Audio(np.tile(np.float32([0.5, 0.5, -0.5, -0.5]), (2, RATE)), RATE)
    assert measure(between).peak_db == pytest.approx(20 * math.log10(0.5 * math.sqrt(2)), abs=0.2)
    half = Audio(np.concatenate([sine(0.1, 2).samples, silence(2).samples], axis=1), RATE)
    assert measure(half).silence_share == pytest.approx(0.5, abs=0.02)
    assert measure(Audio(np.zeros((2, 0), np.float32), RATE)).silence_share == 1.0


@pytest.mark.parametrize("scale", [0.001, 0.05, 0.3])
def test_normalise_reaches_loudness_below_the_ceiling(scale):
    out = normalise(noise(scale))
    assert loudness(out) == pytest.approx(-14.0, abs=0.1)
    assert peak_db(out) <= -1.0 + 1e-4


def test_normalise_stays_quieter_rather_than_crushing_sharp_peaks():
    clicks = noise(0.001, 4.0)
    clicks.samples[:, ::RATE] = 0.9
    out = normalise(clicks)
    gain_db = 20 * math.log10(loudness_gain(clicks))
    assert gain_db + peak_db(clicks) == pytest.approx(MAX_LIMITING_DB - 1.0, abs=0.01)
    assert loudness(out) < -14.5
    assert peak_db(out) <= -1.0 + 1e-4


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.39, 2.0])
def test_normalise_leaves_silence_and_takes_the_shortest_sounds(seconds):
    assert not normalise(silence(seconds)).samples.any()
    if seconds:
        assert peak_db(normalise(sine(0.01, seconds))) <= -1.0 + 1e-4


def test_a_short_sound_measures_as_the_same_sound_held():
    assert loudness(sine(0.1, 0.2, 1000.0)) == pytest.approx(
        loudness(sine(0.1, 2.0, 1000.0)), abs=0.2
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10.0), st.floats(-12.0, 0.0))
def test_limiter_never_lets_a_sample_past_and_only_turns_down(seed, scale, ceiling):
    loud = noise(scale, 0.2, seed)
    out = limit(loud, ceiling)
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
    out = limit(Audio(samples, rate)).samples
    inner = slice(ahead, -ahead)
    np.testing.assert_allclose(out[:, inner], (samples * (1 - smooth))[:, inner], atol=1e-6)


def test_limiter_leaves_quiet_sound_and_distant_passages_alone():
    quiet = sine(0.5)
    assert limit(quiet) is quiet
    burst = sine(0.5, 4.0)
    burst.samples[:, RATE : RATE + 50] = 1.5
    out = limit(burst)
    before = slice(0, RATE - round(0.02 * RATE))
    np.testing.assert_allclose(out.samples[:, before], burst.samples[:, before], atol=1e-6)
    np.testing.assert_allclose(out.samples[:, -RATE:], burst.samples[:, -RATE:], atol=1e-4)


@given(st.floats(0.01, 3.0))
def test_fit_duration_is_exact(seconds):
    out = fit_duration(sine(0.5, 1.0), seconds)
    assert out.samples.shape == (2, max(round(seconds * RATE), 1))


def test_fit_duration_fades_before_a_cut_and_keeps_the_rest():
    long = sine(0.5, 6.0)
    out = fit_duration(long, 5.0)
    assert np.abs(out.samples[:, -10:]).max() < 1e-3
    np.testing.assert_array_equal(out.samples[:, : 3 * RATE], long.samples[:, : 3 * RATE])
    with pytest.raises(AudioError, match="expected more than 0"):
        fit_duration(long, math.nan)


def test_resample_keeps_pitch_and_level():
    out = resample(sine(0.5, 1.0, 1000.0), 48000)
    expected = sine(0.5, 1.0, 1000.0, 48000)
    assert out.samples.shape == expected.samples.shape
    np.testing.assert_allclose(out.samples[:, 500:-500], expected.samples[:, 500:-500], atol=2e-3)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_written_files_read_back_and_repeat(tmp_path: Path, suffix: str):
    audio = noise(0.1, 0.5)
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_audio(audio, first)
    write_audio(audio, second)
    samples, rate = soundfile.read(first, dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(samples.T, audio.samples, atol=2**-23)
    assert first.read_bytes() == second.read_bytes()


def test_bad_audio_and_bad_names_are_named(tmp_path: Path):
    with pytest.raises(AudioError, match=r"name it \.wav or \.flac"):
        write_audio(sine(0.1, 0.1), tmp_path / "song.mp3")
    with pytest.raises(AudioError, match="cannot write"):
        write_audio(sine(0.1, 0.1), tmp_path / "no folder" / "song.wav")
    with pytest.raises(AudioError, match=r"expected float32 \[channels, T\]"):
        Audio(np.zeros(5, np.float32), RATE)
    with pytest.raises(AudioError, match="float64"):
        Audio(np.zeros((2, 5)), RATE)


def test_apply_gain_scales():
    np.testing.assert_allclose(apply_gain(sine(0.5), 0.5).samples, sine(0.25).samples, atol=1e-7)


def test_what_is_too_long_for_a_wav_file_becomes_rf64(tmp_path: Path, monkeypatch):
    audio = noise(0.1, 0.5)
    write_audio(audio, tmp_path / "short.wav")
    monkeypatch.setattr("render.audio._MAX_WAV_BYTES", 1000)
    write_audio(audio, tmp_path / "long.wav")
    assert soundfile.info(tmp_path / "long.wav").format == "RF64"
    short, long = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("short", "long"))
    np.testing.assert_array_equal(short, long)
