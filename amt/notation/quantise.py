"""Played notes → notes on the grid of a score.

Each beat of a part gets the grid that costs least: squared distances of its onsets in units of
:data:`_SIGMA`, plus a price for finer grids and triplets, as in a Gaussian error model with a prior
on subdivisions (Cemgil, Desain & Kappen, *Computer Music Journal* 24, 2000). Lengths are then set
for reading: a note that nearly reaches the next lasts to it, so that there are no tiny rests.
Swing is taken out first, where the eighths of a piece agree on one, and stated in words instead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from amt.notation.bars import BarLines
from amt.types import TICKS_PER_BEAT, Note

_SIGMA = 20.0
"""Ticks (21 ms at 120 BPM) of a usual distance from the grid. Set by hand."""
_GRIDS = {480: 0.0, 240: 0.0, 120: 1.0, 160: 2.0, 60: 5.0, 80: 7.0, 720: 0.0, 360: 4.0}
"""Step in ticks → price. Set by hand: 320 alone is a triplet, 278 a late eighth."""
_EXACT, _PLAYED = 5.0, 2.5
"""Ticks up to which onsets count as quantised; else a grid costs that many times its price, since
played notes seldom are thirty-seconds."""
TRIPLET_STEPS = (160, 80)
"""Steps that a beat of 480 ticks takes only as a triplet."""
_FILLED = 0.6
"""Share of the time to the next onset from which a note lasts to it."""
_MOST_FILL = TICKS_PER_BEAT
"""Longest gap that is filled."""
_LEAST_SWING, _MOST_SWING = 252, 340
"""In-beat positions of the second eighth that count as swing: from 52.5 % to 71 %."""
_LEAST_ONSETS = 8
"""Second eighths that must agree on a swing."""
_SPREAD = 14.0
"""Ticks between the quartiles of second eighths at most, where they agree."""
_VALUES = (60, 120, 240, 360, 480, 720, 960, 1440, 1920)
"""Lengths that a note gets that stops well before the next."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The step of every beat of a part that has onsets."""

    lines: BarLines
    steps: dict[int, int]
    """First tick of the beat → ticks of a step."""

    def is_triplet(self, beat: int) -> bool:
        """Whether the beat that starts on a tick is divided into three."""
        return self.steps.get(beat) in TRIPLET_STEPS

    def snap(self, tick: int) -> int:
        """The nearest position at which a note may end: a sixteenth, or finer where onsets are."""
        start, end = self.lines.beat_at(tick)
        step = self.steps.get(start, 120)
        return self._nearest(tick, start, end, step if self.is_triplet(start) else min(step, 120))

    def is_meant(self, tick: int) -> bool:
        """Whether a note that ends on a tick is meant to: on an eighth or a part of a triplet."""
        start, end = self.lines.beat_at(tick)
        steps = (160, end - start) if self.is_triplet(start) else (240, end - start)
        return any((tick - start) % step == 0 for step in steps)

    def snap_onset(self, tick: int) -> int:
        """The nearest position at which a note may begin."""
        start, end = self.lines.beat_at(tick)
        return self._nearest(tick, start, end, self.steps[start])

    @staticmethod
    def _nearest(tick: int, start: int, end: int, step: int) -> int:
        return min(start + round((tick - start) / step) * step, end)


def swing_of(notes: Iterable[Note]) -> int:
    """Return the in-beat tick of the second eighth, 240 where there is no swing."""
    positions = np.array([note.start % TICKS_PER_BEAT for note in notes])
    late = positions[(positions >= 200) & (positions <= _MOST_SWING)]
    thirds = ((positions >= 145) & (positions <= 175)).sum()
    if len(late) < _LEAST_ONSETS or thirds > len(late) / 5:
        return 240
    low, middle, high = np.percentile(late, [25, 50, 75])
    return int(middle) if middle >= _LEAST_SWING and high - low <= _SPREAD else 240


