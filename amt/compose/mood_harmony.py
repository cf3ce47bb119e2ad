"""How harmony differs from mood to mood: rhythm, degrees, and chords from outside the key.

Sources: Gabrielsson & Lindström (2010) review what harmony expresses: consonant chords for
calm and joy, dissonance for fear and tension; slow harmony goes with sadness and rest. Juslin &
Laukka (2004) list slow tempo and minor for sadness, ambiguity and sharp contrast for fear. Lehman
(2018, *Hollywood Harmony*) describes film music's chords from outside the key: triads a third or a
tritone from the tonic that share no scale with it for fear and wonder, the lowered seventh of
heroic music, the minor fourth degree of melancholy. The shares were set by hand;
``python -m experiments.evaluate music`` counts such chords beside those of POP909.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from amt.chords import Mode

HarmonicRhythm = Literal["slow", "bar", "lively", "busy"]
CHANGES_OF_BAR: Mapping[HarmonicRhythm, tuple[int, ...]] = {
    "slow": (1, 0), "bar": (1,), "lively": (1, 2, 1, 1), "busy": (2,),
}  # fmt: skip
"""Chord changes of the bars of a phrase, over and over: 0 keeps the chord of the bar before."""


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A chord from outside the key, and the degree of the key in whose place it stands."""

    instead_of: int
    degree: int
    qualities: tuple[str, ...]
    after: bool = False
    """Whether it follows the chord of the key in the second half of its time (IV-iv), rather than
    taking its place."""


@dataclass(frozen=True, slots=True)
class MoodHarmony:
    """The harmony of one mood."""

    rhythms: Mapping[HarmonicRhythm, float]
    """Share of the phrases that have each harmonic rhythm."""
    preference: Mapping[Mode, Mapping[int, float]] = field(default_factory=dict)
    """Degree -> factor of its chance, by mode."""
    loops: float = 0.8
    """Chance that the phrases of a new label go through the degrees of the phrase before them, as
    verse and chorus over one loop do. Chosen on drawn films (seeds 400 to 411 of
    :mod:`experiments.music.films`) for the share of chords that are the one four changes before."""
    applied: float = 0.0
    """Chance that a phrase has a secondary dominant; chances above 1 stand for more than one."""
    borrowed: float = 0.0
    """Chance that a phrase has a chord from outside the key; see ``applied``."""
    borrowings: Mapping[Mode, tuple[Borrowed, ...]] = field(default_factory=dict)
    pedal: float = 0.0
    """Chance that a phrase has a pedal point."""
    plagal: bool = False
    """Whether phrases inside the piece close on IV-I rather than on V-I."""
    dominants: tuple[str, ...] = ("maj", "7")
    """Qualities of the dominants of cadences, in minor too: the leading tone is what leads. Calm
    music does without their sevenths, which press on."""
    suspended: bool = False
    """Whether the dominant of a half cadence begins with its fourth (sus4)."""


_MINOR_FOURTH = Borrowed(5, 5, ("min", "min6"), after=True)
_LOWERED_SEVENTH = Borrowed(7, 10, ("maj",))
_LOWERED_SIXTH = Borrowed(9, 8, ("maj", "maj7"))
_NEAPOLITAN = Borrowed(5, 1, ("maj", "maj7"))
_MAJOR_FOURTH = Borrowed(5, 5, ("maj", "7"))
_FEARFUL = (
    Borrowed(5, 6, ("min",)), Borrowed(8, 8, ("min",)), Borrowed(3, 3, ("min",)),
    Borrowed(10, 1, ("maj",)), Borrowed(7, 11, ("dim7", "dim")), Borrowed(10, 6, ("min", "dim")),
)  # fmt: skip
"""From the minor tonic: triads a tritone and a third away with the tonic's own quality (Lehman's
T6, m8m and m3m), the Neapolitan, and the diminished chord on the leading tone."""
_FEARFUL_MAJOR = (
    Borrowed(5, 6, ("maj", "min")), Borrowed(9, 8, ("min", "maj")), Borrowed(4, 3, ("maj", "min")),
    Borrowed(7, 11, ("dim7", "dim")), Borrowed(2, 1, ("maj",)),
)  # fmt: skip

MOOD_HARMONY: Mapping[str, MoodHarmony] = {
    "exciting": MoodHarmony(
        rhythms={"bar": 0.45, "lively": 0.05, "busy": 0.5},
        preference={"major": {5: 1.8, 7: 1.5, 4: 0.4}, "minor": {10: 1.7, 8: 1.5, 7: 0.6}},
        applied=0.25,
        borrowed=0.35,
        borrowings={"major": (_LOWERED_SEVENTH, _LOWERED_SIXTH), "minor": (_MAJOR_FOURTH,)},
    ),
    "fearful": MoodHarmony(
        rhythms={"slow": 0.15, "bar": 0.8, "lively": 0.05},
        preference={"minor": {8: 1.3, 10: 0.5}},
        loops=0.0,
        borrowed=1.5,
        borrowings={"major": _FEARFUL_MAJOR, "minor": _FEARFUL},
        pedal=0.2,
    ),
    "tense": MoodHarmony(
        rhythms={"bar": 0.6, "lively": 0.1, "busy": 0.3},
        preference={"major": {7: 1.6, 2: 1.5}, "minor": {7: 1.8, 5: 1.5, 3: 0.4}},
        applied=0.25,
        borrowed=0.3,
        borrowings={"major": (_MINOR_FOURTH, _LOWERED_SIXTH), "minor": (_NEAPOLITAN,)},
        pedal=0.6,
        suspended=True,
    ),
    "sad": MoodHarmony(
        rhythms={"slow": 0.1, "bar": 0.85, "lively": 0.05},
        preference={"major": {5: 1.5, 9: 1.3}, "minor": {5: 1.8, 8: 1.4, 10: 0.7}},
        applied=0.1,
        borrowed=0.25,
        borrowings={"major": (_MINOR_FOURTH,), "minor": (_NEAPOLITAN,)},
        plagal=True,
        suspended=True,
    ),
    "relaxing": MoodHarmony(
        rhythms={"slow": 0.1, "bar": 0.85, "lively": 0.05},
        preference={"major": {5: 1.6, 9: 1.2, 7: 0.7}, "minor": {8: 1.3, 3: 1.3}},
        borrowed=0.6,
        borrowings={"major": (_MINOR_FOURTH, _LOWERED_SIXTH), "minor": (_MAJOR_FOURTH,)},
        plagal=True,
        dominants=("maj",),
    ),
    "neutral": MoodHarmony(
        rhythms={"bar": 0.65, "lively": 0.1, "busy": 0.25},
        applied=0.2,
        borrowed=0.1,
        borrowings={"major": (_MINOR_FOURTH, _LOWERED_SEVENTH), "minor": (_MAJOR_FOURTH,)},
    ),
}  # fmt: skip
