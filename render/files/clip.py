"""The clock of a clip: which frames a player shows, and when.

Analysis and muxer both read clips through :class:`Clip`, so they agree on every frame. It follows
what ``ffmpeg`` and ``ffplay`` show:

* Not shown are cover art, the frames that an edit list discards (they are only needed to decode
  later ones), and those that cannot be decoded because the stream begins between two key frames.
* Second 0 is that of the first shown frame. Where the video really starts late, more than
  :data:`~render.files.beginning.LATE_S` after the clip's own sound, 0 is the start of that sound
  and the first frame has a positive time. Smaller offsets come from encoders (reordered
  frames, priming of AAC) and do not count; nor does the undecodable lead-in of a stream that was
  cut between key frames.
* Where the clock of a format that may restart (transport and program streams, Ogg) goes back, or
  forward by more than 10 s, the later part continues after the earlier one, for sound and video
  alike. In other formats times that are more than 30 hours off are replaced. Both limits are those
  of ``ffmpeg`` (``-dts_delta_threshold``, ``-dts_error_threshold``). Files of other formats that
  were joined byte by byte go on as well.
* Containers that state only the order of decoding (AVI, elementary streams) get presentation times:
  the n-th frame from the decoder has the n-th of the stated times.
* The last frame lasts to the end of the track where MP4 or MOV state it. Else it lasts as long
  as its packet says, if durations of packets are intervals between shown frames; those of
  reordered frames at a variable rate are intervals of decoding, and their sum counts.
"""

from __future__ import annotations

import contextlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType

import av

from render.files.beginning import survey
from render.files.clock import (
    REORDER,
    RESTARTS,
    Continuity,
    demux,
    frame_rate,
    presentation_times,
    video_stream,
)
from render.files.naming import path_text
from render.files.source import ClipError, open_clip

_DECLARING = {"mov", "matroska", "avi", "flv", "asf"}
"""Containers that state their length in a header, whatever is there."""


@dataclass(frozen=True, slots=True)
class Span:
    """When the video stream of a clip starts and ends, in seconds of the clip."""

    first_s: float
    end_s: float


