"""A few hundred damaged inputs of every kind; ``python -m experiments.fuzz`` tries many more."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from amt.arrange import load_style
from amt.errors import InputError, PlanError, quoted, shortened, shown
from amt.features import load_features
from amt.features.video import VideoReader
from amt.midi import read_midi
from amt.models.weights import load_composer
from amt.mood import parse_moods
from amt.plan import read_plan
from experiments.fuzz.contract import BrokenContract, Case, fault, outcome
from experiments.fuzz.damage import changed, damaged, damaged_text
from experiments.fuzz.runner import KINDS, preparation, random_of, run
from render.mux import check_film
from render.score import read_parts
from render.soundfont.bank import read_bank

CASES = {
    "plan": 60, "style": 60, "moods": 200, "options": 100, "midi": 60, "edited": 10, "video": 30,
    "soundfont": 100, "weights": 20,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_any_damage_gives_a_result_or_a_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = preparation(kind)(tmp_path)
    monkeypatch.chdir(tmp_path)
    for number in range(CASES[kind]):
        found = outcome(draw(random_of(kind, 7, number)))
        assert not found.startswith("broke"), f"--seed 7 --first {number}: {found}"


def test_cases_run_in_a_child_and_are_counted() -> None:
    found = run("moods", range(5, 25), seed=3)
    assert sum(found.counts.values()) == 20
    assert not found.broken
    assert found.slowest[1] in range(5, 25)


def raising(error: BaseException) -> Case:
    def run() -> None:
        raise error

    return Case(run, "x" * 500)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (PlanError("seed is 'x', expected a whole number"), "refused: PlanError"),
        (InputError("x" * 83), "broke: a message that quotes more than 80 characters"),
        (InputError("word " * 100), "broke: a message of 500 characters"),
        (InputError("two\nlines"), "broke: a message of no or of several lines"),
        (InputError("no room in /tmp/abc"), "broke: a message that names a temporary file"),
        (BrokenContract("times fall"), "broke: times fall"),
        (KeyError("beat"), "broke: KeyError"),
    ],
)
def test_the_contract_distinguishes_a_sentence_from_a_fault(error: Exception, result: str) -> None:
    assert outcome(raising(error)).startswith(result)


def test_damage_is_drawn_from_the_random_numbers_alone() -> None:
    def draw() -> tuple[bytes, str, object]:
        rng = random.Random(1)
        return damaged(b"abc" * 20, rng), damaged_text("a,b" * 9, rng), changed({"a": [1, 2]}, rng)

    assert repr(draw()) == repr(draw())


@pytest.mark.parametrize("text", ["x" * 10_000, "\x1b[2J" * 90, "\udcff" * 90, "a/" * 900])
def test_what_messages_say_of_input_is_bounded_and_printable(text: str) -> None:
    for part in (shown(text), quoted(text)):
        assert len(part) <= 80
        assert part.isprintable()
    assert fault(shortened(f"No such option: --{text}"), "") == ""


READERS = {
    "plan": read_plan, "style": lambda path: load_style(f"{path}.toml"),
    "moods": lambda path: parse_moods(f"{path}.csv", 3.0), "midi": read_midi, "parts": read_parts,
    "soundfont": read_bank, "clip": VideoReader, "network": load_composer,
    "film": lambda path: check_film(path, Path("film.mp4")),
    "new film": lambda path: check_film(Path("clip.mp4"), Path(f"{path}.mp4")),
    "features": load_features,
}  # fmt: skip
NAMES = (
    "x" * 300, "d/" * 200 + "f", "nul\0", "a\nb", "\udcff", "", ".", "/dev/null", "é" * 200, "~",
    "x/" * 3000,
)  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_odd_names_of_files_are_refused_in_a_sentence(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        found = outcome(Case(lambda path=Path(name): READERS[reader](path), name))
        assert found.startswith("refused"), f"{name!r:.30}: {found}"


def test_names_of_usual_length_are_shown_whole() -> None:
    assert shown(Path("films/storm.mp4")) == str(Path("films/storm.mp4"))
