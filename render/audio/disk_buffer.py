"""Stereo sound in a temporary file, for pieces longer than memory.

Blocks can be added at any position and are summed. Frames that were never written are silence and
take no space, so the file of a piece with long rests is as small as what sounds in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from render.audio.blocks import BLOCK_FRAMES, Block, is_silence, silence
from render.errors import AudioError
from render.files.errors import shown

_CHANNELS = 2
_BLOCK_BYTES = _CHANNELS * BLOCK_FRAMES * np.dtype(np.float32).itemsize


class DiskBuffer:
    """A temporary file of stereo sound, deleted when the context is left.

    Args:
        folder: where the file lies; None takes the system's folder for temporary files, which may
            be in memory.

    Raises:
        AudioError: the file cannot be made.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._failure(error) from error
        self._positions: dict[int, int] = {}  # index of a block in time → its index in the file
        self.frames = 0
        """Length: the end of the latest block that was added."""

    def __enter__(self) -> DiskBuffer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, start: int, samples: Block) -> None:
        """Add samples [2, L] to those that are there from frame ``start`` on.

        Raises:
            AudioError: the file cannot be written, as when the disk is full.
        """
        stop = start + samples.shape[1]
        self.frames = max(self.frames, stop)
        if is_silence(samples):
            return
        for index in range(start // BLOCK_FRAMES, -(-stop // BLOCK_FRAMES)):
            first = index * BLOCK_FRAMES
            low, high = max(start, first), min(stop, first + BLOCK_FRAMES)
            block = self._read(index).copy()
            block[:, low - first : high - first] += samples[:, low - start : high - start]
            self._write(index, block)

    def blocks(self) -> Iterator[Block]:
        """All sound as a stream of blocks of :data:`render.audio.blocks.BLOCK_FRAMES` frames."""
        for first in range(0, self.frames, BLOCK_FRAMES):
            yield self._read(first // BLOCK_FRAMES)[:, : self.frames - first]

    def _read(self, index: int) -> Block:
        position = self._positions.get(index)
        if position is None:
            return silence(BLOCK_FRAMES)
        self._file.seek(position * _BLOCK_BYTES)
        samples = np.frombuffer(self._file.read(_BLOCK_BYTES), np.float32)
        return samples.reshape(_CHANNELS, BLOCK_FRAMES)

    def _write(self, index: int, block: Block) -> None:
        position = self._positions.setdefault(index, len(self._positions))
        try:
            self._file.seek(position * _BLOCK_BYTES)
            left = memoryview(block.tobytes())
            while left:  # an unbuffered file may write less than it was given
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> AudioError:
        folder = self._folder or tempfile.gettempdir()
        return AudioError(f"cannot keep sound in {shown(folder)} while rendering: {error.strerror}")
