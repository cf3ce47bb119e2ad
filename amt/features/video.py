"""Reading a clip: every frame once, in order of presentation, upright and small.

A :class:`VideoReader` streams :class:`Frame` objects and keeps none of them, so memory does not
grow with the length of the clip. Times are presentation timestamps on the clock of
:mod:`render.files.clip`, which the muxer shares; the frame rate a file declares is never used for
times, so variable rates are exact too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from amt.errors import VideoError
from amt.types import ImageArray
from render.files.clip import Clip, LastFrameDuration, video_span
from render.files.naming import path_text, undecodable
from render.files.source import ClipError, local_file

ANALYSIS_SIDE = 256
"""Pixels on the longer side of the pictures that the analysis sees. PySceneDetect shrinks to the
same width, so its thresholds keep their meaning."""

_SHORTFALL_S = 0.5
"""A file that holds less by this much than it declares was cut short."""
_JUMP_S = 5.0
"""Up to this far ahead, decoding what lies between costs less than a jump."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a clip declares about its picture."""

    width: int
    """Pixels as shown: after the rotation mark and with square pixels."""
    height: int
    frame_rate: Fraction
    """Average frames a second; informative only."""
    rotation: int
    """Degrees counter-clockwise that bring the coded picture upright: 0, 90, 180 or 270."""
    declared_s: float | None
    """Length that the container claims, for progress only; None where it claims nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a clip."""

    index: int
    """0 for the first frame."""
    pts: int
    """Presentation time from the clip's 0, in units of ``time_base``."""
    time_base: Fraction
    bgr: ImageArray
    """[h, w, 3] upright, square pixels, longer side at most :data:`ANALYSIS_SIDE`."""
    picture: av.VideoFrame
    """The decoded ``av.VideoFrame`` at full size, not yet upright."""
    info: VideoInfo

    @property
    def time_s(self) -> float:
        """Presentation time in seconds from the clip's 0."""
        return float(self.pts * self.time_base)

    def rgb(self, short_side: int) -> ImageArray:
        """The upright picture in RGB, shrunk (never enlarged) to a shorter side of that length.

        Args:
            short_side: pixels.

        Returns:
            [h, w, 3].
        """
        return _shrunk(self.picture, self.info, short_side)


def clip_end_s(path: Path) -> float | None:
    """When a clip's last picture ends, from its packets alone; None if they do not show it.

    It takes a small share of the time that decoding takes, so that what lies beyond the end is
    known before a clip is watched.
    """
    try:
        return video_span(local_file(path)).end_s
    except (ClipError, av.FFmpegError, OSError, ValueError):  # the reader says what is wrong
        return None


