"""Reading a clip: every frame once, in order of presentation, upright and small.

A :class:`VideoReader` streams :class:`Frame` objects and keeps none of them, so memory does not
grow with the length of the clip. Times are presentation timestamps counted from the first frame;
the frame rate a file declares is never used to tell time, so variable rates are exact too.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from amt.errors import VideoError

ImageArray = NDArray[np.uint8]

ANALYSIS_SIDE = 256
"""Pixels on the longer side of the pictures that the analysis sees. PySceneDetect shrinks to the
same width, so its thresholds keep their meaning."""

_FALLBACK_RATE = Fraction(25)
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
    """Presentation time since the first frame, in units of ``time_base``."""
    time_base: Fraction
    bgr: ImageArray
    """[h, w, 3] upright, square pixels, longer side at most :data:`ANALYSIS_SIDE`."""
    picture: av.VideoFrame
    """The decoded ``av.VideoFrame`` at full size, not yet upright."""
    info: VideoInfo

    @property
    def time_s(self) -> float:
        """Presentation time in seconds since the first frame."""
        return float(self.pts * self.time_base)

    def rgb(self, short_side: int) -> ImageArray:
        """The upright picture in RGB, shrunk (never enlarged) to a shorter side of that length.

        Args:
            short_side: pixels.

        Returns:
            [h, w, 3].
        """
        return _shrunk(self.picture, self.info, short_side)


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
        self._container = _open(path)
        try:
            self._stream = _default_stream(self._container, path)
            self._stream.thread_type = "AUTO"
            self._packets = self._container.demux(self._stream)
            # One generator for all: a packet may hold more frames than the one taken here.
            self._pictures = self._decoded()
            self._head = next(self._pictures, None)
            if self._head is None:
                raise VideoError(
                    f"No frame of '{path}' can be decoded; "
                    "the file looks damaged, so export or download it again."
                )
            self.info = _describe(self._container, self._stream, self._head)
        except BaseException:
            self._container.close()
            raise
        self._shrink = VideoReformatter()
        self._intervals: Counter[int] = Counter()
        self._last_pts = 0
        self._last_length = 0

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame whose time lies after the one before.

        Raises:
            VideoError: fewer than two frames can be decoded.
        """
        head, self._head = self._head, None
        if head is None:
            return
        base, index = head.time_base, 0
        origin = head.pts or 0
        self._note_length(head)
        yield self._frame(head, 0, 0)
        for picture in self._pictures:
            pts = self._last_pts + self._usual_interval()
            if picture.pts is not None:
                pts = round((picture.pts * picture.time_base) / base) - origin
            if pts <= self._last_pts:
                continue
            index += 1
            self._intervals[pts - self._last_pts] += 1
            self._last_pts = pts
            self._note_length(picture)
            yield self._frame(picture, index, pts)
        if index == 0:
            raise VideoError(
                f"'{self.path}' holds a single frame; a clip of at least two frames is needed."
            )

    def pictures_at(self, times_s: Iterable[float], short_side: int) -> Iterator[ImageArray]:
        """Yield the picture at each of some rising times, jumping over what lies between.

        It takes the place of an iteration, and needs none of the frames in between where the file
        has key frames to jump to.

        Args:
            times_s: seconds since the first frame; past the end the last frame counts.
            short_side: pixels of the shorter side; see :meth:`Frame.rgb`.

        Yields:
            [h, w, 3] RGB, upright, of the first frame that begins at that time or later.
        """
        shown, self._head = self._head, None
        if shown is None:
            return
        base, origin = shown.time_base, shown.pts or 0
        now_s, jumping = 0.0, True
        for time_s in times_s:
            if jumping and time_s - now_s > _JUMP_S:
                self._jump(origin + round(time_s / base))
                landed = next(self._pictures, shown)
                # No key frame on the way: a jump went back, and so would all the next ones.
                jumping = _since(landed, origin, base) > now_s
                shown, now_s = landed, _since(landed, origin, base)
            while now_s < time_s and (picture := next(self._pictures, None)) is not None:
                shown, now_s = picture, max(now_s, _since(picture, origin, base))
            yield _shrunk(shown, self.info, short_side)

    def _jump(self, pts: int) -> None:
        """Go on at the last key frame before a time of the stream; stay where that cannot be."""
        with contextlib.suppress(av.FFmpegError):
            self._container.seek(pts, stream=self._stream)
            self._packets = self._container.demux(self._stream)
            self._pictures = self._decoded()

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame's presentation to the end of the last frame read so far.

        The last frame lasts as long as the file says, or else the median frame interval.
        """
        length = self._last_length or self._usual_interval()
        return float((self._last_pts + length) * self._time_base)

    def _frame(self, picture: av.VideoFrame, index: int, pts: int) -> Frame:
        long_side = max(self.info.width, self.info.height)
        width, height = _scaled(self.info, min(1.0, ANALYSIS_SIDE / long_side))
        small = self._shrink.reformat(picture, width, height, "bgr24", interpolation="AREA")
        bgr = _upright(cast("ImageArray", small.to_ndarray()), self.info.rotation)
        return Frame(index, pts, self._time_base, bgr, picture, self.info)

    def _note_length(self, picture: av.VideoFrame) -> None:
        self._time_base = Fraction(picture.time_base)
        self._last_length = picture.duration or 0

    def _usual_interval(self) -> int:
        """Median of the intervals between frames, in units of the time base."""
        if not self._intervals:
            return max(1, round(1 / (self.info.frame_rate * self._time_base)))
        middle, seen = (self._intervals.total() + 1) // 2, 0
        for interval, count in sorted(self._intervals.items()):
            seen += count
            if seen >= middle:
                return interval
        raise AssertionError("the counts sum to the total")

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Decoded frames, passing over packets that are broken."""
        while True:
            # A file that breaks off makes the demuxer raise; what came before it still counts.
            try:
                packet = next(self._packets, None)
            except av.FFmpegError:
                return
            if packet is None:
                return
            with contextlib.suppress(av.FFmpegError):
                yield from packet.decode()


