"""Sound in memory and as a stream of blocks, and the simplest operations on streams.

Silence is cheap: :func:`silence` makes blocks that hold no samples, and all functions on streams
pass over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render.errors import AudioError

Block = NDArray[np.float32]
"""Samples [channels, L]."""

BLOCK_FRAMES = 1 << 16
"""Length of a block where it is free to choose: about 1.5 s at 44.1 kHz."""


class Sound(Protocol):
    """Sound that is read block by block: :class:`Audio`, :class:`render.audio.master.Master`."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        ...

    @property
    def channels(self) -> int:
        """How many there are."""
        ...

    @property
    def frames(self) -> int:
        """Length T in samples a channel."""
        ...

    def blocks(self) -> Iterator[Block]:
        """The sound from its beginning, as blocks [channels, L]."""
        ...


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound in memory.

    Attributes:
        samples: float32 [channels, T], full scale ±1.
        sample_rate: in Hz.

    Raises:
        AudioError: samples of another shape or type, or a sample rate below 1 Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32 or self.sample_rate < 1:
            raise AudioError(
                f"audio has shape {self.samples.shape} of {self.samples.dtype} at "
                f"{self.sample_rate} Hz, expected float32 [channels, T] at 1 Hz or more"
            )

    @classmethod
    def from_blocks(cls, blocks: Iterable[Block], sample_rate: int, channels: int = 2) -> Audio:
        """A whole stream of blocks [channels, L] in memory."""
        empty = np.zeros((channels, 0), np.float32)
        return cls(np.concatenate([empty, *blocks], axis=1), sample_rate)

    @property
    def channels(self) -> int:
        """How many there are."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Length T in samples a channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Block]:
        """The sound as blocks [channels, L] of at most :data:`BLOCK_FRAMES` frames."""
        return split(self.samples)


def silence(frames: int, channels: int = 2) -> Block:
    """A block of zeros [channels, frames] that takes no memory; read-only."""
    return np.broadcast_to(np.float32(0), (channels, frames))


def is_silence(block: Block) -> bool:
    """Whether a block was made by :func:`silence`, or is a slice of one."""
    return block.strides == (0, 0)


def split(samples: Block) -> Iterator[Block]:
    """Samples [channels, T] as blocks of at most :data:`BLOCK_FRAMES` frames, without a copy."""
    for start in range(0, samples.shape[1], BLOCK_FRAMES):
        yield samples[:, start : start + BLOCK_FRAMES]


def scale(blocks: Iterable[Block], factor: float) -> Iterator[Block]:
    """The stream with every sample multiplied by a factor."""
    for block in blocks:
        yield block if is_silence(block) else block * np.float32(factor)


def cut(blocks: Iterable[Block], length: int, fade: int = 0) -> Iterator[Block]:
    """The first ``length`` frames of a stream, the last ``fade`` of them faded out.

    The fade is a raised cosine from 1 to 0.
    """
    ramp = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, fade, dtype=np.float32))
    done = 0
    for block in blocks:
        kept = block[:, : length - done]
        into = done + kept.shape[1] - (length - fade)
        if into > 0 and not is_silence(kept):
            kept = kept.copy()
            faded = min(into, kept.shape[1])
            kept[:, kept.shape[1] - faded :] *= ramp[into - faded : into]
        yield kept
        done += kept.shape[1]
        if done >= length:
            return


def pad(blocks: Iterable[Block], length: int) -> Iterator[Block]:
    """The stream followed by silence up to ``length`` frames; a longer one is not changed."""
    done = 0
    for block in blocks:
        yield block
        done += block.shape[1]
    while done < length:
        yield silence(min(BLOCK_FRAMES, length - done))
        done += BLOCK_FRAMES


def peak(blocks: Iterable[Block]) -> float:
    """The largest absolute sample of a stream; 0 for an empty one."""
    return max((block_peak(block) for block in blocks), default=0.0)


def block_peak(block: Block) -> float:
    """The largest absolute sample of a block; 0 for an empty one."""
    return 0.0 if is_silence(block) else float(np.abs(block).max(initial=0.0))
