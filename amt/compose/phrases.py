"""The form of a piece: phrases that return, and the cadence that each aims at.

A piece is divided into phrases of about four bars inside its sections. Phrases of one label share
melody and chords (:mod:`amt.compose.degrees`). The labels of phrases are the letter of their
section in lower case and a number: a1, a2, b1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from amt.compose.sections import CODA, INTRO
from amt.types import Cadence, Phrase, Section, TimeGrid

PHRASE_BARS = 4
"""Bars of a phrase, where a section has room (Caplin 1998, *Classical Form*)."""
CADENCES: Mapping[Cadence, float] = {"half": 0.4, "open": 0.3, "deceptive": 0.2, "authentic": 0.1}
"""Share of the phrases inside a section that aim at each cadence."""
ENDS = (INTRO, CODA)


def piece_phrases(
    grid: TimeGrid, sections: Sequence[Section], final_beat: int, rng: np.random.Generator
) -> tuple[Phrase, ...]:
    """The phrases of a piece.

    The last aims at an authentic cadence, one before a section at a half cadence, so that the
    section begins with its resolution.

    Args:
        grid: beats and bars.
        sections: that divide the piece; their letters are those of their phrases.
        final_beat: on which the final chord begins; its bar belongs to the last phrase.
        rng: draws the other cadences.
    """
    downbeats = grid.downbeats.tolist()
    n_bars = max(1, downbeats.index(final_beat) + 1 if final_beat in downbeats else len(downbeats))
    labels = {
        downbeats.index(s.beat): s.label or _by_place(i, len(sections))
        for i, s in enumerate(sections)
        if s.beat in downbeats[:n_bars]
    }
    labels.setdefault(0, "A")
    starts = sorted(labels)
    phrases = []
    for name, first, last in _labelled_spans(starts, [labels[bar] for bar in starts], n_bars):
        if last == n_bars:
            cadence: Cadence = "authentic"
        elif last in starts:
            cadence = "half"
        else:
            cadence = list(CADENCES)[int(rng.choice(len(CADENCES), p=list(CADENCES.values())))]
        phrases.append(Phrase(downbeats[first], name, cadence))
    return tuple(phrases)


def _labelled_spans(
    starts: Sequence[int], labels: Sequence[str], n_bars: int
) -> Iterator[tuple[str, int, int]]:
    """Label, first bar and bar after the last of every phrase.

    A section with the letter A has the phrases a1 a1 a2 a1, and so on. Introduction and coda are
    made of the first phrase of the piece.
    """
    edges = [*starts, n_bars]
    main = next((label for label in labels if label not in ENDS), "A")
    for label, (start, end) in zip(labels, pairwise(edges), strict=True):
        letter = (main if label in ENDS else label).rstrip("'").lower()
        count = max(1, round((end - start) / PHRASE_BARS))
        bars = [*(start + PHRASE_BARS * i for i in range(count)), end]
        for i, (first, last) in enumerate(pairwise(bars)):
            yield f"{letter}{2 if i % 4 == 2 else 1}", first, last


def _by_place(number: int, count: int) -> str:
    """The letter of a section that has no label: every second one and the last return to A."""
    returns = number % 2 == 0 or (number == count - 1 and number > 1)
    return "A" if returns else chr(66 + number // 2 % 25)
