"""The keys of sections whose mood differs from that of the piece.

A section that is clearly darker or brighter than the piece as a whole takes the other mode: the
relative key where the difference is mild, the parallel key where it is strong (Kivy 1989 and
Gabrielsson & Lindström 2010 on mode and mood; the parallel key changes three tones, the relative
none). A joyful climax is lifted by a whole tone, as in songs and trailers.

Conventions: valence and arousal are the means of a section, -1 to 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from amt.chords import Key
from amt.compose.grid import Slot
from amt.compose.key import MINOR_BELOW_VALENCE
from amt.types import FloatArray, Section, TimeGrid

KEY_CONTRAST, KEY_RETURN = 0.2, 0.1
"""How far the valence of a section must differ from the mean of the piece to take the other mode,
and to keep it after a section that has. Set by hand, on drawn moods."""
STRONG_CONTRAST = 0.45
"""Difference in valence from which the other mode is that of the parallel key."""
CLIMAX_AROUSAL, CLIMAX_SEMITONES = 0.25, 2
"""How far the arousal of the climax exceeds the mean of the piece where it is lifted, and by how
much. Set by hand."""
LEAST_BARS = 4
"""Bars of a section that has a key of its own: time to establish it."""


def relative_key(key: Key) -> Key:
    """The key of the other mode with the same scale.

    >>> relative_key(Key(0, "major")).label
    'A minor'
    """
    if key.mode == "major":
        return Key((key.tonic + 9) % 12, "minor")
    return Key((key.tonic + 3) % 12, "major")


def parallel_key(key: Key) -> Key:
    """The key of the other mode on the same tonic."""
    return Key(key.tonic, "minor" if key.mode == "major" else "major")


def with_keys(
    sections: Sequence[Section], grid: TimeGrid, key: Key, affect: FloatArray
) -> tuple[Section, ...]:
    """The sections, with a key where one has its own.

    The last section keeps the tonic of the piece, so that the piece ends on it.

    Args:
        sections: of the piece.
        grid: beats and bars.
        key: of the piece.
        affect: [S, 2] valence and arousal.
    """
    if len(sections) < 2:
        return tuple(sections)
    edges = [*(section.beat for section in sections), grid.n_beats]
    means = np.array([_mean(affect, grid, first, last) for first, last in pairwise(edges)])
    bars = np.diff(np.searchsorted(grid.downbeats, edges))
    contrast = means[:, 0] - affect[:, 0].mean()
    keys: list[Key | None] = []
    for number, (valence, difference) in enumerate(zip(means[:, 0], contrast, strict=True)):
        away = bool(keys and keys[-1])
        mode_fits = (valence < MINOR_BELOW_VALENCE) == (key.mode == "minor")
        side = difference if key.mode == "minor" else -difference
        if bars[number] < LEAST_BARS:
            own = keys[-1] if keys else None
        elif mode_fits or side < (KEY_RETURN if away else KEY_CONTRAST):
            own = None
        else:
            own = parallel_key(key) if side >= STRONG_CONTRAST else relative_key(key)
        if number == len(sections) - 1 and own is not None and own.tonic != key.tonic:
            own = None
        keys.append(own)
    climax = _climax(means, affect, bars, key, keys)
    if climax is not None:
        keys[climax] = Key((key.tonic + CLIMAX_SEMITONES) % 12, key.mode)
    return tuple(replace(s, key=own) for s, own in zip(sections, keys, strict=True))


def slot_keys(slots: Sequence[Slot], sections: Sequence[Section], key: Key) -> tuple[Key, ...]:
    """The key of every slot: that of its section, or the piece's."""
    starts = [section.beat for section in sections]
    owners = [bisect_right(starts, slot.beat) - 1 for slot in slots]
    return tuple((sections[i].key if i >= 0 else None) or key for i in owners)


def _climax(
    means: FloatArray, affect: FloatArray, bars: FloatArray, key: Key, keys: Sequence[Key | None]
) -> int | None:
    """The most aroused section, where it is joyful, in the key of the piece, and inside it."""
    number = int(means[:, 1].argmax())
    stands_out = means[number, 1] - affect[:, 1].mean() >= CLIMAX_AROUSAL
    inside = 0 < number < len(keys) - 1 and keys[number] is None and bars[number] >= LEAST_BARS
    return number if stands_out and inside and key.mode == "major" else None


def _mean(affect: FloatArray, grid: TimeGrid, first: int, last: int) -> FloatArray:
    start_s, end_s = grid.seconds_at(np.array([first, last], dtype=np.float64))
    rows = affect[int(start_s) : max(int(start_s) + 1, int(end_s))]
    return np.asarray(rows.mean(axis=0))
