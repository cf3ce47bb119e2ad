"""Sections in keys of their own, and basses that the plan gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amt.arrange import arrange
from amt.arrange.section_keys import in_section_keys
from amt.arrange.theme_bars import ThemeContext
from amt.arrange.themes import with_returns
from amt.chords import Key, parse_chord
from amt.models.notes.tokens import ONSET, PITCH, RESOLUTION
from amt.types import ChordSpan, Section
from tests.arrange.plan_strategies import make_plan
from tests.arrange.test_patterns import tracks_of

BEAT = 480
C, C_MINOR, D = Key(0, "major"), Key(0, "minor"), Key(2, "major")


def scale_notes(pitches: list[int]) -> np.ndarray:
    """A note a beat, of the first role."""
    rows = [(0, i * RESOLUTION, pitch, RESOLUTION, 80) for i, pitch in enumerate(pitches)]
    notes = np.zeros((len(rows), 5), dtype=np.int64)
    for row, (_, onset, pitch, _, _) in zip(notes, rows, strict=True):
        row[ONSET], row[PITCH] = onset, pitch
    return notes


def test_a_major_melody_takes_the_thirds_of_its_minor_section() -> None:
    notes = scale_notes([60, 62, 64, 65, 67, 69, 71, 72] * 2)
    keys = [None] * 8 + [C_MINOR] * 8
    chords = np.full(16, parse_chord("Cm").id)
    moved = in_section_keys(notes, keys, chords)
    assert moved[:8, PITCH].tolist() == notes[:8, PITCH].tolist()
    assert moved[8:, PITCH].tolist() == [60, 62, 63, 65, 67, 68, 70, 72]


def test_tones_of_a_chord_stay_whatever_the_key() -> None:
    notes = scale_notes([71, 68])
    chords = np.array([parse_chord("G7").id, parse_chord("E7").id])
    moved = in_section_keys(notes, [C_MINOR, C], chords)
    assert moved[:, PITCH].tolist() == [71, 68]


def test_a_melody_returns_transposed_to_the_key_of_its_section() -> None:
    melody = scale_notes([60, 64, 67, 72, 72, 72, 72, 72])
    context = ThemeContext(
        bars=(4, 4),
        phrases=((0, 1, "A"), (1, 2, "A")),
        chords=np.repeat([parse_chord("C").id, parse_chord("D").id], 4),
        tonic=0,
        ending=7 * RESOLUTION,
        low=40,
        high=90,
        keys=(C, D),
    )
    # The last bar of a phrase keeps its own melody, so the test asks for bars inside phrases.
    longer = replace(context, bars=(4, 4, 4, 4), phrases=((0, 2, "A"), (2, 4, "A")))
    longer = replace(longer, chords=np.repeat(context.chords, 2), keys=(C, C, D, D))
    notes = np.concatenate([melody, melody])
    notes[8:, ONSET] += 8 * RESOLUTION
    shaped = with_returns(notes, longer)
    again = shaped[(shaped[:, ONSET] >= 8 * RESOLUTION) & (shaped[:, ONSET] < 12 * RESOLUTION)]
    assert again[:, PITCH].tolist() == [62, 66, 69, 74]


def test_a_pedal_point_is_held_under_changing_chords() -> None:
    plan = make_plan(32, chords="Am F G E7", density=14, mood="exciting", style="band")
    held = tuple(replace(span, bass=4) if 16 <= span.beat < 32 else span for span in plan.chords)

    def basses(chords: tuple[ChordSpan, ...]) -> set[int]:
        notes = tracks_of(arrange(replace(plan, chords=chords)), plan.style)["bass"]
        return {n.pitch for n in notes if 16 * BEAT <= n.start < 32 * BEAT}

    assert len(basses(plan.chords)) > 2
    assert len(basses(held)) == 1
    assert {pitch % 12 for pitch in basses(held)} == {4}


def test_the_bass_walks_in_the_key_of_its_section() -> None:
    """Notes that lead to the next root: all in the section's scale, where the piece's would not."""
    plan = make_plan(
        64, chords="Cm Eb Fm Gm", key="C major", density=18, mood="exciting", style="band",
        sections=(Section(0, "sad", key=C_MINOR),),
    )  # fmt: skip

    def in_minor(sections: tuple[Section, ...]) -> float:
        notes = tracks_of(arrange(replace(plan, sections=sections)), plan.style)["bass"]
        tones = {*C_MINOR.scale, 11}
        return float(np.mean([n.pitch % 12 in tones for n in notes]))

    assert in_minor(plan.sections) == 1
    assert in_minor((Section(0, "sad"),)) < 1
