"""What is asked of the harmony of a piece, as biases on what the composer draws.

The composer (:mod:`amt.models.chords.network`) knows which chord may follow which; this module
says what suits the piece at hand: a key, a mood in every second, sections that end on cadences, and
a last chord at home. It adds log-odds and forbids next to nothing, so that the composer still
chooses.

Conventions: a slot is a stretch of music that holds one chord, half a bar as near as can be.
Biases are natural logarithms, and are added to log-probabilities before they are normalised
(:func:`amt.models.chords.decode.sample_chords`); -inf forbids. Chords are those of
:data:`amt.chords.HOME`, not yet of the piece's own key. Shapes: ``S`` seconds, ``N`` slots, ``V`` =
157 chords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from amt.chords import HOME, VOCABULARY_SIZE, Chord, Key, Mode, chord_from_id
from amt.mood import change_odds, emotion_chords, gloom, tension
from amt.types import BoolArray, FloatArray, TimeGrid

SLOTS_OF_BAR = {1: (1,), 2: (2,), 3: (3,), 4: (2, 2), 5: (3, 2), 6: (3, 3), 7: (4, 3)}
"""How many beats each chord slot of a bar lasts, by metre: half-bars as near as can be."""
MIN_CLOSING_S = 1.0
"""The last chord is given a bar that leaves it so much time."""
TENSE_QUALITIES = {"dim": 12.0, "dim7": 12.0, "hdim7": 12.0, "7": 10.0, "sus4": 9.0}
"""Chord qualities that tension brings in (Gabrielsson & Lindström 2010: fear and anger are heard in
dissonance), and their log-odds where one is called for: nearly certain to come, which of them and
on which root is for the composer to say."""
TENSE_SHARE, MOST_TENSE = 0.9, 0.5
"""Share of the slots before a downbeat that call for a tense chord, for a unit of ``colour`` and
full tension, and the most of them that do: it leads into the bar."""
TENSE_CHANGE_ODDS = -2.0
"""What a change loses elsewhere under full tension, so that harmony does not move more often."""
MINOR_QUALITIES = ("min", "min7", "min6")
GLOOM_COLOUR = 1.5
"""What full gloom adds to the log-odds of minor chords for a unit of ``colour``: a key of minor
mode alone leaves the major chords of its relative."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of music that holds one chord."""

    beat: int
    """Index of its first beat."""
    middle_s: float
    strong: bool
    """It begins a bar."""


@dataclass(frozen=True, slots=True, eq=False)
class HarmonyBrief:
    """What the harmony of a piece has to suit."""

    slots: tuple[Slot, ...]
    """N of them, as :func:`chord_slots` makes them."""
    closing: int
    """Index of the slot of the last chord (:func:`closing_slot`)."""
    section_beats: frozenset[int]
    """First beats of the sections."""
    mode: Mode
    emotion: FloatArray
    """[S, 6] probabilities."""
    affect: FloatArray
    """[S, 2] valence and arousal, -1 to 1."""
    colour: float
    """Log-odds that a chord gains which fits the mood, from 0."""
    chromaticism: float
    """0 keeps to the key, 1 takes foreign tones as the corpus does."""
    seed: int
    """Draws the slots that call for a tense chord."""

    @property
    def home(self) -> Key:
        """The key in which the chords are drawn."""
        return HOME[self.mode]

    def at_slots(self, curve: FloatArray) -> FloatArray:
        """A curve [S, ...] read in the middle of every slot, [N, ...]."""
        return np.asarray(curve[[min(int(slot.middle_s), len(curve) - 1) for slot in self.slots]])


class HarmonyBias(NamedTuple):
    """Log-odds that are added to what the composer says."""

    chords: Tensor
    """[N, V] of every chord; -inf where it is forbidden."""
    changes: Tensor
    """[N] of a change against staying."""


def chord_slots(grid: TimeGrid) -> tuple[Slot, ...]:
    """The slots of a grid, bar by bar (:data:`SLOTS_OF_BAR`)."""
    slots = []
    for downbeat, beats in zip(grid.downbeats, grid.bars, strict=True):
        first = int(downbeat)
        for length in SLOTS_OF_BAR.get(beats, (beats,)):
            ends = grid.seconds_at(np.array([first, first + length], dtype=np.float64))
            slots.append(Slot(first, float(ends.mean()), first == downbeat))
            first += length
    return tuple(slots)


def closing_slot(slots: Sequence[Slot], grid: TimeGrid) -> int:
    """Index of the slot of the last chord: the last bar, or one before it where it is too short."""
    bars = [i for i, slot in enumerate(slots) if slot.strong]
    long = [i for i in bars if grid.duration_s - grid.beats_s[slots[i].beat] >= MIN_CLOSING_S]
    return long[-1] if long and len(bars) > 2 else bars[-1]


