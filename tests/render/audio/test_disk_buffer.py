"""A buffer on disk against one in memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.audio import DiskBuffer, limit, normalising_gain
from render.audio.blocks import BLOCK_FRAMES, is_silence, silence
from render.errors import AudioError
from tests.render.audio.sounds import LOW_RATE, joined, uneven_noise


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3 * BLOCK_FRAMES), st.integers(0, BLOCK_FRAMES + 9)), max_size=5
    )
)
def test_a_buffer_adds_up_what_lies_anywhere(places):
    expected = np.zeros((2, 5 * BLOCK_FRAMES), np.float32)
    with DiskBuffer() as buffer:
        for seed, (start, frames) in enumerate(places):
            samples = uneven_noise(frames, seed)
            buffer.add(start, samples)
            expected[:, start : start + frames] += samples
        assert buffer.frames == max((start + frames for start, frames in places), default=0)
        np.testing.assert_array_equal(joined(buffer.blocks()), expected[:, : buffer.frames])


def test_a_buffer_keeps_no_silence():
    with DiskBuffer() as buffer:
        buffer.add(0, silence(100 * BLOCK_FRAMES))
        buffer.add(50 * BLOCK_FRAMES, uneven_noise(10))
        assert [is_silence(b) for b in buffer.blocks()] == [i != 50 for i in range(100)]


def test_a_buffer_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"cannot keep sound in .*nowhere"):
        DiskBuffer(tmp_path / "nowhere")


def test_memory_does_not_grow_with_the_length():
    def peak_bytes(seconds: int) -> int:
        tracemalloc.start()
        with DiskBuffer() as buffer:
            for second in range(seconds):
                buffer.add(second * LOW_RATE, uneven_noise(LOW_RATE, second))
            gain = normalising_gain(buffer.blocks, LOW_RATE, -14.0, -1.0)
            for block in limit(buffer.blocks(), LOW_RATE, -1.0 - gain):
                assert block.shape[0] == 2
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1)
    assert peak_bytes(80) < 1.1 * peak_bytes(20)
