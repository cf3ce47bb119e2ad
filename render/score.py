"""MIDI file → parts: the notes and controllers of each instrument, in seconds.

A part is one channel of one track. Tracks that share a channel keep their own sound: the controls
of a part are those of its own track and, of the channel's other tracks, only those kinds that its
own track never sends. So there may be more tracks than channels. Channel 10 (9 when counted from 0)
is drums, as in General MIDI, unless GM2, GS or XG messages of the file assign drums otherwise.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import mido
import numpy as np

from render.errors import MidiFileError
from render.files.devices import DRUM_CHANNEL as DRUM_CHANNEL
from render.files.devices import KIND_OF_PART_BANKS, drum_switches, settings_of
from render.files.errors import shown
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.files.smf import SmfError, SmfFile, decode_text, read_smf
from render.system_settings import TimedSetting, levels, with_tuning, with_volume

MIN_NOTE_S = 0.03
"""Shorter notes, such as those of length 0, are lengthened to this, in seconds, to be audible."""
MAX_DURATION_S = 24 * 3600.0
"""Longer files, in seconds, are refused as damaged."""

_SUSTAIN, _PEDAL_DOWN = 64, 64
_BANK_SELECT = (0, 32)
_PARAMETERS = (6, 38, *range(96, 102))
"""Data entry and (non-)registered parameter numbers, which form one message together."""

_Key = tuple[int, int]
"""MIDI port and channel."""
_Timed = tuple[float, Any]
"""(seconds, mido message)."""


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note: start and end in seconds, pitch 0-127 (60 is middle C), velocity 1-127."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Part:
    """The notes and controls of one instrument.

    Attributes:
        name: the track's name, else the instrument's.
        is_drum: whether pitches stand for drums.
        notes: in order of onset; notes of one pitch do not overlap.
        controls: (seconds, mido message) for program, controller and pitch-bend changes, in order.
    """

    name: str
    is_drum: bool
    notes: tuple[Note, ...]
    controls: tuple[_Timed, ...]

    @property
    def start_s(self) -> float:
        """When the first note starts."""
        return self.notes[0].start_s

    @property
    def end_s(self) -> float:
        """When the last note ends or the last pedal is lifted, whichever is later."""
        end = max(note.end_s for note in self.notes)
        pedal = (t for t, m in self.controls if m.is_cc(_SUSTAIN) and m.value < _PEDAL_DOWN)
        return max(end, max(pedal, default=end))

    def shifted(self, by_s: float) -> Part:
        """The part moved by seconds; controls do not move before 0."""
        return replace(
            self,
            notes=tuple(
                replace(n, start_s=n.start_s + by_s, end_s=n.end_s + by_s) for n in self.notes
            ),
            controls=tuple((max(t + by_s, 0.0), m) for t, m in self.controls),
        )

    def sustained(self, end_s: float) -> Part:
        """The part without sustain pedal: notes end when it is lifted, ``end_s`` at the latest.

        A note of the same pitch under the pedal ends the one before.
        """
        pedal = [(t, m.value >= _PEDAL_DOWN) for t, m in self.controls if m.is_cc(_SUSTAIN)]
        times = [time for time, _ in pedal]
        lifts = [end_s] * (len(pedal) + 1)  # after each pedal event, when it is next up
        for i in reversed(range(len(pedal))):
            lifts[i] = lifts[i + 1] if pedal[i][1] else pedal[i][0]
        by_pitch: dict[int, list[Note]] = defaultdict(list)
        for note in self.notes:
            last = bisect_right(times, note.end_s) - 1
            is_down = last >= 0 and pedal[last][1]
            end = max(lifts[last], note.end_s) if is_down else note.end_s
            by_pitch[note.pitch].append(replace(note, end_s=end))
        held = (note for notes in by_pitch.values() for note in _audible(notes))
        controls = tuple(e for e in self.controls if not e[1].is_cc(_SUSTAIN))
        return replace(self, notes=tuple(sorted(held)), controls=controls)

    def with_notes(self, notes: tuple[Note, ...]) -> Part:
        """The part with other notes."""
        return replace(self, notes=notes)

    def excerpt(self, notes: tuple[Note, ...]) -> Part:
        """The part with some of its notes and the controls that affect them.

        Of the controls before the first note, only the last of each kind is kept, so that the
        excerpts of a part together are about as long as the part.
        """
        end_s = max(note.end_s for note in notes)
        times = [time for time, _ in self.controls]
        low, high = bisect_right(times, notes[0].start_s), bisect_right(times, end_s)
        latest = {_setting(event[1], i): event for i, event in enumerate(self.controls[:low])}
        before = sorted(latest.values(), key=lambda event: event[0])
        return replace(self, notes=notes, controls=(*before, *self.controls[low:high]))

    def events(self) -> Iterator[_Timed]:
        """All messages in order of time; at one time note-offs, then controls, then note-ons."""
        channel = DRUM_CHANNEL if self.is_drum else 0
        timed = [(t, 1, m.copy(channel=channel, time=0)) for t, m in self.controls]
        for note in self.notes:
            on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
            off = mido.Message("note_off", channel=channel, note=note.pitch)
            timed += [(note.start_s, 2, on), (note.end_s, 0, off)]
        timed.sort(key=lambda event: event[:2])
        return ((t, m) for t, _, m in timed)


def read_parts(path: Path, reporter: Reporter = DEFAULT_REPORTER) -> tuple[Part, ...]:
    """Read the parts of a MIDI file, in the order of its tracks and channels.

    A note without an end lasts to the last event of the file; a note of the same pitch ends the one
    before. A channel that switches between drums and melody becomes two parts. Master tuning and
    volume become controls of every part.

    Args:
        path: of the file.
        reporter: gets one sentence on what of the file had to be passed over.

    Raises:
        MidiFileError: the file cannot be read, is no MIDI file, holds no notes, or is longer than
            :data:`MAX_DURATION_S`.
    """
    try:
        smf = read_smf(path, reporter)
    except SmfError as error:
        raise MidiFileError(str(error)) from error
    tracks = [_in_seconds(smf, track) for track in smf.tracks]
    end = max(track[-1][0] for track in tracks)
    if end > MAX_DURATION_S:
        raise MidiFileError(
            f"{shown(path)} lasts {end:.0f} s, expected at most {MAX_DURATION_S:.0f}: split it"
        )
    settings = _in_seconds(smf, settings_of(smf))
    channels = [_by_channel(track) for track in tracks]
    sent: dict[_Key, list[tuple[int, _Timed]]] = defaultdict(list)
    for index, track_channels in enumerate(channels):
        for key, events in track_channels.items():
            sent[key] += [(index, e) for e in events if not _is_note(e[1])]
    parts = [
        part
        for index, track_channels in enumerate(channels)
        if (playing := {k: n for k, e in track_channels.items() if (n := _notes(e, end))})
        for key, notes in sorted(playing.items())
        for part in _parts(
            _track_name(tracks[index]) if len(playing) == 1 else "",
            key[1],
            notes,
            _controls(sent[key], index),
            settings,
        )
    ]
    if not parts:
        raise MidiFileError(f"{shown(path)} holds no notes: choose a MIDI file with music in it")
    return tuple(parts)


def _in_seconds(smf: SmfFile, events: Sequence[tuple[int, Any]]) -> list[_Timed]:
    seconds = smf.seconds([tick for tick, _ in events]).tolist()
    return [(time, event) for time, (_, event) in zip(seconds, events, strict=True)]


def _by_channel(track: Iterable[_Timed]) -> dict[_Key, list[_Timed]]:
    """Sort the notes, controllers, programs and pitch bends of a track by port and channel."""
    kinds = {"note_on", "note_off", "control_change", "program_change", "pitchwheel"}
    port = 0
    channels: dict[_Key, list[_Timed]] = defaultdict(list)
    for time, message in track:
        if message.type == "midi_port":
            port = message.port
        elif message.type in kinds:
            channels[port, message.channel].append((time, message))
    return channels


def _is_note(message: mido.Message) -> bool:
    return message.type in ("note_on", "note_off")


def _notes(events: Iterable[_Timed], end_s: float) -> tuple[Note, ...]:
    """Pair note-ons with note-offs, pitch by pitch."""
    sounding: dict[int, tuple[float, int]] = {}
    by_pitch: dict[int, list[Note]] = defaultdict(list)

    def close(pitch: int, time: float) -> None:
        if pitch in sounding:
            start, velocity = sounding.pop(pitch)
            by_pitch[pitch].append(Note(start, time, pitch, velocity))

    for time, message in events:
        if _is_note(message):
            close(message.note, time)
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = (time, message.velocity)
    for pitch in tuple(sounding):
        close(pitch, end_s)
    return tuple(sorted(note for notes in by_pitch.values() for note in _audible(notes)))


def _audible(notes: list[Note]) -> Iterator[Note]:
    """The notes of one pitch, lengthened to :data:`MIN_NOTE_S` or to the next onset."""
    for note, following in zip_longest(notes, notes[1:]):
        latest = following.start_s if following else np.inf
        end = min(max(note.end_s, note.start_s + MIN_NOTE_S), latest)
        if end > note.start_s:
            yield replace(note, end_s=end)


def _controls(sent: list[tuple[int, _Timed]], index: int) -> list[_Timed]:
    """The controls of a track's part, of all those that the tracks sent to its channel."""
    own = {_kind(message) for track, (_, message) in sent if track == index}
    controls = [e for track, e in sent if track == index or _kind(e[1]) not in own]
    return sorted(controls, key=lambda event: event[0])


