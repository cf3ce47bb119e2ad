"""Songs on a grid, drawn at random by hypothesis, which a score can hold as they are."""

from __future__ import annotations

from hypothesis import strategies as st

from amt.chords import Key
from amt.types import Note, Song, TempoChange, TextEvent, TimeSignature, Track

_METRES = ((4, 4), (3, 4), (5, 4), (2, 4), (6, 8), (7, 8), (1, 4))


@st.composite
def melodies(draw: st.DrawFn, end: int, unit: int) -> Track:
    """Chords that follow each other; each beat of eighths, sixteenths or a triplet."""
    notes: list[Note] = []
    tick = 0
    while tick < end:
        step = draw(st.sampled_from([unit, unit // 2, *((120, 160) if unit == 480 else ())]))
        for start in range(tick, min(tick + unit, end), step):
            least = int(step == 160)  # a triplet is known by its later onsets
            for pitch in draw(st.sets(st.integers(40, 80), min_size=least, max_size=2)):
                notes.append(Note(start, pitch, min(start + step, end), 80))
        tick += unit
    program = draw(st.sampled_from([40, 42, 60, 73]))
    return Track("Melody", program, tuple(sorted(notes)))


@st.composite
def scores(draw: st.DrawFn) -> Song:
    """A few bars in one or two metres."""
    signatures, tick = [], 0
    for _ in range(draw(st.integers(1, 2))):
        upper, unit = draw(st.sampled_from(_METRES))
        signatures.append(TimeSignature(tick, upper, unit))
        tick += draw(st.integers(1, 3)) * upper * 1920 // unit
    unit = 240 if any(s.denominator == 8 for s in signatures) else 480
    tracks = [draw(melodies(tick, unit)) for _ in range(draw(st.integers(1, 2)))]
    return Song(
        tracks=tuple(tracks),
        tempos=(TempoChange(0, draw(st.integers(300_000, 1_000_000))),),
        time_signatures=tuple(signatures),
        key=Key(draw(st.integers(0, 11)), draw(st.sampled_from(["major", "minor"]))),
        end=tick,
        chord_names=(TextEvent(0, draw(st.sampled_from(["Am7", "Ebmaj7", "F#m7b5", "N"]))),),
    )
