"""True peaks: measured between the samples, whatever the blocks, and kept below the ceiling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.audio.loudness import measure_loudness
from render.audio.true_peak import true_peak

RATE = 44_100


def tone(phase: float = np.pi / 4, amplitude: float = 0.5) -> np.ndarray:
    """A quarter of the sample rate: at a phase of 45 degrees no sample has the peak."""
    t = np.arange(RATE)
    faded = amplitude * np.sin(np.pi * t / 2 + phase) * np.hanning(RATE)
    return np.repeat(faded[None], 2, axis=0).astype(np.float32)


def test_the_peak_between_samples_is_found():
    sound = tone()
    assert np.abs(sound).max() == pytest.approx(0.3536, abs=0.001)
    assert true_peak([sound]) == pytest.approx(0.5, abs=0.005)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 20_000), max_size=8))
def test_blocks_do_not_matter(sizes):
    rng = np.random.default_rng(0)
    sound = rng.normal(size=(2, 30_000)).astype(np.float32)
    edges = np.minimum(np.cumsum([0, *sizes]), sound.shape[1])
    blocks = [sound[:, a:b] for a, b in zip(edges, [*edges[1:], sound.shape[1]], strict=True)]
    assert true_peak(blocks) == pytest.approx(true_peak([sound]), rel=1e-4)


def test_silence_and_nothing():
    assert true_peak([]) == 0
    assert true_peak([np.zeros((2, 1000), np.float32)]) == 0


@pytest.mark.parametrize("lufs", [-14.0, -16.0, -23.0, -24.0])
def test_a_master_has_the_loudness_asked_for_and_true_peaks_below_the_ceiling(lufs, tmp_path):
    from render.audio.disk_buffer import DiskBuffer
    from render.audio.master import finish

    rng = np.random.default_rng(1)
    t = np.arange(6 * RATE) / RATE
    strikes = np.exp(-3 * (t % 0.5)) * np.sin(2 * np.pi * 11_025 * t + np.pi / 4)
    sound = (0.6 * strikes + 0.02 * rng.normal(size=len(t)))[None].repeat(2, axis=0)
    with DiskBuffer(tmp_path) as buffer:
        buffer.add(0, sound.astype(np.float32))
        master = finish(buffer, RATE, None).normalised(lufs, -1.0)
        blocks = list(master.blocks())
    assert 20 * np.log10(true_peak(blocks)) <= -1.0 + 0.01
    found = measure_loudness(blocks, RATE).integrated_lufs
    assert found == pytest.approx(lufs, abs=0.5)
