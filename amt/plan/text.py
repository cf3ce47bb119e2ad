"""The text of a plan file: strict reading, stable writing; see :mod:`amt.plan` for the format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import numpy as np

from amt.chords import parse_chord, parse_key
from amt.errors import ChordError, InputError, PlanError, quoted, shown
from amt.mood import mood_name, report_alias
from amt.plan.rules import rounded, validate, validate_grid
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import (
    EMOTIONS,
    Accent,
    Arrangement,
    ArrangerName,
    ChordSpan,
    Cut,
    CutKind,
    FloatArray,
    Plan,
    Rewrite,
    Section,
    TimeGrid,
)

_T = TypeVar("_T")

VERSION = 1
MAX_BYTES = 32 << 20
"""A plan takes about 0.3 MB for ten minutes; a day of music fits."""
_FIELDS = (
    "version", "style", "seed", "key", "bars", "last_beat", "beats_s",
    "chords", "sections", "cuts", "curve",
)  # fmt: skip
_CHOICES = ("arranger", "candidates", "drums", "melody")
_OPTIONAL = ("title", "accents", "arrangement", "rewrites")
_ROW_FIELDS = ("second", "loudness", "density", *EMOTIONS)


def write_plan(plan: Plan, path: str | Path) -> None:
    """Write a plan as JSON to ``path``.

    Raises:
        PlanError: the plan breaks a rule of the format (see :func:`amt.plan.validate`).
        OSError: ``path`` cannot be written.
    """
    Path(path).write_text(plan_to_json(plan), encoding="utf-8", newline="\n")


def read_plan(path: str | Path, reporter: Reporter = DEFAULT_REPORTER) -> Plan:
    """Read a plan file of at most :data:`MAX_BYTES`.

    Args:
        path: the file.
        reporter: gets one sentence on which of the six moods an alias in it is taken as.

    Raises:
        PlanError: the file cannot be read, or is no plan of this version; the message names the
            file and the field.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise PlanError(
                f"{shown(path)} is larger than {MAX_BYTES >> 20} MiB: no plan is as large"
            )
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise PlanError(f"cannot read the plan {shown(path)}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{shown(path)} is not a plan: expected JSON text in UTF-8") from error
    except ValueError as error:  # a NUL in the name
        raise PlanError(f"cannot read the plan {shown(path)}: {error}") from error
    try:
        return plan_from_json(text, reporter)
    except PlanError as error:
        raise PlanError(f"{shown(path)}: {error}") from error


def plan_to_json(plan: Plan) -> str:
    """The text of a plan file.

    Raises:
        PlanError: the plan breaks a rule of the format (see :func:`amt.plan.validate`).
    """
    plan = rounded(plan)
    validate(plan)
    arrangement = plan.arrangement
    fields = {
        "version": str(VERSION),
        "title": _json(plan.title),
        "style": _json(plan.style),
        "seed": str(plan.seed),
        "key": _json(plan.key.label),
        "bars": _json(list(plan.grid.bars)),
        "last_beat": _json(plan.grid.last_beat),
        "beats_s": _block(_beat_lines(plan.grid)),
        "chords": _block(
            _json(_at(plan.grid, c.beat) | {"chord": c.chord.spell(plan.key)}) for c in plan.chords
        ),
        "sections": _block(_json(_at(plan.grid, s.beat) | {"mood": s.mood}) for s in plan.sections),
        "cuts": _block(
            _json({"time_s": c.time_s, "strength": c.strength, "kind": c.kind}) for c in plan.cuts
        ),
        "accents": _block(
            _json({"time_s": a.time_s, "strength": a.strength}) for a in plan.accents
        ),
        "curve": _block(_json(row) for row in _curve_rows(plan)),
        "arrangement": _json({name: getattr(arrangement, name) for name in _CHOICES}),
        "rewrites": _block(
            _json({"bars": [r.first, r.last], "seed": r.seed}) for r in arrangement.rewrites
        ),
    }
    return "{\n" + ",\n".join(f"  {_json(k)}: {v}" for k, v in fields.items()) + "\n}\n"


