"""Cue sheet ⇄ CSV: a row a cue, under a row of names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from amt.errors import InputError, quoted, suggestion
from amt.mood import mood_name, report_alias
from amt.reporter import Reporter
from amt.spotting.clip import ClipClock
from amt.spotting.cues import KINDS, SPANS, Cue, CueSheet, marker_cue, ordered, rounded
from amt.timecode import Timecode, parse_rate
from amt.times import parse_time

COLUMNS = (
    "timecode", "rate", "seconds", "duration_s", "kind", "strength", "mood", "theme", "text",
    "music",
)  # fmt: skip
_ALIASES = {
    "time": "seconds", "time_s": "seconds", "start": "seconds", "tc": "timecode",
    "time code": "timecode", "duration": "duration_s", "length": "duration_s", "type": "kind",
    "cue": "kind", "section": "theme", "label": "theme", "note": "text", "notes": "text",
    "comment": "text", "name": "text", "description": "text", "marker name": "text",
    "in": "timecode",
}  # fmt: skip
"""Other names of columns that are read."""
_LABEL = re.compile(r"\d{1,2}[:;]\d{1,2}[:;]\d{1,2}[:;,]\d{1,2}")

_Row = Mapping[str, str]


def to_text(sheet: CueSheet) -> str:
    """The text of a CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for cue in map(rounded, sheet.cues):
        writer.writerow(
            (
                sheet.label(cue),
                sheet.clock.rate.name,
                f"{cue.time_s:.6f}",
                f"{cue.duration_s:.6f}" if cue.duration_s else "",
                cue.kind,
                "" if cue.strength is None else f"{cue.strength:.4f}",
                cue.mood,
                cue.theme,
                _on_one_line(cue.text),
                _on_one_line(cue.music),
            )
        )
    return out.getvalue()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def from_text(text: str, name: str, clock: ClipClock, reporter: Reporter) -> CueSheet:
    """The cue sheet of a CSV file's text.

    Args:
        text: of the file, separated by commas, semicolons or tabs.
        name: of the file, for messages.
        clock: the timecode of the clip.
        reporter: gets sentences on columns that are passed over and on aliases of moods.

    Raises:
        InputError: a row has no time, an unknown kind, or values that contradict each other.
    """
    rows = _rows(text, name, reporter)
    counted = _clock_of(rows, name, clock)
    cues = []
    for number, row in rows:
        try:
            cues.append(_cue(row, counted, reporter))
        except InputError as error:
            raise InputError(f"{name}, line {number}: {error}") from error
    return CueSheet(counted, ordered(cues))


def _rows(text: str, name: str, reporter: Reporter) -> list[tuple[int, _Row]]:
    """(Number of its line, cells by column) of every row that holds anything.

    Raises:
        InputError: the text is no CSV, or names no columns of a cue sheet.
    """
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}, is no CSV: {error}") from error
    lines = [(number, row) for number, row in lines if any(row)]
    if not lines:
        raise InputError(f"{name} is empty: expected a row of names such as {','.join(COLUMNS)}")
    names = _columns(lines[0][1], name, reporter)
    for number, row in lines[1:]:
        if len(row) > len(names) and any(row[len(names) :]):
            raise InputError(
                f"{name}, line {number}, has {len(row)} cells under {len(names)} names: put texts "
                "with a comma in quotes"
            )
    return [
        (number, {key: cell for key, cell in zip(names, row, strict=False) if key})
        for number, row in lines[1:]
    ]


def _columns(cells: Sequence[str], name: str, reporter: Reporter) -> list[str]:
    """The column that each cell of the first row names; empty for those that are passed over.

    Raises:
        InputError: none gives a time, none says what is asked, or two name one column.
    """
    words = [cell.lower() for cell in cells]
    columns = [_ALIASES.get(word, word if word in COLUMNS else "") for word in words]
    twice = {word for word in words if word and words.count(word) > 1}
    if twice:
        raise InputError(f"{name} names the column {min(twice)} twice")
    columns = [  # of several names of one column the proper one counts, else the first
        "" if column != word and (column in words or column in columns[:i]) else column
        for i, (column, word) in enumerate(zip(columns, words, strict=True))
    ]
    if not {"timecode", "seconds"} & set(columns) or not {"kind", "text"} & set(columns):
        raise InputError(
            f"{name} begins with {quoted(','.join(cells))}: expected names of columns, timecode or "
            "seconds among them, and kind"
        )
    unknown = [word for word, column in zip(words, columns, strict=True) if word and not column]
    if unknown:
        reporter.message(f"{name}: the columns {', '.join(map(quoted, unknown))} are passed over")
    return columns


