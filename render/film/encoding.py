"""Re-encoding frames for a film, where its container cannot hold the original packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import ColorRange

TimedFrame = tuple[int, av.VideoFrame]
"""Presentation time in ticks on the film's clock, and the frame."""

_COMMON_BITS = 8
"""Bits a sample that every player supports."""
_BT709 = 1
_UNSPECIFIED = 2
_LIMITED_RANGE = 1


@dataclass(frozen=True, slots=True)
class Encoder:
    """A video encoder and its options.

    Attributes:
        library: its name in FFmpeg.
        name: common name of the codec.
        options: of the library, for visually lossless quality.
    """

    library: str
    name: str
    options: dict[str, str]


ENCODERS = {
    "h264": Encoder("libx264", "H.264", {"crf": "18", "preset": "medium"}),
    "vp9": Encoder(
        "libvpx-vp9",
        "VP9",
        {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    ),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Size and pixel format of the encoded frames, from the first frame of the video.

    Attributes:
        width, height: pixels, upright and even.
        rotation: degrees counter-clockwise by which frames are turned upright.
        pixel_format: 4:2:0 with the clip's number of bits, 8 or 10.
        aspect: width of a pixel by its height.
        rgb: whether the frames of the video are RGB.
    """

    width: int
    height: int
    rotation: int
    pixel_format: str
    aspect: Fraction
    rgb: bool

    @classmethod
    def of(cls, frame: av.VideoFrame, aspect: Fraction | None) -> Shape:
        """The shape for a first frame and the pixel aspect ratio of its stream, if stated."""
        rotation = round(frame.rotation / 90) * 90 % 360
        width, height, aspect = frame.width, frame.height, aspect or Fraction(1)
        if rotation in (90, 270):
            width, height, aspect = height, width, 1 / aspect
        pixel_format = "yuv420p10le" if is_deep(frame.format) else "yuv420p"
        width, height = max(width // 2 * 2, 2), max(height // 2 * 2, 2)
        return cls(width, height, rotation, pixel_format, aspect, frame.format.is_rgb)


def is_deep(pixels: av.video.format.VideoFormat) -> bool:
    """Whether frames have more than 8 bits a sample, which are encoded as 10 bits."""
    return not pixels.is_rgb and max(part.bits for part in pixels.components) > _COMMON_BITS


def add_encoder(
    film: av.container.OutputContainer,
    encoder: Encoder,
    first: av.VideoFrame,
    shape: Shape,
    time_base: Fraction,
    rate: Fraction,
) -> av.VideoStream:
    """Add a stream to a film for frames encoded like the first one.

    Args:
        film: gets the stream.
        encoder: how to encode.
        first: first frame of the video, whose colour tags are kept.
        shape: of the encoded frames.
        time_base: seconds of a tick.
        rate: average frames a second; informative.
    """
    rate = rate.limit_denominator(1 << 16)
    stream = film.add_stream(encoder.library, rate=rate, options=dict(encoder.options))
    stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, shape.pixel_format
    context = stream.codec_context
    context.time_base = time_base
    context.sample_aspect_ratio = shape.aspect.limit_denominator(1 << 8)
    for name, value in _colours(first, shape).items():
        setattr(context, name, value)
    if first.interlaced_frame and encoder.library == "libx264":
        context.flags |= (
            av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
        )
    return stream


def _colours(frame: av.VideoFrame, shape: Shape) -> dict[str, int]:
    """Colour tags of the encoded frames (ISO/IEC 23091-2)."""
    if shape.rgb:  # they are converted to luma and chroma here
        matrix = _BT709
        return {
            "colorspace": matrix,
            "color_primaries": _BT709,
            "color_trc": _BT709,
            "color_range": _LIMITED_RANGE,
        }
    tags = {
        "colorspace": int(frame.colorspace),
        "color_primaries": int(getattr(frame, "color_primaries", _UNSPECIFIED)),
        "color_trc": int(getattr(frame, "color_trc", _UNSPECIFIED)),
        "color_range": _LIMITED_RANGE if _full(frame) else int(frame.color_range),
    }
    return {name: value for name, value in tags.items() if value}


def _full(frame: av.VideoFrame) -> bool:
    """Whether samples use the full range of values, which few players support."""
    return bool(frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG)


def encoded(
    frames: Iterable[TimedFrame], shape: Shape, stream: av.VideoStream, end: int
) -> Iterator[av.Packet]:
    """Encode frames to packets, each shown from its time to that of the next.

    Args:
        frames: in order of time.
        shape: of the encoded frames.
        stream: of the film; its time base is that of the times.
        end: when the last frame ends, in ticks.
    """
    time_base = stream.codec_context.time_base
    durations = _Durations(end)
    converter = _Converter(shape)
    for pts, original in frames:
        frame = converter.convert(original)
        frame.pts, frame.time_base = pts, time_base
        frame.pict_type = 0  # the encoder chooses the type of frame
        durations.add(pts)
        yield from durations.with_durations(stream.encode(frame))
    durations.add(end)
    yield from durations.with_durations(stream.encode(None))


class _Durations:
    """Sets the durations of packets from the presentation times of successive frames."""

    def __init__(self, end: int) -> None:
        self._end = end
        self._lengths: dict[int, int] = {}
        self._last: int | None = None

    def add(self, pts: int) -> None:
        """Add the time of the next frame."""
        if self._last is not None:
            self._lengths[self._last] = pts - self._last
        self._last = pts

    def with_durations(self, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
        """Packets, in any order, of frames whose times were added."""
        for packet in packets:
            length = self._lengths.pop(packet.pts, None)
            packet.duration = max(self._end - packet.pts, 0) if length is None else length
            yield packet


class _Converter:
    """Converts frames of any size and format to the shape of a film."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._graph: Any = None
        self._setup: tuple[int, int, str] | None = None

    def convert(self, frame: av.VideoFrame) -> av.VideoFrame:
        setup = (frame.width, frame.height, frame.format.name)
        if setup != self._setup:
            self._graph, self._setup = self._built(frame), setup
        frame.pts, frame.time_base = 0, Fraction(1, 1000)
        self._graph.push(frame)
        return self._graph.pull()

    def _built(self, frame: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format.name,
            time_base=Fraction(1, 1000),
        )
        chain = [source, *(graph.add(*step) for step in self._steps(frame))]
        graph.link_nodes(*chain, graph.add("buffersink")).configure()
        return graph

    def _steps(self, frame: av.VideoFrame) -> Iterator[tuple[str, str]]:
        """Filters and their arguments."""
        shape = self._shape
        if shape.rotation == 180:
            yield "hflip", ""
            yield "vflip", ""
        elif shape.rotation:
            yield "transpose", "cclock" if shape.rotation == 90 else "clock"
        width, height = frame.width, frame.height
        if shape.rotation in (90, 270):
            width, height = height, width
        if 0 <= width - shape.width <= 1 and 0 <= height - shape.height <= 1:
            yield "crop", f"{shape.width}:{shape.height}:0:0"
        colours = "out_range=limited" + (":out_color_matrix=bt709" if shape.rgb else "")
        yield "scale", f"{shape.width}:{shape.height}:flags=bicubic+accurate_rnd:{colours}"
        yield "format", shape.pixel_format
