"""Notes and words: exact round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amt.errors import InputError
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    MAX_BEATS,
    ONSET,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    ROLES,
    TICKS_PER_POSITION,
    VELOCITY,
    VOCABULARY,
    bar_of,
    bar_starts,
    bins,
    snap,
    tidy,
    to_notes,
    to_words,
    tracks_of,
    transpose,
)

Bars = tuple[int, ...]
bar_tuples = st.lists(st.integers(1, MAX_BEATS), min_size=1, max_size=6).map(tuple)


@st.composite
def pieces(draw: st.DrawFn) -> tuple[NDArray[np.int64], Bars]:
    """Any notes within some bars, some of them again and again on the same few keys."""
    bars = draw(bar_tuples)
    note = st.tuples(
        st.integers(0, RESOLUTION * sum(bars) - 1),
        st.integers(0, len(ROLES) - 1),
        st.one_of(st.integers(0, 127), st.integers(60, 62)),
        st.integers(1, 150),
        st.integers(1, 127),
    )
    return np.array(draw(st.lists(note, max_size=40)), dtype=np.int64).reshape(-1, 5), bars


def overlaps(notes: NDArray[np.int64]) -> bool:
    ends: dict[tuple[int, int], int] = {}
    for onset, role, pitch, duration, _ in notes.tolist():
        if onset < ends.get((role, pitch), 0):
            return True
        ends[role, pitch] = onset + duration
    return False


@settings(max_examples=100, deadline=None)
@given(pieces())
def test_notes_on_the_grid_come_back_as_they_were(piece: tuple[NDArray[np.int64], Bars]) -> None:
    notes, bars = snap(piece[0]), piece[1]
    words = to_words(notes, bars)
    assert words.shape == (len(notes) + len(bars) + 1, 5)
    assert np.all((words >= 0) & (words < VOCABULARY))
    np.testing.assert_array_equal(to_notes(words, bars), notes)


@settings(max_examples=100, deadline=None)
@given(pieces())
def test_snapped_notes_are_tidy_and_moved_little(piece: tuple[NDArray[np.int64], Bars]) -> None:
    raw, _ = piece
    notes = snap(raw)
    np.testing.assert_array_equal(snap(notes), notes)
    np.testing.assert_array_equal(tidy(notes), notes)
    assert not overlaps(notes)
    keys = [tuple(row) for row in notes[:, : PITCH + 1].tolist()]
    assert keys == sorted(set(keys))
    assert set(notes[:, PITCH] % 12) <= set(raw[:, PITCH] % 12)
    assert np.all((notes[:, PITCH] >= LOWEST_PITCH) & (notes[:, PITCH] <= HIGHEST_PITCH))
    assert set(notes[:, DURATION]) <= set(bins().durations)
    assert set(notes[:, VELOCITY]) <= set(bins().velocities)


@given(bar_tuples)
def test_a_silent_piece_is_its_bars(bars: Bars) -> None:
    words = to_words(np.zeros((0, 5), dtype=np.int64), bars)
    assert words[:, POSITION].tolist() == [BAR] * (len(bars) + 1)
    assert bar_of(words).tolist() == list(range(len(bars) + 1))
    assert not len(to_notes(words, bars))


@settings(max_examples=50, deadline=None)
@given(pieces(), st.integers(-6, 6))
def test_transposition_moves_pitch_alone(
    piece: tuple[NDArray[np.int64], Bars], semitones: int
) -> None:
    notes = snap(piece[0])
    inside = (notes[:, PITCH] >= LOWEST_PITCH + 6) & (notes[:, PITCH] <= HIGHEST_PITCH - 6)
    notes = notes[inside]
    moved = transpose(notes, semitones)
    np.testing.assert_array_equal(moved - notes, np.tile([0, 0, semitones, 0, 0], (len(notes), 1)))
    np.testing.assert_array_equal(transpose(moved, -semitones), notes)


def test_what_leaves_the_keyboard_stays_an_octave_nearer() -> None:
    notes = np.array([[0, 2, LOWEST_PITCH, 12, 63], [0, 2, HIGHEST_PITCH, 12, 63]])
    assert transpose(notes, -2)[:, PITCH].tolist() == [LOWEST_PITCH + 10, HIGHEST_PITCH - 2]
    assert transpose(notes, 3)[:, PITCH].tolist() == [LOWEST_PITCH + 3, HIGHEST_PITCH - 9]


def test_tracks_have_the_roles_that_play() -> None:
    notes = np.array([[3, 0, 72, 6, 79], [6, 2, 48, 24, 55]])
    tracks = tracks_of(notes)
    assert [track.name for track in tracks] == ["melody", "harmony"]
    melody = tracks[0].notes[0]
    assert (melody.start, melody.end) == (3 * TICKS_PER_POSITION, 9 * TICKS_PER_POSITION)
    assert (melody.pitch, melody.velocity) == (72, 79)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [(POSITION, 2 + RESOLUTION, "after the end of its bar"), (ROLE, 0, "all five columns")],
)
def test_words_that_are_no_music_are_named(column: int, value: int, message: str) -> None:
    words = to_words(np.array([[0, 2, 60, 12, 63]]), (1, 4))
    words[1, column] = value
    with pytest.raises(InputError, match=message):
        to_notes(words, (1, 4))


def test_bars_and_notes_out_of_bounds_are_named() -> None:
    note = np.array([[48, 2, 60, 12, 63]])
    with pytest.raises(InputError, match="9 beats"):
        bar_starts((4, 9))
    with pytest.raises(InputError, match="positions 48 to 48"):
        to_words(note, (4,))
    note[:, ONSET] = 0
    with pytest.raises(InputError, match="bar word first"):
        to_notes(to_words(note, (4,))[1:], (4,))
