"""Roles that rest: the notes of a part without those that begin where the plan has it rest.

Bass, arpeggio and drums are not written there in the first place (:mod:`amt.arrange.score`,
:mod:`amt.arrange.drums`), nor is the melody (:mod:`amt.arrange.themes`), so that the density that
the plan asks for falls to the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.arrange.draft import Draft
from amt.arrange.form import Form
from amt.types import TICKS_PER_BEAT, BoolArray, Plan


def playing(drafts: Sequence[Draft], role: str, form: Form) -> list[Draft]:
    """The notes of a role that begin where it plays; those that last into a rest end with it."""
    rests = [cell for cell in form.cells if role in cell.resting]
    starts = {cell.start for cell in rests}
    kept = []
    for draft in drafts:
        if form.cell_at(draft.start).start in starts:
            continue
        following = (cell.start for cell in rests if draft.start < cell.start < draft.end)
        kept.append(draft._replace(end=min(following, default=draft.end)))
    return kept


def resting_bars(plan: Plan, form: Form, role: str) -> BoolArray:
    """[bars] whether a role rests at the beginning of each bar."""
    starts = (min(int(beat) * TICKS_PER_BEAT, form.end - 1) for beat in plan.grid.downbeats)
    return np.array([role in form.cell_at(start).resting for start in starts])
