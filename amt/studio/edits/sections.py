"""Borders of sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from amt.errors import InputError
from amt.studio.edits.bars import check_bars
from amt.types import ChordSpan, Entry, Phrase, Plan

_Row = TypeVar("_Row", Phrase, Entry)


def section_moved(plan: Plan, bar: int, to: int) -> Plan:
    """A plan in which the section that begins with one bar begins with another.

    The phrase that begins there, and the parts that enter there, move with it. Chords of bars that
    come into a section of another key are transposed to that.

    Raises:
        InputError: no section begins there, or another one lies between.
    """
    check_bars(plan, bar, bar)
    check_bars(plan, to, to)
    downbeats = plan.grid.downbeats
    old, new = int(downbeats[bar - 1]), int(downbeats[to - 1])
    beats = [section.beat for section in plan.sections]
    if old not in beats or old == 0:
        raise InputError(f"no section begins with bar {bar} that could begin with another")
    index = beats.index(old)
    low = beats[index - 1]
    high = beats[index + 1] if index + 1 < len(beats) else plan.grid.n_beats
    if not low < new < high:
        raise InputError(
            f"the section of bar {bar} cannot begin with bar {to}: another one begins between them"
        )
    if old == new:
        return plan
    sections = list(plan.sections)
    sections[index] = replace(sections[index], beat=new)
    return replace(
        plan,
        sections=tuple(sections),
        phrases=_moved(plan.phrases, old, new),
        entries=_moved(plan.entries, old, new),
        chords=_transposed(plan, old, new, index),
    )


def _moved(rows: Sequence[_Row], old: int, new: int) -> tuple[_Row, ...]:
    """Rows with the one of a beat on another, and without those that it passes."""
    low, high = min(old, new), max(old, new)
    moving = [row for row in rows if row.beat == old]
    if not moving:
        return tuple(rows)
    kept: list[_Row] = [row for row in rows if not low <= row.beat <= high]
    kept.append(replace(moving[0], beat=new))
    return tuple(sorted(kept, key=lambda row: row.beat))


def _transposed(plan: Plan, old: int, new: int, index: int) -> tuple[ChordSpan, ...]:
    """The chords, those between two beats in the key that holds there now."""
    low, high = min(old, new), max(old, new)
    before = plan.sections[index - 1].key or plan.key
    own = plan.sections[index].key or plan.key
    gained, lost = (own, before) if new < old else (before, own)
    shift = (gained.tonic - lost.tonic) % 12
    if not shift:
        return plan.chords

    def moved(span: ChordSpan) -> ChordSpan:
        if not low <= span.beat < high or span.chord.root is None:
            return span
        chord = replace(span.chord, root=(span.chord.root + shift) % 12)
        return replace(
            span, chord=chord, bass=None if span.bass is None else (span.bass + shift) % 12
        )

    return tuple(moved(span) for span in plan.chords)
