"""Times of packets that go on without a break and are those of presentation."""

from __future__ import annotations

import contextlib
import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition

from render.files.naming import ENCRYPTED, codec_tag, path_text
from render.files.source import ClipError, local_file

RESTARTS = 0x200
"""Flag of libavformat for formats whose clock may restart (AVFMT_TS_DISCONT)."""
REORDER = 64
"""Packets by which presentation may lag behind decoding; codecs allow 16 frames."""

_FORWARD_S, _BACK_S = 10.0, 0.1
"""A clock that goes further forward, or back, has restarted."""
_AGAIN_S = 1.0
"""In formats whose clock may not restart it has where it goes back to its start, from further on
than this: such files were joined byte by byte."""
_ERROR_S = 30 * 3600.0
"""A time this far from the expected one is an error in any format."""
_FALLBACK_RATE = Fraction(25)


def frame_rate(stream: av.VideoStream) -> Fraction:
    """Average frames a second as declared, or a usual rate where none is."""
    return Fraction(stream.average_rate or stream.guessed_rate or _FALLBACK_RATE)


def video_stream(container: InputContainer, path: Path) -> av.VideoStream:
    """The stream a player would show; cover art of a sound file is no video."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise ClipError(
            f"'{path_text(path)}' holds no picture, only sound or data; give a video file."
        )
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        tag = codec_tag(local_file(path))
        if tag in ("encv", "drmi"):
            raise ClipError(f"'{path_text(path)}' {ENCRYPTED}")
        raise ClipError(
            f"the pictures of '{path_text(path)}' are coded as {tag}, and this kind is not "
            "supported by the FFmpeg that comes with PyAV; convert the clip to H.264 in MP4."
        )
    return stream


def demux(
    container: InputContainer, video: av.VideoStream, audio: av.AudioStream | None
) -> Iterator[av.Packet]:
    """Packets that hold something, up to the end or to where the file breaks off."""
    packets = container.demux([video, audio] if audio is not None else [video])
    held: list[av.Packet] = []
    with contextlib.suppress(av.FFmpegError):
        for packet in packets:
            if not packet.size:
                continue
            # Of the last frame of a file that breaks off only a part is there.
            if packet.stream_index == video.index:
                yield from held
                held = [packet] if packet.is_corrupt else []
            if packet not in held:
                yield packet


class Continuity:
    """Lets time go on where a clock restarts, in step for all streams."""

    def __init__(self, container: InputContainer) -> None:
        self._restarts = bool(container.format.flags & RESTARTS)
        # AVI states times of decoding alone; libavformat guesses the others from them.
        self._decoding_only = container.format.name == "avi"
        self._shift_s = Fraction(0)
        self._start: dict[int, int] = {}
        """Stated time of each stream's first packet, in ticks."""
        self._end: dict[int, int] = {}
        """Latest end of a packet of each stream, corrected, in ticks."""
        self._before: dict[int, tuple[int, int]] = {}
        """Decoding time and duration of each stream's last packet, corrected, in ticks."""
        self._shifts: dict[int, int] = {}
        """What was added to each stream's last times; one may still be in the earlier part."""
        self._latest_s: float | None = None

    def correct(self, packet: av.Packet) -> None:
        """Replace the times of a packet by continuous ones."""
        base, index = Fraction(packet.time_base), packet.stream_index
        if self._decoding_only:
            packet.pts = packet.dts
        if not self._still_before(packet, base):
            shift = round(self._shift_s / base) if self._shift_s else 0
            jump = self._restart(packet, shift, base)
            self._shift_s -= jump * base
            self._shifts[index] = shift - jump
        self._move(packet, self._shifts[index])
        if not self._restarts:
            self._without_errors(packet)
        length = packet.duration or 0
        if not length and isinstance(packet.stream, av.VideoStream):
            length = round(1 / (frame_rate(packet.stream) * base))
        if packet.dts is not None:
            self._before[index] = (packet.dts, length)
            self._latest_s = float(packet.dts * base)
        if packet.pts is not None:
            self._end[index] = max(packet.pts + length, self._end.get(index, packet.pts))

    def _still_before(self, packet: av.Packet, base: Fraction) -> bool:
        """Whether another stream's clock has restarted and this one's has not reached that yet."""
        if packet.dts is None or packet.stream_index not in self._before:
            return False
        shift = self._shifts[packet.stream_index]
        if abs(float(self._shift_s - shift * base)) < _AGAIN_S:
            return False
        expected = sum(self._before[packet.stream_index])
        return abs(float((packet.dts + shift - expected) * base)) < _AGAIN_S

    @property
    def restarted(self) -> bool:
        """Whether the clock has restarted so far."""
        return self._shift_s != 0

    def _restart(self, packet: av.Packet, shift: int, base: Fraction) -> int:
        """By how many ticks the clock jumped at a packet."""
        index = packet.stream_index
        if not self._restarts:
            return self._joined(packet, shift, base)
        if packet.dts is None or self._latest_s is None:
            return 0
        dts = packet.dts + shift
        before, length = self._before.get(index, (round(Fraction(self._latest_s) / base), 0))
        jump, back_s = dts - (before + length), float((before - dts) * base)
        off = abs(float(jump * base)) > _FORWARD_S
        went_back = back_s > _BACK_S and index in self._before
        return jump if off or went_back else 0

    def _joined(self, packet: av.Packet, shift: int, base: Fraction) -> int:
        """By how many ticks the time goes back to the start of a stream."""
        index = packet.stream_index
        # Decoding never goes back, and no frame is shown before those decoded so far.
        time = packet.dts if packet.dts is not None else packet.pts
        if time is None:
            return 0
        start = self._start.setdefault(index, time)
        if index not in self._before or abs(float((time - start) * base)) > _AGAIN_S:
            return 0
        back_s = float((self._before[index][0] - time - shift) * base)
        shown = packet.pts if packet.pts is not None else time
        return shown + shift - self._end[index] if back_s > _AGAIN_S else 0

    def _without_errors(self, packet: av.Packet) -> None:
        """Replace impossible times of a packet."""
        if packet.stream_index not in self._before:
            return
        expected = sum(self._before[packet.stream_index])
        limit = _ERROR_S / float(packet.time_base)
        if packet.pts is not None and abs(packet.pts - expected) > limit:
            packet.pts = expected
        if packet.dts is not None and abs(packet.dts - expected) > limit:
            packet.dts = expected

    @staticmethod
    def _move(packet: av.Packet, ticks: int) -> None:
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks


