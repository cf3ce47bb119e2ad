"""POP909 in a tiny corpus written here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amt.chords import QUALITIES, ROOTS, Chord, Key, parse_chord
from amt.errors import ChordError
from data_prep.corpus import CorpusError
from data_prep.pop909 import load_tracks, longest_key, nearest_chord, read_track

CHORDS = "0.0\t2.5\tN\n2.5\t4.0\tD:maj(9)/3\n4.0\t6.25\tB:min9\n6.25\t8.0\tA:sus4(b7)\n"
KEYS = "0.0\t1.0\tE:min\n1.0\t6.0\tD:maj\n6.0\t8.0\tE:min\n"


def write_song(root: Path, name: str, chords: str = CHORDS, keys: str = KEYS) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "chord_audio.txt").write_text(chords)
    (folder / "key_audio.txt").write_text(keys)
    return folder


def labels(*names: str) -> list[int]:
    return [parse_chord(name).id for name in names]


def test_a_song_is_normalised_by_its_longest_key(tmp_path: Path) -> None:
    track = read_track(write_song(tmp_path, "001"))
    assert (track.name, track.mode, track.duration_s) == ("pop909/001", "major", 8.0)
    np.testing.assert_allclose(track.starts_s, [0, 2.5, 4, 6.25])
    assert track.ids.tolist() == labels("N", "C", "A:min7", "G:sus4")
    assert track.sample(np.array([3.9, 4.0])).tolist() == labels("C", "A:min7")


def test_spans_of_a_key_that_returns_add_up(tmp_path: Path) -> None:
    keys = "0\t3\tE:min\n3\t7\tD:maj\n7\t10\tE:min\n"
    assert longest_key(write_song(tmp_path, "001", keys=keys)) == Key(4, "minor")


def test_minor_songs_end_up_in_a_minor(tmp_path: Path) -> None:
    folder = write_song(tmp_path, "001", "0\t1\tC:min\n1\t2\tAb:maj\n", "0\t2\tC:min\n")
    track = read_track(folder)
    assert track.mode == "minor"
    assert track.ids.tolist() == labels("A:min", "F")


@given(st.sampled_from(ROOTS), st.sampled_from(sorted(QUALITIES)))
def test_chords_of_the_vocabulary_stay_as_they_are(root: str, quality: str) -> None:
    assert nearest_chord(f"{root}:{quality}") == Chord(ROOTS.index(root), quality)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("C:9(13)", "C:7"),
        ("C:11", "C:7"),
        ("C:maj9/3", "C:maj7"),
        ("C:min7(11)", "C:min7"),
        ("C:minmaj7", "C:min"),
        ("C:hdim7", "C:hdim7"),
        ("Gb:maj6(9)/5", "F#:maj6"),
        ("C:maj/b7", "C:7"),
        ("C:maj6(b7)", "C:7"),
        ("C:min/b7", "C:min7"),
        ("C:maj/7", "C:maj7"),
        ("C:maj(2)/2", "C"),
        ("C:aug(b7)", "C:aug"),
        ("C:sus4(b7,9)", "C:sus4"),
        ("C:dim/b5", "C:dim"),
        ("X", "N"),
    ],
)
def test_extensions_go_to_the_chord_they_stand_on(label: str, expected: str) -> None:
    assert nearest_chord(label) == parse_chord(expected)


@given(
    st.sampled_from(["C:maj", "Eb:min7", "F#:sus4", "B:min9", "A:dim"]),
    st.sampled_from(["", "(9)", "(11)", "(9,13)"]),
    st.sampled_from(["", "/3", "/b3", "/5", "/2"]),
)
def test_tensions_and_inversions_change_nothing(chord: str, tension: str, bass: str) -> None:
    assert nearest_chord(chord + tension + bass) == nearest_chord(chord)


@pytest.mark.parametrize("label", ["", "H:maj", "C:blue", "C:maj/", "maj", "C:5(", "C:13b"])
def test_unknown_labels_are_named(label: str) -> None:
    with pytest.raises(ChordError, match="unknown chord"):
        nearest_chord(label)


@pytest.mark.parametrize(
    ("chords", "keys", "message"),
    [
        ("", KEYS, "is empty"),
        ("0.0\t1.0\n", KEYS, "expected lines of start, end and label"),
        ("0\tone\tC:maj\n", KEYS, "expected lines of start, end and label"),
        ("0\t1\tC:maj\n0\t2\tC:maj\n", KEYS, "out of order"),
        ("1\t0\tC:maj\n", KEYS, "out of order"),
        ("0\tnan\tC:maj\n", KEYS, "not finite"),
        ("0\t1\tC:blue\n", KEYS, "song 001: unknown chord 'C:blue'"),
        (CHORDS, "0\t1\tH:maj\n", "song 001: unknown key 'H:maj'"),
    ],
)
def test_broken_files_say_what_is_wrong(
    tmp_path: Path, chords: str, keys: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        read_track(write_song(tmp_path, "001", chords, keys))


def test_missing_and_binary_files_say_what_is_wrong(tmp_path: Path) -> None:
    folder = write_song(tmp_path, "001")
    (folder / "chord_audio.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(CorpusError, match="not a text file"):
        read_track(folder)
    (folder / "chord_audio.txt").unlink()
    with pytest.raises(CorpusError, match="no readable file"):
        read_track(folder)


def test_broken_songs_are_left_out_and_reported(tmp_path: Path) -> None:
    write_song(tmp_path, "002")
    write_song(tmp_path, "001")
    write_song(tmp_path, "003", keys="")
    (tmp_path / "index.txt").write_text("not a song")
    reports: list[str] = []
    tracks = load_tracks(tmp_path, report=reports.append)
    assert [track.name for track in tracks] == ["pop909/001", "pop909/002"]
    assert len(reports) == 1
    assert "003" in reports[0]


@pytest.mark.parametrize("folder", [".", "missing"])
def test_a_folder_without_songs_is_an_error(tmp_path: Path, folder: str) -> None:
    with pytest.raises(CorpusError, match="no song of POP909"):
        load_tracks(tmp_path / folder)
