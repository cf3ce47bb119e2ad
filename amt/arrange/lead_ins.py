"""How the music leads into each strong cut: with a rest, with more notes, or with neither.

A cut to another scene is prepared in one of six ways (:data:`Kind`). Which ones are possible
depends on the mood before the cut, on whether a section begins there, and on whether the music gets
louder or softer; the seed draws one of them, not the same twice in a row. Where the music gets much
softer the crescendo ends in a sudden piano: the accent on the cut is left out.

Times are in seconds, lengths in beats. Constants without a source were set by hand;
``tests/arrange/test_lead_ins.py`` states what each does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np

from amt.arrange.dynamics import decibels
from amt.types import Plan

Kind = Literal["break", "breath", "cutoff", "repeat", "run", "plain"]
"""A beat of silence; half a beat; a held chord that is cut off; repeated notes; an upward run; only
a crescendo."""

REST_BEATS: dict[Kind, float] = {"break": 1.0, "breath": 0.5, "cutoff": 0.25}
"""Silence before the cut."""
GROWTH: dict[Kind, float] = {
    "break": 1.0, "breath": 0.5, "cutoff": 1.2, "repeat": 1.6, "run": 1.4, "plain": 1.0,
}  # fmt: skip
"""Factor of the height of the crescendo: more where added notes carry it, less before a breath."""
SUDDEN_DB = -3.0
"""Change in level from which a cut is followed by a sudden piano."""
CALM_AROUSAL = -0.2
"""Arousal, -1 to 1, below which the music before a cut takes a breath at most."""
CALM_ACCENT = 0.5
"""Accent of a style below which it does so in every mood."""
LEAST_BEATS = 4
"""Beats from the cut before, or from the start, below which a cut is only preceded by a short
rest."""
SHORT_BEATS = 2
"""The same below which not even a short rest precedes it."""
DROP_S = 2.2
"""Seconds before a cut without a rest at which the bass drops out, so that its entry is noticed."""

_SPAN_S = 2.0
"""Seconds before and after a cut over which levels are compared."""
_STREAM = 61
"""Number of the random stream of the draws."""


class LeadIn(NamedTuple):
    """The preparation of one strong cut."""

    beat: int
    """Beat on which the cut falls."""
    kind: Kind
    change_db: float
    """Level of the plan after the cut against before it."""
    drop_beats: int = 0
    """Beats before the cut in which the bass rests."""

    @property
    def rest_beats(self) -> float:
        """Beats of silence before the cut."""
        return REST_BEATS.get(self.kind, 0.0)

    @property
    def is_sudden(self) -> bool:
        """Whether a sudden piano follows."""
        return self.change_db <= SUDDEN_DB


def choose_lead_ins(
    plan: Plan,
    beats: Sequence[int],
    section_beats: Collection[int],
    arousal: Sequence[float],
    accent: float,
) -> tuple[LeadIn, ...]:
    """Return the lead-in of every strong cut of a plan.

    Args:
        plan: of the piece; its seed draws.
        beats: beats on which strong cuts fall, rising.
        section_beats: those of them on which a section begins.
        arousal: of the music before each of them, -1 to 1.
        accent: of the style, :attr:`amt.arrange.styles.Style.accent`.
    """
    chosen: list[LeadIn] = []
    last_beat, last_kind = 0, ""
    for beat, mood in zip(beats, arousal, strict=True):
        change_db = _change_db(plan, float(plan.grid.beats_s[beat]))
        options = _options(
            is_calm=mood < CALM_AROUSAL or accent < CALM_ACCENT,
            begins_section=beat in section_beats,
            is_sudden=change_db <= SUDDEN_DB,
        )
        if beat - last_beat < LEAST_BEATS:
            options = ("cutoff",) if beat - last_beat >= SHORT_BEATS else ("plain",)
        free = [kind for kind in options if kind != last_kind] or list(options)
        rng = np.random.default_rng([plan.seed, beat, _STREAM])
        kind = free[int(rng.integers(len(free)))]
        drop = 0 if kind in REST_BEATS else _drop_beats(plan, beat, last_beat)
        chosen.append(LeadIn(beat, kind, change_db, drop))
        last_beat, last_kind = beat, kind
    return tuple(chosen)


def _options(*, is_calm: bool, begins_section: bool, is_sudden: bool) -> tuple[Kind, ...]:
    if is_calm:
        return ("breath", "break", "breath") if begins_section else ("plain",)
    if is_sudden:
        return ("repeat", "run", "cutoff") if begins_section else ("repeat", "run")
    if begins_section:
        return ("break", "cutoff", "repeat", "run", "break")
    return ("repeat", "run", "cutoff")


def _drop_beats(plan: Plan, beat: int, last_beat: int) -> int:
    """Beats of :data:`DROP_S` before a cut; 0 where it is too near the cut before, or the start."""
    beats_s = plan.grid.beats_s
    first = int(np.searchsorted(beats_s, beats_s[beat] - DROP_S, side="right")) - 1
    return beat - first if first - last_beat >= LEAST_BEATS else 0


def _change_db(plan: Plan, time_s: float) -> float:
    centres = np.arange(len(plan.loudness)) + 0.5
    levels = decibels(plan.loudness)
    since = centres - time_s
    before = levels[(since < 0) & (since > -_SPAN_S)]
    after = levels[(since > 0) & (since < _SPAN_S)]
    return float(after.mean() - before.mean()) if len(before) and len(after) else 0.0
