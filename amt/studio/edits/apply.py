"""Plan and edits → plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from amt.errors import InputError
from amt.studio.edits import rows
from amt.studio.edits.bars import (
    check_bars,
    check_inside,
    check_nothing_locked,
    check_unlocked,
    locked_anew,
    runs_between,
    unlocked,
)
from amt.studio.edits.hits import hit_added, hit_moved, hit_removed
from amt.studio.edits.moods import painted
from amt.studio.edits.sections import section_moved
from amt.studio.edits.silences import silenced, sounding
from amt.studio.wishes import check_style
from amt.types import Plan, Rewrite


def edited(plan: Plan, edits: Sequence[object]) -> Plan:
    """A plan after some edits, in their order.

    Args:
        plan: as it is.
        edits: of :mod:`amt.studio.edits.rows`.

    Raises:
        InputError: one cannot be done; the sentence says why.
    """
    for edit in edits:
        if type(edit) in _FAR_REACHING:
            check_nothing_locked(plan)
        plan = _APPLIED[type(edit)](plan, edit)
    return plan


def _again(plan: Plan, edit: rows.Again) -> Plan:
    """The bars that are not locked, each run of them a rewrite."""
    check_bars(plan, edit.first, edit.last)
    how = plan.arrangement
    seed = len(how.rewrites) + 1 if edit.seed is None else edit.seed
    runs = runs_between(edit.first, edit.last, plan.locked)
    if not runs:
        raise InputError(
            f"bars {edit.first} to {edit.last} are locked: unlock some to compose them again"
        )
    new = tuple(Rewrite(first, last, seed) for first, last in runs)
    return replace(plan, arrangement=replace(how, rewrites=(*how.rewrites, *new)))


def _lock(plan: Plan, edit: rows.Lock) -> Plan:
    check_bars(plan, edit.first, edit.last)
    return replace(plan, locked=locked_anew(plan.locked, edit.first, edit.last))


def _unlock(plan: Plan, edit: rows.Unlock) -> Plan:
    check_bars(plan, edit.first, edit.last)
    return replace(plan, locked=unlocked(plan.locked, edit.first, edit.last))


def _mute(plan: Plan, edit: rows.Mute) -> Plan:
    return replace(plan, muted=tuple(dict.fromkeys(edit.tracks)))


def _style(plan: Plan, edit: rows.SwitchStyle) -> Plan:
    """Another style; tracks of the old one are muted no more, as the new one has others."""
    check_style(edit.style)
    if edit.style == plan.style:
        return plan
    return replace(plan, style=edit.style, muted=())


def _silence(plan: Plan, edit: rows.Silence) -> Plan:
    check_unlocked(plan, edit.start_s, edit.end_s)
    return silenced(plan, edit.start_s, edit.end_s)


def _sound(plan: Plan, edit: rows.Sound) -> Plan:
    check_unlocked(plan, edit.start_s, edit.end_s)
    return sounding(plan, edit.start_s, edit.end_s)


def _mood(plan: Plan, edit: rows.PaintMood) -> Plan:
    check_inside(plan, edit.start_s, edit.end_s)
    return painted(plan, edit.mood, edit.start_s, edit.end_s)


_FAR_REACHING = (
    rows.AddHit, rows.MoveHit, rows.RemoveHit, rows.MoveSection, rows.PaintMood, rows.SwitchStyle,
)  # fmt: skip
"""Edits after which an arranger writes other notes in all bars, as melodies go on from what came
before and phrases return."""
_APPLIED: Mapping[type, Callable[[Plan, Any], Plan]] = {
    rows.AddHit: lambda plan, edit: hit_added(plan, edit.time_s),
    rows.MoveHit: lambda plan, edit: hit_moved(plan, edit.time_s, edit.to_s),
    rows.RemoveHit: lambda plan, edit: hit_removed(plan, edit.time_s),
    rows.MoveSection: lambda plan, edit: section_moved(plan, edit.bar, edit.to),
    rows.PaintMood: _mood,
    rows.Silence: _silence,
    rows.Sound: _sound,
    rows.Again: _again,
    rows.Lock: _lock,
    rows.Unlock: _unlock,
    rows.Mute: _mute,
    rows.SwitchStyle: _style,
}
