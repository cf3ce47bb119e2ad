"""Who writes the notes, and for which roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from amt.errors import InputError
from render.files.options import Option, check_options

ArrangerName = Literal["neural", "patterns"]
ARRANGERS: tuple[ArrangerName, ...] = get_args(ArrangerName)
MAX_CANDIDATES = 64
_PANEL = "Notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteOptions:
    """Who writes the notes, and for which roles; None is the default, or what a plan says.

    Raises:
        InputError: a value is out of its range.
    """

    arranger: Annotated[
        ArrangerName | None,
        Option("What writes the notes: a network, or patterns over the chords.", _PANEL),
    ] = None
    candidates: Annotated[
        int | None,
        Option(
            f"Pieces that the network writes (1-{MAX_CANDIDATES}), of which the best is kept.",
            _PANEL, low=1, high=MAX_CANDIDATES,
        ),
    ] = None  # fmt: skip
    drums: Annotated[bool | None, Option("Drums, in styles that have them.", _PANEL)] = None
    melody: Annotated[
        bool | None, Option("A melody and a countermelody, from the network.", _PANEL)
    ] = None

    humanize: Annotated[
        float | None,
        Option(
            "Share of the random differences of timing and velocity (0-1); 0 plays exactly on the "
            "grid.",
            _PANEL, low=0, high=1,
        ),
    ] = None  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self, InputError)
