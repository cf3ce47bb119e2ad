"""Bars of a score: where they lie, their beats, and how strong each position in them is.

Ticks are those of :mod:`amt.types`: 480 to a quarter note. A beat is a quarter note in metres of
quarters and halves, a dotted quarter in compound metres (6/8, 9/8, 12/8), else the metre's unit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from amt.types import TICKS_PER_BEAT, Song, TimeSignature

WHOLE = 4 * TICKS_PER_BEAT
"""Ticks of a whole note."""
BAR, GROUP, BEAT, EIGHTH, SIXTEENTH, FINER = 5, 4, 3, 2, 1, 0
"""Strength of a position: bar line, group of beats, beat, and parts of a beat."""
_GROUPS = {4: (2,), 5: (3,), 6: (3,), 7: (4,), 8: (4,)}
"""Beats before which a bar of that many quarters is divided into halves that are seen."""


@dataclass(frozen=True)
class Bar:
    """A bar; positions in it are ticks from its start."""

    start: int
    length: int
    """Less than the metre's where a new metre cuts it short."""
    signature: TimeSignature

    @property
    def end(self) -> int:
        """Tick of the bar line behind it."""
        return self.start + self.length

    @property
    def is_whole(self) -> bool:
        """Whether it is as long as its metre says."""
        return self.length == bar_length(self.signature)

    @cached_property
    def beat(self) -> int:
        """Ticks of a beat."""
        upper, unit = self.signature.numerator, self.signature.denominator
        ticks = WHOLE // unit
        if unit >= 8 and upper % 3 == 0 and upper > 3:
            return 3 * ticks
        return min(ticks, TICKS_PER_BEAT)

    @cached_property
    def groups(self) -> frozenset[int]:
        """Positions that divide the bar visibly."""
        upper, unit = self.signature.numerator, self.signature.denominator
        if unit == 4:
            return frozenset(n * TICKS_PER_BEAT for n in _GROUPS.get(upper, ()))
        if unit == 2:
            return frozenset(range(2 * TICKS_PER_BEAT, self.length, 2 * TICKS_PER_BEAT))
        return frozenset((6 * TICKS_PER_BEAT // 2,)) if (upper, unit) == (12, 8) else frozenset()

    def strength(self, position: int) -> int:
        """Strength of a position."""
        if position in (0, self.length):
            return BAR
        if position in self.groups:
            return GROUP
        if position % self.beat == 0:
            return BEAT
        for strength, ticks in ((EIGHTH, 240), (SIXTEENTH, 120)):
            if position % ticks == 0 and ticks < self.beat:
                return strength
        return FINER


def bar_length(signature: TimeSignature) -> int:
    """Ticks of a whole bar."""
    return signature.numerator * WHOLE // signature.denominator


def bars_of(song: Song) -> tuple[Bar, ...]:
    """Return the bars of a song; the last is whole, though the music may end within it."""
    bars: list[Bar] = []
    changes = [s.tick for s in song.time_signatures[1:]] + [None]
    for signature, following in zip(song.time_signatures, changes, strict=True):
        whole, tick = bar_length(signature), signature.tick
        end = song.end if following is None else min(following, song.end)
        while tick < end:
            length = whole if following is None else min(whole, following - tick)
            bars.append(Bar(tick, length, signature))
            tick += length
    return tuple(bars)


class BarLines:
    """Finds the bar of a tick."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self._bars = bars
        self._starts = [bar.start for bar in bars]

    def index(self, tick: int) -> int:
        """Index of the bar that holds a tick; the last for those behind."""
        return max(bisect_right(self._starts, tick) - 1, 0)

    def beat_at(self, tick: int) -> tuple[int, int]:
        """Start and end of the beat that holds a tick; a cut bar may cut its last beat."""
        bar = self._bars[self.index(tick)]
        start = tick - (tick - bar.start) % bar.beat
        end = start + bar.beat
        return start, end if tick >= bar.end else min(end, bar.end)
