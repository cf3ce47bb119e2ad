"""The pairs of a frame depend on the score only: ties, tails and notes of length 0."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from render.diffusion.instruments import DRUM_PROGRAM, FAMILIES, INSTRUMENT_ID, INSTRUMENTS
from render.diffusion.mel import FRAME_RATE
from render.diffusion.tokens import (
    AHEAD_S,
    TAIL_S,
    FrameNotes,
    collate,
    frame_notes,
    note_table,
)
from render.score import Note

notes = st.builds(
    lambda start, length, pitch, velocity: Note(start, start + length, pitch, velocity),
    st.floats(0, 8), st.floats(0, 4), st.integers(21, 108), st.integers(1, 127),
)  # fmt: skip
scores = st.lists(st.tuples(notes, st.sampled_from(INSTRUMENTS)), min_size=1, max_size=12)


def rows(pairs: FrameNotes, shift: int = 0) -> list[tuple[float, ...]]:
    of_notes = (column[pairs.note] for column in (pairs.pitch, pairs.velocity, pairs.instrument))
    columns = (pairs.frame + shift, *of_notes, pairs.age_s, pairs.released_s)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@given(score=scores, cut=st.integers(0, 700))
def test_two_windows_have_the_pairs_of_one(score, cut):
    table = note_table(score)
    whole = frame_notes(table, -64, 800)
    halves = (frame_notes(table, -64, cut), frame_notes(table, cut - 64, 800 - cut))
    assert sorted(rows(halves[0]) + rows(halves[1], cut)) == rows(whole)


@given(score=scores)
def test_every_note_is_active_from_just_before_its_onset_until_its_tail_ends(score):
    table = note_table(score)
    pairs = frame_notes(table, -8, 2000)
    middle_s = (pairs.frame - 8 + 0.5) / FRAME_RATE
    assert float(pairs.age_s.min()) >= -AHEAD_S - 1e-6
    assert float(pairs.released_s.max()) <= TAIL_S + 1e-6
    assert float(middle_s.max()) <= table.end_s + 1e-6
    expected = sum(
        (r + TAIL_S - o + AHEAD_S) * FRAME_RATE
        for o, r in zip(table.onset_s, table.release_s, strict=True)
    )
    assert len(pairs.frame) == pytest.approx(expected, abs=len(score))


def test_a_note_held_over_the_border_keeps_its_age():
    table = note_table([(Note(1.0, 4.0, 60, 80), 48)])
    pairs = frame_notes(table, first=round(2.5 * FRAME_RATE), n_frames=10)
    assert float(pairs.age_s[0]) == pytest.approx(1.5, abs=0.01)
    assert pairs.released_s.tolist() == pytest.approx([-AHEAD_S] * 10)


def test_a_note_of_length_0_is_active():
    pairs = frame_notes(note_table([(Note(0.5, 0.5, 60, 80), 0)]), 0, 256)
    assert len(pairs.frame) > TAIL_S * FRAME_RATE
    torch.testing.assert_close(pairs.released_s, pairs.age_s.clamp(min=-AHEAD_S))


def test_a_drum_rings_whatever_its_length():
    short, long = (
        frame_notes(note_table([(Note(0.1, end, 49, 80), DRUM_PROGRAM)]), 0, 400)
        for end in (0.11, 3.0)
    )
    assert rows(short) == rows(long)


def test_where_nothing_sounds_nothing_is_active():
    assert len(frame_notes(note_table([(Note(0.0, 1.0, 60, 80), 0)]), 1000, 256).frame) == 0


def test_rows_of_a_batch_have_frames_of_their_own():
    pairs = frame_notes(note_table([(Note(0.0, 1.0, 60, 80), 0)]), 0, 16)
    both = collate([pairs, pairs], 16)
    count = len(pairs.frame)
    assert torch.equal(both.frame[: 2 * count], torch.cat([pairs.frame, pairs.frame + 16]))


def test_batches_are_padded_to_few_shapes_with_pairs_behind_the_last_frame():
    shapes = set()
    for count in range(1, 40):
        score = [(Note(0.01 * i, 0.01 * i + 0.5, 60, 80), 0) for i in range(count)]
        pairs = frame_notes(note_table(score), 0, 100)
        batch = collate([pairs], 100)
        shapes.add((len(batch.pitch), len(batch.frame)))
        assert (batch.frame[len(pairs.frame) :] == 100).all()
        assert int(batch.note.max()) < len(batch.pitch)
    assert len(shapes) <= 4


def test_the_table_of_instruments_has_each_program_once():
    programs = [program for family in FAMILIES for program in family.programs]
    assert len(set(programs)) == len(programs) == len(INSTRUMENT_ID)
    assert all(0 <= family.lowest < family.highest <= 127 for family in FAMILIES)