def _parts(
    name: str,
    channel: int,
    notes: tuple[Note, ...],
    controls: list[_Timed],
    settings: list[TimedSetting],
) -> Iterator[Part]:
    """The part of a channel of a track, or two where it plays both drums and melody."""
    banks = [(t, m.value) for t, m in controls if m.is_cc(_BANK_SELECT[0])]
    switches = drum_switches(channel, banks, settings)
    times = [time for time, _ in switches]
    states = [channel == DRUM_CHANNEL, *(is_drum for _, is_drum in switches)]
    if volumes := levels(settings, "volume", 1.0):
        controls = with_volume(controls, volumes)
    if tunings := levels(settings, "fine tuning", 0.0):
        controls = with_tuning(controls, tunings)
    transpositions = levels(settings, "coarse tuning", 0.0)
    for is_drum in (False, True):
        played = tuple(n for n in notes if states[bisect_right(times, n.start_s)] == is_drum)
        if played:
            selected = tuple(_with_banks(controls, is_drum))
            program = next((m.program for _, m in selected if m.type == "program_change"), 0)
            title = name or ("Drums" if is_drum else instrument_name(program))
            moved = played if is_drum else _transposed(played, transpositions)
            yield Part(title, is_drum, moved, selected)


def _with_banks(controls: Iterable[_Timed], is_drum: bool) -> Iterator[_Timed]:
    """Controls without bank numbers that only select between drums and melody."""
    for time, message in controls:
        if message.type == "control_change" and message.control in _BANK_SELECT:
            if is_drum:
                continue
            if message.value in KIND_OF_PART_BANKS and message.control == _BANK_SELECT[0]:
                message = message.copy(value=0)
        yield time, message


