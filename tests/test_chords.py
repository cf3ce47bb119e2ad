"""Chords and keys: names, ids, tones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import (
    NO_CHORD,
    QUALITIES,
    VOCABULARY_SIZE,
    Chord,
    Key,
    Mode,
    chord_from_id,
    parse_chord,
    parse_key,
)
from amt.errors import ChordError

chords = st.integers(0, VOCABULARY_SIZE - 1).map(chord_from_id)
keys = st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"]))


@settings(deadline=None)
@given(chords, keys)
def test_every_name_of_a_chord_is_read_back(chord: Chord, key: Key) -> None:
    assert parse_chord(chord.label) == chord
    assert parse_chord(chord.spell()) == chord
    assert parse_chord(chord.spell(key)) == chord


@settings(deadline=None)
@given(st.integers(0, VOCABULARY_SIZE - 1))
def test_ids_and_chords_are_one_to_one(index: int) -> None:
    assert chord_from_id(index).id == index


@settings(deadline=None)
@given(chords, st.integers(-30, 30))
def test_transposing_moves_every_tone(chord: Chord, semitones: int) -> None:
    moved = chord.transpose(semitones)
    assert moved.pitch_classes == tuple((p + semitones) % 12 for p in chord.pitch_classes)
    assert moved.transpose(-semitones) == chord


@settings(deadline=None)
@given(keys)
def test_keys_are_read_back_and_hold_their_tonic_chord(key: Key) -> None:
    assert parse_key(key.label) == key
    assert set(key.tonic_chord.pitch_classes) <= set(key.scale)
    assert abs(key.sharps) <= 6


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("C", (0, 4, 7)),
        ("Am", (9, 0, 4)),
        ("Bm7b5", (11, 2, 5, 9)),
        ("Bdim7", (11, 2, 5, 8)),
        ("F#ø7", (6, 9, 0, 4)),
        ("Ebmaj7", (3, 7, 10, 2)),
        ("G7", (7, 11, 2, 5)),
        ("Dsus4", (2, 7, 9)),
        ("C+", (0, 4, 8)),
        ("Am6", (9, 0, 4, 6)),
        ("N", ()),
        ("D:min7", (2, 5, 9, 0)),
    ],
)
def test_tones_of_well_known_chords(name: str, classes: tuple[int, ...]) -> None:
    assert parse_chord(name).pitch_classes == classes


def test_every_suffix_names_one_quality() -> None:
    suffixes = [suffix for _, names in QUALITIES.values() for suffix in names]
    assert len(suffixes) == len(set(suffixes))


@pytest.mark.parametrize("text", ["", "H", "Am9", "C:maj9", "N7", "c", "A#b", "Cmaj7/E"])
def test_what_is_no_chord_is_refused(text: str) -> None:
    with pytest.raises(ChordError, match="expected N, or a root"):
        parse_chord(text)


@pytest.mark.parametrize("index", [-1, VOCABULARY_SIZE])
def test_an_id_outside_the_vocabulary_is_refused(index: int) -> None:
    with pytest.raises(ChordError, match="0-156"):
        chord_from_id(index)


@pytest.mark.parametrize("text", ["", "H minor", "A dorian", "minor"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ChordError, match="'A minor'"):
        parse_key(text)


def test_spelling_follows_the_key() -> None:
    assert parse_chord("A#").spell(parse_key("F major")) == "Bb"
    assert parse_chord("A#").spell(parse_key("D major")) == "Bb"  # borrowed from D minor
    assert parse_chord("C#dim7").spell(parse_key("D minor")) == "C#dim7"  # on the leading tone
    assert parse_chord("Abm7b5").spell(parse_key("C major")) == "G#m7b5"
    assert parse_chord("G#").spell(parse_key("C major")) == "Ab"
    assert parse_key("Db minor").label == "C# minor"
    assert NO_CHORD.spell() == "N.C."


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_a_scale_has_every_letter_once(tonic: int, mode: Mode) -> None:
    key = Key(tonic, mode)
    names = [key.spell(tone) for tone in key.scale]
    assert {name[0] for name in names} == set("ABCDEFG")
    assert sum(name.count("#") - name.count("b") for name in names) == key.sharps
    assert len({key.spell(tone) for tone in range(12)}) == 12
