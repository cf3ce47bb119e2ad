"""Test sounds, and how a stream is cut into blocks and put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from render.audio import Audio, Block, limit, measure_loudness, normalising_gain
from render.audio.blocks import scale

RATE = 44100
LOW_RATE = 8000
CUTS = st.lists(st.integers(0, 2 * LOW_RATE), max_size=6)
"""Where a sound at :data:`LOW_RATE` is cut into blocks."""


def sine(amplitude: float, seconds: float = 3.0, hz: float = 997.0, rate: int = RATE) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    wave = amplitude * np.sin(2 * np.pi * hz * time)
    return Audio(np.stack([wave, wave]).astype(np.float32), rate)


def noise(scale: float, seconds: float = 3.0, seed: int = 0) -> Audio:
    samples = np.random.default_rng(seed).normal(0, scale, (2, round(seconds * RATE)))
    return Audio(samples.astype(np.float32), RATE)


def zeros(seconds: float) -> Audio:
    return Audio(np.zeros((2, round(seconds * RATE)), np.float32), RATE)


def uneven_noise(frames: int, seed: int = 0, scale: float = 0.1) -> np.ndarray:
    """Noise whose level moves, so that loudness gates have something to do."""
    rng = np.random.default_rng(seed)
    level = 10 ** (1.5 * np.sin(np.arange(frames) / LOW_RATE * 3.0) - 1)
    return (scale * rng.normal(size=(2, frames)) * level).astype(np.float32)


def cut_at(samples: np.ndarray, at: list[int]) -> list[np.ndarray]:
    edges = sorted({0, samples.shape[1], *(c for c in at if c < samples.shape[1])})
    return [samples[:, a:b] for a, b in pairwise(edges)]


def joined(blocks: Iterable[Block]) -> np.ndarray:
    return np.concatenate([np.zeros((2, 0), np.float32), *blocks], axis=1)


def peak_db(audio: Audio) -> float:
    return float(20 * np.log10(np.abs(audio.samples).max()))


def loudness(audio: Audio) -> float:
    return measure_loudness(audio.blocks(), audio.sample_rate).integrated_lufs


def gain_to(audio: Audio, lufs: float = -14.0, peak_db: float = -1.0) -> float:
    return normalising_gain(audio.blocks, audio.sample_rate, lufs, peak_db)


def limited(audio: Audio, peak_db: float = -1.0) -> Audio:
    return Audio.from_blocks(limit(audio.blocks(), audio.sample_rate, peak_db), audio.sample_rate)


def normalised(audio: Audio) -> Audio:
    """At -14 LUFS, peaks limited to -1 dBFS."""

    def amplified() -> Iterator[Block]:
        return scale(audio.blocks(), gain_to(audio))

    return limited(Audio.from_blocks(amplified(), audio.sample_rate))
