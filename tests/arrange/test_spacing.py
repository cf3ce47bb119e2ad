"""Accompanying notes leave the melody free, stay above the floor, and are never new."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amt.arrange.spacing import FLOOR, MELODY_GAP, below_melody
from amt.arrange.tracks import Draft

C_MAJOR = (0, 4, 7)


def tones(tick: int) -> tuple[int, ...]:
    return C_MAJOR


notes = st.builds(
    lambda start, pitch, length: Draft(start, pitch, start + length),
    st.integers(0, 4000), st.integers(28, 96), st.integers(1, 2000),
)  # fmt: skip


@given(st.lists(notes, max_size=30), st.lists(notes, max_size=15))
def test_no_note_crosses_the_melody_or_the_floor(part, melody):
    for note in below_melody(part, melody, FLOOR, tones):
        assert note.pitch >= FLOOR
        for other in melody:
            if other.start < note.end and note.start < other.end:
                assert note.pitch <= other.pitch - MELODY_GAP


@given(st.lists(notes, max_size=30, unique_by=lambda n: (n.start, n.end)), st.lists(notes))
def test_every_note_keeps_its_time_and_pitch_class_or_is_a_chord_tone(part, melody):
    pitches = {(note.start, note.end): note.pitch for note in part}
    for note in below_melody(part, melody, FLOOR, tones):
        before = pitches.pop((note.start, note.end))
        assert note.pitch % 12 == before % 12 or note.pitch % 12 in C_MAJOR


@given(st.lists(notes, max_size=30))
def test_without_a_melody_only_low_notes_move(part):
    high = [note for note in part if note.pitch >= FLOOR]
    places = {(note.start, note.pitch) for note in below_melody(high, [], FLOOR, tones)}
    assert places == {(note.start, note.pitch) for note in high}


def test_a_note_above_the_melody_goes_down_by_octaves():
    (note,) = below_melody([Draft(0, 76, 480)], [Draft(0, 72, 480)], FLOOR, tones)
    assert note.pitch == 64


def test_a_note_without_room_is_left_out():
    assert below_melody([Draft(0, 60, 480)], [Draft(0, 50, 480)], FLOOR, tones) == []