class VideoReader:
    """Iterates once over the frames of a clip's default video stream.

    Use it as a context manager; :attr:`duration_s` is known after the last frame. Packets that
    cannot be decoded are passed over, and a file that breaks off ends where it breaks off: what
    can be shown is what counts.

    Args:
        path: the clip.

    Raises:
        VideoError: the file is missing, empty, no video, or not decodable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._clip = Clip(path)
        except ClipError as error:
            raise VideoError(str(error)) from error
        try:
            self._stream = self._clip.video
            self._stream.thread_type = "AUTO"
            self._time_base = Fraction(self._stream.time_base)
            # One generator for all: a packet may hold more frames than the one taken here.
            self._pictures = self._decoded()
            self._head = next(self._pictures, None)
            if self._head is None:
                raise VideoError(f"'{path_text(path)}' {undecodable(local_file(path))}")
            self.info = _describe(self._clip, self._head)
        except BaseException:
            self._clip.container.close()
            raise
        self._shrink = VideoReformatter()
        self._length = LastFrameDuration(self._stream)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clip.container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame whose time lies after the one before.

        Raises:
            VideoError: fewer than two frames can be decoded.
        """
        head, self._head = self._head, None
        if head is None:
            return
        last = self._first_pts
        self._length.push(last, head.duration or 0)
        yield self._frame(head, 0, last)
        for picture in self._pictures:
            pts = last + self._length.median_interval if picture.pts is None else picture.pts
            if pts <= last:
                continue
            self._length.push(pts, picture.duration or 0)
            last = pts
            yield self._frame(picture, self._length.n_frames - 1, pts)
        if self._length.n_frames < 2:
            raise VideoError(
                f"'{path_text(self.path)}' holds a single frame; "
                "a clip of at least two frames is needed."
            )

    def pictures_at(self, times_s: Iterable[float], short_side: int) -> Iterator[ImageArray]:
        """Yield the picture at each of some rising times, jumping over what lies between.

        It takes the place of an iteration, and needs none of the frames in between where the file
        has key frames to jump to.

        Args:
            times_s: seconds of the clip; past the end the last frame counts.
            short_side: pixels of the shorter side; see :meth:`Frame.rgb`.

        Yields:
            [h, w, 3] RGB, upright, of the first frame that begins at that time or later.
        """
        shown, self._head = self._head, None
        if shown is None:
            return
        now_s, jumping = self._time_s(shown), True
        for time_s in times_s:
            if jumping and time_s - now_s > _JUMP_S:
                landed = self._jump(time_s, shown)
                # No key frame on the way: a jump went back, and so would all the next ones.
                jumping = self._time_s(landed) > now_s
                shown, now_s = landed, self._time_s(landed)
            while now_s < time_s and (picture := next(self._pictures, None)) is not None:
                shown, now_s = picture, max(now_s, self._time_s(picture))
            yield _shrunk(shown, self.info, short_side)

    def _jump(self, time_s: float, shown: av.VideoFrame) -> av.VideoFrame:
        """Go on at the last key frame before a time; stay where that cannot be."""
        if not self._clip.seek(time_s):
            return shown
        self._pictures = self._decoded()
        return next(self._pictures, shown)

    def _time_s(self, picture: av.VideoFrame) -> float:
        """Seconds of a picture on the clip's clock; 0 where the file gives no time."""
        return 0.0 if picture.pts is None else float(picture.pts * self._time_base)

    @property
    def file(self) -> Path:
        """The file that is read: the clip, or a temporary copy of what came through a pipe."""
        return local_file(self.path)

    @property
    def first_s(self) -> float:
        """When the first frame is shown: 0, or more where the picture starts after the sound."""
        return float(self._clip.opening.first_s)

    def shortfall(self) -> str | None:
        """A sentence about a file that holds less than it declares, after the last frame."""
        missing_s = self._clip.missing_s
        if missing_s < _SHORTFALL_S:
            return None
        held_s, declared_s = self.duration_s, self.duration_s + missing_s
        return (
            f"'{path_text(self.path)}' breaks off: it declares {declared_s:.2f} s and holds "
            f"{held_s:.2f} s; the music is for what is there"
        )

    @property
    def _first_pts(self) -> int:
        return round(self._clip.opening.first_s / self._time_base)

    @property
    def duration_s(self) -> float:
        """Seconds from the clip's 0 to the end of the last frame read so far."""
        return float(self._length.end_s)

    def _frame(self, picture: av.VideoFrame, index: int, pts: int) -> Frame:
        long_side = max(self.info.width, self.info.height)
        width, height = _scaled(self.info, min(1.0, ANALYSIS_SIDE / long_side))
        small = self._shrink.reformat(picture, width, height, "bgr24", interpolation="AREA")
        bgr = _upright(cast("ImageArray", small.to_ndarray()), self.info.rotation)
        return Frame(index, pts, self._time_base, bgr, picture, self.info)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Decoded frames, passing over packets that are broken."""
        for packet in self._clip.packets():
            if packet.stream_index == self._stream.index:
                with contextlib.suppress(av.FFmpegError):
                    yield from packet.decode()
        with contextlib.suppress(av.FFmpegError):
            yield from self._stream.decode(None)


def _describe(clip: Clip, first: av.VideoFrame) -> VideoInfo:
    aspect = clip.video.sample_aspect_ratio or Fraction(1)
    rotation = round(first.rotation / 90) * 90 % 360
    width, height = max(1, round(first.width * aspect)), first.height
    if rotation in (90, 270):
        width, height = height, width
    declared = clip.container.duration
    declared_s = declared / av.time_base if declared else None
    return VideoInfo(width, height, clip.frame_rate, rotation, declared_s)


def _scaled(info: VideoInfo, scale: float) -> tuple[int, int]:
    """Width and height before turning upright; swscale wants at least two pixels."""
    width, height = max(2, round(info.width * scale)), max(2, round(info.height * scale))
    return (height, width) if info.rotation in (90, 270) else (width, height)


def _shrunk(picture: av.VideoFrame, info: VideoInfo, short_side: int) -> ImageArray:
    """The upright picture [h, w, 3] in RGB; see :meth:`Frame.rgb`."""
    scale = min(1.0, short_side / min(info.width, info.height))
    small = picture.reformat(*_scaled(info, scale), format="rgb24", interpolation="AREA")
    return _upright(cast("ImageArray", small.to_ndarray()), info.rotation)


def _upright(image: ImageArray, rotation: int) -> ImageArray:
    """Turn [h, w, 3] counter-clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(image, rotation // 90)) if rotation else image
