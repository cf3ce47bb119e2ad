"""Correlations of notes with plan and picture: known answers, and the whole way on drawn films."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.fit import alignment
from experiments.fit.correlation import (
    Followed,
    clip_row,
    correlation,
    pooled_correlation,
    report,
    stretched,
    table,
)

PAIRS = ("loudness", "density", "motion")


def song(name: str, asked: np.ndarray, measured: np.ndarray) -> Followed:
    return Followed(
        name,
        dict.fromkeys(PAIRS, asked),
        dict.fromkeys(PAIRS, measured),
        cuts=4,
        cuts_answered=3,
        until_ending=len(asked) - 2,
    )


def test_a_curve_correlates_with_itself_and_not_with_a_constant() -> None:
    curve = np.array([1.0, 3.0, 2.0, 5.0])
    assert correlation(curve, 2 * curve + 1) == pytest.approx(1)
    assert correlation(curve, -curve) == pytest.approx(-1)
    assert np.isnan(correlation(curve, np.ones(4)))


def test_pooling_takes_every_clip_around_its_own_mean_and_lively_ones_count_more() -> None:
    lively = np.array([0.0, 10.0, 0.0, 10.0])
    flat = np.array([0.0, 0.1, 0.0, 0.1])
    assert pooled_correlation([(lively, lively), (lively, lively + 500)]) == pytest.approx(1)
    assert pooled_correlation([(lively, lively), (flat, -flat)]) > 0.99


def test_a_curve_is_stretched_from_end_to_end() -> None:
    np.testing.assert_allclose(stretched(np.arange(4.0), 4), np.arange(4.0))
    long = stretched(np.array([0.0, 1.0]), 10)
    assert (long[0], long[-1]) == (0, 1)
    assert np.all(np.diff(long) >= 0)


def test_short_clips_are_listed_but_not_in_the_means() -> None:
    rng = np.random.default_rng(0)
    long = [rng.normal(size=20) for _ in range(3)]
    songs = [song(f"long {i}", curve, curve) for i, curve in enumerate(long)]
    short = song("short", np.arange(5.0), -np.arange(5.0))
    results = report([*songs, short])
    assert results["clips"]["short"]["density"] == pytest.approx(-1)
    for row in results["overall"].values():
        assert [row["mean"], row["pooled"]] == pytest.approx([1, 1])
        assert abs(row["shuffled"]) < 0.5
    text = table(results)
    assert "short *" in text
    assert "long 0 *" not in text


def test_songs_of_a_clip_are_averaged() -> None:
    curve = np.array([0.0, 1.0, 0.0, 2.0, 1.0])
    row = clip_row([song("a", curve, curve), song("a", curve, -curve)])
    assert row["motion"] == pytest.approx(0)


def test_drawn_films_are_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "figures.json"
    arguments = ["--synthetic", "--lists", "1", "--films", "1", "--songs", "1", "--seed", "7"]
    alignment.main([*arguments, "--style", "piano", "--json", str(path)])
    figures = json.loads(path.read_text())["following"]["overall"]
    assert figures["loudness"]["mean"] > 0.7
    assert figures["density"]["smooth"] > 0.8
    assert figures["motion"]["smooth"] > 0.4
    for row in figures.values():
        assert abs(row["shuffled"]) < 0.25
    assert "density, before the last bar" in capsys.readouterr().out


def test_a_drawn_film_comes_from_its_seed() -> None:
    clip = alignment.synthetic_clips(4.0, 1, seed=3)[0]
    first, again, other = (alignment.synthetic_film(clip, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.motion, again.motion)
    assert not np.array_equal(first.motion, other.motion)
    assert first.cuts == clip.cuts
    np.testing.assert_allclose(first.emotion.sum(axis=1), 1)
    assert first.seconds == 60


@pytest.mark.parametrize("missing", [True, False])
def test_a_folder_without_clips_is_named(
    tmp_path: Path, missing: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "none" if missing else tmp_path
    with pytest.raises(SystemExit):
        alignment.main([str(folder)])
    assert ("is no folder" if missing else "holds no clip") in capsys.readouterr().err


def test_answered_cuts_are_counted_over_all_songs() -> None:
    curve = np.arange(20.0)
    found = report([song("a", curve, curve), song("b", curve, curve)])
    assert found["cuts"]["all"] == {"cuts": 8.0, "answered": 0.75}
    assert "0.750 of 8 cuts" in table(found)
