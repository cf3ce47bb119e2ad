"""Plan ⇄ JSON: the file that a person edits, diffs and arranges anew.

A plan file is one JSON object in UTF-8. Every field is required unless it says optional, and a
field that is not listed here is an error, so that a typing mistake cannot pass unnoticed::

    version    1
    title      text of the piece's title; optional
    style      name of a built-in style, or the path of a style file
    seed       whole number, 0 to 2**63 - 1: the same plan and seed give the same notes
    key        "A minor", "Eb major"
    bars       number of beats of each bar; they sum to the number of beats
    last_beat  share of the last beat that is heard, above 0, at most 1 (the clip may end inside it)
    beats_s    start of every beat in seconds, one bar a line, from 0; then the end of the music
    chords     {"beat": 8, "bar": 3, "chord": "Am7"}: from this beat on; the first on beat 0
    sections   {"beat": 0, "bar": 1, "mood": "sad"}: from this beat on; may be empty
    cuts       {"time_s": 4.2, "strength": 0.8, "kind": "cut"}: kind is cut, dissolve or fade
    curve      one row a second: {"second": 0, "loudness": 0.1, "density": 6.5, "exciting": 0.2,
               ...}, with the loudness as RMS of full scale (0-1), the density in notes that begin
               a second (0-100), and the probabilities of the six moods, which sum to 1

Beats count quarter notes from 0 through the whole piece, as in :class:`amt.types.TimeGrid`. ``bar``
counts from 1 and only helps the reader: it may be left out, and when given it must be the bar of
the beat. Chords are lead-sheet names (``Am7``, ``F#m7b5``) or labels such as ``A:min7``.

Numbers have a fixed number of decimals (:func:`rounded`), so reading and writing give back the
same text, and a plan that was written and read again is arranged to the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast, get_args

import numpy as np

from amt.chords import parse_chord, parse_key
from amt.errors import ChordError, PlanError
from amt.types import (
    EMOTIONS,
    ChordSpan,
    Cut,
    CutKind,
    FloatArray,
    Plan,
    Section,
    TimeGrid,
)

_T = TypeVar("_T")

VERSION = 1
MAX_SEED = 2**63 - 1
MAX_DENSITY = 100.0
BEAT_LENGTH_S = (0.05, 16.0)
"""Bounds of a whole beat: a MIDI tempo event holds no slower beat than 16.7 s."""

_TIME_DECIMALS = 9
_CURVE_DECIMALS = 4
_FIELDS = (
    "version", "style", "seed", "key", "bars", "last_beat", "beats_s",
    "chords", "sections", "cuts", "curve",
)  # fmt: skip
_ROW_FIELDS = ("second", "loudness", "density", *EMOTIONS)


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON to ``path``.

    Raises:
        PlanError: the plan breaks a rule of the format (see :func:`validate`).
        OSError: ``path`` cannot be written.
    """
    path.write_text(plan_to_json(plan), encoding="utf-8", newline="\n")


def read_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        PlanError: the file cannot be read, or is no plan of this version; the message names the
            file and the field.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PlanError(f"cannot read the plan {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path} is not a plan: expected JSON text in UTF-8") from error
    try:
        return plan_from_json(text)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error


def plan_to_json(plan: Plan) -> str:
    """The text of a plan file.

    Raises:
        PlanError: the plan breaks a rule of the format (see :func:`validate`).
    """
    plan = rounded(plan)
    validate(plan)
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
        "curve": _block(_json(row) for row in _curve_rows(plan)),
    }
    return "{\n" + ",\n".join(f"  {_json(k)}: {v}" for k, v in fields.items()) + "\n}\n"


def plan_from_json(text: str) -> Plan:
    """The plan of a file's text.

    Raises:
        PlanError: the text is no plan of this version; the message names the field.
    """
    data = _object(_parse(text), "the plan")
    version = _field(data, "version", "")
    if isinstance(version, bool) or version != VERSION:
        raise PlanError(f"version is {_show(version)}, expected {VERSION}: compose the clip again")
    _fields_of(data, "", _FIELDS, optional=("title",))
    grid = TimeGrid(
        beats_s=_numbers(data["beats_s"], "beats_s"),
        bars=tuple(_whole(n, f"bars[{i}]") for i, n in enumerate(_list(data["bars"], "bars"))),
        last_beat=_number(data["last_beat"], "last_beat"),
    )
    _validate_grid(grid)
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
            Section(beat, _text(row["mood"], f"{name}.mood"))
            for name, beat, row in _rows_at_beats(data, "sections", "mood", grid)
        ),
        title=_text(data.get("title", ""), "title"),
    )
    validate(plan)
    return plan


