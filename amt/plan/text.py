"""The text of a plan file: strict reading, stable writing; see :mod:`amt.plan` for the format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar, cast

import numpy as np
from msgspec import Meta, Struct, field
from msgspec.structs import asdict, astuple

from amt.chords import parse_chord, parse_key, parse_pitch_class
from amt.errors import ChordError, InputError, PlanError, quoted, shown
from amt.mood import mood_name, report_alias
from amt.plan.rules import rounded, validate, validate_grid
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.timecode import Timecode, parse_rate
from amt.types import (
    EMOTIONS,
    Accent,
    Arrangement,
    ArrangerName,
    BarSpan,
    Cadence,
    ChordSpan,
    Cut,
    CutKind,
    Entry,
    Feel,
    FloatArray,
    Phrase,
    Plan,
    Rewrite,
    Section,
    TimeGrid,
    TimeSpan,
)
from render.files.decoding import decode

_T = TypeVar("_T")

VERSION = 1
MAX_BYTES = 32 << 20
"""A plan takes about 0.3 MB for ten minutes; a day of music fits."""
_ONLY_IF_GIVEN = ("hits_s", "locked", "muted")
"""Fields that are left out of a file where they are empty."""
_MAX_NUMBER = 1e15
"""Bound of every number that is not whole: larger ones are no times, levels or densities."""
_Number = Annotated[float, Meta(gt=-_MAX_NUMBER, lt=_MAX_NUMBER)]


class _Row(Struct, forbid_unknown_fields=True):
    """An object of the file; its fields in the order in which they are written."""


class _ChordRow(_Row, kw_only=True):
    beat: int
    bar: int | None = None
    chord: str
    bass: str | None = None


class _SectionRow(_Row, kw_only=True):
    beat: int
    bar: int | None = None
    mood: str
    feel: Feel = "normal"
    label: str = ""
    key: str | None = None


class _PhraseRow(_Row, kw_only=True):
    beat: int
    bar: int | None = None
    label: str
    cadence: Cadence


class _CutRow(_Row):
    time_s: _Number
    strength: _Number
    kind: CutKind


class _SpanRow(_Row):
    start_s: _Number
    end_s: _Number


class _EntryRow(_Row, kw_only=True):
    beat: int
    bar: int | None = None
    resting: list[str]


class _AccentRow(_Row):
    time_s: _Number
    strength: _Number


class _TimecodeRow(_Row):
    rate: str
    start: str


class _CurveRow(_Row):
    second: int
    loudness: _Number
    density: _Number
    exciting: _Number
    fearful: _Number
    tense: _Number
    sad: _Number
    relaxing: _Number
    neutral: _Number


class _ArrangementRow(_Row):
    arranger: ArrangerName = "patterns"
    candidates: int = 1
    drums: bool = True
    melody: bool = True
    humanize: _Number = 1.0


class _RewriteRow(_Row):
    bars: list[int]
    seed: int


class _PlanFile(_Row, kw_only=True):
    """The whole file; see :mod:`amt.plan` for what the fields mean."""

    version: int
    title: str = ""
    style: str
    seed: int
    key: str
    bars: list[int]
    last_beat: _Number
    beats_s: list[_Number]
    chords: list[_ChordRow]
    sections: list[_SectionRow]
    phrases: list[_PhraseRow] = []
    cuts: list[_CutRow]
    entries: list[_EntryRow] = []
    accents: list[_AccentRow] = []
    speech: list[_SpanRow] = []
    curve: list[_CurveRow]
    arrangement: _ArrangementRow = field(default_factory=_ArrangementRow)
    rewrites: list[_RewriteRow] = []
    silences: list[_SpanRow] = []
    timecode: _TimecodeRow | None = None
    hits_s: list[_Number] = []
    locked: list[list[int]] = []
    muted: list[str] = []


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
    fields = asdict(_file_of(plan))
    lines = (
        f"  {_json(name)}: {_value(name, value, plan.grid)}"
        for name, value in fields.items()
        if value or name not in _ONLY_IF_GIVEN
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def plan_from_json(text: str, reporter: Reporter = DEFAULT_REPORTER) -> Plan:
    """The plan of a file's text.

    Args:
        text: of the file.
        reporter: gets a message for each alias in it, of which of the six moods it is taken as.

    Raises:
        PlanError: the text is no plan of this version; the message names the field.
    """
    data = _parse(text)
    version = data.get("version", VERSION) if isinstance(data, dict) else VERSION
    if isinstance(version, bool) or version != VERSION:
        raise PlanError(f"version is {quoted(version)}, expected {VERSION}: compose the clip again")
    plan = _plan_of(decode(data, _PlanFile, error=PlanError), reporter)
    validate(plan)
    return plan


def _file_of(plan: Plan) -> _PlanFile:
    """The rows of a plan's file."""

    def bar(beat: int) -> int:
        return _bar_of(plan.grid, beat)

    table = np.column_stack([plan.loudness, plan.density, plan.emotion]).tolist()
    how, clock = plan.arrangement, plan.timecode
    return _PlanFile(
        version=VERSION,
        title=plan.title,
        style=plan.style,
        seed=int(plan.seed),
        key=plan.key.label,
        bars=list(plan.grid.bars),
        last_beat=plan.grid.last_beat,
        beats_s=plan.grid.beats_s.tolist(),
        chords=[
            _ChordRow(
                beat=c.beat,
                bar=bar(c.beat),
                chord=c.chord.spell(key := plan.key_at(c.beat)),
                bass=None if c.bass is None else key.spell(c.bass),
            )
            for c in plan.chords
        ],
        sections=[
            _SectionRow(
                beat=s.beat,
                bar=bar(s.beat),
                mood=s.mood,
                feel=s.feel,
                label=s.label,
                key=s.key.label if s.key else None,
            )
            for s in plan.sections
        ],
        phrases=[
            _PhraseRow(beat=p.beat, bar=bar(p.beat), label=p.label, cadence=p.cadence)
            for p in plan.phrases
        ],
        cuts=[_CutRow(c.time_s, c.strength, c.kind) for c in plan.cuts],
        entries=[
            _EntryRow(beat=e.beat, bar=bar(e.beat), resting=list(e.resting)) for e in plan.entries
        ],
        accents=[_AccentRow(a.time_s, a.strength) for a in plan.accents],
        speech=[_SpanRow(span.start_s, span.end_s) for span in plan.speech],
        curve=[_CurveRow(second, *row) for second, row in enumerate(table)],
        arrangement=_ArrangementRow(
            how.arranger, how.candidates, how.drums, how.melody, how.humanize
        ),
        rewrites=[_RewriteRow([r.first, r.last], r.seed) for r in how.rewrites],
        silences=[_SpanRow(s.start_s, s.end_s) for s in plan.silences],
        timecode=None if clock is None else _TimecodeRow(clock.rate.name, clock.start),
        hits_s=list(plan.hits_s),
        locked=[[span.first, span.last] for span in plan.locked],
        muted=list(plan.muted),
    )


