"""Mutation test of the musical rules: each rule is broken in turn, and a test must fail.

``mutants.toml`` beside this module lists the mutants: one exact text of one file, its replacement,
the rule that this breaks, and the tests that should fail. Each mutant is applied by itself to a
copy of the working tree, in which its tests are run. A mutant is *killed* if a test fails and
*survives* if all pass (DeMillo, Lipton and Sayward, "Hints on Test Data Selection", 1978)::

    python -m experiments.mutants --jobs 2 --out mutants.md
    python -m experiments.mutants --only no-stress-on-hits

The exit status is 0 if at most 5 % of the mutants survive, 1 if more do, and 2 if a mutant does not
apply: its text is not found exactly once, or its tests fail without it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_suffix(".toml")

MOST_SURVIVORS = 0.05
"""Share of mutants that may survive."""
TIMEOUT_S = 300.0
"""Seconds after which a mutant's tests count as failed: it does not terminate."""
COPIED = ("amt", "render", "data_prep", "experiments", "tests", "pyproject.toml")
"""Parts of the tree that the tests need."""

PYTEST = ("-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider")
PYTEST_PASSED, PYTEST_FAILED = 0, 1
"""Exit statuses of pytest; others mean that it could not run the tests."""

Outcome = Literal["killed", "survived", "timed out"]


class MutantError(Exception):
    """A mutant does not apply."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule broken in one place."""

    name: str
    file: str
    """Path from the root of the repository."""
    text: str
    """Found exactly once in the file."""
    replacement: str
    meaning: str
    """The rule that is broken, in musical terms."""
    tests: tuple[str, ...]
    """Tests that should fail, as pytest takes them."""

    def applied(self, source: str) -> str:
        """Return the text of the file with the rule broken.

        Raises:
            MutantError: its text is not found exactly once.
        """
        count = source.count(self.text)
        if count != 1:
            raise MutantError(
                f'mutant {self.name}: expected "{self.text}" once in {self.file}, found it '
                f"{count} times"
            )
        return source.replace(self.text, self.replacement)


def load_mutants(table: Path = TABLE) -> tuple[Mutant, ...]:
    """Read the table of mutants."""
    rows = tomllib.loads(table.read_text(encoding="utf-8"))["mutant"]
    return tuple(Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows)


def check(mutants: Sequence[Mutant], root: Path = ROOT) -> None:
    """Check that every mutant applies to a tree.

    Raises:
        MutantError: a text is not found exactly once, or two mutants have one name.
    """
    names = [mutant.name for mutant in mutants]
    for mutant in mutants:
        mutant.applied((root / mutant.file).read_text(encoding="utf-8"))
        if names.count(mutant.name) > 1:
            raise MutantError(f"mutant {mutant.name}: expected one of this name, found more")


def copy_tree(target: Path, root: Path = ROOT) -> Path:
    """Copy the parts of a tree that tests need into a folder, and return that folder."""
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
    for part in COPIED:
        if (root / part).is_dir():
            shutil.copytree(root / part, target / part, ignore=ignore)
        else:
            shutil.copy2(root / part, target / part)
    return target


def run_tests(tree: Path, tests: Sequence[str], timeout_s: float | None = None) -> int | None:
    """Return the exit status of pytest for some tests in a tree, or None after a timeout."""
    command = [sys.executable, *PYTEST, *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def try_mutant(mutant: Mutant, tree: Path) -> Outcome:
    """Apply a mutant to a copy of the tree, run its tests, and undo it.

    Raises:
        MutantError: its text is not found exactly once, or pytest cannot run its tests.
    """
    path = tree / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.applied(original), encoding="utf-8")
    try:
        status = run_tests(tree, mutant.tests, TIMEOUT_S)
    finally:
        path.write_text(original, encoding="utf-8")
    if status is None:
        return "timed out"
    if status not in (PYTEST_PASSED, PYTEST_FAILED):
        raise MutantError(f"mutant {mutant.name}: pytest ends with status {status}")
    return "survived" if status == PYTEST_PASSED else "killed"


def try_all(mutants: Sequence[Mutant], jobs: int) -> list[Outcome]:
    """Return the outcome of each mutant; ``jobs`` copies of the tree are tested at a time.

    Raises:
        MutantError: a mutant does not apply, or the tests fail without any.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for job in range(jobs):
            trees.put(copy_tree(Path(folder) / str(job)))

        def attempt(mutant: Mutant) -> Outcome:
            tree = trees.get()
            try:
                outcome = try_mutant(mutant, tree)
            finally:
                trees.put(tree)
            sys.stderr.write(f"{mutant.name}: {outcome}\n")
            return outcome

        whole = trees.get()
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        if run_tests(whole, tests) != PYTEST_PASSED:
            raise MutantError("the tests fail without any mutant")
        trees.put(whole)
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(attempt, mutants))


def markdown(mutants: Sequence[Mutant], outcomes: Sequence[Outcome]) -> str:
    """Return a table of the outcomes, with the share of survivors above it."""
    survivors = outcomes.count("survived")
    lines = [
        f"{survivors} of {len(mutants)} mutants survive ({survivors / len(mutants):.1%}).",
        "",
        "| mutant | file | broken rule | outcome |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {mutant.name} | {mutant.file} | {mutant.meaning} | {outcome} |"
        for mutant, outcome in zip(mutants, outcomes, strict=True)
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants and write the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="experiments.mutants", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="run this mutant alone")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    options = parser.parse_args(arguments)
    try:
        mutants = load_mutants()
        check(mutants)
        chosen = [m for m in mutants if not options.only or m.name in options.only]
        if not chosen:
            raise MutantError(f"no mutant is named {options.only}")
        outcomes = try_all(chosen, options.jobs)
    except MutantError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    table = markdown(chosen, outcomes)
    sys.stdout.write(table)
    if options.out is not None:
        options.out.write_text(table, encoding="utf-8")
    return int(outcomes.count("survived") > MOST_SURVIVORS * len(chosen))


if __name__ == "__main__":
    sys.exit(main())
