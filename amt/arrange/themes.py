"""The melody as themes: phrases that return, breathe, rise to a climax, and end on the tonic.

The network writes a melody bar by bar and seldom comes back to one. Here the plan's form is laid
over its notes: a phrase with the label of an earlier one takes over its melody, adapted to its own
chords; in a section that brings a theme back, some bars are varied and the head of the theme
is not, so that it is recognised; every phrase ends with a note that is held and a rest (Huron 2006:
phrases end with longer notes); the loudest section rises in steps to an octave above its theme; the
last note is the tonic.

Conventions: notes are integers [n, 5] as :mod:`amt.models.notes.tokens` has them, of the melody
alone, sorted by onset, in the home key. Positions are twelfths of a beat.
"""

from __future__ import annotations

from collections.abc import Sequence

from amt.arrange.melody_shape import ending_on_tonic, with_breaths, with_climax
from amt.arrange.theme_bars import (
    OCTAVE,
    ThemeContext,
    by_bar_of,
    in_rhythm,
    joined,
    moved_bar,
    ornamented,
    sequenced,
)
from amt.models.notes.tokens import PITCH
from amt.types import IntArray

PHRASE_BARS = 4
"""Bars of a phrase from which on it has a basic idea and its second statement."""
THEME_NOTES = (3, 8)
"""Notes of a bar of a theme: fewer have no rhythm, more no shape that is remembered."""
HEAD_PITCHES, SEQUENCE = 3, 2
"""Pitches that the first two bars of a theme have at least, and steps of the scale by which its
second bar is raised if they have not: a third. Of POP909's pairs of bars with four notes or more
2 % have fewer pitches."""


