"""Metrics of notes on pieces small enough to be counted by hand, and the baselines' promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from amt.chords import Key, parse_chord
from amt.measure import notes_per_beat
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, ROLE, tidy, to_notes
from amt.plan import validate
from data_prep.note_song import NoteSong, measured
from experiments.arranger.baselines import NoteBigram, arranged_by_patterns, plan_of
from experiments.arranger.melody import (
    MelodyIndex,
    Motif,
    mean_similarity,
    melody_line,
    melody_values,
)
from experiments.arranger.metrics import (
    bars_of,
    chord_tone_share,
    empty_beat_rate,
    groove_consistency,
    halves_overlap,
    in_scale_share,
    interval_histogram,
    kernel_masses,
    length_histogram,
    overlapped_area,
    pitch_class_entropy,
    polyphony,
    polyphony_rate,
    rank_correlation,
    scale_consistency,
    windows,
)

MELODY, _, HARMONY = range(3)
C_MAJOR = Key(0, "major")
C, G = parse_chord("C").id, parse_chord("G").id


def make_piece(
    notes: list[tuple[float, int, int, float]],
    bars: tuple[int, ...] = (4, 4),
    chords: list[int] | None = None,
    key: Key = C_MAJOR,
) -> NoteSong:
    """Notes of onset and length in beats, role and pitch."""
    rows = [
        (round(onset * RESOLUTION), role, pitch, round(length * RESOLUTION), 80)
        for onset, role, pitch, length in notes
    ]
    table = tidy(np.array(rows, dtype=np.int64).reshape(-1, 5))
    beats = sum(bars)
    ids = np.array(chords or [C] * beats)
    return measured("test/1", key, bars, np.full(beats, 120.0), ids, table)


def melody_of(pitches: list[int], bars: int | None = None) -> NoteSong:
    """A melody in quarters."""
    n_bars = bars or -(-len(pitches) // 4)
    return make_piece([(i, MELODY, p, 1) for i, p in enumerate(pitches)], (4,) * n_bars)


def test_pitches_are_counted_as_muspy_does() -> None:
    piece = make_piece(
        [(0, HARMONY, 60, 1), (1, HARMONY, 67, 1), (2, HARMONY, 72, 1), (3, 2, 61, 1)]
    )
    # Pitch classes: C twice, G once, C sharp once.
    assert pitch_class_entropy(piece) == pytest.approx(1.5)
    assert in_scale_share(piece) == 0.75
    # A flat major, or C sharp, has all three.
    assert scale_consistency(piece) == 1.0
    assert in_scale_share(replace(piece, key=Key(8, "major"))) == 1.0


def test_textures_are_counted_as_muspy_does() -> None:
    # A chord of three for two beats, one note for one more, five beats of nothing.
    piece = make_piece([(0, 2, 48, 2), (0, 2, 60, 2), (0, 0, 64, 3)])
    assert polyphony(piece) == pytest.approx((2 * 3 + 1) / 3)
    assert polyphony_rate(piece) == pytest.approx(2 / 8)
    assert empty_beat_rate(piece) == pytest.approx(5 / 8)


def test_one_pitch_in_two_roles_is_one_that_sounds() -> None:
    assert polyphony(make_piece([(0, MELODY, 60, 1), (0, HARMONY, 60, 1)])) == 1.0


def test_grooves_of_equal_bars_agree() -> None:
    rhythm = [0, 1.5, 3]
    same = [(4 * bar + onset, 2, 60, 0.5) for bar in range(3) for onset in rhythm]
    assert groove_consistency(make_piece(same, (4, 4, 4))) == 1.0
    # Without one onset of the third bar: one of 48 positions differs in one of two pairs.
    assert groove_consistency(make_piece(same[:-1], (4, 4, 4))) == pytest.approx(1 - 1 / 48 / 2)
    # Bars of different lengths are not compared.
    assert np.isnan(groove_consistency(make_piece([(0, 2, 60, 1)], (4, 3))))


def test_chord_tones_count_by_the_time_for_which_they_sound() -> None:
    chords = [C] * 4 + [G] * 2 + [0] * 2
    # E: four beats of C, then two of G, to which it does not belong, then no chord.
    assert chord_tone_share(make_piece([(0, 2, 64, 8)], chords=chords)) == pytest.approx(4 / 6)
    assert chord_tone_share(make_piece([(0, 2, 67, 8)], chords=chords)) == 1.0
    assert np.isnan(chord_tone_share(make_piece([(6, 2, 67, 2)], chords=chords)))


def test_windows_are_of_eight_bars_and_cut_what_outlasts_them() -> None:
    piece = make_piece([(30, 2, 60, 8), (66, 2, 62, 1)], (4,) * 19)
    parts = windows(piece)
    assert [len(part.bars) for part in parts] == [8, 8]
    assert parts[0].notes[0].tolist() == [30 * RESOLUTION, 2, 60, 2 * RESOLUTION, 80]
    assert not len(parts[1].notes)
    assert bars_of(piece, 16, 19).notes[0, ONSET] == 2 * RESOLUTION
    assert [len(part.bars) for part in windows(bars_of(piece, 0, 5))] == [5]


def test_the_line_is_the_melody_or_else_the_skyline() -> None:
    notes = [(0, MELODY, 60, 1), (0, HARMONY, 72, 1), (1, HARMONY, 48, 1), (1, HARMONY, 55, 1)]
    assert melody_line(make_piece(notes))[:, PITCH].tolist() == [60]
    assert melody_line(make_piece(notes[1:]))[:, PITCH].tolist() == [72, 55]


def test_intervals_and_lengths_are_counted() -> None:
    piece = make_piece([(0, 0, 60, 1), (1, 0, 62, 0.25), (1.5, 0, 62, 1.1), (3, 0, 90, 4)])
    expected = np.zeros(25)
    expected[[12 + 2, 12, 24]] = 1
    assert interval_histogram(piece).tolist() == expected.tolist()
    # Sixteenth, two (nearly) quarters, whole note.
    assert length_histogram(piece).tolist() == [1, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0]


def test_the_melody_is_measured() -> None:
    # Four bars of C D E and a rest, then the same a fourth higher, but for the last bar.
    notes = [
        (4 * bar + i, MELODY, 60 + 5 * (bar // 4) + 2 * i, 1) for bar in range(7) for i in range(3)
    ]
    found = melody_values(make_piece([*notes, (28, MELODY, 65, 4)], (4,) * 9))
    assert found["range"] == 9
    assert found["rests"] == pytest.approx(7 / 32)  # the ninth bar, in which it is silent, aside
    # 14 whole tones within bars; between them, three falls of a third, one step up, three falls.
    assert found["stepwise"] == pytest.approx(15 / 21)
    # Of bars 0 to 4, which have a fourth bar after them, the last two are followed by one note and
    # by none.
    assert found["returns after 4"] == pytest.approx(3 / 5)
    assert found["returns after 8"] == 0.0
    assert found["similarity after 4"] == pytest.approx(3 / 5)


def test_motifs_that_differ_in_one_note_are_alike() -> None:
    first, second = Motif((0, 12, 24), (2, 2)), Motif((0, 12, 36), (2, 2))
    assert mean_similarity([first, second], 1) == pytest.approx(2 / 3)
    assert mean_similarity([first, None, first], 1) == 0.0
    assert np.isnan(mean_similarity([None, first], 1))


def test_nothing_can_be_said_of_a_silent_melody() -> None:
    assert all(np.isnan(value) for value in melody_values(make_piece([])).values())


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_metrics_ignore_transposition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    notes = [
        (float(rng.integers(0, 14)) / 2, int(rng.integers(3)), int(rng.integers(45, 80)), 1.0)
        for _ in range(12)
    ]
    up = int(rng.integers(-5, 6))
    moved = [(onset, role, pitch + up, length) for onset, role, pitch, length in notes]
    chord, chord_up = parse_chord("C"), parse_chord("C").transpose(up)
    here = make_piece(notes, chords=[chord.id] * 8)
    there = make_piece(moved, chords=[chord_up.id] * 8, key=Key(up % 12, "major"))
    for metric in (pitch_class_entropy, in_scale_share, scale_consistency, chord_tone_share):
        assert metric(here) == pytest.approx(metric(there))
    assert melody_values(here) == pytest.approx(melody_values(there), nan_ok=True)


# --- overlapped area --------------------------------------------------------------------------


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_overlapped_area_is_that_of_plain_kernel_densities(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = [rng.normal(0, 1, 20) for _ in range(3)]
    second = [rng.normal(rng.uniform(0, 3), 1, 20) for _ in range(3)]
    masses = kernel_masses([first, second], first)
    ours = overlapped_area(*(mass.sum(axis=0) for mass in masses))
    pooled, others = np.concatenate(first), np.concatenate(second)
    width = pooled.std() * len(pooled) ** -0.2
    axis = np.linspace(-10, 14, 4000)
    densities = [gaussian_kde(x, width / x.std(ddof=1))(axis) for x in (pooled, others)]
    assert ours == pytest.approx(np.minimum(*densities).sum() * (axis[1] - axis[0]), abs=2e-3)


def test_overlapped_area_goes_from_nothing_to_one() -> None:
    here = [np.array([0.0, 0.1]), np.array([0.2])]
    there = [song + 100 for song in here]
    still = [np.array([0.1]), np.array([0.1])]
    ours, same, far, constant = (
        mass.sum(axis=0) for mass in kernel_masses([here, here, there, still], here)
    )
    assert overlapped_area(ours, same) == pytest.approx(1)
    assert overlapped_area(ours, far) == pytest.approx(0, abs=1e-6)
    assert 0.1 < overlapped_area(ours, constant) < 1
    assert np.isnan(overlapped_area(ours, np.zeros_like(ours)))
    assert halves_overlap(np.array([[1.0, 1.0], [2.0, 2.0]]), 0) == pytest.approx(1)
    assert np.isnan(halves_overlap(np.ones((1, 2)), 0))


def test_rank_correlation_needs_curves_that_move() -> None:
    rising = np.arange(5.0)
    assert rank_correlation(rising, rising**3) == pytest.approx(1)
    assert rank_correlation(rising, -rising) == pytest.approx(-1)
    assert np.isnan(rank_correlation(rising, np.ones(5)))


# --- copying ----------------------------------------------------------------------------------


def longest_by_hand(here: list[int], corpus: list[list[int]]) -> int:
    best = 0
    for there in corpus:
        for i in range(len(here)):
            for j in range(len(there)):
                n = 0
                while i + n < len(here) and j + n < len(there) and here[i + n] == there[j + n]:
                    n += 1
                best = max(best, n)
    return best


@given(
    st.lists(st.integers(60, 62), max_size=25),
    st.lists(st.lists(st.integers(60, 62), max_size=25), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_the_longest_match_is_that_of_a_plain_search(
    pitches: list[int], corpus: list[list[int]]
) -> None:
    index = MelodyIndex([melody_of(song, 7) for song in corpus])
    steps = [np.diff(song).tolist() for song in corpus]
    assert index.longest_match(melody_of(pitches, 7)) == longest_by_hand(
        np.diff(pitches).tolist(), steps
    )


def test_a_transposed_copy_is_found_and_none_across_songs() -> None:
    pitches = [60, 62, 64, 65, 67, 69, 71, 72]
    index = MelodyIndex([melody_of(pitches), melody_of(pitches[::-1])])
    assert index.longest_match(melody_of([pitch + 3 for pitch in pitches])) == 7
    assert index.longest_match(melody_of(pitches[4:] + pitches[::-1])) == 7


# --- baselines --------------------------------------------------------------------------------


def test_patterns_answer_to_the_curves_of_a_piece() -> None:
    busy = [(bar * 4 + i / 4, 2, 60 + i % 7, 0.25) for bar in (2, 3) for i in range(16)]
    calm = [(bar * 4 + i, 2, 60 + i, 1) for bar in (0, 1, 4, 5) for i in range(2)]
    piece = make_piece([*busy, *calm], (4,) * 6, chords=[C] * 12 + [G] * 12)
    plan = plan_of(piece, 3)
    validate(plan)
    assert [(span.beat, span.chord.id) for span in plan.chords] == [(0, C), (12, G)]
    assert plan.density[5] == pytest.approx(8)  # sixteenths at 120 BPM
    made, song = arranged_by_patterns(piece, 3)
    np.testing.assert_allclose(notes_per_beat(song).sum() * 4, len(made.notes), atol=2)
    assert rank_correlation(piece.density, notes_per_beat(song)) > 0.5
    assert chord_tone_share(made) > 0.8


@given(st.integers(0, 10_000), st.lists(st.integers(1, 8), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_the_bigram_model_writes_music_of_any_bars(seed: int, bars: list[int]) -> None:
    notes = [(bar * 4 + i, i % 3, 60 + i, 1) for bar in range(4) for i in range(4)]
    bigram = NoteBigram([make_piece(notes, (4,) * 4)])
    words = bigram.write(bars, np.random.default_rng(seed))
    written = to_notes(words, bars)  # which checks that no note leaves its bar
    assert len(written) == len(words) - len(bars) - 1  # so no note doubles another
    assert np.array_equal(words, bigram.write(bars, np.random.default_rng(seed)))


def test_the_bigram_model_writes_what_it_counted() -> None:
    notes = [(bar * 4 + i, HARMONY, 60 + 2 * i, 1) for bar in range(200) for i in range(4)]
    bigram = NoteBigram([make_piece(notes, (4,) * 200)])
    written = to_notes(bigram.write((4,) * 20, np.random.default_rng(0)), (4,) * 20)
    assert (written[:, ROLE] == HARMONY).mean() > 0.95
    assert (written[:, DURATION] == RESOLUTION).mean() > 0.95
    assert np.isin(written[:, PITCH], [60, 62, 64, 66]).mean() > 0.95