def rounded(plan: Plan) -> Plan:
    """The plan with every number as its file would hold it; applying it again changes nothing.

    Times keep 9 decimals, curves 4. Where rounding moves the end of the music onto a whole second,
    the row of the second that was only just begun goes.
    """
    grid = TimeGrid(
        _round(plan.grid.beats_s, _TIME_DECIMALS),
        tuple(int(n) for n in plan.grid.bars),
        round(float(plan.grid.last_beat), _TIME_DECIMALS),
    )
    was, now = _rows_for(plan.grid.duration_s), _rows_for(grid.duration_s)

    def curve(values: FloatArray) -> FloatArray:
        kept = values[:now] if len(values) == was else values
        return _round(kept, _CURVE_DECIMALS)

    cuts = tuple(
        replace(
            cut,
            time_s=round(float(cut.time_s), _TIME_DECIMALS),
            strength=round(float(cut.strength), _CURVE_DECIMALS),
        )
        for cut in plan.cuts
    )
    return replace(
        plan,
        grid=grid,
        loudness=curve(plan.loudness),
        density=curve(plan.density),
        emotion=curve(plan.emotion),
        cuts=tuple(cut for cut in cuts if not 0 <= grid.duration_s - cut.time_s < 1e-9),
    )


def close_on_tonic(plan: Plan) -> Plan:
    """The plan with a closing cadence: its last chord is the tonic triad.

    The tonic takes the last bar, or the last two when the clip cuts the last one so short that it
    lasts under a second. A last chord on the tonic's root and of its mode stays as it is.
    """
    last = plan.chords[-1].chord
    tonic = plan.key.tonic_chord
    third = {"major": 4, "minor": 3}[plan.key.mode]
    if last.root == tonic.root and (plan.key.tonic + third) % 12 in last.pitch_classes:
        return plan
    downbeats = [int(b) for b in plan.grid.downbeats]
    start = downbeats[-1]
    short = plan.grid.duration_s - plan.grid.beats_s[start] < 1.0
    if short and len(downbeats) > 1:
        start = downbeats[-2]
    kept = tuple(span for span in plan.chords if span.beat < start)
    return replace(plan, chords=(*kept, ChordSpan(start, tonic)))


def validate(plan: Plan) -> None:
    """Check every rule of the format but the name of the style, which the arranger looks up.

    Raises:
        PlanError: a value breaks a rule; the message names its field as in the file.
    """
    _validate_grid(plan.grid)
    if not plan.style.strip():
        raise PlanError("style is empty, expected the name of a style such as 'piano'")
    if not 0 <= plan.seed <= MAX_SEED:
        raise PlanError(f"seed is {plan.seed}, expected a whole number from 0 to 2**63 - 1")
    if not plan.chords or plan.chords[0].beat != 0:
        raise PlanError("chords must begin on beat 0: add a chord there, or N for none")
    _validate_beats("chords", [c.beat for c in plan.chords], plan.grid)
    _validate_beats("sections", [s.beat for s in plan.sections], plan.grid)
    for i, section in enumerate(plan.sections):
        if section.mood not in EMOTIONS:
            raise PlanError(
                f"sections[{i}].mood is {section.mood!r}, expected one of {', '.join(EMOTIONS)}"
            )
    _validate_cuts(plan.cuts, plan.grid.duration_s)
    _validate_curves(plan)


def _validate_grid(grid: TimeGrid) -> None:
    beats_s = grid.beats_s
    if len(beats_s) < 2 or beats_s[0] != 0:
        raise PlanError("beats_s must hold 0 and at least one later time, the end of the music")
    falls = np.flatnonzero(~(np.diff(beats_s) > 0))
    if falls.size or not np.isfinite(beats_s).all():
        i = int(falls[0]) + 1 if falls.size else len(beats_s) - 1
        raise PlanError(f"beats_s[{i}] is {beats_s[i]}, expected a later time than the beat before")
    if not 0 < grid.last_beat <= 1:
        raise PlanError(f"last_beat is {grid.last_beat}, expected a share above 0 and at most 1")
    low, high = BEAT_LENGTH_S
    lengths = grid.beat_length_s
    for i in np.flatnonzero((lengths < low) | (lengths > high))[:1]:
        raise PlanError(
            f"beats_s[{i}] starts a beat of {lengths[i]:g} s, expected {low:g} to {high:g} s"
        )
    for i, count in enumerate(grid.bars):
        if not 1 <= count <= 255:
            raise PlanError(f"bars[{i}] is {count}, expected 1 to 255 beats")
    if sum(grid.bars) != grid.n_beats:
        raise PlanError(
            f"bars sum to {sum(grid.bars)} beats, expected {grid.n_beats} as beats_s has them"
        )


