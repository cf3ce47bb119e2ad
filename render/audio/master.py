"""The finished sound of a rendering: cut where it has decayed, brought to a loudness, limited.

The samples stay in a :class:`render.audio.disk_buffer.DiskBuffer` and are processed whenever they
are read, so hours of sound take no more memory than a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from render.audio.blocks import Audio, Block, block_peak, cut, pad, peak, scale
from render.audio.disk_buffer import DiskBuffer
from render.audio.file import write_audio
from render.audio.levelling import levelled
from render.audio.limiter import limit

_DECAYED_DB = -60.0
"""Relative to the peak: a sound that stays below this has decayed (as in reverberation time)."""
_DECAYED_FADE_S = 0.05
"""Fade where the sound has decayed, so that its end is no click."""
_RINGING_FADE_S = 1.0
"""Fade where the buffer ends while it still sounds."""
_FIT_FADE_S = 2.0
"""Fade where the sound is cut to a length that was asked for."""


@dataclass(frozen=True, slots=True)
class Master:
    """Finished stereo sound, computed from its buffer whenever it is read.

    Attributes:
        buffer: the unprocessed sound; must stay open.
        sample_rate: in Hz.
        cuts: (length, fade) in frames, applied one after the other; see
            :func:`render.audio.blocks.cut`.
        frames: length of the finished sound; silence is appended to reach it.
        gain: factor of every sample, before the limiter.
        ceiling_db: what the limiter keeps peaks within, in dBFS; None for no limiter.
        reached_lufs: integrated loudness; None where it was not measured.
    """

    buffer: DiskBuffer
    sample_rate: int
    cuts: tuple[tuple[int, int], ...]
    frames: int
    gain: float = 1.0
    ceiling_db: float | None = None
    reached_lufs: float | None = None

    @property
    def channels(self) -> int:
        """Stereo."""
        return 2

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Block]:
        """The finished sound as a stream of blocks [2, L]."""
        sound = self.buffer.blocks()
        for length, fade in self.cuts:
            sound = cut(sound, length, fade)
        sound = scale(pad(sound, self.frames), self.gain)
        return sound if self.ceiling_db is None else limit(sound, self.sample_rate, self.ceiling_db)

    def normalised(self, loudness_lufs: float, peak_db: float) -> Master:
        """The same at a loudness in LUFS, its true peaks limited to ``peak_db`` dBTP."""
        level = levelled(self.blocks, self.sample_rate, loudness_lufs, peak_db)
        return replace(
            self,
            gain=level.gain,
            ceiling_db=level.ceiling_db,
            reached_lufs=level.reached_lufs,
        )

    def stem(self, buffer: DiskBuffer) -> Master:
        """The sound of another buffer with the same cuts, length and gain, but no limiter."""
        return replace(self, buffer=buffer, ceiling_db=None, reached_lufs=None)

    def amplified(self, factor: float) -> Master:
        """The same with every sample before the limiter multiplied by a factor."""
        return replace(self, gain=self.gain * factor, reached_lufs=None)

    def peak(self) -> float:
        """The largest absolute sample."""
        return peak(self.blocks())

    def write(self, path: Path) -> None:
        """Write the sound to a file; see :func:`render.audio.file.write_audio`."""
        write_audio(self, path)

    def audio(self) -> Audio:
        """The sound in memory."""
        return Audio.from_blocks(self.blocks(), self.sample_rate)


def finish(buffer: DiskBuffer, sample_rate: int, duration_s: float | None) -> Master:
    """A buffer's sound up to where it has decayed by 60 dB, or with an exact length.

    Args:
        buffer: the unprocessed sound.
        sample_rate: in Hz.
        duration_s: the exact length in seconds, reached by silence or by a fade of the last 2 s;
            None for the sound's own length.
    """
    length = min(_sounding_frames(buffer) + round(_DECAYED_FADE_S * sample_rate), buffer.frames)
    fade_s = _DECAYED_FADE_S if length < buffer.frames else _RINGING_FADE_S
    cuts = [(length, min(round(fade_s * sample_rate), length // 2))]
    if duration_s is None:
        return Master(buffer, sample_rate, tuple(cuts), length)
    frames = max(round(duration_s * sample_rate), 1)
    if frames < length:
        cuts.append((frames, min(round(_FIT_FADE_S * sample_rate), frames // 2)))
    return Master(buffer, sample_rate, tuple(cuts), frames)


def _sounding_frames(buffer: DiskBuffer) -> int:
    """Frames until the sound stays below :data:`_DECAYED_DB`."""
    floor = peak(buffer.blocks()) * 10 ** (_DECAYED_DB / 20)
    last = start = 0
    for block in buffer.blocks():
        if block_peak(block) > floor:
            audible = np.flatnonzero(np.abs(block).max(axis=0) > floor)
            last = start + int(audible[-1]) + 1
        start += block.shape[1]
    return last
