"""The melody is in front of the other parts, whatever notes they have."""

from __future__ import annotations

import numpy as np
import pytest

from amt.arrange import mix
from amt.arrange.mix import balanced
from amt.arrange.program_levels import PITCHES, PROGRAM_LEVELS
from amt.types import ControlChange, Note, Track
from tests.arrange.plan_strategies import steady

BEAT, END = 480, 480 * 32
GRID = steady(16.0)


def part(name: str, program: int, pitches: list[int], velocity: int, **wishes: bool) -> Track:
    notes = [
        Note(beat * BEAT, pitch, (beat + 1) * BEAT, velocity)
        for beat in range(32)
        for pitch in sorted(pitches)
    ]
    return Track(name, program, tuple(notes), (ControlChange(0, 7, 100),), **wishes)


def volumes(*tracks: Track, melody: str = "Melody", lead_db: float = 6.0) -> list[int]:
    found = balanced(tracks, [melody], lead_db, GRID, END)
    return [next(c.value for c in track.controls if c.number == 7) for track in found]


def lead(tracks: list[Track]) -> float:
    """Estimated level in dB of the first track over the others."""
    first, *rest = (mix._power(track, GRID, END // mix.FRAME_TICKS).mean() for track in tracks)
    return 10 * np.log10(first / sum(rest))


@pytest.mark.parametrize("velocity", [50, 60, 70])
def test_the_melody_is_above_the_rest_by_the_lead(velocity: int) -> None:
    tracks = [part("Melody", 73, [76], velocity), part("Strings", 48, [55, 60, 64], 60)]
    found = balanced(tracks, ["Melody"], 6.0, GRID, END)
    assert lead(found) == pytest.approx(6.0, abs=0.3)
    assert all(0 < c.value <= 127 for track in found for c in track.controls)


def test_a_soft_melody_is_raised_first_and_the_rest_lowered_by_what_is_missing() -> None:
    melody, strings = part("Melody", 73, [76], 42), part("Strings", 48, [55, 60, 64], 60)
    raised, lowered = volumes(melody, strings)
    assert raised == 127 and lowered < 100
    loud, kept = volumes(part("Melody", 73, [76], 90), strings)
    assert loud < 100 and kept == 100


def test_volumes_move_by_a_limit_and_not_at_all_without_a_melody() -> None:
    tracks = part("Melody", 73, [76], 10), part("Strings", 48, [55, 60, 64], 120)
    raised, lowered = (40 * np.log10(value / 100) for value in volumes(*tracks))
    assert raised - lowered == pytest.approx(mix.MOST_DB, abs=0.4)
    assert volumes(*tracks, melody="Flute") == [100, 100]
    assert volumes(tracks[0]) == [100]


def test_struck_notes_decay_in_the_estimate_and_drums_have_no_part_in_it() -> None:
    frames = END // mix.FRAME_TICKS
    piano = mix._power(part("Piano", 0, [60], 80), GRID, frames)
    organ = mix._power(part("Organ", 19, [60], 80), GRID, frames)
    assert piano[3] < 0.5 * piano[0]
    assert organ[3] == pytest.approx(organ[0])
    assert not mix._power(part("Kit", 0, [38], 80, is_drum=True), GRID, frames).any()


def test_every_program_has_a_level_at_every_pitch() -> None:
    assert len(PROGRAM_LEVELS) == 120
    assert all(len(levels) == len(PITCHES) and decay <= 0 for levels, decay in PROGRAM_LEVELS)
    assert all(-90 < level < -10 for levels, _ in PROGRAM_LEVELS for level in levels)
