"""SMPTE timecode: frame rates, labels such as ``01:00:00:00``, and the clip's seconds.

A *label* names a frame by hours, minutes, seconds and frames. Non-drop labels count every frame, so
at 23.976, 29.97 and 59.94 frames a second an hour of labels lasts 3.6 s longer than an hour.
*Drop-frame* labels of 29.97 and 59.94 pass over two (four) frame numbers at the start of every
minute that is no tenth one, and so keep to the clock (SMPTE ST 12-1); they are written with a
semicolon before the frames. Labels begin again after 24 hours. The arithmetic is that of the
package ``timecode``; seconds are exact fractions of the true rate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from timecode import timecode as smpte

from amt.errors import InputError, quoted

_LABEL = re.compile(r"(\d{1,2})([:;])(\d{1,2})([:;])(\d{1,2})([:;,])(\d{1,2})", re.ASCII)
_DROP_SIGNS = ";,"
"""Signs before the frames that say drop-frame; editors write either."""


@dataclass(frozen=True, slots=True)
class FrameRate:
    """How frames are counted."""

    name: str
    """As users write it: one of :data:`RATES`."""
    fps: Fraction
    """Frames in a second."""
    counted: int
    """Frames in a second of the labels."""
    drop: bool = False
    """Whether labels are drop-frame."""

    @property
    def frames_per_day(self) -> int:
        """Number of different labels."""
        minutes = 24 * 60
        dropped = (self.counted // 15) * (minutes - minutes // 10) if self.drop else 0
        return minutes * 60 * self.counted - dropped

    def frame(self, label: str) -> int:
        """Number of the frame that a label names, from ``00:00:00:00`` on.

        >>> RATES["29.97df"].frame("00:10:00;00"), RATES["25"].frame("01:00:00:00")
        (17982, 90000)

        Raises:
            InputError: it is no label, or none of this rate.
        """
        match = _LABEL.fullmatch(label.strip())
        if match is None:
            raise InputError(
                f"{quoted(label)} is no timecode: expected hours, minutes, seconds and frames, "
                "as 01:00:00:00"
            )
        hours, minutes, seconds, frames = (int(match[i]) for i in (1, 3, 5, 7))
        if match[6] in _DROP_SIGNS and not self.drop:
            raise InputError(
                f"{quoted(label)} is a drop-frame timecode, but frames are counted at {self.name}: "
                "drop-frame exists at 29.97df and 59.94df"
            )
        if frames >= self.counted:
            raise InputError(
                f"{quoted(label)} is a timecode of another rate: at {self.name} frames go from 00 "
                f"to {self.counted - 1}"
            )
        if hours > 23 or minutes > 59 or seconds > 59:
            raise InputError(
                f"{quoted(label)} is no timecode: hours go to 23, minutes and seconds to 59"
            )
        if self.drop and seconds == 0 and minutes % 10 and frames < self.counted // 15:
            raise InputError(
                f"{quoted(label)} names a frame that drop-frame passes over: the minute begins "
                f"with frame {self.counted // 15:02d}"
            )
        text = f"{hours:02d}:{minutes:02d}:{seconds:02d}:{frames:02d}"
        return int(self._counter(text).frames) - 1

    def label(self, frame: int) -> str:
        """The label of a frame; after the last of a day comes ``00:00:00:00``.

        >>> RATES["29.97df"].label(1800), RATES["59.94"].label(3600)
        ('00:01:00;02', '00:01:00:00')
        """
        return str(self._counter(None, frame % self.frames_per_day + 1))

    def _counter(self, label: str | None, frames: int | None = None) -> smpte.Timecode:
        rate = self.name.removesuffix("df")
        return smpte.Timecode(rate, label, frames=frames, force_non_drop_frame=not self.drop)


_NTSC = Fraction(1000, 1001)
RATES: Mapping[str, FrameRate] = {
    rate.name: rate
    for rate in (
        FrameRate("23.976", 24 * _NTSC, 24),
        FrameRate("24", Fraction(24), 24),
        FrameRate("25", Fraction(25), 25),
        FrameRate("29.97", 30 * _NTSC, 30),
        FrameRate("29.97df", 30 * _NTSC, 30, drop=True),
        FrameRate("30", Fraction(30), 30),
        FrameRate("50", Fraction(50), 50),
        FrameRate("59.94", 60 * _NTSC, 60),
        FrameRate("59.94df", 60 * _NTSC, 60, drop=True),
        FrameRate("60", Fraction(60), 60),
    )
}
"""The usual rates by name."""
RATE_TOLERANCE = 0.0006
"""Share by which a clip's average rate may stray from a usual one: 24 and 23.976 are .001 apart."""
_MULTIPLES = (Fraction(1), *(Fraction(*f) for n in range(2, 7) for f in ((n, 1), (1, n))))
"""Factors tried where a clip has no usual rate: each frame of 12 a second is two of 24."""
_DEFAULT = "25"


