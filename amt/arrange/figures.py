"""Figures: rhythms of a bar written as text, for bass and for chords.

A figure is one bar of 4/4 in sixteenths, with a space between beats, as in a drum tab:
``"r-.r ---- f-.. --a-"``. A letter or digit begins a note, ``-`` holds it and ``.`` is a rest.
Letters of the bass (:data:`BASS_SYMBOLS`) name notes of the chord, those of chords
(:data:`CHORD_SYMBOLS`) name which of its voices play. Bars of other lengths take the beats of the
figure group by group (:func:`bar_text`).

A style has figures for each rhythm of the texture (:data:`amt.arrange.textures.Rhythm`): from
``bar``, with about one onset a bar, to ``eighth``, the busiest. Where a rhythm has several figures,
every phrase draws one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from amt.arrange.metre import groups
from amt.arrange.textures import Rhythm
from amt.types import TICKS_PER_BEAT

STEPS = 4
"""Steps of a beat: sixteenths."""
BEATS = 4
"""Beats of a figure."""
STEP_TICKS = TICKS_PER_BEAT // STEPS

HOLD, REST = "-", "."

BASS_SYMBOLS = {
    "r": "the bass note of the chord, its root or third",
    "o": "an octave above it",
    "d": "an octave below it",
    "f": "the fifth, below if the range allows",
    "5": "the fifth above it, if the range allows",
    "t": "the third above it, a tenth if the range allows",
    "n": "the step of the key below it",
    "a": "a step of the key into the next bass note where the chord changes, else the fifth",
    "c": "a semitone into the next bass note where the chord changes, else the octave",
}
CHORD_SYMBOLS = {
    "x": "the whole chord",
    "d": "the whole chord, strummed downwards: from the lowest note",
    "u": "its upper voices, strummed upwards: from the highest note",
    "l": "the lower half of the voices",
    "h": "the upper half",
    "1": "the lowest voice",
    "2": "the second",
    "3": "the third",
    "4": "the fourth",
}
WHOLE = frozenset("xdu")
"""Symbols of chords that end whatever rings."""

Figures = Mapping[Rhythm, tuple[str, ...]]
"""Rhythm of the texture -> figures of 16 characters, without spaces."""

FIGURE_RHYTHMS: tuple[Rhythm, ...] = ("hold", "bar", "half", "beat", "eighth")

DEFAULT_BASS: Figures = {
    "hold": ("r" + HOLD * 15,),
    "bar": ("r" + HOLD * 15,),
    "half": ("r-------f-------",),
    "beat": ("r---f---r---a---", "r---r---f---a---", "r---f---o---a---", "r---r---o---a---"),
    "eighth": ("r-r-f-f-r-r-a-a-", "r-r-r-r-f-f-a-a-", "r-r-f-f-o-o-a-a-"),
}
"""Figures of a style that names none: roots and fifths that walk into the next root."""
PLAIN_CHORDS: Figures = {
    "hold": ("1-2-3-4---------",),
    "bar": ("1---2---3---4---",),
    "half": ("l---h---l---h---",),
    "beat": ("x---x---x---x---",),
    "eighth": ("x-x-x-x-x-x-x-x-",),
}
SYNCOPATED_CHORDS: Figures = {**PLAIN_CHORDS, "half": ("l---h-l---h-----",)}
"""The same with the second half of a bar anticipated by an eighth."""


class FigureNote(NamedTuple):
    """A note of a figure: times in steps from the beginning of the bar."""

    step: int
    symbol: str
    end: int


def read_figure(text: str, symbols: Mapping[str, str]) -> str:
    """Return a figure without its spaces.

    Raises:
        ValueError: it has not 16 steps, or a character that means nothing; the message is a
            sentence without its subject.
    """
    steps = text.replace(" ", "")
    if len(steps) != STEPS * BEATS:
        raise ValueError(
            f"has {len(steps)} steps, expected {STEPS * BEATS}: four sixteenths for each of four "
            "beats"
        )
    unknown = [step for step in steps if step not in symbols and step not in (HOLD, REST)]
    if unknown:
        raise ValueError(
            f"has {unknown[0]!r}, expected {' '.join(symbols)}, {HOLD} (held) or {REST} (rest)"
        )
    if steps[0] == HOLD:
        raise ValueError(f"begins with {HOLD}, but there is nothing yet to be held")
    return steps


@cache
def bar_text(figure: str, beats: int) -> str:
    """Return a figure for a bar of any number of beats.

    The first half of the figure is played in the first, third … group of the bar
    (:func:`amt.arrange.metre.groups`), the second half in the others; the third beat of a group of
    three is like its second.

    >>> bar_text("r---f---o---a---", 3)
    'r---f---f---'
    """
    if beats == BEATS:
        return figure
    by_beat = [figure[i : i + STEPS] for i in range(0, len(figure), STEPS)]
    chosen = [
        by_beat[2 * (number % 2) + min(beat, 1)]
        for number, size in enumerate(groups(beats))
        for beat in range(size)
    ]
    return "".join(chosen)


@cache
def figure_notes(text: str, *, rings: bool = False) -> tuple[FigureNote, ...]:
    """Return the notes of a figure; a note lasts to the next one or to a rest.

    Args:
        text: any number of steps.
        rings: whether voices ring on under others: a note of a part of the chord then lasts to the
            next whole chord, the next note of the same voice, or a rest.
    """
    notes = []
    for step, symbol in enumerate(text):
        if symbol in (HOLD, REST):
            continue
        ends = (
            end
            for end in range(step + 1, len(text))
            if text[end] != HOLD
            and not (rings and symbol not in WHOLE and text[end] not in {*WHOLE, REST, symbol})
        )
        notes.append(FigureNote(step, symbol, next(ends, len(text))))
    return tuple(notes)


def voices_of(symbol: str, pitches: Sequence[int]) -> tuple[int, ...]:
    """Return the pitches, of those of a chord in rising order, that a symbol plays."""
    middle = len(pitches) // 2
    if symbol == "l":
        return tuple(pitches[:middle])
    if symbol == "h":
        return tuple(pitches[middle:])
    if symbol == "u":
        return tuple(pitches[-3:])
    if symbol.isdigit():
        return tuple(pitches[int(symbol) - 1 : int(symbol)])
    return tuple(pitches)
