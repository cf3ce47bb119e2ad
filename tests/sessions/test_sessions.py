"""Sessions: what independent parsers read of them is the song, to the tick."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rpp
import soundfile
from hypothesis import HealthCheck, given, settings

from amt.arrange import arrange
from amt.errors import InputError
from amt.midi import read_midi, write_midi
from amt.reporter import callback_reporter
from amt.sessions import (
    Session,
    TempoMap,
    read_song,
    reaper_project,
    session_of,
    stems_in,
    write_session,
)
from amt.sessions.dawproject import gain_of, pan_of, project_xml, xml_text
from amt.spotting import Cue, CueSheet
from amt.spotting.cues import marker_cue
from amt.timecode import RATES, Timecode
from amt.types import Cut, PitchBend, Section, Song, TempoChange, TextEvent, Track
from tests.arrange.plan_strategies import make_plan
from tests.render.files.smf_bytes import header, scale, track
from tests.test_cli import draw_clip
from tests.test_midi import songs

PLAN = make_plan(
    20.0,
    cuts=(Cut(8.0),),
    sections=(Section(0, "sad"), Section(16, "exciting")),
    style="lo-fi",
)
FEW = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def song() -> Song:
    return arrange(PLAN)


def ticks(beats: str) -> int:
    return round(float(beats) * 480)


def notes_of(track: Track) -> list[tuple[int, int, int, int]]:
    return [(n.start, n.pitch, n.end - n.start, n.velocity) for n in track.notes]


# DAWproject, read by the reader of XML.


def test_a_song_is_read_back_from_its_dawproject(song: Song) -> None:
    root = project_xml(session_of(song), {})
    lanes = root.find("Arrangement/Lanes")
    assert lanes is not None and lanes.get("timeUnit") == "beats"
    for lane, played in zip(lanes.findall("Lanes"), song.tracks, strict=False):
        read = [
            (ticks(n.attrib["time"]), int(n.attrib["key"]), ticks(n.attrib["duration"]),
             round(float(n.attrib["vel"]) * 127))
            for n in lane.iter("Note")
        ]  # fmt: skip
        assert read == notes_of(played)


@FEW
@given(song=songs())
def test_drawn_songs_keep_every_tick_in_a_dawproject(song: Song) -> None:
    root = project_xml(session_of(song), {})
    assert [t.get("name") for t in root.iter("Track")] == [
        *(xml_text(t.name) for t in song.tracks), "Master",
    ]  # fmt: skip
    tempos = root.findall("Arrangement/TempoAutomation/RealPoint")
    assert [ticks(p.attrib["time"]) for p in tempos] == [t.tick for t in song.tempos]
    read_us = [60e6 / float(p.attrib["value"]) for p in tempos]
    assert read_us == pytest.approx([t.us_per_beat for t in song.tempos], rel=1e-7)
    metres = root.findall("Arrangement/TimeSignatureAutomation/TimeSignaturePoint")
    assert [ticks(p.attrib["time"]) for p in metres] == [s.tick for s in song.time_signatures]
    assert [(int(p.attrib["numerator"]), int(p.attrib["denominator"])) for p in metres] == [
        (s.numerator, s.denominator) for s in song.time_signatures
    ]
    for lane, played in zip(root.findall("Arrangement/Lanes/Lanes"), song.tracks, strict=False):
        read = defaultdict(list)
        for points in lane.findall("Points"):
            number = points.find("Target").get("controller")
            read[number] = [
                (ticks(p.attrib["time"]), round(float(p.attrib["value"]) * 127))
                for p in points.findall("RealPoint")
            ]
        for number in (11, 64):
            changes = [(c.tick, c.value) for c in played.controls if c.number == number]
            assert read[str(number)] == changes


def test_volume_and_pan_are_the_mixer_s(song: Song) -> None:
    root = project_xml(session_of(song), {})
    for element, played in zip(root.iter("Track"), song.tracks, strict=False):
        controls = {c.number: c.value for c in reversed(played.controls)}
        volume, pan = element.find("Channel/Volume"), element.find("Channel/Pan")
        assert float(volume.get("value")) == pytest.approx(gain_of(controls[7]))
        assert float(pan.get("value")) == pytest.approx(pan_of(controls[10]))


def test_references_in_a_dawproject_have_their_element(song: Song, tmp_path: Path) -> None:
    root = project_xml(session_of(song), {})
    numbered = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(numbered) == len(set(numbered))
    for element in root.iter():
        for name in ("track", "destination", "parameter"):
            assert element.get(name) is None or element.get(name) in numbered
    order = [element.tag for element in root.find("Arrangement")]
    assert order == ["Lanes", "Markers", "TempoAutomation", "TimeSignatureAutomation"]


# Reaper, read by the package rpp.


def chunks(text: str, tag: str) -> list[rpp.Element]:
    return [c for c in rpp.loads(text) if isinstance(c, rpp.Element) and c.tag == tag]


def value(element: rpp.Element, name: str) -> list[str]:
    return next(c[1:] for c in element if isinstance(c, list) and c[0] == name)


def midi_notes(item: rpp.Element) -> Iterator[tuple[int, int, int, int]]:
    """Start, pitch, length and velocity of the notes of an item, by its own events."""
    source = item.find("SOURCE")
    now, sounding = 0, {}
    for _, delta, status, first, second in (c for c in source if c[0] == "E"):
        now += int(delta)
        kind, pitch, velocity = int(status, 16) & 0xF0, int(first, 16), int(second, 16)
        if kind == 0x90:
            sounding[pitch] = (now, velocity)
        elif kind == 0x80:
            start, struck = sounding.pop(pitch)
            yield start, pitch, now - start, struck


@FEW
@given(song=songs())
def test_drawn_songs_keep_every_tick_in_a_reaper_project(song: Song) -> None:
    text = reaper_project(session_of(song), Path())
    played = [t for t in chunks(text, "TRACK") if value(t, "NAME") != ["Chords"]]
    read = [t for t in played if t.find("ITEM").find("SOURCE") is not None]
    assert len(read) == len(song.tracks)
    for element, track_ in zip(read, song.tracks, strict=True):
        item = element.find("ITEM")
        assert sorted(midi_notes(item)) == sorted(notes_of(track_))
        assert sum(int(c[1]) for c in item.find("SOURCE") if c[0] == "E") == song.end


@FEW
@given(song=songs())
def test_the_tempo_map_of_a_reaper_project_has_the_song_s_times(song: Song) -> None:
    (envelope,) = chunks(reaper_project(session_of(song), Path()), "TEMPOENVEX")
    points = [c[1:] for c in envelope if c[0] == "PT"]
    seconds, bpm = np.array([[float(p[0]), float(p[1])] for p in points]).T
    beats = np.concatenate([[0], np.cumsum(np.diff(seconds) * bpm[:-1] / 60)])
    ticks_ = sorted({t.tick for t in song.tempos} | {s.tick for s in song.time_signatures})
    assert beats * 480 == pytest.approx(ticks_, abs=0.01)
    metres = [divmod(int(p[3]), 65536) for p in points if len(p) > 3]
    assert metres == [(s.denominator, s.numerator) for s in song.time_signatures]


def test_programs_sections_cues_and_chords_are_in_a_reaper_project(song: Song) -> None:
    text = reaper_project(session_of(song), Path())
    markers = [c for c in rpp.loads(text) if isinstance(c, list) and c[0] == "MARKER"]
    regions = [m for m in markers if m[4] == "1"]
    assert [m[3] for m in regions] == ["sad", "", "exciting", ""]
    assert [m[3] for m in markers if m[4] == "0"] == ["Cut 1"]
    starts = [float(m[2]) for m in regions[::2]]
    assert starts == pytest.approx(PLAN.grid.seconds_at(np.array([0.0, 16.0])), abs=1e-3)
    tracks = {value(t, "NAME")[0]: t for t in chunks(text, "TRACK")}
    chords = [value(i, "NAME")[0] for i in tracks["Chords"].findall("ITEM")]
    assert chords == [event.text for event in song.chord_names]
    for played in song.tracks:
        events = [c for c in tracks[played.name].find("ITEM").find("SOURCE") if c[0] == "E"]
        programs = [int(c[3], 16) for c in events if c[2].startswith("c")]
        assert programs == ([] if played.is_drum else [played.program])


@pytest.mark.parametrize("name", ['12" mix', "a'b", "Füße", "{x}", "", "a\"b'c`d", "two\nlines"])
def test_any_name_is_one_value_of_a_reaper_project(song: Song, name: str) -> None:
    named = replace(song, tracks=(replace(song.tracks[0], name=name),), chord_names=())
    (element,) = chunks(reaper_project(session_of(named), Path()), "TRACK")
    expected = name.replace("\n", " ")
    assert value(element, "NAME")[0] in (expected, expected.replace("`", "'"))


# Media, plans, and files of others.


def test_clip_and_stems_lie_at_the_start_of_both(song: Song, tmp_path: Path) -> None:
    folder = tmp_path / "Füße und Hände"
    folder.mkdir()
    clip = folder / "clip a.mp4"
    draw_clip(clip, frames=20)
    for name in ("01 pad.wav", "02.flac"):
        soundfile.write(folder / name, np.zeros((4410, 2)), 44100)
    session = session_of(song, video=clip, stems=stems_in(folder))
    out = folder / "song.rpp"
    write_session(session, out)
    files = [
        (s.attrib[0], value(s, "FILE")[0])
        for t in chunks(out.read_text("utf-8"), "TRACK")
        for i in t.findall("ITEM")
        if (s := i.find("SOURCE")) is not None and s.attrib[0] != "MIDI"
    ]
    assert files == [("VIDEO", "clip a.mp4"), ("WAVE", "01 pad.wav"), ("FLAC", "02.flac")]
    out = folder / "song.dawproject"
    write_session(session, out)
    with zipfile.ZipFile(out) as file:
        root = ET.fromstring(file.read("project.xml"))
        for tag, source in (("Audio", folder / "01 pad.wav"), ("Video", clip)):
            element = next(root.iter(tag))
            assert file.read(element.find("File").get("path")) == source.read_bytes()
        assert next(root.iter("Video")).get("duration") == "2.0"
    before = out.read_bytes()
    write_session(session, out)
    assert out.read_bytes() == before


def test_a_plan_names_sections_and_chords_of_a_file_that_lost_them(song: Song) -> None:
    bare = replace(song, markers=(), chord_names=())
    session = session_of(bare, PLAN)
    assert session.sections == (TextEvent(0, "sad"), TextEvent(16 * 480, "exciting"))
    assert session.song.chord_names == song.chord_names


def test_a_plan_of_another_piece_is_refused(song: Song) -> None:
    with pytest.raises(InputError, match="beats, the MIDI file"):
        session_of(song, make_plan(10.0))
    slower = replace(song, tempos=(TempoChange(0, 700_000),))
    with pytest.raises(InputError, match="another tempo"):
        session_of(slower, PLAN)


def test_what_a_song_does_not_hold_is_said(tmp_path: Path) -> None:
    path = tmp_path / "other.mid"
    events = b"\x00\xc0\x05\x00\xe0\x00\x50\x00\xe0\x00\x40\x00\xc0\x07\x00\xa0\x40\x40" + scale()
    path.write_bytes(header(1, 1, 480) + track(events))
    said: list[str] = []
    read_song(path, callback_reporter(None, said.append))
    assert said == ["other.mid: left out 1 key pressure, 1 later program change"]


def test_pitch_bends_are_in_both_sessions_and_in_the_midi_file(song: Song, tmp_path: Path) -> None:
    bends = (PitchBend(0, 0), PitchBend(480, 8191), PitchBend(960, -8192))
    bent = replace(song, tracks=(replace(song.tracks[0], bends=bends), *song.tracks[1:]))
    write_midi(bent, tmp_path / "bent.mid")
    assert read_midi(tmp_path / "bent.mid").tracks[0].bends == bends
    element = next(
        t
        for t in chunks(reaper_project(session_of(bent), Path()), "TRACK")
        if value(t, "NAME") == [song.tracks[0].name]
    )
    now, read = 0, []
    for _, delta, status, low, high in (
        c for c in element.find("ITEM").find("SOURCE") if c[0] == "E"
    ):
        now += int(delta)
        if status.startswith("e"):
            read.append(PitchBend(now, int(low, 16) + 128 * int(high, 16) - 8192))
    assert tuple(read) == bends
    (points,) = [
        p
        for p in project_xml(session_of(bent), {}).iter("Points")
        if p.find("Target").get("expression") == "pitchBend"
    ]
    values = [(p.attrib["time"], float(p.attrib["value"])) for p in points.findall("RealPoint")]
    assert [t for t, _ in values] == ["0.0", "1.0", "2.0"]
    assert [v for _, v in values] == pytest.approx([8192 / 16383, 1, 0])


@pytest.mark.parametrize(
    ("rate", "start", "seconds", "frames"),
    [
        ("25", "01:00:00:00", 3600.0, ["25", "0"]),
        ("23.976", "01:00:00:00", 3603.6, ["24", "2"]),
        ("29.97df", "00:10:00;00", 17982 / 30 * 1.001, ["30", "1"]),
        ("59.94", "00:00:01:00", 1.001, ["30", "2"]),
    ],
)
def test_sessions_start_at_the_timecode(
    song: Song, tmp_path: Path, rate: str, start: str, seconds: float, frames: list[str]
) -> None:
    plan = replace(PLAN, timecode=Timecode(RATES[rate], start))
    session = session_of(arrange(plan), plan)
    text = reaper_project(session, tmp_path)
    (offset,) = [c for c in rpp.loads(text) if isinstance(c, list) and c[0] == "PROJOFFS"]
    assert float(offset[1]) == pytest.approx(seconds)
    (mode,) = [c for c in rpp.loads(text) if isinstance(c, list) and c[0] == "TIMEMODE"]
    assert mode[4:6] == frames
    write_session(session, tmp_path / "a.dawproject")
    with zipfile.ZipFile(tmp_path / "a.dawproject") as file:
        comment = ET.fromstring(file.read("metadata.xml")).findtext("Comment")
    assert comment == f"starts at {start}, {rate} frames a second"
    assert "PROJOFFS" not in reaper_project(session_of(song), tmp_path)
    # Without the plan, the timecode is that of the MIDI file, where that can count so.
    write_midi(arrange(plan), tmp_path / "a.mid")
    read = session_of(read_song(tmp_path / "a.mid")).timecode
    if rate in ("25", "29.97df"):
        assert read == plan.timecode


def test_named_and_asked_cues_are_markers_with_their_timecode(song: Song) -> None:
    clock = Timecode(RATES["25"], "01:00:00:00")
    cues = (Cue(1.0, "cut"), Cue(2.0, "note", text="door slams"), Cue(8.0, "hit"))
    session = session_of(song, PLAN, sheet=CueSheet(clock, cues, 20.0))
    named = session.cues[len(session_of(song, PLAN).cues) :]
    assert [event.text for event in named] == [
        "note: door slams 01:00:02:00",
        "hit 01:00:08:00",
    ]
    assert [marker_cue(0.0, event.text).kind for event in named] == ["note", "hit"]
    seconds = TempoMap(song).seconds([event.tick for event in named])
    assert seconds == pytest.approx([2.0, 8.0], abs=1e-3)


@pytest.mark.parametrize("given_", ["missing", "empty", "broken"])
def test_stems_that_are_none_are_named(tmp_path: Path, given_: str) -> None:
    folder = tmp_path / given_
    if given_ != "missing":
        folder.mkdir()
    if given_ == "broken":
        (folder / "a.wav").write_bytes(b"no sound")
    expected = {"missing": "is no folder", "empty": "holds no stems", "broken": "as sound"}
    with pytest.raises(InputError, match=expected[given_]):
        stems_in(folder)


def test_times_and_ticks_are_inverse(song: Song) -> None:
    changing = replace(song, tempos=(TempoChange(0, 500_000), TempoChange(960, 250_000)))
    tempo_map = TempoMap(changing)
    assert tempo_map.seconds([0, 960, 1920]).tolist() == pytest.approx([0, 1, 1.5])
    assert tempo_map.ticks(tempo_map.seconds(np.arange(5000))) == pytest.approx(np.arange(5000))


def test_a_midi_file_and_its_session_hold_the_same_song(song: Song, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    write_midi(song, path)
    ours, theirs = session_of(song), session_of(read_midi(path))
    assert isinstance(ours, Session)
    assert reaper_project(ours, tmp_path) == reaper_project(theirs, tmp_path)
