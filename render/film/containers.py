"""What the containers of a film take, found by trying: their tables alone do not tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path

import av

from render.errors import MuxError

_TRIED_PACKETS = 8
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
    """A kind of file that a film can be.

    Attributes:
        suffix: of its name.
        formats: FFmpeg's muxers for it, the first that takes a picture is used.
        sound: encoder of the sound.
        edit_list: whether it can hide pictures that are decoded before the first one shown.
        encoder: of pictures that must be encoded anew and nothing else was asked for.
        subtitles: codecs of subtitles that it takes.
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
"""The index lies in front, so that a browser begins to play before it has the whole file. A track
of time codes would need a rate of pictures, which PyAV cannot state for copied ones."""
_MOV_TEXT = frozenset({"mov_text"})
_MKV_TEXT = frozenset(
    {"subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}
)

# FFmpeg writes AV1 and VP9 only into what calls itself MP4, which players know by its content.
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
    """The container that a film's suffix names.

    Raises:
        MuxError: it names none that is known here.
    """
    container = CONTAINERS.get(film.suffix.lower())
    if container is None:
        raise MuxError(f"{film.name} has no known film suffix: name it {', '.join(CONTAINERS)}")
    return container


def codec_name(stream: av.stream.Stream) -> str:
    """FFmpeg's name of a stream's codec, whatever library decodes it; such as ``av1``."""
    return str(stream.codec_context.codec.canonical_name)


def spoken(codec: str) -> str:
    """What people call a codec."""
    return _NAMES.get(codec, codec)


OpenClip = Callable[[], av.container.InputContainer]
"""Opens the clip anew."""


def copying_format(open_clip: OpenClip, index: int, container: Container) -> str | None:
    """The muxer that takes a clip's packets as they are; None where none does.

    Args:
        open_clip: the clip.
        index: number of its stream of pictures.
        container: what the film is going to be.
    """
    for name in container.formats:
        if _takes(open_clip, index, name):
            return name
    return None


def copying_suffixes(open_clip: OpenClip, index: int) -> Sequence[str]:
    """The suffixes of all containers that take a clip's packets as they are."""
    found = [c.suffix for c in CONTAINERS.values() if copying_format(open_clip, index, c)]
    return [suffix for suffix in found if suffix != ".m4v"]  # the same as .mp4


def _takes(open_clip: OpenClip, index: int, muxer: str) -> bool:
    """Whether a muxer takes some packets, and what it wrote can be opened."""
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
    """Whether raw pictures are read as they were: few containers state each layout of pixels."""
    picture = next(result.decode(video=0), None)
    return picture is not None and picture.format.name == source.codec_context.pix_fmt
