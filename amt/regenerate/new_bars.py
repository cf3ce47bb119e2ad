"""The new bars of a plan, and their position in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from amt.arrange.styles import load_style
from amt.types import TICKS_PER_BEAT, Note, Plan, Song


@dataclass(frozen=True, slots=True)
class NewBars:
    """The songs of a plan before and after some bars are regenerated."""

    plan: Plan
    before: Song
    after: Song
    """Its first tracks are those of ``before``."""
    span: range
    """Ticks of the new bars."""
    roles: Mapping[str, str]
    """Role -> name of the track that plays it."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The position of the new bars in a file."""

    bars: range
    """Ticks of the bars in the plan."""
    offset: int
    """Ticks of the plan by which they lie later in the file."""
    ticks_per_beat: int
    """Resolution of the file."""

    @property
    def span(self) -> range:
        """Ticks of the bars in the file."""
        return range(self.tick(self.bars.start), self.tick(self.bars.stop))

    def tick(self, tick: int) -> int:
        """The tick of the file of a tick of the plan."""
        return max(round((tick + self.offset) * self.ticks_per_beat / TICKS_PER_BEAT), 0)

    def note(self, note: Note) -> Note:
        """A note of the new bars in ticks of the file."""
        start = min(self.tick(note.start), self.span.stop - 1)
        return replace(note, start=start, end=max(self.tick(note.end), start + 1))


def roles_of(plan: Plan, song: Song) -> dict[str, str]:
    """Return role -> name of the track of a song that plays it."""
    style = load_style(plan.style)
    roles = {player.role: player.name for player in style.instruments}
    names = {track.name for track in song.tracks}
    # Of the parts of an orchestra that play a role, the first that sounds stands for it.
    roles |= {part.source: part.name for part in reversed(style.parts) if part.name in names}
    named = next((t.name for t in song.tracks if t.name.endswith(" melody")), None)
    stand_in = roles.get("melody") or named or roles.get("arpeggio")
    return roles | ({"melody": stand_in} if stand_in else {})
