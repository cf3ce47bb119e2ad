"""What a session of an audio workstation holds of a piece, and the times of its ticks.

A session places four things on one time line: the tracks of a :class:`amt.types.Song`, its tempo
map, markers, and media files (the clip and rendered stems), which begin at 0 s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from amt.errors import InputError, shown
from amt.spotting.cues import ASKED, CueSheet, marker_text
from amt.timecode import MIDI_RATES, RATES, SmpteOffset, Timecode
from amt.timing import tempo_changes, time_signatures
from amt.types import TICKS_PER_BEAT, FloatArray, Plan, Song, TextEvent
from render.files.clip import Clip, video_span

STEM_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg")
"""Of the files of a folder that are taken for stems."""
_SECTION = re.compile(r"Section \d+(?: \S+)? \((?P<mood>[^)]+)\).*")
_OF_MIDI = ("24", "25", "29.97df", "30")
"""Rates that a MIDI file has."""
_MOST_OFF = 1
"""Ticks by which the end of a MIDI file may differ from that of its plan."""


@dataclass(frozen=True, slots=True)
class Media:
    """A clip or a stem; it begins at 0 s."""

    path: Path
    name: str
    duration_s: float
    sample_rate: int = 0
    """Of its sound; 0 where it has none."""
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that is placed on the time line."""

    song: Song
    sections: tuple[TextEvent, ...] = ()
    """Mood of each section, on its first tick; it lasts to the next or the end."""
    cues: tuple[TextEvent, ...] = ()
    """Markers that are neither sections nor chords."""
    video: Media | None = None
    stems: tuple[Media, ...] = ()
    timecode: Timecode | None = None
    """Of 0 s; None where nobody has named one."""


class TempoMap:
    """The times of a song's ticks; the last tempo goes on behind the end."""

    def __init__(self, song: Song) -> None:
        self._ticks = np.array([change.tick for change in song.tempos], np.float64)
        self._tick_s = np.array([change.us_per_beat for change in song.tempos]) / (
            1e6 * TICKS_PER_BEAT
        )
        self._seconds = np.concatenate([[0.0], np.cumsum(np.diff(self._ticks) * self._tick_s[:-1])])

    def seconds(self, ticks: ArrayLike) -> FloatArray:
        """Seconds of ticks (any shape)."""
        at = np.asarray(ticks, np.float64)
        latest = np.searchsorted(self._ticks, at, side="right") - 1
        return np.asarray(self._seconds[latest] + (at - self._ticks[latest]) * self._tick_s[latest])

    def ticks(self, seconds: ArrayLike) -> FloatArray:
        """Ticks of seconds (any shape), not rounded."""
        at = np.asarray(seconds, np.float64)
        latest = np.searchsorted(self._seconds, at, side="right") - 1
        return np.asarray(self._ticks[latest] + (at - self._seconds[latest]) / self._tick_s[latest])


def session_of(
    song: Song,
    plan: Plan | None = None,
    video: Path | None = None,
    stems: Iterable[Media] = (),
    sheet: CueSheet | None = None,
) -> Session:
    """Return the session of a song.

    Args:
        song: its markers name sections as ``Section 1 A (sad)`` where amt wrote them.
        plan: of the song; where it is given it decides the sections, the key and the chords.
        video: the clip.
        stems: in order of tracks.
        sheet: cues of the clip, of which those that have a text or ask something become markers.

    Raises:
        InputError: the plan has other bars or another tempo than the song.
        ClipError: the clip cannot be read.
    """
    found = [(event, _SECTION.fullmatch(event.text)) for event in song.markers]
    sections = tuple(TextEvent(event.tick, match["mood"]) for event, match in found if match)
    if plan is not None:
        _check_grid(song, plan)
        sections = tuple(TextEvent(s.beat * TICKS_PER_BEAT, s.mood) for s in plan.sections)
        chords = tuple(
            TextEvent(span.beat * TICKS_PER_BEAT, span.chord.spell(plan.key))
            for span in plan.chords
        )
        song = replace(song, key=plan.key, chord_names=song.chord_names or chords)
    return Session(
        song=song,
        sections=sections,
        cues=(*(event for event, match in found if not match), *_named(sheet, song)),
        video=None if video is None else video_media(video),
        stems=tuple(stems),
        timecode=(None if plan is None else plan.timecode) or _timecode(song.smpte_offset),
    )


def _timecode(offset: SmpteOffset | None) -> Timecode | None:
    """The timecode that a MIDI file states; its rate is one of the four that such a file has."""
    if offset is None:
        return None
    names = {float(rate): name for name, rate in MIDI_RATES.items() if name in _OF_MIDI}
    return Timecode(RATES[names[offset.frame_rate]], offset.label)


def _named(sheet: CueSheet | None, song: Song) -> Iterator[TextEvent]:
    """Markers of the cues that have a text or ask something, with their timecode."""
    if sheet is None:
        return
    tempo_map = TempoMap(song)
    for cue in sheet.cues:
        tick = round(float(tempo_map.ticks(cue.time_s)))
        if (cue.text or cue.kind in ASKED) and tick <= song.end:
            yield TextEvent(tick, f"{marker_text(cue)} {sheet.label(cue)}")


def _check_grid(song: Song, plan: Plan) -> None:
    """Refuse a plan of another piece.

    Raises:
        InputError: it has other bars, tempos or another length.
    """
    end = round(plan.grid.end_beat * TICKS_PER_BEAT)
    if abs(song.end - end) > _MOST_OFF:
        raise InputError(
            f"the plan has {plan.grid.end_beat:g} beats, the MIDI file "
            f"{song.end / TICKS_PER_BEAT:g}: give the plan that was written with this file"
        )
    if song.time_signatures != time_signatures(plan.grid) or song.tempos != tempo_changes(
        plan.grid
    ):
        raise InputError(
            "the plan has other bars or another tempo than the MIDI file: give the plan that was "
            "written with this file"
        )


def video_media(path: Path) -> Media:
    """Return what a session states of a clip.

    Raises:
        ClipError: it cannot be read.
    """
    with Clip(path) as clip:
        sound = clip.audio
        rate, channels = (sound.rate, sound.channels) if sound is not None else (0, 0)
    return Media(path, path.stem, video_span(path).end_s, int(rate or 0), int(channels or 0))


def stem_media(path: Path, name: str = "") -> Media:
    """Return what a session states of a file with sound.

    Raises:
        InputError: it cannot be read as sound.
    """
    import soundfile

    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"{shown(path)} cannot be read as sound: give WAV or FLAC files"
        ) from error
    return Media(path, name or path.stem, info.duration, info.samplerate, info.channels)


def stems_in(folder: Path) -> tuple[Media, ...]:
    """Return the stems of a folder in order of their names.

    Raises:
        InputError: it is no folder, holds no sound, or a file of it cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{shown(folder)} is no folder: give the one that holds the stems")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in STEM_SUFFIXES)
    if not paths:
        raise InputError(
            f"{shown(folder)} holds no stems, expected files with {', '.join(STEM_SUFFIXES)}: "
            "render some with `amt render song.mid --out song.wav --stems stems`"
        )
    return tuple(stem_media(path) for path in paths)


def channels_of(drums: Sequence[bool]) -> list[int]:
    """Return a MIDI channel for each track: 9 for drums, the others in turn.

    >>> channels_of([False, True, False])
    [0, 9, 1]
    """
    melodic = [channel for channel in range(16) if channel != 9]
    channels, used = [], 0
    for is_drum in drums:
        channels.append(9 if is_drum else melodic[used % len(melodic)])
        used += not is_drum
    return channels
