"""Groups of beats: how a bar of any length divides into twos and threes."""

from __future__ import annotations

from itertools import accumulate

from amt.types import TICKS_PER_BEAT, Feel

_GROUPS = {5: (3, 2), 6: (3, 3), 7: (2, 2, 3)}


def groups(beats: int) -> tuple[int, ...]:
    """Beats of each metrical group of a bar (of at least 1 beat): 4 is 2 + 2, 7 is 2 + 2 + 3."""
    if beats in _GROUPS:
        return _GROUPS[beats]
    if beats <= 3:
        return (beats,)
    return (2,) * (beats // 2) if beats % 2 == 0 else (*(2,) * (beats // 2 - 1), 3)


def group_starts(beats: int) -> tuple[int, ...]:
    """Return the first beat of each group of a bar, from 0."""
    return tuple(accumulate(groups(beats)[:-1], initial=0))


def backbeats(beats: int, feel: Feel = "normal") -> tuple[float, ...]:
    """Return the beats of a bar, from 0, on which the snare plays.

    They are the last of each group; in half-time feel the first of every second group, and in
    double-time feel the second half of every beat.

    >>> backbeats(4), backbeats(4, "half"), backbeats(2, "double")
    ((1, 3), (2,), (0.5, 1.5))
    """
    ends = tuple(accumulate(groups(beats)))
    if feel == "double":
        return tuple(beat + 0.5 for beat in range(beats))
    if feel == "half" and len(ends) > 1:
        return ends[:-1:2]
    return tuple(end - 1 for end in ends) if beats > 1 else ()


def swung(tick: int, swing: float) -> int:
    """Return a tick with swing: the first half of its beat takes a share of it.

    >>> swung(240, 0.6), swung(480, 0.6)
    (288, 480)
    """
    beat, rest = divmod(tick, TICKS_PER_BEAT)
    share = rest / TICKS_PER_BEAT
    share = share * 2 * swing if share <= 0.5 else swing + (share - 0.5) * 2 * (1 - swing)
    return beat * TICKS_PER_BEAT + round(share * TICKS_PER_BEAT)
