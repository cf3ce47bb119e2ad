"""The form of a piece: phrases that return, and the cadence that each aims at.

A piece is divided into phrases of about four bars inside its sections. Phrases of one label share
melody and chords (:mod:`amt.compose.degrees`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from amt.types import Cadence, Phrase, Section, TimeGrid

PHRASE_BARS = 4
"""Bars of a phrase, where a section has room (Caplin 1998, *Classical Form*)."""
CADENCES: Mapping[Cadence, float] = {"half": 0.4, "open": 0.3, "deceptive": 0.2, "authentic": 0.1}
"""Share of the phrases inside a section that aim at each cadence."""


def piece_phrases(
    grid: TimeGrid, sections: Sequence[Section], final_beat: int, rng: np.random.Generator
) -> tuple[Phrase, ...]:
    """The phrases of a piece.

    The last aims at an authentic cadence, one before a section at a half cadence, so that the
    section begins with its resolution.

    Args:
        grid: beats and bars.
        sections: that divide the piece.
        final_beat: on which the final chord begins; its bar belongs to the last phrase.
        rng: draws the other cadences.
    """
    downbeats = grid.downbeats.tolist()
    n_bars = max(1, downbeats.index(final_beat) + 1 if final_beat in downbeats else len(downbeats))
    starts = {downbeats.index(s.beat) for s in sections if s.beat in downbeats[:n_bars]} | {0}
    phrases = []
    for name, first, last in _labelled_spans(sorted(starts), n_bars):
        if last == n_bars:
            cadence: Cadence = "authentic"
        elif last in starts:
            cadence = "half"
        else:
            cadence = list(CADENCES)[int(rng.choice(len(CADENCES), p=list(CADENCES.values())))]
        phrases.append(Phrase(downbeats[first], name, cadence))
    return tuple(phrases)


def _labelled_spans(starts: Sequence[int], n_bars: int) -> Iterator[tuple[str, int, int]]:
    """Label, first bar and bar after the last of every phrase.

    Sections alternate between a first group of phrases and others, and end on the first where there
    are three or more (A B A, rondo); inside a section phrases go A A B A.
    """
    letters = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 100)
    first_letter = next(letters)
    edges = [*starts, n_bars]
    for number, (start, end) in enumerate(pairwise(edges)):
        returns = number % 2 == 0 or (number == len(starts) - 1 and number > 1)
        letter = first_letter if returns else next(letters)
        count = max(1, round((end - start) / PHRASE_BARS))
        bars = [*(start + PHRASE_BARS * i for i in range(count)), end]
        for i, (first, last) in enumerate(pairwise(bars)):
            yield next(letters) if i % 4 == 2 else letter, first, last
