"""The report on a file with new bars: which tracks correspond, and what else changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amt.regenerate.mapping import shown
from amt.regenerate.matching import Matching
from amt.regenerate.new_bars import NewBars, Placement
from amt.regenerate.similarity import Part
from amt.regenerate.streams import Stream
from amt.types import TICKS_PER_BEAT
from render.files.smf import SmfFile

_AUDIBLE_S = 0.05
"""Seconds by which bars may be at another time than in the plan without a remark: about the
threshold of audiovisual asynchrony (ITU-R BT.1359-1)."""
_FEW = 0.3
"""Share of notes found below which there is a remark."""


@dataclass(frozen=True, slots=True)
class TrackMatch:
    """A line of the table of tracks."""

    ours: str
    """Name of a track of the plan, or ``-``."""
    theirs: str
    """Number and name of a track of the file, or ``-``."""
    why: str
    confidence: float
    """0 to 1."""

    def __str__(self) -> str:
        return f"{self.ours} = {self.theirs}: {self.why} ({self.confidence:.0%})"


def _label(stream: Stream, number: int) -> str:
    name = f' "{shown(stream.part.name)}"' if stream.part.name else ""
    return f"track {number}{name}"


def table(
    matching: Matching, ours: Sequence[Part], streams: Sequence[Stream]
) -> tuple[TrackMatch, ...]:
    """Return a line for each track of the plan, then for each other track of the file."""
    labels = [_label(stream, number) for number, stream in enumerate(streams, 1)]
    rows = [
        TrackMatch(
            ours[link.ours].name,
            labels[link.theirs],
            ", ".join((*link.reasons, *(("plays along",) if link.layer else ()))),
            link.confidence,
        )
        for link in sorted(matching.links, key=lambda link: (link.ours, link.theirs))
    ]
    rows += [TrackMatch(ours[i].name, "-", "added", 1.0) for i in matching.added]
    rows += [
        TrackMatch(ours[i].name, "-", "not in the file, left out", 1.0) for i in matching.left_out
    ]
    copied = dict(matching.copies)
    for j in matching.kept:
        why = "yours, left as it is"
        if j in copied:
            name = shown(ours[copied[j]].name)
            why = f'plays along with {name}, left as it is; `map="{j + 1}={name}"` renews it'
        rows.append(TrackMatch("-", labels[j], why, 1.0))
    return tuple(rows)


def placement_remarks(new: NewBars, file: SmfFile, place: Placement) -> list[str]:
    """Return remarks on the position of the new bars, one per line."""
    lines = []
    if place.offset:
        way = "later" if place.offset > 0 else "earlier"
        lines.append(
            f"the music of the MIDI file comes {abs(place.offset) / TICKS_PER_BEAT:g} beats {way} "
            "than in the plan: bars are counted as in the plan"
        )
    plan_s = float(new.plan.grid.seconds_at(new.span.start / TICKS_PER_BEAT))
    file_s = float(file.seconds(place.span.start))
    if abs(plan_s - file_s) > _AUDIBLE_S:
        lines.append(
            f"by the tempos of the MIDI file, which stay, the new bars begin at {file_s:.2f} s; in "
            f"the plan they begin at {plan_s:.2f} s"
        )
    return lines


def change_remarks(found: float, *, is_expressive: bool, is_renamed: bool) -> list[str]:
    """Return remarks on what else changed, one per line.

    Args:
        found: share of the notes of the plan that are in the file.
        is_expressive: whether bends or aftertouch went.
        is_renamed: whether chord names changed.
    """
    lines = []
    if found < _FEW:
        lines.append(
            f"only {found:.0%} of the notes that the plan gives are in the MIDI file: if it is "
            "another piece, or its bars lie elsewhere, the new ones do not fit"
        )
    if is_expressive:
        lines.append("pitch bends and aftertouch of the new bars went with their old notes")
    if is_renamed:
        lines.append("the chord names of the new bars are those of the plan")
    return lines
