"""What a note may be while it is written: rules as masks on the columns of words.

The network is asked what comes next, the rules strike out what must not. They are those of a
player rather than of a style: strong beats have chord tones, a tune is one voice, hands have so
many fingers, a bar holds about as many notes as were asked, and the last bar comes to rest. Each
can be switched off. No rule ever strikes out everything: where two leave nothing, the one that is
named first in :class:`Rules` gives way.

Positions are twelfths of a beat; words and notes are those of :mod:`amt.model.note_tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from amt.chords import VOCABULARY_SIZE, chord_from_id
from amt.model.arranger import CONTROLS
from amt.model.note_plan import NotePlan
from amt.model.note_tokens import (
    BAR,
    DURATION,
    FIRST_PLACE,
    LOWEST_PITCH,
    PITCH,
    PLACE,
    RESOLUTION,
    ROLE,
    ROLES,
    VOCABULARY,
    IntArray,
    bar_starts,
    bins,
)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rules hold, and their measures."""

    chord_tones: bool = True
    """Melody and harmony begin notes on strong beats, the first and the middle one of a bar, on
    tones of the chord."""
    resolve: bool = True
    """In the last bar every note is of the chord, and none outlasts the bar."""
    counted: bool = True
    """A bar has no fewer notes than ``fewest`` times what is asked, and no more than ``most``."""
    fewest: float = 0.6
    most: float = 1.4
    voices: tuple[int, ...] = (1, 1, 6)
    """How many notes of each role sound together at most; a role of one voice ends its note where
    it begins the next."""
    ranges: tuple[tuple[int, int], ...] = ((55, 91), (48, 84), (28, 88))
    """Lowest and highest pitch of each role."""
    most_notes: int = 64
    """Notes of a bar, so that every bar ends."""


class Chart:
    """What the rules know of a plan.

    Args:
        plan: of the piece.
        rules: that hold.
        stop: position behind which no note may sound; the end of the piece if None.
    """

    def __init__(self, plan: NotePlan, rules: Rules, stop: int | None = None) -> None:
        self.plan, self.rules = plan, rules
        self.starts = bar_starts(plan.bars)
        self.stop = int(self.starts[-1]) if stop is None else stop
        self.roles: Mask = plan.roles
        self.tones: Mask = _tones()[plan.chords]
        self.asked: NDArray[np.float64] | None = None
        if plan.known[CONTROLS.index("density")]:
            self.asked = plan.control("density")[plan.downbeats] * np.array(plan.bars)
        pitches = np.arange(VOCABULARY[PITCH]) - 1 + LOWEST_PITCH
        self.in_range = np.array([(pitches >= a) & (pitches <= b) for a, b in rules.ranges])
        self.in_range[:, 0] = False
        self.lengths = np.concatenate([[0], bins().durations])

    @property
    def last_bar(self) -> int:
        """Number of the last bar."""
        return len(self.plan.bars) - 1


