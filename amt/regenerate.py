"""Some bars of a piece composed anew, all others left as they are.

The bars are added to the plan's rewrites (:class:`amt.plan.Arrangement`), so that the plan with
them gives the new piece again, and the next rewrite begins from there. Where the piece has been
edited since, its MIDI file says what the other bars are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from amt.arrange import arrange
from amt.arrange.rewriting import bar_span, with_bars
from amt.errors import InputError
from amt.plan import Arrangement, Rewrite
from amt.timing import time_signatures
from amt.types import Plan, Song, TimeSignature

if TYPE_CHECKING:
    from amt.model.arranger import Arranger


@dataclass(frozen=True, slots=True)
class Regenerated:
    """A piece with new bars, and what gives it again."""

    song: Song
    arrangement: Arrangement
    """The one from before with the rewrite added; with an edited song it does not know the edits,
    only the new bars."""


def parse_bars(text: str, n_bars: int) -> tuple[int, int]:
    """Read ``9-16`` or ``9``: first and last bar, counted from 1, both included.

    Raises:
        InputError: the text has another form, the bars are in the wrong order or not in the piece.
    """
    match = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", text, re.ASCII)
    if match is None:
        raise InputError(f"--bars is {text!r}; expected two numbers of bars such as 9-16")
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise InputError(
            f"--bars is {text!r}; expected the lower number first, as in {last}-{first}"
        )
    if not 1 <= first <= last <= n_bars:
        raise InputError(
            f"--bars is {text!r}, but the piece has bars 1 to {n_bars}: choose of these"
        )
    return first, last


def regenerate(
    plan: Plan,
    arrangement: Arrangement,
    rewrite: Rewrite,
    arranger: Arranger | None = None,
    edited: Song | None = None,
    progress: Callable[[float], None] | None = None,
) -> Regenerated:
    """Compose some bars anew.

    Args:
        plan: of the piece.
        arrangement: how its notes are written so far.
        rewrite: which bars, and the seed that decides them.
        arranger: the network, where the arrangement asks for it.
        edited: the piece as it is now, where that is not what the plan gives.
        progress: called with the share that is done, 0 to 1.

    Raises:
        PlanError: the bars are not in the piece, or plan or arrangement break another rule.
        InputError: the style does not exist, the network is missing, or the edited piece has other
            bars than the plan.
    """
    after = replace(arrangement, rewrites=(*arrangement.rewrites, rewrite))
    song = arrange(plan, after, arranger, progress)
    if edited is None:
        return Regenerated(song, after)
    expected = _changes(time_signatures(plan.grid))
    if _changes(edited.time_signatures) != expected:
        raise InputError(
            "the bars of the MIDI file are not those of the plan: give the file that was made from "
            "this plan, with the metre as it was"
        )
    joined = with_bars(edited, song, bar_span(plan.grid, rewrite, song.end))
    last = max((note.end for track in joined.tracks for note in track.notes), default=0)
    return Regenerated(replace(joined, end=max(edited.end, last)), after)


def _changes(signatures: Sequence[TimeSignature]) -> list[TimeSignature]:
    """The signatures that differ from the one before."""
    kept: list[TimeSignature] = []
    for signature in signatures:
        if not kept or replace(signature, tick=kept[-1].tick) != kept[-1]:
            kept.append(signature)
    return kept
