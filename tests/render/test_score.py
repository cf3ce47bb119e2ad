from __future__ import annotations

from pathlib import Path

import mido
import pretty_midi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from render.errors import MidiFileError
from render.files.reporter import callback_reporter
from render.score import MIN_NOTE_S, read_parts
from tests.render.events import band, control, named, note, program
from tests.render.files.smf_bytes import header, meta, scale, track


def tempo(tick: int, us_per_beat: int):
    return tick, mido.MetaMessage("set_tempo", tempo=us_per_beat)


def test_parts_are_the_tracks_that_play(write_midi):
    parts = read_parts(write_midi([named("Film"), tempo(0, 500_000)], *band()))
    assert [(p.name, p.is_drum, len(p.notes)) for p in parts] == [
        ("Piano", False, 16),
        ("Strings", False, 3),
        ("Drums", True, 16),
    ]
    second = parts[0].notes[1]
    assert (second.start_s, second.pitch, second.velocity) == (0.5, 61, 100)
    assert second.end_s == pytest.approx(0.5 + 400 / 960)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(50_000, 2_000_000)), max_size=5),
    st.lists(st.integers(0, 8000), min_size=1, max_size=5, unique=True),
)
def test_times_agree_with_pretty_midi(write_midi, changes, ticks):
    tempos = [tempo(tick, us) for tick, us in dict(changes).items()]
    song = [event for i, tick in enumerate(ticks) for event in note(tick, 400, 40 + i)]
    path = write_midi(tempos, song)
    reference = pretty_midi.PrettyMIDI(str(path)).instruments[0].notes
    expected = sorted((n.start, n.end, n.pitch) for n in reference)
    ours = [(n.start_s, n.end_s, n.pitch) for n in read_parts(path)[0].notes]
    for got, want in zip(ours, expected, strict=True):
        assert got == pytest.approx((want[0], max(want[1], want[0] + MIN_NOTE_S), want[2]))


def test_a_channel_shared_by_two_tracks_keeps_two_sounds(write_midi):
    first = [program(0), control(0, 7, 90), *note(0, 480)]
    second = [program(48), *note(0, 480, 64)]
    piano, strings = read_parts(write_midi(first, second))
    assert (piano.name, strings.name) == ("Acoustic Grand Piano", "String Ensemble 1")
    assert [m.program for _, m in strings.controls if m.type == "program_change"] == [48]
    assert [m.value for _, m in strings.controls if m.is_cc(7)] == [90]  # sent by the other only


def test_programs_of_a_conductor_track_reach_the_players(write_midi):
    (part,) = read_parts(write_midi([program(56)], note(0, 480)))
    assert part.name == "Trumpet"


def test_a_type_0_file_has_a_part_for_each_channel(write_midi):
    events = [named("Song"), program(33, 1), *note(0, 480), *note(0, 480, channel=1)]
    path = write_midi([*events, *note(0, 480, 38, channel=9)], kind=0)
    names = [part.name for part in read_parts(path)]
    assert names == ["Acoustic Grand Piano", "Electric Bass (finger)", "Drums"]


def test_odd_notes_are_mended(write_midi):
    no_length = note(0, 0, 60)
    struck_again = [*note(960, 960, 62)[:1], *note(1440, 240, 62)]
    hanging = [(0, mido.Message("note_on", note=70)), *note(0, 4800, 72)]
    (part,) = read_parts(write_midi([*no_length, *struck_again, *hanging]))
    spans = {(n.pitch, n.start_s): n.end_s for n in part.notes}
    assert spans == {
        (60, 0.0): MIN_NOTE_S,
        (62, 1.0): 1.5,
        (62, 1.5): 1.75,
        (70, 0.0): 5.0,
        (72, 0.0): 5.0,
    }


def test_the_pedal_prolongs_a_part(write_midi):
    events = [control(0, 64, 127), *note(0, 480), control(1920, 64, 0)]
    assert read_parts(write_midi(events))[0].end_s == 2.0


