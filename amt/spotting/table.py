"""A cue sheet as a table for the terminal."""

from __future__ import annotations

from amt.spotting.cues import Cue, CueSheet

_COLUMNS = ("timecode", "seconds", "kind", "strength", "length", "")


def cue_table(sheet: CueSheet) -> str:
    """The lines of a table, with a first one of what it counts from."""
    rows = [_COLUMNS, *(_row(sheet, cue) for cue in sheet.cues)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    numbers = {1, 3, 4}
    lines = [
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    clock = sheet.clock
    title = f"{sheet.title}: " if sheet.title else ""
    end = "" if sheet.duration_s is None else f" to {clock.label(sheet.duration_s)}"
    head = f"{title}{clock.start}{end}, {clock.rate.name} frames a second"
    return "\n".join([head, *lines])


def _row(sheet: CueSheet, cue: Cue) -> tuple[str, ...]:
    words = (cue.mood, cue.theme, cue.text, cue.music)
    return (
        sheet.label(cue),
        f"{cue.time_s:.3f}",
        cue.kind,
        "" if cue.strength is None else f"{cue.strength:.2f}",
        f"{cue.duration_s:.2f}" if cue.duration_s else "",
        "; ".join(filter(None, words)),
    )
