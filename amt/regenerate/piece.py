"""Some bars of a piece composed anew, all others left as they are.

The bars are added to the plan's rewrites (:class:`amt.types.Arrangement`), so that the plan with
them gives the new piece again, and the next rewrite begins from there. Where the piece has been
edited since, its MIDI file says what the other bars are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from amt.arrange import iter_songs
from amt.arrange.splice import bar_span
from amt.errors import InputError, quoted
from amt.midi import write_midi
from amt.regenerate.edited import EditedFile, with_new_bars
from amt.regenerate.events import read_events
from amt.regenerate.new_bars import NewBars, roles_of
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import Plan, Rewrite, Song

if TYPE_CHECKING:
    from amt.models.notes.network import Arranger


@dataclass(frozen=True, slots=True)
class Edited:
    """The piece as it is now, where that is not what the plan gives."""

    path: Path
    """Its MIDI file."""
    decisions: tuple[str, ...] = ()
    """What the user says of tracks, such as ``Horns=harmony``: a name or number of a track of the
    file, = and a name or role of a track of the plan. ``-`` stands for none, ``+`` for a new one.
    """


@dataclass(frozen=True, slots=True)
class Regenerated:
    """A piece with new bars, and what gives it again."""

    song: Song
    """What the plan gives, which knows no edits."""
    plan: Plan
    """The one from before with the rewrite added."""
    edited: EditedFile | None = None
    """The edited piece with the new bars, where one was given."""

    def write(self, path: Path) -> None:
        """Write the piece with the new bars as a MIDI file.

        Raises:
            MidiError: a value is such that MIDI cannot hold it.
            OSError: ``path`` cannot be written.
        """
        if self.edited is None:
            write_midi(self.song, path)
        else:
            path.write_bytes(self.edited.data)


def parse_bars(text: str, n_bars: int) -> tuple[int, int]:
    """Read ``9-16`` or ``9``: first and last bar, counted from 1, both included.

    Raises:
        InputError: the text has another form, the bars are in the wrong order or not in the piece.
    """
    match = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", text, re.ASCII)
    if match is None:
        raise InputError(f"`bars` is {quoted(text)}; expected two numbers of bars such as 9-16")
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise InputError(
            f"`bars` is {quoted(text)}; expected the lower number first, as in {last}-{first}"
        )
    if not 1 <= first <= last <= n_bars:
        raise InputError(
            f"`bars` is {quoted(text)}, but the piece has bars 1 to {n_bars}: choose of these"
        )
    return first, last


def regenerate(
    plan: Plan,
    rewrite: Rewrite,
    arranger: Arranger | None = None,
    edited: Edited | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Regenerated:
    """Compose some bars anew.

    Args:
        plan: of the piece as it is so far.
        rewrite: which bars, and the seed that decides them.
        arranger: the network, where the plan asks for it.
        edited: the piece as it is now, where that is not what the plan gives.
        reporter: gets the progress.

    Raises:
        PlanError: the bars are not in the piece, or the plan breaks another rule.
        InputError: the style does not exist, the network is missing, the edited piece has other
            bars than the plan, or it is not certain which of its tracks are the plan's.
        MidiError: the edited piece cannot be read.
    """
    rewrites = (*plan.arrangement.rewrites, rewrite)
    plan = replace(plan, arrangement=replace(plan.arrangement, rewrites=rewrites))
    file = None if edited is None else read_events(edited.path)
    *_, before, song = iter_songs(plan, arranger, reporter)
    if edited is None or file is None:
        return Regenerated(song, plan)
    span = bar_span(plan.grid, rewrite, song.end)
    new = NewBars(plan, before, song, span, roles_of(plan, song))
    return Regenerated(song, plan, with_new_bars(file, new, edited.decisions))
