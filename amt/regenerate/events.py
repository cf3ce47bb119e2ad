"""The events of a MIDI file as they are, so that it can be written again with a few replaced.

A file is a :class:`render.files.smf.SmfFile`. Nothing is interpreted but what an edit needs: notes,
names, metre. Other events keep their bytes, their place among the events of their tick, and their
track.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import mido

from amt.errors import MidiError
from amt.reporter import SILENT
from render.files.smf import SmfError, SmfFile, decode_text, read_smf, write_smf
from render.files.smf_events import Timed

DRUM_CHANNEL = 9

EventTrack = tuple[Timed, ...]
"""(tick, mido message) of a track, the last of them its end."""


class EventNote(NamedTuple):
    """A note and where its events stand in the track."""

    start: int
    pitch: int
    end: int
    """Of a note that never ends, the end of the track."""
    on: int
    """Index of its note-on."""
    off: int | None
    """Index of its note-off."""


def read_events(path: Path) -> SmfFile:
    """Read the events of a MIDI file.

    Raises:
        MidiError: the file cannot be read, or is no MIDI file.
    """
    try:
        return read_smf(path, SILENT)
    except SmfError as error:
        raise MidiError(str(error)) from error


def to_bytes(file: SmfFile) -> bytes:
    """The MIDI file of some events."""
    stream = BytesIO()
    write_smf(file, stream)
    return stream.getvalue()


def with_track_changed(file: SmfFile, index: int, track: EventTrack) -> SmfFile:
    """The file with another track in place of one."""
    return replace(file, tracks=(*file.tracks[:index], track, *file.tracks[index + 1 :]))


def channel_of(message: Any) -> int | None:  # noqa: ANN401 (mido is untyped)
    """0-15, or None for what concerns no channel."""
    return None if message.is_meta else getattr(message, "channel", None)


def is_note(message: Any) -> bool:  # noqa: ANN401 (mido is untyped)
    """Whether a note begins or ends."""
    return message.type in {"note_on", "note_off"}


def notes_of(track: EventTrack, channel: int) -> list[EventNote]:
    """Notes of a channel, in order; of equal pitches that overlap, the first begun ends first."""
    sounding: dict[int, deque[int]] = defaultdict(deque)
    notes: list[EventNote] = []
    for i, (tick, message) in enumerate(track):
        if not is_note(message) or message.channel != channel:
            continue
        waiting = sounding[message.note]
        if message.type == "note_on" and message.velocity:
            waiting.append(i)
        elif waiting:
            on = waiting.popleft()
            notes.append(EventNote(track[on][0], message.note, tick, on, i))
    for pitch, left in sounding.items():
        notes += [EventNote(track[on][0], pitch, track[-1][0], on, None) for on in left]
    return sorted(notes, key=lambda note: note[:3])


def name_of(track: EventTrack) -> str:
    """The first track name, or an empty text."""
    names = (decode_text(m.name).strip() for _, m in track if m.type == "track_name")
    return next(names, "")


def joined(track: EventTrack, events: Iterable[tuple[int, int, Any]]) -> EventTrack:
    """A track with more events.

    Args:
        track: as it is; its end moves with its last event.
        events: tick, place among the events of that tick (below 0 before those of the track, above
            0 behind them), and mido message.
    """
    *body, (end, last) = track
    timed = [*((tick, 0, message) for tick, message in body), *events]
    timed.sort(key=lambda event: event[:2])
    made = tuple((tick, message) for tick, _, message in timed)
    return (*made, (max(end, made[-1][0] if made else 0), last))


def without(track: EventTrack, indices: Iterable[int]) -> EventTrack:
    """A track without some of its events."""
    gone = set(indices)
    return tuple(event for i, event in enumerate(track) if i not in gone)


def empty_track(end: int) -> EventTrack:
    """A track without events."""
    return ((end, mido.MetaMessage("end_of_track")),)


def port_of(track: EventTrack) -> int:
    """The port that a track plays through: 0 unless it says otherwise."""
    return next((message.port for _, message in track if message.type == "midi_port"), 0)


def free_channel(file: SmfFile, *, is_drum: bool) -> tuple[int, int] | None:
    """Port and channel that no track uses; None where all are in use."""
    used = {(port_of(track), channel_of(m)) for track in file.tracks for _, m in track}
    channels: Sequence[int] = [DRUM_CHANNEL]
    if not is_drum:
        channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    ports = range(1 if file.format == 0 else 128)
    free = ((port, channel) for port in ports for channel in channels)
    return next((place for place in free if place not in used), None)
