"""What the finders of gradual changes take and give."""

from __future__ import annotations

from dataclasses import dataclass

from amt.features.similarity import Thumbnail
from amt.types import Cut


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A thumbnail and when it is shown."""

    time_s: float
    thumbnail: Thumbnail


@dataclass(frozen=True, slots=True)
class Span:
    """A gradual change: the cut it makes and the stretch of time it takes."""

    cut: Cut
    start_s: float
    end_s: float
