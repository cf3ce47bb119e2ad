"""The evaluation of shot detection counts what it says, on films whose changes are known."""

from __future__ import annotations

import math

import pytest

from amt.types import Cut
from experiments.shots.evaluate import figures, joined, listed, main, match
from experiments.shots.films import FILMS, Change, write


def test_each_claim_answers_one_change_of_its_kind():
    truth = [Change(1.0, "cut"), Change(2.0, "dissolve"), Change(5.0, "cut")]
    found = [Cut(1.04), Cut(1.05), Cut(2.4, kind="dissolve"), Cut(5.0, kind="fade")]
    assert match(found, truth, 0.04) == {"hit": 2, "missed": 1, "false": 2}
    assert match([], truth, 0.04)["missed"] == 3
    assert figures({"hit": 2, "missed": 1, "false": 2})["f1"] == pytest.approx(4 / 7)
    assert math.isnan(figures({})["f1"])


def test_what_both_claim_counts_once():
    assert joined([Cut(1.0)], [Cut(1.3), Cut(4.0)]) == [Cut(1.0), Cut(4.0)]


@pytest.mark.parametrize("kind", ["framings", "wipe", "slide shows", "time lapse", "screen"])
def test_films_have_their_changes_inside(kind):
    film = FILMS[kind](3)
    assert len(film.images) == len(film.times_s)
    assert all(0 < change.time_s < film.end_s for change in film.changes)
    assert {image.shape for image in film.images} == {(108, 192, 3)}


def test_a_table_of_times_is_read_and_measured(tmp_path, capsys):
    film = FILMS["slide shows"](1)
    write(film, tmp_path / "slides.mp4")
    table = tmp_path / "truth.tsv"
    rows = [f"slides.mp4\t{change.time_s}\tcut" for change in film.changes]
    table.write_text("\n".join(["clip\ttime_s\tkind", *rows, "absent.mp4\t\t"]))
    ((_, _, changes),) = listed(tmp_path, table)
    assert changes == [Change(float(f"{c.time_s}"), "cut") for c in film.changes]
    main(["--clips", str(tmp_path), "--truth", str(table)])
    shown = capsys.readouterr()
    assert "absent.mp4 is not in" in shown.err
    (row,) = (line for line in shown.out.splitlines() if line.startswith("| slides.mp4 | amt |"))
    assert row == "| slides.mp4 | amt | 1.00 | 1.00 | 1.00 | 0 |"
