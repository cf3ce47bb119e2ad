"""State of decoding: which ids the next word may have after the notes so far, and biases.

See :mod:`amt.models.notes.constraints` for the constraints themselves. ``V`` is the number of ids
of a column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from amt.models.notes.constraints import ConstraintContext
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_POSITION,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    ROLES,
    VELOCITY,
    VOCABULARY,
)
from amt.types import BoolArray, FloatArray, IntArray

VELOCITY_STD = 0.12
"""Standard deviation of velocities (0 to 1) around the target loudness of their bar."""
MAX_VELOCITY_CORRECTION = 0.08
"""By how much (0 to 1) a note may be louder or softer to correct the mean of its bar."""
STEP_SEMITONES = 2
"""Largest interval that counts as a step."""
REST_MEMORY = 4 * 4 * RESOLUTION
"""Time constant, in positions, of the averages of when the melody sounds: four bars of four."""
LONGEST_REST = 8 * RESOLUTION
"""Positions between two onsets of the melody beyond which they count as a pause of the role rather
than as a rest: eight beats."""
REST_PRIOR = 4 * RESOLUTION
"""Positions at the target share of rests that are counted before the first note: a bar of four."""

MELODY, COUNTER, HARMONY = range(len(ROLES))
ANY_VOICES = (VOCABULARY[PITCH],) * len(ROLES)


class _Sounding(NamedTuple):
    """A note that may still sound."""

    onset: int
    end: int
    pitch: int
    """Id."""
    number: int | None
    """Of its word; None for a fixed note, which is never shortened."""


@dataclass(slots=True)
class DecodingState:
    """The notes so far of one candidate, and what they allow next.

    The masks of a word are read in the order of its columns, then :meth:`update` adds the word.
    """

    context: ConstraintContext
    bar: int = -1
    """Number of the present bar."""
    n_notes: int = 0
    """Of the present bar so far."""
    cuts: dict[int, int] = field(default_factory=dict)
    """New length (an id) of each word that a later one shortens, by the word's number."""
    _velocity_sum: float = 0.0
    """Of the present bar's notes, 127 counting as 1."""
    _melody_pitch: int | None = None
    """Pitch (an id) of the last note of the melody."""
    _melody_repeats: int = 0
    """How many notes of the melody before it had that pitch, without another in between."""
    _melody_span: tuple[int, int] | None = None
    """Onset and end of its last note."""
    _melody_time: tuple[float, float] = (0.0, 0.0)
    """Decayed sums of the positions in which the melody sounded, and of all positions."""
    _position: int = 0
    """Id of the last note's position in the bar; 0 before the first."""
    _here: list[tuple[int, int]] = field(default_factory=list)
    """Role and pitch (an id) of the notes at that position."""
    _sounding: list[list[_Sounding]] = field(default_factory=lambda: [[] for _ in ROLES])
    """By role, in the order of onsets."""

    def update(self, word: IntArray, number: int | None = None) -> None:
        """Add a word [5]; a note without a number is fixed."""
        position, role = int(word[POSITION]), int(word[ROLE]) - 1
        if position == BAR:
            self.bar += 1
            self.n_notes, self._velocity_sum, self._position, self._here = 0, 0.0, 0, []
            return
        if position != self._position:
            self._position, self._here = position, []
        pitch, onset = int(word[PITCH]), self._onset(position)
        self._here.append((role, pitch))
        self.n_notes += 1
        self._velocity_sum += float(self.context.velocities[word[VELOCITY]])
        end = onset + int(self.context.lengths[word[DURATION]])
        if role == MELODY:
            self._melody_repeats = self._melody_repeats + 1 if pitch == self._melody_pitch else 0
            self._melody_pitch = pitch
            self._update_melody_time(onset, end)
        self._end_oldest(role, pitch, onset)
        self._sounding[role].append(_Sounding(onset, end, pitch, number))

    def position_mask(self) -> BoolArray:
        """[V] positions that the next word may have."""
        context, constraints = self.context, self.context.constraints
        mask = np.ones(VOCABULARY[POSITION], dtype=bool)
        roles = context.roles[self.bar] if self.bar <= context.last_bar else np.zeros(0, bool)
        if not roles.any() or self.n_notes >= constraints.max_notes:
            return _only(mask, BAR)
        first = max(self._position, FIRST_POSITION)
        for position in range(first, self._first_free_position() + 1):
            mask[position] = self._open_roles(position).any()
        if constraints.count_notes and context.target_count is not None:
            target = context.target_count[self.bar]
            if self.n_notes >= max(1.0, constraints.max_count * target + 1):
                return _only(mask, BAR)
            last = context.last_position(self.bar)
            fits_more = self._position < last and mask[first : last + 1]
            if self.n_notes < constraints.min_count * target - 1 and np.any(fits_more):
                mask[BAR] = False
        return mask

    def position_bias(self) -> FloatArray:
        """[V] nats by which positions are likelier for the target density.

        The variance of a count grows with its mean, so the notes that are missing at a position are
        weighted as those of a Poisson process that has come as far as that position; the end of the
        bar is the last.
        """
        context, positions = self.context, np.arange(VOCABULARY[POSITION])
        weight = context.constraints.pace_weight
        if context.target_count is None or weight == 0 or self.bar > context.last_bar:
            return np.zeros(len(positions))
        length = RESOLUTION * context.plan.bars[self.bar]
        elapsed = np.where(positions == BAR, length, positions - FIRST_POSITION) / length
        target = float(context.target_count[self.bar])
        surplus = self.n_notes - target * elapsed.clip(0, 1)
        return np.asarray(-weight * surplus**2 / max(target, 1.0))

    def velocity_bias(self) -> FloatArray:
        """[V] nats by which velocities are likelier for the target loudness.

        The next note corrects a part of the difference between the target and the mean of the bar's
        notes so far.
        """
        context, weight = self.context, self.context.constraints.loudness_weight
        if context.loudness is None or weight == 0 or self.bar > context.last_bar:
            return np.zeros(len(context.velocities))
        target = float(context.loudness[self.bar])
        missing = self.n_notes * target - self._velocity_sum
        correction = np.clip(missing, -MAX_VELOCITY_CORRECTION, MAX_VELOCITY_CORRECTION)
        off = context.velocities - (target + correction)
        return np.asarray(-0.5 * weight * (off / VELOCITY_STD) ** 2)

    def pitch_bias(self, role: int) -> FloatArray:
        """[V] nats by which pitches of the melody are less likely: far from its last, or repeated.

        Args:
            role: id; pitches of other roles have no bias.
        """
        pitches = np.arange(VOCABULARY[PITCH])
        if role - 1 != MELODY or self._melody_pitch is None:
            return np.zeros(len(pitches))
        beyond = np.maximum(np.abs(pitches - self._melody_pitch) - STEP_SEMITONES, 0)
        bias = -self.context.constraints.leap_nats * beyond
        bias[self._melody_pitch] -= self.context.constraints.repeat_nats * self._melody_repeats
        return np.asarray(bias)

    def duration_bias(self, role: int) -> FloatArray:
        """[V] nats by which lengths of a role (an id) are likelier."""
        constraints, nats = self.context.constraints, 0.0
        if role - 1 == HARMONY:
            nats = constraints.sustain_nats
        elif role - 1 == MELODY:
            sounded, time = self._melody_time
            target = 1 - constraints.rest_share
            share = (sounded + target * REST_PRIOR) / (time + REST_PRIOR)
            nats = -constraints.rest_nats * (share - target)
        return np.asarray(nats * self.context.log2_lengths)

    def copy_bias(self, column: int, role: int) -> float:
        """Nats added to the motif heads' log-weight for a column of a word of a role (an id).

        For the melody, and where the role is not known yet. Not for velocities, which follow the
        plan.
        """
        is_melody = column <= ROLE or role - 1 == MELODY
        return self.context.constraints.copy_nats if is_melody and column != VELOCITY else 0.0

    def role_mask(self, position: int) -> BoolArray:
        """[V] roles that may play at a position."""
        return np.asarray(np.append(False, self._open_roles(position)), dtype=bool)

    def pitch_mask(self, position: int, role: int, lowest: int) -> BoolArray:
        """[V] pitches that a role (an id) may play at a position.

        Args:
            position: id.
            role: id.
            lowest: lowest id that the order of words allows.
        """
        ordered = np.arange(VOCABULARY[PITCH]) >= max(1, lowest)
        fitting = ordered & self._fitting(position, role - 1)
        if fitting.any():
            return fitting
        in_range = ordered & self.context.in_range[role - 1]
        return in_range if in_range.any() else ordered

    def duration_mask(self, position: int, pitch: int) -> BoolArray:
        """[V] lengths that a pitch (an id) may have: it ends before the music does."""
        context, onset = self.context, self._onset(position)
        stop = context.stop
        resolves = context.constraints.resolve and onset < context.resolution
        if resolves and not context.tones[-1][pitch]:
            stop = min(stop, context.resolution)
        return np.asarray((context.lengths > 0) & (context.lengths <= max(stop - onset, 1)))

    def _update_melody_time(self, onset: int, end: int) -> None:
        """Update the time in which the melody sounded, up to a new note of it."""
        if self._melody_span is not None:
            last_onset, last_end = self._melody_span
            elapsed = onset - last_onset
            if 0 < elapsed <= LONGEST_REST:
                kept = np.exp(-elapsed / REST_MEMORY)
                sounded, time = self._melody_time
                sounded = sounded * kept + min(last_end, onset) - last_onset
                self._melody_time = (sounded, time * kept + elapsed)
        self._melody_span = onset, end

    def _end_oldest(self, role: int, pitch: int, onset: int) -> None:
        """End the notes of a role that leave no voice for a new one, the oldest first."""
        sounding = [note for note in self._sounding[role] if note.end > onset]
        own = [note for note in sounding if note.number is not None and note.onset < onset]
        most = (self.context.constraints.voices or ANY_VOICES)[role]
        n_ending = max(0, len(sounding) + 1 - most)
        ending = [note for note in own if note.pitch == pitch]
        others = [note for note in own if note.pitch != pitch]
        ending += others[: max(0, n_ending - len(ending))]
        for note in ending:
            assert note.number is not None
            fits = np.searchsorted(self.context.lengths, onset - note.onset, side="right") - 1
            self.cuts[note.number] = int(fits)
        self._sounding[role] = [note for note in sounding if note not in ending]

    def _fixed(self, role: int, onset: int) -> list[_Sounding]:
        """Fixed notes of a role that sound at a position of the piece."""
        return [n for n in self._sounding[role] if n.number is None and n.end > onset]

    def _first_free_position(self) -> int:
        """The present position, or the last in the bar at which a fixed note sounds."""
        ends = [note.end for role in self._sounding for note in role if note.number is None]
        start = int(self.context.starts[self.bar])
        position = FIRST_POSITION + max(ends, default=0) - 1 - start
        return min(max(position, self._position), self.context.last_position(self.bar))

    def _fitting(self, position: int, role: int) -> BoolArray:
        """[V] pitches that a role may play at a position, whatever the order of words allows."""
        context, constraints = self.context, self.context.constraints
        onset = self._onset(position)
        mask = context.in_range[role].copy()
        mask[[note.pitch for note in self._fixed(role, onset)]] = False
        is_strong = role != COUNTER and context.is_strong(self.bar, position)
        resolves = constraints.resolve and self.bar == context.last_bar
        toned = mask
        if (constraints.chord_tones and is_strong) or resolves:
            toned = mask & context.tones[onset // RESOLUTION]
        if resolves and role == MELODY and onset >= context.resolution:
            toned = toned & context.final_tones
        return np.asarray(toned if toned.any() else mask)

    def _open_roles(self, position: int) -> BoolArray:
        """[roles] which may play at a position after the notes that are there."""
        context, onset = self.context, self._onset(position)
        here = self._here if position == self._position else []
        last_role, last_pitch = here[-1] if here else (0, 0)
        open_roles = context.roles[self.bar].copy()
        open_roles[:last_role] = False
        for role, most in enumerate(context.constraints.voices or ANY_VOICES):
            taken = len(self._fixed(role, onset)) + sum(r == role for r, _ in here)
            open_roles[role] &= taken < most
        if here and open_roles[last_role]:
            open_roles[last_role] = self._fitting(position, last_role)[last_pitch + 1 :].any()
        return np.asarray(open_roles)

    def _onset(self, position: int) -> int:
        """Position of the piece of a position (an id) of the present bar."""
        return int(self.context.starts[self.bar]) + position - FIRST_POSITION


def _only(mask: BoolArray, index: int) -> BoolArray:
    mask[:] = False
    mask[index] = True
    return mask
