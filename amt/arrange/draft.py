"""The note of a part before it has a velocity."""

from __future__ import annotations

from typing import NamedTuple


class Draft(NamedTuple):
    """A note without a velocity: times in ticks, accent in velocity steps."""

    start: int
    pitch: int
    end: int
    accent: float = 0.0
