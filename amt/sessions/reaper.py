"""Session → project of Cockos Reaper (``.rpp``), a text of nested chunks.

A chunk is ``<NAME values``, one line for each of its entries, and ``>``. Positions are seconds,
tempos quarter notes a minute. The tempo map is the envelope ``TEMPOENVEX``: one point a change,
of the shape 1 (a step), which also sets the metre where it carries a number, the upper beats plus
65536 times the unit. MIDI lies in the project itself: ``E ticks status data data`` with ticks since
the event before, ended by a message at the item's end. Sections are regions, chords are the text
items of a track, because Reaper has no chord track. ``PROJOFFS`` is what the ruler shows at
0 s, ``TIMEMODE`` how it counts frames.

The files of media are named relative to the project where they lie in its folder or below.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from amt.sessions.session import Media, Session, TempoMap, channels_of
from amt.timecode import Timecode
from amt.types import TICKS_PER_BEAT, Song, Track

_MIDI_END = (0xB0, 0x7B, 0)
"""All notes off: marks the end of the source."""
_STEP = 1
"""Shape of an envelope point that holds its value."""
_UNIT = 65536
"""Factor of the metre's unit in a tempo point."""
_STATUS_OFF, _STATUS_ON, _STATUS_CONTROL, _STATUS_PROGRAM = 0x80, 0x90, 0xB0, 0xC0
_STATUS_BEND, _NO_BEND = 0xE0, 8192
_FRAMES = {
    "23.976": (24, 2), "24": (24, 0), "25": (25, 0), "29.97": (30, 2), "29.97df": (30, 1),
    "30": (30, 0), "50": (50, 0), "59.94": (30, 2), "59.94df": (30, 1), "60": (60, 0),
}  # fmt: skip
"""Frames a second that a ruler counts, and 0 for all of them, 1 for drop-frame, 2 for a rate that
is .1 % lower. Reaper has no 59.94: two of its frames are one."""
_SOURCES = {".wav": "WAVE", ".flac": "FLAC", ".ogg": "VORBIS"}
"""Kind of source by suffix; AIFF files are read by the source for WAVE."""

_Event = tuple[int, int, tuple[int, int, int]]
"""Tick, rank among the events of the tick, and three bytes."""


def reaper_project(session: Session, folder: Path) -> str:
    """Return the text of a project.

    Args:
        session: what it holds.
        folder: in which it will lie.
    """
    song, tempo_map = session.song, TempoMap(session.song)
    first, metre = song.tempos[0], song.time_signatures[0]
    lines = [
        '<REAPER_PROJECT 0.1 "7.0" 0',
        "  RIPPLE 0",
        *_timecode_lines(session.timecode),
        f"  TITLE {quoted(song.title)}",
        f"  TEMPO {60e6 / first.us_per_beat:.10f} {metre.numerator} {metre.denominator}",
        "  <TEMPOENVEX",
        *(f"    {line}" for line in _tempo_points(song, tempo_map)),
        "  >",
        *(f"  {line}" for line in _markers(session, tempo_map)),
    ]
    end_s = float(tempo_map.seconds(song.end))
    tracks = []
    if session.video is not None:
        tracks.append(_media_track(session.video, "VIDEO", folder))
    if song.chord_names:
        tracks.append(_chord_track(song, tempo_map))
    channels = channels_of([track.is_drum for track in song.tracks])
    tracks += [
        _midi_track(track, song.end, channel, end_s)
        for track, channel in zip(song.tracks, channels, strict=True)
    ]
    tracks += _stem_tracks(session.stems, folder)
    for number, track in enumerate(tracks):
        guid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{song.title} {number}")).upper()
        lines += [f"  <TRACK {{{guid}}}", *(f"    {line}" for line in track), "  >"]
    return "\n".join([*lines, ">", ""])


def quoted(text: str) -> str:
    """Return a text as a value: in quotes that it does not hold, on one line.

    >>> print(quoted('Am7'), quoted('12" mix'))
    "Am7" '12" mix'
    """
    line = "".join(c if c.isprintable() else " " for c in text)
    mark = next((mark for mark in "\"'`" if mark not in line), "`")
    return f"{mark}{line if mark not in line else line.replace(mark, chr(39))}{mark}"


def _timecode_lines(clock: Timecode | None) -> Iterator[str]:
    """Time of the project's 0, and how its ruler counts frames (:data:`_FRAMES`)."""
    if clock is not None:
        frames, kind = _FRAMES[clock.rate.name]
        yield f"  PROJOFFS {clock.seconds_of(clock.start_frame):.9f} 0 0"
        yield f"  TIMEMODE 1 5 -1 {frames} {kind} 0 -1"


