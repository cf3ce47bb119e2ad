"""Bars are measured as seconds are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import Key
from amt.report.bars import bar_loudness, bar_ticks, notes_per_beat
from amt.report.measure import heard_loudness, notes_per_second
from amt.types import (
    TICKS_PER_BEAT,
    ControlChange,
    Note,
    Song,
    TempoChange,
    TimeSignature,
    Track,
)

FOUR = 4 * TICKS_PER_BEAT


def song_of(notes: list[Note], end: int, metres: dict[int, int] | None = None) -> Song:
    track = Track("a", 0, tuple(sorted(notes)), (ControlChange(FOUR, 11, 64),))
    drums = Track("drums", 0, tuple(sorted(notes)), is_drum=True)
    signatures = tuple(TimeSignature(tick, n) for tick, n in (metres or {0: 4}).items())
    return Song((track, drums), (TempoChange(0, 500_000),), signatures, Key(0, "major"), end)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9 * FOUR - 1), max_size=40), st.integers(100_000, 900_000))
def test_a_bar_of_a_second_is_that_second(starts: list[int], us_per_beat: int) -> None:
    notes = [Note(s, 40 + i, min(s + 700, 9 * FOUR), 30 + i) for i, s in enumerate(starts)]
    song = song_of(notes, 9 * FOUR)
    at_a_bar_a_second = replace(song, tempos=(TempoChange(0, 250_000),))
    played = replace(song, tempos=(TempoChange(0, us_per_beat),))
    np.testing.assert_allclose(notes_per_beat(played), notes_per_second(at_a_bar_a_second) / 4)
    np.testing.assert_allclose(bar_loudness(played), heard_loudness(at_a_bar_a_second), atol=1e-6)


def test_metres_change_and_the_last_bar_is_cut_short() -> None:
    end = 5 * TICKS_PER_BEAT + FOUR + TICKS_PER_BEAT // 2
    song = song_of(
        [Note(b * TICKS_PER_BEAT, 60, (b + 1) * TICKS_PER_BEAT, 127) for b in range(9)],
        end, {0: 3, 3 * TICKS_PER_BEAT: 2, 5 * TICKS_PER_BEAT: 4},
    )  # fmt: skip
    beats = bar_ticks(song) / TICKS_PER_BEAT
    assert beats.tolist() == [0, 3, 5, 9, 9.5]
    np.testing.assert_allclose(notes_per_beat(song), [1, 1, 1, 0])


def test_many_bars_of_three_do_not_drift() -> None:
    bars = 2000
    notes = [
        Note(3 * i * TICKS_PER_BEAT, 60, (3 * i + 1) * TICKS_PER_BEAT, 64) for i in range(bars)
    ]
    song = song_of(notes, 3 * bars * TICKS_PER_BEAT, {0: 3})
    np.testing.assert_allclose(notes_per_beat(song), np.full(bars, 1 / 3))
