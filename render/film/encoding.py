"""Pictures encoded anew for a film, where its container cannot take them as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import ColorRange

Picture = tuple[int, av.VideoFrame]
"""When a picture is shown, in ticks on the film's clock, and the picture."""

_COMMON_BITS = 8
"""Bits of a sample that every player shows."""
_BT709 = 1
_UNSPECIFIED = 2
_LIMITED_RANGE = 1


@dataclass(frozen=True, slots=True)
class Encoder:
    """A way to encode pictures.

    Attributes:
        library: its name in FFmpeg.
        name: what people call the codec.
        options: of the library; chosen to look like the source.
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
    """What the encoded pictures are like; all follow from a clip's first picture.

    Attributes:
        width, height: pixels, upright and even.
        rotation: degrees counter-clockwise by which the clip's pictures are turned upright.
        pixel_format: 4:2:0 with the clip's number of bits, 8 or 10.
        aspect: width of a pixel by its height.
        rgb: whether the clip's pictures are in red, green and blue.
    """

    width: int
    height: int
    rotation: int
    pixel_format: str
    aspect: Fraction
    rgb: bool

    @classmethod
    def of(cls, frame: av.VideoFrame, aspect: Fraction | None) -> Shape:
        """What suits a picture whose stream states an aspect of pixels, or none."""
        rotation = round(frame.rotation / 90) * 90 % 360
        width, height, aspect = frame.width, frame.height, aspect or Fraction(1)
        if rotation in (90, 270):
            width, height, aspect = height, width, 1 / aspect
        pixel_format = "yuv420p10le" if is_deep(frame.format) else "yuv420p"
        width, height = max(width // 2 * 2, 2), max(height // 2 * 2, 2)
        return cls(width, height, rotation, pixel_format, aspect, frame.format.is_rgb)


def is_deep(pixels: av.video.format.VideoFormat) -> bool:
    """Whether pictures have more than 8 bits a sample, which is kept as 10 bits."""
    return not pixels.is_rgb and max(part.bits for part in pixels.components) > _COMMON_BITS


def add_encoder(
    film: av.container.OutputContainer,
    encoder: Encoder,
    first: av.VideoFrame,
    shape: Shape,
    time_base: Fraction,
    rate: Fraction,
) -> av.VideoStream:
    """A stream of a film for pictures encoded like the first one.

    Args:
        film: where it is added.
        encoder: how to encode.
        first: the clip's first picture, whose colour tags are kept.
        shape: what it becomes.
        time_base: seconds of a tick.
        rate: pictures a second on average; informative.
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
    """Colour tags of the encoded pictures, as in ISO/IEC 23091-2."""
    if shape.rgb:  # as they are turned into luma and chroma here
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
    """Whether samples use all values of their bits, which few players respect."""
    return bool(frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG)


def encoded(
    pictures: Iterable[Picture], shape: Shape, stream: av.VideoStream, end: int
) -> Iterator[av.Packet]:
    """Packets of all pictures, each shown from its time to that of the next.

    Args:
        pictures: in order of time.
        shape: what they become.
        stream: of the film; its time base is that of the times.
        end: when the last picture ends, in ticks.
    """
    time_base = stream.codec_context.time_base
    durations = _Durations(end)
    converter = _Converter(shape)
    for pts, picture in pictures:
        frame = converter.convert(picture)
        frame.pts, frame.time_base = pts, time_base
        frame.pict_type = 0  # the encoder decides, whatever the picture was before
        durations.note(pts)
        yield from durations.told(stream.encode(frame))
    durations.note(end)
    yield from durations.told(stream.encode(None))


class _Durations:
    """Tells packets how long their picture is shown, once the next picture's time is known."""

    def __init__(self, end: int) -> None:
        self._end = end
        self._lengths: dict[int, int] = {}
        self._last: int | None = None

    def note(self, pts: int) -> None:
        if self._last is not None:
            self._lengths[self._last] = pts - self._last
        self._last = pts

    def told(self, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
        for packet in packets:
            length = self._lengths.pop(packet.pts, None)
            packet.duration = max(self._end - packet.pts, 0) if length is None else length
            yield packet


class _Converter:
    """Brings pictures of any size and format into the shape of a film."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._graph: Any = None
        self._setup: tuple[int, int, str] | None = None

    def convert(self, picture: av.VideoFrame) -> av.VideoFrame:
        setup = (picture.width, picture.height, picture.format.name)
        if setup != self._setup:
            self._graph, self._setup = self._built(picture), setup
        picture.pts, picture.time_base = 0, Fraction(1, 1000)
        self._graph.push(picture)
        return self._graph.pull()

    def _built(self, picture: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=picture.format.name,
            time_base=Fraction(1, 1000),
        )
        chain = [source, *(graph.add(*step) for step in self._steps(picture))]
        graph.link_nodes(*chain, graph.add("buffersink")).configure()
        return graph

    def _steps(self, picture: av.VideoFrame) -> Iterator[tuple[str, str]]:
        """Filters and their arguments."""
        shape = self._shape
        if shape.rotation == 180:
            yield "hflip", ""
            yield "vflip", ""
        elif shape.rotation:
            yield "transpose", "cclock" if shape.rotation == 90 else "clock"
        width, height = picture.width, picture.height
        if shape.rotation in (90, 270):
            width, height = height, width
        if 0 <= width - shape.width <= 1 and 0 <= height - shape.height <= 1:
            yield "crop", f"{shape.width}:{shape.height}:0:0"
        colours = "out_range=limited" + (":out_color_matrix=bt709" if shape.rgb else "")
        yield "scale", f"{shape.width}:{shape.height}:flags=bicubic+accurate_rnd:{colours}"
        yield "format", shape.pixel_format
