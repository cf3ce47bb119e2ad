"""Stereo sound on disk: written anywhere, added up, read from the beginning.

Longer pieces than memory holds are mixed on a tape. What was never written is silence and takes no
room, so the tape of a piece with long rests is as small as what sounds in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from render.errors import AudioError
from render.files.errors import shown
from render.stream import BLOCK, Block, is_silence, silence

_CHANNELS = 2
_BLOCK_BYTES = _CHANNELS * BLOCK * np.dtype(np.float32).itemsize


class Tape:
    """A temporary file of stereo sound, gone when it is closed.

    Args:
        folder: where the file lies; None takes the system's folder for temporary files, which may
            be memory.

    Raises:
        AudioError: nothing can be written there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._failure(error) from error
        self._places: dict[int, int] = {}  # number of a block in time → its number in the file
        self.frames = 0
        """From the beginning to the end of what was added."""

    def __enter__(self) -> Tape:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, start: int, samples: Block) -> None:
        """Add samples [2, L] to what is there from frame ``start`` on.

        Raises:
            AudioError: the file cannot be written, as when the disk is full.
        """
        stop = start + samples.shape[1]
        self.frames = max(self.frames, stop)
        if is_silence(samples):
            return
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            first = number * BLOCK
            low, high = max(start, first), min(stop, first + BLOCK)
            block = self._read(number).copy()
            block[:, low - first : high - first] += samples[:, low - start : high - start]
            self._write(number, block)

    def blocks(self) -> Iterator[Block]:
        """All sound as a stream of blocks of :data:`render.stream.BLOCK` frames."""
        for first in range(0, self.frames, BLOCK):
            yield self._read(first // BLOCK)[:, : self.frames - first]

    def _read(self, number: int) -> Block:
        place = self._places.get(number)
        if place is None:
            return silence(BLOCK)
        self._file.seek(place * _BLOCK_BYTES)
        return np.frombuffer(self._file.read(_BLOCK_BYTES), np.float32).reshape(_CHANNELS, BLOCK)

    def _write(self, number: int, block: Block) -> None:
        place = self._places.setdefault(number, len(self._places))
        try:
            self._file.seek(place * _BLOCK_BYTES)
            left = memoryview(block.tobytes())
            while left:  # a raw file may take less than it is given
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> AudioError:
        folder = self._folder or tempfile.gettempdir()
        return AudioError(f"cannot keep sound in {shown(folder)} while rendering: {error.strerror}")
