"""Whether a video's frames are copied or re-encoded, decided before any work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from render.errors import MuxError
from render.film.containers import (
    CONTAINERS,
    Container,
    codec_name,
    common_name,
    copying_format,
    copying_suffixes,
)
from render.film.copying import CopyPlan, plan_copy
from render.film.encoding import ENCODERS, Encoder, is_deep
from render.film.extras import left_out
from render.film.source import Source


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """How the frames of a video get into a film.

    Attributes:
        container: of the film.
        muxer: its name in FFmpeg.
        copy: which packets are copied; None where frames are re-encoded.
        encoder: for re-encoding; None where packets are copied.
        forced: whether frames are re-encoded though copying was preferred.
    """

    container: Container
    muxer: str
    copy: CopyPlan | None
    encoder: Encoder | None
    forced: bool = False

    def remarks(self, source: Source, *, mixed: bool) -> Iterator[str]:
        """Sentences on unexpected properties of the film.

        Args:
            source: the video.
            mixed: whether its own sound is mixed in.
        """
        if self.forced and self.encoder is not None:
            yield (
                f"the film's pictures are encoded anew as {self.encoder.name}: the clip holds "
                f"pictures that it does not show, and {self.container.suffix} cannot hide them"
            )
        with source.open() as clip:
            if self.encoder is not None and is_deep(clip.streams[source.index].format):
                yield (
                    f"the film keeps the clip's 10 bits in {self.encoder.name}, "
                    "which some phones and browsers do not play"
                )
            tracks = len(clip.streams.audio)
            if mixed and tracks > 1:
                yield f"of the clip's {tracks} sound tracks the film holds the main one"
            yield from left_out(clip, self.container)


def plan_film(source: Source, container: Container, codec: str | None) -> FilmPlan:
    """Decide between copying and re-encoding.

    Args:
        source: the video.
        container: of the film.
        codec: ``copy``, a key of :data:`render.film.encoding.ENCODERS`, or None to copy and
            re-encode only where frames must be hidden.

    Raises:
        MuxError: the codec is not possible in the container; the message says what is.
    """
    if codec is not None and codec != "copy":
        return _encoding(container, codec)
    muxer = copying_format(source.open, source.index, container)
    if muxer is None:
        raise MuxError(_refusal(source, container))
    plan = plan_copy(source.coded(), source.end)
    if plan.hidden_later or (plan.lead_in and not container.edit_list):
        if codec == "copy":
            raise MuxError(_unhideable(plan, container))
        return replace(_encoding(container, container.encoder), forced=True)
    return FilmPlan(container, muxer, plan, None)


def _encoding(container: Container, codec: str) -> FilmPlan:
    encoder = ENCODERS.get(codec)
    if encoder is None:
        raise MuxError(f"the film's codec is {codec!r:.80}, expected copy, {', '.join(ENCODERS)}")
    if container.suffix == ".webm" and codec != container.encoder:
        takers = ", ".join(suffix for suffix in CONTAINERS if suffix != container.suffix)
        raise MuxError(f"a .webm film takes no {encoder.name}: name the film {takers}")
    return FilmPlan(container, container.formats[0], None, encoder)


def _refusal(source: Source, container: Container) -> str:
    """Message: why a video cannot be copied into a container, and what can be done."""
    with source.open() as clip:
        codec = common_name(codec_name(clip.streams[source.index]))
    suffixes = copying_suffixes(source.open, source.index)
    ways = [f"name the film {' or '.join(suffixes)}"] if suffixes else []
    encoded = "" if container.suffix != ".webm" else " and name it .mp4"
    ways.append(f"let it be encoded as H.264 (`film_codec='h264'`){encoded}")
    return f"the clip's {codec} picture cannot live in {container.suffix}: {', or '.join(ways)}"


def _unhideable(plan: CopyPlan, container: Container) -> str:
    where = "between" if plan.hidden_later else "before"
    others = "" if plan.hidden_later else "name the film .mp4 or .mov, or "
    return (
        f"the clip holds pictures {where} those it shows, which {container.suffix} cannot hide: "
        f"{others}let it be encoded as H.264 (`film_codec='h264'`)"
    )
