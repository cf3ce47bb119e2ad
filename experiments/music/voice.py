"""A drawn voice: syllables of vowels and noise, which a voice detector takes for speech.

A pulse train with a moving fundamental goes through three resonators at the formants of a vowel
(Peterson & Barney 1952, men's averages); bursts of high noise stand for consonants (source-filter
model, Fant 1960). It says nothing, but its times are known exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

Samples = NDArray[np.float64]

FORMANTS_HZ = (
    (730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410),
)  # fmt: skip
BANDWIDTHS_HZ = (80, 100, 140)
FUNDAMENTAL_HZ = 120.0
CONSONANT_BAND_HZ = (2500.0, 7000.0)
SYLLABLE_S = (0.1, 0.22)
"""Shortest and longest vowel."""


def voice(seconds: float, sample_rate: int, rng: np.random.Generator) -> Samples:
    """Syllables without a pause for some seconds, [L] with peaks of .3.

    Args:
        seconds: length.
        sample_rate: in Hz, from 16,000.
        rng: draws the syllables.
    """
    length, parts = round(seconds * sample_rate), [np.zeros(0)]
    while sum(map(len, parts)) < length:
        if rng.random() < 0.6:
            parts.append(_consonant(sample_rate, rng))
        parts.append(_vowel(sample_rate, rng))
    return np.concatenate(parts)[:length]


def narration(
    duration_s: float, spans_s: Sequence[tuple[float, float]], sample_rate: int, seed: int
) -> Samples:
    """[L] a voice that speaks in the given stretches and is silent elsewhere."""
    sound = np.zeros(round(duration_s * sample_rate))
    for i, (start_s, end_s) in enumerate(spans_s):
        spoken = voice(end_s - start_s, sample_rate, np.random.default_rng([seed, i]))
        first = round(start_s * sample_rate)
        sound[first : first + len(spoken)] = spoken[: len(sound) - first]
    return sound


def _vowel(sample_rate: int, rng: np.random.Generator) -> Samples:
    n = round(rng.uniform(*SYLLABLE_S) * sample_rate)
    sway = 1 + 0.15 * np.sin(
        2 * np.pi * (rng.uniform(1, 3) * np.arange(n) / sample_rate + rng.random())
    )
    cycles = np.cumsum(FUNDAMENTAL_HZ * sway * np.linspace(1.1, 0.85, n)) / sample_rate
    sound = np.diff(np.floor(cycles), prepend=0) + 0.01 * rng.normal(size=n)
    for centre, bandwidth in zip(
        FORMANTS_HZ[rng.integers(len(FORMANTS_HZ))], BANDWIDTHS_HZ, strict=True
    ):
        radius = np.exp(-np.pi * bandwidth / sample_rate)
        poles = [1, -2 * radius * np.cos(2 * np.pi * centre / sample_rate), radius**2]
        sound = lfilter([1 - radius], poles, sound)
    sound = sound * np.hanning(n) ** 0.3
    return np.asarray(0.3 * sound / max(np.abs(sound).max(), 1e-9))


def _consonant(sample_rate: int, rng: np.random.Generator) -> Samples:
    n = round(rng.uniform(0.04, 0.1) * sample_rate)
    b, a = butter(2, np.array(CONSONANT_BAND_HZ) / (sample_rate / 2), "band")
    return np.asarray(0.02 * lfilter(b, a, rng.normal(size=n)) * np.hanning(n))
