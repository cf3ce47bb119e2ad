"""Changing the sample rate of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from render.audio.blocks import Block, is_silence, silence

_RINGING_FRAMES = 4096
"""Frames of silence after which the filter has no output left but silence."""


class Resampler:
    """Changes the sample rate of a stream, with soxr's linear-phase filter of high quality.

    Args:
        source: sample rate of the input, in Hz.
        target: sample rate of the output, in Hz.
        channels: of the stream.
    """

    def __init__(self, source: int, target: int, channels: int = 2) -> None:
        self._source, self._target, self._channels = source, target, channels
        self._stream: soxr.ResampleStream | None = None
        self._n_in = self._n_out = 0

    def push(self, block: Block) -> Iterator[Block]:
        """The output that can be computed once ``block`` [channels, L] of the input is there."""
        if self._source == self._target:
            yield block
            return
        self._n_in += block.shape[1]
        is_rest = is_silence(block) and block.shape[1] >= _RINGING_FRAMES
        if self._stream is not None or not is_rest:
            yield self._resampled(block, last=is_rest)
        if is_rest:
            frames = self._due()
            self._n_out += frames
            yield silence(frames, self._channels)

    def finish(self) -> Iterator[Block]:
        """The output that is left when the input has ended."""
        if self._stream is not None:
            yield self._resampled(silence(0, self._channels), last=True)

    def _due(self) -> int:
        """Frames that the output is shorter than the input so far."""
        return round(self._n_in * self._target / self._source) - self._n_out

    def _resampled(self, block: Block, *, last: bool) -> Block:
        if self._stream is None:
            self._stream = soxr.ResampleStream(
                self._source, self._target, self._channels, dtype="float32", quality="HQ"
            )
        out = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last).T
        if last:
            self._stream = None
            out = out[:, : self._due()]
        self._n_out += out.shape[1]
        return np.asarray(out)


def resample(
    blocks: Iterable[Block], source: int, target: int, channels: int = 2
) -> Iterator[Block]:
    """A stream at another sample rate; see :class:`Resampler`."""
    resampler = Resampler(source, target, channels)
    for block in blocks:
        yield from resampler.push(block)
    yield from resampler.finish()