def _validate_beats(name: str, beats: list[int], grid: TimeGrid) -> None:
    for i, beat in enumerate(beats):
        if not 0 <= beat < grid.n_beats:
            raise PlanError(f"{name}[{i}].beat is {beat}, expected 0 to {grid.n_beats - 1}")
        if i and beat <= beats[i - 1]:
            raise PlanError(
                f"{name}[{i}].beat is {beat}, expected a later beat than {beats[i - 1]} before it"
            )


def _validate_cuts(cuts: tuple[Cut, ...], duration_s: float) -> None:
    before = 0.0
    for i, cut in enumerate(cuts):
        if not before < cut.time_s < duration_s:
            raise PlanError(
                f"cuts[{i}].time_s is {cut.time_s}, expected a time after {before:g} s and before "
                f"the end at {duration_s:g} s"
            )
        _within(cut.strength, f"cuts[{i}].strength", 1.0)
        if cut.kind not in get_args(CutKind):
            raise PlanError(
                f"cuts[{i}].kind is {cut.kind!r}, expected {', '.join(get_args(CutKind))}"
            )
        before = cut.time_s


def _validate_curves(plan: Plan) -> None:
    rows = _rows_for(plan.grid.duration_s)
    for name, values, shape in (
        ("loudness", plan.loudness, (rows,)),
        ("density", plan.density, (rows,)),
        ("emotion", plan.emotion, (rows, len(EMOTIONS))),
    ):
        if values.shape != shape:
            raise PlanError(
                f"curve has {len(values)} rows of {name}, expected {rows}, one for each second of "
                f"the {plan.grid.duration_s:g} s"
            )
    for s in range(rows):
        _within(float(plan.loudness[s]), f"curve[{s}].loudness", 1.0)
        _within(float(plan.density[s]), f"curve[{s}].density", MAX_DENSITY)
        for name, share in zip(EMOTIONS, plan.emotion[s], strict=True):
            _within(float(share), f"curve[{s}].{name}", 1.0)
        total = float(plan.emotion[s].sum())
        if abs(total - 1) > 0.01:
            raise PlanError(f"the moods of curve[{s}] sum to {total:g}, expected 1")


def _within(value: float, name: str, high: float) -> None:
    if not 0 <= value <= high:
        raise PlanError(f"{name} is {value:g}, expected a number from 0 to {high:g}")


def _round(values: FloatArray, decimals: int) -> FloatArray:
    return np.asarray(values, dtype=np.float64).round(decimals)


def _rows_for(duration_s: float) -> int:
    return math.ceil(duration_s)


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
                raise PlanError(f"{name} is given twice in one object: keep one")
            found[name] = value
        return found

    def constant(name: str) -> NoReturn:
        raise PlanError(f"the plan holds {name}, expected finite numbers only")

    try:
        return cast(object, json.loads(text, object_pairs_hook=unique, parse_constant=constant))
    except RecursionError as error:
        raise PlanError("the plan is nested too deeply to be one") from error
    except ValueError as error:
        raise PlanError(f"the plan is not JSON: {error}") from error


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PlanError(f"{name} is {_show(value)}, expected an object in braces")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise PlanError(f"{name} is {_show(value)}, expected a list in brackets")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise PlanError(f"{name} is {_show(value)}, expected text in quotes")
    return value


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PlanError(f"{name} is {_show(value)}, expected a whole number")
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    raise PlanError(f"{name} is {_show(value)}, expected a finite number")


def _numbers(value: object, name: str) -> FloatArray:
    return np.array([_number(v, f"{name}[{i}]") for i, v in enumerate(_list(value, name))])


def _named(parse: Callable[[str], _T], value: object, name: str) -> _T:
    try:
        return parse(_text(value, name))
    except ChordError as error:
        raise PlanError(f"{name}: {error}") from error


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
                f"{owner}{field} is unknown, expected {', '.join((*required, *optional))}"
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
                    f"{name}.bar is {bar}, but beat {beat} lies in bar {_bar_of(grid, beat)}: "
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


def _read_curve(value: object) -> tuple[FloatArray, FloatArray, FloatArray]:
    rows = _list(value, "curve")
    table = np.empty((len(rows), len(_ROW_FIELDS)))
    for s, item in enumerate(rows):
        row = _object(item, f"curve[{s}]")
        _fields_of(row, f"curve[{s}].", _ROW_FIELDS)
        table[s] = [_number(row[field], f"curve[{s}].{field}") for field in _ROW_FIELDS]
        if table[s, 0] != s:
            raise PlanError(f"curve[{s}].second is {row['second']}, expected {s}")
    return table[:, 1], table[:, 2], table[:, 3:]
