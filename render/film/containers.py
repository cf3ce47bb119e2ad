"""What the containers of a film support, tested by muxing, as tables of codecs are not enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path

import av

from render.errors import MuxError

_TRIED_PACKETS = 8
"""Packets that are muxed to test a container."""
_NAMES = {
    "av1": "AV1",
    "dvvideo": "DV",
    "flv1": "Sorenson Spark",
    "gif": "GIF",
    "h263": "H.263",
    "h264": "H.264",
    "hevc": "HEVC",
    "mjpeg": "Motion JPEG",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4 part 2",
    "prores": "ProRes",
    "theora": "Theora",
    "vc1": "VC-1",
    "vp8": "VP8",
    "vp9": "VP9",
    "wmv1": "WMV 7",
    "wmv2": "WMV 8",
    "wmv3": "WMV 9",
}


@dataclass(frozen=True, slots=True)
class Container:
    """A file format of films.

    Attributes:
        suffix: of its name.
        formats: FFmpeg's muxers for it; the first that accepts the video stream is used.
        sound: FFmpeg's encoder of the sound.
        edit_list: whether it can hide frames that are decoded before the first one shown.
        encoder: key of :data:`render.film.encoding.ENCODERS` for frames that must be re-encoded.
        subtitles: codecs of subtitles that it supports.
        options: of the muxer.
    """

    suffix: str
    formats: tuple[str, ...]
    sound: str
    edit_list: bool
    encoder: str
    subtitles: frozenset[str]
    options: dict[str, str]


_FRONT = {"movflags": "+faststart", "write_tmcd": "0"}
"""The index comes first, so that a browser starts playing before it has the whole file. A time code
track would need a frame rate, which PyAV cannot state for copied streams."""
_MOV_TEXT = frozenset({"mov_text"})
_MKV_TEXT = frozenset(
    {"subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}
)

# FFmpeg writes AV1 and VP9 into MP4 only; players recognise the content of a .mov with it.
CONTAINERS = {
    container.suffix: container
    for container in (
        Container(".mp4", ("mp4",), "aac", True, "h264", _MOV_TEXT, _FRONT),
        Container(".m4v", ("mp4",), "aac", True, "h264", _MOV_TEXT, _FRONT),
        Container(".mov", ("mov", "mp4"), "aac", True, "h264", _MOV_TEXT, _FRONT),
        Container(".mkv", ("matroska",), "aac", False, "h264", _MKV_TEXT, {}),
        Container(".webm", ("webm",), "libopus", False, "vp9", frozenset({"webvtt"}), {}),
    )
}


def container_of(film: Path) -> Container:
    """The container of a film's suffix.

    Raises:
        MuxError: the suffix is unknown.
    """
    container = CONTAINERS.get(film.suffix.lower())
    if container is None:
        raise MuxError(f"{film.name} has no known film suffix: name it {', '.join(CONTAINERS)}")
    return container


def codec_name(stream: av.stream.Stream) -> str:
    """FFmpeg's name of a stream's codec, whatever library decodes it; such as ``av1``."""
    return str(stream.codec_context.codec.canonical_name)


def common_name(codec: str) -> str:
    """Common name of a codec, such as ``Motion JPEG`` for ``mjpeg``."""
    return _NAMES.get(codec, codec)


OpenClip = Callable[[], av.container.InputContainer]
"""Opens the video again."""


def copying_format(open_clip: OpenClip, index: int, container: Container) -> str | None:
    """The muxer of a container that accepts the packets of a video stream; None where none does.

    Args:
        open_clip: opens the video.
        index: of its video stream.
        container: of the film.
    """
    for name in container.formats:
        if _takes(open_clip, index, name):
            return name
    return None


def copying_suffixes(open_clip: OpenClip, index: int) -> Sequence[str]:
    """The suffixes of all containers that accept the packets of a video stream."""
    found = [c.suffix for c in CONTAINERS.values() if copying_format(open_clip, index, c)]
    return [suffix for suffix in found if suffix != ".m4v"]  # the same as .mp4


def _takes(open_clip: OpenClip, index: int, muxer: str) -> bool:
    """Whether a muxer accepts some packets, and its output can be opened."""
    written = BytesIO()
    try:
        with open_clip() as clip, av.open(written, "w", format=muxer) as film:
            source = clip.streams[index]
            target = film.add_stream_from_template(source, opaque=True)
            packets = (packet for packet in clip.demux(source) if packet.size)
            for number, packet in enumerate(islice(packets, _TRIED_PACKETS)):
                packet.pts = packet.dts = number
                packet.stream = target
                film.mux(packet)
            film.close()
            with av.open(BytesIO(written.getvalue())) as result:
                result.streams.video[0].codec_context.open(strict=False)
                if codec_name(result.streams.video[0]) != codec_name(source):
                    return False
                return codec_name(source) != "rawvideo" or _keeps_layout(source, result)
    except (av.FFmpegError, ValueError, IndexError):
        return False


def _keeps_layout(source: av.VideoStream, result: av.container.InputContainer) -> bool:
    """Whether raw frames keep their pixel format, which few containers can state."""
    frame = next(result.decode(video=0), None)
    return frame is not None and frame.format.name == source.codec_context.pix_fmt
