"""Files of cue sheets: which format a name means, and what all of them share.

===============  ============================================================================
``.csv``         a row a cue: timecode, rate, seconds, duration_s, kind, strength, mood, theme,
                 text, music; of the first three one is enough to read it
``.json``        the same as an object, with the clip's length
``.edl``         CMX 3600: an event a shot, a locator (``* LOC``) a cue
``.otio``        OpenTimelineIO: a clip a shot, a marker a cue
``.mid``         read only: the markers of a MIDI file
===============  ============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from amt.errors import InputError, quoted, shown
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.spotting import csv_rows, edl, json_rows, midi_markers, otio_timeline
from amt.spotting.clip import ClipClock
from amt.spotting.cues import CueSheet

_MOST_NOTES = 3
"""Texts that a message quotes."""
MAX_BYTES = 8 << 20
"""A larger file is no cue sheet: a thousand cues take 100 kB."""
WRITERS: Mapping[str, Callable[[CueSheet], str]] = {
    ".csv": csv_rows.to_text,
    ".json": json_rows.to_text,
    ".edl": edl.to_text,
    ".otio": otio_timeline.to_text,
}
READERS: Mapping[str, Callable[[str, str, ClipClock, Reporter], CueSheet]] = {
    ".csv": csv_rows.from_text,
    ".json": json_rows.from_text,
    ".edl": edl.from_text,
    ".otio": otio_timeline.from_text,
}
CUE_SUFFIXES = tuple(WRITERS)
"""Of cue sheets that are written."""
MIDI_SUFFIXES = (".mid", ".midi")
SPOTS_SUFFIXES = (*READERS, *MIDI_SUFFIXES)
"""Of cue sheets that are read."""


def write_cues(sheet: CueSheet, path: str | Path, suffix: str | None = None) -> None:
    """Write a cue sheet in the format of its name.

    Args:
        sheet: to be written.
        path: of the file.
        suffix: whose format is meant; None takes that of the path.

    Raises:
        InputError: no format has this suffix.
        DependencyError: OpenTimelineIO is not installed, for ``.otio``.
        OSError: ``path`` cannot be written.
    """
    write = WRITERS.get((suffix or Path(path).suffix).lower())
    if write is None:
        raise InputError(f"{quoted(str(path))} has none of the suffixes {', '.join(CUE_SUFFIXES)}")
    Path(path).write_text(write(sheet), encoding="utf-8", newline="")


def read_cues(
    path: str | Path, clock: ClipClock, reporter: Reporter = DEFAULT_REPORTER
) -> CueSheet:
    """Read a cue sheet.

    Args:
        path: of the file.
        clock: the timecode of the clip, for what the file does not say.
        reporter: gets one sentence on what of the file asks for nothing.

    Raises:
        InputError: the file cannot be read, is none of the formats, or counts at another rate.
        DependencyError: OpenTimelineIO is not installed, for ``.otio``.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in MIDI_SUFFIXES:
        sheet = midi_markers.from_file(path, clock, reporter)
    elif suffix in READERS:
        text = _text_of(path)
        try:
            sheet = READERS[suffix](text, path.name, clock, reporter)
        except InputError as error:
            name = shown(path)
            raise InputError(
                str(error) if path.name in str(error) else f"{name}: {error}"
            ) from error
    else:
        raise InputError(
            f"{quoted(str(path))} has none of the suffixes {', '.join(SPOTS_SUFFIXES)}"
        )
    _report_notes(sheet, path.name, reporter)
    return sheet


def _report_notes(sheet: CueSheet, name: str, reporter: Reporter) -> None:
    """Say which texts ask for nothing, so that a misspelt one is seen."""
    notes = [cue.text for cue in sheet.cues if cue.kind == "note" and cue.text]
    if notes:
        listed = ", ".join(map(quoted, notes[:_MOST_NOTES]))
        more = f" and {len(notes) - _MOST_NOTES} more" if len(notes) > _MOST_NOTES else ""
        reporter.message(
            f"{name}: {listed}{more} ask for nothing; what is asked begins with hit, mood, "
            "silence, start or theme"
        )


def _text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: it cannot be read, is too large, or is no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot read the cues in {shown(path)}: {error.strerror or error}"
        ) from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"cannot read the cues in {shown(path)}: {error}") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{shown(path)} is larger than {MAX_BYTES >> 20} MiB: no cue sheet is")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        try:
            return data.decode("latin-1") if b"\0" not in data else _no_text(path)
        except UnicodeDecodeError:  # pragma: no cover - Latin-1 decodes all
            return _no_text(path)


def _no_text(path: Path) -> str:
    raise InputError(f"{shown(path)} is no text: expected a cue sheet")
