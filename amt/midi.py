"""Song ⇄ standard MIDI file, type 1 (MMA, *Standard MIDI Files 1.0*).

Track 0 holds the tempo map, metre, key signature, title (track name), markers (meta ``marker``) and
chord names (meta ``text``). Every other track is one instrument on one channel: its name, program,
controllers and notes. All tracks end on ``song.end``, so the file is exactly as long as the music.

Events on one tick come in a fixed order (note-offs, controllers, note-ons), so equal songs give
equal bytes, and a note that repeats at once is not cut off by the end of the one before.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido
from mido.midifiles.meta import KeySignatureError

from amt.chords import FLAT_ROOTS, ROOTS, Key, parse_key
from amt.errors import ChordError, MidiError
from amt.types import (
    TICKS_PER_BEAT,
    ControlChange,
    Note,
    Song,
    TempoChange,
    TextEvent,
    TimeSignature,
    Track,
)

_CHARSET = "latin-1"
_DRUM_CHANNEL = 9
_MELODIC_CHANNELS = tuple(c for c in range(16) if c != _DRUM_CHANNEL)
_DEFAULT_US_PER_BEAT = 500_000
_MAX_US_PER_BEAT = 2**24 - 1
_OFF, _CONTROL, _ON = range(3)

_Timed = tuple[int, Any]
"""A tick and the mido message that happens on it."""


def write_midi(song: Song, path: Path) -> None:
    """Write a song as a type 1 MIDI file; characters outside Latin-1 become question marks.

    Raises:
        MidiError: the song has more than 15 melodic tracks, or a value that MIDI cannot hold.
        OSError: ``path`` cannot be written.
    """
    _validate(song)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset=_CHARSET)
    file.tracks.append(_track(_conductor(song), song.end))
    for track, channel in zip(song.tracks, _channels(song.tracks), strict=True):
        file.tracks.append(_track(_instrument(track, channel), song.end))
    with path.open("wb") as stream:
        file.save(file=stream)


def read_midi(path: Path) -> Song:
    """Read a MIDI file of type 0 or 1 from any source.

    Times are rescaled to :data:`amt.types.TICKS_PER_BEAT`; a track that uses several channels
    becomes several; of program changes the first counts; notes that never end do so with their
    track, and a note struck again ends the one before. Texts of the first track are chord names.

    Raises:
        MidiError: the file cannot be read, or is no MIDI file.
    """
    try:
        with path.open("rb") as stream:
            file = mido.MidiFile(file=stream, charset=_CHARSET, clip=True)
    except (OSError, EOFError, ValueError, LookupError, struct.error, KeySignatureError) as error:
        # mido says OSError, without a number, where the header is another format's.
        if isinstance(error, OSError) and error.errno is not None:
            raise MidiError(f"cannot read {path}: {error.strerror}") from error
        raise MidiError(
            f"{path} is not a MIDI file or is damaged: expected a standard MIDI file (.mid)"
        ) from error
    if file.type == 2 or not 0 < file.ticks_per_beat < 0x8000:
        raise MidiError(f"{path} counts time in film frames or is of type 2: save it as type 1")
    return _song([_absolute(track, file.ticks_per_beat) for track in file.tracks])


# The border: what a MIDI file can hold.


def _validate(song: Song) -> None:
    if song.end < 1:
        raise MidiError(f"the song ends on tick {song.end}, expected at least 1")
    melodic = sum(not track.is_drum for track in song.tracks)
    if melodic > len(_MELODIC_CHANNELS):
        raise MidiError(
            f"the song has {melodic} melodic tracks, but MIDI has {len(_MELODIC_CHANNELS)} "
            "channels for them: use a style with fewer instruments"
        )
    for name, changes in (("tempo", song.tempos), ("time signature", song.time_signatures)):
        ticks = [change.tick for change in changes]
        if not ticks or ticks[0] != 0 or sorted(set(ticks)) != ticks or ticks[-1] > song.end:
            raise MidiError(
                f"{name} changes must start on tick 0, rise, and lie inside the song's {song.end}"
            )
    for tempo in song.tempos:
        _within(tempo.us_per_beat, 1, _MAX_US_PER_BEAT, "microseconds a beat")
    for signature in song.time_signatures:
        _within(signature.numerator, 1, 255, "a metre's beats")
        if signature.denominator.bit_count() != 1 or signature.denominator > 64:
            raise MidiError(f"a metre's unit is {signature.denominator}, expected 1, 2, 4 … 64")
    for event in (*song.markers, *song.chord_names):
        _within(event.tick, 0, song.end, f"tick of {event.text!r}")
    for track in song.tracks:
        _validate_track(track, song.end)


def _validate_track(track: Track, end: int) -> None:
    _within(track.program, 0, 127, f"program of {track.name!r}")
    for control in track.controls:
        _within(control.tick, 0, end, f"tick of a controller of {track.name!r}")
        _within(control.number, 0, 119, f"controller number of {track.name!r}")
        _within(control.value, 0, 127, f"controller value of {track.name!r}")
    sounding: dict[int, int] = {}
    for note in sorted(track.notes):
        _within(note.pitch, 0, 127, f"pitch of a note of {track.name!r}")
        _within(note.velocity, 1, 127, f"velocity of a note of {track.name!r}")
        _within(note.start, 0, end - 1, f"start of a note of {track.name!r}")
        _within(note.end, note.start + 1, end, f"end of a note of {track.name!r}")
        if note.start < sounding.get(note.pitch, 0):
            raise MidiError(f"two notes of pitch {note.pitch} overlap in {track.name!r}")
        sounding[note.pitch] = note.end


def _within(value: int, low: int, high: int, name: str) -> None:
    if not low <= value <= high:
        raise MidiError(f"{name} is {value}, expected {low} to {high}")


# Writing.


def _text(text: str) -> str:
    return text.encode(_CHARSET, "replace").decode(_CHARSET)


def _key_name(key: Key) -> str:
    root = (FLAT_ROOTS if key.sharps < 0 else ROOTS)[key.tonic]
    return root + ("m" if key.mode == "minor" else "")


def _conductor(song: Song) -> list[_Timed]:
    meta = mido.MetaMessage
    events: list[_Timed] = [(0, meta("track_name", name=_text(song.title)))]
    events += [
        (s.tick, meta("time_signature", numerator=s.numerator, denominator=s.denominator))
        for s in song.time_signatures
    ]
    events.append((0, meta("key_signature", key=_key_name(song.key))))
    events += [(t.tick, meta("set_tempo", tempo=t.us_per_beat)) for t in song.tempos]
    events += [(m.tick, meta("marker", text=_text(m.text))) for m in song.markers]
    events += [(c.tick, meta("text", text=_text(c.text))) for c in song.chord_names]
    return sorted(events, key=lambda event: event[0])


def _channels(tracks: Sequence[Track]) -> list[int]:
    melodic = iter(_MELODIC_CHANNELS)
    return [_DRUM_CHANNEL if track.is_drum else next(melodic) for track in tracks]


def _instrument(track: Track, channel: int) -> list[_Timed]:
    def message(kind: str, **values: int) -> Any:  # noqa: ANN401 (mido is untyped)
        return mido.Message(kind, channel=channel, **values)

    events = [
        (
            control.tick,
            _CONTROL,
            message("control_change", control=control.number, value=control.value),
        )
        for control in track.controls
    ]
    for note in track.notes:
        on = message("note_on", note=note.pitch, velocity=note.velocity)
        off = message("note_off", note=note.pitch, velocity=0)
        events += [(note.start, _ON, on), (note.end, _OFF, off)]
    events.sort(key=lambda event: event[:2])
    return [
        (0, mido.MetaMessage("track_name", name=_text(track.name))),
        (0, message("program_change", program=track.program)),
        *((tick, msg) for tick, _, msg in events),
    ]


def _track(events: Iterable[_Timed], end: int) -> Any:  # noqa: ANN401 (mido is untyped)
    track, now = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    return track


# Reading.


def _absolute(track: Iterable[Any], ticks_per_beat: int) -> list[_Timed]:
    scale, now, events = Fraction(TICKS_PER_BEAT, ticks_per_beat), 0, []
    for message in track:
        now += message.time
        events.append((round(now * scale), message))
    return events


def _song(tracks: list[list[_Timed]]) -> Song:
    end = max((track[-1][0] for track in tracks if track), default=0)
    metas = sorted(
        ((tick, m) for track in tracks for tick, m in track if m.is_meta), key=lambda e: e[0]
    )
    first = tracks[0] if tracks else []
    tempos = {t: TempoChange(t, m.tempo) for t, m in metas if m.type == "set_tempo" and m.tempo}
    signatures = {
        t: TimeSignature(t, m.numerator, m.denominator)
        for t, m in metas
        if m.type == "time_signature"
    }
    return Song(
        tracks=tuple(part for track in tracks for part in _instruments(track, end)),
        tempos=tuple(({0: TempoChange(0, _DEFAULT_US_PER_BEAT)} | tempos).values()),
        time_signatures=tuple(({0: TimeSignature(0, 4)} | signatures).values()),
        key=_key(metas),
        end=max(end, 1),
        markers=tuple(TextEvent(t, m.text) for t, m in metas if m.type == "marker"),
        chord_names=tuple(TextEvent(t, m.text) for t, m in first if m.type == "text"),
        title=next((m.name for _, m in first if m.type == "track_name"), ""),
    )


def _key(metas: list[_Timed]) -> Key:
    for _, message in metas:
        if message.type == "key_signature":
            try:
                return parse_key(message.key)
            except ChordError:
                break
    return Key(0, "major")


def _instruments(events: list[_Timed], end: int) -> list[Track]:
    name = next((m.name for _, m in events if m.type == "track_name"), "")
    channels: dict[int, list[_Timed]] = defaultdict(list)
    for tick, message in events:
        if message.type in {"note_on", "note_off", "control_change", "program_change"}:
            channels[message.channel].append((tick, message))
    return [
        Track(
            name=name,
            program=next((m.program for _, m in part if m.type == "program_change"), 0),
            notes=_notes(part, end),
            controls=tuple(
                ControlChange(t, m.control, m.value)
                for t, m in part
                if m.type == "control_change" and m.control < 120
            ),
            is_drum=channel == _DRUM_CHANNEL,
        )
        for channel, part in sorted(channels.items())
    ]


def _notes(events: list[_Timed], end: int) -> tuple[Note, ...]:
    notes: list[Note] = []
    sounding: dict[int, tuple[int, int]] = {}

    def close(pitch: int, tick: int) -> None:
        start, velocity = sounding.pop(pitch, (tick, 0))
        if tick > start:
            notes.append(Note(start, pitch, tick, velocity))

    for tick, message in events:
        if message.type not in {"note_on", "note_off"}:
            continue
        close(message.note, tick)
        if message.type == "note_on" and message.velocity:
            sounding[message.note] = (tick, message.velocity)
    for pitch in tuple(sounding):
        close(pitch, end)
    return tuple(sorted(notes))
