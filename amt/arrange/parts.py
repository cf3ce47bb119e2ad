"""The parts of an orchestra: which instrument plays which line in which phrases.

How a style file writes them is described in :mod:`amt.arrange.styles`.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict

from amt.errors import InputError, quoted
from amt.types import EMOTIONS
from render.files.decoding import decode

LINES = ("melody", "counter", "accompaniment", "bass", "harmony", "pad")
"""Roles whose line parts may play."""
OWN_LINES = ("cadences", "percussion")
"""What parts may play besides."""
MAX_LEVEL = 4
"""Dynamic level of a climax."""
PART_RANGE = 11
"""Fewest semitones from ``low`` to ``high`` of a part: it has every tone then."""


_Midi = Annotated[int, Meta(ge=0, le=127)]
_Level = Annotated[int, Meta(ge=1, le=MAX_LEVEL)]

Figure = Literal["hold", "pulse", "tremolo"]


@dataclass(frozen=True, slots=True)
class Part:
    """What an instrument of an orchestra plays, and when."""

    name: str
    """Name of the track."""
    program: int
    """General MIDI program, 0-127."""
    low: int
    high: int
    """Range in MIDI notes, both ends included."""
    volume: int
    """CC 7, 0-127."""
    pan: int
    """CC 10, 0-127."""
    gate: float
    """Share of its length that a note sounds."""
    source: str
    """One of :data:`LINES` or :data:`OWN_LINES`."""
    octave: int = 0
    voices: tuple[int, ...] = ()
    """Voices of the chords, counted from the top; empty for all."""
    figure: Figure = "hold"
    levels: tuple[int, int] = (1, MAX_LEVEL)
    """Lowest and highest dynamic level of the phrases in which it plays."""
    moods: tuple[str, ...] = ()
    """Moods of these phrases; empty for all."""
    solo: bool = False
    """Whether it takes turns with the other soloists."""
    players: int = 0
    """Notes that it can play at once; 0 for any number."""
    breath: float = 0.0
    """Seconds after which it must have rested; 0 for never."""
    centre: int | None = None
    """Of a melody: the pitch around which it sounds best."""

    def plays(self, level: int, mood: str) -> bool:
        """Return whether it may play in a phrase of a level and a mood."""
        low, high = self.levels
        return low <= level <= high and (not self.moods or mood in self.moods)


class _PartTable(Struct, rename={"source": "from"}, kw_only=True, forbid_unknown_fields=True):
    name: str
    program: _Midi
    low: _Midi
    high: _Midi
    volume: _Midi
    pan: _Midi
    gate: Annotated[float, Meta(ge=0.05, le=1.0)]
    source: str
    octave: Annotated[int, Meta(ge=-2, le=2)] = 0
    voices: tuple[Annotated[int, Meta(ge=1, le=4)], ...] = ()
    figure: Figure = "hold"
    levels: tuple[_Level, _Level] = (1, MAX_LEVEL)
    moods: tuple[str, ...] = ()
    solo: bool = False
    players: Annotated[int, Meta(ge=0, le=16)] = 0
    breath: Annotated[float, Meta(ge=0.0, le=60.0)] = 0.0
    centre: _Midi | None = None


def read_parts(tables: Sequence[object], roles: Set[str], source: str) -> tuple[Part, ...]:
    """Return the parts of a style.

    Args:
        tables: of its file.
        roles: of the style.
        source: the file, to begin messages with.

    Raises:
        InputError: a part is not as :mod:`amt.arrange.styles` describes it.
    """
    parts = tuple(
        _part(data, roles, f"{source}: part {number}") for number, data in enumerate(tables, 1)
    )
    programs: dict[str, int] = {}
    for part in parts:
        if programs.setdefault(part.name, part.program) != part.program:
            raise InputError(f"{source}: the parts {quoted(part.name)} have different programs")
    return parts


def _part(data: object, roles: Set[str], where: str) -> Part:
    table = decode(data, _PartTable, where, InputError)
    if table.source not in OWN_LINES and (table.source not in LINES or table.source not in roles):
        known = ", ".join([*(role for role in LINES if role in roles), *OWN_LINES])
        raise InputError(f"{where}: from is {quoted(table.source)}, expected {known}")
    if table.high - table.low < PART_RANGE:
        raise InputError(
            f"{where}: the range {table.low}-{table.high} is too narrow, expected at least "
            f"{PART_RANGE} semitones"
        )
    if table.levels[0] > table.levels[1]:
        raise InputError(f"{where}: levels is {list(table.levels)}, expected the lower one first")
    for mood in table.moods:
        if mood not in EMOTIONS:
            raise InputError(f"{where}: mood {quoted(mood)}, expected {', '.join(EMOTIONS)}")
    return Part(**asdict(table))
