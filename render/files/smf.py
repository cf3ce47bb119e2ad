"""Standard MIDI file ⇄ messages on absolute ticks (MMA, *Standard MIDI Files 1.0*).

The reader is as tolerant as players are: of wrong counts and lengths, unknown chunks, wrappers such
as RIFF (.rmi) and MacBinary, and damaged events (:mod:`render.files.smf_events`). What it skips is
counted in :attr:`SmfFile.passed_over`. Two kinds of files are converted to the common one:

* Type 2, sequences that are independent of each other: played one after the other.
* Time in SMPTE frames: ticks keep their length in seconds, at a constant tempo near 120.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import mido
import numpy as np
from numpy.typing import ArrayLike, NDArray

from render.files.errors import shown
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.files.smf_events import MAX_DELTA, Timed, TrackReader

MAX_BYTES = 64 * 2**20
"""Larger files are refused unread: hours of music take less than a megabyte."""
DEFAULT_US_PER_BEAT = 500_000
"""Microseconds a quarter note before the first tempo: 120 beats a minute."""

_DEFAULT_DIVISION = 120
"""Ticks a quarter note of a file that states 0, as in FluidSynth."""
_DROP_FRAME = 29
_DROP_FRAME_US_PER_BEAT = 500_500
"""Half a second of 29.97 frames a second (30 / 1.001) when frames are counted as 30 a second."""
_CHARSET = "latin-1"
_SEQUENTIAL = 2


class SmfError(Exception):
    """A file cannot be read, or holds no MIDI."""


@dataclass(frozen=True, slots=True)
class SmfFile:
    """The content of a MIDI file.

    Attributes:
        format: 0 for one track, 1 for several that play together.
        ticks_per_beat: ticks a quarter note.
        tracks: (tick, mido message) of each track, in order; the last of each is its
            ``end_of_track``. Channel, system exclusive and meta messages, the unknown ones as
            ``mido.UnknownMetaMessage``. Their ``time`` is 0. Text is Latin-1: see
            :func:`decode_text`.
        passed_over: descriptions of what was skipped.
    """

    format: int
    ticks_per_beat: int
    tracks: tuple[tuple[Timed, ...], ...]
    passed_over: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The last tick of the longest track."""
        return max(track[-1][0] for track in self.tracks)

    def seconds(self, ticks: ArrayLike) -> NDArray[np.float64]:
        """Ticks (any shape) → seconds through the tempo map of all tracks."""
        tempos = sorted(
            ((t, m.tempo) for track in self.tracks for t, m in track if m.type == "set_tempo"),
            key=lambda change: change[0],
        )
        at = np.asarray(ticks, np.int64)
        change_ticks = np.array([0, *(tick for tick, _ in tempos)], np.int64)
        us_per_beat = np.array([DEFAULT_US_PER_BEAT, *(tempo for _, tempo in tempos)])
        tick_s = us_per_beat / (1e6 * self.ticks_per_beat)
        change_s = np.concatenate([[0.0], np.cumsum(np.diff(change_ticks) * tick_s[:-1])])
        latest = np.searchsorted(change_ticks, at, side="right") - 1
        return np.asarray(change_s[latest] + (at - change_ticks[latest]) * tick_s[latest])