def plan_from_json(text: str, reporter: Reporter = DEFAULT_REPORTER) -> Plan:
    """The plan of a file's text.

    Args:
        text: of the file.
        reporter: gets one sentence on which of the six moods an alias in it is taken as.

    Raises:
        PlanError: the text is no plan of this version; the message names the field.
    """
    data = _object(_parse(text), "the plan")
    version = _field(data, "version", "")
    if isinstance(version, bool) or version != VERSION:
        raise PlanError(f"version is {quoted(version)}, expected {VERSION}: compose the clip again")
    _fields_of(data, "", _FIELDS, optional=_OPTIONAL)
    grid = TimeGrid(
        beats_s=_numbers(data["beats_s"], "beats_s"),
        bars=tuple(_whole(n, f"bars[{i}]") for i, n in enumerate(_list(data["bars"], "bars"))),
        last_beat=_number(data["last_beat"], "last_beat"),
    )
    validate_grid(grid)
    loudness, density, emotion = _read_curve(data["curve"])
    plan = Plan(
        grid=grid,
        key=_named(parse_key, data["key"], "key"),
        chords=tuple(
            ChordSpan(beat, _named(parse_chord, row["chord"], f"{name}.chord"))
            for name, beat, row in _rows_at_beats(data, "chords", "chord", grid)
        ),
        loudness=loudness,
        density=density,
        emotion=emotion,
        style=_text(data["style"], "style"),
        seed=_whole(data["seed"], "seed"),
        cuts=_read_cuts(data["cuts"]),
        sections=tuple(
            Section(beat, _mood(row["mood"], f"{name}.mood", reporter))
            for name, beat, row in _rows_at_beats(data, "sections", "mood", grid)
        ),
        title=_text(data.get("title", ""), "title"),
        accents=_read_accents(data.get("accents", [])),
        arrangement=_read_arrangement(data),
    )
    validate(plan)
    return plan


def _read_arrangement(data: Mapping[str, Any]) -> Arrangement:
    name = "arrangement"
    row = _object(data.get(name, {}), name)
    _fields_of(row, f"{name}.", (), optional=_CHOICES)
    default = Arrangement()
    return Arrangement(
        arranger=cast(
            ArrangerName, _text(row.get("arranger", default.arranger), f"{name}.arranger")
        ),
        candidates=_whole(row.get("candidates", default.candidates), f"{name}.candidates"),
        drums=_flag(row.get("drums", default.drums), f"{name}.drums"),
        melody=_flag(row.get("melody", default.melody), f"{name}.melody"),
        rewrites=_read_rewrites(data.get("rewrites", [])),
    )


def _read_rewrites(value: object) -> tuple[Rewrite, ...]:
    rewrites = []
    for i, item in enumerate(_list(value, "rewrites")):
        name = f"rewrites[{i}]"
        row = _object(item, name)
        _fields_of(row, f"{name}.", ("bars", "seed"))
        bars = [_whole(bar, f"{name}.bars") for bar in _list(row["bars"], f"{name}.bars")]
        if len(bars) != 2:
            raise PlanError(f"{name}.bars has {len(bars)} numbers, expected the first and last bar")
        rewrites.append(Rewrite(bars[0], bars[1], _whole(row["seed"], f"{name}.seed")))
    return tuple(rewrites)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _block(lines: Iterable[str]) -> str:
    body = ",\n".join(f"    {line}" for line in lines)
    return f"[\n{body}\n  ]" if body else "[]"


def _beat_lines(grid: TimeGrid) -> list[str]:
    times = [_json(float(t)) for t in grid.beats_s]
    lines = [
        ", ".join(times[start : start + count])
        for start, count in zip(grid.downbeats, grid.bars, strict=True)
    ]
    return [*lines, times[-1]]


def _at(grid: TimeGrid, beat: int) -> dict[str, object]:
    return {"beat": beat, "bar": _bar_of(grid, beat)}


def _bar_of(grid: TimeGrid, beat: int) -> int:
    return int(np.searchsorted(grid.downbeats, beat, side="right"))


def _curve_rows(plan: Plan) -> Iterable[dict[str, float]]:
    columns = zip(plan.loudness, plan.density, plan.emotion, strict=True)
    for second, (loudness, density, moods) in enumerate(columns):
        yield dict(
            zip(
                _ROW_FIELDS,
                (second, float(loudness), float(density), *map(float, moods)),
                strict=True,
            )
        )


