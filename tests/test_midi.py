"""MIDI files: exact round trips, and the same music in every reader."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amt.arrange import arrange
from amt.chord_events import is_xf_chord, named_chord
from amt.chords import VOCABULARY_SIZE, Key, chord_from_id
from amt.errors import MidiError
from amt.midi import read_midi, write_midi
from amt.reporter import callback_reporter
from amt.types import (
    ControlChange,
    Cut,
    KeyChange,
    Note,
    Section,
    Song,
    TempoChange,
    TextEvent,
    TimeSignature,
    Track,
)
from render.files.smf import read_smf
from tests.arrange.plan_strategies import make_plan
from tests.render.files.smf_bytes import SCALE, header, meta, note, scale, sysex, track

# MuseScore wants the key in every track, where pretty_midi wants it in the first alone.

texts_of_files = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
keys = st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"]))


@st.composite
def tracks(draw: st.DrawFn, end: int) -> Track:
    notes: list[Note] = []
    free: dict[int, int] = {}
    spans = st.tuples(
        st.integers(0, end - 1), st.integers(1, 900), st.integers(0, 127), st.integers(1, 127)
    )
    for start, length, pitch, velocity in sorted(draw(st.lists(spans, max_size=20))):
        if start >= free.get(pitch, 0):
            free[pitch] = min(start + length, end)
            notes.append(Note(start, pitch, free[pitch], velocity))
    controls = st.builds(
        ControlChange, st.integers(0, end), st.sampled_from([7, 10, 11, 64]), st.integers(0, 127)
    )
    return Track(
        name=draw(texts_of_files),
        program=draw(st.integers(0, 127)),
        notes=tuple(sorted(notes)),
        controls=tuple(sorted(draw(st.lists(controls, max_size=8)))),
        is_drum=draw(st.booleans()),
    )


@st.composite
def songs(draw: st.DrawFn) -> Song:
    end = draw(st.integers(1, 20_000))
    ticks = st.lists(st.integers(1, end), unique=True, max_size=4).map(sorted)
    tempo = st.integers(1, 2**24 - 1)
    texts = st.lists(st.tuples(st.integers(0, end), texts_of_files), max_size=4)
    chords = st.integers(0, VOCABULARY_SIZE - 1).map(lambda i: chord_from_id(i).spell())
    key = draw(keys)
    others = keys.filter(lambda other: other.sharps != key.sharps)
    changes = [KeyChange(t, draw(others)) for t in draw(ticks)[:1]]
    return Song(
        tracks=tuple(draw(st.lists(tracks(end), max_size=5))),
        tempos=tuple(TempoChange(t, draw(tempo)) for t in [0, *draw(ticks)]),
        time_signatures=tuple(
            TimeSignature(t, draw(st.integers(1, 15)), draw(st.sampled_from([2, 4, 8])))
            for t in [0, *draw(ticks)]
        ),
        key=key,
        key_changes=tuple(changes),
        end=end,
        markers=tuple(TextEvent(t, x) for t, x in sorted(draw(texts))),
        chord_names=tuple(TextEvent(t, draw(chords)) for t in draw(ticks)),
        title=draw(texts_of_files),
    )


@pytest.fixture
def song() -> Song:
    density = 8 + 6 * np.sin(np.arange(30) / 4)
    cuts = (Cut(8.0, 0.9), Cut(15.1, 0.4, "dissolve"))
    sections = (Section(0, "sad"), Section(16, "exciting"))
    return arrange(
        make_plan(29.3, density=density, style="orchestral", cuts=cuts, sections=sections)
    )


@pytest.fixture
def midi(song: Song, tmp_path: Path) -> Path:
    path = tmp_path / "song.mid"
    write_midi(song, path)
    return path


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(song=songs())
def test_a_song_is_read_back_from_its_file(song: Song, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    write_midi(song, path)
    first = path.read_bytes()
    assert read_midi(path) == song
    write_midi(read_midi(path), path)
    assert path.read_bytes() == first


def test_the_file_is_laid_out_for_a_sequencer(song: Song, midi: Path) -> None:
    file = mido.MidiFile(midi)
    assert (file.type, file.ticks_per_beat) == (1, 480)
    conductor, *parts = file.tracks
    kinds = {message.type for message in conductor}
    assert kinds == {
        "track_name", "set_tempo", "time_signature", "key_signature", "marker",
        "sequencer_specific", "end_of_track",
    }  # fmt: skip
    keys = [[m.key for m in track if m.type == "key_signature"] for track in file.tracks]
    assert keys == [[keys[0][0]]] * len(file.tracks)
    assert [part.name for part in parts] == [track.name for track in song.tracks]
    for part in parts:
        assert sum(m.type == "program_change" for m in part) == 1
        assert sum(m.is_cc(7) for m in part) == 1
        assert sum(m.is_cc(10) for m in part) == 1
        assert sum(m.is_cc(11) for m in part) >= 1
    followed = [sum(m.is_cc(11) for m in part) > 1 for part in parts]
    assert any(followed)  # sustained instruments; those that decay keep one level
    assert {sum(m.time for m in track) for track in file.tracks} == {song.end}
    assert abs(file.length - 29.3) < 0.001


def test_a_section_in_another_key_changes_the_signature_in_every_track(tmp_path: Path) -> None:
    sections = (Section(0, "sad"), Section(16, "exciting", key=Key(9, "major")))
    song = arrange(make_plan(29.3, style="orchestral", sections=sections))
    assert song.key_changes == (KeyChange(16 * 480, Key(9, "major")),)
    path = tmp_path / "song.mid"
    write_midi(song, path)
    for part in mido.MidiFile(path).tracks:
        ticks = np.cumsum([message.time for message in part]).tolist()
        found = [(t, m.key) for t, m in zip(ticks, part, strict=True) if m.type == "key_signature"]
        assert found == [(0, "Am"), (16 * 480, "A")]
    assert read_midi(path) == song


def test_channels_leave_the_tenth_to_the_drums(tmp_path: Path) -> None:
    drums = Track("Drums", 0, (Note(0, 36, 10, 90),), is_drum=True)
    melodic = [Track(f"Part {i}", i, (Note(0, 60, 10, 90),)) for i in range(15)]
    song = Song(
        (*melodic[:9], drums, *melodic[9:]),
        (TempoChange(0, 500_000),),
        (TimeSignature(0, 4),),
        Key(0, "major"),
        480,
    )
    path = tmp_path / "song.mid"
    write_midi(song, path)
    channels = [
        {message.channel for message in track if not message.is_meta}
        for track in mido.MidiFile(path).tracks[1:]
    ]
    assert channels == [{i} for i in range(16)]
    assert read_midi(path) == song


def test_more_parts_than_channels_go_to_other_ports(tmp_path: Path) -> None:
    parts = tuple(Track(f"Part {i}", i, (Note(i, 60, 90 + i, 90),)) for i in range(40))
    drums = Track("Drums", 0, (Note(0, 36, 10, 90),), is_drum=True)
    tempos, metres = (TempoChange(0, 500_000),), (TimeSignature(0, 4),)
    song = Song((*parts, drums), tempos, metres, Key(0, "major"), 480)
    path = tmp_path / "song.mid"
    write_midi(song, path)
    assert read_midi(path) == song
    places = [
        (
            next((m.port for m in track if m.type == "midi_port"), 0),
            next(m.channel for m in track if m.type == "note_on"),
        )
        for track in mido.MidiFile(path).tracks[1:]
    ]
    assert len(set(places)) == 41
    assert max(places) == (2, 10)
    assert places[-1] == (0, 9)


def test_a_note_that_repeats_at_once_is_struck_again(tmp_path: Path) -> None:
    track = Track("Piano", 0, (Note(0, 60, 480, 80), Note(480, 60, 960, 80)))
    song = Song((track,), (TempoChange(0, 500_000),), (TimeSignature(0, 4),), Key(0, "major"), 960)
    path = tmp_path / "song.mid"
    write_midi(song, path)
    kinds = [m.type for m in mido.MidiFile(path).tracks[1] if not m.is_meta]
    assert kinds == ["program_change", "note_on", "note_off", "note_on", "note_off"]


def test_every_alphabet_is_written_as_utf_8_and_read_back(song: Song, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    write_midi(replace(song, title="Été 夏"), path)
    assert "Été 夏".encode() in path.read_bytes()
    assert read_midi(path).title == "Été 夏"
    mido.MidiFile(tracks=[mido.MidiTrack([mido.MetaMessage("track_name", name="Été")])]).save(path)
    assert read_midi(path).title == "Été"


def test_a_chord_change_is_one_marker_and_one_chord_event(song: Song, midi: Path) -> None:
    smf = read_smf(midi)
    texts = [m for track in smf.tracks for _, m in track if m.type in ("text", "lyrics")]
    assert not texts
    named, symbols = (
        [(i, t) for i, track in enumerate(smf.tracks) for t, m in track if is_chord(m)]
        for is_chord in (named_chord, is_xf_chord)
    )
    assert named == symbols == [(0, c.tick) for c in song.chord_names]
    markers = [(t, m.text) for t, m in smf.tracks[0] if m.type == "marker" and named_chord(m)]
    assert markers == [(c.tick, f"Chord {c.text}") for c in song.chord_names]


def test_texts_that_name_chords_are_still_read(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    texts = [mido.MetaMessage("text", text=text) for text in ("by somebody", "Am7", "Bb")]
    mido.MidiFile(tracks=[mido.MidiTrack(texts)]).save(path)
    assert [c.text for c in read_midi(path).chord_names] == ["Am7", "Bb"]


def test_pretty_midi_agrees(song: Song, midi: Path) -> None:
    import pretty_midi

    other = pretty_midi.PrettyMIDI(str(midi))
    assert [len(i.notes) for i in other.instruments] == [len(t.notes) for t in song.tracks]
    assert [i.program for i in other.instruments] == [t.program for t in song.tracks]
    np.testing.assert_allclose(other.get_tempo_changes()[1], _tempos_bpm(song), rtol=1e-6)
    for ours, theirs in zip(song.tracks, other.instruments, strict=True):
        starts = sorted(note.start for note in theirs.notes)
        np.testing.assert_allclose(starts, [n.start / 960 for n in ours.notes], atol=1e-3)


def test_symusic_agrees(song: Song, midi: Path) -> None:
    import symusic

    other = symusic.Score(str(midi))
    assert [len(t.notes) for t in other.tracks] == [len(t.notes) for t in song.tracks]
    assert [t.qpm for t in other.tempos] == pytest.approx(_tempos_bpm(song))
    chords = [(c.tick, f"Chord {c.text}") for c in song.chord_names]
    markers = [(m.tick, m.text) for m in song.markers]
    assert sorted((m.time, m.text) for m in other.markers) == sorted(markers + chords)
    for ours, theirs in zip(song.tracks, other.tracks, strict=True):
        read = sorted((n.time, n.pitch, n.end, n.velocity) for n in theirs.notes)
        assert read == [(n.start, n.pitch, n.end, n.velocity) for n in ours.notes]


@pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Couldn't find ffmpeg:RuntimeWarning")
def test_note_seq_agrees(song: Song, midi: Path) -> None:
    import note_seq

    other = note_seq.midi_file_to_note_sequence(str(midi))
    assert len(other.notes) == sum(len(track.notes) for track in song.tracks)
    assert [tempo.qpm for tempo in other.tempos] == pytest.approx(_tempos_bpm(song))
    starts = sorted(note.start_time for note in other.notes)
    ours = sorted(note.start / 960 for track in song.tracks for note in track.notes)
    np.testing.assert_allclose(starts, ours, atol=1e-3)


def test_music21_agrees(song: Song, midi: Path) -> None:
    import music21

    other = music21.converter.parse(str(midi), quantizePost=False)
    for ours, theirs in zip(song.tracks, other.parts, strict=True):
        sounding = [n for n in theirs.recurse().notes if n.tie is None or n.tie.type == "start"]
        assert sum(len(n.pitches) for n in sounding) == len(ours.notes)
    marks = other.recurse().getElementsByClass(music21.tempo.MetronomeMark)
    assert {mark.number for mark in marks} == {round(bpm, 2) for bpm in _tempos_bpm(song)}


def _tempos_bpm(song: Song) -> list[float]:
    return [60e6 / tempo.us_per_beat for tempo in song.tempos]


def test_a_foreign_file_of_type_0_is_taken_apart(tmp_path: Path) -> None:
    file = mido.MidiFile(type=0, ticks_per_beat=96)
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("program_change", channel=0, program=5),
                mido.Message("note_on", channel=0, note=60, velocity=70),
                mido.Message("note_on", channel=9, note=36, velocity=90, time=48),
                mido.Message("note_on", channel=0, note=60, velocity=0, time=48),
                mido.Message("pitchwheel", channel=0, pitch=100),
                mido.MetaMessage("end_of_track", time=96),
            ]
        )
    )
    path = tmp_path / "foreign.mid"
    file.save(path)
    song = read_midi(path)
    assert [(t.program, t.is_drum, t.notes) for t in song.tracks] == [
        (5, False, (Note(0, 60, 480, 70),)),
        (0, True, (Note(240, 36, 960, 90),)),
    ]
    assert (song.end, song.tempos, song.time_signatures) == (
        960,
        (TempoChange(0, 500_000),),
        (TimeSignature(0, 4),),
    )


@pytest.mark.parametrize("content", [b"", b"RIFF0000", b"MThd", b"MThd\0\0\0\6\0\1\0\1", b"[]"])
def test_what_is_no_midi_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    with pytest.raises(MidiError, match=r"song\.mid is not a MIDI file or is damaged"):
        read_midi(path)


@pytest.mark.parametrize("content", [header(), header() + b"MTrx\0\0\0\0"])
def test_what_holds_no_tracks_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    with pytest.raises(MidiError, match=r"song\.mid holds no notes and no tracks"):
        read_midi(path)


def test_a_file_of_days_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(header(division=1) + track(b"\xff\xff\xff\x7f\x90\x3c\x5a"))
    with pytest.raises(MidiError, match="split it"):
        read_midi(path)


def test_an_odd_file_is_read_and_what_was_passed_over_said(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    odd = meta(0x59, b"\x09\x00") + meta(0x51, b"\0\0\0") + meta(0x58, b"\0\x09")
    path.write_bytes(header(n_tracks=9) + b"junk\xff\xff\xff\xff" + track(odd + scale(), 3))
    said: list[str] = []
    song = read_midi(path, callback_reporter(message=said.append))
    assert [(n.start, n.pitch) for n in song.tracks[0].notes] == [
        (480 * i, pitch) for i, pitch in enumerate(SCALE)
    ]
    assert song.tempos == (TempoChange(0, 500_000),)
    assert song.time_signatures == (TimeSignature(0, 4),)
    assert len(said) == 1
    assert "key signature" in said[0]


def test_film_frames_are_read_as_seconds(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(header(division=0xE728) + track(scale()))  # 25 frames of 40 ticks
    song = read_midi(path)
    assert song.tempos == (TempoChange(0, 500_000),)
    assert [n.start for n in song.tracks[0].notes] == [round(96 * i * 0.96) for i in range(8)]


@pytest.mark.parametrize(
    "message",
    [
        sysex(0x43, 0x10, 0x4C, 0x08, 0x00, 0x07, 0x01),
        sysex(0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x15, 0x01, 0x19),
        b"\0\xb0\0\x7f",
        b"\0\xb0\0\x78",
    ],
)
def test_drums_may_be_on_any_channel(message: bytes, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(header() + track(message + note(38)))
    assert [t.is_drum for t in read_midi(path).tracks] == [True]
    path.write_bytes(header() + track(note(60) + message + note(38)))
    assert [(t.is_drum, len(t.notes)) for t in read_midi(path).tracks] == [(False, 1), (True, 1)]


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(MidiError, match=r"cannot read .*none\.mid"):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(MidiError, match="cannot read"):
        read_midi(tmp_path)


def test_a_damaged_file_is_refused_or_read_but_never_breaks(midi: Path) -> None:
    whole = midi.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        damaged = bytearray(whole[: rng.randrange(20, len(whole))])
        for _ in range(rng.randrange(4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        midi.write_bytes(damaged)
        try:
            read_midi(midi)
        except MidiError as error:
            assert "song.mid" in str(error)


NOTE = Note(0, 60, 480, 80)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": 0}, "ends on tick 0"),
        ({"tempos": ()}, "tempo changes must start"),
        ({"tempos": (TempoChange(5, 500_000),)}, "tempo changes must start"),
        ({"tempos": (TempoChange(0, 2**24),)}, "microseconds a beat"),
        ({"key_changes": (KeyChange(0, Key(2, "minor")),)}, "key changes must start"),
        ({"time_signatures": (TimeSignature(0, 4, 3),)}, "metre's unit is 3"),
        ({"markers": (TextEvent(961, "late"),)}, "tick of 'late'"),
        ({"tracks": (Track("P", 128, ()),)}, "program of 'P' is 128"),
        ({"tracks": (Track("P", 0, (replace(NOTE, end=961),)),)}, "end of a note of 'P' is 961"),
        ({"tracks": (Track("P", 0, (replace(NOTE, end=0),)),)}, "end of a note of 'P' is 0"),
        ({"tracks": (Track("P", 0, (replace(NOTE, velocity=0),)),)}, "velocity of a note"),
        ({"tracks": (Track("P", 0, (replace(NOTE, pitch=128),)),)}, "pitch of a note"),
        ({"tracks": (Track("P", 0, (NOTE, Note(100, 60, 500, 80))),)}, "overlap in 'P'"),
        ({"tracks": (Track("P", 0, (), (ControlChange(0, 11, 128),)),)}, "controller value"),
    ],
)
def test_a_song_that_midi_cannot_hold_is_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    track = Track("P", 0, (NOTE,))
    song = Song((track,), (TempoChange(0, 500_000),), (TimeSignature(0, 4),), Key(0, "major"), 960)
    with pytest.raises(MidiError, match=message):
        write_midi(replace(song, **change), tmp_path / "song.mid")
    assert not (tmp_path / "song.mid").exists()