class Clip:
    """A clip opened for one pass over its packets, as a context manager.

    Args:
        path: the clip.

    Raises:
        ClipError: the file is missing, empty, no video, not supported, or not decodable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opening = survey(path)
        self.container = open_clip(path)
        self.video = video_stream(self.container, path)
        self.audio: av.AudioStream | None = self.container.streams.best("audio")
        self.restarts = bool(self.container.format.flags & RESTARTS)
        """Whether the format's clock may restart."""
        self._continuity = Continuity(self.container)
        self._ends: dict[int, Fraction] = {}

    def __enter__(self) -> Clip:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.container.close()

    @property
    def frame_rate(self) -> Fraction:
        """Average frames a second as declared."""
        return frame_rate(self.video)

    @property
    def missing_s(self) -> float:
        """Seconds that the container declares beyond what :meth:`packets` gave, after the last.

        0 for containers that state no length of their own.
        """
        container, ends = self.container, self._ends
        if not _DECLARING & set(container.format.name.split(",")) or not ends:
            return 0.0
        declared = _declared_end_s(self.video)
        end = ends.get(self.video.index, Fraction(0))
        if declared is None and container.duration:
            start = container.start_time or 0
            declared, end = Fraction(start + container.duration, av.time_base), max(ends.values())
        return max(0.0, float(declared - end - self.opening.zero_s)) if declared else 0.0

    def packets(self) -> Iterator[av.Packet]:
        """Yield the packets of :attr:`video` and :attr:`audio` in the order of the file.

        ``pts`` and ``dts`` are clip times in units of the packet's ``time_base``; every video
        packet has a ``pts``. The undecodable lead-in is left out. A file that breaks off ends
        where it breaks off. ``dts`` may be None or may jump: a muxer has to repair it.
        """
        packets = demux(self.container, self.video, self.audio)
        return self._on_clock(self._without_lead_in(self._corrected(packets)))

    def shows(self, packet: av.Packet) -> bool:
        """Whether the frame of a video packet of :meth:`packets` is shown."""
        return not packet.is_discard and packet.pts * packet.time_base >= self.opening.first_s

    def seek(self, time_s: float) -> bool:
        """Go to the last key frame before a time; whether that was possible.

        :meth:`packets` has to be called anew afterwards.
        """
        if self.opening.decoding_order or (self.restarts and not self._steady):
            return False
        at = round((self.opening.zero_s + Fraction(time_s)) / self.video.time_base)
        with contextlib.suppress(av.FFmpegError):
            self.container.seek(at, stream=self.video)
            self.opening = replace(self.opening, lead_in=0)
            return True
        return False

    @cached_property
    def _steady(self) -> bool:
        """Whether the clock never restarts, so that times of the file can be sought."""
        with open_clip(self.path) as container:
            continuity = Continuity(container)
            audio = container.streams.best("audio")
            for packet in demux(container, video_stream(container, self.path), audio):
                continuity.correct(packet)
                if continuity.restarted:
                    return False
        return True

    def _corrected(self, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
        for packet in packets:
            self._continuity.correct(packet)
            yield packet

    def _without_lead_in(self, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
        """Video packets from the first one needed, with times of presentation."""
        if self.opening.decoding_order:
            packets = presentation_times(packets, self.video)
        passed = 0
        for packet in packets:
            if packet.stream_index == self.video.index:
                passed += 1
                if passed <= self.opening.lead_in:
                    continue
            yield packet

    def _on_clock(self, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
        """Move times so that 0 is the clip's 0."""
        zero, key = self.opening.zero_s, self.opening.key_s
        shift = {s.index: round(zero / s.time_base) for s in (self.video, self.audio) if s}
        for packet in packets:
            ticks, base = shift[packet.stream_index], packet.time_base
            packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.dts = None if packet.dts is None else packet.dts - ticks
            if packet.pts is not None:
                end = (packet.pts + (packet.duration or 0)) * base
                self._ends[packet.stream_index] = max(end, self._ends.get(packet.stream_index, end))
            video = packet.stream_index == self.video.index
            if not (video and _is_before(packet, key)):
                yield packet


def _declared_end_s(stream: av.VideoStream) -> Fraction | None:
    """Time of the file at which a track ends, as it declares."""
    if stream.duration:
        return Fraction((stream.duration + (stream.start_time or 0)) * stream.time_base)
    with contextlib.suppress(ValueError):
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
    return None


def _is_before(packet: av.Packet, key_s: Fraction) -> bool:
    """Whether a frame lies before the first key frame though no edit list discards it."""
    return bool(not packet.is_discard and packet.pts * packet.time_base < key_s)


def video_span(path: Path) -> Span:
    """When the video stream of a clip starts and ends, from the times of its packets alone.

    Raises:
        ClipError: as :class:`Clip`, or the clip holds fewer than two frames.
    """
    waiting: list[tuple[int, int]] = []
    with Clip(path) as clip:
        length = LastFrameDuration(clip.video)
        for packet in clip.packets():
            if packet.stream_index != clip.video.index or not clip.shows(packet):
                continue
            heapq.heappush(waiting, (packet.pts, packet.duration or 0))
            if len(waiting) > REORDER:
                length.push(*heapq.heappop(waiting))
        while waiting:
            length.push(*heapq.heappop(waiting))
        if length.n_frames < 2:
            raise ClipError(
                f"'{path_text(path)}' holds a single frame; "
                "a clip of at least two frames is needed."
            )
        return Span(float(clip.opening.first_s), float(length.end_s))


class LastFrameDuration:
    """Measures the duration of the last shown frame from the times and durations of all.

    Args:
        stream: the video stream that they belong to.
    """

    def __init__(self, stream: av.VideoStream) -> None:
        self._base = Fraction(stream.time_base)
        # MP4, its kin and AVI state the length of each track; elsewhere FFmpeg takes the file's.
        stated = {"mp4", "avi"} & set(stream.container.format.name.split(","))
        self._track = (stream.duration or 0) if stated else 0
        self._rate = frame_rate(stream)
        self._intervals: Counter[int] = Counter()
        self._agreed = 0
        self._alike = True
        self._sum = 0
        self._first: int | None = None
        self._last = 0
        self._duration = 0
        self.n_frames = 0

    def push(self, pts: int, duration: int) -> None:
        """Add the next shown frame, in units of the stream's time base.

        A frame that is no later than the one before is skipped.
        """
        if self._first is None:
            self._first = pts
        elif pts <= self._last:
            return
        else:
            interval = pts - self._last
            self._intervals[interval] += 1
            # Containers that count milliseconds round.
            self._agreed += abs(interval - self._duration) * 20 <= interval
        self._alike = self.n_frames == 0 or (self._alike and duration == self._duration)
        self._last, self._duration = pts, duration
        self._sum += duration
        self.n_frames += 1

    @property
    def median_interval(self) -> int:
        """Median of the intervals between frames, in ticks."""
        if not self._intervals:
            return max(1, round(1 / (self._rate * self._base)))
        middle, seen = (self._intervals.total() + 1) // 2, 0
        for interval, count in sorted(self._intervals.items()):
            seen += count
            if seen >= middle:
                return interval
        raise AssertionError("the counts sum to the total")

    @property
    def end_s(self) -> Fraction:
        """Clip time at which the last frame ends."""
        return (self._last + self._ticks()) * self._base

    def _ticks(self) -> int:
        """Duration of the last frame in ticks, from its packet, the track, or all packets."""
        span, longest = self._last - (self._first or 0), max(self._intervals, default=0)
        if 0 < self._track - span <= longest:
            return self._track - span
        # Durations that are all alike are no intervals of decoding at a variable rate.
        if self._alike or 2 * self._agreed >= self._intervals.total():
            return self._duration or self.median_interval
        if 0 < self._sum - span <= longest:
            return self._sum - span
        return self.median_interval
