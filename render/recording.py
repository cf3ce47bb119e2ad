"""What was played, finished: cut where it has died away, levelled, ready to be written.

The sound lies on disk, so hours of it take no more memory than a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from render.audio import Audio, write_stream
from render.stream import Block, ended, is_silence, lengthened, levelling_gain, limited, scaled
from render.tape import Tape

_TAIL_FLOOR = 10 ** (-60 / 20)
_TAIL_FADE_S = 0.05
_CUT_FADE_S = 1.0
_FIT_FADE_S = 2.0


@dataclass(frozen=True, slots=True)
class Recording:
    """Finished sound, read from its tape whenever it is needed.

    Attributes:
        tape: what was played; to be kept open.
        sample_rate: in Hz.
        cuts: (length, fade) in frames: where the sound is cut, one cut after the other.
        frames: length of the finished sound; silence is added where there is less.
        gain: factor of every sample.
        ceiling_db: what peaks are limited to, in dBFS; None leaves them.
    """

    tape: Tape
    sample_rate: int
    cuts: tuple[tuple[int, int], ...]
    frames: int
    gain: float = 1.0
    ceiling_db: float | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Block]:
        """The finished sound as a stream of stereo blocks."""
        sound = self.tape.blocks()
        for length, fade in self.cuts:
            sound = ended(sound, length, fade)
        sound = scaled(lengthened(sound, self.frames), self.gain)
        return (
            sound if self.ceiling_db is None else limited(sound, self.sample_rate, self.ceiling_db)
        )

    def levelled(self, loudness_lufs: float, peak_db: float) -> Recording:
        """The same, brought to a loudness with its peaks limited."""
        gain = levelling_gain(self.blocks, self.sample_rate, loudness_lufs, peak_db)
        return replace(self, gain=gain, ceiling_db=peak_db)

    def like(self, tape: Tape) -> Recording:
        """What else was played, with the same cuts and gain; its peaks are not limited."""
        return replace(self, tape=tape, ceiling_db=None)

    def turned(self, factor: float) -> Recording:
        """The same, every sample before the limiter multiplied by a factor."""
        return replace(self, gain=self.gain * factor)

    def peak(self) -> float:
        """The largest absolute sample."""
        return max((_peak(block) for block in self.blocks()), default=0.0)

    def write(self, path: Path) -> None:
        """Write the sound; see :func:`render.audio.write_audio`."""
        write_stream(self.blocks(), (2, self.frames), self.sample_rate, path)

    def audio(self) -> Audio:
        """The sound in memory."""
        samples = np.concatenate([np.zeros((2, 0), np.float32), *self.blocks()], axis=1)
        return Audio(samples, self.sample_rate)


def finished(tape: Tape, sample_rate: int, duration_s: float | None) -> Recording:
    """Cut a tape where its sound has died away by 60 dB, with a fade that leaves no click.

    Args:
        tape: what was played.
        sample_rate: in Hz.
        duration_s: the exact length to reach by silence, or by a fade of the last 2 s, if any.
    """
    length = min(_sounding_frames(tape) + round(_TAIL_FADE_S * sample_rate), tape.frames)
    fade_s = _TAIL_FADE_S if length < tape.frames else _CUT_FADE_S
    cuts = [(length, min(round(fade_s * sample_rate), length // 2))]
    if duration_s is None:
        return Recording(tape, sample_rate, tuple(cuts), length)
    frames = max(round(duration_s * sample_rate), 1)
    if frames < length:
        cuts.append((frames, min(round(_FIT_FADE_S * sample_rate), frames // 2)))
    return Recording(tape, sample_rate, tuple(cuts), frames)


def _sounding_frames(tape: Tape) -> int:
    """Frames until the sound has died away by 60 dB."""
    loudest = max((_peak(block) for block in tape.blocks()), default=0.0)
    last = start = 0
    for block in tape.blocks():
        if _peak(block) > loudest * _TAIL_FLOOR:
            audible = np.flatnonzero(np.abs(block).max(axis=0) > loudest * _TAIL_FLOOR)
            last = start + int(audible[-1]) + 1
        start += block.shape[1]
    return last


def _peak(block: Block) -> float:
    return 0.0 if is_silence(block) else float(np.abs(block).max(initial=0.0))
