"""Damaged styles in TOML: read, and now and then played."""

from __future__ import annotations

import json
import math
import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from amt.arrange import arrange, load_style
from amt.midi import write_midi
from experiments.fuzz.contract import Case
from experiments.fuzz.damage import changed, damaged_text
from experiments.fuzz.plan import whole_plan
from experiments.fuzz.runner import Draw

_PLAYED = 0.05
"""Share of the styles that are arranged, if they can be read."""


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    built_in = tomllib.loads(files("amt.arrange").joinpath("styles.toml").read_text("utf-8"))
    path, midi = Path("own.toml"), folder / "song.mid"

    def draw(rng: random.Random) -> Case:
        style: Any = built_in[rng.choice(sorted(built_in))]
        if rng.random() < 0.6:
            style = changed(style, rng)
        text = "\n".join(toml_lines(style))
        if rng.random() < 0.5:
            text = damaged_text(text, rng)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        plan = whole_plan(rng) if rng.random() < _PLAYED else None

        def run() -> None:
            load_style(path)
            if plan is not None:
                write_midi(arrange(replace(plan, style=str(path))), midi)

        return Case(run, text, (path,))

    return draw


def toml_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Values first, then tables, as TOML wants them."""
    yield from (f"{_key(k)} = {_value(v)}" for k, v in data.items() if not isinstance(v, dict))
    for name, table in data.items():
        if isinstance(table, dict):
            yield from _table(_key(name), table)


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{name}]"
    yield from (f"{_key(k)} = {_value(v)}" for k, v in table.items() if not isinstance(v, dict))
    for key, inner in table.items():
        if isinstance(inner, dict):
            yield from _table(f"{name}.{_key(key)}", inner)


def _key(name: str) -> str:
    return name if name.isascii() and name.isalpha() else json.dumps(name)


def _value(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return '""' if value is None else json.dumps(value, ensure_ascii=False)
