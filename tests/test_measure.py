"""Curves by the second against a plain reference that steps through time; bars as seconds are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import Key
from amt.measure import (
    bar_loudness,
    bar_ticks,
    measured_loudness,
    n_seconds,
    notes_per_beat,
    notes_per_second,
    onset_strength,
    tick_seconds,
)
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


def song(*tracks: Track, end: int = 1920, tempos: tuple[TempoChange, ...] = ()) -> Song:
    return Song(
        tracks=tracks,
        tempos=tempos or (TempoChange(0, 1_000_000),),
        time_signatures=(TimeSignature(0, 4),),
        key=Key(0, "major"),
        end=end,
    )


@st.composite
def songs(draw: st.DrawFn) -> Song:
    """Two tracks of notes and dynamics under a changing tempo; one of them may be drums."""
    end = draw(st.integers(1, 12)) * 240
    ticks = st.integers(0, end - 1)
    tracks = []
    for is_drum in (False, draw(st.booleans())):
        starts = sorted(draw(st.sets(ticks, max_size=6)))
        ends = [*starts[1:], end]
        velocities = draw(st.lists(st.integers(1, 127), min_size=6, max_size=6))
        notes = [Note(a, 60, b, v) for a, b, v in zip(starts, ends, velocities, strict=False)]
        controls = draw(st.dictionaries(ticks, st.integers(0, 127), max_size=5))
        tracks.append(
            Track(
                name="part",
                program=0,
                notes=tuple(notes),
                controls=tuple(ControlChange(t, 11, v) for t, v in sorted(controls.items())),
                is_drum=is_drum,
            )
        )
    changes = {0: 500_000} | draw(
        st.dictionaries(ticks, st.integers(300_000, 1_100_000), max_size=3)
    )
    return song(
        *tracks, end=end, tempos=tuple(TempoChange(t, u) for t, u in sorted(changes.items()))
    )


def plain_tick_s(piece: Song) -> list[float]:
    """Time of every tick, one tick after the other."""
    changes = {tempo.tick: tempo.us_per_beat for tempo in piece.tempos}
    times_s, now_s, tick_s = [], 0.0, 0.0
    for tick in range(piece.end + 1):
        times_s.append(now_s)
        tick_s = changes[tick] / 1e6 / 480 if tick in changes else tick_s
        now_s += tick_s
    return times_s


def plain_expression(track: Track, tick: int) -> float:
    values = [c.value for c in track.controls if c.number == 11 and c.tick <= tick]
    return (values[-1] if values else 127) / 127


@given(songs())
@settings(deadline=None, max_examples=40)
def test_as_a_walk_through_every_tick(piece: Song) -> None:
    times_s = plain_tick_s(piece)
    seconds = n_seconds(piece)
    assert tick_seconds(piece, np.arange(piece.end + 1)) == pytest.approx(times_s)
    assert seconds == max(1, int(np.ceil(times_s[-1] - 1e-3)))
    counts, strength = np.zeros(seconds), np.zeros(seconds)
    loud, sounding = np.zeros(seconds), np.zeros(seconds)
    for track in piece.tracks:
        for note in track.notes:
            second = min(int(times_s[note.start] + 1e-3), seconds - 1)
            strength[second] += note.velocity / 127 * plain_expression(track, note.start)
            if track.is_drum:
                continue
            counts[second] += 1
            for tick in range(note.start, note.end):
                at = min(int(times_s[tick] + 1e-12), seconds - 1)
                length_s = times_s[tick + 1] - times_s[tick]
                loud[at] += length_s * note.velocity / 127 * plain_expression(track, tick)
                sounding[at] += length_s
    assert notes_per_second(piece) == pytest.approx(counts)
    assert onset_strength(piece) == pytest.approx(strength)
    # The reference gives a tick that crosses a second to the second in which it begins.
    expected = np.divide(loud, sounding, out=np.zeros(seconds), where=sounding > 0)
    clear = sounding > 0.2
    assert measured_loudness(piece)[clear] == pytest.approx(expected[clear], abs=0.02)
    assert (measured_loudness(piece) <= 1 + 1e-9).all()


def test_dynamics_inside_a_long_note() -> None:
    """One note through four seconds, half as loud from the middle of the second second on."""
    fall = (ControlChange(0, 11, 127), ControlChange(720, 11, 0))
    track = Track("pad", 89, (Note(0, 60, 1920, 127),), fall)
    assert measured_loudness(song(track)) == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert notes_per_second(song(track)).tolist() == [1, 0, 0, 0]


def test_drums_are_struck_but_have_no_pitch() -> None:
    drums = Track("drums", 0, (Note(480, 36, 500, 127),), is_drum=True)
    assert onset_strength(song(drums)).tolist() == [0, 1, 0, 0]
    assert not notes_per_second(song(drums)).any()
    assert not measured_loudness(song(drums)).any()


def test_an_empty_song_is_silent() -> None:
    for curve in (notes_per_second, onset_strength, measured_loudness):
        assert curve(song()).tolist() == [0, 0, 0, 0]


def test_the_rounding_of_a_tempo_map_begins_no_second() -> None:
    piece = song(Track("piano", 0, (Note(0, 60, 1920, 64),)), tempos=(TempoChange(0, 1_000_100),))
    assert tick_seconds(piece, piece.end) == pytest.approx(4.0004)
    assert n_seconds(piece) == 4
    assert measured_loudness(piece) == pytest.approx([64 / 127] * 4)


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
    np.testing.assert_allclose(
        bar_loudness(played), measured_loudness(at_a_bar_a_second), atol=1e-6
    )


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
