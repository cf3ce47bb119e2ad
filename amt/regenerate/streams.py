"""The streams of a MIDI file: one for each channel of each track chunk."""

from __future__ import annotations

from dataclasses import dataclass

from amt.regenerate.events import (
    DRUM_CHANNEL,
    EventTrack,
    channel_of,
    is_note,
    name_of,
    notes_of,
    port_of,
)
from amt.regenerate.similarity import Part
from amt.types import TICKS_PER_BEAT
from render.files.smf import SmfFile


@dataclass(frozen=True, slots=True)
class Stream:
    """A channel of a track chunk."""

    chunk: int
    """Index of the track chunk."""
    channel: int
    part: Part
    """With onsets in ticks of the plan."""


def streams_of(file: SmfFile) -> list[Stream]:
    """All channels of all tracks that play notes, and those of tracks that have none."""
    return [
        Stream(chunk, channel, _part(file, track, channel, len(channels)))
        for chunk, track in enumerate(file.tracks)
        for channels in [_channels(track)]
        for channel in channels
    ]


def _channels(track: EventTrack) -> list[int]:
    used = [(channel_of(message), is_note(message)) for _, message in track]
    playing = {channel for channel, plays in used if channel is not None and plays}
    return sorted(playing or {channel for channel, _ in used if channel is not None})


def _part(file: SmfFile, track: EventTrack, channel: int, n_channels: int) -> Part:
    name = name_of(track) if file.format == 1 else ""
    scale = TICKS_PER_BEAT / file.ticks_per_beat
    programs = (m.program for _, m in track if m.type == "program_change" and m.channel == channel)
    return Part(
        name=f"{name} (channel {channel + 1})".strip() if n_channels > 1 else name,
        onsets=tuple((round(n.start * scale), n.pitch) for n in notes_of(track, channel)),
        program=next(programs, None),
        channel=channel,
        is_drum=channel == DRUM_CHANNEL,
        port=port_of(track),
    )
