"""Options of a fitted grid, and the check of cuts and hit points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from amt.errors import GridError
from amt.options.music import MAX_BPM, MIN_BPM
from amt.timing.steady import TEMPO_TOLERANCE, check_duration
from amt.types import Cut


@dataclass(frozen=True, slots=True)
class GridOptions:
    """Bounds and preferences for :func:`amt.timing.fit_grid`."""

    min_bpm: float = MIN_BPM
    """Slowest tempo of any beat, at least 20."""
    max_bpm: float = MAX_BPM
    """Fastest tempo of any beat, at most 300 and at least 1.25 times the slowest."""
    preferred_bpm: float = 110.0
    """Tempo where no cut decides it, brought into the bounds; not a bound itself."""
    beats_per_bar: int = 4
    """Beats of a regular bar, 2 to 12."""
    tempo_tolerance: float = TEMPO_TOLERANCE
    """How far a beat may stray from the tempo of its section, as a share of it (0 to 0.2)."""
    max_step: float = 0.02
    """Largest change of length between neighbouring beats of a section (0 to the tolerance)."""
    is_gentle: bool = False
    """Hold one tempo from strong event to strong event (:mod:`amt.timing.gentle`)."""
    fixed_bpm: float | None = None
    """Hold this tempo, and move only metre; with hit points between its beats, phase as well."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not math.isfinite(value):
                raise GridError(f"{field.name} is {value}, but it must be a finite number")
        if not (self.min_bpm >= 20 and self.max_bpm <= 300):
            raise GridError(
                f"the tempo bounds are {self.min_bpm:g} to {self.max_bpm:g} BPM, "
                "but they must lie within 20 to 300 BPM"
            )
        if self.max_bpm < 1.25 * self.min_bpm:
            raise GridError(
                f"the tempo bounds {self.min_bpm:g} to {self.max_bpm:g} BPM leave no room; "
                "make the upper one at least 1.25 times the lower one"
            )
        if not 2 <= self.beats_per_bar <= 12:
            raise GridError(f"beats_per_bar is {self.beats_per_bar}; choose from 2 to 12")
        if not 0 < self.max_step <= self.tempo_tolerance <= 0.2:
            raise GridError(
                f"max_step is {self.max_step:g} and tempo_tolerance {self.tempo_tolerance:g}, but "
                "they must satisfy 0 < max_step <= tempo_tolerance <= 0.2"
            )
        if self.fixed_bpm is not None and not self.min_bpm <= self.fixed_bpm <= self.max_bpm:
            raise GridError(
                f"the tempo is fixed at {self.fixed_bpm:g} BPM, outside the bounds "
                f"{self.min_bpm:g} to {self.max_bpm:g} BPM; choose half or double of it"
            )

    @property
    def shortest_beat_s(self) -> float:
        """Length of a beat at the fastest tempo."""
        return 60 / self.max_bpm

    @property
    def longest_beat_s(self) -> float:
        """Length of a beat at the slowest tempo."""
        return 60 / self.min_bpm

    @property
    def preferred_beat_s(self) -> float:
        """Length of a beat at the preferred tempo, brought into the bounds."""
        return 60 / min(max(self.preferred_bpm, self.min_bpm), self.max_bpm)


def check_input(cuts: Sequence[Cut], duration_s: float, hits: Sequence[float]) -> None:
    """Raise GridError unless cuts and hit points lie in order inside the clip."""
    check_duration(duration_s)
    previous_s = 0.0
    for cut in cuts:
        if not 0 < cut.time_s < duration_s:
            raise GridError(
                f"a cut lies at {cut.time_s:g} s, outside the clip of {duration_s:g} s; "
                "give cuts after its start and before its end"
            )
        if cut.time_s < previous_s:
            raise GridError(
                f"the cut at {cut.time_s:g} s comes after the one at {previous_s:g} s; "
                "sort the cuts by time"
            )
        if not 0 <= cut.strength <= 1:
            raise GridError(
                f"the cut at {cut.time_s:g} s has strength {cut.strength:g}; "
                "give a strength from 0 to 1"
            )
        previous_s = cut.time_s
    for hit_s in hits:
        if not 0 <= hit_s < duration_s:
            raise GridError(
                f"a hit point lies at {hit_s:g} s, outside the clip of {duration_s:g} s; "
                "give one from 0 s to before its end"
            )
