"""The MidiTok tokenizer: its ids are the words, and MidiTok's REMI has the same tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from symusic import Note, Score, TimeSignature, Track

from amt.errors import InputError
from amt.models.notes.tokenizer import NoteTokenizer, bars_of, remi, remi_tokens
from amt.models.notes.tokens import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    RESOLUTION,
    ROLES,
    VOCABULARY,
    bar_starts,
    bins,
    snap,
    to_words,
)
from amt.models.weights import PACKAGED
from tests.models.notes.test_tokens import Bars, pieces

TOKENIZER = NoteTokenizer()


def test_the_vocabulary_is_that_of_words() -> None:
    assert tuple(len(vocabulary) for vocabulary in TOKENIZER.vocab) == VOCABULARY
    durations = [(b * n + step) * RESOLUTION // n for b, step, n in TOKENIZER.durations]
    assert durations == bins().durations.tolist()
    assert TOKENIZER.velocities.tolist() == bins().velocities.tolist()


@settings(max_examples=50, deadline=None)
@given(pieces())
def test_words_come_back_from_a_score(piece: tuple[NDArray[np.int64], Bars]) -> None:
    words = to_words(snap(piece[0]), piece[1])
    score = TOKENIZER.decode(words, bars=piece[1])
    assert tuple(bars_of(score)) == piece[1]
    np.testing.assert_array_equal(TOKENIZER.encode(score).ids, words)


def test_words_come_back_from_a_midi_file(tmp_path: Path) -> None:
    bars = (4, 3, 5)
    words = to_words(np.array([[0, 0, 72, 6, 79], [50, 1, 60, 8, 63], [50, 2, 48, 24, 55]]), bars)
    path = tmp_path / "piece.mid"
    TOKENIZER.decode(words, output_path=path, bars=bars)
    found = TOKENIZER.encode(path)
    np.testing.assert_array_equal(found.ids, words)
    assert found.tokens[1] == [
        "Position_0", "Program_73", "Pitch_72", "Duration_0.6.12", "Velocity_79",
    ]  # fmt: skip
    np.testing.assert_array_equal(TOKENIZER.encode(TOKENIZER.decode(found)).ids[:4], words[:4])


def test_the_tokenizer_travels_as_a_file(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    assert NoteTokenizer.from_pretrained(tmp_path) == TOKENIZER


def test_the_packaged_arranger_has_this_tokenizer() -> None:
    assert NoteTokenizer.from_pretrained(PACKAGED / "arranger").vocab == TOKENIZER.vocab


def test_scores_that_are_no_arrangement_are_named() -> None:
    score = Score(RESOLUTION)
    score.tracks.append(Track(program=7))
    with pytest.raises(InputError, match="program 7; expected 73 \\(melody\\)"):
        TOKENIZER.encode(score, no_preprocess_score=True)
    score = Score(RESOLUTION)
    score.time_signatures.append(TimeSignature(0, 6, 8))
    with pytest.raises(InputError, match="6/8; expected quarters"):
        TOKENIZER.encode(score, no_preprocess_score=True)
    score.time_signatures = [TimeSignature(0, 4, 4), TimeSignature(12, 3, 4)]
    with pytest.raises(InputError, match="bar 1 has a new time signature"):
        TOKENIZER.encode(score, no_preprocess_score=True)


@settings(max_examples=50, deadline=None)
@given(pieces())
def test_remi_decodes_words_to_the_same_notes(piece: tuple[NDArray[np.int64], Bars]) -> None:
    notes, bars = snap(piece[0]), piece[1]
    tokens = remi_tokens(to_words(notes, bars), bars)
    assert set(tokens) <= set(remi().vocab)
    score = remi().decode([remi().vocab[token] for token in tokens])
    assert score.ticks_per_quarter == RESOLUTION
    decoded = [
        (note.time, list(ROLES.values()).index(track.program), note.pitch, note.duration,
         note.velocity)
        for track in score.tracks
        for note in track.notes
    ]  # fmt: skip
    assert sorted(decoded) == [tuple(row) for row in notes.tolist()]


def test_remi_encodes_notes_to_the_same_tokens() -> None:
    bars = (4, 3, 3, 6, 4)
    rng = np.random.default_rng(0)
    count, end = 120, RESOLUTION * sum(bars)
    low, high = (0, 0, LOWEST_PITCH, 1, 1), (end, 3, HIGHEST_PITCH + 1, 60, 128)
    notes = snap(rng.integers(low, high, (count, 5)))
    last = bar_starts(bars)[-2]
    notes = np.concatenate([notes, [[last, 2, 21, 12, 71]]])  # MidiTok writes no empty last bar
    notes = snap(notes)
    score = Score(RESOLUTION)
    for role, program in enumerate(ROLES.values()):
        part = Track(program=program)
        for onset, of, pitch, duration, velocity in notes.tolist():
            if of == role:
                part.notes.append(Note(onset, duration, pitch, velocity))
        score.tracks.append(part)
    for start, beats in zip(bar_starts(bars), bars, strict=False):
        score.time_signatures.append(TimeSignature(int(start), beats, 4))
    found = remi().encode(score)
    # Within a position MidiTok orders notes as its tracks come, words by role.
    assert sorted(found.tokens) == sorted(remi_tokens(to_words(notes, bars), bars))
