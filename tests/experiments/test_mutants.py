"""The list of mutants applies to the tree, and a broken rule is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.mutants import (
    MutantError,
    check,
    copy_tree,
    load_mutants,
    markdown,
    try_mutant,
)

ROOT = Path(__file__).parents[2]
MUTANTS = {mutant.name: mutant for mutant in load_mutants()}


def test_every_mutant_applies_and_names_tests_that_exist() -> None:
    check(list(MUTANTS.values()))
    assert len(MUTANTS) == len(load_mutants()) >= 60
    for mutant in MUTANTS.values():
        assert mutant.text != mutant.replacement
        for test in mutant.tests:
            path, *names = test.split("::")
            assert (ROOT / path).is_file(), f"{mutant.name}: {path}"
            source = (ROOT / path).read_text(encoding="utf-8")
            assert all(f"def {n.split('[')[0]}(" in source for n in names), f"{mutant.name}: {test}"


def test_a_broken_rule_is_noticed_and_the_copy_is_left_as_it_was(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")
    mutant = MUTANTS["no-stress-on-hits"]
    harmless = replace(mutant, replacement=mutant.text + "  # unchanged")
    before = (tree / mutant.file).read_bytes()
    assert try_mutant(mutant, tree) == "killed"
    assert try_mutant(harmless, tree) == "survived"
    assert (tree / mutant.file).read_bytes() == before


@pytest.mark.parametrize(("text", "found"), [("no such text", 0), ("import", None)])
def test_a_text_that_is_not_found_once_is_named(text: str, found: int | None) -> None:
    mutant = replace(MUTANTS["no-stress-on-hits"], text=text)
    times = r"\d+" if found is None else str(found)
    with pytest.raises(MutantError, match=f'"{text}" once in {mutant.file}, found it {times} '):
        check([mutant])


def test_the_table_gives_the_share_of_survivors() -> None:
    mutants = list(MUTANTS.values())[:2]
    table = markdown(mutants, ["killed", "survived"])
    assert table.startswith("1 of 2 mutants survive (50.0%).\n")
    assert f"| {mutants[1].name} | {mutants[1].file} | {mutants[1].meaning} | survived |" in table
