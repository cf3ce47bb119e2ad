"""Themes: what returns, what breathes, where the climax lies and how the melody ends."""

from __future__ import annotations

import numpy as np
import pytest

from amt.arrange.melody_shape import BREATH, ending_on_tonic, with_breaths, with_climax
from amt.arrange.theme_bars import OCTAVE, ThemeContext, ornamented
from amt.arrange.themes import shaped, with_returns
from amt.chords import parse_chord
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION

BAR = 4 * RESOLUTION


def context(chords: str, phrases: list[tuple[int, int, str]], **changes) -> ThemeContext:
    """Bars of four beats with one chord each, in C major."""
    ids = np.repeat([parse_chord(name).id for name in chords.split()], 4)
    n_bars = len(ids) // 4
    given = {"ending": BAR * (n_bars - 1), "low": 48, "high": 96} | changes
    return ThemeContext((4,) * n_bars, tuple(phrases), ids, tonic=0, **given)


def drawn(n_bars: int, seed: int = 0) -> np.ndarray:
    """Five notes a bar at random places and pitches, one voice."""
    rng = np.random.default_rng(seed)
    rows = []
    for bar in range(n_bars):
        onsets = np.sort(rng.choice(BAR // 3, 5, replace=False)) * 3 + BAR * bar
        rows += [(onset, 1, int(rng.integers(60, 80)), 6, 80) for onset in onsets]
    notes = np.array(rows, dtype=np.int64)
    notes[:-1, DURATION] = np.minimum(notes[:-1, DURATION], np.diff(notes[:, ONSET]))
    return notes


def bar_of(notes: np.ndarray, bar: int) -> list[tuple[int, int]]:
    inside = notes[(notes[:, ONSET] >= BAR * bar) & (notes[:, ONSET] < BAR * (bar + 1))]
    return [(int(n[ONSET]) - BAR * bar, int(n[PITCH])) for n in inside]


@pytest.mark.parametrize("seed", range(5))
def test_a_phrase_of_an_earlier_label_has_its_melody_over_its_chords(seed):
    made = context("C F G C C F G A:min", [(0, 4, "A"), (4, 8, "A")])
    notes = with_returns(drawn(8, seed), made)
    for bar in (0, 1, 2):
        assert bar_of(notes, bar) == bar_of(notes, bar + 4)
    assert [onset for onset, _ in bar_of(notes, 3)] == [onset for onset, _ in bar_of(notes, 7)]
    tones = parse_chord("A:min").pitch_classes
    assert all(pitch % 12 in tones for onset, pitch in bar_of(notes, 7) if onset % 24 == 0)


@pytest.mark.parametrize("seed", range(5))
def test_a_last_bar_returns_over_the_same_chords(seed):
    made = context("C F G C C F G C", [(0, 4, "A"), (4, 8, "A")])
    notes = with_returns(drawn(8, seed), made)
    assert bar_of(notes, 3) == bar_of(notes, 7)


@pytest.mark.parametrize("seed", range(5))
def test_the_rhythm_returns_and_notes_on_strong_beats_do_not_clash_with_other_chords(seed):
    made = context("C F G C A:min D:min E:min C", [(0, 4, "A"), (4, 8, "A")])
    notes = with_returns(drawn(8, seed), made)
    for bar in (0, 1, 2):
        first, again = bar_of(notes, bar), bar_of(notes, bar + 4)
        assert [onset for onset, _ in first] == [onset for onset, _ in again]
        for onset, pitch in again:
            if onset % (2 * RESOLUTION) == 0:
                position = BAR * (bar + 4) + onset
                tones = made.chord_at(position).pitch_classes
                near = {(pitch - tone) % 12 for tone in tones}
                assert 0 in near or not near & {1, 11}


@pytest.mark.parametrize("seed", range(5))
def test_a_contrasting_phrase_has_its_own_melody_and_the_first_rhythm(seed):
    made = context("C F G C C F G C", [(0, 4, "A"), (4, 8, "B")])
    before = drawn(8, seed)
    notes = with_returns(before, made)
    assert bar_of(notes, 4) == bar_of(before, 4)
    for bar in (5, 7):
        assert [o for o, _ in bar_of(notes, bar)] == [o for o, _ in bar_of(notes, 0)]
        assert bar_of(notes, bar) != bar_of(notes, 0)


def test_a_long_phrase_repeats_its_beginning():
    made = context("C C C C C C C", [(0, 7, "A")])
    notes = with_returns(drawn(7), made)
    assert [bar_of(notes, bar) for bar in (2, 4, 5)] == [bar_of(notes, bar) for bar in (0, 0, 1)]
    assert bar_of(notes, 6) == bar_of(drawn(7), 6)


def test_a_shorter_bar_takes_over_what_fits_into_it():
    made = ThemeContext(
        (4, 4, 3, 4), ((0, 2, "A"), (2, 4, "A")), np.full(15, parse_chord("C").id), tonic=0,
        ending=BAR * 3, low=48, high=96,
    )  # fmt: skip
    notes = with_returns(drawn(3), made)
    inside = [note for note in bar_of(notes, 0) if note[0] < 3 * RESOLUTION]
    assert bar_of(notes, 2) == inside


@pytest.mark.parametrize("seed", range(5))
def test_a_phrase_ends_on_a_held_note_and_a_rest(seed):
    made = context("C F G C C F G C", [(0, 4, "A"), (4, 8, "B")])
    notes = with_breaths(drawn(8, seed), made)
    for last in (3, 7):
        inside = notes[(notes[:, ONSET] >= BAR * last) & (notes[:, ONSET] < BAR * (last + 1))]
        assert (inside[:, ONSET] <= BAR * last + BAR // 2 + RESOLUTION // 2).all()
        assert inside[-1, ONSET] + inside[-1, DURATION] == BAR * (last + 1) - BREATH
    early = drawn(8, seed)[:, ONSET] < BAR
    assert (notes[notes[:, ONSET] < BAR] == drawn(8, seed)[early]).all()


def test_phrase_ends_have_fewer_notes_than_other_places_but_not_none():
    made = context("C F G C C F G C", [(0, 4, "A"), (4, 8, "B")])
    ends, others = [], []
    for seed in range(40):
        onsets = with_breaths(drawn(8, seed), made)[:, ONSET]
        counts = np.histogram(onsets, np.arange(0, 8 * BAR + 1, BAR // 2))[0]
        ends += counts[[7, 15]].tolist()
        others += np.delete(counts, [7, 15]).tolist()
    assert 0.3 <= np.mean(ends) / np.mean(others) <= 0.8


def rise(made: ThemeContext, bars: range) -> float:
    """Semitones by which the climax is higher in some bars."""
    before = drawn(8)
    lifted = with_climax(before, made)[:, PITCH] - before[:, PITCH]
    inside = (before[:, ONSET] >= bars.start * BAR) & (before[:, ONSET] < bars.stop * BAR)
    return float(lifted[inside].mean())


def test_the_loudest_section_rises_phrase_by_phrase_to_an_octave():
    phrases = [(0, 4, "A"), (4, 6, "B"), (6, 8, "B")]
    made = context("C F G C C F G C", phrases, climax=(4, 8))
    assert rise(made, range(4)) == 0
    assert 4 <= rise(made, range(4, 6)) <= 7
    assert rise(made, range(6, 8)) == pytest.approx(OCTAVE, abs=1)
    assert 7 <= rise(context("C F G C C F G C", [(0, 4, "A"), (4, 8, "B")], climax=(4, 8)),
                     range(4, 8)) <= 11  # fmt: skip


def test_the_climax_keeps_repeated_notes_repeated():
    """A theme is recognised by its contour, which stays where notes do not clash."""
    notes = drawn(8)
    notes[:, PITCH] = 69
    made = context("C F C F C F C F", [(0, 4, "A"), (4, 8, "B")], climax=(4, 8))
    raised = with_climax(notes, made)
    for bar in range(4, 8):
        assert len({pitch for _, pitch in bar_of(raised, bar)}) == 1
    notes[:, PITCH] = 65
    ninth = with_climax(notes, context("C C C C C", [(0, 4, "A"), (4, 5, "B")], climax=(4, 5)))
    assert {pitch for _, pitch in bar_of(ninth, 4)} == {74}


@pytest.mark.parametrize("pitches", [(67,), (67, 64)])
def test_the_head_of_a_theme_does_not_dwell_on_two_pitches(pitches):
    notes = drawn(4)
    notes[:, PITCH] = np.resize(pitches, len(notes))
    made = with_returns(notes, context("C G C G", [(0, 4, "A")]))
    head = [*bar_of(made, 0), *bar_of(made, 1)]
    assert [onset for onset, _ in head] == [n for bar in (0, 1) for n, _ in bar_of(notes, bar)]
    assert len({pitch for _, pitch in head}) > len(pitches)
    narrow = with_returns(notes, context("C G C G", [(0, 4, "A")], high=67))
    assert narrow[:, PITCH].max() <= 67
    kept = with_returns(notes, context("C G C G", [(0, 4, "A")], rewritten=range(1, 2)))
    assert bar_of(kept, 1) == bar_of(notes, 1)


def test_the_climax_stays_in_the_range_of_the_instrument():
    before = drawn(8)
    made = context("C F G C C F G C", [(0, 4, "A"), (4, 8, "B")], climax=(4, 8), high=84)
    assert with_climax(before, made)[:, PITCH].max() <= 84
    for bar in range(4, 8):
        after = [pitch for _, pitch in bar_of(with_climax(before, made), bar)]
        assert sum(after) > sum(pitch for _, pitch in bar_of(before, bar))
    made = context("C F G C C F G C", [(0, 4, "A"), (4, 8, "B")], climax=(4, 8), high=60)
    assert (with_climax(before, made) == before).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_theme_that_returns_is_varied_and_recognised(seed):
    phrases = [(0, 4, "A"), (4, 8, "A")]
    plain, *varied = (
        with_returns(drawn(8, seed), context("C C C C C C C C", phrases, returns=(0, times)))
        for times in range(4)
    )
    assert [bar_of(plain, bar) for bar in range(4)] == [bar_of(plain, bar) for bar in range(4, 8)]
    for times, notes in enumerate(varied, 1):
        theme, again = (notes[(notes[:, ONSET] // (4 * BAR)) == half] for half in (0, 1))
        onsets = set((again[:, ONSET] - 4 * BAR).tolist())
        assert set(theme[:, ONSET].tolist()) <= onsets
        assert len(theme) >= 0.6 * len(again)
        assert times % 2 == 1 or len(again) == len(theme)
        crowded = seed in (0, 1, 2)  # nothing is a beat apart in the bars that could be ornamented
        assert times % 2 == 0 or crowded or len(again) > len(theme)
        octaves = OCTAVE * (times >= 2)
        assert bar_of(notes, 4) == [(onset, pitch - octaves) for onset, pitch in bar_of(notes, 0)]


def test_the_theme_is_the_phrase_that_has_most_of_a_melody():
    made = context("C C C C C C C C", [(0, 4, "A"), (4, 8, "A")])
    notes = drawn(8)
    sparse = np.concatenate([notes[:20:5], notes[20:]])  # one note in each of the first bars
    assert bar_of(with_returns(sparse, made), 0) == bar_of(notes, 4)


def test_ornaments_are_tones_of_the_scale_between_their_neighbours():
    notes = np.array([(0, 1, 60, 12, 80), (12, 1, 67, 12, 80), (24, 1, 67, 24, 80)])
    added = ornamented(notes, (0, 2, 4, 5, 7, 9, 11))
    assert added[:, PITCH].tolist() == [60, 65, 67, 69, 67]
    assert added[:, ONSET].tolist() == [0, 6, 12, 18, 24]
    quick = np.array([(0, 1, 60, 6, 80), (6, 1, 67, 6, 80)])
    assert len(ornamented(quick, (0, 2, 4, 5, 7, 9, 11))) == 2


def test_a_theme_is_first_stated_where_the_melody_plays():
    phrases = [(0, 2, "A"), (2, 6, "A"), (6, 10, "A")]
    made = context("C F C F C F C F C F", phrases, resting=frozenset({0, 1}))
    notes = with_returns(drawn(10), made)
    assert (notes[:, ONSET] >= 2 * BAR).all()
    assert bar_of(notes, 2) == bar_of(drawn(10), 2)
    assert bar_of(notes, 6) == bar_of(notes, 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_melody_ends_on_the_tonic_with_the_final_chord(seed):
    made = context("C F G C", [(0, 4, "A")])
    notes = ending_on_tonic(drawn(4, seed), made)
    assert notes[-1, PITCH] % 12 == 0
    assert notes[-1, ONSET] == made.ending
    assert notes[-1, ONSET] + notes[-1, DURATION] == 4 * BAR
    assert (notes[:-1, ONSET] < made.ending).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_melody_stays_one_voice_inside_the_piece(seed):
    made = context(
        "C F G C A:min F G C C C", [(0, 4, "A"), (4, 7, "A"), (7, 10, "B")], climax=(4, 7)
    )
    notes = shaped(drawn(10, seed), made)
    assert (np.diff(notes[:, ONSET]) > 0).all()
    assert (notes[:-1, ONSET] + notes[:-1, DURATION] <= notes[1:, ONSET]).all()
    assert (notes[:, DURATION] >= 1).all()
    assert notes[-1, ONSET] + notes[-1, DURATION] <= 10 * BAR


@pytest.mark.parametrize("onset", [0, BAR // 2, BAR - 1])
def test_a_melody_of_one_note_stays(onset):
    lone = np.array([(onset, 1, 60, 6, 80)])
    assert len(shaped(lone, context("C", [(0, 1, "A")], ending=0))) == 1
    assert len(shaped(lone, context("C G C", [(0, 3, "A")]))) == 1


def test_no_melody_stays_none():
    empty = np.zeros((0, 5), dtype=np.int64)
    assert len(shaped(empty, context("C F G C", [(0, 4, "A")]))) == 0


def test_bars_that_are_rewritten_keep_their_new_melody():
    made = context("C F G C C F G C", [(0, 4, "A"), (4, 8, "A")], rewritten=range(5, 6))
    before = drawn(8)
    notes = with_returns(before, made)
    assert bar_of(notes, 5) == bar_of(before, 5)
    assert bar_of(notes, 4) == bar_of(notes, 0)


@pytest.mark.parametrize("seed", range(5))
def test_all_shapes_of_the_melody_are_there_together(seed):
    """Returns, breaths and the final tonic in what the arranger asks for."""
    made = context("C F G C C F G C A:min F G C", [(0, 4, "A"), (4, 8, "A"), (8, 12, "B")])
    notes = shaped(drawn(12, seed), made)
    assert [bar_of(notes, bar) for bar in range(3)] == [bar_of(notes, bar) for bar in range(4, 7)]
    late = [onset for onset, _ in bar_of(notes, 3) if onset >= BAR // 2 + RESOLUTION]
    assert late == []
    assert notes[-1, PITCH] % 12 == 0