def _clock_of(rows: Sequence[tuple[int, _Row]], name: str, clock: ClipClock) -> Timecode:
    """The timecode that the rows count by.

    Raises:
        InputError: they name different rates, or another than the clip's.
    """
    named = {row["rate"]: number for number, row in rows if row.get("rate")}
    if len({parse_rate(rate) for rate in named}) > 1:
        raise InputError(f"{name} counts at {' and '.join(named)} frames a second: choose one")
    rate = next(map(parse_rate, named), None)
    counted = clock.for_sheet(name, rate, None)
    for _, row in rows:
        if rate is not None and row.get("timecode") and row.get("seconds"):
            frame = counted.rate.frame(row["timecode"]) - counted.frame(parse_time(row["seconds"]))
            start = counted.rate.label(frame % counted.rate.frames_per_day)
            return clock.for_sheet(name, rate, start)
    return counted


def _cue(row: _Row, clock: Timecode, reporter: Reporter) -> Cue:
    """The cue of a row.

    Raises:
        InputError: a cell has no meaning.
    """
    time_s = _time(row, clock)
    duration = row.get("duration_s", "")
    base = _named(time_s, row, reporter)
    strength = row.get("strength", "")
    length_s = _seconds(duration, clock) if duration else 0.0
    if length_s > 0:
        if base.kind not in (*SPANS, "note"):
            raise InputError(
                f"a cue of the kind {base.kind} has a duration, which only {', '.join(SPANS)} have"
            )
        base = replace(base, duration_s=length_s)
    return replace(base, strength=_share(strength)) if strength else base


def _named(time_s: float, row: _Row, reporter: Reporter) -> Cue:
    """A cue of what the row names, without strength and duration."""
    kind, text = row.get("kind", "").lower(), row.get("text", "")
    mood, theme = row.get("mood", ""), row.get("theme", "")
    if not kind:
        if mood:
            kind = "mood"
        elif theme:
            kind = "theme"
        else:
            return marker_cue(time_s, text)
    if kind == "mood" and mood:
        report_alias(mood, reporter)
        return Cue(time_s, "mood", mood=mood_name(mood), text=text)
    if kind == "theme" and theme:
        return Cue(time_s, "theme", theme=theme.upper(), text=text)
    if kind in KINDS and kind not in ("mood", "theme"):
        return Cue(time_s, kind, text=text)
    cue = marker_cue(time_s, f"{kind}: {text}" if text else kind)
    if cue.kind == "note":
        raise InputError(
            f"{quoted(kind)} is no kind of cue; expected one of {', '.join(KINDS)}"
            f"{suggestion(kind, KINDS)}"
            if kind not in ("mood", "theme")
            else f"a cue of the kind {kind} needs its {kind} in the column {kind}"
        )
    return cue


def _time(row: _Row, clock: Timecode) -> float:
    """The time of a row in seconds.

    Raises:
        InputError: it has none, or two that differ.
    """
    label, seconds = row.get("timecode", ""), row.get("seconds", "")
    if seconds and _LABEL.fullmatch(seconds):
        label, seconds = label or seconds, ""
    if label and seconds:
        time_s, from_label = parse_time(seconds), clock.seconds(label)
        if abs(time_s - from_label) * clock.rate.fps > 0.51:
            raise InputError(
                f"the timecode {label} is {from_label:.3f} s from {clock.start} on, but seconds "
                f"says {seconds}: mend one of them, or leave one out"
            )
        return time_s
    if label:
        return clock.seconds(label)
    if seconds:
        return parse_time(seconds)
    raise InputError("the row has neither timecode nor seconds")


def _seconds(text: str, clock: Timecode) -> float:
    """A length of time in seconds, or in hours, minutes, seconds and frames."""
    if _LABEL.fullmatch(text):
        return Timecode(clock.rate, "00:00:00:00").seconds(text)
    return parse_time(text)


def _share(text: str) -> float:
    """A strength, 0 to 1 or in percent."""
    bare = text.removesuffix("%").strip().replace(",", ".")
    try:
        value = float(bare) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise InputError(
            f"the strength {quoted(text)} is no number; expected one from 0 to 1"
        ) from None
    if not 0 <= value <= 1:
        raise InputError(f"the strength {quoted(text)} does not lie in 0 to 1")
    return value
