"""The timecode of a clip: the one that is asked for, else its own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from amt.errors import InputError, VideoError
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.timecode import FrameRate, Timecode, nearest_rate, parse_rate
from render.files.clip import Clip
from render.files.source import ClipError

ZERO = "00:00:00:00"
_DROP = ";"


@dataclass(frozen=True, slots=True)
class ClipClock:
    """The timecode of a clip, and what of it is certain."""

    clock: Timecode
    rate_asked: bool
    """Whether the user named the rate."""
    start_asked: bool
    """Whether the user named the start."""
    start_stated: bool
    """Whether the clip states its start."""
    usual_rate: bool
    """Whether the clip has a usual rate, or whole parts or multiples of one."""

    @property
    def is_known(self) -> bool:
        """Whether there is a timecode at all, rather than a count from zero."""
        return self.rate_asked or self.start_asked or self.start_stated

    def for_sheet(self, name: str, rate: FrameRate | None, start: str | None) -> Timecode:
        """The timecode by which a cue sheet is read.

        Args:
            name: of the sheet's file.
            rate: how the sheet says that it counts, if it does.
            start: label of the clip's 0 in it, if it states one: it counts unless the user names
                another.

        Raises:
            InputError: sheet and clip count at different rates.
        """
        own = self.clock.rate
        counted = rate or own
        differs = counted.fps != own.fps and (self.rate_asked or self.usual_rate)
        if differs or (self.rate_asked and counted.drop != own.drop):
            whose = "`rate` says" if self.rate_asked else "the clip has"
            raise InputError(
                f"{name} counts at {counted.name} frames a second, but {whose} {own.name}: name "
                "the rate that it counts at with `rate`, or export it at the clip's"
            )
        if self.start_asked or start is None:
            return self.clock if counted == own else Timecode(counted, _plain(self.clock.start))
        return Timecode(counted, start)


def clip_clock(
    path: Path,
    start_tc: str | None = None,
    rate: str | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> ClipClock:
    """The timecode of a clip.

    Args:
        path: the clip.
        start_tc: label of its first frame; None takes the one that the file states (a ``tmcd``
            track, or a tag ``timecode``), else 0.
        rate: how frames are counted; None counts as the file does. Labels of 29.97 and 59.94 frames
            a second are then drop-frame where the start is written with a semicolon.
        reporter: gets one sentence where the clip has no rate of timecode.

    Raises:
        VideoError: the clip cannot be read.
        InputError: the start is no timecode of the rate.
    """
    fps, own, first_s = _declared(path)
    label = start_tc if start_tc is not None else own
    nearest, usual = nearest_rate(fps, drop=label is not None and _DROP in label)
    counted = nearest if rate is None else parse_rate(rate)
    if not usual and rate is None:
        reporter.message(
            f"the clip has {float(fps):.4g} frames a second, which is no rate of timecode: "
            f"counted at {counted.name}; `rate` names another"
        )
    try:
        clock = Timecode(counted, label or ZERO)
    except InputError:
        if start_tc is not None:
            raise
        reporter.message(
            f"the clip's own timecode {own} is none of {counted.name} frames a second: counted "
            f"from {ZERO}; `start_tc` names another start"
        )
        clock, own = Timecode(counted, ZERO), None
    clock = clock if first_s == 0 else _earlier(clock, first_s)
    return ClipClock(clock, rate is not None, start_tc is not None, own is not None, usual)


def _plain(label: str) -> str:
    return label.replace(_DROP, ":")


def _earlier(clock: Timecode, first_s: float) -> Timecode:
    """The timecode at the clip's 0, where its first frame is shown later."""
    return Timecode(clock.rate, _label(clock.rate, clock.start_frame - clock.frame(first_s)))


def _label(rate: FrameRate, frame: int) -> str:
    return rate.label(frame % rate.frames_per_day)


def _declared(path: Path) -> tuple[Fraction, str | None, float]:
    """Frames a second, timecode of the first frame if stated, and when that frame is shown."""
    try:
        with Clip(path) as clip:
            tags = [clip.container.metadata, clip.video.metadata]
            tags += [stream.metadata for stream in clip.container.streams.data]
            return clip.frame_rate, _own_timecode(tags), float(clip.opening.first_s)
    except (ClipError, av.FFmpegError) as error:
        raise VideoError(str(error)) from error


def _own_timecode(tags: list[dict[str, str]]) -> str | None:
    """The first tag ``timecode`` in any case; FFmpeg gives a ``tmcd`` track as one."""
    for metadata in tags:
        for name, value in metadata.items():
            if name.lower() == "timecode":
                return value.strip()
    return None