def _since(picture: av.VideoFrame, origin: int, base: Fraction) -> float:
    """Seconds from the first frame to a picture; 0 where the file gives no time."""
    return 0.0 if picture.pts is None else float(picture.pts * picture.time_base - origin * base)


def _open(path: Path) -> InputContainer:
    if path.is_dir():
        raise VideoError(f"'{path}' is a folder; give the path of a video file.")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise VideoError(
            f"The video '{path}' cannot be opened ({error.strerror}); check the path."
        ) from error
    if size == 0:
        raise VideoError(f"The video '{path}' is empty (0 bytes); export or download it again.")
    try:
        container: InputContainer = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"'{path}' cannot be read as a video: it is of another kind or breaks off; "
            "give a complete file such as MP4, MOV, MKV or WebM."
        ) from error
    return container


def _default_stream(container: InputContainer, path: Path) -> av.VideoStream:
    """The stream a player would show; cover art of a sound file is no video."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise VideoError(f"'{path}' holds no picture, only sound or data; give a video file.")
    best = container.streams.best("video")
    return best if best in streams else streams[0]


def _describe(container: InputContainer, stream: av.VideoStream, first: av.VideoFrame) -> VideoInfo:
    aspect = stream.sample_aspect_ratio or Fraction(1)
    rotation = round(first.rotation / 90) * 90 % 360
    width, height = max(1, round(first.width * aspect)), first.height
    if rotation in (90, 270):
        width, height = height, width
    rate = stream.average_rate or stream.guessed_rate or _FALLBACK_RATE
    declared = container.duration / av.time_base if container.duration else None
    return VideoInfo(width, height, Fraction(rate), rotation, declared)


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
