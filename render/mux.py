"""Video + soundtrack → film, with exactly the frames that the analysis of the video used.

Where the film's container supports it, video packets are copied byte for byte. Frames that are
decoded but not shown, as at the start of a video that was trimmed without re-encoding, stay hidden:
MP4 and MOV have edit lists for that; for other containers the frames are re-encoded.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import av

from render.audio import Block, Sound, limit
from render.audio.levelling import levelled, missed_loudness
from render.errors import MuxError
from render.files.errors import shown
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.film.containers import CONTAINERS, container_of
from render.film.copying import add_copy, copied
from render.film.duck import Duck, ducked, needed_depth_db
from render.film.encoding import Shape, add_encoder
from render.film.encoding import encoded as encoded_frames
from render.film.extras import Subtitles, content_tags, keep_tags
from render.film.plan import FilmPlan, plan_film
from render.film.sound import (
    BIT_RATE,
    CODEC_DB,
    PEAK_DB,
    SAMPLE_RATE,
    added,
    own_sound,
    soundtrack,
)
from render.film.sound import encoded as encoded_sound
from render.film.source import Source

FilmCodec = Literal["copy", "h264", "vp9"]
"""Whether frames are copied, or re-encoded as H.264 or VP9."""

FILM_SUFFIXES = tuple(CONTAINERS)
"""Suffixes of the films that can be written."""


def check_film(
    video: Path,
    out: Path,
    codec: FilmCodec | None = None,
    *,
    keep_original: float | None = None,
) -> None:
    """Check that :func:`mux` can make a film, before the music is composed.

    The video's packets are read once; nothing is decoded or written.

    Args:
        video: the video file.
        out: the film.
        codec: as for :func:`mux`.
        keep_original: as for :func:`mux`.

    Raises:
        MuxError: as for :func:`mux`, with advice.
    """
    _planned(video, out, codec, keep_original)


def mux(
    video: Path,
    audio: Sound,
    out: Path,
    *,
    keep_original: float | None = None,
    codec: FilmCodec | None = None,
    duck: Duck | None = None,
    loudness_lufs: float | None = None,
    name: Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> None:
    """Make a film of a video with a soundtrack.

    The film shows the frames of the video at the same times; second 0 of both is second 0 of the
    soundtrack. The sound is padded, or faded out and cut, to end with the last frame, and encoded
    as stereo AAC (Opus in WebM) at 192 kbit/s. Rotation, colour tags, metadata, chapters and
    subtitles are kept where the container supports them. Memory does not grow with length.

    Args:
        video: the video file.
        audio: the soundtrack, in memory or in blocks.
        out: the film; its suffix (.mp4, .m4v, .mov, .mkv, .webm) chooses the container.
        keep_original: gain in dB, 0 or less, at which the video's own sound is mixed in, if it has
            any; None leaves it out.
        codec: ``copy`` never re-encodes frames, ``h264`` and ``vp9`` always do; None copies, and
            re-encodes only where frames must be hidden and the container cannot do that.
        duck: where the soundtrack makes room for speech in the video's own sound; without
            ``keep_original`` there is none to make room for, and it has no effect.
        loudness_lufs: integrated loudness of the mix with the video's own sound, its true peaks
            limited to -1 dBTP; None leaves the mix as loud as it comes. Without ``keep_original``
            the soundtrack keeps its own loudness.
        name: of the film in messages, where ``out`` is a temporary name.
        reporter: gets the progress, and messages on unexpected properties of the film.

    Raises:
        MuxError: the video cannot be read or has no frames, the container is unknown or does not
            support the codec, or ``out`` is the video itself or cannot be written.
    """
    plan, source = _planned(video, out, codec, keep_original)
    for sentence in plan.remarks(source, mixed=keep_original is not None):
        reporter.message(sentence)
    frames = round(source.end * source.time_base * SAMPLE_RATE)
    if keep_original is None:
        sound = soundtrack(audio, frames)
    else:
        if duck is not None and duck.spans:
            duck = _with_depth(duck, audio, source, frames, keep_original)
            reporter.message(f"music is {duck.depth_db:.1f} dB softer under speech")
        mix = partial(_mix, audio, source, frames, keep_original, duck)
        sound = _finished(mix, loudness_lufs, reporter)
    with _writing(out, name or out):
        for share in _write(source, plan, sound, out):
            reporter.progress(share)


def _mix(
    audio: Sound, source: Source, frames: int, own_gain_db: float, duck: Duck | None
) -> Iterator[Block]:
    """The soundtrack and the video's own sound, from their beginning, not limited."""
    music = soundtrack(audio, frames)
    if duck is not None and duck.spans:
        music = ducked(music, SAMPLE_RATE, duck)
    return added(music, own_sound(source.sounds()), own_gain_db)


