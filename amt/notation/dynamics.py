"""Velocities and expression → dynamic marks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from amt.notation.bars import Bar
from amt.types import Track

MARKS = ("pp", "p", "mp", "mf", "f", "ff")
_EDGES = (41, 57, 72, 88, 104)
"""Velocities between the marks: the middles between 33, 49, 64, 80, 96 and 112, with which
MuseScore plays them."""
_MARGIN = 4
"""Velocity steps beyond an edge from which a mark changes, so that it does not flicker."""
_EXPRESSION, _LOUDEST = 11, 127
_BARS = 2
"""Bars whose mean velocity decides a mark."""


def levels_of(tracks: Sequence[Track], bars: Sequence[Bar]) -> dict[int, list[float]]:
    """Return the levels of the notes of a part, by the index of their bar.

    The level of a note is its velocity times CC 11 at its onset over the median of that controller,
    which balances a mix and is no dynamic itself.
    """
    levels: dict[int, list[float]] = {}
    starts = [bar.start for bar in bars]
    for track in tracks:
        changes = [(c.tick, c.value) for c in track.controls if c.number == _EXPRESSION]
        ticks = [tick for tick, _ in changes]
        lasts = [bisect_right(ticks, note.start) - 1 for note in track.notes]
        values = [changes[last][1] if last >= 0 else _LOUDEST for last in lasts]
        usual = max(float(np.median(values)), 1.0) if values else 1.0
        for note, value in zip(track.notes, values, strict=True):
            bar = bisect_right(starts, note.start) - 1
            levels.setdefault(bar, []).append(note.velocity * value / usual)
    return levels


def median_level(levels: Mapping[int, Sequence[float]]) -> float:
    """Return the median of the levels of a part, at least 1."""
    return max(float(np.median([level for bar in levels.values() for level in bar])), 1.0)


def marks_of(levels: Mapping[int, Sequence[float]], factor: float = 1.0) -> dict[int, str]:
    """Return the dynamic marks of a part: index of a bar → mark, where it changes.

    Args:
        levels: of its notes by bar; the level of a bar is the mean of it and the next.
        factor: by which they are scaled, so that the parts of a piece, which differ by how they are
            mixed, share its level.
    """
    marks: dict[int, str] = {}
    now: int | None = None
    for bar in sorted(levels):
        near = [level for b in range(bar, bar + _BARS) for level in levels.get(b, ())]
        level = factor * float(np.mean(near))
        found = bisect_right(_EDGES, level)
        is_new = now is None or bisect_right(_EDGES, level - _MARGIN) > now
        if is_new or (now is not None and bisect_right(_EDGES, level + _MARGIN) < now):
            now = found
            marks[bar] = MARKS[found]
    return marks