def _plan_of(file: _PlanFile, reporter: Reporter) -> Plan:
    """The plan of a file's rows; the grid is valid, the rest is still to be validated.

    Raises:
        PlanError: a row contradicts the beats or the rows before it, or has an unknown name in it.
    """
    grid = TimeGrid(np.array(file.beats_s), tuple(file.bars), file.last_beat)
    validate_grid(grid)
    for name in ("chords", "sections", "phrases", "entries"):
        for i, row in enumerate(getattr(file, name)):
            _check_bar(f"{name}[{i}]", row.beat, row.bar, grid)
    curve = _curve_table(file.curve)
    return Plan(
        grid=grid,
        key=_named(parse_key, file.key, "key"),
        chords=tuple(
            ChordSpan(
                row.beat,
                _named(parse_chord, row.chord, f"chords[{i}].chord"),
                None
                if row.bass is None
                else _named(parse_pitch_class, row.bass, f"chords[{i}].bass"),
            )
            for i, row in enumerate(file.chords)
        ),
        loudness=curve[:, 0],
        density=curve[:, 1],
        emotion=curve[:, 2:],
        style=file.style,
        seed=file.seed,
        cuts=tuple(Cut(row.time_s, row.strength, row.kind) for row in file.cuts),
        sections=tuple(
            Section(
                row.beat,
                _mood(row.mood, f"sections[{i}].mood", reporter),
                row.feel,
                row.label,
                None if row.key is None else _named(parse_key, row.key, f"sections[{i}].key"),
            )
            for i, row in enumerate(file.sections)
        ),
        phrases=tuple(Phrase(row.beat, row.label, row.cadence) for row in file.phrases),
        title=file.title,
        entries=tuple(Entry(row.beat, tuple(row.resting)) for row in file.entries),
        accents=tuple(Accent(row.time_s, row.strength) for row in file.accents),
        speech=tuple(TimeSpan(row.start_s, row.end_s) for row in file.speech),
        arrangement=Arrangement(
            **asdict(file.arrangement),
            rewrites=tuple(_rewrite(row, f"rewrites[{i}]") for i, row in enumerate(file.rewrites)),
        ),
        silences=tuple(TimeSpan(row.start_s, row.end_s) for row in file.silences),
        timecode=None if file.timecode is None else _timecode(file.timecode),
        hits_s=tuple(file.hits_s),
        locked=tuple(_bars(row, f"locked[{i}]") for i, row in enumerate(file.locked)),
        muted=tuple(file.muted),
    )


