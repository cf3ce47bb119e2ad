"""The measures of harmony, voices and form on pieces whose values are known by counting."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from amt.chords import Key, parse_chord
from experiments.music import harmony, voices
from experiments.music.piece import Piece, excerpt, sorted_notes

BEAT = 480


def ids(text: str) -> np.ndarray:
    return np.array([parse_chord(name).id for name in text.split()])


def row(beat: float, beats: float, pitch: int, velocity: int = 64) -> tuple[int, ...]:
    return round(beat * BEAT), round((beat + beats) * BEAT), pitch, velocity


def piece(chords: str = "C C C C", bars: tuple[int, ...] = (4,), **parts: list) -> Piece:
    """A piece at 60 BPM; notes are (beat, beats, pitch) or (beat, beats, pitch, velocity)."""
    rows = {name: sorted_notes(np.array([row(*note) for note in p])) for name, p in parts.items()}
    return Piece("toy", Key(0, "major"), bars, np.ones(sum(bars)), ids(chords), rows)


def test_a_loop_of_two_returns_after_two_and_alternates():
    loop = ids("C C Am Am C C Am Am")
    assert harmony.returns_after(loop, 2) == 1
    assert harmony.alternation(loop) == 1
    assert harmony.returns_after(loop, 3) == 0


def test_a_loop_of_four_returns_after_four_alone():
    loop = ids("C Am F G C Am F G C Am F G")
    assert [harmony.returns_after(loop, lag) for lag in (2, 3, 4, 8)] == [0, 0, 1, 1]
    assert harmony.alternation(loop) == 0


def test_passages_without_chord_are_left_out():
    assert list(harmony.progression(ids("N.C. C C N.C. Am"))) == list(ids("C Am"))
    assert math.isnan(harmony.returns_after(ids("N.C. N.C."), 2))


def test_entropy_is_that_of_the_time_on_each_chord():
    distinct, bits = harmony.distinct_and_entropy(ids("C Am F G"), np.full(4, 10.0))
    assert (distinct, bits) == (4, pytest.approx(2.0))
    assert harmony.distinct_and_entropy(ids("C C"), np.full(2, 20.0)) == (1, 0)
    assert np.isnan(harmony.distinct_and_entropy(ids("C Am"), np.full(2, 10.0))).all()


def test_windows_of_forty_seconds_are_counted_apart():
    chords, length_s = ids("C Am F G"), np.full(4, 20.0)
    assert harmony.distinct_and_entropy(chords, length_s) == (2, pytest.approx(1.0))


def test_sevenths_and_sixths_are_no_triads():
    assert harmony.sevenths(ids("C G7 Am Fmaj7 Dsus4")) == pytest.approx(2 / 5)


def test_the_lowest_note_at_a_change_decides_inversion():
    bass = [(0, 2, 48), (2, 2, 52)]
    assert harmony.inversions(piece("C C C C", bass=bass)) == 0
    assert harmony.inversions(piece("F F C C", bass=[(0, 2, 48), (2, 2, 48)])) == 0.5


@pytest.mark.parametrize(
    ("chords", "authentic"), [("F G7 C", 1), ("C B:dim C", 1), ("G F C", 0), ("C F G", 0)]
)
def test_an_authentic_cadence_ends_from_dominant_to_tonic(chords, authentic):
    assert harmony.ends_on_cadence(ids(chords), Key(0, "major")) == authentic


def test_equal_openings_are_counted_by_pairs():
    a, b = (1, 2, 3, 4, 5), (1, 2, 3, 4, 9)
    assert harmony.equal_openings([a, b, (1, 2, 3, 5)]) == pytest.approx(1 / 3)


def test_bass_is_doubled_where_its_pitch_sounds_above():
    bass = [(0, 1, 40), (1, 1, 43)]
    assert voices.doubled_bass(piece(bass=bass, accompaniment=[(0, 1, 40), (1, 1, 60)])) == 0.5


def test_low_close_notes_are_mud_and_low_fifths_are_not():
    assert voices.low_mud(piece(bass=[(0, 4, 40)], accompaniment=[(0, 2, 44)])) == 0.5
    assert voices.low_mud(piece(bass=[(0, 4, 40)], accompaniment=[(0, 4, 47)])) == 0


def test_melody_among_the_other_parts():
    made = piece(
        melody=[(0, 1, 72), (1, 1, 60), (2, 1, 64), (3, 1, 71)],
        accompaniment=[(0, 1, 60), (1, 1, 67), (2, 1, 64), (3, 1, 70)],
    )
    assert voices.melody_on_top(made) == 0.75
    assert voices.melody_unisons(made) == 0.25
    assert voices.melody_clashes(made) == 0.25


def test_beats_in_which_nothing_sounds():
    assert voices.silent_beats(piece(melody=[(0, 1, 60), (2.5, 1, 60)])) == 0.25
    assert voices.silent_beats(piece(melody=[(0, 4, 60)])) == 0


def test_bars_return_whatever_their_pitch():
    line = [(0, 1, 60), (1, 1, 62), (4, 1, 65), (5, 1, 67), (8, 1, 60), (9, 1, 59), (12, 2, 60)]
    made = piece("C " * 16, (4, 4, 4, 4), melody=line)
    assert voices.returning_bars(made) == (pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_phrases_that_rest_at_their_end():
    line = [(beat, 1, 60) for beat in range(14)]
    ends, others = voices.phrase_end_density(piece("C " * 16, (4, 4, 4, 4), melody=line))
    assert (ends, others) == (0, 2)


def test_the_degree_on_which_the_melody_ends():
    assert voices.last_degree(piece(melody=[(0, 1, 60), (1, 1, 67)])) == 7
    assert voices.last_degree(piece(bass=[(0, 1, 40)])) is None


def test_a_strong_cut_that_is_played_louder():
    made = piece(
        "C " * 12, (4, 4, 4), melody=[(0, 4, 60, 50), (4, 4, 60, 50), (8, 4, 60, 100)]
    )  # fmt: skip
    cut = Piece(
        made.name, made.key, made.bars, made.beat_s, made.chords, made.parts,
        strong_cuts=(8 * BEAT + 30,),
    )  # fmt: skip
    at_cut, elsewhere = voices.cut_rise_db(cut)
    assert at_cut == pytest.approx(20 * math.log10(2))
    assert elsewhere == pytest.approx(0)


def test_the_melody_rises_in_the_loudest_section():
    made = piece("C " * 8, (4, 4), melody=[(0, 4, 60, 50), (4, 4, 67, 100)])
    both = Piece(
        made.name, made.key, made.bars, made.beat_s, made.chords, made.parts, sections=(0, 4)
    )
    assert voices.climax_rise(both) == 7
    assert math.isnan(voices.climax_rise(made))


def test_an_excerpt_begins_at_zero_and_cuts_what_outlasts_it():
    made = piece("C " * 8, (4, 4), melody=[(0, 1, 60), (4, 6, 62)])
    part = excerpt(made, 1, 2)
    assert part.parts["melody"].tolist() == [[0, 4 * BEAT, 62, 64]]
    assert (part.bars, part.n_beats) == ((4,), 4)


def test_secondary_dominants_resolve_and_other_foreign_chords_do_not():
    keys = [Key(0, "major")] * 8
    chords = ids("C C A7 A7 Dm Dm G G")
    assert harmony.applied_and_borrowed(chords, keys) == (0.25, 0)
    assert harmony.applied_and_borrowed(ids("C C A7 A7 F F G G"), keys) == (0, 0.25)
    assert harmony.applied_and_borrowed(ids("C C G7 G7 C C F F"), keys) == (0, 0)
    assert harmony.applied_and_borrowed(ids("C C C7 C7 F F Fm Fm"), keys) == (0.25, 0.25)
    minor = [Key(0, "minor")] * 8
    assert harmony.applied_and_borrowed(ids("Cm Cm G7 G7 Cm Cm Ab Ab"), minor) == (0, 0)


def test_a_section_in_its_own_key_has_that_keys_chords():
    found = replace(piece("C C Cm Cm", bars=(2, 2)), key_changes=((2, Key(0, "minor")),))
    assert found.keys == (Key(0, "major"),) * 2 + (Key(0, "minor"),) * 2
    assert harmony.applied_and_borrowed(found.chords, found.keys) == (0, 0)


def test_changes_are_counted_in_both_halves_of_four_bars():
    quickening = piece("C C C C F F F F G G Am Am F G C C", bars=(4, 4, 4, 4))
    assert harmony.changes_by_place(quickening) == (2.5, 0.5)
