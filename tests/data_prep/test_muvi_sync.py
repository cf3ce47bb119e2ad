"""MuVi-Sync in a tiny published layout written here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amt.chords import parse_chord
from data_prep.corpus import CorpusError
from data_prep.muvi_sync import load_split, read_song
from tests.data_prep.tiny_muvi_sync import write_song, write_split


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_split(tmp_path, "train", ["001", "002"])
    return tmp_path


def test_a_song_is_read_as_published(root: Path) -> None:
    song = read_song(root, "001")
    assert song.track.mode == "major"
    labels = ["C", "C", "A:min", "A:min", "G", "N"]
    assert song.chords.tolist() == [parse_chord(label).id for label in labels]
    assert song.semantic.shape == (6, 768)
    np.testing.assert_allclose(song.emotion.sum(axis=1), 1, atol=1e-3)


def test_exact_times_read_at_whole_seconds_give_the_published_chords(root: Path) -> None:
    song = read_song(root, "001")
    np.testing.assert_array_equal(song.track.sample(np.arange(6.0)), song.chords)
    assert song.track.sample(np.array([1.9]))[0] == parse_chord("A:min").id


def test_a_feature_that_is_a_second_short_repeats_its_last_row(root: Path) -> None:
    path = root / "vevo_motion" / "all" / "001.lab"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    assert read_song(root, "001").motion[-1] == read_song(root, "001").motion[-2]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("vevo_chord/lab_v2_norm/all/001.lab", "2 A:min\n", "", "second 2 is missing"),
        ("vevo_chord/lab_v2_norm/all/001.lab", "A:min", "H:min", "unknown chord"),
        ("vevo_chord/lab_v2_norm/all/001.lab", "key C major\n", "", "first line"),
        ("vevo_loudness/all/001.lab", "3 0.1\n4 0.1\n5 0.1\n", "", "loudness has 3 seconds"),
        ("vevo_motion/all/001.lab", "3 10.0", "3 nan", "not a finite number"),
    ],
)
def test_every_fault_is_named_and_can_be_left_out(
    root: Path, file: str, old: str, new: str, message: str
) -> None:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(CorpusError, match=message):
        load_split(root, "train")
    notes: list[str] = []
    songs = load_split(root, "train", on_error="skip", report=notes.append)
    assert [song.name for song in songs] == ["002"]
    assert len(notes) == 1
    assert message in notes[0]


def test_a_missing_file_and_a_missing_split_are_named(root: Path) -> None:
    (root / "vevo_semantic/all/2d/clip_l14p/001.npy").unlink()
    with pytest.raises(CorpusError, match="no file"):
        load_split(root, "train")
    with pytest.raises(CorpusError, match="no split file"):
        load_split(root, "test")


def test_only_the_asked_split_is_needed(tmp_path: Path) -> None:
    write_split(tmp_path, "test", ["007"])
    assert [song.name for song in load_split(tmp_path, "test")] == ["007"]


def test_the_cache_gives_back_the_same_songs(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = load_split(root, "train", cache=cache)
    write_song(root, "001", key="D major")  # a hit does not look at the songs again
    second = load_split(root, "train", cache=cache)
    for a, b in zip(first, second, strict=True):
        assert (a.name, a.track.mode) == (b.name, b.track.mode)
        np.testing.assert_array_equal(a.chords, b.chords)
        np.testing.assert_array_equal(a.track.starts_s, b.track.starts_s)
        np.testing.assert_array_equal(a.semantic, b.semantic)