def _tempo_points(song: Song, tempo_map: TempoMap) -> Iterator[str]:
    tempos = {change.tick: change.us_per_beat for change in song.tempos}
    metres = {s.tick: s.numerator + _UNIT * s.denominator for s in song.time_signatures}
    us_per_beat = song.tempos[0].us_per_beat
    for tick in sorted(tempos | metres):
        us_per_beat = tempos.get(tick, us_per_beat)
        metre = f" {metres[tick]}" if tick in metres else ""
        second = float(tempo_map.seconds(tick))
        yield f"PT {second:.12f} {60e6 / us_per_beat:.10f} {_STEP}{metre}"


def _markers(session: Session, tempo_map: TempoMap) -> Iterator[str]:
    """Sections as regions, cuts and other cues as markers; both are numbered from 1."""
    ends = [section.tick for section in session.sections[1:]] + [session.song.end]
    for number, (section, end) in enumerate(zip(session.sections, ends, strict=False), 1):
        start_s, end_s = tempo_map.seconds([section.tick, end])
        yield f"MARKER {number} {start_s:.9f} {quoted(section.text)} 1 0 1"
        yield f'MARKER {number} {end_s:.9f} "" 1'
    for number, cue in enumerate(session.cues, 1):
        yield f"MARKER {number} {float(tempo_map.seconds(cue.tick)):.9f} {quoted(cue.text)} 0 0 1"


def _chord_track(song: Song, tempo_map: TempoMap) -> list[str]:
    """A track with an empty item for each chord, which shows its name."""
    ticks = [chord.tick for chord in song.chord_names]
    seconds = tempo_map.seconds([*ticks, song.end]).tolist()
    lines = ['NAME "Chords"']
    for chord, start_s, end_s in zip(song.chord_names, seconds[:-1], seconds[1:], strict=True):
        if end_s > start_s:
            text = "".join(c if c.isprintable() else " " for c in chord.text)
            lines += _item(
                start_s, end_s - start_s, chord.text, ["<NOTES", f"  |{text}", ">"], beats=1
            )
    return lines


def _midi_track(track: Track, end: int, channel: int, end_s: float) -> list[str]:
    source = [
        "<SOURCE MIDI",
        f"  HASDATA 1 {TICKS_PER_BEAT} QN",
        "  CCINTERP 32",
    ]
    now = 0
    for tick, _, data in sorted(_events(track, end)):
        status = f"{data[0] | channel:02x}"
        source.append(f"  E {tick - now} {status} {data[1]:02x} {data[2]:02x}")
        now = tick
    return [f"NAME {quoted(track.name)}", *_item(0.0, end_s, track.name, [*source, ">"], beats=1)]


def _events(track: Track, end: int) -> Iterator[_Event]:
    if not track.is_drum:
        yield 0, 0, (_STATUS_PROGRAM, track.program, 0)
    for control in track.controls:
        yield control.tick, 2, (_STATUS_CONTROL, control.number, control.value)
    for bend in track.bends:
        value = bend.value + _NO_BEND
        yield bend.tick, 2, (_STATUS_BEND, value & 0x7F, value >> 7)
    for note in track.notes:
        yield note.start, 3, (_STATUS_ON, note.pitch, note.velocity)
        yield note.end, 1, (_STATUS_OFF, note.pitch, 0)
    yield end, 4, _MIDI_END


def _stem_tracks(stems: tuple[Media, ...], folder: Path) -> list[list[str]]:
    """A folder of tracks, the last of which ends it."""
    if not stems:
        return []
    tracks = [['NAME "Stems"', "ISBUS 1 1"]]
    for stem in stems:
        kind = _SOURCES.get(stem.path.suffix.lower(), "WAVE")
        tracks.append(_media_track(stem, kind, folder))
    tracks[-1].insert(1, "ISBUS 2 -1")
    return tracks


def _media_track(media: Media, kind: str, folder: Path) -> list[str]:
    path = media.path.absolute()
    if path.is_relative_to(folder.absolute()):
        path = path.relative_to(folder.absolute())
    source = [f"<SOURCE {kind}", f"  FILE {quoted(str(path))}", ">"]
    return [f"NAME {quoted(media.name)}", *_item(0.0, media.duration_s, media.name, source)]


def _item(
    start_s: float, length_s: float, name: str, content: list[str], beats: int = 0
) -> list[str]:
    """An item; ``beats`` is 1 where it follows the tempo, 0 where it keeps its seconds."""
    return [
        "<ITEM",
        f"  POSITION {start_s:.9f}",
        f"  LENGTH {length_s:.9f}",
        "  LOOP 0",
        f"  BEAT {beats}",
        f"  NAME {quoted(name)}",
        *(f"  {line}" for line in content),
        ">",
    ]