def parse_rate(text: str) -> FrameRate:
    """The rate that a text names.

    >>> parse_rate("29,97 DF").name, parse_rate("24000/1001").name, parse_rate("60 fps").name
    ('29.97df', '23.976', '60')

    Raises:
        InputError: no usual rate is named so.
    """
    word = re.sub(r"\s|fps|ndf|non-?drop(-?frame)?", "", text.lower()).replace(",", ".")
    word = re.sub(r"drop(-?frame)?$", "df", word)
    bare, drop = word.removesuffix("df"), word.endswith("df")
    try:
        fps = Fraction(bare)
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    near = [r for r in RATES.values() if abs(fps / r.fps - 1) < RATE_TOLERANCE and r.drop == drop]
    if not near:
        raise InputError(f"{quoted(text)} is no frame rate: expected {', '.join(RATES)}")
    return near[0]


def nearest_rate(fps: Fraction, *, drop: bool = False) -> tuple[FrameRate, bool]:
    """The usual rate of a clip, and whether each of its frames is one or several whole ones.

    Args:
        fps: frames a second, as the clip has them on average.
        drop: whether labels are drop-frame, where the rate has such.

    >>> nearest_rate(Fraction(12))[0].name, nearest_rate(Fraction(2997, 100), drop=True)[0].name
    ('24', '29.97df')
    """
    for factor in _MULTIPLES:
        for rate in RATES.values():
            if not rate.drop and abs(fps * factor / rate.fps - 1) < RATE_TOLERANCE:
                return (RATES.get(f"{rate.name}df", rate) if drop else rate), True
    return RATES[_DEFAULT], False


@dataclass(frozen=True)
class Timecode:
    """The timecode of a clip: seconds of the clip ⇄ labels."""

    rate: FrameRate
    start: str
    """Label of the clip's 0."""

    def __post_init__(self) -> None:
        # One way to write a label, so that equal clocks are equal.
        object.__setattr__(self, "start", self.rate.label(self.rate.frame(self.start)))

    @cached_property
    def start_frame(self) -> int:
        """Number of the frame at the clip's 0."""
        return self.rate.frame(self.start)

    def frame(self, time_s: float) -> int:
        """Number of the frame nearest to a time, from the clip's 0 on."""
        return round(Fraction(time_s) * self.rate.fps)

    def label(self, time_s: float) -> str:
        """The label of the frame nearest to a time.

        >>> Timecode(RATES["25"], "01:00:00:00").label(1.48)
        '01:00:01:12'
        """
        return self.rate.label(self.start_frame + self.frame(time_s))

    def seconds(self, label: str) -> float:
        """The time at which a label's frame begins; those before the start count as of a day later.

        Raises:
            InputError: it is no label of this rate.
        """
        frames = (self.rate.frame(label) - self.start_frame) % self.rate.frames_per_day
        return self.seconds_of(frames)

    def seconds_of(self, frame: int) -> float:
        """The time at which a frame begins, counted from the clip's 0."""
        return float(frame / self.rate.fps)


MIDI_RATES: Mapping[str, float] = {
    "23.976": 24, "24": 24, "25": 25, "29.97": 30, "29.97df": 29.97, "30": 30, "50": 25,
    "59.94": 30, "59.94df": 29.97, "60": 30,
}  # fmt: skip
"""Rates that a MIDI file has for each: 24, 25, 29.97 drop-frame and 30. The label stays; where a
file cannot count as finely (50, 59.94, 60), two frames are one, and an odd one is a half of it."""


@dataclass(frozen=True, slots=True)
class SmpteOffset:
    """The SMPTE time at which a MIDI file begins, as its meta event 0x54 holds it."""

    frame_rate: float
    """24, 25, 29.97 (drop-frame) or 30."""
    hours: int
    minutes: int
    seconds: int
    frames: int
    sub_frames: int = 0
    """Hundredths of a frame."""

    @property
    def label(self) -> str:
        """As a label of :attr:`frame_rate`."""
        sign = ":" if float(self.frame_rate).is_integer() else ";"
        return f"{self.hours:02d}:{self.minutes:02d}:{self.seconds:02d}{sign}{self.frames:02d}"


def smpte_offset(clock: Timecode) -> SmpteOffset:
    """What a MIDI file holds of a clip's timecode; see :data:`MIDI_RATES`."""
    hours, minutes, seconds, frames = map(int, re.split("[:;]", clock.start))
    midi_rate = MIDI_RATES[clock.rate.name]
    per_midi_frame = clock.rate.counted // round(midi_rate)
    whole, rest = divmod(frames, per_midi_frame)
    return SmpteOffset(midi_rate, hours, minutes, seconds, whole, 100 * rest // per_midi_frame)
