"""What players can do: breathe, and sound one note at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from amt.arrange.tracks import Draft
from amt.types import TICKS_PER_BEAT, Note, TimeGrid

BREATH_S = 0.3
"""Seconds of a breath."""
BREATH = TICKS_PER_BEAT // 4
"""Ticks of a breath at least."""


def one_at_a_time(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Return notes of which each ends before the next begins; of a chord the highest."""
    line: list[Note] = []
    for note in sorted(notes):
        if line and line[-1].start == note.start:
            line.pop()
        if line and line[-1].end > note.start:
            last = line[-1]
            line[-1] = Note(last.start, last.pitch, note.start, last.velocity)
        line.append(note)
    return tuple(line)


def rested(drafts: Sequence[Draft], grid: TimeGrid, most_s: float, ending: int) -> list[Draft]:
    """Return notes with a rest for breath after some seconds of playing at most.

    The longest note so far is shortened; a note that is longer than one breath is played again
    after it, but not in the final chord, where it ends early. Players of one part breathe together,
    so a note is played again where another of the part begins.

    Args:
        drafts: of one part; chords have equal onsets.
        grid: of the piece.
        most_s: seconds of playing; 0 for any number.
        ending: tick on which the final chord begins.
    """
    if not most_s or not drafts:
        return sorted(drafts)
    drafts = _together(drafts)
    spans = _spans(drafts, grid, most_s, ending)
    first, i = 0, 0
    while i < len(spans):
        begin, end = spans[first][0], spans[i][1]
        if i > first and spans[i][0] - spans[i - 1][1] >= _breath(grid, spans[i][0]):
            first = i
        elif i > first and _seconds(grid, begin, end) > most_s:
            longest = max(range(first, i), key=lambda j: spans[j][1] - spans[j][0])
            start, _ = spans[longest]
            after = spans[longest + 1][0]
            stop = max(after - _breath(grid, after), (start + after) // 2)
            spans[longest] = start, min(stop, spans[longest][1])
            first = i = longest + 1
            continue
        i += 1
    return _fitted(drafts, spans)


def _together(drafts: Sequence[Draft]) -> list[Draft]:
    """Notes divided where others of the part begin."""
    starts = sorted({draft.start for draft in drafts})
    divided = []
    for draft in drafts:
        inner = starts[bisect_right(starts, draft.start) : bisect_left(starts, draft.end)]
        for start, end in pairwise([draft.start, *inner, draft.end]):
            divided.append(draft._replace(start=start, end=end))
    return divided


def _spans(
    drafts: Sequence[Draft], grid: TimeGrid, most_s: float, ending: int
) -> list[tuple[int, int]]:
    """Start and end of what sounds together, none longer than a breath lasts."""
    ends: dict[int, int] = {}
    for draft in drafts:
        ends[draft.start] = max(draft.end, ends.get(draft.start, 0))
    spans = []
    for start, end in sorted(ends.items()):
        while _seconds(grid, start, end) > most_s:
            latest = int(float(grid.beats_at(_at(grid, start) + most_s)) * TICKS_PER_BEAT)
            beat = latest // TICKS_PER_BEAT * TICKS_PER_BEAT
            again = beat if beat > start else latest
            if start >= ending:
                end = again
                break
            spans.append((start, max(again - _breath(grid, again), (start + again) // 2)))
            start = again
        spans.append((start, end))
    return spans


def _fitted(drafts: Sequence[Draft], spans: Sequence[tuple[int, int]]) -> list[Draft]:
    """Notes cut to the spans in which they may sound."""
    fitted = []
    starts = sorted({draft.start for draft in drafts})
    following = dict(zip(starts, [*starts[1:], None], strict=True))
    for draft in sorted(drafts):
        after = following[draft.start]
        for start, end in spans[bisect_left(spans, (draft.start,)) :]:
            if start >= draft.end or (after is not None and start >= after):
                break
            fitted.append(draft._replace(start=start, end=min(end, draft.end)))
    return sorted(fitted)


def _at(grid: TimeGrid, tick: int) -> float:
    return float(grid.seconds_at(tick / TICKS_PER_BEAT))


def _seconds(grid: TimeGrid, start: int, end: int) -> float:
    return _at(grid, end) - _at(grid, start)


def _breath(grid: TimeGrid, tick: int) -> int:
    """Ticks of a breath before a tick."""
    before = float(grid.beats_at(max(_at(grid, tick) - BREATH_S, 0.0))) * TICKS_PER_BEAT
    return max(tick - int(before), BREATH)
