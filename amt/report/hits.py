"""Which cuts the music lands on.

Hits and strong cuts are those of :mod:`amt.timing.hits`. A *downbeat* is the first beat of a bar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from amt.timing.hits import is_hit, is_strong
from amt.types import TICKS_PER_BEAT, Cut, FloatArray, Song, TimeGrid


@dataclass(frozen=True, slots=True)
class CutAlignment:
    """A cut and the music nearest to it."""

    cut: Cut
    beat_s: float
    """From the cut to the nearest beat in seconds; negative where the beat is early."""
    downbeat_s: float
    """From the cut to the nearest downbeat in seconds."""
    note_s: float = math.inf
    """From the cut to the nearest beginning of a note in seconds; infinite where none is known."""

    @property
    def strong(self) -> bool:
        """Whether the cut may ask for a downbeat."""
        return is_strong(self.cut)

    @property
    def on_beat(self) -> bool:
        """Whether a beat hits the cut."""
        return is_hit(self.beat_s, 0.0)

    @property
    def on_downbeat(self) -> bool:
        """Whether a downbeat hits the cut."""
        return is_hit(self.downbeat_s, 0.0)

    @property
    def answered(self) -> bool:
        """Whether a note begins on the cut."""
        return is_hit(self.note_s, 0.0)


def cut_alignments(
    cuts: tuple[Cut, ...], grid: TimeGrid, song: Song | None = None
) -> tuple[CutAlignment, ...]:
    """The nearest beat (the end of the music counts as one), downbeat and note of every cut.

    Args:
        cuts: of the clip.
        grid: of the music.
        song: the music; without it no note is known.
    """
    times_s = np.array([cut.time_s for cut in cuts], dtype=np.float64)
    to_beat = _to_nearest(times_s, grid.beats_s)
    to_downbeat = _to_nearest(times_s, grid.beats_s[grid.downbeats])
    ticks = {note.start for track in song.tracks for note in track.notes} if song else ()
    to_note = np.full(len(times_s), np.inf)
    if ticks:
        to_note = _to_nearest(times_s, grid.seconds_at(np.array(sorted(ticks)) / TICKS_PER_BEAT))
    return tuple(
        CutAlignment(cut, *map(float, distances))
        for cut, *distances in zip(cuts, to_beat, to_downbeat, to_note, strict=True)
    )


def _to_nearest(times_s: FloatArray, marks_s: FloatArray) -> FloatArray:
    """Signed seconds from each time [N] to the nearest of some sorted marks [M]."""
    after = np.searchsorted(marks_s, times_s)
    late = marks_s[np.minimum(after, len(marks_s) - 1)] - times_s
    early = marks_s[np.maximum(after - 1, 0)] - times_s
    return np.where(np.abs(early) <= np.abs(late), early, late)
