"""Stretches without music."""

from __future__ import annotations

from dataclasses import replace

from amt.errors import InputError
from amt.types import Plan, TimeSpan


def silenced(plan: Plan, start_s: float, end_s: float) -> Plan:
    """A plan with one stretch more without music.

    Raises:
        InputError: no music would be left.
    """
    duration_s = plan.grid.duration_s
    joined: list[TimeSpan] = []
    for span in sorted([*plan.silences, TimeSpan(start_s, min(end_s, duration_s))]):
        if joined and span.start_s <= joined[-1].end_s:
            joined[-1] = TimeSpan(joined[-1].start_s, max(joined[-1].end_s, span.end_s))
        else:
            joined.append(span)
    if joined == [TimeSpan(0.0, duration_s)]:
        raise InputError("no music would be left: leave some bars out of the silence")
    return replace(plan, silences=tuple(joined))


def sounding(plan: Plan, start_s: float, end_s: float) -> Plan:
    """A plan in which a stretch is silent no more."""
    left = []
    for span in plan.silences:
        left.append(TimeSpan(span.start_s, min(span.end_s, start_s)))
        left.append(TimeSpan(max(span.start_s, end_s), span.end_s))
    return replace(plan, silences=tuple(span for span in left if span.start_s < span.end_s))
