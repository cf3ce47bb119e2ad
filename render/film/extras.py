"""Copying metadata, chapters and subtitles of a video into its film."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

from render.film.containers import Container, codec_name

_CONTAINER_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")
"""Metadata about the file of the video rather than its content."""


def keep_tags(
    clip: av.container.InputContainer,
    film: av.container.OutputContainer,
    origin_s: Fraction,
    end_s: Fraction,
) -> None:
    """Copy metadata and chapters.

    Args:
        clip: the video.
        film: gets them.
        origin_s: second of the video at which the film begins.
        end_s: length of the film in seconds; chapters are cut there.
    """
    film.metadata.update(content_tags(clip.metadata))
    kept = []
    for chapter in clip.chapters():
        base = chapter["time_base"]
        start_s = max(chapter["start"] * base - origin_s, Fraction(0))
        stop_s = min(chapter["end"] * base - origin_s, end_s)
        if start_s < stop_s:
            kept.append({**chapter, "start": round(start_s / base), "end": round(stop_s / base)})
    if kept:
        film.set_chapters(kept)


def content_tags(metadata: dict[str, str]) -> dict[str, str]:
    """Metadata without :data:`_CONTAINER_TAGS`."""
    return {k: v for k, v in metadata.items() if k.lower() not in _CONTAINER_TAGS}


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Subtitle streams that are copied.

    Attributes:
        pairs: (index of the stream in the video, stream of the film).
    """

    pairs: tuple[tuple[int, av.stream.Stream], ...]

    @classmethod
    def add(
        cls,
        clip: av.container.InputContainer,
        film: av.container.OutputContainer,
        container: Container,
    ) -> Subtitles:
        """Add streams to the film for the subtitles that its container supports."""
        pairs = []
        for source in clip.streams.subtitles:
            if codec_name(source) in container.subtitles:
                target = film.add_stream_from_template(source, opaque=True)
                target.metadata.update(content_tags(source.metadata))
                pairs.append((source.index, target))
        return cls(tuple(pairs))

    def packets(
        self, clip: av.container.InputContainer, origin_s: Fraction, end_s: Fraction
    ) -> Iterator[av.Packet]:
        """Packets of all subtitles that are shown before the film ends, in order of time."""
        targets = dict(self.pairs)
        if not targets:
            return
        last = dict.fromkeys(targets, -1)
        for packet in clip.demux(*(clip.streams[index] for index in targets)):
            if packet.pts is None or not packet.size:
                continue
            index = packet.stream_index
            start = packet.pts - round(origin_s / packet.time_base)
            length = packet.duration or 0
            if start + length <= 0 or start * packet.time_base >= end_s:
                continue
            packet.pts = packet.dts = max(start, last[index] + 1, 0)
            packet.duration = min(start, 0) + length
            last[index] = packet.pts
            packet.stream = targets[index]
            yield packet


def left_out(clip: av.container.InputContainer, container: Container) -> Iterator[str]:
    """Sentences on subtitles that the film's container does not support."""
    refused = {codec_name(s) for s in clip.streams.subtitles} - container.subtitles
    if refused:
        names = ", ".join(sorted(refused))
        yield f"subtitles ({names}) are left out of the film: {container.suffix} does not take them"
