"""Scores of chords against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import VOCABULARY_SIZE, parse_chord
from amt.types import EMOTIONS
from experiments.common.bootstrap import figures, joined
from experiments.composer.baselines import before, fit_baselines
from experiments.composer.metrics import (
    chord_metrics,
    chord_table,
    progression_metrics,
    tonal_centroids,
)


def ids(*labels: str) -> np.ndarray:
    return np.array([parse_chord(label).id for label in labels])


def probabilities(*rows: dict[int, float]) -> torch.Tensor:
    """[1, T, V] log-probabilities; what a row leaves over is shared by all other chords."""
    table = torch.zeros(1, len(rows), VOCABULARY_SIZE, dtype=torch.float64)
    for row, given_ in zip(table[0], rows, strict=True):
        row += (1 - sum(given_.values())) / (VOCABULARY_SIZE - len(given_))
        for chord, p in given_.items():
            row[chord] = p
    return table.log()


def test_hits_and_likelihood_by_hand() -> None:
    log_probs = probabilities(
        {5: 0.5, 6: 0.3},  # right at once
        {5: 0.5, 6: 0.3},  # right at once, no change
        {5: 0.5, 6: 0.2},  # a change, second best
        {1: 0.3, 2: 0.2, 3: 0.1, 6: 0.05},  # no change, fourth best
        {9: 0.9},  # padding
    )
    chords = torch.tensor([[5, 5, 6, 6, 9]])
    weight = torch.tensor([[1.0, 1, 1, 1, 0]])
    found = figures(chord_table(log_probs, chords, weight), chord_metrics)
    assert found["hits@1"] == pytest.approx(2 / 4)
    assert found["hits@3"] == pytest.approx(3 / 4)
    assert found["hits@5"] == pytest.approx(1)
    assert found["hits@1_on_change"] == pytest.approx(0)
    assert found["nll"] == pytest.approx(-math.log(0.5 * 0.5 * 0.2 * 0.05) / 4)
    assert "affective_match" not in found


def test_affective_match_is_the_probability_of_fitting_qualities() -> None:
    happy, diminished = ids("C", "B:dim")
    log_probs = probabilities({happy: 0.6, diminished: 0.4})
    emotion = torch.zeros(1, 1, 6, dtype=torch.float64)
    emotion[0, 0, EMOTIONS.index("relaxing")] = 0.75  # major fits, diminished does not
    emotion[0, 0, EMOTIONS.index("fearful")] = 0.25  # the other way round
    table = chord_table(log_probs, torch.tensor([[happy]]), torch.ones(1, 1), emotion)
    assert figures(table, chord_metrics)["affective_match"] == pytest.approx(
        0.75 * 0.6 + 0.25 * 0.4
    )


def test_songs_count_by_their_seconds() -> None:
    right, wrong = probabilities({5: 0.9}), probabilities({6: 0.9}, {6: 0.9}, {6: 0.9})
    tables = [
        chord_table(right, torch.tensor([[5]]), torch.ones(1, 1)),
        chord_table(wrong, torch.tensor([[5, 5, 5]]), torch.ones(1, 3)),
    ]
    assert figures(joined(tables), chord_metrics)["hits@1"] == pytest.approx(1 / 4)


def test_progressions_by_hand() -> None:
    found = progression_metrics(ids("C", "C", "G", "A:min"))
    assert found["coverage"] == 3
    assert found["entropy"] == pytest.approx(1.5 * math.log(2))
    assert found["change_rate"] == pytest.approx(2 / 3)
    centroids = tonal_centroids()
    c, g, a = centroids[ids("C", "G", "A:min")]
    expected = (np.linalg.norm(c - g) + np.linalg.norm(g - a)) / 2
    assert found["tonal_distance"] == pytest.approx(expected)
    assert math.isnan(progression_metrics(ids("C"))["tonal_distance"])


def test_tonal_centroids_know_fifths_from_tritones() -> None:
    c, g, f_sharp = tonal_centroids()[ids("C", "G", "F#")]
    assert np.linalg.norm(c - g) < np.linalg.norm(c - f_sharp)
    assert (tonal_centroids()[0] == 0).all()
    # C major: the mean of the centroids of C, E and G (Harte et al. 2006), fifths first.
    angle = np.array([0, 4, 7]) * 7 * np.pi / 6
    assert c[:2] == pytest.approx([np.sin(angle).mean(), np.cos(angle).mean()])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 156), min_size=1, max_size=12), min_size=1, max_size=5))
def test_baselines_are_distributions_that_see_only_the_past(songs: list[list[int]]) -> None:
    training = [np.array(song) for song in songs]
    asked = np.array([3, 3, 4, 156, 0, 3])
    changed = asked.copy()
    changed[4:] = 77
    for name, baseline in fit_baselines(training).items():
        log_probs = baseline(asked)
        assert log_probs.shape == (6, VOCABULARY_SIZE)
        np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1, err_msg=name)
        np.testing.assert_array_equal(baseline(changed)[:5], log_probs[:5], err_msg=name)


def test_baselines_say_what_was_counted() -> None:
    a, b, c = ids("C", "G", "F")
    baselines = fit_baselines([np.array([a, a, a, b, a, a, a, b] * 20 + [c])])
    asked = np.array([a, a, a, b])
    best = {name: baseline(asked).argmax(axis=1).tolist() for name, baseline in baselines.items()}
    assert best["majority"] == [a, a, a, a]
    assert best["repeat"] == [a, a, a, a]
    assert best["bigram"][3] == a
    after_change = baselines["trigram"](np.array([b, a, c]))
    assert np.exp(after_change[2, a]) > 0.8  # after G, C the song always stays on C
    assert baselines["repeat"](np.array([c, a]))[1].argmax() == c


def test_before_shifts_and_starts() -> None:
    assert before(np.array([1, 2, 3]), 1).tolist() == [157, 1, 2]
    assert before(np.array([1]), 2).tolist() == [157]
