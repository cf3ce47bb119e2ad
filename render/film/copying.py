"""Copying video packets into a film: the same bytes, with timestamps that muxers accept."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

_TAGGED = ("mp4", "mov")
_APPLE_TAGS = {"hevc": "hvc1"}
"""QuickTime does not play HEVC with the tag that FFmpeg's muxer writes by default."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A packet of a video stream.

    Attributes:
        pts: presentation time in ticks on the film's clock; for a hidden frame, its position among
            the others.
        shown: whether its frame is shown.
        key: whether decoding can begin here.
    """

    pts: int
    shown: bool
    key: bool


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """The packets of a video that are copied, and their timestamps in the film.

    Attributes:
        first: index of the first packet, in decoding order.
        pts: of each packet from there on, in ticks; below 0 for frames that are decoded before the
            first one shown and must be hidden.
        dts: likewise, rising, none above its ``pts``.
        durations: of each packet, in ticks.
        lead_in: whether frames must be hidden before the first one shown.
        hidden_later: whether others must be hidden, which no container here supports.
    """

    first: int
    pts: array[int]
    dts: array[int]
    durations: array[int]
    lead_in: bool
    hidden_later: bool


def plan_copy(packets: Iterable[Coded], end: int) -> CopyPlan:
    """The packets needed for all frames that are shown, with timestamps that muxers accept.

    Decoding times are computed anew: the presentation times in rising order, moved back as far as
    frames are reordered.

    Args:
        packets: in decoding order, at least one of them shown.
        end: when the last frame ends, in ticks.
    """
    first, times, shown = _needed(packets)
    start = min(time for time, seen in zip(times, shown, strict=True) if seen)
    hidden = [i for i, seen in enumerate(shown) if not seen]
    leading = [i for i in hidden if times[i] < start]
    later = len(hidden) > len(leading)
    if leading:  # below 0, where no player shows them, also where the first frame comes late
        above = max(0, 1 + max(times[i] for i in leading))
        for i in leading:
            times[i] -= above
    dts, durations = _decoding_times(times), _durations(times, end)
    return CopyPlan(first, times, dts, durations, bool(leading), later)


def _needed(packets: Iterable[Coded]) -> tuple[int, array[int], bytearray]:
    """Index of the first packet to copy; times and visibility from it to the last one shown."""
    times, shown = array("q"), bytearray()
    first = key = last = -1
    for number, packet in enumerate(packets):
        if packet.key and first < 0:
            key = number
        if packet.shown:
            first = number if first < 0 else first
            last = number
        times.append(packet.pts)
        shown.append(packet.shown)
    begin = max(key, 0)
    return begin, times[begin : last + 1], shown[begin : last + 1]


def _decoding_times(times: array[int]) -> array[int]:
    """Rising times, none above the presentation time of its packet."""
    decoding = array("q", sorted(times))
    late = 0
    for i, pts in enumerate(times):
        if i and decoding[i] <= decoding[i - 1]:
            decoding[i] = decoding[i - 1] + 1
        late = max(late, decoding[i] - pts)
    return array("q", (dts - late for dts in decoding))


def _durations(times: array[int], end: int) -> array[int]:
    """Ticks from each presentation time to the next one."""
    rising = [*sorted(set(times)), end]
    following = (rising[bisect_right(rising, pts, 0, len(rising) - 1)] for pts in times)
    return array("q", (max(after - pts, 0) for after, pts in zip(following, times, strict=True)))


def add_copy(film: av.container.OutputContainer, source: av.VideoStream) -> av.VideoStream:
    """Add a stream to a film for the packets of a video stream."""
    stream = film.add_stream_from_template(source, opaque=True)
    if film.format.name in _TAGGED and source.codec_context.extradata:
        tag = _APPLE_TAGS.get(source.codec_context.codec.canonical_name)
        if tag is not None:
            stream.codec_context.codec_tag = tag
    return stream


def copied(
    packets: Iterable[av.Packet], plan: CopyPlan, time_base: Fraction, stream: av.VideoStream
) -> Iterator[av.Packet]:
    """The packets of a plan, with its timestamps, for a stream of the film.

    Args:
        packets: those that the plan was made for.
        plan: which of them to copy.
        time_base: seconds of a tick of the plan.
        stream: of the film.
    """
    stop = plan.first + len(plan.pts)
    for number, packet in enumerate(packets):
        if number >= stop:
            return
        if number < plan.first:
            continue
        i = number - plan.first
        packet.time_base = time_base
        packet.pts, packet.dts, packet.duration = plan.pts[i], plan.dts[i], plan.durations[i]
        packet.stream = stream
        yield packet
