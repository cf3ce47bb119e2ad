"""What suits the harmony of a piece, as log-odds that are added to those of the composer.

The composer (:mod:`amt.models.chords.network`) has learned which chord may follow which. The rules
of this module add what the piece at hand asks for: its key, the mood of every second, cadences at
the ends of sections, and a final chord on the tonic. They forbid next to nothing, so that the
composer still chooses.

Conventions: biases are natural logarithms, and are added to log-probabilities before they are
normalised (:func:`amt.models.chords.decode.sample_chords`); -inf forbids. Chords are those of
:data:`amt.chords.HOME`, not yet of the piece's own key, and a context has one key. Shapes: ``S``
seconds, ``N`` slots, ``V`` = 157 chords.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from amt.chords import HOME, VOCABULARY_SIZE, Chord, Key, Mode, chord_from_id
from amt.compose.grid import Slot
from amt.compose.planned import PlannedChord
from amt.mood import change_odds, emotion_chords, negative_valence, tension
from amt.types import EMOTIONS, BoolArray, FloatArray

FOREIGN_TONE_ODDS = -3.0
"""Log-odds of a chord for each of its tones outside the key, where chromaticism is 0."""
OPENING_TONIC_ODDS = 2.0
"""Log-odds of the tonic chord in the first slot."""
DOMINANT_ODDS, SUBDOMINANT_ODDS, WEAK_DOMINANT_ODDS = 3.0, 2.0, 1.0
"""Log-odds, in the slot before a cadence's arrival, of V and V7 (authentic cadence), of IV (plagal
cadence), and of ii7 and bVII."""
EARLY_TONIC_ODDS = -2.0
"""Log-odds of the tonic chord in that slot: what has arrived already cannot arrive."""
TONIC_ARRIVAL_ODDS, DECEPTIVE_ARRIVAL_ODDS = 2.0, 1.0
"""Log-odds, where a section begins, of the tonic chord and of the sixth degree (deceptive
cadence)."""
SECTION_CHANGE_ODDS, DOWNBEAT_CHANGE_ODDS, OFFBEAT_CHANGE_ODDS = 2.0, 0.5, -0.75
"""Log-odds of a chord change where a section begins, on other downbeats, and inside bars."""
DEGREE_ODDS, DEGREE_CHANGE_ODDS = 4.0, 2.0
"""Log-odds of chords on the planned degree, and of a change where the degree changes (and against
one where it stays)."""
EXACT_ODDS, EXACT_CHANGE_ODDS = 14.0, 6.0
"""Log-odds of a chord that must come, whatever the key and the composer say, and of a change to it:
to the composer many of them are improbable."""
RESOLUTION_ODDS, RESOLUTION_CHANGE_ODDS = 8.0, 4.0
"""Log-odds of chords on the planned degree, and of a change, after a chord that must come."""
SEVENTHS, SEVENTH_ODDS = ("min7", "maj7", "7", "hdim7", "maj6", "min6"), 0.2
"""Chords of four tones, and their log-odds, for the share that they have in MuVi-Sync."""
TENSE_QUALITIES = {
    "fearful": {"dim": 12.0, "dim7": 12.0, "hdim7": 12.0},
    "tense": {"7": 12.0, "sus4": 11.0},
}
"""Chord qualities that fear and tension bring in (Gabrielsson & Lindström 2010: listeners find fear
and anger in dissonance), and their log-odds where one is called for: nearly certain to come, which
of them and on which root is left to the composer. What is only tense asks for a resolution; fear
has none."""
TENSE_SHARE, MOST_TENSE = 0.9, 0.5
"""Share of the slots before a downbeat that call for a tense chord, for a unit of
``chord_mood_weight`` and full tension, and the most of them that do: it leads into the bar."""
TENSE_CHANGE_ODDS = -2.0
"""What a change loses elsewhere under full tension, so that harmony does not move more often."""
MINOR_QUALITIES = ("min", "min7", "min6")
MINOR_ODDS = 1.5
"""What full negative valence adds to the log-odds of minor chords for a unit of
``chord_mood_weight``: a key of minor mode alone leaves the major chords of its relative."""
_TENSE_STREAM = 2
"""Second word of the seed of the random numbers that choose the slots of tense chords."""


@dataclass(frozen=True, slots=True, eq=False)
class HarmonyContext:
    """What the harmony of a piece has to suit."""

    slots: tuple[Slot, ...]
    """N of them, as :func:`amt.compose.grid.chord_slots` makes them."""
    final_slot: int
    """Index of the slot where the final chord begins."""
    section_beats: frozenset[int]
    """First beats of the sections."""
    mode: Mode
    emotion: FloatArray
    """[S, 6] probabilities."""
    affect: FloatArray
    """[S, 2] valence and arousal, -1 to 1."""
    chord_mood_weight: float
    """Log-odds that a chord gains which fits the mood, from 0."""
    chromaticism: float
    """0 keeps to the key, 1 takes foreign tones as the corpus does."""
    seed: int
    """Draws the slots that call for a tense chord."""
    planned: tuple[PlannedChord, ...] = ()
    """N planned chords; empty where none are planned."""

    def stretch(self, start: int, stop: int, mode: Mode) -> HarmonyContext:
        """The context of slots ``start`` to before ``stop``, which are in one key of a mode."""
        return replace(
            self,
            slots=self.slots[start:stop],
            final_slot=max(min(self.final_slot, stop) - start, 0),
            planned=self.planned[start:stop],
            mode=mode,
        )

    @property
    def home(self) -> Key:
        """The key in which the chords are drawn."""
        return HOME[self.mode]

    @property
    def resolves(self) -> list[bool]:
        """[N] whether the planned chord follows another one that must come."""
        return [
            i > 0 and self.planned[i - 1].is_exact and not chord.same_chord(self.planned[i - 1])
            for i, chord in enumerate(self.planned)
        ]

    def at_slots(self, curve: FloatArray) -> FloatArray:
        """A curve [S, ...] read in the middle of every slot, [N, ...]."""
        return np.asarray(curve[[min(int(slot.middle_s), len(curve) - 1) for slot in self.slots]])


class HarmonyBias(NamedTuple):
    """Log-odds that are added to those of the composer."""

    chords: Tensor
    """[N, V] of every chord; -inf where it is forbidden."""
    changes: Tensor
    """[N] of a change against staying."""


def harmony_bias(context: HarmonyContext) -> HarmonyBias:
    """Log-odds of chords and of chord changes; the same context gives the same numbers."""
    called = _tense_slots(context)
    bias = _key_and_mood_bias(context, called)
    _add_ends(bias, context)
    bias[: context.final_slot] += _degree_bias(context)[: context.final_slot]
    bias += _cadence_bias(context)
    _add_exact_chords(bias, context)
    return HarmonyBias(bias, _change_bias(context, called))


def _degree_bias(context: HarmonyContext) -> Tensor:
    """[N, V] chords on the planned degrees, and chords of four tones; 0 where none are planned."""
    if not context.planned:
        return torch.zeros((len(context.slots), VOCABULARY_SIZE), dtype=torch.float64)
    chords = [chord_from_id(index) for index in range(VOCABULARY_SIZE)]
    root = [-1 if c.root is None else (c.root - context.home.tonic) % 12 for c in chords]
    degrees = torch.tensor([chord.degree for chord in context.planned])
    planned = degrees[:, None] == torch.tensor(root)
    sevenths = torch.tensor([chord.quality in SEVENTHS for chord in chords])
    odds = torch.where(torch.tensor(context.resolves), RESOLUTION_ODDS, DEGREE_ODDS)
    return odds[:, None] * planned.double() + SEVENTH_ODDS * sevenths.double()


def _add_exact_chords(bias: Tensor, context: HarmonyContext) -> None:
    """Chords that must come gain so much that they do; changes ``bias``."""
    for slot, chord in enumerate(context.planned[: context.final_slot]):
        root = (context.home.tonic + chord.degree) % 12
        ids = [Chord(root, quality).id for quality in chord.qualities]
        bias[slot, ids] = EXACT_ODDS


def _degree_change_odds(context: HarmonyContext) -> FloatArray:
    """[N] a change where the planned chord changes, none where it stays."""
    planned = context.planned
    if not planned:
        return np.zeros(len(context.slots))
    stays = [i > 0 and chord.same_chord(planned[i - 1]) for i, chord in enumerate(planned)]
    exact = [chord.is_exact for chord in planned]
    odds = np.where(context.resolves, RESOLUTION_CHANGE_ODDS, DEGREE_CHANGE_ODDS)
    odds = np.where(exact, EXACT_CHANGE_ODDS, odds)
    holds = np.where(exact, EXACT_CHANGE_ODDS, DEGREE_CHANGE_ODDS)
    return np.where(stays, -holds, odds)


def _key_and_mood_bias(context: HarmonyContext, called: BoolArray) -> Tensor:
    """[N, V] chords that fit the mood, mostly in key, and tense ones where they are called for."""
    emotion = torch.tensor(context.at_slots(context.emotion))
    fits = emotion @ torch.tensor(emotion_chords())
    dark = torch.tensor(context.at_slots(negative_valence(context.affect)))
    minor = dark[:, None] * MINOR_ODDS * _minor_chords()
    bias = context.chord_mood_weight * torch.maximum(fits, minor)
    bias += FOREIGN_TONE_ODDS * (1 - context.chromaticism) * _foreign_tones(context.home)
    bias += torch.tensor(called)[:, None] * _tense_chords(emotion)
    return bias


def _add_ends(bias: Tensor, context: HarmonyContext) -> None:
    """Open on the tonic, end with a cadence on it, and never be silent; changes ``bias``."""
    home, final_slot = context.home, context.final_slot
    bias[:, 0] = float("-inf")  # "no chord"
    bias[0, home.tonic_chord.id] += OPENING_TONIC_ODDS
    if 0 < final_slot < len(context.slots):
        bias[final_slot - 1] += _dominant_bias(home)
    bias[final_slot:] = float("-inf")
    bias[final_slot:, home.tonic_chord.id] = 0.0


def _cadence_bias(context: HarmonyContext) -> Tensor:
    """[N, V] cadences at the ends of sections: a dominant, then the tonic on the strong cut.

    The sixth degree is favoured as well: a deceptive cadence, which opens the section instead.
    """
    home = context.home
    bias = torch.zeros((len(context.slots), VOCABULARY_SIZE), dtype=torch.float64)
    major = home.mode == "major"
    sixth = Chord((home.tonic + (9 if major else 8)) % 12, "min" if major else "maj")
    for i, slot in enumerate(context.slots):
        if 0 < i < context.final_slot and slot.beat in context.section_beats:
            bias[i - 1] += _dominant_bias(home)
            bias[i, home.tonic_chord.id] += TONIC_ARRIVAL_ODDS
            bias[i, sixth.id] += DECEPTIVE_ARRIVAL_ODDS
    return bias


def _change_bias(context: HarmonyContext, called: BoolArray) -> Tensor:
    """[N] chords change on downbeats, where a section begins, and as often as suits the mood."""
    in_metre = np.array([_metre_change_odds(context, slot) for slot in context.slots])
    tense = context.at_slots(tension(context.affect))
    in_mood = context.at_slots(change_odds(context.affect)) + TENSE_CHANGE_ODDS * tense * ~called
    return torch.tensor(in_metre + in_mood + _degree_change_odds(context), dtype=torch.float64)


def _metre_change_odds(context: HarmonyContext, slot: Slot) -> float:
    if slot.beat in context.section_beats:
        return SECTION_CHANGE_ODDS
    return DOWNBEAT_CHANGE_ODDS if slot.begins_bar else OFFBEAT_CHANGE_ODDS


def _tense_slots(context: HarmonyContext) -> BoolArray:
    """[N] which slots before a downbeat call for a tense chord, drawn with the seed.

    A bias alone would not do: to the composer such chords are so improbable that they are either
    never sampled or, once the bias is large enough, everywhere.
    """
    rng = np.random.default_rng([context.seed, _TENSE_STREAM, context.slots[0].beat])
    uniforms = rng.random(len(context.slots))
    before_downbeat = np.array([slot.begins_bar for slot in context.slots[1:]] + [False])
    tense = context.at_slots(tension(context.affect))
    share = TENSE_SHARE * context.chord_mood_weight * tense
    called = before_downbeat & (uniforms < np.minimum(share, MOST_TENSE))
    for slot, chord in enumerate(context.planned):
        if chord.is_exact or context.resolves[slot]:
            called[slot] = False
    return np.asarray(called)


def _foreign_tones(home: Key) -> Tensor:
    """[V] number of tones of every chord outside the key; minor has its leading tone as well."""
    in_key = set(home.scale) | ({(home.tonic + 11) % 12} if home.mode == "minor" else set())
    counts = [len(set(chord_from_id(i).pitch_classes) - in_key) for i in range(VOCABULARY_SIZE)]
    return torch.tensor(counts, dtype=torch.float64)


def _tense_chords(emotion: Tensor) -> Tensor:
    """[N, V] log-odds of the :data:`TENSE_QUALITIES`, of the likelier of fear and tension."""
    qualities = [chord_from_id(index).quality for index in range(VOCABULARY_SIZE)]
    fearful, tense = (
        torch.tensor([TENSE_QUALITIES[mood].get(name, 0.0) for name in qualities]).double()
        for mood in ("fearful", "tense")
    )
    is_fear = emotion[:, EMOTIONS.index("fearful")] > emotion[:, EMOTIONS.index("tense")]
    return torch.where(is_fear[:, None], fearful, tense)


def _minor_chords() -> Tensor:
    """[V] 1 for minor triads and the chords built on them."""
    qualities = (chord_from_id(index).quality for index in range(VOCABULARY_SIZE))
    return torch.tensor([name in MINOR_QUALITIES for name in qualities]).double()


def _dominant_bias(home: Key) -> Tensor:
    """[V] log-odds of chords that lead to the tonic (:data:`DOMINANT_ODDS`)."""
    bias = torch.zeros(VOCABULARY_SIZE, dtype=torch.float64)
    fourth = "maj" if home.mode == "major" else "min"
    for semitones, quality, odds in (
        (7, "maj", DOMINANT_ODDS), (7, "7", DOMINANT_ODDS), (5, fourth, SUBDOMINANT_ODDS),
        (2, "min7", WEAK_DOMINANT_ODDS), (10, "maj", WEAK_DOMINANT_ODDS),
    ):  # fmt: skip
        bias[Chord((home.tonic + semitones) % 12, quality).id] = odds
    bias[home.tonic_chord.id] = EARLY_TONIC_ODDS
    return bias
