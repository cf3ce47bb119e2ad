"""Constraints on sampled notes, as masks and logit biases on the columns of words.

They act like the logits processors of Hugging Face transformers: a mask rules ids out, a bias in
nats makes ids likelier. They concern playability and form rather than style: strong beats have
chord tones, the melody has one voice, hands have a number of fingers, a bar holds about as many
notes as its target density, and the last bar resolves. Each can be switched off. A mask never rules
out everything: where two leave nothing, the one that is named first in :class:`Constraints` is
dropped.

This module holds the options and what can be computed of a plan beforehand;
:mod:`amt.models.notes.decoding_state` holds what depends on the notes so far. Positions are
twelfths of a beat; words and notes are those of :mod:`amt.models.notes.tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from amt.chords import VOCABULARY_SIZE, chord_from_id
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.inputs import CONTROLS
from amt.models.notes.tokens import (
    FIRST_POSITION,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    PITCH,
    RESOLUTION,
    ROLES,
    VOCABULARY,
    bar_starts,
    bins,
)
from amt.types import BoolArray, FloatArray

FINAL_TONES = 3
"""Chord tones, from the root up, on which the melody may end: root, third and fifth."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Which constraints hold, and their parameters.

    The defaults were set on training songs (``experiments/RESULTS.md``).
    """

    chord_tones: bool = True
    """Notes of melody and harmony on strong beats, the first and the middle one of a bar, are tones
    of the chord."""
    resolve: bool = True
    """In the last bar every note is of its chord; from the last chord on the melody has its root,
    third or fifth, and no note that is not of it is held into it."""
    count_notes: bool = True
    """A bar has no fewer notes than ``min_count`` times its target, and no more than
    ``max_count``."""
    min_count: float = 0.9
    max_count: float = 1.1
    ranges: tuple[tuple[int, int], ...] | None = ((55, 91), (48, 84), (28, 88))
    """Lowest and highest MIDI pitch of each role, in the key of the plan; None for every pitch."""
    voices: tuple[int, ...] | None = (1, 1, 6)
    """How many notes of each role sound together at most: where one more begins, the oldest ends.
    A fixed note does not end, so that the new one waits for it. None for any number."""
    planned_roles: bool = True
    """Roles play only in the bars in which the plan has them."""
    pace_weight: float = 1.5
    """Weight of the Poisson log-likelihood that spreads notes over a bar at its target density; 0
    for none."""
    loudness_weight: float = 3.0
    """Weight of the Gaussian log-likelihood of velocities around their target loudness; 0 for
    none."""
    leap_nats: float = 0.25
    """Nats by which each semitone beyond a step makes the melody's next pitch less likely (Huron
    2006 on pitch proximity); 0 for none."""
    repeat_nats: float = 1.0
    """Nats by which one more note of the melody on the same pitch is less likely, for each
    repetition before it; the first costs nothing. 0 for none."""
    rest_nats: float = 8.0
    """Nats by which each doubling of a length of the melody is less likely, times the share of time
    that it sounded beyond ``1 - rest_share``; 0 for none."""
    rest_share: float = 0.33
    """Target share of its time in which the melody rests, 0 to 1."""
    sustain_nats: float = 0.25
    """Nats by which each doubling of a length of the harmony is likelier: the nucleus cuts off long
    notes, which are rare but fill most of the time."""
    copy_nats: float = 1.2
    """Nats added to the log-weight of the motif heads for the melody."""
    phrase_nats: float = 2.0
    """Nats added to the log-weight of the motif heads' lags of whole phrases of four bars."""
    max_notes: int = 64
    """Notes of a bar at most, so that every bar ends."""


class ConstraintContext:
    """What the constraints need of a plan.

    Args:
        plan: of the piece.
        constraints: that hold.
        stop: position beyond which no note may sound; the end of the piece if None.
    """

    def __init__(self, plan: NotePlan, constraints: Constraints, stop: int | None = None) -> None:
        self.plan, self.constraints = plan, constraints
        self.starts = bar_starts(plan.bars)
        self.stop = int(self.starts[-1]) if stop is None else stop
        self.roles = plan.roles if constraints.planned_roles else np.ones_like(plan.roles)
        self.tones = _chord_tones()[plan.chords]
        changes = np.flatnonzero(np.diff(plan.chords))
        last_chord = int(changes[-1]) + 1 if len(changes) else 0
        self.resolution = max(int(self.starts[-2]), RESOLUTION * last_chord)
        """Position from which the last chord of the last bar sounds."""
        self.final_tones = _chord_tones(FINAL_TONES)[plan.chords[-1]]
        self.target_count: FloatArray | None = None
        """[bars] notes of each bar at its target density; None where that is not given."""
        if plan.known[CONTROLS.index("density")]:
            self.target_count = plan.control("density")[plan.downbeats] * np.array(plan.bars)
        self.loudness: FloatArray | None = None
        """[bars] target loudness, 0 to 1; None where that is not given."""
        if plan.known[CONTROLS.index("loudness")]:
            self.loudness = plan.control("loudness")[plan.downbeats]
        ranges = constraints.ranges or ((LOWEST_PITCH, HIGHEST_PITCH),) * len(ROLES)
        pitches = np.arange(VOCABULARY[PITCH]) - 1 + LOWEST_PITCH
        self.in_range = np.array([(pitches >= a) & (pitches <= b) for a, b in ranges])
        self.in_range[:, 0] = False
        self.lengths = np.concatenate([[0], bins().durations])
        self.log2_lengths = np.log2(np.maximum(self.lengths, 1))
        self.velocities = np.concatenate([[0], bins().velocities]) / 127

    @property
    def last_bar(self) -> int:
        """Number of the last bar."""
        return len(self.plan.bars) - 1

    def last_position(self, bar: int) -> int:
        """Id of the last position in a bar."""
        return FIRST_POSITION + RESOLUTION * self.plan.bars[bar] - 1

    def is_strong(self, bar: int, position: int) -> bool:
        """Whether a position (an id) is the first beat of its bar, or the middle of an even one."""
        beats = self.plan.bars[bar]
        strong = (0, beats // 2) if beats % 2 == 0 else (0,)
        return position - FIRST_POSITION in [RESOLUTION * beat for beat in strong]


@cache
def _chord_tones(n: int = 4) -> BoolArray:
    """[chords, V] whether each pitch is of each chord; every pitch is of no chord.

    Args:
        n: tones of each chord that count, from the root up.
    """
    pitches = (np.arange(VOCABULARY[PITCH]) - 1 + LOWEST_PITCH) % 12
    table = np.ones((VOCABULARY_SIZE, VOCABULARY[PITCH]), dtype=bool)
    for index in range(VOCABULARY_SIZE):
        classes = chord_from_id(index).pitch_classes[:n]
        if classes:
            table[index] = np.isin(pitches, classes)
    return table
