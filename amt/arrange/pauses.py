"""General pauses: beats in which nobody plays, where the form has a joint.

There are three kinds: before a theme that comes back, after the climax where the music gets softer,
and between the phrases of calm music without drums. A pause is the last beat before the joint, so
that the music enters on a downbeat; the long one after the climax is two where beats are short. In
music by people 1.6 % of the beats are silent (POP909, counted).

Pauses stay away from each other, from strong cuts, which have rests of their own
(:mod:`amt.arrange.lead_ins`), from speech, from the first phrase and from the final chord.
Constants were set by hand on drawn films.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from amt.arrange.dynamics import decibels
from amt.arrange.form import Form, integral
from amt.arrange.styles import Style
from amt.types import TICKS_PER_BEAT, Plan

PAUSE_BEATS = 1
"""Beats of a pause."""
SHORT_BEAT_S = 0.55
"""Seconds of a beat below which the pause after the climax is a beat longer."""
SOFTER_DB = 1.0
"""dB by which the section after the loudest one is softer at least, for a pause between them."""
CALM_AROUSAL = 0.0
"""Mean arousal of a phrase, -1 to 1, below which a pause follows it in a style without drums."""
APART_BEATS = 14
"""Beats from one pause to the next at least."""
CUT_BEATS = 4
"""Beats from a pause to a strong cut at least."""


def choose_pauses(plan: Plan, form: Form, style: Style) -> tuple[tuple[int, int], ...]:
    """Return start and end of every general pause in ticks, by time.

    Args:
        plan: of the piece.
        form: of the same plan, without pauses.
        style: of the same plan.
    """
    joints = _joints(plan, form, style)
    pauses: list[tuple[int, int]] = []
    for kind in ("climax", "return", "calm"):
        for tick, found in joints.items():
            span = _span(plan, tick, kind)
            if found == kind and _is_free(form, span, pauses):
                pauses.append(span)
    return tuple(sorted(pauses))


def _joints(plan: Plan, form: Form, style: Style) -> Mapping[int, str]:
    """Tick -> kind of pause before it, of the phrases before which there may be one."""
    labels = [section.label.rstrip("'") for section in plan.sections] or [""]
    levels = _section_levels(plan)
    loudest = int(np.argmax(levels)) if len(levels) > 1 else -2
    joints: dict[int, str] = {}
    for before, cell in pairwise(form.cells):
        if cell.phrase == before.phrase:
            continue
        begins = cell.section != before.section
        if (
            begins
            and before.section == loudest
            and levels[loudest] - levels[cell.section] >= SOFTER_DB
        ):
            joints[cell.start] = "climax"
        elif begins and labels[cell.section] and labels[cell.section] in labels[: cell.section]:
            joints[cell.start] = "return"
        elif not style.has_drums and _phrase_arousal(form, before.phrase) < CALM_AROUSAL:
            joints[cell.start] = "calm"
    return joints


def _section_levels(plan: Plan) -> list[float]:
    """[sections] mean level in dB."""
    beats = np.array([*(s.beat for s in plan.sections), plan.grid.end_beat], dtype=np.float64)
    edges_s = plan.grid.seconds_at(beats)
    means = integral(decibels(plan.loudness), edges_s) / np.maximum(np.diff(edges_s), 1e-9)
    return [float(mean) for mean in means]


def _phrase_arousal(form: Form, phrase: int) -> float:
    return float(np.mean([cell.arousal for cell in form.cells if cell.phrase == phrase]))


def _span(plan: Plan, tick: int, kind: str) -> tuple[int, int]:
    """Start and end of a pause before a tick."""
    beat_s = float(plan.grid.beat_length_s[tick // TICKS_PER_BEAT - 1])
    beats = PAUSE_BEATS + (kind == "climax" and beat_s < SHORT_BEAT_S)
    return tick - beats * TICKS_PER_BEAT, tick


def _is_free(form: Form, span: tuple[int, int], pauses: list[tuple[int, int]]) -> bool:
    """Whether there is room for a pause."""
    start, end = span
    first = next((cell.start for cell in form.cells if cell.phrase > 0), form.end)
    spoken = any(form.is_spoken(tick) for tick in range(start, end, TICKS_PER_BEAT // 4))
    cuts = (led.beat * TICKS_PER_BEAT for led in form.lead_ins)
    apart = APART_BEATS * TICKS_PER_BEAT
    return (
        start > 0
        and first <= end < form.ending
        and not spoken
        and all(abs(cut - end) >= CUT_BEATS * TICKS_PER_BEAT for cut in cuts)
        and all(abs(other - end) >= apart for _, other in pauses)
    )
