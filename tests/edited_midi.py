"""What other programs and people make of a MIDI file of ours, drawn by code; and what is in it.

Files are lists of tracks of ``(tick, mido message)`` on absolute ticks, without ends of tracks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mido

Timed = tuple[int, Any]


@dataclass(frozen=True)
class File:
    tracks: tuple[tuple[Timed, ...], ...]
    type: int = 1
    ticks_per_beat: int = 480
    end: int = 0


def load(path: Path) -> File:
    file = mido.MidiFile(path, clip=True)
    tracks, end = [], 0
    for track in file.tracks:
        now, events = 0, []
        for message in track:
            now += message.time
            if message.type != "end_of_track":
                events.append((now, message.copy(time=0)))
        tracks.append(tuple(events))
        end = max(end, now)
    return File(tuple(tracks), file.type, file.ticks_per_beat, end)


def save(file: File, path: Path) -> Path:
    midi = mido.MidiFile(type=file.type, ticks_per_beat=file.ticks_per_beat)
    for events in file.tracks:
        track, now = mido.MidiTrack(), 0
        for tick, message in sorted(events, key=lambda event: event[0]):
            track.append(message.copy(time=tick - now))
            now = tick
        track.append(mido.MetaMessage("end_of_track", time=max(file.end - now, 0)))
        midi.tracks.append(track)
    midi.save(path)
    return path


def is_note(message: Any) -> bool:
    return message.type in {"note_on", "note_off"}


def notes(file: File) -> list[tuple[int, int, int, int, int]]:
    """Track, start, pitch, end and velocity of every note; the first begun ends first."""
    found = []
    for number, track in enumerate(file.tracks):
        sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for tick, m in track:
            if not is_note(m):
                continue
            waiting = sounding.setdefault((m.channel, m.note), [])
            if m.type == "note_on" and m.velocity:
                waiting.append((tick, m.velocity))
            elif waiting:
                start, velocity = waiting.pop(0)
                found.append((number, start, m.note, tick, velocity))
        assert not any(sounding.values()), "a note never ends"
    return sorted(found)


def onsets(file: File, span: range | None = None) -> Counter[tuple[int, int]]:
    """How often a pitch begins on a tick."""
    return Counter((s, p) for _, s, p, _, _ in notes(file) if span is None or s in span)


def others(file: File) -> list[list[Timed]]:
    """All events of each track that are no notes, in their order."""
    return [[(t, m) for t, m in track if not is_note(m)] for track in file.tracks]


# What is done to files. Each takes and gives a file.


def each_track(change: Callable[[int, list[Timed]], list[Timed]]) -> Callable[[File], File]:
    def apply(file: File) -> File:
        changed = [
            change(i, list(track)) if i else list(track) for i, track in enumerate(file.tracks)
        ]
        return replace(file, tracks=tuple(tuple(track) for track in changed))

    return apply


def _renamed(i: int, track: list[Timed]) -> list[Timed]:
    kept = [(t, m) for t, m in track if m.type not in {"program_change", "track_name"}]
    return [(0, mido.MetaMessage("track_name", name=f"VST {i}")), *kept]


renamed = each_track(_renamed)
"""As a DAW with virtual instruments exports: other names, no programs."""
nameless = each_track(
    lambda _, track: [
        (t, m) for t, m in track if m.type not in {"program_change", "track_name", "control_change"}
    ]
)
on_channel_1 = each_track(
    lambda i, track: [
        (t, m.copy(channel=0) if hasattr(m, "channel") else m) for t, m in _renamed(i, track)
    ]
)


def quantised(grid: int) -> Callable[[File], File]:
    """Note-ons on a grid, with their lengths; as a DAW does."""

    def change(_: int, track: list[Timed]) -> list[Timed]:
        moved = [(round(t / grid) * grid if is_note(m) and m.velocity else t, m) for t, m in track]
        lone = File((tuple(moved),))
        try:
            notes(lone)
        except AssertionError:
            return track
        return moved if len(notes(lone)) == len(notes(File((tuple(track),)))) else track

    return each_track(change)


def split(by: Callable[[int], int], track_number: int) -> Callable[[File], File]:
    """A track as several: each pitch in the one that ``by`` says."""

    def apply(file: File) -> File:
        track = file.tracks[track_number]
        groups = sorted({by(m.note) for _, m in track if is_note(m)})
        parts = [
            tuple(
                (t, m.copy(name=f"{m.name} {group}") if m.type == "track_name" else m)
                for t, m in track
                if not is_note(m) or by(m.note) == group
            )
            for group in groups
        ]
        tracks = file.tracks
        return replace(file, tracks=(*tracks[:track_number], *parts, *tracks[track_number + 1 :]))

    return apply


def type_0(file: File) -> File:
    merged = sorted((event for track in file.tracks for event in track), key=lambda e: e[0])
    kept = [(t, m) for t, m in merged if m.type != "track_name"]
    return replace(file, tracks=(tuple(kept),), type=0)


def resolution(ticks_per_beat: int) -> Callable[[File], File]:
    def apply(file: File) -> File:
        scale = ticks_per_beat / file.ticks_per_beat
        tracks = tuple(tuple((round(t * scale), m) for t, m in track) for track in file.tracks)
        return File(tracks, file.type, ticks_per_beat, round(file.end * scale))

    return apply


def transposed(semitones: int, track_number: int | None = None) -> Callable[[File], File]:
    """Pitched tracks, or one of them, higher."""

    def change(i: int, track: list[Timed]) -> list[Timed]:
        if track_number not in {None, i}:
            return track
        return [
            (t, m.copy(note=m.note + semitones) if is_note(m) and m.channel != 9 else m)
            for t, m in track
        ]

    return each_track(change)


def later(ticks: int) -> Callable[[File], File]:
    """Everything later but what stands on tick 0 and is no note."""

    def apply(file: File) -> File:
        moved = tuple(
            tuple((t + ticks if t or is_note(m) else t, m) for t, m in track)
            for track in file.tracks
        )
        return replace(file, tracks=moved, end=file.end + ticks)

    return apply


def with_track(events: list[Timed], at: int | None = None) -> Callable[[File], File]:
    def apply(file: File) -> File:
        place = len(file.tracks) if at is None else at
        tracks = (*file.tracks[:place], tuple(events), *file.tracks[place:])
        return replace(file, tracks=tracks, end=max(file.end, events[-1][0]))

    return apply


def without_metre(file: File) -> File:
    return replace(
        file,
        tracks=tuple(
            tuple((t, m) for t, m in track if m.type != "time_signature") for track in file.tracks
        ),
    )


def without_track(number: int) -> Callable[[File], File]:
    return lambda file: replace(file, tracks=(*file.tracks[:number], *file.tracks[number + 1 :]))


def melody(name: str, channel: int, pitches: list[int], step: int = 480) -> list[Timed]:
    """A track of somebody's own."""
    events: list[Timed] = [(0, mido.MetaMessage("track_name", name=name))]
    for i, pitch in enumerate(pitches):
        events.append((i * step, mido.Message("note_on", note=pitch, velocity=70, channel=channel)))
        events.append(((i + 1) * step - 7, mido.Message("note_off", note=pitch, channel=channel)))
    return events
