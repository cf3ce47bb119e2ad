"""The shape of a melody: phrases that breathe, a climax, and an ending on the tonic."""

from __future__ import annotations

import numpy as np

from amt.arrange.theme_bars import (
    ThemeContext,
    by_bar_of,
    joined,
    nearest,
    sequenced,
    stepped,
)
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION
from amt.types import IntArray

PHRASE_BARS = 4
"""Bars after which a longer phrase takes a breath, too."""
BREATH = RESOLUTION // 2
"""Positions of rest at least at the end of a phrase: half a beat."""
LAST_ONSET = 0.63
"""Share of the last bar of a phrase after which no note begins: half a beat after the middle of a
bar of four. Set by hand so that the last half-bars of phrases have some 60 % of the onsets of
others; people's have 75 to 85 %."""
FIRST_RISE, LAST_RISE, LONE_RISE = 3, 7, 5
"""Steps of the scale by which the first and the last phrase of the loudest section lie higher than
written, a fourth and an octave, and those of a section of one phrase, a sixth."""


def with_breaths(melody: IntArray, context: ThemeContext) -> IntArray:
    """Every phrase ends on a note that is held from the third quarter of its last bar, then a rest.

    A longer one than :data:`PHRASE_BARS` does so after as many bars, too.
    """
    edges = context.edges
    kept = []
    ends = {
        end for first, last, _ in context.phrases for end in {min(first + PHRASE_BARS, last), last}
    }
    for bar, notes in enumerate(by_bar_of(melody, context)):
        if bar + 1 not in ends or not len(notes):
            kept.append(notes)
            continue
        latest = edges[bar] + LAST_ONSET * (edges[bar + 1] - edges[bar])
        both = notes[notes[:, ONSET] <= latest]
        both = both if len(both) else notes[:1].copy()
        room = edges[bar + 1] - BREATH - both[:, ONSET]
        both[:, DURATION] = np.clip(both[:, DURATION], 1, np.maximum(room, 1))
        if room[-1] > 0:
            both[-1, DURATION] = room[-1]
        kept.append(both)
    return joined(kept)


def with_climax(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody of the loudest section higher, phrase by phrase up to an octave.

    A phrase is raised in steps of the scale, as far as the instrument reaches; of its notes those
    that then clash with their chords are moved, and no others, so that a theme keeps its contour.
    """
    if context.climax is None:
        return melody
    by_bar = by_bar_of(melody, context)
    begin, end = context.climax
    spans = [
        (max(first, begin), min(last, end))
        for first, last, _ in context.phrases
        if first < end and last > begin
    ]
    rises = np.linspace(FIRST_RISE, LAST_RISE, len(spans)) if len(spans) > 1 else [LONE_RISE]
    for (first, last), rise in zip(spans, rises, strict=True):
        top = max((int(p) for bar in by_bar[first:last] for p in bar[:, PITCH]), default=0)
        scale = context.scale(first)
        reached = (
            n for n in range(round(float(rise)), 0, -1) if stepped(top, n, scale) <= context.high
        )
        steps = next(reached, 0)
        for bar in range(first, last):
            by_bar[bar] = sequenced(by_bar[bar], bar, steps, context)
    return joined(by_bar)


def ending_on_tonic(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody ends on the tonic, with the final chord where it plays as far as that."""
    if not len(melody):
        return melody
    at_end = melody[:, ONSET] >= context.ending
    ended = np.concatenate([melody[~at_end], melody[at_end][:1]])
    if at_end.any():
        until = context.ending - ended[:-1, ONSET]
        ended[:-1, DURATION] = np.minimum(ended[:-1, DURATION], until)
        ended[-1, ONSET] = context.ending
        ended[-1, DURATION] = context.edges[-1] - context.ending
    ended[-1, PITCH] = nearest(int(ended[-1, PITCH]), (context.tonic,), context)
    return ended