def _transposed(notes: tuple[Note, ...], by: Sequence[tuple[float, float]]) -> tuple[Note, ...]:
    """Notes transposed by the semitones that are set at their onset."""
    times = [time for time, _ in by]
    moved = []
    for note in notes:
        index = bisect_right(times, note.start_s)
        pitch = note.pitch + (round(by[index - 1][1]) if index else 0)
        moved.append(replace(note, pitch=min(max(pitch, 0), 127)))
    return tuple(sorted(moved))


def instrument_name(program: int) -> str:
    """General MIDI's name of a program, 0-127."""
    # pretty_midi loads pyfluidsynth, which prints its findings when the variable CI is set.
    with contextlib.redirect_stdout(io.StringIO()):
        pretty_midi = importlib.import_module("pretty_midi")
    return str(pretty_midi.program_to_instrument_name(program))


def _kind(message: mido.Message) -> str:
    """The kind of a control, by which a part takes over controls of its channel."""
    if message.type != "control_change":
        return str(message.type)
    if message.control in _BANK_SELECT:
        return "program_change"
    return "parameter" if message.control in _PARAMETERS else f"controller {message.control}"


def _setting(message: mido.Message, index: int) -> str:
    """A key shared by messages of which only the last counts; all parameter messages count."""
    if message.type != "control_change":
        return str(message.type)
    number = message.control
    return f"parameter {index}" if number in _PARAMETERS else f"controller {number}"


def _track_name(track: Iterable[_Timed]) -> str:
    return next((decode_text(m.name).strip() for _, m in track if m.type == "track_name"), "")
