"""Session → DAWproject 1.0, the open format of Bitwig Studio, Studio One and Cubase.

A ZIP file with ``project.xml``, ``metadata.xml`` and the media, after the reference of
https://github.com/bitwig/dawproject. Times are beats (quarter notes), those inside a media file
seconds. Channel volume (CC 7) and pan (CC 10) become the fader and the pan of the mixer, so that
they hold for whichever instrument is put on the track; other controllers stay controllers. Volume
follows General MIDI's recommendation of 40 dB a decade: gain is the square of ``value / 127``
(*General MIDI Level 2*, MMA 2003); there pan 64 is the middle, and 0 and 1 are both hard left.

The format has no field for a General MIDI program that workstations read; it is stated in the
comment of the track.
"""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from amt.sessions.session import Media, Session, TempoMap, channels_of
from amt.types import TICKS_PER_BEAT, ControlChange, TextEvent, Track

_VOLUME, _PAN = 7, 10
_DEFAULTS = {_VOLUME: 100, _PAN: 64}
"""What General MIDI takes where a file says nothing."""
_NO_BEND = 8192
"""Added to a pitch bend: normalised, 0 is the lowest and 1 the highest."""
_STORED_AT = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every member, so that equal sessions give equal files."""
_CHUNK = 1 << 20
"""Bytes of media that are copied at once."""


def write_dawproject(session: Session, path: Path) -> None:
    """Write a session with its media.

    Raises:
        OSError: the file cannot be written, or a media file cannot be read.
    """
    members = _members(session)
    with zipfile.ZipFile(path, "w") as file:
        for name, root in (
            ("metadata.xml", _metadata(session)),
            ("project.xml", project_xml(session, members)),
        ):
            ET.indent(root)
            text = ET.tostring(root, encoding="utf-8", xml_declaration=True)
            info = zipfile.ZipInfo(name, _STORED_AT)
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, text)
        for media, name in members.items():
            _store(file, media.path, name)


def _store(file: zipfile.ZipFile, path: Path, name: str) -> None:
    """Copy a media file, which is compressed already, in pieces."""
    info = zipfile.ZipInfo(name, _STORED_AT)
    info.file_size = path.stat().st_size
    with path.open("rb") as source, file.open(info, "w") as target:
        while data := source.read(_CHUNK):
            target.write(data)


def _members(session: Session) -> dict[Media, str]:
    """Media and their names in the file."""
    names = {stem: f"audio/{xml_text(stem.path.name)}" for stem in session.stems}
    if session.video is not None:
        names[session.video] = f"video/{xml_text(session.video.path.name)}"
    return names


def _metadata(session: Session) -> ET.Element:
    """Title, and the timecode in words: the format has no field for it."""
    root = ET.Element("MetaData")
    ET.SubElement(root, "Title").text = xml_text(session.song.title)
    if session.timecode is not None:
        clock = session.timecode
        ET.SubElement(
            root, "Comment"
        ).text = f"starts at {clock.start}, {clock.rate.name} frames a second"
    return root


def xml_text(text: str) -> str:
    r"""Return a text without the characters that XML 1.0 cannot hold.

    >>> xml_text("a\x00b")
    'ab'
    """
    return "".join(
        c
        for c in text
        if c in "\t\n\r"
        or ("\x20" <= c < "\ufffe" and not "\ud800" <= c <= "\udfff")
        or c > "\uffff"
    )


def project_xml(session: Session, members: dict[Media, str]) -> ET.Element:
    """Return the project.

    Args:
        session: what it holds.
        members: path of each media file in the container.
    """
    return _Project(session, members).root


class _Project:
    """Builds ``project.xml``; every element that another refers to gets a number."""

    def __init__(self, session: Session, members: dict[Media, str]) -> None:
        self._session = session
        self._members = members
        self._tempo_map = TempoMap(session.song)
        self._next = 0
        self.root = ET.Element("Project", version="1.0")
        ET.SubElement(self.root, "Application", name="amt-soundtrack", version="1.0")
        self._transport()
        self._structure = ET.SubElement(self.root, "Structure")
        arrangement = self._numbered(self.root, "Arrangement")
        self._lanes = self._numbered(arrangement, "Lanes", timeUnit="beats")
        self._master = f"id{self._next}"
        self._next += 1
        song = session.song
        channels = channels_of([track.is_drum for track in song.tracks])
        for track, channel in zip(song.tracks, channels, strict=True):
            self._notes_track(track, channel)
        for stem in session.stems:
            self._media_track(stem, "audio")
        if session.video is not None:
            self._media_track(session.video, "video")
        self._master_track()
        self._markers(arrangement)
        self._tempo_automation(arrangement)

    def _numbered(self, parent: ET.Element, tag: str, **values: str) -> ET.Element:
        element = ET.SubElement(parent, tag, {**values, "id": f"id{self._next}"})
        self._next += 1
        return element

    def _real(self, parent: ET.Element, tag: str, unit: str, value: float, most: float) -> str:
        """A number that can be automated; returns its identifier."""
        element = self._numbered(
            parent, tag, name=tag, min="0", max=_text(most), unit=unit, value=_text(value)
        )
        return element.attrib["id"]

    def _transport(self) -> None:
        transport = ET.SubElement(self.root, "Transport")
        song = self._session.song
        first, metre = song.tempos[0], song.time_signatures[0]
        bpm = 60e6 / first.us_per_beat
        self._tempo = self._real(transport, "Tempo", "bpm", bpm, max(666.0, bpm))
        self._metre = self._numbered(
            transport,
            "TimeSignature",
            numerator=str(metre.numerator),
            denominator=str(metre.denominator),
        ).attrib["id"]

    def _track(self, name: str, content: str, **values: str) -> ET.Element:
        return self._numbered(
            self._structure, "Track", name=xml_text(name), contentType=content, loaded="true",
            **values,
        )  # fmt: skip

    def _channel(self, track: ET.Element, pan: float, volume: float, role: str) -> dict[int, str]:
        """The channel of a track; returns the identifiers of volume and pan by controller."""
        values = {"role": role, "audioChannels": "2", "solo": "false"}
        if role == "master":
            channel = ET.SubElement(track, "Channel", {**values, "id": self._master})
        else:
            channel = self._numbered(track, "Channel", destination=self._master, **values)
        self._numbered(channel, "Mute", name="Mute", value="false")
        panned = self._real(channel, "Pan", "normalized", pan, 1.0)
        return {_PAN: panned, _VOLUME: self._real(channel, "Volume", "linear", volume, 2.0)}

    def _notes_track(self, track: Track, channel: int) -> None:
        lanes: dict[int, list[ControlChange]] = defaultdict(list)
        for control in track.controls:
            lanes[control.number].append(control)
        mixer = {number: lanes.pop(number, []) for number in _DEFAULTS}
        first = {n: (c[0].value if c else _DEFAULTS[n]) for n, c in mixer.items()}
        kit = "General MIDI drums" if track.is_drum else f"General MIDI program {track.program + 1}"
        element = self._track(track.name, "notes", comment=kit)
        parameters = self._channel(element, pan_of(first[_PAN]), gain_of(first[_VOLUME]), "regular")
        lane = self._numbered(self._lanes, "Lanes", track=element.attrib["id"])
        clip = self._clip(lane, track.name, self._session.song.end / TICKS_PER_BEAT)
        notes = self._numbered(clip, "Notes")
        for note in track.notes:
            ET.SubElement(notes, "Note", {
                "time": _beats(note.start),
                "duration": _beats(note.end - note.start),
                "channel": str(channel),
                "key": str(note.pitch),
                "vel": _text(note.velocity / 127),
            })  # fmt: skip
        for number, controls in mixer.items():
            if len(controls) > 1:
                self._mixer_points(lane, parameters[number], number, controls)
        for number, controls in sorted(lanes.items()):
            target = {
                "expression": "channelController",
                "channel": str(channel),
                "controller": str(number),
            }
            values = [(c.tick, c.value / 127) for c in controls]
            self._points(lane, "Points", target, "normalized", values)
        if track.bends:
            bends = [(b.tick, (b.value + _NO_BEND) / (2 * _NO_BEND - 1)) for b in track.bends]
            target = {"expression": "pitchBend", "channel": str(channel)}
            self._points(lane, "Points", target, "normalized", bends)

    def _mixer_points(
        self, lane: ET.Element, parameter: str, number: int, controls: Sequence[ControlChange]
    ) -> None:
        unit, convert = ("linear", gain_of) if number == _VOLUME else ("normalized", pan_of)
        values = [(control.tick, convert(control.value)) for control in controls]
        self._points(lane, "Points", {"parameter": parameter}, unit, values)

    def _points(
        self,
        parent: ET.Element,
        tag: str,
        target: dict[str, str],
        unit: str,
        values: Sequence[tuple[int, float]],
    ) -> None:
        """A lane of automation that holds each value (at a tick) until the next."""
        points = self._numbered(parent, tag, unit=unit)
        ET.SubElement(points, "Target", target)
        for tick, value in values:
            ET.SubElement(
                points, "RealPoint", time=_beats(tick), value=_text(value), interpolation="hold"
            )

    def _clip(self, lane: ET.Element, name: str, beats: float, **values: Any) -> ET.Element:  # noqa: ANN401
        clips = self._numbered(lane, "Clips")
        attributes = {"time": "0.0", "duration": _text(beats), "playStart": "0.0", **values}
        return ET.SubElement(clips, "Clip", {**attributes, "name": xml_text(name)})

    def _media_track(self, media: Media, kind: str) -> None:
        track = self._track(media.name, kind)
        self._channel(track, 0.5, 1.0, "regular")
        lane = self._numbered(self._lanes, "Lanes", track=track.attrib["id"])
        beats = float(self._tempo_map.ticks(media.duration_s)) / TICKS_PER_BEAT
        clip = self._clip(
            lane, media.name, beats, contentTimeUnit="seconds", playStop=_text(media.duration_s)
        )
        element = self._numbered(
            clip, kind.capitalize(), timeUnit="seconds", duration=_text(media.duration_s),
            channels=str(media.channels), sampleRate=str(media.sample_rate),
        )  # fmt: skip
        ET.SubElement(element, "File", path=self._members[media])

    def _master_track(self) -> None:
        self._channel(self._track("Master", "audio notes"), 0.5, 1.0, "master")

    def _markers(self, arrangement: ET.Element) -> None:
        session = self._session
        events: list[TextEvent] = [*session.sections, *session.cues, *session.song.chord_names]
        if events:
            markers = self._numbered(arrangement, "Markers")
            for event in sorted(events, key=lambda event: event.tick):
                ET.SubElement(markers, "Marker", time=_beats(event.tick), name=xml_text(event.text))

    def _tempo_automation(self, arrangement: ET.Element) -> None:
        song = self._session.song
        tempos = [(change.tick, 60e6 / change.us_per_beat) for change in song.tempos]
        self._points(arrangement, "TempoAutomation", {"parameter": self._tempo}, "bpm", tempos)
        metres = self._numbered(arrangement, "TimeSignatureAutomation")
        ET.SubElement(metres, "Target", parameter=self._metre)
        for metre in song.time_signatures:
            ET.SubElement(
                metres,
                "TimeSignaturePoint",
                time=_beats(metre.tick),
                numerator=str(metre.numerator),
                denominator=str(metre.denominator),
            )


def gain_of(value: int) -> float:
    """Return the gain (1 is unchanged) of a value of CC 7.

    >>> gain_of(127)
    1.0
    """
    return (value / 127) ** 2


def pan_of(value: int) -> float:
    """Return the position, 0 (left) to 1, of a value of CC 10.

    >>> pan_of(64), pan_of(127)
    (0.5, 1.0)
    """
    return (max(value, 1) - 1) / 126


def _beats(tick: int) -> str:
    return _text(tick / TICKS_PER_BEAT)


def _text(value: float) -> str:
    return repr(round(float(value), 9))
