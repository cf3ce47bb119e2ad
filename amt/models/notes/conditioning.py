"""The arranger's conditioning in plain arrays: chords and controls of a piece by the beat.

Plans are in the home key: C major or A minor (:data:`amt.chords.HOME`). ``B`` is the number of
beats, ``C`` that of :data:`amt.models.notes.inputs.CONTROLS`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from amt.models.notes.inputs import CONTROLS, NO_HIT, PlanInput, plan_beats
from amt.models.notes.motifs import ChordChart
from amt.models.notes.tokens import ROLES
from amt.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class NotePlan:
    """The plan of a piece in the arranger's terms."""

    bars: tuple[int, ...]
    """Beats of each bar, 1 to :data:`amt.models.notes.tokens.MAX_BEATS`; they sum to B."""
    chords: IntArray
    """[B] id of the chord on each beat, in the home key."""
    is_minor: bool
    """A minor rather than C major."""
    controls: FloatArray
    """[B, C] in the order and units of :data:`amt.models.notes.inputs.CONTROLS`."""
    known: BoolArray
    """[C] which controls are given; the arranger chooses where they are not."""

    @property
    def chart(self) -> ChordChart:
        """The chords as the motif heads compare them."""
        return ChordChart.of(self.chords, self.bars)

    @property
    def roles(self) -> BoolArray:
        """[bars, roles] which roles may play in each bar; all where that is not given."""
        columns = [CONTROLS.index(role) for role in ROLES]
        plays = self.controls[self.downbeats][:, columns] > 0.5
        return np.asarray(plays | ~self.known[columns])

    @property
    def downbeats(self) -> IntArray:
        """[bars] beat on which each bar begins."""
        return np.concatenate([[0], np.cumsum(self.bars)[:-1]]).astype(np.int64)

    def control(self, name: str) -> FloatArray:
        """[B] one control, whether it is given or not."""
        return np.asarray(self.controls[:, CONTROLS.index(name)])


def beats_to_next(marks: BoolArray) -> FloatArray:
    """Beats [B] from each beat to the next marked one, 0 on one; ``NO_HIT`` after the last."""
    distance = np.full(len(marks), NO_HIT)
    since = NO_HIT
    for beat in range(len(marks) - 1, -1, -1):
        since = 0.0 if marks[beat] else min(since + 1, NO_HIT)
        distance[beat] = since
    return distance


def plan_input(plan: NotePlan) -> PlanInput:
    """A plan as a batch of one."""
    beat, beats, bar = plan_beats(plan.bars)
    rows = (torch.from_numpy(plan.chords), beat, beats, bar)
    chord, beat, beats, bar = (row[None].long() for row in rows)
    return PlanInput(
        chord, beat, beats, bar,
        controls=torch.tensor(plan.controls, dtype=torch.float32)[None],
        known=torch.tensor(plan.known, dtype=torch.float32)[None],
        minor=torch.tensor([int(plan.is_minor)]),
    )  # fmt: skip
