"""Beats and bars of a piece, and its chord slots.

A *slot* is a stretch of music that holds one chord: half a bar, as near as whole beats allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from amt.compose.options import ComposeOptions
from amt.timing import GridOptions, fit_grid, steady_grid
from amt.types import FloatArray, TimeGrid, VideoFeatures

CALMEST_BPM, WILDEST_BPM = 66.0, 138.0
"""Tempo of the calmest and of the most agitated clip (energy 0 and 1), unless one is asked for."""
TEMPO_FREEDOM = 2**0.5
"""Ratio of the fastest and of the slowest tempo to the wanted one. The two are an octave apart, so
that every spacing of cuts has a tempo between them whose beats fit it."""
SLOTS_OF_BAR = {4: (2, 2), 5: (3, 2), 6: (3, 3), 7: (4, 3)}
"""How many beats each chord slot of a bar lasts, by metre: half-bars as near as can be. Bars of
other lengths are one slot."""
MIN_FINAL_CHORD_S = 1.0
"""Seconds that the final chord needs to sound: a last bar that is shorter is part of the one
before."""


def piece_grid(features: VideoFeatures, options: ComposeOptions, energy: FloatArray) -> TimeGrid:
    """Beats and bars: fitted to the cuts, at a tempo that suits how much is going on.

    Args:
        features: of the clip.
        options: what the user decided.
        energy: [S] in 0-1.

    Raises:
        GridError: no grid fits the tempo and hit points asked for.
    """
    wanted = CALMEST_BPM + (WILDEST_BPM - CALMEST_BPM) * float(energy.mean())
    if not options.fit:
        bpm = options.bpm or wanted
        return steady_grid(features.duration_s, bpm, whole_bars=options.bpm is None)
    grid_options = GridOptions(preferred_bpm=wanted, fixed_bpm=options.bpm)
    if options.bpm is None and not options.hits_s:
        low, high = wanted / TEMPO_FREEDOM, wanted * TEMPO_FREEDOM
        grid_options = replace(
            grid_options,
            min_bpm=max(grid_options.min_bpm, low),
            max_bpm=min(grid_options.max_bpm, high),
        )
    return fit_grid(features.cuts, features.duration_s, options=grid_options, hits=options.hits_s)


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of music that holds one chord."""

    beat: int
    """Index of its first beat."""
    middle_s: float
    """Time of its middle in seconds."""
    begins_bar: bool


def chord_slots(grid: TimeGrid) -> tuple[Slot, ...]:
    """The slots of a grid, bar by bar (:data:`SLOTS_OF_BAR`)."""
    slots = []
    for downbeat, beats in zip(grid.downbeats, grid.bars, strict=True):
        first = int(downbeat)
        for length in SLOTS_OF_BAR.get(beats, (beats,)):
            ends = grid.seconds_at(np.array([first, first + length], dtype=np.float64))
            slots.append(Slot(first, float(ends.mean()), first == downbeat))
            first += length
    return tuple(slots)


def final_chord_slot(slots: Sequence[Slot], grid: TimeGrid) -> int:
    """Index of the slot where the final chord begins.

    It is the first of the last bar that leaves the chord :data:`MIN_FINAL_CHORD_S`; of the very
    last bar where the piece has fewer than three.
    """
    bars = [i for i, slot in enumerate(slots) if slot.begins_bar]
    long = [i for i in bars if grid.duration_s - grid.beats_s[slots[i].beat] >= MIN_FINAL_CHORD_S]
    return long[-1] if long and len(bars) > 2 else bars[-1]
