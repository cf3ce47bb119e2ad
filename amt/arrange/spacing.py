"""Room for the melody and for the bass: accompanying notes are moved out of their way.

A melody stands out as the highest voice with some room below it (Huron 2016, *Voice Leading*: the
top voice is the most salient one), and notes close together in the bass register mask each other.
So accompanying notes lie at least :data:`MELODY_GAP` semitones below every melody note that sounds
with them, and, where a bass plays, not below :data:`FLOOR`. A note that would break this is
moved by octaves, else to the nearest free chord tone that keeps it, else left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from amt.arrange.draft import Draft

MELODY_GAP = 3
"""Semitones, a minor third."""
FLOOR = 48
"""C3."""
_OCTAVE = 12

Tones = Callable[[int], tuple[int, ...]]
"""From a tick to the pitch classes of the chord on it; empty for no chord."""


def below_melody(
    drafts: Sequence[Draft], melody: Sequence[Draft], low: int, tones: Tones
) -> list[Draft]:
    """Accompanying notes out of the melody's way.

    Args:
        drafts: of one part, in any order.
        melody: notes of the melody, in any order.
        low: lowest pitch that the part may play.
        tones: chord tones by tick.

    Returns:
        The notes in order of time, some with another pitch, some left out; none is new.
    """
    line = sorted(melody)
    starts = [draft.start for draft in line]
    longest = max((draft.end - draft.start for draft in line), default=0)
    free: list[Draft] = []
    for draft in sorted(drafts):
        around = slice(
            bisect_left(starts, draft.start - longest), bisect_right(starts, draft.end - 1)
        )
        over = [note.pitch for note in line[around] if note.end > draft.start]
        ceiling = min(over) - MELODY_GAP if over else 127
        taken = {other.pitch for other in free if other.start == draft.start}
        pitch = _placed(draft.pitch, low, ceiling, tones(draft.start), taken)
        if pitch is not None:
            free.append(draft._replace(pitch=pitch))
    return free


def _placed(
    pitch: int, low: int, ceiling: int, classes: tuple[int, ...], taken: set[int]
) -> int | None:
    """A pitch between ``low`` and ``ceiling`` for a note, the nearest to its own that is free."""
    if low <= pitch <= ceiling:
        return None if pitch in taken else pitch
    if pitch < low:
        pitch += _OCTAVE * -(-(low - pitch) // _OCTAVE)
    if pitch > ceiling:
        pitch -= _OCTAVE * -(-(pitch - ceiling) // _OCTAVE)
    if low <= pitch <= ceiling and pitch not in taken:
        return pitch
    free = [p for p in range(low, ceiling + 1) if p % _OCTAVE in classes and p not in taken]
    return min(free, key=lambda p: (abs(p - pitch), p), default=None)