def shaped(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody with returning phrases, breaths, a climax and an ending on the tonic."""
    if not len(melody):
        return melody
    melody = with_returns(melody, context)
    melody = with_breaths(melody, context)
    melody = with_climax(melody, context)
    return ending_on_tonic(melody, context)


def with_returns(melody: IntArray, context: ThemeContext) -> IntArray:
    """Phrases of a label share one melody, the theme: that of the phrase that has most of one.

    Their last bars settle on the tones of their own chords, as cadences differ. Where the section
    brings its theme back, they are varied (:func:`_varied`). In a theme of four bars or more the
    third bar takes over the melody of the first, as the second statement of a basic idea (Caplin
    1998, the sentence), and every second bar of a contrasting theme has the rhythm of the first
    one. Notes on strong beats, and long ones, that are a semitone from a tone of the new chord move
    to its nearest tone; others are its sixths, sevenths and ninths.
    """
    by_bar = [
        bar[:0] if i in context.resting else bar for i, bar in enumerate(by_bar_of(melody, context))
    ]
    themes = _themes(by_bar, context)
    pattern = _pattern_bar(by_bar, next(iter(themes.values()), (0, 0)))
    for first, last in themes.values():
        _enliven(by_bar, first, last, context)
    for number, (first, last) in enumerate(themes.values()):
        if number and pattern is not None:
            _relate(by_bar, pattern, range(first + 1, last, 2), context)
        _repeat_idea(by_bar, first, last, context)
    for number, (first, last, label) in enumerate(context.phrases):
        if label in themes and themes[label] != (first, last):
            times = context.returns[number] if context.returns else 0
            _take_over(by_bar, themes[label], (first, last), times, context)
    return joined(by_bar)


def _themes(by_bar: Sequence[IntArray], context: ThemeContext) -> dict[str, tuple[int, int]]:
    """Label -> first bar, and bar after the last, of the phrase that is its theme.

    It is the first of those that have most bars, up to four, and of these most of
    :data:`THEME_NOTES`.
    """
    best: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}
    low, high = THEME_NOTES
    for first, last, label in context.phrases:
        counts = [len(notes) for notes in by_bar[first : min(first + PHRASE_BARS, last)]]
        worth = len(counts), sum(low <= count <= high for count in counts)
        if any(counts) and (label not in best or worth > best[label][0]):
            best[label] = worth, (first, last)
    return {label: span for label, (_, span) in best.items()}


def _enliven(by_bar: list[IntArray], first: int, last: int, context: ThemeContext) -> None:
    """Give the head of a theme that dwells on one or two pitches a third; changes ``by_bar``.

    Its second bar with melody lies :data:`SEQUENCE` steps higher, as in a sequence.
    """
    head = [bar for bar in range(first, min(last, first + PHRASE_BARS)) if len(by_bar[bar])][:2]
    pitches = {int(pitch) for bar in head for pitch in by_bar[bar][:, PITCH]}
    fixed = any(bar in context.rewritten for bar in head)
    if len(head) == 2 and len(pitches) < HEAD_PITCHES and not fixed:
        by_bar[head[1]] = sequenced(by_bar[head[1]], head[1], SEQUENCE, context)


def _pattern_bar(by_bar: Sequence[IntArray], theme: tuple[int, int]) -> int | None:
    """The first bar of a theme that has :data:`THEME_NOTES`, else the one with most notes."""
    low, high = THEME_NOTES
    bars = range(*theme)
    fuller = (bar for bar in bars if low <= len(by_bar[bar]) <= high)
    return next(fuller, max(bars, key=lambda bar: len(by_bar[bar]), default=None))


def _relate(by_bar: list[IntArray], opening: int, bars: range, context: ThemeContext) -> None:
    """Give some bars the rhythm of the first bar with melody; changes ``by_bar``."""
    for bar in bars:
        if len(by_bar[bar]) and bar not in context.rewritten:
            by_bar[bar] = in_rhythm(by_bar[bar], by_bar[opening], opening, bar, context)


def _repeat_idea(by_bar: list[IntArray], first: int, last: int, context: ThemeContext) -> None:
    """Repeat the first bar of a phrase as its third, and the first four from the fifth on.

    The last bar stays; ``by_bar`` changes.
    """
    if last - first < PHRASE_BARS:
        return
    pairs = [(first, first + 2), *((bar - PHRASE_BARS, bar) for bar in range(first + 4, last - 1))]
    for old, new in pairs:
        if len(by_bar[old]) and new not in context.rewritten:
            by_bar[new] = moved_bar(by_bar[old], old, new, context)


def _take_over(
    by_bar: list[IntArray],
    source: tuple[int, int],
    span: tuple[int, int],
    times: int,
    context: ThemeContext,
) -> None:
    """Give a phrase the melody of an earlier one; changes ``by_bar``.

    Args:
        by_bar: the notes of every bar.
        source: first bar of the earlier phrase, and bar after its last.
        span: those of the phrase.
        times: how often its theme came before.
        context: of the piece.
    """
    n_bars = min(source[1] - source[0], PHRASE_BARS)
    for new in range(*span):
        place = new - span[0]
        old = source[0] + (place if source[0] + place < source[1] else place % n_bars)
        is_end = new == span[1] - 1 or old == source[1] - 1
        if len(by_bar[old]) and new not in context.rewritten and new not in context.resting:
            moved = moved_bar(by_bar[old], old, new, context, settles=is_end)
            is_repeat = place % PHRASE_BARS == 2
            by_bar[new] = _varied(moved, times, context.scale(new) if is_repeat else ())


def _varied(notes: IntArray, times: int, scale: Sequence[int]) -> IntArray:
    """A bar of a theme that returns: ornamented at first, then an octave lower, then both.

    Args:
        notes: of the bar.
        times: how often the theme came before; 0 leaves the notes as they are.
        scale: of its key, where it is the third bar of four; others are not ornamented: ().
    """
    if times >= 2:
        notes = notes.copy()
        notes[:, PITCH] -= OCTAVE
    return ornamented(notes, scale) if times % 2 == 1 and scale else notes