def _parse(text: str) -> object:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in pairs:
            if name in found:
                raise PlanError(f"{shown(name)} is given twice in one object: keep one")
            found[name] = value
        return found

    def constant(name: str) -> NoReturn:
        raise PlanError(f"the plan holds {name}, expected finite numbers only")

    try:
        return cast(object, json.loads(text, object_pairs_hook=unique, parse_constant=constant))
    except RecursionError as error:
        raise PlanError("the plan is nested too deeply to be one") from error
    except ValueError as error:
        raise PlanError(f"the plan is not JSON: {shown(error)}") from error


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PlanError(f"{name} is {quoted(value)}, expected an object in braces")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise PlanError(f"{name} is {quoted(value)}, expected a list in brackets")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise PlanError(f"{name} is {quoted(value)}, expected text in quotes")
    return value


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PlanError(f"{name} is {quoted(value)}, expected a whole number")
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise PlanError(f"{name} is {quoted(value)}, expected true or false")
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    raise PlanError(f"{name} is {quoted(value)}, expected a finite number")


def _numbers(value: object, name: str) -> FloatArray:
    return np.array([_number(v, f"{name}[{i}]") for i, v in enumerate(_list(value, name))])


def _named(parse: Callable[[str], _T], value: object, name: str) -> _T:
    try:
        return parse(_text(value, name))
    except ChordError as error:
        raise PlanError(f"{name}: {error}") from error


def _mood(value: object, name: str, reporter: Reporter) -> str:
    """One of the six moods, from its name or an alias."""
    text = _text(value, name)
    try:
        mood = mood_name(text)
    except InputError as error:
        raise PlanError(f"{name}: {error}") from error
    report_alias(text, reporter)
    return mood


def _field(data: Mapping[str, Any], field: str, owner: str) -> object:
    if field not in data:
        raise PlanError(f"{owner}{field} is missing")
    return data[field]


def _fields_of(
    data: Mapping[str, Any], owner: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    for field in required:
        _field(data, field, owner)
    for field in data:
        if field not in required and field not in optional:
            raise PlanError(
                f"{owner}{shown(field)} is unknown, expected {', '.join((*required, *optional))}"
            )


def _rows_at_beats(
    data: Mapping[str, Any], field: str, content: str, grid: TimeGrid
) -> Iterable[tuple[str, int, Mapping[str, Any]]]:
    for i, value in enumerate(_list(data[field], field)):
        name = f"{field}[{i}]"
        row = _object(value, name)
        _fields_of(row, f"{name}.", ("beat", content), optional=("bar",))
        beat = _whole(row["beat"], f"{name}.beat")
        if "bar" in row and 0 <= beat < grid.n_beats:
            bar = _whole(row["bar"], f"{name}.bar")
            if bar != _bar_of(grid, beat):
                raise PlanError(
                    f"{name}.bar is {quoted(bar)}, but beat {beat} lies in bar "
                    f"{_bar_of(grid, beat)}: "
                    "mend one of them, or leave bar out"
                )
        yield name, beat, row


def _read_cuts(value: object) -> tuple[Cut, ...]:
    cuts = []
    for i, item in enumerate(_list(value, "cuts")):
        name = f"cuts[{i}]"
        row = _object(item, name)
        _fields_of(row, f"{name}.", ("time_s", "strength", "kind"))
        cuts.append(
            Cut(
                _number(row["time_s"], f"{name}.time_s"),
                _number(row["strength"], f"{name}.strength"),
                cast(CutKind, _text(row["kind"], f"{name}.kind")),
            )
        )
    return tuple(cuts)


def _read_accents(value: object) -> tuple[Accent, ...]:
    accents = []
    for i, item in enumerate(_list(value, "accents")):
        name = f"accents[{i}]"
        row = _object(item, name)
        _fields_of(row, f"{name}.", ("time_s", "strength"))
        accents.append(
            Accent(
                _number(row["time_s"], f"{name}.time_s"),
                _number(row["strength"], f"{name}.strength"),
            )
        )
    return tuple(accents)


def _read_curve(value: object) -> tuple[FloatArray, FloatArray, FloatArray]:
    rows = _list(value, "curve")
    table = np.empty((len(rows), len(_ROW_FIELDS)))
    for s, item in enumerate(rows):
        row = _object(item, f"curve[{s}]")
        _fields_of(row, f"curve[{s}].", _ROW_FIELDS)
        table[s] = [_number(row[field], f"curve[{s}].{field}") for field in _ROW_FIELDS]
        if table[s, 0] != s:
            raise PlanError(f"curve[{s}].second is {quoted(row['second'])}, expected {s}")
    return table[:, 1], table[:, 2], table[:, 3:]
