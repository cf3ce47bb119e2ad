"""The shape that the code keeps: sizes of functions, rooms of ``experiments``, and vocabulary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("amt", "render", "data_prep", "experiments")
MOST_LINES, MOST_PARAMETERS, MOST_ROOMS = 60, 12, 12

TEXT = {".py", ".md", ".toml"}
FREE = {"CHANGELOG.md", "amt/models/pretrained.py", "render/diffusion/pretrained.py"}
"""Files that may name what was renamed: the history, and the tables that read old weight files."""
EXEMPT = ("old_flags=", "# earlier name", "typer.echo")
"""What a line holds that may name an option that is still read under its earlier name."""

RENAMED_WORDS = {
    "hear": "receive, measure", "hears": "receives", "heard": "received, measured",
    "hearing": "receiving", "unheard": "inaudible", "tell": "say, log_probs", "tells": "says",
    "told": "said, embed_prev", "telling": "saying",
    "untold": "unconditional", "retold": "repeated",
    "echo": "induction, copy", "echoes": "copies", "echoing": "copying",
    "likeness": "similarity", "likenesses": "similarities",
    "recollect": "motif_context", "recollection": "CopyContext, MotifContext",
    "recollections": "contexts", "lots": "uniforms", "tape": "disk_buffer", "tapes": "disk_buffers",
    "leaning": "logit_bias", "leanings": "logit_biases", "urge": "change_bias",
    "unlearned": "unsupported", "landing": "cut_alignment", "landings": "cut_alignments",
    "stroke": "onset", "strokes": "onsets", "swell": "crescendo", "swells": "crescendos",
    "swelling": "crescendo", "lacking": "remaining_notes", "sketch": "harmonic_prior",
    "gloom": "negative_valence", "tune": "melody", "tunes": "melodies",
    "closing": "ending, final chord",
}  # fmt: skip
"""Words of earlier versions, and the field's terms for what they meant."""

RENAMED_NAMES = {
    "Chart": "ConstraintContext", "Rules": "Constraints",
    "Player": "DecodingState, SoundfontPlayer", "Given": "Conditioning",
    "LeftOut": "Unsupported", "Landing": "CutAlignment",
    "PLACE": "POSITION", "FIRST_PLACE": "FIRST_POSITION", "_Writer": "BatchedDecoder",
    "_Pages": "ChunkedPlanEncoder",
}  # fmt: skip
"""Identifiers of earlier versions; their letters also spell words that are in order."""


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def texts() -> Iterator[Path]:
    for folder in (*PACKAGES, "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in TEXT and path != Path(__file__):
                yield path
    yield from (path for path in sorted(ROOT.glob("*.*")) if path.suffix in TEXT)


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}: {node.name}", node


def test_functions_fit_a_screen():
    sizes = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions()}
    assert len(sizes) > 1000
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_functions_have_few_parameters():
    counts = {}
    for name, node in functions():
        given = node.args
        counts[name] = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


def test_experiments_have_few_rooms():
    entries = (ROOT / "experiments").iterdir()
    rooms = [path for path in entries if path.is_dir() or path.suffix == ".py"]
    rooms = [path for path in rooms if path.name[0] not in "._"]
    assert len(rooms) <= MOST_ROOMS


def words_of(line: str) -> list[str]:
    """The words of prose and of identifiers in snake or camel case, in lower case.

    >>> words_of("a SoundFont's EchoHeads, too_far")
    ['a', 'sound', 'font', 's', 'echo', 'heads', 'too', 'far']
    """
    return re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", line).lower())


@pytest.mark.parametrize("folder", [*PACKAGES, "tests", "."])
def test_words_of_earlier_versions_are_gone(folder):
    left = []
    for path in texts():
        name = str(path.relative_to(ROOT))
        if (name.split("/")[0] if "/" in name else ".") != folder or name in FREE:
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if any(mark in line for mark in EXEMPT):
                continue
            old = RENAMED_WORDS.keys() & words_of(line)
            old |= RENAMED_NAMES.keys() & set(re.findall(r"\w+", line))
            left += [f"{name}:{number}: {word}" for word in sorted(old)]
    assert left == []
