"""Song ⇄ standard MIDI file, type 1 (MMA, *Standard MIDI Files 1.0*).

Track 0 holds the tempo map, metre, key signatures, title (track name), SMPTE offset, markers (meta
``marker``) and chord names (:mod:`amt.chord_events`). Every other track is one instrument on one
channel: its name, key signatures, program, controllers and notes. The keys stand in every track
because MuseScore takes them for the staff of its own track alone. All tracks end on ``song.end``,
so the file is exactly as long as the music. Text is UTF-8, which MuseScore reads (and shows Latin-1
as question marks).

Events on one tick come in a fixed order (note-offs, controllers, note-ons), so equal songs give
equal bytes, and a note that repeats at once is not cut off by the end of the one before.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import mido

from amt.chord_events import chord_events, named_chord
from amt.chords import Key, parse_key
from amt.errors import ChordError, MidiError, quoted, shown
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.timecode import SmpteOffset
from amt.types import (
    TICKS_PER_BEAT,
    ControlChange,
    KeyChange,
    Note,
    PitchBend,
    Song,
    TempoChange,
    TextEvent,
    TimeSignature,
    Track,
)
from render.files.devices import DRUM_CHANNEL, Setting, drum_switches, settings_of
from render.files.smf import (
    DEFAULT_US_PER_BEAT,
    SmfError,
    SmfFile,
    decode_text,
    encode_text,
    read_smf,
    write_smf,
)

_MELODIC_CHANNELS = tuple(c for c in range(16) if c != DRUM_CHANNEL)
_MAX_PORTS = 128
_MAX_TICKS = 24 * 3600 * 4 * TICKS_PER_BEAT
"""A day at 240 beats a minute: a file that claims to be longer is damaged."""
_MAX_US_PER_BEAT = 2**24 - 1
_BANK_SELECT = 0
_OFF, _SIGNATURE, _CONTROL, _ON = range(4)

_PLAYED = {"note_on", "note_off", "control_change", "program_change", "pitchwheel"}
"""Messages of channels that a song holds."""

_Timed = tuple[int, Any]
"""A tick and the mido message that happens on it."""


def write_midi(song: Song, target: str | Path | BinaryIO) -> None:
    """Write a song as a type 1 MIDI file, to a path or into a binary stream.

    More than 15 melodic tracks go to several ports.

    Raises:
        MidiError: the song has a value that MIDI cannot hold.
        OSError: ``target`` cannot be written.
    """
    _validate(song)
    tracks = [_track(_conductor(song), song.end)]
    for track, (port, channel) in zip(song.tracks, _channels(song.tracks), strict=True):
        ports = [(0, mido.MetaMessage("midi_port", port=port))] if port else []
        tracks.append(_track([*ports, *_instrument(track, channel, song)], song.end))
    smf = SmfFile(1, TICKS_PER_BEAT, tuple(tracks))
    if not isinstance(target, str | Path):
        write_smf(smf, target)
        return
    with Path(target).open("wb") as stream:
        write_smf(smf, stream)


def read_midi(path: str | Path, reporter: Reporter = DEFAULT_REPORTER) -> Song:
    """Read a MIDI file from any source.

    Times are rescaled to :data:`amt.types.TICKS_PER_BEAT`; a track that uses several channels, or
    a channel that changes between drums and melody, becomes several tracks; of program changes the
    first counts; notes that never end do so with their track, and a note struck again ends the one
    before. Texts of the first track that name chords are chord names too.

    Args:
        path: of the file.
        reporter: gets one sentence on what of the file had to be passed over.

    Raises:
        MidiError: the file cannot be read, is no MIDI file, or claims to last for days.
    """
    try:
        smf = read_smf(Path(path), reporter)
    except SmfError as error:
        raise MidiError(str(error)) from error
    song = _song(smf)
    if song.end > _MAX_TICKS:
        beats = song.end // TICKS_PER_BEAT
        raise MidiError(
            f"{shown(path)} lasts {beats} beats, expected at most a day of them: split it"
        )
    return song


# The border: what a MIDI file can hold.


def _validate(song: Song) -> None:
    if song.end < 1:
        raise MidiError(f"the song ends on tick {song.end}, expected at least 1")
    melodic = sum(not track.is_drum for track in song.tracks)
    _within(melodic, 0, _MAX_PORTS * len(_MELODIC_CHANNELS), "number of melodic tracks")
    keys = [KeyChange(0, song.key), *song.key_changes]
    for name, changes in (
        ("tempo", song.tempos), ("time signature", song.time_signatures), ("key", keys)
    ):  # fmt: skip
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
        _within(event.tick, 0, song.end, f"tick of {quoted(event.text)}")
    for track in song.tracks:
        _validate_track(track, song.end)


def _validate_track(track: Track, end: int) -> None:
    _within(track.program, 0, 127, f"program of {quoted(track.name)}")
    for control in track.controls:
        _within(control.tick, 0, end, f"tick of a controller of {quoted(track.name)}")
        _within(control.number, 0, 119, f"controller number of {quoted(track.name)}")
        _within(control.value, 0, 127, f"controller value of {quoted(track.name)}")
    for bend in track.bends:
        _within(bend.tick, 0, end, f"tick of a pitch bend of {quoted(track.name)}")
        _within(bend.value, -8192, 8191, f"pitch bend of {quoted(track.name)}")
    sounding: dict[int, int] = {}
    for note in sorted(track.notes):
        _within(note.pitch, 0, 127, f"pitch of a note of {quoted(track.name)}")
        _within(note.velocity, 1, 127, f"velocity of a note of {quoted(track.name)}")
        _within(note.start, 0, end - 1, f"start of a note of {quoted(track.name)}")
        _within(note.end, note.start + 1, end, f"end of a note of {quoted(track.name)}")
        if note.start < sounding.get(note.pitch, 0):
            raise MidiError(f"two notes of pitch {note.pitch} overlap in {quoted(track.name)}")
        sounding[note.pitch] = note.end


def _within(value: int, low: int, high: int, name: str) -> None:
    if not low <= value <= high:
        raise MidiError(f"{name} is {value}, expected {low} to {high}")


# Writing.


def _key_name(key: Key) -> str:
    return key.spell(key.tonic) + ("m" if key.mode == "minor" else "")


def _key_signature(key: Key) -> Any:  # noqa: ANN401 (mido is untyped)
    return mido.MetaMessage("key_signature", key=_key_name(key))


def _key_signatures(song: Song) -> list[_Timed]:
    """The key signatures of a track: notation programs read them track by track."""
    changes = [KeyChange(0, song.key), *song.key_changes]
    return [(change.tick, _key_signature(change.key)) for change in changes]


def _conductor(song: Song) -> list[_Timed]:
    meta = mido.MetaMessage
    events: list[_Timed] = [(0, meta("track_name", name=encode_text(song.title)))]
    if song.smpte_offset is not None:
        events.append((0, meta("smpte_offset", **asdict(song.smpte_offset))))
    events += [
        (s.tick, meta("time_signature", numerator=s.numerator, denominator=s.denominator))
        for s in song.time_signatures
    ]
    events += _key_signatures(song)
    events += [(t.tick, meta("set_tempo", tempo=t.us_per_beat)) for t in song.tempos]
    events += [(m.tick, meta("marker", text=encode_text(m.text))) for m in song.markers]
    events += [(c.tick, event) for c in song.chord_names for event in chord_events(c.text)]
    return sorted(events, key=lambda event: event[0])


def _channels(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """Port and channel of each track: drums all on channel 10 of the first port."""
    melodic = ((port, c) for port in range(_MAX_PORTS) for c in _MELODIC_CHANNELS)
    return [(0, DRUM_CHANNEL) if track.is_drum else next(melodic) for track in tracks]


def _instrument(track: Track, channel: int, song: Song) -> list[_Timed]:
    def message(kind: str, **values: int) -> Any:  # noqa: ANN401 (mido is untyped)
        return mido.Message(kind, channel=channel, **values)

    signatures = _key_signatures(song)
    events = [(tick, _SIGNATURE, change) for tick, change in signatures[1:]]
    events += [
        (
            control.tick,
            _CONTROL,
            message("control_change", control=control.number, value=control.value),
        )
        for control in track.controls
    ]
    events += [
        (bend.tick, _CONTROL, message("pitchwheel", pitch=bend.value)) for bend in track.bends
    ]
    for note in track.notes:
        on = message("note_on", note=note.pitch, velocity=note.velocity)
        off = message("note_off", note=note.pitch, velocity=0)
        events += [(note.start, _ON, on), (note.end, _OFF, off)]
    events.sort(key=lambda event: event[:2])
    return [
        (0, mido.MetaMessage("track_name", name=encode_text(track.name))),
        signatures[0],
        (0, message("program_change", program=track.program)),
        *((tick, msg) for tick, _, msg in events),
    ]


def _track(events: Iterable[_Timed], end: int) -> tuple[_Timed, ...]:
    return (*events, (end, mido.MetaMessage("end_of_track")))


# Reading.


def _rescaled(smf: SmfFile, events: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
    scale = Fraction(TICKS_PER_BEAT, smf.ticks_per_beat)
    return [(round(tick * scale), event) for tick, event in events]


def _song(smf: SmfFile) -> Song:
    tracks = [_rescaled(smf, track) for track in smf.tracks]
    settings = _rescaled(smf, settings_of(smf))
    end = max(track[-1][0] for track in tracks)
    metas = sorted(
        ((tick, m) for track in tracks for tick, m in track if m.is_meta), key=lambda e: e[0]
    )
    tempos = {t: TempoChange(t, m.tempo) for t, m in metas if m.type == "set_tempo"}
    signatures = {
        t: TimeSignature(t, m.numerator, m.denominator)
        for t, m in metas
        if m.type == "time_signature"
    }
    markers, chord_names = _texts(metas, tracks[0])
    return Song(
        tracks=tuple(part for track in tracks for part in _instruments(track, end, settings)),
        tempos=tuple(({0: TempoChange(0, DEFAULT_US_PER_BEAT)} | tempos).values()),
        time_signatures=tuple(({0: TimeSignature(0, 4)} | signatures).values()),
        key=_key(metas),
        key_changes=_key_changes(metas),
        end=max(end, 1),
        markers=markers,
        chord_names=chord_names,
        title=_name(tracks[0]),
        smpte_offset=_smpte_offset(metas),
    )


def _smpte_offset(metas: list[_Timed]) -> SmpteOffset | None:
    for _, m in metas:
        if m.type == "smpte_offset":
            return SmpteOffset(
                float(m.frame_rate), m.hours, m.minutes, m.seconds, m.frames, m.sub_frames
            )
    return None


def _texts(
    metas: list[_Timed], first: list[_Timed]
) -> tuple[tuple[TextEvent, ...], tuple[TextEvent, ...]]:
    """Markers and chord names; chords are looked for in texts where no marker names any."""
    markers = [(tick, m) for tick, m in metas if m.type == "marker"]
    chords = [(tick, name) for tick, m in markers if (name := named_chord(m)) is not None]
    if not chords:
        texts = [(tick, m) for tick, m in first if m.type == "text"]
        chords = [(tick, name) for tick, m in texts if (name := named_chord(m)) is not None]
    others = [(tick, decode_text(m.text)) for tick, m in markers if named_chord(m) is None]
    return _events_of(others), _events_of(chords)


def _events_of(texts: Iterable[tuple[int, str]]) -> tuple[TextEvent, ...]:
    return tuple(TextEvent(tick, text) for tick, text in texts)


def _name(track: list[_Timed]) -> str:
    return next((decode_text(m.name) for _, m in track if m.type == "track_name"), "")


def _key(metas: list[_Timed]) -> Key:
    for _, message in metas:
        if message.type == "key_signature":
            try:
                return parse_key(message.key)
            except ChordError:
                break
    return Key(0, "major")


def _key_changes(metas: list[_Timed]) -> tuple[KeyChange, ...]:
    """Where the key becomes another than before; unreadable signatures are passed over."""
    changes: list[KeyChange] = [KeyChange(0, _key(metas))]
    for tick, message in metas:
        if message.type == "key_signature" and tick > 0:
            with contextlib.suppress(ChordError):
                key = parse_key(message.key)
                if key != changes[-1].key:
                    changes.append(KeyChange(tick, key))
    return tuple(changes[1:])


def _instruments(
    events: list[_Timed], end: int, settings: list[tuple[int, Setting]]
) -> list[Track]:
    name = _name(events)
    channels: dict[int, list[_Timed]] = defaultdict(list)
    for tick, message in events:
        if message.type in _PLAYED:
            channels[message.channel].append((tick, message))
    return [
        track
        for channel, part in sorted(channels.items())
        for track in _by_kind(_instrument_of(name, part, end), channel, part, settings)
    ]


def _instrument_of(name: str, part: list[_Timed], end: int) -> Track:
    return Track(
        name=name,
        program=next((m.program for _, m in part if m.type == "program_change"), 0),
        notes=_notes(part, end),
        controls=tuple(
            ControlChange(t, m.control, m.value)
            for t, m in part
            if m.type == "control_change" and m.control < 120
        ),
        bends=tuple(PitchBend(t, m.pitch) for t, m in part if m.type == "pitchwheel"),
    )


def _by_kind(
    track: Track, channel: int, part: list[_Timed], settings: list[tuple[int, Setting]]
) -> list[Track]:
    """A track of drums or of melody, or both where its channel changes from one to the other."""
    banks = [(tick, m.value) for tick, m in part if m.is_cc(_BANK_SELECT)]
    switches = drum_switches(channel, banks, settings)
    ticks = [tick for tick, _ in switches]
    states = [channel == DRUM_CHANNEL, *(is_drum for _, is_drum in switches)]
    kinds = {states[bisect_right(ticks, note.start)] for note in track.notes} or {states[-1]}
    return [
        replace(
            track,
            notes=tuple(n for n in track.notes if states[bisect_right(ticks, n.start)] == kind),
            is_drum=kind,
        )
        for kind in sorted(kinds)
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