def _timecode(row: _TimecodeRow) -> Timecode:
    try:
        return Timecode(parse_rate(row.rate), row.start)
    except InputError as error:
        raise PlanError(f"timecode: {error}") from error


def _rewrite(row: _RewriteRow, name: str) -> Rewrite:
    bars = _bars(row.bars, f"{name}.bars")
    return Rewrite(bars.first, bars.last, row.seed)


def _bars(row: list[int], name: str) -> BarSpan:
    if len(row) != 2:
        raise PlanError(f"{name} has {len(row)} numbers, expected the first and last bar")
    return BarSpan(row[0], row[1])


def _curve_table(rows: list[_CurveRow]) -> FloatArray:
    """[S, 8] loudness, density and the six moods of each second."""
    for second, row in enumerate(rows):
        if row.second != second:
            raise PlanError(f"curve[{second}].second is {quoted(row.second)}, expected {second}")
    return np.array([astuple(row)[1:] for row in rows]).reshape(-1, 2 + len(EMOTIONS))


def _check_bar(name: str, beat: int, bar: int | None, grid: TimeGrid) -> None:
    """Refuse a bar that is not the bar of its beat."""
    if bar is not None and 0 <= beat < grid.n_beats and bar != _bar_of(grid, beat):
        raise PlanError(
            f"{name}.bar is {quoted(bar)}, but beat {beat} lies in bar {_bar_of(grid, beat)}: "
            "mend one of them, or leave bar out"
        )


def _bar_of(grid: TimeGrid, beat: int) -> int:
    return int(np.searchsorted(grid.downbeats, beat, side="right"))


def _value(name: str, value: object, grid: TimeGrid) -> str:
    """A field as JSON: rows one a line, and beats one bar a line."""
    if name == "beats_s":
        times = [_json(float(t)) for t in grid.beats_s]
        bars = zip(grid.downbeats, grid.bars, strict=True)
        return _block([*(", ".join(times[b : b + count]) for b, count in bars), times[-1]])
    if isinstance(value, list) and name != "bars":
        return _block(map(_json, value))
    return _json(value)


def _json(value: object) -> str:
    if isinstance(value, Struct):  # fields that may be missing are left out
        value = {name: given for name, given in asdict(value).items() if given is not None}
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _block(lines: Iterable[str]) -> str:
    body = ",\n".join(f"    {line}" for line in lines)
    return f"[\n{body}\n  ]" if body else "[]"


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


def _named(parse: Callable[[str], _T], text: str, name: str) -> _T:
    try:
        return parse(text)
    except ChordError as error:
        raise PlanError(f"{name}: {error}") from error


def _mood(text: str, name: str, reporter: Reporter) -> str:
    """One of the six moods, from its name or an alias."""
    try:
        mood = mood_name(text)
    except InputError as error:
        raise PlanError(f"{name}: {error}") from error
    report_alias(text, reporter)
    return mood
