"""Spans of time → notated values: types, dots, ties and triplets.

A span is divided where a reader must see the beat: a value may cross a position of the bar only if
it begins on one that is as strong, but a note without a dot may be a syncopation, such as the
quarter in eighth-quarter-eighth, where it crosses nothing stronger than its own pulse (Gould,
*Behind Bars*, 2011, on rhythm).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from amt.notation.bars import BEAT, EIGHTH, GROUP, Bar
from amt.notation.quantise import Grid
from amt.notation.voices import Chord
from amt.types import TICKS_PER_BEAT

TYPES = {
    7680: "long", 3840: "breve", 1920: "whole", 960: "half", 480: "quarter", 240: "eighth",
    120: "16th", 60: "32nd", 30: "64th", 15: "128th",
}  # fmt: skip
"""Ticks of values without dots."""
_DOTTED = {3 * ticks // 2: (name, 1) for ticks, name in TYPES.items() if ticks >= 30}
VALUES: dict[int, tuple[str, int]] = {t: (name, 0) for t, name in TYPES.items()} | _DOTTED
"""Ticks → (type, dots)."""
_TRIPLETS = {320: ("quarter", 0), 160: ("eighth", 0), 80: ("16th", 0), 40: ("32nd", 0)}
"""The same for values of which three take the time of two."""


class Span(NamedTuple):
    """A chord or a rest within a bar; positions are ticks from its start."""

    start: int
    end: int
    chord: Chord | None
    tied_from: bool = False
    """Whether it goes on from the bar before."""
    tied_to: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """One notated note, chord or rest."""

    start: int
    length: int
    kind: str
    dots: int
    chord: Chord | None
    tied_from: bool = False
    tied_to: bool = False
    tuplet: str = ""
    """Empty outside triplets, else ``start``, ``inside`` or ``stop``."""
    is_whole_bar: bool = False
    """Whether it is the rest of a whole bar."""


def spans_of(chords: Sequence[Chord], bar: Bar) -> list[Span]:
    """Return chords and rests that fill a bar, from the chords of a voice that sound in it."""
    spans: list[Span] = []
    now = 0
    for chord in chords:
        start, end = max(chord.start, bar.start), min(chord.end, bar.end)
        if start - bar.start > now:
            spans.append(Span(now, start - bar.start, None))
        now = end - bar.start
        spans.append(
            Span(
                start - bar.start, now, chord, chord.start < bar.start, chord.end > bar.end
            )
        )  # fmt: skip
    if now < bar.length:
        spans.append(Span(now, bar.length, None))
    return spans


def values_of(spans: Sequence[Span], bar: Bar, grid: Grid) -> list[Value]:
    """Return the notated values of a voice in a bar."""
    if len(spans) == 1 and spans[0].chord is None:
        return [Value(0, bar.length, "whole", 0, None, is_whole_bar=True)]
    edges = {span.start for span in spans}
    triplets = [
        start
        for start in range(0, bar.length, bar.beat)
        if grid.is_triplet(bar.start + start)
        and any(start < edge < start + bar.beat for edge in edges)
    ]
    return [value for span in spans for value in _tied(span, _pieces(span, bar, triplets))]


def _pieces(span: Span, bar: Bar, triplets: Sequence[int]) -> Iterator[Value]:
    """The values of a span, not yet tied."""
    now = span.start
    for beat in (*triplets, bar.length):
        end = beat + bar.beat if beat < bar.length else bar.length
        if now < min(beat, span.end):
            stop = min(beat, span.end)
            for start, length in divided(now, stop, bar, is_rest=span.chord is None):
                kind, dots = VALUES.get(length, ("64th", 0))
                yield Value(start, length, kind, dots, span.chord)
            now = stop
        if beat < bar.length and now < min(end, span.end):
            stop = min(end, span.end)
            yield from _triplet(now, stop, beat, end, span.chord)
            now = stop


def _triplet(start: int, stop: int, beat: int, end: int, chord: Chord | None) -> Iterator[Value]:
    """Values inside a beat that is divided into three."""
    while start < stop:
        length = next((t for t in _TRIPLETS if t <= stop - start), stop - start)
        if (start - beat) % 160 and length > 80:  # show the three parts
            length = min(length, 160 - (start - beat) % 160)
        kind, dots = _TRIPLETS.get(length, ("32nd", 0))
        tuplet = "start" if start == beat else "stop" if start + length == end else "inside"
        yield Value(start, length, kind, dots, chord, tuplet=tuplet)
        start += length


def _tied(span: Span, pieces: Iterator[Value]) -> Iterator[Value]:
    """Values of a span with their ties."""
    found = list(pieces)
    for index, value in enumerate(found):
        is_note = value.chord is not None
        yield Value(
            value.start, value.length, value.kind, value.dots, value.chord,
            tied_from=is_note and (index > 0 or span.tied_from),
            tied_to=is_note and (index < len(found) - 1 or span.tied_to),
            tuplet=value.tuplet,
        )  # fmt: skip


def divided(start: int, end: int, bar: Bar, *, is_rest: bool = False) -> list[tuple[int, int]]:
    """Return (position, length) of the values that stand for a span of a bar.

    >>> from amt.types import TimeSignature
    >>> bar = Bar(0, 1920, TimeSignature(0, 4))
    >>> divided(240, 720, bar), divided(720, 1200, bar)
    ([(240, 480)], [(720, 240), (960, 240)])
    """
    length = end - start
    if length <= 0:
        return []
    if length in VALUES and _is_readable(start, end, bar, is_rest=is_rest):
        return [(start, length)]
    at = _strongest(start, end, bar)
    if at is None:  # off every grid: the largest value that fits
        ticks = next((t for t in sorted(VALUES, reverse=True) if t <= length), length)
        return [(start, ticks), *divided(start + ticks, end, bar, is_rest=is_rest)]
    return [
        *divided(start, at, bar, is_rest=is_rest),
        *divided(at, end, bar, is_rest=is_rest),
    ]


def _is_readable(start: int, end: int, bar: Bar, *, is_rest: bool) -> bool:
    length = end - start
    dots = VALUES[length][1]
    at = _strongest(start, end, bar)
    if at is None:
        return True
    crossed = bar.strength(at)
    begins = bar.strength(start)
    if is_rest:
        return begins > crossed and (not dots or length == bar.beat)
    if begins >= crossed:
        return not dots or begins > crossed or length >= bar.beat
    if dots:  # a sixteenth and a dotted eighth
        return 4 * length == 3 * bar.beat and end % bar.beat == 0
    half = length // 2
    is_syncopated = start % half == 0 and half < bar.length
    most = GROUP if length >= 960 else BEAT if bar.beat == TICKS_PER_BEAT else EIGHTH
    return is_syncopated and crossed <= min(bar.strength(half) + 1, most)


def _strongest(start: int, end: int, bar: Bar) -> int | None:
    """The strongest position inside a span; of equal ones the first, off the grid none."""
    for step in (bar.beat, 240, 120, 60, 30):
        first = start - start % step + step
        inside: list[int] = [p for p in (*range(first, end, step), *bar.groups) if start < p < end]
        if inside:
            return min(inside, key=lambda p: (-bar.strength(p), p))
    return None