@dataclass(slots=True)
class Player:
    """Where one version of a piece stands, and what it may do next.

    The masks of a word are asked for in the order of its columns.
    """

    chart: Chart
    bar: int = -1
    n_notes: int = 0
    """That the present bar has so far."""
    _place: int = 0
    _struck: list[int] = field(default_factory=list)
    """Roles of the notes at the present place."""
    _ends: list[list[int]] = field(default_factory=lambda: [[] for _ in ROLES])
    """Of each role, where its notes end that may still sound."""

    def hear(self, word: IntArray) -> None:
        """Take a word [5] for written."""
        place, role = int(word[PLACE]), int(word[ROLE]) - 1
        if place == BAR:
            self.bar += 1
            self.n_notes, self._place, self._struck = 0, 0, []
            return
        if place != self._place:
            self._place, self._struck = place, []
        self._struck.append(role)
        self.n_notes += 1
        onset = self._onset(place)
        sounding = [end for end in self._ends[role] if end > onset]
        if self.chart.rules.voices[role] == 1:
            sounding = []
        self._ends[role] = [*sounding, onset + int(self.chart.lengths[word[DURATION]])]

    def places(self) -> Mask:
        """[V] places at which the next word may be."""
        chart, rules = self.chart, self.chart.rules
        mask = np.ones(VOCABULARY[PLACE], dtype=bool)
        roles = chart.roles[self.bar] if self.bar <= chart.last_bar else np.zeros(0, bool)
        if not roles.any() or self.n_notes >= rules.most_notes:
            return _only(mask, BAR)
        if self._place >= FIRST_PLACE:
            mask[self._place] = self._open_roles(self._place).any()
        if rules.counted and chart.asked is not None:
            asked = chart.asked[self.bar]
            if self.n_notes >= max(1.0, rules.most * asked + 1):
                return _only(mask, BAR)
            last_place = FIRST_PLACE + RESOLUTION * chart.plan.bars[self.bar] - 1
            if self.n_notes < rules.fewest * asked - 1 and self._place < last_place:
                mask[BAR] = False
        return mask

    def roles(self, place: int) -> Mask:
        """[V] roles that may play at a place."""
        return np.asarray(np.append(False, self._open_roles(place)), dtype=bool)

    def pitches(self, place: int, role: int, least: int) -> Mask:
        """[V] pitches that a role (an id) may play at a place.

        Args:
            place: id.
            role: id.
            least: lowest id that the order of words allows.
        """
        chart, rules = self.chart, self.chart.rules
        possible = np.arange(VOCABULARY[PITCH]) >= max(1, least)
        ranged = possible & chart.in_range[role - 1]
        mask = ranged if ranged.any() else possible
        beat = (place - FIRST_PLACE) // RESOLUTION
        strong = (place - FIRST_PLACE) % RESOLUTION == 0 and beat in self._strong_beats()
        bound = role - 1 != list(ROLES).index("counter") and rules.chord_tones and strong
        if bound or (rules.resolve and self.bar == chart.last_bar):
            row = int(chart.starts[self.bar]) // RESOLUTION + beat
            toned = mask & chart.tones[min(row, len(chart.tones) - 1)]
            mask = toned if toned.any() else mask
        return mask

    def durations(self, place: int) -> Mask:
        """[V] lengths that end before the music does."""
        room = self.chart.stop - self._onset(place)
        lengths = self.chart.lengths
        return np.asarray((lengths > 0) & (lengths <= max(room, 1)))

    def _strong_beats(self) -> tuple[int, ...]:
        beats = self.chart.plan.bars[self.bar]
        return (0, beats // 2) if beats % 2 == 0 else (0,)

    def _open_roles(self, place: int) -> Mask:
        """[roles] which may strike at a place after what has been struck there."""
        chart, onset = self.chart, self._onset(place)
        here = self._struck if place == self._place else []
        open_roles: Mask = chart.roles[self.bar].copy()
        for role, most in enumerate(chart.rules.voices):
            sounding = sum(end > onset for end in self._ends[role])
            full = role in here if most == 1 else sounding >= most
            open_roles[role] &= not full and role >= max(here, default=0)
        return open_roles

    def _onset(self, place: int) -> int:
        return int(self.chart.starts[self.bar]) + place - FIRST_PLACE


def _only(mask: Mask, index: int) -> Mask:
    mask[:] = False
    mask[index] = True
    return mask


def _tones() -> Mask:
    """[chords, V] whether each pitch is of each chord; every pitch is of no chord."""
    pitches = (np.arange(VOCABULARY[PITCH]) - 1 + LOWEST_PITCH) % 12
    table = np.ones((VOCABULARY_SIZE, VOCABULARY[PITCH]), dtype=bool)
    for index in range(VOCABULARY_SIZE):
        classes = chord_from_id(index).pitch_classes
        if classes:
            table[index] = np.isin(pitches, classes)
    return table
