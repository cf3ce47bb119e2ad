"""Figures → onsets in the bars of a piece, with its chord changes and hits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from amt.arrange.figures import STEP_TICKS, STEPS, WHOLE, bar_text, figure_notes
from amt.arrange.form import Form
from amt.arrange.metre import group_starts
from amt.arrange.textures import SHORTEST_STEP_S
from amt.types import TICKS_PER_BEAT, TimeGrid

_SHORT_STEPS = 2 * STEPS
"""Steps of a chord up to which its voices are not broken one by one but in two halves."""
_HALVES = str.maketrans("1234", "lh--")


@dataclass(frozen=True, slots=True)
class Bar:
    """The ticks of a bar."""

    start: int
    end: int
    beats: int
    """By its metre; the end of the music may cut it short."""
    beats_s: tuple[float, ...]
    """[beats] seconds that each lasts."""

    def beat_s(self, tick: int) -> float:
        """Return the seconds that the beat lasts in which a tick of the bar lies."""
        return self.beats_s[min((tick - self.start) // TICKS_PER_BEAT, len(self.beats_s) - 1)]


class Placed(NamedTuple):
    """A note of a figure at its place: start and end in ticks."""

    start: int
    symbol: str
    end: int


def bars_of(grid: TimeGrid, end: int) -> dict[int, Bar]:
    """Return the bars that begin before a tick, by the ticks of their downbeats."""
    bars = {}
    lengths_s = grid.beat_length_s.tolist()
    for first, beats in zip(grid.downbeats.tolist(), grid.bars, strict=True):
        start = first * TICKS_PER_BEAT
        if start < end:
            stop = min(start + beats * TICKS_PER_BEAT, end)
            bars[start] = Bar(start, stop, beats, tuple(lengths_s[first : first + beats]))
    return bars


def place_figure(
    form: Form, bar: Bar, figure: str, whole: str, is_hit: Callable[[int], bool], *, rings: bool
) -> list[Placed]:
    """Return the notes of a figure in a bar.

    The figure begins anew with a chord that begins on a group of beats. Every chord is played where
    it begins, unless the figure has a note there or, of parts that ring, within a beat; and so is a
    hit. The bass plays each change itself: what sounds lowest there is the bass of the new
    chord. Sixteenths are left out where they are too fast.

    Args:
        form: of the piece.
        bar: of the piece.
        figure: of 16 steps.
        whole: the symbol that is played on hits.
        is_hit: whether a tick must be played.
        rings: see :func:`amt.arrange.figures.figure_notes`.
    """
    text = bar_text(figure, bar.beats)
    regions = form.regions[form.region_at(bar.start) : form.region_at(bar.end - 1) + 1]
    changes = [region.start for region in regions if region.start >= bar.start]
    strong = {bar.start + beat * TICKS_PER_BEAT for beat in group_starts(bar.beats)}
    starts = sorted({bar.start} | (strong & set(changes)))
    placed: dict[int, Placed] = {}
    for start, stop in pairwise([*starts, bar.end]):
        steps = -(-(stop - start) // STEP_TICKS)
        part = text[:steps].translate(_HALVES) if steps <= _SHORT_STEPS else text[:steps]
        for note in figure_notes(part, rings=rings):
            tick, end = start + note.step * STEP_TICKS, min(start + note.end * STEP_TICKS, stop)
            if note.step % 2 == 0 or bar.beat_s(tick) / STEPS >= SHORTEST_STEP_S:
                placed[tick] = Placed(tick, note.symbol, end)
    beats = range(bar.start, bar.end, TICKS_PER_BEAT)
    reach = TICKS_PER_BEAT if rings else 1
    late = [t for t in changes if not any(t <= tick < t + reach for tick in placed)]
    for tick in sorted({*late, *filter(is_hit, beats)}):
        following = [t for t in (*placed, *changes, bar.end) if t > tick]
        placed[tick] = Placed(tick, whole, min(following))
    return _cut(placed, changes)


def _cut(placed: dict[int, Placed], changes: list[int]) -> list[Placed]:
    """The notes in order, each ended by the next whole chord and by the next change of chord."""
    stops = sorted({*changes, *(t for t, note in placed.items() if note.symbol in WHOLE)})
    return [
        note._replace(end=min([note.end, *(stop for stop in stops if stop > note.start)]))
        for _, note in sorted(placed.items())
    ]