def test_notes_take_the_place_of_a_pedal(write_midi):
    pedal = [control(t, 64, v) for t, v in [(0, 127), (480, 90), (1440, 0), (2880, 64)]]
    notes = [(0, 240, 60), (240, 240, 60), (480, 1200, 62), (1440, 240, 64), (2880, 240, 65)]
    events = [event for start, length, pitch in notes for event in note(start, length, pitch)]
    (part,) = read_parts(write_midi([*pedal, *events]))
    spans = [(n.pitch, n.start_s, n.end_s) for n in part.sustained(9.0).notes]
    assert spans == [
        (60, 0.0, 0.25),
        (60, 0.25, 1.5),
        (62, 0.5, 1.75),
        (64, 1.5, 1.75),
        (65, 3.0, 9.0),
    ]
    assert not part.sustained(9.0).controls


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a MIDI file"),
        (b"RIFF....WAVE", "is not a MIDI file"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\1\0\0\x90", "holds no notes"),
        (b"MThd\0\0\0\6\0\1\0\0\xe7\x28", "holds no notes"),
        (b"MThd\0\0\0\6\0\1\0\0\1\xe0", "holds no notes"),
    ],
)
def test_what_is_no_music_is_named(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    with pytest.raises(MidiFileError, match=message):
        read_parts(path)


def test_missing_empty_and_endless_files_are_named(tmp_path: Path, write_midi):
    with pytest.raises(MidiFileError, match=r"cannot read .*none\.mid"):
        read_parts(tmp_path / "none.mid")
    with pytest.raises(MidiFileError, match="cannot read"):
        read_parts(tmp_path)
    with pytest.raises(MidiFileError, match="holds no notes"):
        read_parts(write_midi([program(0)]))
    with pytest.raises(MidiFileError, match="split it"):
        read_parts(write_midi(note(100_000_000, 480)))


XG_ON = (0, mido.Message("sysex", data=(0x43, 0x10, 0x4C, 0, 0, 0x7E, 0)))
GM2_ON = (0, mido.Message("sysex", data=(0x7E, 0x7F, 0x09, 0x03)))
GS_DRUMS_ON_3 = (
    0,
    mido.Message("sysex", data=(0x41, 0x10, 0x42, 0x12, 0x40, 0x13, 0x15, 0x01, 0x17)),
)


@pytest.mark.parametrize(
    "events",
    [
        [XG_ON, control(0, 0, 127, 2), control(0, 32, 0, 2)],
        [GM2_ON, control(0, 0, 120, 2), control(0, 32, 0, 2)],
        [control(0, 0, 127, 2)],
        [GS_DRUMS_ON_3],
    ],
)
def test_drums_of_any_channel_play_on_the_kit_that_was_chosen(write_midi, events):
    path = write_midi([*events, program(25, 2), *note(0, 480, 38, channel=2)])
    (part,) = read_parts(path)
    assert part.is_drum
    assert part.name == "Drums"
    played = [m for _, m in part.events() if m.type != "note_off"]
    assert {m.channel for m in played} == {9}
    assert [m.type for m in played] == ["program_change", "note_on"]
    assert played[0].program == 25


def test_channel_10_can_play_melody(write_midi):
    events = [GM2_ON, control(0, 0, 121, 9), program(40, 9), *note(0, 480, channel=9)]
    (part,) = read_parts(write_midi(events))
    assert (part.is_drum, part.name) == (False, "Violin")
    assert [m.value for _, m in part.controls if m.is_cc(0)] == [0]


def test_a_channel_that_changes_its_mode_is_two_parts(write_midi):
    events = [XG_ON, *note(0, 480), control(960, 0, 127), *note(960, 480, 38)]
    melody, drums = read_parts(write_midi(events))
    assert (melody.is_drum, [n.pitch for n in melody.notes]) == (False, [60])
    assert (drums.is_drum, [n.pitch for n in drums.notes]) == (True, [38])


def test_damage_of_a_file_is_reported_and_the_rest_played(tmp_path: Path):
    path = tmp_path / "song.mid"
    odd = meta(0x59, b"\x09\x00") + meta(0x51, b"\0\0\0")
    path.write_bytes(header(division=0xE728) + track(odd + scale()))
    said: list[str] = []
    (part,) = read_parts(path, callback_reporter(message=said.append))
    assert [n.start_s for n in part.notes] == pytest.approx([0.096 * i for i in range(8)])
    assert len(said) == 1
    assert "key signature" in said[0]


def test_a_track_name_may_be_utf_8(write_midi):
    name = "Fl\u00f6te".encode().decode("latin-1")
    (part,) = read_parts(write_midi([named(name), *note(0, 480)]))
    assert part.name == "Fl\u00f6te"
