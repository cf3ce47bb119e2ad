"""Song → the parts of a score: staves, clefs, voices on the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from amt.notation.bars import Bar, BarLines, bars_of
from amt.notation.dynamics import levels_of, marks_of, median_level
from amt.notation.hands import hands_of
from amt.notation.percussion import drum_of
from amt.notation.quantise import Grid, grid_of, quantised, swing_of, without_swing
from amt.notation.voices import Chord, chords_of, under_pedal, voices_of
from amt.types import Note, Song, Track

_PIANOS = range(8)
_GRAND = {*_PIANOS, 8, *range(16, 24), 46}
"""General MIDI programs that have two staves: keyboards and the harp."""
_GUITARS = range(24, 32)
_LOW, _HIGH = 55, 64
"""A keyboard has two staves where it plays below the one and above the other."""
_BASS_BELOW, _OCTAVE_BELOW, _OCTAVE_ABOVE = 57, 41, 88
"""Median pitches for the bass clef, the one an octave lower, and the treble clef an octave up."""


class Clef(NamedTuple):
    """A clef and the octaves by which its notes sound higher than written."""

    sign: str
    line: int
    octaves: int = 0


_TREBLE, _BASS, _ALTO = Clef("G", 2), Clef("F", 4), Clef("C", 3)
_PERCUSSION = Clef("percussion", 2)
_USUAL_CLEFS = {
    **dict.fromkeys((42, 47, 57, 58, 70), _BASS), 43: Clef("F", 4, -1), 41: _ALTO,
    **dict.fromkeys((40, 56, 59, 60, *range(64, 70), 71, 73), _TREBLE), 72: Clef("G", 2, 1),
}  # fmt: skip
"""General MIDI program → the clef in which orchestras read it, whatever it plays: cello, timpani,
trombone, tuba, bassoon; contrabass; viola; violin, trumpets, horn, saxophones, oboe, English horn,
clarinet, flute; piccolo. Where it is far from the clef the range decides."""
_NAMED_CLEFS = {"violas": _ALTO, "viola": _ALTO, "cellos": _BASS, "cello": _BASS,
                "trombones": _BASS, "timpani": _BASS, "bassoons": _BASS}  # fmt: skip
"""The same by name, for sections that a string or brass ensemble plays."""
_READABLE = {_BASS: (28, 69), _ALTO: (45, 84), _TREBLE: (50, 100)}
"""Lowest and highest median pitch that is read in a clef without many ledger lines."""


@dataclass(frozen=True, slots=True)
class Staff:
    """A staff of a part."""

    clef: Clef
    voices: tuple[tuple[Chord, ...], ...]


@dataclass(frozen=True, slots=True)
class ScorePart:
    """An instrument of a score."""

    name: str
    program: int
    staves: tuple[Staff, ...]
    grid: Grid
    marks: dict[int, str] = field(default_factory=dict)
    """Index of a bar → dynamic mark."""
    is_drum: bool = False

    @property
    def pitches(self) -> tuple[int, ...]:
        """All that it plays, in order of pitch."""
        return tuple(
            sorted({p for s in self.staves for v in s.voices for c in v for p in c.pitches})
        )


@dataclass(frozen=True, slots=True)
class Score:
    """What is written."""

    song: Song
    bars: tuple[Bar, ...]
    parts: tuple[ScorePart, ...]
    swing: int = 240
    """In-beat tick on which second eighths are played, which are written as even ones."""


def score_of(song: Song) -> Score:
    """Return the score of a song; tracks of one piano become one part with two staves."""
    bars = bars_of(song)
    lines = BarLines(bars)
    groups = _instruments([track for track in song.tracks if track.notes])
    swing = swing_of(note for tracks in groups for track in tracks for note in track.notes)
    levels = [levels_of(tracks, bars) for tracks in groups]
    medians = [median_level(each) for each in levels]
    usual = float(np.median(medians)) if medians else 1.0
    parts = []
    for number, tracks in enumerate(groups, 1):
        notes = sorted(note for track in tracks for note in track.notes)
        even = notes if swing == 240 else without_swing(notes, swing)
        name = _common_name(tracks) or f"Part {number}"
        marks = marks_of(levels[number - 1], usual / medians[number - 1])
        parts.append(_part(name, tracks, even, lines, marks))
    return Score(song, bars, tuple(parts), swing)


def _instruments(tracks: Sequence[Track]) -> list[list[Track]]:
    """Tracks by part: those of one piano together."""
    groups: list[list[Track]] = []
    for track in tracks:
        home = next((group for group in groups if _is_one_piano(group[0], track)), None)
        if home is None:
            groups.append([track])
        else:
            home.append(track)
    return groups


def _is_one_piano(track: Track, other: Track) -> bool:
    """Whether two tracks are of one piano: drums, by definition, are of one drummer."""
    if track.is_drum or other.is_drum:
        return track.is_drum and other.is_drum
    first, second = (t.name.split()[:1] for t in (track, other))
    return track.program == other.program and track.program in _PIANOS and first == second


def _common_name(tracks: Sequence[Track]) -> str:
    """The name of a track, or the words with which the names of several begin."""
    if len(tracks) == 1:
        return tracks[0].name.strip()
    words = zip(*(track.name.split() for track in tracks), strict=False)
    common = []
    for each in words:
        if len(set(each)) > 1:
            break
        common.append(each[0])
    return " ".join(common) or tracks[0].name.strip()


def _part(
    name: str, tracks: Sequence[Track], notes: list[Note], lines: BarLines, marks: dict[int, str]
) -> ScorePart:
    first = tracks[0]
    grid = grid_of(notes, lines)
    if first.is_drum:
        return ScorePart(name, 0, (_drum_staff(notes, grid),), grid, marks, is_drum=True)
    is_grand = first.program in _GRAND and _spans(notes)
    hands = hands_of(notes) if is_grand else (notes,)
    staves = []
    for number, hand in enumerate(hands):
        chords = chords_of(quantised(hand, grid))
        if first.program in _GRAND:
            voices = voices_of(under_pedal(chords), most=2)
        else:
            voices = voices_of(chords)
        clef = _clef(hand, name, first.program, number if is_grand else None)
        staves.append(Staff(clef, tuple(map(tuple, voices))))
    return ScorePart(name, first.program, tuple(staves), grid, marks)


def _spans(notes: Sequence[Note]) -> bool:
    pitches = [note.pitch for note in notes]
    return min(pitches) < _LOW and max(pitches) > _HIGH


def _drum_staff(notes: list[Note], grid: Grid) -> Staff:
    """Hands in the first voice, feet in the second."""
    voices = []
    for is_foot in (False, True):
        part = [note for note in notes if drum_of(note.pitch).is_foot == is_foot]
        chords = chords_of(quantised(part, grid, is_drum=True))
        voices.append(tuple(chords))
    return Staff(_PERCUSSION, tuple(voices))


def _clef(notes: Sequence[Note], name: str, program: int, hand: int | None) -> Clef:
    """The clef that is usual for an instrument and suits the range.

    Args:
        notes: on the staff.
        name: of the part.
        program: of General MIDI.
        hand: 0 for the upper and 1 for the lower of two staves.
    """
    median = float(np.median([note.pitch for note in notes])) if notes else 60.0
    usual = _NAMED_CLEFS.get(name.lower(), _USUAL_CLEFS.get(program))
    if hand is None and usual is not None:
        low, high = _READABLE[usual._replace(octaves=0)]
        if low <= median - 12 * usual.octaves <= high:
            return usual
    if hand == 0:
        return _BASS if median < _BASS_BELOW - 2 else _TREBLE
    if hand == 1:
        return _TREBLE if notes and median > _HIGH else _BASS
    if median < _OCTAVE_BELOW:
        return replace_octaves(_BASS, -1)
    if program in _GUITARS:
        return replace_octaves(_TREBLE, -1)
    if median < _BASS_BELOW:
        return _BASS
    return replace_octaves(_TREBLE, 1) if median > _OCTAVE_ABOVE else _TREBLE


def replace_octaves(clef: Clef, octaves: int) -> Clef:
    """Return a clef that sounds octaves higher than written."""
    return clef._replace(octaves=octaves)


def only(score: Score, index: int) -> Score:
    """Return the score of one part."""
    return replace(score, parts=(score.parts[index],))
