"""The position of a plan's bars in an edited file: its metre, and bars inserted in front.

The limits were set by hand on the edits of ``tests/edited_midi.py``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from amt.errors import InputError
from amt.regenerate.similarity import Onset, common_notes, likeliest_shift
from amt.types import TICKS_PER_BEAT, TimeGrid, TimeSignature
from render.files.smf import SmfFile

_MOST_BARS = 8
"""Bars by which the music may have been moved at most."""
_MOST_BEATS = 32
"""Beats by which it is looked for, so that the message can name the offset."""
_NEAR = 8 * TICKS_PER_BEAT * 2
"""Ticks before and after the bars in which notes are compared: 16 beats."""
_SURE = 0.5
"""Share of notes found from which an offset is accepted."""
_CERTAIN = 0.95
"""Share from which no other offset is tried."""
_LEAST_NOTES, _LEAST_SHARE = 6, 0.2
"""Least number of notes found, and least share of the plan's."""


def bar_offset(
    grid: TimeGrid, file: SmfFile, span: range, ours: Sequence[Onset], theirs: Sequence[Onset]
) -> int:
    """Return the ticks by which a plan's bars are later in a file: a whole number of bars.

    Args:
        grid: of the plan.
        file: with the metre; without time signatures it has the plan's.
        span: ticks of the bars in question, in the plan.
        ours: notes of the plan's song, sorted.
        theirs: notes of the file in ticks of the plan, sorted.

    Raises:
        InputError: the file has other bars than the plan up to the end of these.
    """
    lines = [TICKS_PER_BEAT * beats for beats in accumulate(grid.bars, initial=0)]
    offset = _offset(span, ours, theirs, lines)
    signatures = _signatures(file)
    if not signatures:
        whole = offset == 0 or offset % (grid.bars[0] * TICKS_PER_BEAT) == 0
    else:
        shifted = (line - offset for line in bar_lines(signatures, span.stop + offset))
        whole = {line for line in shifted if line >= 0} == {n for n in lines if n < span.stop}
    if whole and span.start + offset >= 0:
        return offset
    if offset:
        way = "later" if offset > 0 else "earlier"
        raise InputError(
            f"the music of the MIDI file comes {abs(offset) / TICKS_PER_BEAT:g} beats {way} than "
            "in the plan, which is not a whole number of bars: move it to where it was"
        )
    raise InputError(
        "the bars of the MIDI file are not those of the plan: give the file that was made from "
        "this plan, with the metre as it was"
    )


def bar_lines(signatures: Sequence[TimeSignature], stop: int) -> Iterable[int]:
    """Ticks before ``stop`` on which a bar begins; a new signature begins a new bar."""
    for i, signature in enumerate(signatures):
        end = signatures[i + 1].tick if i + 1 < len(signatures) else stop
        bar = max(signature.numerator * 4 * TICKS_PER_BEAT // signature.denominator, 1)
        yield from range(signature.tick, min(end, stop), bar)


def _signatures(file: SmfFile) -> list[TimeSignature]:
    """Time signatures in ticks of the plan, the first at 0; none where the file has none."""
    scale = TICKS_PER_BEAT / file.ticks_per_beat
    found = {
        round(tick * scale): (message.numerator, message.denominator)
        for track in file.tracks
        for tick, message in track
        if message.type == "time_signature"
    }
    if not found:
        return []
    found = {0: (4, 4)} | found
    return [TimeSignature(tick, *metre) for tick, metre in sorted(found.items())]


def _offset(
    span: range, ours: Sequence[Onset], theirs: Sequence[Onset], lines: Sequence[int]
) -> int:
    """Ticks by which the notes around some bars lie later in the file.

    Raises:
        InputError: those before the bars and those after them are not equally late.
    """
    near = [
        [note for note in ours if span.start - _NEAR <= note[0] < span.start],
        [note for note in ours if span.stop <= note[0] < span.stop + _NEAR],
    ]
    found = [_best_offset(notes, theirs, lines) for notes in near]
    sure = {offset for offset, share in found if share >= _SURE}
    if len(sure) > 1:
        raise InputError(
            "bars were put in or taken out next to those to compose anew, so that they are not "
            "the plan's: choose bars that lie together in the MIDI file"
        )
    return sure.pop() if sure else _best_offset(ours, theirs, lines)[0]


def _best_offset(
    ours: Sequence[Onset], theirs: Sequence[Onset], lines: Sequence[int]
) -> tuple[int, float]:
    """The offset at which most notes are found, and the share of them.

    The share is of the notes there or of those wanted, whichever are fewer: some may have been
    taken out. Another offset than 0 must leave half as many unfound: music repeats itself. The file
    may be in another key.
    """
    if len(ours) < _LEAST_NOTES:
        return 0, 0.0

    def share(offset: int, *, any_key: bool = False) -> float:
        moved = [(start + offset, pitch) for start, pitch in ours]
        near = theirs[
            bisect_left(theirs, (moved[0][0], 0)) : bisect_right(theirs, (moved[-1][0], 128))
        ]
        shift = likeliest_shift(moved, near) if any_key else 0
        found = len(common_notes(moved, near, shift).ours)
        enough = found >= max(_LEAST_NOTES, _LEAST_SHARE * len(ours))
        return found / min(len(ours), len(near)) if enough else 0.0

    bars = lines[1 : _MOST_BARS + 1]
    beats = [beat * TICKS_PER_BEAT for beat in range(1, _MOST_BEATS + 1)]
    steps = sorted({*bars, *beats, *(-s for s in (*bars, *beats))}, key=abs)
    still = most = 0.0
    for any_key in (False, True):
        still = share(0, any_key=any_key)
        if still > _CERTAIN:
            break
        best, most = max(((s, share(s, any_key=any_key)) for s in steps), key=lambda f: f[1])
        if most >= _SURE and 1 - most < (1 - still) / 2:
            return best, most
        if still >= _SURE:
            break
    return 0, still
