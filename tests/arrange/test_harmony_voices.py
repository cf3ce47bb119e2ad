"""Voicings: complete, in range, clear in the bass, and led with little motion."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange.harmony_voices import (
    bass_fifth,
    bass_line,
    chord_tones,
    lead_voices,
    thin,
    voicings,
)
from amt.chords import VOCABULARY_SIZE, Chord, chord_from_id, parse_chord

chords = st.integers(1, VOCABULARY_SIZE - 1).map(chord_from_id)


def led(names: str, low: int = 50, high: int = 72, centre: float = 61.0) -> list[tuple[int, ...]]:
    progression = [parse_chord(name) for name in names.split()]
    return lead_voices(progression, 4, low, high, np.full(len(progression), centre))


@settings(deadline=None)
@given(chords, st.integers(36, 60))
def test_four_voices_sound_the_whole_chord(chord: Chord, low: int) -> None:
    for notes in voicings(chord, 4, low, low + 22):
        assert {note % 12 for note in notes} == set(chord.pitch_classes)
        assert low <= notes[0] and notes[-1] <= low + 22
        assert all(a < b for a, b in pairwise(notes))


@settings(deadline=None)
@given(chords, st.integers(0, 100), st.sampled_from([(3, 16), (4, 19)]))
def test_the_narrowest_range_of_a_style_voices_every_chord(
    chord: Chord, low: int, size: tuple[int, int]
) -> None:
    voices, span = size
    assert voicings(chord, voices, low, low + span)


@settings(deadline=None)
@given(chords, st.integers(46, 60))
def test_no_mud_below_c3(chord: Chord, low: int) -> None:
    for notes in voicings(chord, 4, low, low + 24):
        assert all(b - a >= 7 for a, b in pairwise(notes) if a < 48)


@settings(deadline=None)
@given(chords)
def test_a_thin_chord_keeps_what_marks_it(chord: Chord) -> None:
    (voicing,) = lead_voices([chord], 4, 50, 74, np.array([62.0]))
    lean = thin(voicing, chord)
    assert len(lean) == 3
    kept = {note % 12 for note in lean}
    assert kept <= set(chord.pitch_classes)
    if chord.quality == "hdim7":
        assert (chord.root or 0) + 6 in {k + 12 * (k < (chord.root or 0)) for k in kept}
    if len(chord.pitch_classes) == 3:
        assert kept == set(chord.pitch_classes)
    assert chord.pitch_classes[1] in kept


@settings(max_examples=30, deadline=None)
@given(st.lists(chords, min_size=2, max_size=4))
def test_voice_leading_is_the_best_of_all(progression: list[Chord]) -> None:
    options = [voicings(chord, 3, 54, 70) for chord in progression]
    centres = np.full(len(progression), 62.0)
    path = lead_voices(progression, 3, 54, 70, centres)
    assert len(path) == len(progression)
    assert all(notes in choice for notes, choice in zip(path, options, strict=True))

    def motion(notes: tuple[tuple[int, ...], ...]) -> int:
        return sum(
            abs(a - b) for one, two in pairwise(notes) for a, b in zip(one, two, strict=True)
        )

    apart = [lead_voices([c], 3, 54, 70, centres[:1])[0] for c in progression]
    assert motion(tuple(path)) <= motion(tuple(apart))
    least = min(motion(notes) for notes in product(*(o[:12] for o in options)))
    assert motion(tuple(path)) <= least + 12 * len(progression)


def test_voices_move_less_together_than_chord_by_chord() -> None:
    chords = "C Am F Dm G7 C Em Am F G C"
    together = np.array(led(chords))
    apart = np.array([led(name)[0] for name in chords.split()])
    motion, plain = (np.abs(np.diff(voices, axis=0)).sum() for voices in (together, apart))
    assert motion <= 0.85 * plain


def test_common_tones_stay_and_the_rest_move_by_step() -> None:
    for one, two in pairwise(led("C Am F Dm G7 C Em Am")):
        assert sum(a == b for a, b in zip(one, two, strict=True)) >= 1
        assert max(abs(a - b) for a, b in zip(one, two, strict=True)) <= 4


def test_a_higher_centre_lifts_the_voices() -> None:
    low, high = led("C F G C", 48, 80, 58.0), led("C F G C", 48, 80, 70.0)
    assert np.mean(high) > np.mean(low) + 6


def test_no_chords_have_no_voices() -> None:
    assert lead_voices([], 4, 50, 72, np.zeros(0)) == []


triads = st.builds(Chord, st.integers(0, 11), st.sampled_from(["maj", "min", "7"]))


@settings(deadline=None)
@given(st.lists(triads, min_size=1, max_size=20), st.data())
def test_the_bass_has_the_root_or_where_it_may_the_third(chords: list[Chord], data) -> None:
    free = data.draw(st.lists(st.booleans(), min_size=len(chords), max_size=len(chords)))
    notes = bass_line(chords, free, 28, 52, 39)
    assert all(28 <= note <= 52 for note in notes)
    assert all(abs(a - b) <= 14 for a, b in pairwise(notes))
    for note, chord, may_invert in zip(notes, chords, free, strict=True):
        assert note % 12 in chord.pitch_classes[: 2 if may_invert else 1]


def test_inversions_make_the_bass_move_by_step() -> None:
    """C G/B Am: with the third of G in the bass the line goes down by steps."""
    chords = [parse_chord(name) for name in ("C", "G", "Am")]
    assert [note % 12 for note in bass_line(chords, [False, True, False], 28, 52, 44)] == [0, 11, 9]
    firm = bass_line(chords, [False] * 3, 28, 52, 44)
    assert [note % 12 for note in firm] == [0, 7, 9]


def test_inversions_are_some_of_the_changes_not_most() -> None:
    """5 to 40 % of 400 random triads that may be inverted, and a smoother line by a tenth."""
    rng = np.random.default_rng(0)
    chords = [Chord(int(root), "maj") for root in rng.integers(0, 12, 400)]
    inverted = bass_line(chords, [True] * 400, 28, 52, 39)
    firm = bass_line(chords, [False] * 400, 28, 52, 39)
    share = np.mean([n % 12 != c.root for n, c in zip(inverted, chords, strict=True)])
    assert 0.05 <= share <= 0.4
    assert np.abs(np.diff(inverted)).mean() <= 0.9 * np.abs(np.diff(firm)).mean()


@pytest.mark.parametrize(("name", "fifth"), [("A", 4), ("Bm7b5", 5), ("C+", 8), ("Dsus4", 9)])
def test_the_bass_plays_the_chords_own_fifth(name: str, fifth: int) -> None:
    chord = parse_chord(name)
    (root,) = bass_line([chord], [False], 28, 52, 39)
    note = bass_fifth(root, chord, 28, 52)
    assert note % 12 == fifth
    assert 28 <= note <= 52


@settings(deadline=None)
@given(chords, st.integers(40, 70))
def test_figures_rise_through_chord_tones(chord: Chord, start: int) -> None:
    tones = chord_tones(chord, start, start + 24, 6)
    assert len(tones) == 6
    assert all(a < b for a, b in pairwise(tones))
    assert {tone % 12 for tone in tones} == set(chord.pitch_classes)
