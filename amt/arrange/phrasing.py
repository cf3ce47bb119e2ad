"""Expression that the notes themselves ask for: phrases, high notes, and the top of a chord.

The rules are those of the KTH performance system (Friberg, Bresin and Sundberg, *Overview of the
KTH rule system for musical performance*, Advances in Cognitive Psychology 2, 2006): *phrase arch*,
the parabola of Todd (*The dynamics of dynamics*, JASA 91, 1992), and *high loud*. A chord's highest
note is played louder than the others (*melody lead*: Goebl, JASA 110, 2001). Their sizes were set
by hand, so that loudness still follows the plan.

Levels are differences in dB with a mean near 0 over a phrase.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from amt.arrange.draft import Draft
from amt.arrange.form import Form
from amt.types import BoolArray, FloatArray

ARCH_DB = 4.0
"""dB by which a phrase of the melody is louder at its peak than at both ends."""
ARCH_PEAK = 0.6
"""Place of the peak in a phrase: climaxes lie past the middle."""
ARCH_SHARES = {"melody": 1.0, "counter": 1.0, "drums": 0.0}
ACCOMPANYING_SHARE = 0.4
"""Shares of the arch by role, and of all other roles."""
HIGH_LOUD_DB = 1.5
"""dB an octave by which high notes of a melody are louder; half of the rule at its weight of 1."""
HIGH_LOUD_LIMIT_DB = 2.0
"""dB by which a note differs for its pitch at most."""
TOP_DB = 1.5
"""dB by which the highest note of a chord is louder."""
TOGETHER_TICKS = 15
"""Ticks within which notes begin together: more than random timing moves them."""
_SINGING = ("melody", "counter")
_CHORDAL = ("harmony", "pad")
"""Roles with notes of chords."""


def phrase_arch_db(form: Form, role: str, ticks: Sequence[int] | FloatArray) -> FloatArray:
    """Return the level [N] of a role's phrase arches at ticks [N]."""
    starts: dict[int, int] = {}
    for cell in form.cells:
        starts.setdefault(cell.phrase, cell.start)
    edges = np.array([*starts.values(), form.end], dtype=np.float64)
    at = np.asarray(ticks, dtype=np.float64)
    index = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 2)
    place = (at - edges[index]) / np.maximum(np.diff(edges)[index], 1)
    side = np.where(place < ARCH_PEAK, ARCH_PEAK, 1 - ARCH_PEAK)
    # A parabola of height 1 has a mean of 2/3.
    arch = 1 - ((place - ARCH_PEAK) / side).clip(-1, 1) ** 2 - 2 / 3
    return np.asarray(ARCH_DB * ARCH_SHARES.get(role, ACCOMPANYING_SHARE) * arch)


def note_db(role: str, drafts: Sequence[Draft]) -> FloatArray:
    """Return the level [N] that each note of a role has for its pitch and its place in a chord."""
    pitches = np.array([draft.pitch for draft in drafts], dtype=np.float64)
    if role in _SINGING and len(pitches):
        high = HIGH_LOUD_DB / 12 * (pitches - pitches.mean())
        return np.asarray(high.clip(-HIGH_LOUD_LIMIT_DB, HIGH_LOUD_LIMIT_DB))
    if role in _CHORDAL:
        return np.where(tops(drafts), TOP_DB, 0.0)
    return np.zeros(len(pitches))


def tops(drafts: Sequence[Draft]) -> BoolArray:
    """Return [N] whether each note is the highest of several that begin together."""
    groups: dict[int, list[int]] = defaultdict(list)
    first = -TOGETHER_TICKS - 1
    for i in sorted(range(len(drafts)), key=lambda i: drafts[i].start):
        if drafts[i].start - first > TOGETHER_TICKS:
            first = drafts[i].start
        groups[first].append(i)
    highest = np.zeros(len(drafts), dtype=bool)
    for group in groups.values():
        if len(group) > 1:
            highest[max(group, key=lambda i: drafts[i].pitch)] = True
    return highest
