"""Chord names in a MIDI file: what a DAW and a notation program show of them, each once.

No text event does for both. MuseScore takes texts and lyrics for words under the staves, on every
staff; Logic, Cubase and Reaper list markers, which MuseScore leaves out. So a chord change is a
marker ``Chord Am7`` and, beside it, the chord event of Yamaha's XF format (*XF Format
Specifications* 2.01), a sequencer-specific event that MuseScore shows as a chord symbol and others
skip. Both lie in the track of the tempo map.
"""

from __future__ import annotations

import re
from typing import Any

import mido

from amt.chords import QUALITY_NAMES, parse_chord
from amt.errors import ChordError
from render.files.smf import decode_text, encode_text

_MARKER = re.compile(r"Chord (\S+)")
_XF_CHORD = (0x43, 0x7B, 0x01)
_NO_BASS = 0x7F
_NO_CHORD = 0x22
_XF_QUALITIES = dict(
    zip(
        QUALITY_NAMES,
        # maj dim sus4 min7 min sus2 aug dim7 maj6 hdim7 7 min6 maj7
        (0x00, 0x11, 0x20, 0x0A, 0x08, 0x21, 0x07, 0x12, 0x01, 0x0B, 0x13, 0x09, 0x02),
        strict=True,
    )
)
_XF_ACCIDENTALS = {"b": 0x20, "": 0x30, "#": 0x40}


def chord_marker(name: str) -> str:
    """The text of a chord's marker.

    >>> chord_marker("Am7")
    'Chord Am7'
    """
    return f"Chord {name}"


def chord_of_marker(text: str) -> str | None:
    """The chord that a marker names, or None where it marks something else.

    >>> chord_of_marker("Chord Am7"), chord_of_marker("Cut 3")
    ('Am7', None)
    """
    match = _MARKER.fullmatch(text)
    return match[1] if match else None


def chord_events(name: str) -> list[Any]:
    """The marker of a chord and, for chords of the vocabulary, its XF event."""
    marker = mido.MetaMessage("marker", text=encode_text(chord_marker(name)))
    xf = xf_chord(name)
    return [marker] if xf is None else [marker, xf]


def named_chord(message: Any) -> str | None:  # noqa: ANN401 (mido is untyped)
    """The chord that a marker or a text event of a file names, or None."""
    if message.type == "marker":
        return chord_of_marker(decode_text(message.text))
    return message.text if message.type == "text" and _is_chord(message.text) else None


def xf_chord(name: str) -> Any | None:  # noqa: ANN401 (mido is untyped)
    """XF's event of a chord in lead-sheet spelling; None where the vocabulary lacks the chord."""
    try:
        chord = parse_chord(name)
    except ChordError:
        return None
    if chord.root is None:
        root, quality = _NO_BASS, _NO_CHORD
    else:
        accidental = name[1:2] if name[1:2] in ("#", "b") else ""
        root = _XF_ACCIDENTALS[accidental] | "CDEFGAB".index(name[0]) + 1
        quality = _XF_QUALITIES[chord.quality]
    data = (*_XF_CHORD, root, quality, _NO_BASS, _NO_BASS)
    return mido.MetaMessage("sequencer_specific", data=data)


def is_xf_chord(message: Any) -> bool:  # noqa: ANN401 (mido is untyped)
    """Whether a message is the chord event of XF."""
    return message.type == "sequencer_specific" and tuple(message.data[:3]) == _XF_CHORD


def _is_chord(text: str) -> bool:
    try:
        parse_chord(text)
    except ChordError:
        return False
    return True