def _finished(
    mix: Callable[[], Iterator[Block]], loudness_lufs: float | None, reporter: Reporter
) -> Iterator[Block]:
    """A mix with its peaks limited, and at a loudness if one is given."""
    if loudness_lufs is None:
        return limit(mix(), SAMPLE_RATE, PEAK_DB)
    level = levelled(mix, SAMPLE_RATE, loudness_lufs, PEAK_DB - CODEC_DB)
    missed = missed_loudness(level.reached_lufs, loudness_lufs)
    if missed is not None:
        reporter.message(f"in the film {missed}")
    return level.applied(mix(), SAMPLE_RATE)


def _with_depth(
    duck: Duck, audio: Sound, source: Source, frames: int, keep_original: float
) -> Duck:
    """A duck with the depth that it asks for, or else the one that speech needs."""
    if duck.depth_db is not None:
        return duck
    depth_db = needed_depth_db(
        soundtrack(audio, frames),
        own_sound(source.sounds()),
        SAMPLE_RATE,
        duck.spans,
        keep_original,
    )
    return replace(duck, depth_db=depth_db)


def _planned(
    video: Path, out: Path, codec: FilmCodec | None, keep_original: float | None
) -> tuple[FilmPlan, Source]:
    container = container_of(out)
    if keep_original is not None and not keep_original <= 0:
        raise MuxError(f"the clip's own sound has a gain of {keep_original} dB, expected 0 or less")
    try:
        is_clip = out.exists() and video.exists() and out.samefile(video)
    except OSError as error:
        raise MuxError(f"cannot write the film {shown(out)}: {error.strerror}") from error
    if is_clip:
        raise MuxError(f"{shown(out)} is the clip itself: choose another name for the film")
    source = Source(video)
    return plan_film(source, container, codec), source


@contextmanager
def _writing(out: Path, name: Path) -> Iterator[None]:
    """Raise MuxError for what goes wrong, and leave no part of a film behind."""
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as error:
        out.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise MuxError(f"cannot write the film {shown(name)}: {reason}") from error
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _write(source: Source, plan: FilmPlan, sound: Iterator[Block], out: Path) -> Iterator[float]:
    """Write the film; yields the share (0-1) that is done after each packet."""
    end_s = source.end * source.time_base
    with (
        source.open() as clip,
        av.open(
            f"file:{out}",
            "w",
            format=plan.muxer,
            container_options=dict(plan.container.options),
            metadata_errors="surrogateescape",
        ) as film,
    ):
        keep_tags(clip, film, source.origin_s, end_s)
        video = _video_packets(source, plan, clip, film)
        track = film.add_stream(
            plan.container.sound, rate=SAMPLE_RATE, layout="stereo", bit_rate=BIT_RATE
        )
        subtitles = Subtitles.add(clip, film, plan.container)
        film.start_encoding()
        for packet in heapq.merge(
            video,
            encoded_sound(sound, track),
            subtitles.packets(clip, source.origin_s, end_s),
            key=lambda packet: packet.dts * packet.time_base,
        ):
            at_s = packet.dts * packet.time_base
            film.mux(packet)
            yield min(max(float(at_s / end_s), 0.0), 1.0)
    yield 1.0


def _video_packets(
    source: Source,
    plan: FilmPlan,
    clip: av.container.InputContainer,
    film: av.container.OutputContainer,
) -> Iterator[av.Packet]:
    """Add the video stream to a film; returns its packets."""
    original = clip.streams[source.index]
    if plan.copy is not None:
        stream = add_copy(film, original)
        packets = copied(source.packets(), plan.copy, source.time_base, stream)
    else:
        assert plan.encoder is not None
        frames = source.frames()
        first = next(frames)
        shape = Shape.of(first[1], original.sample_aspect_ratio)
        stream = add_encoder(film, plan.encoder, first[1], shape, source.time_base, source.rate)
        packets = encoded_frames(chain([first], frames), shape, stream, source.end)
    stream.metadata.update(content_tags(original.metadata))
    return packets
