"""Cue sheet ⇄ JSON.

One object: ``version`` 1, ``title``, ``rate``, ``start_tc`` (the label of the clip's 0),
``duration_s`` of the clip or null, and ``cues``, each with ``timecode``, ``seconds`` (one of the
two is enough), ``kind``, and where they apply ``duration_s``, ``strength``, ``mood``, ``theme``,
``text``, ``music``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from amt.errors import InputError, quoted, shown
from amt.mood import mood_name
from amt.reporter import Reporter
from amt.spotting.clip import ClipClock
from amt.spotting.cues import KINDS, Cue, CueSheet, ordered, rounded
from amt.timecode import Timecode, parse_rate
from render.files.decoding import decode

VERSION = 1
_ALWAYS = ("seconds", "kind", "strength")
"""Fields that may be 0."""


class _CueRow(Struct, forbid_unknown_fields=True, omit_defaults=True):
    timecode: str | None = None
    seconds: float | None = None
    kind: str = "note"
    duration_s: float = 0.0
    strength: float | None = None
    mood: str = ""
    theme: str = ""
    text: str = ""
    music: str = ""


class _SheetFile(Struct, forbid_unknown_fields=True):
    version: int
    cues: list[_CueRow]
    title: str = ""
    rate: str | None = None
    start_tc: str | None = None
    duration_s: float | None = None


def to_text(sheet: CueSheet) -> str:
    """The text of a JSON file."""
    head = {
        "version": VERSION,
        "title": sheet.title,
        "rate": sheet.clock.rate.name,
        "start_tc": sheet.clock.start,
        "duration_s": sheet.duration_s,
    }
    lines = [f"  {_json(key)}: {_json(value)}," for key, value in head.items()]
    rows = ",\n".join(f"    {_json(cue_fields(sheet, rounded(cue)))}" for cue in sheet.cues)
    cues = f"[\n{rows}\n  ]" if rows else "[]"
    return "\n".join(["{", *lines, f'  "cues": {cues}', "}", ""])


def cue_fields(sheet: CueSheet, cue: Cue) -> dict[str, Any]:
    """The fields of a cue that say anything."""
    row = _CueRow(
        sheet.label(cue), cue.time_s, cue.kind, cue.duration_s, cue.strength, cue.mood, cue.theme,
        cue.text, cue.music,
    )  # fmt: skip
    given = {key: value for key, value in asdict(row).items() if value not in (None, "")}
    return {key: value for key, value in given.items() if value != 0 or key in _ALWAYS}


def cue_of_fields(fields: Mapping[str, Any], clock: Timecode) -> Cue:
    """The cue of such fields.

    Raises:
        InputError: a value has no meaning, or two contradict each other.
    """
    return _cue(decode(dict(fields), _CueRow, error=InputError), clock)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def from_text(text: str, name: str, clock: ClipClock, reporter: Reporter) -> CueSheet:
    """The cue sheet of a JSON file's text.

    Args:
        text: of the file.
        name: of the file, for messages.
        clock: the timecode of the clip.
        reporter: not used.

    Raises:
        InputError: the text is no cue sheet; the message names the field.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON: {shown(error)}") from error
    file = decode(data, _SheetFile, name, InputError)
    if file.version != VERSION:
        raise InputError(f"{name}: version is {quoted(file.version)}, expected {VERSION}")
    rate = None if file.rate is None else parse_rate(file.rate)
    counted = clock.for_sheet(name, rate, file.start_tc)
    cues = []
    for number, row in enumerate(file.cues):
        try:
            cues.append(_cue(row, counted))
        except InputError as error:
            raise InputError(f"{name}: cues[{number}]: {error}") from error
    return CueSheet(counted, ordered(cues), file.duration_s, file.title)


def _cue(row: _CueRow, clock: Timecode) -> Cue:
    """The cue of a row.

    Raises:
        InputError: a value has no meaning, or two contradict each other.
    """
    if row.kind not in KINDS:
        raise InputError(f"kind is {quoted(row.kind)}, expected one of {', '.join(KINDS)}")
    if row.seconds is not None:
        time_s = row.seconds
        if row.timecode is not None:
            from_label = clock.seconds(row.timecode)
            if abs(from_label - time_s) * clock.rate.fps > 0.51:
                raise InputError(
                    f"the timecode {row.timecode} is {from_label:.3f} s from {clock.start} on, but "
                    f"seconds says {time_s:g}: mend one of them, or leave one out"
                )
    elif row.timecode is not None:
        time_s = clock.seconds(row.timecode)
    else:
        raise InputError("there is neither timecode nor seconds")
    cue = Cue(
        time_s,
        row.kind,
        row.duration_s,
        row.strength,
        mood_name(row.mood) if row.mood else "",
        row.theme,
        row.text,
    )
    return replace(cue, music=row.music)
