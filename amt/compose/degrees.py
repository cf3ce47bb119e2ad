"""The chord degrees of a piece: where the harmony of every phrase goes.

Phrases of one label go through the same degrees up to their cadences. The *degree* of a chord is
the distance of its root above the tonic in semitones, 0-11. Degrees are a suggestion:
:mod:`amt.compose.harmony` turns them into log-odds, and the composer chooses chords inside them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from amt.chords import Mode
from amt.compose.grid import Slot
from amt.compose.phrases import PHRASE_BARS
from amt.types import Cadence, Phrase

NEXT_DEGREE: Mapping[Mode, Mapping[int, Mapping[int, float]]] = {
    "major": {
        0: {7: 26, 5: 26, 9: 21, 2: 15, 4: 9},
        2: {7: 70, 0: 9, 5: 8, 4: 7},
        4: {9: 56, 5: 25, 2: 13},
        5: {7: 43, 0: 33, 4: 12, 2: 6},
        7: {0: 53, 9: 21, 5: 13, 4: 8},
        9: {2: 31, 5: 28, 7: 16, 4: 13, 0: 9},
    },
    "minor": {
        0: {5: 29, 8: 27, 10: 16, 7: 16, 3: 9},
        3: {0: 28, 5: 23, 10: 18, 8: 15, 7: 14},
        5: {10: 32, 7: 31, 0: 19, 8: 9, 3: 6},
        7: {0: 65, 8: 17, 5: 10},
        8: {10: 51, 7: 18, 3: 12, 0: 8, 5: 8},
        10: {0: 37, 3: 31, 8: 13, 7: 13, 5: 5},
    },
}
"""Degree -> degrees that follow it, in percent of the changes of root in POP909's songs 001-849."""
TONIC, FOURTH, DOMINANT = 0, 5, 7
SIXTH: Mapping[Mode, int] = {"major": 9, "minor": 8}
PREPARING: Mapping[Mode, tuple[int, ...]] = {"major": (2, 5), "minor": (5, 8)}
"""Degrees that lead to the dominant, the first preferred."""
CONTRASTING: Mapping[Mode, tuple[int, ...]] = {"major": (5, 9, 2, 4), "minor": (8, 3, 5, 10)}
"""Degrees on which a phrase begins that contrasts with the first."""
CANDIDATES = 24
"""Walks that are drawn for a phrase, of which the one that repeats itself least is taken."""
NOVELTY = 0.5
"""What a degree that is new to the phrase, and one that is new to the piece, is worth against a
degree that returns after two or three changes."""


def slot_degrees(
    phrases: Sequence[Phrase],
    section_beats: Collection[int],
    slots: Sequence[Slot],
    final_slot: int,
    mode: Mode,
    rng: np.random.Generator,
) -> tuple[int, ...]:
    """The degree of every chord slot.

    Args:
        phrases: of the piece, the first on beat 0.
        section_beats: first beats of sections, where a new phrase resolves the one before.
        slots: N half-bars.
        final_slot: index of the first slot of the final chord, which is on the tonic.
        mode: of the key.
        rng: draws the degrees.
    """
    walks: dict[str, tuple[int, ...]] = {}
    degrees: list[int] = []
    beats = [phrase.beat for phrase in phrases]
    bars = [i for i, slot in enumerate(slots) if slot.begins_bar]
    firsts = [next(n for n, i in enumerate(bars) if slots[i].beat == beat) for beat in beats]
    lasts = [*firsts[1:], bars.index(final_slot) + 1 if final_slot in bars else len(bars)]
    for phrase, first, last in zip(phrases, firsts, lasts, strict=True):
        if phrase.label not in walks:
            arrivals = (TONIC, SIXTH[mode]) if walks else (TONIC,)
            starts = arrivals if phrase.beat in section_beats else CONTRASTING[mode]
            drawn = [_walk(int(rng.choice(starts)), mode, rng) for _ in range(CANDIDATES)]
            used = {degree for walk in walks.values() for degree in walk}
            costs = [
                _repetition(degrees, _half_bars(walk, last - first, phrase.cadence, mode), used)
                for walk in drawn
            ]
            walks[phrase.label] = drawn[int(np.argmin(costs))]
        halves = _half_bars(walks[phrase.label], last - first, phrase.cadence, mode)
        for number, bar in enumerate(range(first, last)):
            n_slots = (bars[bar + 1] if bar + 1 < len(bars) else len(slots)) - bars[bar]
            pair = halves[2 * number : 2 * number + 2]
            degrees += [pair[1]] if n_slots == 1 else [*pair, *[pair[1]] * (n_slots - 2)]
    return (*degrees[:final_slot], *[TONIC] * (len(slots) - final_slot))


def _half_bars(walk: Sequence[int], n_bars: int, cadence: Cadence, mode: Mode) -> list[int]:
    """Degrees of the half-bars of a phrase; harmony quickens towards a full cadence."""
    halves = [walk[bar % len(walk)] for bar in range(n_bars) for _ in range(2)]
    if cadence == "half":
        halves[-2:] = [DOMINANT, DOMINANT]
        if n_bars > 1 and halves[-3] == DOMINANT:
            halves[-4:-2] = [FOURTH, FOURTH]
    elif cadence != "open" and n_bars > 1:
        arrival = TONIC if cadence == "authentic" else SIXTH[mode]
        preparation = next(d for d in PREPARING[mode] if d != halves[-5 % len(halves)])
        halves[-4:] = [preparation, DOMINANT, arrival, arrival]
    return halves


def _repetition(before: Sequence[int], phrase: Sequence[int], used: Collection[int]) -> float:
    """How soon degrees return in a phrase after those before it, less the degrees that are new."""
    line = _changes([*before, *phrase])[-2 * PHRASE_BARS :]
    soon = sum(line[i] == line[i - lag] for lag in (2, 3) for i in range(lag, len(line)))
    return soon - NOVELTY * (len(set(phrase)) + len(set(phrase) - set(used)))


def _walk(start: int, mode: Mode, rng: np.random.Generator) -> tuple[int, ...]:
    """A degree for each bar of a phrase, at random after :data:`NEXT_DEGREE`."""
    line = [start]
    while len(line) < PHRASE_BARS:
        following = NEXT_DEGREE[mode][line[-1]]
        weights = np.array(list(following.values()))
        line.append(int(rng.choice(list(following), p=weights / weights.sum())))
    return tuple(line)


def _changes(line: Sequence[int]) -> list[int]:
    return [degree for i, degree in enumerate(line) if i == 0 or degree != line[i - 1]]