def without_swing(notes: Iterable[Note], swing: int) -> list[Note]:
    """Return notes with even eighths, where the second lies on ``swing`` of 480 ticks."""

    def even(tick: int) -> int:
        beat, rest = divmod(tick, TICKS_PER_BEAT)
        if rest <= swing:
            return beat * TICKS_PER_BEAT + round(rest * 240 / swing)
        after = (rest - swing) * 240 / (TICKS_PER_BEAT - swing)
        return beat * TICKS_PER_BEAT + 240 + round(after)

    return [replace(n, start=even(n.start), end=max(even(n.end), even(n.start) + 1)) for n in notes]


def grid_of(notes: Sequence[Note], lines: BarLines) -> Grid:
    """Return the grid of a part."""
    beats: dict[tuple[int, int], list[int]] = defaultdict(list)
    for note in notes:
        start, end = lines.beat_at(note.start)
        beats[start, end - start].append(note.start - start)
    return Grid(lines, {beat: _step(at, length) for (beat, length), at in beats.items()})


def _step(positions: list[int], length: int) -> int:
    """The step of least cost for the positions in a beat of some length."""
    at = np.array(positions, dtype=np.float64)
    costs = {}
    for step, price in _GRIDS.items():
        if step <= length and length % step == 0 and not (step in TRIPLET_STEPS and length != 480):
            errors = at - np.round(at / step) * step
            is_exact = np.abs(errors).max() <= _EXACT
            costs[step] = float((errors**2).sum()) / _SIGMA**2 + price * (
                1 if is_exact else _PLAYED
            )
    return min(costs, key=lambda step: (costs[step], -step)) if costs else length


def quantised(notes: Sequence[Note], grid: Grid, *, is_drum: bool = False) -> list[Note]:
    """Return notes on a grid; of two that fall on one onset and pitch the longer stays."""
    kept: dict[tuple[int, int], Note] = {}
    for note in notes:
        start = grid.snap_onset(note.start)
        moved = replace(note, start=start, end=max(start + note.end - note.start, start + 1))
        other = kept.get((start, note.pitch))
        if other is None or other.end < moved.end:
            kept[start, note.pitch] = moved
    onsets = sorted({note.start for note in kept.values()})
    ended = [_ended(note, onsets, grid, is_drum=is_drum) for note in kept.values()]
    return _without_overlaps(sorted(ended))


def _ended(note: Note, onsets: Sequence[int], grid: Grid, *, is_drum: bool) -> Note:
    """The note with a length that is easily read."""
    following = bisect_right(onsets, note.start)
    to_next = onsets[following] - note.start if following < len(onsets) else None
    if is_drum:  # the length of a drum is no music: to the next one, at most to the end of the beat
        end = grid.lines.beat_at(note.start)[1]
        return replace(note, end=end if to_next is None else min(note.start + to_next, end))
    length = note.end - note.start
    if to_next is not None:
        if length <= to_next and grid.is_meant(note.end):
            return note
        if length > to_next:
            over = length - to_next
            if over <= max(60, to_next // 4):
                return replace(note, end=note.start + to_next)
        elif length >= _FILLED * to_next and to_next - length <= _MOST_FILL:
            return replace(note, end=note.start + to_next)
    end = grid.snap(note.end)
    if to_next is not None and length <= to_next:
        fitting = [v for v in _VALUES if v >= 0.8 * length and v <= to_next]
        if fitting and grid.snap(note.start + fitting[0]) == note.start + fitting[0]:
            end = note.start + fitting[0]
    if end <= note.start:
        start, beat_end = grid.lines.beat_at(note.start)
        end = min(note.start + grid.steps.get(start, 120), beat_end)
    return replace(note, end=end if to_next is None or length > to_next else
                   min(end, note.start + to_next))  # fmt: skip


def _without_overlaps(notes: Sequence[Note]) -> list[Note]:
    """Notes of which each ends where the next of its pitch begins."""
    following: dict[int, int] = {}
    cut = []
    for note in reversed(notes):
        end = min(note.end, following.get(note.pitch, note.end))
        following[note.pitch] = note.start
        cut.append(replace(note, end=end))
    return cut[::-1]
