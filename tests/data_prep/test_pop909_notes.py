"""POP909 as notes on a grid, from a tiny corpus written here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from amt.chords import Key, home_distance, parse_chord
from amt.midi import read_midi, write_midi
from amt.models.notes.tokens import ONSET, PITCH, RESOLUTION, ROLE, to_notes, to_words
from amt.types import TICKS_PER_BEAT, Note, Song, TempoChange, TimeSignature, Track
from data_prep.corpus import CorpusError, split_by_song
from data_prep.note_song import read_songs, to_song, transposed, write_songs
from data_prep.pop909_notes import load_songs, read_song

N_BARS = 10
BEAT_S = 0.5
FIRST_BEAT_S = 0.25
"""The first beat of the file; a beat that leads to the first downbeat."""
PICKUP = 1


def make_notes(jitter: int = 0) -> dict[str, list[Note]]:
    """A melody of eighths, an answer in every second bar and broken chords, in ticks of the MIDI.

    The MIDI is at 120 BPM and begins ``FIRST_BEAT_S`` before the first beat.
    """
    offset = round(FIRST_BEAT_S / BEAT_S * TICKS_PER_BEAT) + PICKUP * TICKS_PER_BEAT
    rng = np.random.default_rng(0)
    tracks: dict[str, list[Note]] = {"MELODY": [], "BRIDGE": [], "PIANO": []}
    for eighth in range(8 * N_BARS):
        start = offset + eighth * TICKS_PER_BEAT // 2 + int(rng.integers(-jitter, jitter + 1))
        end = start + TICKS_PER_BEAT // 2
        tracks["MELODY"].append(Note(start, 72 + eighth % 5, end, 90))
        tracks["PIANO"].append(Note(start, 48 + 4 * (eighth % 3), end, 60))
        if eighth // 8 % 2:
            tracks["BRIDGE"].append(Note(start, 64 + eighth % 2, end, 70))
    return tracks


def write_corpus_song(
    root: Path,
    name: str,
    tracks: dict[str, list[Note]],
    change_beats: Callable[[list[str]], list[str]] = list,
) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    n_beats = PICKUP + 4 * N_BARS
    end = round((FIRST_BEAT_S / BEAT_S + n_beats + 2) * TICKS_PER_BEAT)
    parts = tuple(Track(n, 0, tuple(sorted(notes))) for n, notes in tracks.items())
    tempo, metre = (TempoChange(0, 500_000),), (TimeSignature(0, 4),)
    write_midi(Song(parts, tempo, metre, Key(0, "major"), end), folder / f"{name}.mid")
    lines = [
        f"{FIRST_BEAT_S + BEAT_S * b} {float((b - PICKUP) % 2 == 0)} {float((b - PICKUP) % 4 == 0)}"
        for b in range(n_beats)
    ]
    (folder / "beat_midi.txt").write_text("\n".join(change_beats(lines)) + "\n")
    first_bar_s = FIRST_BEAT_S + BEAT_S * PICKUP
    (folder / "chord_midi.txt").write_text(
        f"0.0 {first_bar_s} N\n{first_bar_s} {first_bar_s + 8.02} D:maj/3\n"
        f"{first_bar_s + 8.02} {first_bar_s + 16} B:min7\n"
    )
    (folder / "key_audio.txt").write_text("0.0 20.0 D:maj\n")
    return folder


def test_a_song_is_read_from_its_first_sounding_bar(tmp_path: Path) -> None:
    song = read_song(write_corpus_song(tmp_path, "001", make_notes()))
    assert (song.name, song.key, song.bars) == ("pop909/001", Key(2, "major"), (4,) * N_BARS)
    np.testing.assert_allclose(song.tempo_bpm, 120)
    d, b_minor = parse_chord("D").id, parse_chord("Bm7").id
    assert song.chords.tolist() == [d] * 16 + [b_minor] * 16 + [0] * 8
    melody = song.notes[song.notes[:, ROLE] == 0]
    assert melody[:, ONSET].tolist() == list(range(0, 8 * N_BARS * 6, 6))
    assert melody[:5, PITCH].tolist() == [72, 73, 74, 75, 76]
    np.testing.assert_allclose(song.density, [4, 6] * (N_BARS // 2))
    words = to_words(song.notes, song.bars)
    np.testing.assert_array_equal(to_notes(words, song.bars), song.notes)


def test_a_performance_is_brought_onto_sixteenths(tmp_path: Path) -> None:
    steady = read_song(write_corpus_song(tmp_path, "001", make_notes()))
    loose = read_song(write_corpus_song(tmp_path, "002", make_notes(jitter=TICKS_PER_BEAT // 24)))
    np.testing.assert_array_equal(np.sort(loose.notes[:, ONSET]), np.sort(steady.notes[:, ONSET]))


def test_triplets_stay_triplets(tmp_path: Path) -> None:
    tracks = make_notes()
    third = TICKS_PER_BEAT // 3
    first = tracks["MELODY"][0].start
    tracks["MELODY"] = [
        Note(first + i * third, 72 + i % 7, first + (i + 1) * third, 90) for i in range(60)
    ]
    tracks["PIANO"], tracks["BRIDGE"] = tracks["PIANO"][::2], []
    song = read_song(write_corpus_song(tmp_path, "001", tracks))
    melody = song.notes[song.notes[:, ROLE] == 0, ONSET]
    assert melody.tolist() == list(range(0, 60 * 4, 4))


@pytest.mark.parametrize(
    ("jitter", "change", "message"),
    [
        (TICKS_PER_BEAT // 8, list, "positions off its beats"),
        (0, lambda lines: lines[:20] + lines[21:], "one is missing"),
        (0, lambda lines: [line[:-3] + "0.0" for line in lines], "have one metre"),
        (0, lambda lines: [line.rsplit(" ", 1)[0] for line in lines], "expected rows of time"),
        (0, lambda lines: ["a b c", *lines], "no table of beats"),
    ],
)
def test_wrong_beats_are_named(
    tmp_path: Path, jitter: int, change: Callable[[list[str]], list[str]], message: str
) -> None:
    folder = write_corpus_song(tmp_path, "001", make_notes(jitter), change)
    with pytest.raises(CorpusError, match=message):
        read_song(folder)


def test_silence_is_no_song(tmp_path: Path) -> None:
    tracks = make_notes()
    few = {name: notes[:5] for name, notes in tracks.items()}
    with pytest.raises(CorpusError, match="notes; expected"):
        read_song(write_corpus_song(tmp_path, "001", few))
    ends = {
        name: [n for n in notes if not 3 * 1920 < n.start - 720 < 8 * 1920]
        for name, notes in tracks.items()
    }
    ends["MELODY"] += [Note(n.start, n.pitch + 12, n.end, 80) for n in ends["MELODY"]]
    with pytest.raises(CorpusError, match="of its 10 bars"):
        read_song(write_corpus_song(tmp_path, "002", ends))


def test_the_cache_is_the_corpus(tmp_path: Path) -> None:
    root, cache = tmp_path / "corpus", tmp_path / "cache"
    write_corpus_song(root, "001", make_notes())
    write_corpus_song(root, "002", make_notes(jitter=TICKS_PER_BEAT // 8))
    write_corpus_song(root, "003", make_notes(jitter=9))
    said: list[str] = []
    first = load_songs(root, report=said.append, cache=cache)
    assert [song.name for song in first] == ["pop909/001", "pop909/003"]
    assert len(said) == 1 and "pop909/002" in said[0]
    assert len(list(cache.iterdir())) == 1
    for before, after in zip(first, load_songs(root, cache=cache), strict=True):
        for name in before.__slots__:
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name), name)
    with pytest.raises(CorpusError, match="no usable song"):
        load_songs(tmp_path)


def test_labels_survive_the_cache(tmp_path: Path) -> None:
    song = read_song(write_corpus_song(tmp_path, "001", make_notes()))
    write_songs(tmp_path / "songs.npz", [song])
    assert read_songs(tmp_path / "songs.npz")[0].affect is None


def test_a_song_goes_home_the_short_way(tmp_path: Path) -> None:
    for tonic in range(12):
        for key in (Key(tonic, "major"), Key(tonic, "minor")):
            distance = home_distance(key)
            assert -6 <= distance <= 5
            assert (key.tonic + distance) % 12 == (0 if key.mode == "major" else 9)
    song = read_song(write_corpus_song(tmp_path, "001", make_notes()))
    home = transposed(song, home_distance(song.key))
    assert home.key == Key(0, "major")
    assert home.chords[0] == parse_chord("C").id
    np.testing.assert_array_equal(home.notes[:, PITCH], song.notes[:, PITCH] - 2)


def test_a_song_opens_in_a_daw(tmp_path: Path) -> None:
    song = read_song(write_corpus_song(tmp_path, "001", make_notes()))
    write_midi(to_song(song), tmp_path / "song.mid")
    again = read_midi(tmp_path / "song.mid")
    assert [track.name for track in again.tracks] == ["melody", "counter", "harmony"]
    assert sum(len(track.notes) for track in again.tracks) == len(song.notes)
    assert again.end == sum(song.bars) * TICKS_PER_BEAT
    assert again.tracks[0].notes[1].start == 6 * TICKS_PER_BEAT // RESOLUTION


def test_splits_are_of_songs_and_seeded(tmp_path: Path) -> None:
    for i in range(1, 11):
        write_corpus_song(tmp_path, f"{i:03}", make_notes())
    songs = load_songs(tmp_path)
    train, validation = split_by_song(songs, 0.2, seed=3)
    assert len(validation) == 2 and len(train) == 8
    assert validation == split_by_song(songs[::-1], 0.2, seed=3)[1][::-1]