def presentation_times(packets: Iterable[av.Packet], video: av.VideoStream) -> Iterator[av.Packet]:
    """Give each video packet the time at which its frame is shown, by decoding it.

    Sound passes unchanged. Packets without a frame of their own are left out.
    """
    context = av.CodecContext.create(video.codec_context.codec, "r")
    context.extradata = video.codec_context.extradata
    order = _Order()
    interval = 1 / (frame_rate(video) * video.time_base)
    for packet in packets:
        if packet.stream_index != video.index:
            yield packet
            continue
        time = packet.dts if packet.dts is not None else packet.pts
        number = order.push(packet, time, interval)
        order.show(_decoded_numbers(context, packet, number))
        yield from order.ready(REORDER)
    order.show(_decoded_numbers(context, None, 0))
    yield from order.ready(0)


class _Order:
    """Pairs packets in the order of decoding with times in the order of presentation."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, av.Packet]] = deque()
        self._stated: list[tuple[int, int]] = []
        """Heap of (time, number) of the packets whose times are not given yet."""
        self._shown: dict[int, int] = {}
        self._count = 0
        self._started = False

    def push(self, packet: av.Packet, time: int | None, interval: Fraction) -> int:
        """Take the next packet, and return its number."""
        number, self._count = self._count, self._count + 1
        stated = round(number * interval) if time is None else time
        heapq.heappush(self._stated, (stated, number))
        self._waiting.append((number, packet))
        return number

    def show(self, numbers: list[int]) -> None:
        """Give the next times to the packets whose frames come out of the decoder."""
        for number in numbers:
            if not self._started:
                # What lies before the first frame could not be decoded and takes no time.
                self._stated = [item for item in self._stated if item[1] >= number]
                heapq.heapify(self._stated)
                self._started = True
            if self._stated:
                self._shown[number] = heapq.heappop(self._stated)[0]

    def ready(self, keep: int) -> Iterator[av.Packet]:
        """Yield packets that have their time; those that wait too long have no frame."""
        while self._waiting and (self._waiting[0][0] in self._shown or len(self._waiting) > keep):
            number, packet = self._waiting.popleft()
            if number in self._shown:
                packet.pts = self._shown.pop(number)
                yield packet


def _decoded_numbers(
    context: av.VideoCodecContext, packet: av.Packet | None, number: int
) -> list[int]:
    """Numbers of the packets whose frames come out when one more goes in."""
    if packet is not None:
        copy = av.Packet(bytes(packet))
        copy.pts = copy.dts = number
        packet = copy
    with contextlib.suppress(av.FFmpegError):
        return [frame.pts for frame in context.decode(packet) if frame.pts is not None]
    return []
