"""How a clip begins: its first shown frame, and where its second 0 lies."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av

from render.files.clock import (
    REORDER,
    Continuity,
    demux,
    presentation_times,
    video_stream,
)
from render.files.naming import ENCRYPTED, path_text, undecodable
from render.files.source import ClipError, local_file, open_clip

LATE_S = Fraction(15, 100)
"""Seconds after the start of the sound from which on the video starts late."""

_OPENING = 64
"""Video packets looked at for the order of presentation."""
_WAIT_S = 2.0
"""Seconds of video after the first frame in which the clip's sound must begin to count."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a clip begins."""

    zero_s: Fraction
    """Time of the file at second 0 of the clip."""
    first_s: Fraction
    """Clip time of the first shown frame: 0, or more where the video starts late."""
    lead_in: int
    """Video packets before the first key frame, where a stream begins between two."""
    key_s: Fraction
    """Clip time of the first key frame; earlier frames that are to be shown can't be decoded."""
    decoding_order: bool
    """Whether the container states no times of presentation."""


def _no(_: str) -> bool:
    return False


def survey(path: Path) -> Opening:
    """Find how a clip begins; reads up to its first frame, and a little on.

    Raises:
        ClipError: no frame can be decoded.
    """
    with open_clip(path) as container:
        video, audio = video_stream(container, path), container.streams.best("audio")
        beginning = _Beginning(video, audio)
        continuity = Continuity(container)
        for packet in demux(container, video, audio):
            # Older versions of PyAV do not know this; with them, decoding fails.
            if getattr(packet, "has_sidedata", _no)("encryption_info"):
                raise ClipError(f"'{path_text(path)}' {ENCRYPTED}")
            continuity.correct(packet)
            beginning.push(packet)
            if beginning.settled:
                break
        else:
            beginning.finish()
        if not beginning.frames:
            raise ClipError(f"'{path_text(path)}' {undecodable(local_file(path))}")
        if not beginning.decoding_order:
            return beginning.opening()
    return _survey_decoding_order(path)


def _survey_decoding_order(path: Path) -> Opening:
    """Find how a clip begins whose container states no times of presentation."""
    with open_clip(path) as container:
        video = video_stream(container, path)
        packets = presentation_times(demux(container, video, None), video)
        first = min((packet.pts for packet in islice(packets, REORDER)), default=0)
    return Opening(first * Fraction(video.time_base), Fraction(0), 0, Fraction(0), True)


class _Beginning:
    """Gathers from the first packets of a clip how it begins."""

    def __init__(self, video: av.VideoStream, audio: av.AudioStream | None) -> None:
        self.video, self.audio = video, audio
        self.base = Fraction(video.time_base)
        self.frames: list[int | None] = []
        """Times of the decoded frames."""
        self._sound_s: Fraction | None = None
        self._packets: list[tuple[int | None, bool, bool]] = []
        """Time, whether a key frame, whether to be shown, of each video packet."""

    def push(self, packet: av.Packet) -> None:
        """Take the next packet, with continuous times."""
        if packet.stream_index == self.video.index:
            self._packets.append((packet.pts, packet.is_keyframe, not packet.is_discard))
            self._decode(packet)
        elif self._sound_s is None and not packet.is_discard and packet.pts is not None:
            # Before 0 is the decoder's pre-roll, which Matroska does not mark as discarded.
            self._sound_s = max(packet.pts * Fraction(packet.time_base), Fraction(0))

    def finish(self) -> None:
        """The clip ends here: get the frames that the decoder still holds."""
        self._decode(None)

    @property
    def decoding_order(self) -> bool:
        """Whether times of frames go back or are missing."""
        times = [time for time in self.frames if time is not None]
        return len(times) < len(self.frames) or any(a >= b for a, b in pairwise(times))

    @property
    def settled(self) -> bool:
        """Whether enough has been seen."""
        if not self.frames:
            return False
        if self.decoding_order:
            return True
        times = [pts for pts, _, _ in self._packets if pts is not None]
        reordered = any(a > b for a, b in pairwise(times))
        if self.video.codec_context.has_b_frames and not reordered:
            return len(self._packets) >= _OPENING
        first = self.frames[0] or 0
        waited = (max(times) - first) * self.base >= _WAIT_S
        return waited or self.audio is None or self._sound_s is not None

    def opening(self) -> Opening:
        """What was found, where the container states times of presentation."""
        first = self.frames[0]
        assert first is not None
        start = min(pts for pts, _, shown in self._packets if shown and pts is not None)
        lead_in, key = self._first_key()
        cut_off = start < first and lead_in > 0
        zero_s, sound_s = first * self.base, self.sound_s
        if sound_s is not None and not cut_off and start * self.base - sound_s > LATE_S:
            zero_s = sound_s
        first_s = (first - round(zero_s / self.base)) * self.base
        key_s = first_s - max(0, first - key) * self.base
        return Opening(zero_s, first_s, lead_in if cut_off else 0, key_s, False)

    @property
    def sound_s(self) -> Fraction | None:
        """When the sound starts, in seconds of the file."""
        if self._sound_s is not None or self.audio is None or self.audio.start_time is None:
            return self._sound_s
        return Fraction(self.audio.start_time * self.audio.time_base)

    def _first_key(self) -> tuple[int, int]:
        """Number of packets before the first key frame, and its time."""
        for number, (pts, key, _) in enumerate(self._packets):
            if key and pts is not None:
                return number, pts
        return 0, min(pts for pts, _, _ in self._packets if pts is not None)

    def _decode(self, packet: av.Packet | None) -> None:
        with contextlib.suppress(av.FFmpegError):
            self.frames += [frame.pts for frame in self.video.decode(packet)]
