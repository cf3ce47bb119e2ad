"""MIDI files as people have them: each kind of fault byte by byte, and a fuzzer."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.files.reporter import callback_reporter
from render.files.smf import SmfError, SmfFile, parse_smf, read_smf, write_smf
from tests.render.files.smf_bytes import (
    END,
    SCALE,
    chunk,
    header,
    meta,
    note,
    scale,
    sysex,
    track,
)

TRACK = track(scale())
WHOLE = header() + TRACK
REST = b"".join(note(pitch) for pitch in SCALE[4:])
HALF = b"".join(note(pitch) for pitch in SCALE[:4])


def notes(smf: SmfFile) -> list[tuple[int, int]]:
    """(tick, pitch) of all notes."""
    events = [e for events in smf.tracks for e in events]
    return [(t, m.note) for t, m in events if m.type == "note_on" and m.velocity]


def between(*middle: bytes) -> bytes:
    """The scale with other bytes between its fourth and fifth note."""
    return header() + track(HALF + b"".join(middle) + REST)


IN_STEP = [(96 * i, pitch) for i, pitch in enumerate(SCALE)]


def test_a_sound_file_is_read_as_it_stands():
    smf = parse_smf(WHOLE)
    assert notes(smf) == IN_STEP
    assert (smf.format, smf.ticks_per_beat, smf.end, smf.passed_over) == (1, 96, 768, ())
    assert smf.seconds([0, 96, smf.end]).tolist() == [0.0, 0.5, 4.0]


KEY = meta(0x59, b"\x09\x00")
MAC = bytes(64) + b"Midi" + bytes(60)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (between(KEY), "key signature"),
        (between(meta(0x59, b"\x01\x07")), "key signature"),
        (between(meta(0x59, b"\x01")), "key signature"),
        (between(meta(0x59)), "key signature"),
        (between(meta(0x59, b"\0\0\0\0")), ""),
        (between(meta(0x58, b"\x03\x02")), ""),
        (between(meta(0x58, b"\x03\x02\x18\x08\0\0")), ""),
        (between(meta(0x58)), "time signature"),
        (between(meta(0x58, b"\0\0\0\0")), "time signature"),
        (between(meta(0x58, b"\x04\xff\x18\x08")), "time signature"),
        (between(meta(0x51, b"\0\0\0")), "tempo of 0"),
        (between(meta(0x51, b"\x07\xa1")), "tempo that is too short"),
        (between(meta(0x51)), "tempo that is too short"),
        (between(meta(0x51, b"\x07\xa1\x20\0")), ""),
        (between(meta(0x00, b"\x01")), "odd meta"),
        (between(meta(0x20)), "odd meta"),
        (between(meta(0x54, b"\xff\xff\xff")), "odd meta"),
        (between(meta(0x60, b"abc"), meta(0xF0, b"\x90\x3c\x5a")), ""),
        (header(n_tracks=99) + TRACK, "track count of 99"),
        (header(n_tracks=0) + TRACK, "track count of 0"),
        (header() + track(scale(), 0xFFFFFFFF), "track length"),
        (header() + track(scale(), 5), "track length"),
        (header() + track(scale(), 67), "track length"),
        (header() + track(scale(), 0), "track length"),
        (WHOLE[:-1], "track length"),
        (WHOLE[:-4], "track length"),
        (WHOLE[:-4] + b"\0", "incomplete event"),
        (header() + chunk(b"MTrk", scale()), ""),
        (WHOLE + b"\0\0\0", ""),
        (header() + track(scale() + END + b"\x90\x3c"), "behind the end"),
        (header() + chunk(b"XFIH", b"abc") + TRACK, "unknown chunk"),
        (header() + chunk(b"XFKM", b"abc", 0x7FFFFFFF) + TRACK, "wrong length"),
        (header() + b"\0\0\0" + TRACK, "header of a wrong length"),
        (WHOLE + chunk(b"LIST", b"abcd"), "unknown chunk"),
        (header() + header() + TRACK, "second header"),
        (WHOLE + WHOLE, "second MIDI file"),
        (chunk(b"MThd", WHOLE[8:14] + b"\0\1\2\3") + TRACK, ""),
        (b"MThd\0\0\0\x0a" + WHOLE[8:], "header of a wrong length"),
        (b"MThd\0\0\0\x02" + WHOLE[8:], "header of a wrong length"),
        (b"RIFF\xff\0\0\0RMIDdata\xff\0\0\0" + WHOLE, "wrapper"),
        (b"RIFF\xff\0\0\0RMIDdata\xff\0\0\0" + WHOLE + b"LIST\x04\0\0\0abcd", "unknown chunk"),
        (MAC + WHOLE + bytes(128), "wrapper"),
        (b"\r\n\r\n" + WHOLE, "wrapper"),
        (header(kind=7) + TRACK, ""),
        (between(b"\0\xf4"), "system message"),
        (between(b"\0\xf5"), "system message"),
        (between(b"\0\xf9\0\xfd"), "system message"),
        (between(b"\0\xf8\0\xfa\0\xfb\0\xfc\0\xfe\0\xf6"), "system message"),
        (between(b"\0\xf1\x05\0\xf2\x01\x02\0\xf3\x01"), "system message"),
        (between(b"\0\xf7\x03\xf3\x01\x02"), "escaped"),
        (between(b"\0\xf0\x02\xc5\xf7"), "damaged system exclusive"),
        (header() + track(b"\0" + scale()), "stray byte"),
        (header() + track(b"\0\x01\x02\x03" + scale()), "stray byte"),
        (between(b"\0\x90\x30"), "missing byte"),
        (between(b"\0\xff\x01\xff\xff\xff\x7f"), "meta event longer"),
        (between(b"\0\xf0\xff\xff\xff\x7f"), "system exclusive message longer"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_players_read_is_read_and_said(data: bytes, said: str):
    smf = parse_smf(data)
    assert notes(smf) == IN_STEP
    assert smf.end == 768
    assert said in ", ".join(smf.passed_over)
    assert said or not smf.passed_over


@pytest.mark.parametrize("middle", [meta(1, b"text"), sysex(0x43, 0x10), b"\0\xf8"])
def test_running_status_outlives_what_stands_between(middle: bytes):
    running = bytes([0, 0x90, 60, 90, 96, 60, 0]) + middle + bytes([0, 62, 90, 96, 62, 0])
    assert notes(parse_smf(header() + track(running))) == [(0, 60), (96, 62)]


def test_a_note_whose_last_byte_is_missing_does_not_stop_the_reading():
    damaged = WHOLE[:-4].removesuffix(b"\x40")
    assert notes(parse_smf(damaged)) == IN_STEP
    assert parse_smf(damaged).end == 768
    for cut in range(30, len(WHOLE)):
        assert notes(parse_smf(WHOLE[:cut])) == IN_STEP[: (cut - 22 + 4) // 8]


def test_values_over_127_are_played_as_127():
    loud = bytes([0, 0x90, 60, 200, 0x60, 0x80, 60, 0x40])
    smf = parse_smf(header() + track(loud + REST))
    assert [m.velocity for _, m in smf.tracks[0] if m.type == "note_on"][:2] == [127, 90]
    assert len(notes(smf)) == 5
    assert smf.passed_over == ("value over 127, played as 127",)


def test_a_missing_byte_is_made_up_for():
    for lost in range(1, len(HALF)):
        smf = parse_smf(header() + track(HALF[:lost] + HALF[lost + 1 :] + REST))
        assert [pitch for _, pitch in notes(smf)][-4:] == list(SCALE[4:])
        assert smf.end <= 768 + 96


def test_long_times_are_bounded_by_what_four_bytes_hold():
    padded = bytes([0x80, 0x80, 0x60, 0x90, 60, 90])
    assert parse_smf(header() + track(padded)).tracks[0][0][0] == 0x60
    longest = bytes([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x90, 60, 90])
    assert parse_smf(header() + track(longest)).tracks[0][0][0] == 2**28 - 1


@pytest.mark.parametrize("padding", [b"", b"\x80", b"\x80\x80\x80"])
def test_padded_times_are_times_whatever_follows(padding: bytes):
    pairs = [bytes([pitch, velocity]) for pitch in SCALE for velocity in (90, 0)]
    running = b"".join(padding + b"\x60" + pair for pair in pairs[1:])
    smf = parse_smf(header() + track(padding + b"\0\x90" + pairs[0] + running))
    assert [pitch for _, pitch in notes(smf)] == list(SCALE)
    assert smf.end == 15 * 0x60
    assert not smf.passed_over


def test_long_rests_before_odd_events_are_rests():
    rest = b"\x90\x3c\xff\xf0\1a\xa0\0\xf4"
    smf = parse_smf(header() + track(HALF + rest + REST))
    assert notes(smf)[4][0] == 384 + (0x10 << 7 | 0x3C) + (0x20 << 7)
    assert len(notes(smf)) == 8


def test_pieces_of_a_system_exclusive_message_are_joined():
    pieces = b"\0\xf0\x03\x43\x12\x00\0\xf7\x02\x43\x12\0\xf7\x02\x05\xf7"
    (_, message), *_ = parse_smf(header() + track(pieces + note(60))).tracks[0]
    assert (message.type, message.data) == ("sysex", (0x43, 0x12, 0, 0x43, 0x12, 5))
    open_end = b"\0\xf0\x03\x43\x12\x07"
    (_, message), *_ = parse_smf(header() + track(open_end + note(60))).tracks[0]
    assert message.data == (0x43, 0x12, 7)


def test_sequences_of_type_2_play_one_after_the_other():
    slow = track(meta(0x51, b"\x0f\x42\x40") + scale())
    smf = parse_smf(header(kind=2, n_tracks=2) + slow + TRACK)
    assert notes(smf) == [*IN_STEP, *((tick + 768, pitch) for tick, pitch in IN_STEP)]
    assert smf.seconds([768, smf.end]).tolist() == [8.0, 12.0]
    assert smf.format == 1


@pytest.mark.parametrize(
    ("rate", "ticks_a_frame", "ticks_a_second"),
    [
        (24, 80, 1920),
        (25, 40, 1000),
        (25, 1, 25),
        (29, 80, 2400 / 1.001),
        (30, 100, 3000),
        (50, 7, 350),
    ],
)
def test_time_in_film_frames_keeps_its_seconds(
    rate: int, ticks_a_frame: int, ticks_a_second: float
):
    division = (256 - rate) << 8 | ticks_a_frame
    smf = parse_smf(header(division=division) + track(meta(0x51, b"\x01\0\0") + scale()))
    ticks = [tick for tick, _ in notes(smf)]
    assert smf.seconds(ticks) == pytest.approx([96 * i / ticks_a_second for i in range(8)])
    assert smf.seconds(smf.end) == pytest.approx(768 / ticks_a_second)
    assert smf.passed_over == ("tempo in a file that counts in frames",)


def test_a_division_of_0_is_played_as_a_usual_one():
    smf = parse_smf(header(division=0) + TRACK)
    assert (smf.ticks_per_beat, notes(smf)) == (120, IN_STEP)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not a MIDI file"),
        (b"RIFF....WAVE", "is not a MIDI file"),
        (b"MThd\0\0\0\6\0\1", "is not a MIDI file"),
        (header(), "holds no notes and no tracks"),
        (header() + b"MTrx" + TRACK[4:], "no tracks"),
    ],
)
def test_what_holds_no_music_is_refused(data: bytes, message: str, tmp_path: Path):
    path = tmp_path / "song.mid"
    path.write_bytes(data)
    with pytest.raises(SmfError, match=rf"song\.mid .*{message}"):
        read_smf(path)
    with pytest.raises(SmfError, match="cannot read"):
        read_smf(tmp_path)


def test_what_was_passed_over_is_said_in_one_sentence(tmp_path: Path):
    path = tmp_path / "song.mid"
    path.write_bytes(between(KEY, KEY, b"\0\xf4"))
    said: list[str] = []
    read_smf(path, callback_reporter(message=said.append))
    assert said == [
        "song.mid: passed over key signature that does not exist (2 times), "
        "system message that no file holds"
    ]
    path.write_bytes(WHOLE)
    read_smf(path, callback_reporter(message=said.append))
    assert len(said) == 1


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("render.files.smf.MAX_BYTES", 40)
    path = tmp_path / "clip.mid"
    path.write_bytes(WHOLE)
    with pytest.raises(SmfError, match="is larger than"):
        read_smf(path)


def test_claims_cost_neither_time_nor_memory():
    notes = b"\0\x90\x3c\x5a"
    hostile = [
        header(n_tracks=0xFFFF) + track(notes, 0xFFFFFFFF),
        header() + track(b"\xff\xff\xff\x7f\x90\x3c\x5a" * 2000),
        header() + track(b"\0\xf0\xff\xff\xff\x7f" * 2000),
        header() + track(b"\0\xff\x01\xff\xff\xff\x7f" * 2000),
        header() + track(b"\0\xf0\1\1" + b"\0\xf7\1\1" * 5000),
        header() + b"MTrk\xff\xff\xff\xff" * 2000,
        header() + TRACK + b"XXXX\xff\xff\xff\xff" * 2000,
        header() + TRACK + b"MThd\0\0\0\6" * 2000,
        header() + track(bytes(range(128)) * 100),
        header() + track(b"\x80" * 10_000),
        header() + track(b"\xff" * 10_000),
        header() + track(b"\x90" * 10_000),
    ]
    tracemalloc.start()
    start = time.perf_counter()
    for data in hostile:
        parse_smf(data)
    assert time.perf_counter() - start < 10
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


messages = st.one_of(
    st.builds(
        mido.Message,
        st.sampled_from(["note_on", "note_off"]),
        channel=st.integers(0, 15),
        note=st.integers(0, 127),
        velocity=st.integers(0, 127),
    ),
    st.builds(
        mido.Message,
        st.just("polytouch"),
        channel=st.integers(0, 15),
        note=st.integers(0, 127),
        value=st.integers(0, 127),
    ),
    st.builds(
        mido.Message,
        st.just("control_change"),
        control=st.integers(0, 127),
        value=st.integers(0, 127),
    ),
    st.builds(mido.Message, st.just("program_change"), program=st.integers(0, 127)),
    st.builds(mido.Message, st.just("aftertouch"), value=st.integers(0, 127)),
    st.builds(mido.Message, st.just("pitchwheel"), pitch=st.integers(-8192, 8191)),
    st.builds(mido.Message, st.just("sysex"), data=st.lists(st.integers(0, 127), max_size=9)),
    st.builds(
        mido.MetaMessage,
        st.sampled_from(["text", "copyright", "lyrics", "marker", "cue_marker"]),
        text=st.text(st.characters(codec="latin-1"), max_size=9),
    ),
    st.builds(mido.MetaMessage, st.just("set_tempo"), tempo=st.integers(1, 2**24 - 1)),
    st.builds(mido.MetaMessage, st.just("key_signature"), key=st.sampled_from(["C", "F#m"])),
    st.builds(mido.MetaMessage, st.just("midi_port"), port=st.integers(0, 3)),
    st.builds(
        mido.UnknownMetaMessage, st.just(0x60), data=st.lists(st.integers(0, 255), max_size=9)
    ),
)


@st.composite
def smfs(draw: st.DrawFn) -> SmfFile:
    tracks = []
    for _ in range(draw(st.integers(1, 3))):
        ticks = sorted(draw(st.lists(st.integers(0, 2**20), max_size=12)))
        events = [(tick, draw(messages)) for tick in ticks]
        end = (ticks[-1] if ticks else 0) + draw(st.integers(0, 500))
        tracks.append((*events, (end, mido.MetaMessage("end_of_track"))))
    kind = draw(st.integers(0, 1)) if len(tracks) == 1 else 1
    return SmfFile(kind, draw(st.integers(1, 0x7FFF)), tuple(tracks))


def as_bytes(smf: SmfFile) -> bytes:
    stream = io.BytesIO()
    write_smf(smf, stream)
    return stream.getvalue()


@settings(deadline=None, max_examples=40)
@given(smfs())
def test_every_event_is_read_back(smf: SmfFile):
    assert parse_smf(as_bytes(smf)) == smf


def test_long_rests_are_written_in_steps():
    far = 2**30
    end = mido.MetaMessage("end_of_track")
    smf = SmfFile(0, 96, (((far, mido.Message("note_on", note=60)), (far, end)),))
    assert notes(parse_smf(as_bytes(smf))) == [(far, 60)]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A file of which bytes are flipped, cut out, put in, or swapped."""
    data = bytearray(as_bytes(draw(smfs())))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        other = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "cut", "put", "swap", "truncate", "length"])):
            case "flip" if at < len(data):
                data[at] ^= draw(st.integers(1, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 5))]
            case "put":
                data[at:at] = draw(st.binary(min_size=1, max_size=5))
            case "swap":
                low, high = sorted((at, other))
                data[:] = data[high:] + data[low:high] + data[:low]
            case "truncate":
                del data[max(at, 14) :]
            case "length" if b"MTrk" in data:
                where = data.index(b"MTrk") + 4
                data[where : where + 4] = struct.pack(">I", draw(st.integers(0, 2**32 - 1)))
    return bytes(data)


@settings(deadline=2000, max_examples=100)
@given(damaged_files())
def test_a_damaged_file_is_read_or_refused(data: bytes):
    try:
        smf = parse_smf(data)
    except SmfError:
        return
    assert all(track == tuple(sorted(track, key=lambda e: e[0])) for track in smf.tracks)
    assert all(track[-1][1].type == "end_of_track" for track in smf.tracks)
    assert parse_smf(as_bytes(smf)).tracks == smf.tracks
