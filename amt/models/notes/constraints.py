"""What a note may be while it is written: constraints as masks on the columns of words.

The network is asked what comes next; the constraints strike out what must not, and lean towards the
density and the loudness that were asked. They are those of a player rather than of a style: strong
beats have chord tones, a tune is one voice, hands have so many fingers, a bar holds about as many
notes as were asked, and the last bar comes to rest. Each can be switched off. No rule ever strikes
out everything: where two leave nothing, the one that is named first in :class:`Constraints` gives
way.

Positions are twelfths of a beat; words and notes are those of :mod:`amt.models.notes.tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from amt.chords import VOCABULARY_SIZE, chord_from_id
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.network import CONTROLS
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_POSITION,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    ROLES,
    VELOCITY,
    VOCABULARY,
    bar_starts,
    bins,
)
from amt.types import BoolArray, FloatArray, IntArray

_SPREAD, _MAKES_UP = 0.12, 0.08
"""Standard deviation of velocities (0-1) around the loudness of their bar, and by how much one may
lie apart to make up for others."""

_STEP = 2
"""Semitones."""

_LISTENING = 4 * 4 * RESOLUTION
"""Positions over which what the tune sang is forgotten: four bars."""
_LONGEST_REST = 8 * RESOLUTION
"""Positions between two onsets of the tune beyond which it was not breathing but away."""

_MELODY, _COUNTER, _HARMONY = range(len(ROLES))
_ANY_VOICES = (VOCABULARY[PITCH],) * len(ROLES)


@dataclass(frozen=True, slots=True)
class Constraints:
    """Which constraints hold, and their measures."""

    chord_tones: bool = True
    """Melody and harmony begin notes on strong beats, the first and the middle one of a bar, on
    tones of the chord."""
    resolve: bool = True
    """In the last bar every note is of its chord; from the last chord on the melody has its root,
    third or fifth, and nothing that is not of it is held into it."""
    counted: bool = True
    """A bar has no fewer notes than ``fewest`` times what is asked, and no more than ``most``."""
    fewest: float = 0.9
    most: float = 1.1
    ranges: tuple[tuple[int, int], ...] | None = ((55, 91), (48, 84), (28, 88))
    """Lowest and highest pitch of each role, in the key of the plan; None for every pitch."""
    voices: tuple[int, ...] | None = (1, 1, 6)
    """How many notes of each role sound together at most: where one more begins, the oldest ends.
    A given note does not end, so that the new one waits for it. None for any number."""
    planned: bool = True
    """Roles play only in the bars in which the plan has them."""
    pace: float = 1.5
    """How firmly notes spread over a bar as the density asked would have them; 0 for not at all."""
    dynamics: float = 3.0
    """How firmly velocities keep to the loudness asked; 0 for not at all."""
    leap: float = 0.25
    """Nats by which each semitone beyond a step makes the tune's next pitch less likely (Huron 2006
    on pitch proximity); 0 for not at all."""
    breath: float = 8.0
    """How firmly the tune keeps to ``rest``: nats by which each doubling of a length is less
    likely, for each share of its time that it sang too much; 0 for not at all."""
    rest: float = 0.33
    """Share of its time that the tune is silent, 0 to 1."""
    sustain: float = 0.25
    """Nats by which each doubling of a length is likelier in the harmony: the nucleus cuts off the
    long notes, which are rare but fill most of the time."""
    recall: float = 1.2
    """Nats by which the motif memory has more of a say in the tune than was learned."""
    phrase: float = 2.0
    """Nats by which the memory rather looks back by whole phrases of four bars."""
    most_notes: int = 64
    """Notes of a bar, so that every bar ends."""


class ConstraintContext:
    """What the constraints know of a plan.

    Args:
        plan: of the piece.
        constraints: that hold.
        stop: position behind which no note may sound; the end of the piece if None.
    """

    def __init__(self, plan: NotePlan, constraints: Constraints, stop: int | None = None) -> None:
        self.plan, self.constraints = plan, constraints
        self.starts = bar_starts(plan.bars)
        self.stop = int(self.starts[-1]) if stop is None else stop
        self.roles = plan.roles if constraints.planned else np.ones_like(plan.roles)
        self.tones = _tones()[plan.chords]
        changes = np.flatnonzero(np.diff(plan.chords))
        last_chord = int(changes[-1]) + 1 if len(changes) else 0
        self.rest = max(int(self.starts[-2]), RESOLUTION * last_chord)
        self.final_tones = _tones(most=3)[plan.chords[-1]]
        self.asked: FloatArray | None = None
        if plan.known[CONTROLS.index("density")]:
            self.asked = plan.control("density")[plan.downbeats] * np.array(plan.bars)
        self.loudness: FloatArray | None = None
        if plan.known[CONTROLS.index("loudness")]:
            self.loudness = plan.control("loudness")[plan.downbeats]
        ranges = constraints.ranges or ((LOWEST_PITCH, HIGHEST_PITCH),) * len(ROLES)
        pitches = np.arange(VOCABULARY[PITCH]) - 1 + LOWEST_PITCH
        self.in_range = np.array([(pitches >= a) & (pitches <= b) for a, b in ranges])
        self.in_range[:, 0] = False
        self.lengths = np.concatenate([[0], bins().durations])
        self.doublings = np.log2(np.maximum(self.lengths, 1))
        self.velocities = np.concatenate([[0], bins().velocities]) / 127

    @property
    def last_bar(self) -> int:
        """Number of the last bar."""
        return len(self.plan.bars) - 1

    def is_strong(self, bar: int, place: int) -> bool:
        """Whether a place is the first beat of its bar, or the middle one of an even number."""
        beats = self.plan.bars[bar]
        strong = (0, beats // 2) if beats % 2 == 0 else (0,)
        return place - FIRST_POSITION in [RESOLUTION * beat for beat in strong]


class _Sounding(NamedTuple):
    """A note that may still sound."""

    onset: int
    end: int
    pitch: int
    """Id."""
    number: int | None
    """Of its word; None for a note that is given, and stays as it is."""


@dataclass(slots=True)
class DecodingState:
    """Where one version of a piece stands, and what it may do next.

    The masks of a word are asked for in the order of its columns.
    """

    chart: ConstraintContext
    bar: int = -1
    n_notes: int = 0
    """That the present bar has so far."""
    cuts: dict[int, int] = field(default_factory=dict)
    """New length (an id) of each word that ends where a later one begins, by the word's number."""
    _force: float = 0.0
    """Sum of the velocities of those, 127 counting as 1."""
    _tune: int | None = None
    """Pitch (an id) of the last note of the melody."""
    _sung: tuple[float, float] = (0.0, 0.0)
    """Positions of late that the tune sounded, and all of them."""
    _tune_span: tuple[int, int] | None = None
    """Onset and end of its last note."""
    _place: int = 0
    _struck: list[tuple[int, int]] = field(default_factory=list)
    """Role and pitch (an id) of the notes at the present place."""
    _sounding: list[list[_Sounding]] = field(default_factory=lambda: [[] for _ in ROLES])
    """By role, in the order of onsets."""

    def update(self, word: IntArray, number: int | None = None) -> None:
        """Take a word [5] for written; a note without a number is never cut."""
        place, role = int(word[POSITION]), int(word[ROLE]) - 1
        if place == BAR:
            self.bar += 1
            self.n_notes, self._force, self._place, self._struck = 0, 0.0, 0, []
            return
        if place != self._place:
            self._place, self._struck = place, []
        pitch, onset = int(word[PITCH]), self._onset(place)
        self._struck.append((role, pitch))
        self.n_notes += 1
        self._force += float(self.chart.velocities[word[VELOCITY]])
        end = onset + int(self.chart.lengths[word[DURATION]])
        if role == _MELODY:
            self._tune = pitch
            self._sing(onset, end)
        self._make_room(role, pitch, onset)
        self._sounding[role].append(_Sounding(onset, end, pitch, number))

    def places(self) -> BoolArray:
        """[V] places at which the next word may be."""
        chart, constraints = self.chart, self.chart.constraints
        mask = np.ones(VOCABULARY[POSITION], dtype=bool)
        roles = chart.roles[self.bar] if self.bar <= chart.last_bar else np.zeros(0, bool)
        if not roles.any() or self.n_notes >= constraints.most_notes:
            return _only(mask, BAR)
        for place in range(max(self._place, FIRST_POSITION), self._first_free_place() + 1):
            mask[place] = self._open_roles(place).any()
        if constraints.counted and chart.asked is not None:
            asked = chart.asked[self.bar]
            if self.n_notes >= max(1.0, constraints.most * asked + 1):
                return _only(mask, BAR)
            last_place = FIRST_POSITION + RESOLUTION * chart.plan.bars[self.bar] - 1
            more = (
                self._place < last_place and mask[max(self._place, FIRST_POSITION) : last_place + 1]
            )
            if self.n_notes < constraints.fewest * asked - 1 and np.any(more):
                mask[BAR] = False
        return mask

    def pace(self) -> FloatArray:
        """[V] nats by which places are likelier for the density asked.

        The variance of a count grows with it, so misses are weighed as those of a Poisson process
        that has come as far as the place; the end of the bar is the last.
        """
        chart, places = self.chart, np.arange(VOCABULARY[POSITION])
        if chart.asked is None or chart.constraints.pace == 0 or self.bar > chart.last_bar:
            return np.zeros(len(places))
        length = RESOLUTION * chart.plan.bars[self.bar]
        past = np.where(places == BAR, length, places - FIRST_POSITION) / length
        asked = float(chart.asked[self.bar])
        missed = self.n_notes - asked * past.clip(0, 1)
        return np.asarray(-chart.constraints.pace * missed**2 / max(asked, 1.0))

    def dynamics(self) -> FloatArray:
        """[V] nats by which velocities are likelier for the loudness asked.

        What the bar's notes so far lack or have too much, the next makes up for in part.
        """
        chart = self.chart
        if chart.loudness is None or chart.constraints.dynamics == 0 or self.bar > chart.last_bar:
            return np.zeros(len(chart.velocities))
        asked = float(chart.loudness[self.bar])
        lacks = self.n_notes * asked - self._force
        off = chart.velocities - (asked + np.clip(lacks, -_MAKES_UP, _MAKES_UP))
        return np.asarray(-0.5 * chart.constraints.dynamics * (off / _SPREAD) ** 2)

    def proximity(self, role: int) -> FloatArray:
        """[V] nats by which pitches of a role (an id) are likelier for being near the last."""
        pitches = np.arange(VOCABULARY[PITCH])
        if role - 1 != _MELODY or self._tune is None:
            return np.zeros(len(pitches))
        beyond = np.maximum(np.abs(pitches - self._tune) - _STEP, 0)
        return np.asarray(-self.chart.constraints.leap * beyond)

    def holding(self, role: int) -> FloatArray:
        """[V] nats by which lengths of a role (an id) are likelier."""
        constraints, nats = self.chart.constraints, 0.0
        if role - 1 == _HARMONY:
            nats = constraints.sustain
        elif role - 1 == _MELODY:
            sang, time = self._sung
            # Before much was sung, a bar in which it was just enough is thought of.
            usual, bar = 1 - constraints.rest, 4 * RESOLUTION
            nats = -constraints.breath * ((sang + usual * bar) / (time + bar) - usual)
        return np.asarray(nats * self.chart.doublings)

    def recall(self, column: int, role: int) -> float:
        """Nats by which the memory has more of a say in a column of a word of a role (an id).

        How loud it is, the plan says.
        """
        of_tune = column <= ROLE or role - 1 == _MELODY
        return self.chart.constraints.recall if of_tune and column != VELOCITY else 0.0

    def roles(self, place: int) -> BoolArray:
        """[V] roles that may play at a place."""
        return np.asarray(np.append(False, self._open_roles(place)), dtype=bool)

    def pitches(self, place: int, role: int, least: int) -> BoolArray:
        """[V] pitches that a role (an id) may play at a place.

        Args:
            place: id.
            role: id.
            least: lowest id that the order of words allows.
        """
        ordered = np.arange(VOCABULARY[PITCH]) >= max(1, least)
        fitting = ordered & self._fitting(place, role - 1)
        if fitting.any():
            return fitting
        ranged = ordered & self.chart.in_range[role - 1]
        return ranged if ranged.any() else ordered

    def durations(self, place: int, pitch: int) -> BoolArray:
        """[V] lengths that a pitch (an id) may have: it ends before the music does."""
        chart, onset = self.chart, self._onset(place)
        stop = chart.stop
        if chart.constraints.resolve and onset < chart.rest and not chart.tones[-1][pitch]:
            stop = min(stop, chart.rest)
        return np.asarray((chart.lengths > 0) & (chart.lengths <= max(stop - onset, 1)))

    def _sing(self, onset: int, end: int) -> None:
        """Remember how much of its time the tune sounded, up to a new note of it."""
        if self._tune_span is not None:
            before, its_end = self._tune_span
            gone = onset - before
            if 0 < gone <= _LONGEST_REST:
                kept = np.exp(-gone / _LISTENING)
                sang, time = self._sung
                self._sung = (sang * kept + min(its_end, onset) - before, time * kept + gone)
        self._tune_span = onset, end

    def _make_room(self, role: int, pitch: int, onset: int) -> None:
        """End the notes of a role that a new one does not leave room for, the oldest first."""
        sounding = [note for note in self._sounding[role] if note.end > onset]
        own = [note for note in sounding if note.number is not None and note.onset < onset]
        most = (self.chart.constraints.voices or _ANY_VOICES)[role]
        n_ending = max(0, len(sounding) + 1 - most)
        ending = [note for note in own if note.pitch == pitch]
        others = [note for note in own if note.pitch != pitch]
        ending += others[: max(0, n_ending - len(ending))]
        for note in ending:
            assert note.number is not None
            fits = np.searchsorted(self.chart.lengths, onset - note.onset, side="right") - 1
            self.cuts[note.number] = int(fits)
        self._sounding[role] = [note for note in sounding if note not in ending]

    def _given(self, role: int, onset: int) -> list[_Sounding]:
        """Given notes of a role that sound at a position."""
        return [n for n in self._sounding[role] if n.number is None and n.end > onset]

    def _first_free_place(self) -> int:
        """The present place, or the last in the bar that a given note sounds at."""
        ends = [note.end for role in self._sounding for note in role if note.number is None]
        place = FIRST_POSITION + max(ends, default=0) - 1 - int(self.chart.starts[self.bar])
        last = FIRST_POSITION + RESOLUTION * self.chart.plan.bars[self.bar] - 1
        return min(max(place, self._place), last)

    def _fitting(self, place: int, role: int) -> BoolArray:
        """[V] pitches that a role may play at a place, whatever the order of words allows."""
        chart, constraints, onset = self.chart, self.chart.constraints, self._onset(place)
        mask = chart.in_range[role].copy()
        mask[[note.pitch for note in self._given(role, onset)]] = False
        bound = constraints.chord_tones and role != _COUNTER and chart.is_strong(self.bar, place)
        resolves = constraints.resolve and self.bar == chart.last_bar
        toned = mask
        if bound or resolves:
            toned = mask & chart.tones[onset // RESOLUTION]
        if resolves and role == _MELODY and onset >= chart.rest:
            toned = toned & chart.final_tones
        return np.asarray(toned if toned.any() else mask)

    def _open_roles(self, place: int) -> BoolArray:
        """[roles] which may strike at a place after what has been struck there."""
        chart, onset = self.chart, self._onset(place)
        here = self._struck if place == self._place else []
        last_role, last_pitch = here[-1] if here else (0, 0)
        open_roles = chart.roles[self.bar].copy()
        open_roles[:last_role] = False
        for role, most in enumerate(chart.constraints.voices or _ANY_VOICES):
            fixed = len(self._given(role, onset)) + sum(r == role for r, _ in here)
            open_roles[role] &= fixed < most
        if here and open_roles[last_role]:
            open_roles[last_role] = self._fitting(place, last_role)[last_pitch + 1 :].any()
        return np.asarray(open_roles)

    def _onset(self, place: int) -> int:
        return int(self.chart.starts[self.bar]) + place - FIRST_POSITION


def _only(mask: BoolArray, index: int) -> BoolArray:
    mask[:] = False
    mask[index] = True
    return mask


@cache
def _tones(most: int = 4) -> BoolArray:
    """[chords, V] whether each pitch is of each chord; every pitch is of no chord.

    Args:
        most: tones of each chord that count, from the root up.
    """
    pitches = (np.arange(VOCABULARY[PITCH]) - 1 + LOWEST_PITCH) % 12
    table = np.ones((VOCABULARY_SIZE, VOCABULARY[PITCH]), dtype=bool)
    for index in range(VOCABULARY_SIZE):
        classes = chord_from_id(index).pitch_classes[:most]
        if classes:
            table[index] = np.isin(pitches, classes)
    return table
