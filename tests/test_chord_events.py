"""Chord names in MIDI files, as markers and as the chord events of XF."""

from __future__ import annotations

import mido
import pytest

from amt.chord_events import chord_events, is_xf_chord, named_chord, xf_chord
from amt.chords import VOCABULARY_SIZE, chord_from_id
from amt.regenerate.additions import with_chord_names
from amt.regenerate.new_bars import Placement
from amt.types import TextEvent
from render.files.smf import SmfFile


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("C", (0x31, 0x00)),
        ("Bb7", (0x27, 0x13)),
        ("F#m7b5", (0x44, 0x0B)),
        ("Ebmaj7", (0x23, 0x02)),
        ("Dsus4", (0x32, 0x20)),
        ("N.C.", (0x7F, 0x22)),
    ],
)
def test_chords_are_those_of_the_xf_format(name: str, data: tuple[int, int]) -> None:
    event = xf_chord(name)
    assert event is not None
    assert event.data == (0x43, 0x7B, 0x01, *data, 0x7F, 0x7F)
    assert event.bytes()[:3] == [0xFF, 0x7F, 7]
    assert is_xf_chord(event)


def test_every_chord_of_the_vocabulary_has_its_own_event() -> None:
    events = [xf_chord(chord_from_id(i).spell()) for i in range(VOCABULARY_SIZE)]
    assert len({event.data for event in events if event}) == VOCABULARY_SIZE


def test_a_chord_outside_the_vocabulary_is_a_marker_alone() -> None:
    (marker,) = chord_events("H13")
    assert named_chord(marker) == "H13"


def text(message_type: str, value: str):
    return mido.MetaMessage(message_type, text=value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (chord_events("Am"), chord_events("F")),
        ([text("marker", "Chord Am")], [text("marker", "Chord F")]),
        ([text("text", "Am")], [text("text", "F")]),
    ],
)
def test_new_chord_names_are_of_the_kinds_that_a_file_has(old: list, new: list) -> None:
    end = (3840, mido.MetaMessage("end_of_track"))
    kept = [(0, m) for m in old] + [(1920, text("marker", "Cut 1"))]
    file = SmfFile(1, 480, ((*kept, *((1920, m) for m in old), end),))
    place = Placement(range(1920, 3840), 0, 480)
    made = with_chord_names(file, [TextEvent(1920, "F")], place)
    assert made.tracks == ((*kept, *((1920, m) for m in new), end),)
    same = with_chord_names(file, [TextEvent(1920, "Am")], place)
    assert same is file
