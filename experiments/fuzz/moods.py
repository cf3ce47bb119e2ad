"""Damaged moods: texts of ``--emotion`` and CSV files."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from amt.mood import ALIASES, apply_moods, parse_moods
from amt.types import EMOTIONS
from experiments.fuzz.contract import BrokenContract, Case
from experiments.fuzz.damage import damaged, damaged_text
from experiments.fuzz.runner import Draw

_WORDS = (*EMOTIONS, *ALIASES)


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    path = Path("moods.csv")

    def draw(rng: random.Random) -> Case:
        is_csv = rng.random() < 0.5
        text = whole_csv(rng) if is_csv else whole_text(rng)
        if rng.random() < 0.9:
            text = damaged_text(text, rng)
        if is_csv:
            data = text.encode("utf-8", "surrogatepass")
            (folder / path).write_bytes(damaged(data, rng, 2) if rng.random() < 0.2 else data)
        duration_s = rng.choice([None, 0.04, 12.0, 60.5, 3600.0])

        def run() -> None:
            spans = parse_moods(str(path) if is_csv else text, duration_s)
            rows = 12 if duration_s is None else min(round(duration_s + 0.5), 100)
            made = apply_moods(np.full((rows, 6), 1 / 6), spans, 0.5)
            if not np.allclose(made.sum(axis=1), 1):
                raise BrokenContract("the moods of a second do not sum to 1")

        return Case(run, text, (path,) if is_csv else ())

    return draw


def whole_text(rng: random.Random) -> str:
    """A mood, or spans of moods."""
    if rng.random() < 0.2:
        return rng.choice(_WORDS)
    return ", ".join(f"{mood}:{start}-{end}" for start, end, mood in _spans(rng))


def whole_csv(rng: random.Random) -> str:
    """Rows of start, end and mood, with or without a head."""
    mark = rng.choice([",", ";"])
    rows = [mark.join(span) for span in _spans(rng)]
    head = [mark.join(("start", "end", "mood"))] if rng.random() < 0.5 else []
    return rng.choice(["", "\ufeff"]) + rng.choice(["\n", "\r\n"]).join([*head, *rows])


def _spans(rng: random.Random) -> list[tuple[str, str, str]]:
    spans, at = [], 0.0
    for _ in range(rng.randint(1, 6)):
        start, at = at, at + rng.uniform(0.5, 20)
        spans.append((_time(start, rng), _time(at, rng), rng.choice(_WORDS)))
    return spans


def _time(seconds: float, rng: random.Random) -> str:
    if rng.random() < 0.3:
        return f"{int(seconds // 60)}:{seconds % 60:05.2f}"
    return f"{seconds:.{rng.randint(0, 2)}f}"