def read_smf(path: Path, reporter: Reporter = DEFAULT_REPORTER) -> SmfFile:
    """Read a MIDI file; ``reporter`` gets one sentence where something was passed over.

    Raises:
        SmfError: the file cannot be read, is too large, or holds no MIDI track.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SmfError(f"cannot read {shown(path)}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise SmfError(f"cannot read {shown(path)}: {error}") from error
    if len(data) > MAX_BYTES:
        raise SmfError(
            f"{shown(path)} is larger than {MAX_BYTES >> 20} MiB: choose a MIDI file (.mid)"
        )
    try:
        smf = parse_smf(data)
    except SmfError as error:
        raise SmfError(f"{shown(path)} {error}") from error
    if smf.passed_over:
        reporter.message(f"{path.name}: passed over {', '.join(smf.passed_over)}")
    return smf


def parse_smf(data: bytes) -> SmfFile:
    """Read the bytes of a MIDI file.

    Raises:
        SmfError: there is no MIDI track in them; the message lacks its subject.
    """
    header = data.find(b"MThd")
    if header < 0 or len(data) < header + 14:
        raise SmfError(
            "is not a MIDI file or is damaged: expected a standard MIDI file (.mid) with music"
        )
    passed_over: Counter[str] = Counter()
    if header:
        passed_over["wrapper or other bytes before the music"] += 1
    kind, n_tracks, division = struct.unpack_from(">HHH", data, header + 8)
    chunks = _Chunks(data, header, passed_over, is_sequential=kind == _SEQUENTIAL)
    tracks = chunks.read(n_tracks)
    if not tracks:
        raise SmfError("holds no notes and no tracks: choose a MIDI file with music in it")
    if n_tracks != len(tracks):
        passed_over[f"track count of {n_tracks} where there are {len(tracks)}"] += 1
    if kind == _SEQUENTIAL:
        tracks = _with_own_tempos(tracks)
    tracks, ticks_per_beat = _in_beats(tracks, division, passed_over)
    return SmfFile(
        format=min(kind, 1) if len(tracks) == 1 else 1,
        ticks_per_beat=ticks_per_beat,
        tracks=tuple(tuple(track) for track in tracks),
        passed_over=tuple(
            what.rstrip(",") if n == 1 else f"{what} ({n} times)" for what, n in passed_over.items()
        ),
    )


def write_smf(smf: SmfFile, stream: BinaryIO) -> None:
    """Write a MIDI file; events stay on their ticks and in their order.

    Raises:
        ValueError: the ticks of a track fall.
    """
    file = mido.MidiFile(type=smf.format, ticks_per_beat=smf.ticks_per_beat, charset=_CHARSET)
    for events in smf.tracks:
        track, now = mido.MidiTrack(), 0
        for tick, message in events:
            while tick - now > MAX_DELTA:
                track.append(mido.MetaMessage("text", text="", time=MAX_DELTA))
                now += MAX_DELTA
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    file.save(file=stream)


def decode_text(text: str) -> str:
    """Decode the text of a message: as UTF-8 where that is valid, else as Latin-1.

    >>> decode_text("CafÃ©"), decode_text("Café")
    ('Café', 'Café')
    """
    try:
        return text.encode(_CHARSET).decode("utf-8")
    except UnicodeError:
        return text


def encode_text(text: str) -> str:
    """Encode a text as UTF-8 for a message.

    >>> encode_text("Café")
    'CafÃ©'
    """
    return text.encode("utf-8", "replace").decode(_CHARSET)


class _Chunks:
    """The chunks of a file, found even where their lengths are wrong."""

    def __init__(
        self, data: bytes, header: int, passed_over: Counter[str], is_sequential: bool
    ) -> None:
        self._data = data
        self._passed_over = passed_over
        self._is_sequential = is_sequential
        self._position = header

    def read(self, n_tracks: int) -> list[list[Timed]]:
        """Read all tracks, but not those of a second file behind the first."""
        self._position = self._behind(self._position, "header of a wrong length")
        tracks: list[list[Timed]] = []
        while 0 <= self._position <= len(self._data) - 8:
            name = self._data[self._position : self._position + 4]
            if name == b"MTrk":
                tick = tracks[-1][-1][0] if tracks and self._is_sequential else 0
                tracks.append(self._track(tick))
                continue
            if name == b"MThd" and len(tracks) >= n_tracks:
                self._passed_over["second MIDI file behind the first"] += 1
                break
            if name == b"MThd" or _is_name(name):
                what = "second header" if name == b"MThd" else "unknown chunk"
                self._passed_over[what] += 1
                self._position = self._behind(self._position, f"{what} of a wrong length")
            else:
                self._passed_over["bytes between tracks"] += 1
                self._position = self._data.find(b"MTrk", self._position + 1)
        return tracks

    def _track(self, tick: int) -> list[Timed]:
        start = self._position + 8
        end = self._declared_end(self._position)
        is_right = self._is_boundary(end)
        limit = end
        if not is_right:
            following = self._data.find(b"MTrk", start)
            limit = len(self._data) if following < 0 else following
        reader = TrackReader(self._data, start, limit, self._passed_over, tick)
        events = reader.read()
        if is_right and self._data[reader.position : reader.position + 4] != b"MTrk":
            self._position = end
        else:
            self._position = reader.position
        if self._position != end:
            self._passed_over["track length that is wrong"] += 1
        elif reader.position != end:
            self._passed_over["bytes behind the end of a track"] += 1
        return events

    def _behind(self, position: int, what: str) -> int:
        """Where the chunk behind this one begins; -1 where there is none."""
        end = self._declared_end(position)
        if self._is_boundary(end):
            return end
        following = self._data.find(b"MTrk", position + 8)
        if following >= 0:
            self._passed_over[what] += 1
        return following

    def _declared_end(self, position: int) -> int:
        (length,) = struct.unpack_from(">I", self._data, position + 4)
        return position + 8 + int(length)

    def _is_boundary(self, position: int) -> bool:
        """Whether the file ends here or a chunk begins that lies inside it."""
        name = self._data[position : position + 4]
        if position == len(self._data) or name == b"MTrk":
            return True
        is_chunk = position <= len(self._data) - 8 and _is_name(name)
        return is_chunk and self._declared_end(position) <= len(self._data)


def _is_name(name: bytes) -> bool:
    """Whether four bytes can name a chunk."""
    return all(0x20 <= byte < 0x7F for byte in name)


def _with_own_tempos(tracks: Sequence[list[Timed]]) -> list[list[Timed]]:
    """Sequences one after the other: none inherits the tempo of the one before."""
    starts = [0, *(track[-1][0] for track in tracks[:-1])]
    default = mido.MetaMessage("set_tempo", tempo=DEFAULT_US_PER_BEAT)
    return [[(start, default), *track] for start, track in zip(starts, tracks, strict=True)]


def _in_beats(
    tracks: list[list[Timed]], division: int, passed_over: Counter[str]
) -> tuple[list[list[Timed]], int]:
    """Bring a file that counts in SMPTE frames to ticks a beat."""
    if division == 0:
        passed_over[f"time division of 0, taken as {_DEFAULT_DIVISION},"] += 1
        return tracks, _DEFAULT_DIVISION
    if division < 0x8000:
        return tracks, division
    frame_rate, ticks_a_frame = 256 - (division >> 8), max(division & 0xFF, 1)
    tempo = DEFAULT_US_PER_BEAT
    if frame_rate == _DROP_FRAME:
        frame_rate, tempo = 30, _DROP_FRAME_US_PER_BEAT
    ticks_per_beat, factor = frame_rate * ticks_a_frame, 2
    if ticks_per_beat % 2 == 0:
        ticks_per_beat, factor = ticks_per_beat // 2, 1
    timed = [[(factor * tick, m) for tick, m in track if m.type != "set_tempo"] for track in tracks]
    n_tempos = sum(map(len, tracks)) - sum(map(len, timed))
    if n_tempos:
        passed_over["tempo in a file that counts in frames"] += n_tempos
    timed[0].insert(0, (0, mido.MetaMessage("set_tempo", tempo=tempo)))
    return timed, ticks_per_beat
