"""Frames and sound of a video, on the clock that the analysis of the video uses too."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av

from render.errors import MuxError
from render.files.clip import Clip, LastFrameDuration
from render.files.clip_sound import decoded_sound, decoded_stream
from render.files.clock import REORDER
from render.files.source import ClipError, open_clip
from render.film.copying import Coded
from render.film.encoding import TimedFrame


class Source:
    """A video that can be read repeatedly; times are ticks of :attr:`time_base`.

    Making one reads all packets.

    Args:
        path: the video.

    Raises:
        MuxError: it cannot be read, or holds fewer than two frames.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._times = array("q")
        self._shown, self._keys = bytearray(), bytearray()
        with self._clip() as clip:
            self.index: int = clip.video.index
            """Index of the video stream."""
            self.time_base = Fraction(clip.video.time_base)
            """Seconds of a tick."""
            self.rate = clip.frame_rate
            """Average frames a second, as declared."""
            self.origin_s = clip.opening.zero_s
            """Time of the file at second 0."""
            self.first = round(clip.opening.first_s / self.time_base)
            """When the first frame is shown."""
            self.end = round(self._survey(clip) / self.time_base)
            """When the last frame ends."""

    def open(self) -> av.container.InputContainer:
        """Open the file; times of its packets are those of the file."""
        try:
            return open_clip(self.path)
        except ClipError as error:
            raise MuxError(str(error)) from error

    def coded(self) -> Iterator[Coded]:
        """Time and kind of each of :meth:`packets`."""
        for pts, shown, key in zip(self._times, self._shown, self._keys, strict=True):
            yield Coded(pts, bool(shown), bool(key))

    def packets(self) -> Iterator[av.Packet]:
        """The packets of the video stream, in decoding order."""
        with self._clip() as clip:
            yield from _video_packets(clip)

    def frames(self) -> Iterator[TimedFrame]:
        """The decoded frames that are shown, in order of time."""
        with self._clip() as clip:
            clip.video.thread_type = "AUTO"
            length = LastFrameDuration(clip.video)
            last = self.first - 1
            for frame in decoded_stream(clip, clip.video):
                pts = last + length.median_interval if frame.pts is None else frame.pts
                pts = pts if length.n_frames else self.first
                if pts > last:
                    length.push(pts, 0)
                    last = pts
                    yield pts, frame

    def sounds(self) -> Iterator[tuple[Fraction | None, av.AudioFrame]]:
        """The video's own sound: (seconds or None where the file states none, decoded frame)."""
        with self._clip() as clip:
            yield from decoded_sound(clip)

    @contextmanager
    def _clip(self) -> Iterator[Clip]:
        try:
            with Clip(self.path) as clip:
                yield clip
        except ClipError as error:
            raise MuxError(str(error)) from error

    def _survey(self, clip: Clip) -> Fraction:
        """Read the times of all packets; returns when the last frame ends, in seconds."""
        length = LastFrameDuration(clip.video)
        waiting: list[tuple[int, int]] = []
        for packet in _video_packets(clip):
            shown = clip.shows(packet)
            self._times.append(packet.pts)
            self._shown.append(shown)
            self._keys.append(packet.is_keyframe)
            if shown:
                heapq.heappush(waiting, (packet.pts, packet.duration or 0))
            if len(waiting) > REORDER:
                length.push(*heapq.heappop(waiting))
        while waiting:
            length.push(*heapq.heappop(waiting))
        if length.n_frames < 2:
            raise MuxError(f"'{self.path}' is a still picture: choose a video file")
        return length.end_s


def _video_packets(clip: Clip) -> Iterator[av.Packet]:
    return (packet for packet in clip.packets() if packet.stream_index == clip.video.index)
