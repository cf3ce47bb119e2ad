"""How the notes of a plan are written: by which arranger, with which roles, and what was redone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArrangerName = Literal["neural", "patterns"]

ARRANGERS: tuple[ArrangerName, ...] = ("neural", "patterns")

DEFAULT_ARRANGER: ArrangerName = "neural"
"""The arranger of a new piece, unless one is asked for."""

MAX_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Bars that were composed anew."""

    first: int
    """Number of the first such bar, from 1."""
    last: int
    """Number of the last, included."""
    seed: int
    """0 to 2**63 - 1."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What decides the notes besides the plan; a plan file holds both.

    The defaults are what a file means that does not say: plans were arranged by patterns before
    there was a choice.
    """

    arranger: ArrangerName = "patterns"
    candidates: int = 1
    """How many versions the neural arranger writes, of which the best is kept; 1 to 64."""
    drums: bool = True
    """Whether the drums of a style that has them play."""
    melody: bool = True
    """Whether the neural arranger writes a tune."""
    rewrites: tuple[Rewrite, ...] = ()
    """In the order in which they were made: each begins from what the one before left."""


AS_PLANNED = Arrangement()
"""By patterns, with every role that the style has."""
