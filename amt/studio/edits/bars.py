"""Bars that are chosen and locked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.errors import InputError
from amt.types import BarSpan, Plan


def check_bars(plan: Plan, first: int, last: int) -> None:
    """Refuse bars that the piece does not have.

    Raises:
        InputError: it has none of these numbers, or they are in the wrong order.
    """
    n_bars = len(plan.grid.bars)
    if not 1 <= first <= last <= n_bars:
        raise InputError(f"bars {first} to {last} were chosen, of bars 1 to {n_bars}")


def check_inside(plan: Plan, start_s: float, end_s: float) -> None:
    """Refuse a stretch that is empty or not in the piece.

    Raises:
        InputError: it is.
    """
    if not 0 <= start_s < end_s or start_s >= plan.grid.duration_s:
        raise InputError(
            f"the stretch from {start_s:g} to {end_s:g} s does not lie in the piece of "
            f"{plan.grid.duration_s:g} s"
        )


def check_unlocked(plan: Plan, start_s: float, end_s: float) -> None:
    """Refuse to change a stretch of which some bars are locked.

    Raises:
        InputError: some are, or the stretch is empty or not in the piece.
    """
    check_inside(plan, start_s, end_s)
    first, last = bars_within(plan, start_s, end_s)
    for span in plan.locked:
        if span.first <= last and first <= span.last:
            raise InputError(f"bars {span.first} to {span.last} are locked: unlock them first")


def check_nothing_locked(plan: Plan) -> None:
    """Refuse an edit that changes notes throughout the piece where some bars are locked.

    Raises:
        InputError: some are.
    """
    for span in plan.locked:
        raise InputError(
            f"this changes notes throughout the piece, and bars {span.first} to {span.last} are "
            "locked: unlock them first, or copy the take"
        )


def bars_within(plan: Plan, start_s: float, end_s: float) -> tuple[int, int]:
    """First and last bar, from 1, of which a part lies between two moments."""
    edges_s = plan.grid.beats_s[plan.grid.downbeats]
    first = int(np.searchsorted(edges_s, start_s + 1e-6, side="right"))
    last = int(np.searchsorted(edges_s, end_s - 1e-6, side="left"))
    return max(first, 1), max(last, first, 1)


def runs_between(first: int, last: int, locked: Sequence[BarSpan]) -> list[tuple[int, int]]:
    """The runs of bars from ``first`` to ``last`` that are not locked.

    >>> runs_between(1, 8, [BarSpan(3, 4)])
    [(1, 2), (5, 8)]
    """
    runs, start = [], first
    for span in locked:
        if span.last < start or span.first > last:
            continue
        if start < span.first:
            runs.append((start, span.first - 1))
        start = span.last + 1
    return [*runs, (start, last)] if start <= last else runs


def locked_anew(locked: Sequence[BarSpan], first: int, last: int) -> tuple[BarSpan, ...]:
    """Locked bars with some more; neighbours become one span.

    >>> locked_anew([BarSpan(1, 2), BarSpan(7, 8)], 3, 4)
    (BarSpan(first=1, last=4), BarSpan(first=7, last=8))
    """
    joined: list[BarSpan] = []
    for span in sorted([*locked, BarSpan(first, last)]):
        if joined and span.first <= joined[-1].last + 1:
            joined[-1] = BarSpan(joined[-1].first, max(joined[-1].last, span.last))
        else:
            joined.append(span)
    return tuple(joined)


def unlocked(locked: Sequence[BarSpan], first: int, last: int) -> tuple[BarSpan, ...]:
    """Locked bars without some of them.

    >>> unlocked([BarSpan(1, 8)], 3, 4)
    (BarSpan(first=1, last=2), BarSpan(first=5, last=8))
    """
    left = [
        BarSpan(start, end)
        for span in locked
        for start, end in runs_between(span.first, span.last, [BarSpan(first, last)])
    ]
    return tuple(left)
