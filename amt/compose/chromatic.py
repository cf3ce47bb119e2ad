"""Secondary dominants, borrowed chords and pedal points in the plan of a phrase.

Each function returns the plan of a phrase with one such thing more, or as it was where there is no
place for it. The first slot of a phrase and its cadence are never replaced.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.chords import Mode
from amt.compose.mood_harmony import Borrowed
from amt.compose.planned import PlannedChord, runs

APPLIED_TO: dict[Mode, tuple[int, ...]] = {"major": (2, 5, 7, 9), "minor": (3, 5, 7, 8)}
"""Degrees that a secondary dominant may lead to: ii, IV, V and vi; III, iv, V and VI."""
APPLIED_QUALITIES = ("7",)
"""The seventh is what makes a dominant of a major triad (Aldwell & Schachter)."""
PEDAL_SLOTS = 6
"""Slots of a pedal point at most: three bars of half-bars, with the dominant that ends a phrase."""
LEAST_PEDAL_CHORDS = 2
"""Chords over a pedal point at least."""
DOMINANT_PEDAL_SHARE = 0.6
"""Share of the pedal points on the dominant, at the end of a phrase; the others are on the tonic,
at its beginning."""

Plan = list[PlannedChord]


def with_applied_dominant(plan: Plan, mode: Mode, rng: np.random.Generator) -> Plan:
    """The plan with the dominant seventh of a chord before that chord.

    It takes the place of the chord before, or where that is the first of the phrase its last slot;
    it may not be the chord that it leads to.
    """
    places = []
    for before, run in zip([None, *runs(plan)], runs(plan), strict=False):
        target = plan[run.start]
        if before is None or target.degree not in APPLIED_TO[mode] or plan[before.start].is_exact:
            continue
        slot = before.start or before.stop - 1
        earlier = plan[slot - 1].degree if slot else None
        if slot and target.degree != earlier and _is_alone(plan, slot, run):
            places.append((range(slot, before.stop), (target.degree + 7) % 12))
    if not places:
        return plan
    slots, degree = places[int(rng.integers(len(places)))]
    chord = PlannedChord(degree, APPLIED_QUALITIES)
    return [*plan[: slots.start], *[chord] * len(slots), *plan[slots.stop :]]


def _is_alone(plan: Plan, slot: int, target: range) -> bool:
    """Whether a chord may replace a slot: neither neighbour is from outside the key already."""
    follows = plan[target.start]
    return not plan[slot - 1].is_exact and (not follows.is_exact or follows.degree == 7)


def with_borrowed_chord(
    plan: Plan, choices: Sequence[Borrowed], rng: np.random.Generator
) -> Plan:  # fmt: skip
    """The plan with one of some chords from outside the key in the place that it is written for."""
    places = [
        (borrowed, run)
        for borrowed in choices
        for run in runs(plan)
        if run.start > 0
        and plan[run.start].degree == borrowed.instead_of
        and not plan[run.start].is_exact
        and not plan[run.start - 1].is_exact
        and not (run.stop < len(plan) and plan[run.stop].degree == borrowed.degree)
        and plan[run.start - 1].degree != borrowed.degree
        and (len(run) > 1 or not borrowed.after)
    ]
    if not places:
        return plan
    borrowed, run = places[int(rng.integers(len(places)))]
    first = run.start + (len(run) + 1) // 2 if borrowed.after else run.start
    chord = PlannedChord(borrowed.degree, borrowed.qualities)
    return [*plan[:first], *[chord] * (run.stop - first), *plan[run.stop :]]


def with_pedal_point(plan: Plan, rng: np.random.Generator) -> Plan:
    """The plan with a held bass under changing chords.

    It is the dominant, from before the end of the phrase up to its last dominant chord, so that the
    tonic resolves both, or the tonic at the beginning of the phrase.
    """
    if rng.random() < DOMINANT_PEDAL_SHARE:
        stop = max((i + 1 for i, chord in enumerate(plan) if chord.degree == 7), default=0)
        slots, degree = range(max(0, stop - PEDAL_SLOTS), stop), 7
    else:
        slots, degree = range(min(PEDAL_SLOTS - 2, len(plan))), 0
    chords = {plan[i] for i in slots}
    if len(chords) < LEAST_PEDAL_CHORDS or degree not in {chord.degree for chord in chords}:
        return plan
    return [c._replace(pedal=degree) if i in slots else c for i, c in enumerate(plan)]