def harmony_bias(brief: HarmonyBrief) -> HarmonyBias:
    """Turn what harmony has to suit into log-odds; the same brief gives the same numbers."""
    called = _tense_slots(brief)
    return HarmonyBias(
        _chord_bias(brief, called) + _cadence_bias(brief), _change_bias(brief, called)
    )


def _chord_bias(brief: HarmonyBrief, called: BoolArray) -> Tensor:
    """[N, V] music all the time, in mood, mostly in key, ending on a cadence."""
    home, closing = brief.home, brief.closing
    in_key = set(home.scale) | ({(home.tonic + 11) % 12} if home.mode == "minor" else set())
    foreign = torch.tensor(
        [len(set(chord_from_id(index).pitch_classes) - in_key) for index in range(VOCABULARY_SIZE)],
        dtype=torch.float64,
    )
    fits = torch.tensor(brief.at_slots(brief.emotion)) @ torch.tensor(emotion_chords())
    glooms = torch.tensor(brief.at_slots(gloom(brief.affect)))
    dark = glooms[:, None] * GLOOM_COLOUR * _minor_chords()
    bias = brief.colour * torch.maximum(fits, dark)
    bias -= 3.0 * (1 - brief.chromaticism) * foreign
    bias += torch.tensor(called)[:, None] * _tense_chords()
    bias[:, 0] = float("-inf")
    bias[0, home.tonic_chord.id] += 2.0
    if closing > 0:
        bias[closing - 1] += _dominant_bias(home)
    bias[closing:] = float("-inf")
    bias[closing:, home.tonic_chord.id] = 0.0
    return bias


def _cadence_bias(brief: HarmonyBrief) -> Tensor:
    """[N, V] a liking for cadences at section ends: a dominant, then home on the strong cut.

    The sixth degree is liked as well: a deceptive cadence, which opens the section instead.
    """
    home = brief.home
    bias = torch.zeros((len(brief.slots), VOCABULARY_SIZE), dtype=torch.float64)
    sixth = Chord((home.tonic + 9) % 12, "min") if home.mode == "major" else None
    arrivals = [home.tonic_chord, sixth or Chord((home.tonic + 8) % 12, "maj")]
    for i, slot in enumerate(brief.slots):
        if 0 < i < brief.closing and slot.beat in brief.section_beats:
            bias[i - 1] += _dominant_bias(home)
            for chord, weight in zip(arrivals, (2.0, 1.0), strict=True):
                bias[i, chord.id] += weight
    return bias


def _change_bias(brief: HarmonyBrief, called: BoolArray) -> Tensor:
    """[N] chords move on downbeats, where a section begins, and in mood."""
    bias = [
        2.0 if slot.beat in brief.section_beats else 0.5 if slot.strong else -0.75
        for slot in brief.slots
    ]
    tense = brief.at_slots(tension(brief.affect))
    in_mood = brief.at_slots(change_odds(brief.affect)) + TENSE_CHANGE_ODDS * tense * ~called
    return torch.tensor(np.array(bias) + in_mood, dtype=torch.float64)


def _tense_slots(brief: HarmonyBrief) -> BoolArray:
    """[N] which slots before a downbeat call for a tense chord, drawn with the seed.

    A bias alone would not do: in the composer's eyes such chords are so rare that they are either
    never drawn or, once let in, everywhere.
    """
    drawn = np.random.default_rng([brief.seed, 2]).random(len(brief.slots))
    leads = np.array([slot.strong for slot in brief.slots[1:]] + [False])
    share = TENSE_SHARE * brief.colour * brief.at_slots(tension(brief.affect))
    return leads & (drawn < np.minimum(share, MOST_TENSE))


def _tense_chords() -> Tensor:
    """[V] log-odds of the :data:`TENSE_QUALITIES`."""
    qualities = (chord_from_id(index).quality for index in range(VOCABULARY_SIZE))
    return torch.tensor([TENSE_QUALITIES.get(name, 0.0) for name in qualities]).double()


def _minor_chords() -> Tensor:
    """[V] 1 for minor triads and the chords built on them."""
    qualities = (chord_from_id(index).quality for index in range(VOCABULARY_SIZE))
    return torch.tensor([name in MINOR_QUALITIES for name in qualities]).double()


def _dominant_bias(home: Key) -> Tensor:
    """[V] a liking for chords that lead home: V and V7 (authentic), then IV, ii and VII."""
    bias = torch.zeros(VOCABULARY_SIZE, dtype=torch.float64)
    fourth = "maj" if home.mode == "major" else "min"
    for step, quality, weight in (
        (7, "maj", 3.0), (7, "7", 3.0), (5, fourth, 2.0), (2, "min7", 1.0), (10, "maj", 1.0)
    ):  # fmt: skip
        bias[Chord((home.tonic + step) % 12, quality).id] = weight
    bias[home.tonic_chord.id] = -2.0
    return bias
