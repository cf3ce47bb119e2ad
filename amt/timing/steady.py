"""A grid of one tempo."""

from __future__ import annotations

import math

import numpy as np

from amt.errors import GridError
from amt.options.music import MAX_BPM, MIN_BPM
from amt.types import TICKS_PER_BEAT, TimeGrid

TEMPO_TOLERANCE = 0.04
"""How far a tempo may be bent, as a share of it. Drake & Botte (1993) measured just noticeable
differences of tempo of 4 % for two intervals and 3 % for six in regular sequences."""

SHORTEST_CLIP_S = 0.01
"""Below this, a clip is shorter than a few MIDI ticks."""


def steady_grid(
    duration_s: float, bpm: float, *, beats_per_bar: int = 4, whole_bars: bool
) -> TimeGrid:
    """A constant tempo from the first frame to the last.

    Args:
        duration_s: Length of the clip, at least :data:`SHORTEST_CLIP_S`.
        bpm: Tempo in quarter notes a minute, from 60 to 160.
        beats_per_bar: Beats of every bar but the last, from 2 to 12.
        whole_bars: Bend the tempo by up to 4 % (and never out of 60-160) so that the clip holds
            whole bars if it can, else whole beats. Otherwise, or if neither can be, the end of the
            clip cuts the last beat short.

    Returns:
        At least one beat. The tempo is ``bpm``, or differs from it only by that bend and by the
        half tick that makes the clip a whole number of ticks.

    Raises:
        GridError: A value is out of range.
    """
    check_duration(duration_s)
    if not MIN_BPM <= bpm <= MAX_BPM:
        raise GridError(
            f"the tempo is {bpm:g} BPM, but it must lie from {MIN_BPM:g} to {MAX_BPM:g} BPM; "
            "choose half or double of it"
        )
    if not 2 <= beats_per_bar <= 12:
        raise GridError(f"a bar of {beats_per_bar} beats was asked for; choose from 2 to 12")
    return constant_tempo(duration_s, bpm, (MIN_BPM, MAX_BPM), beats_per_bar, whole_bars)


def constant_tempo(
    duration_s: float,
    bpm: float,
    bounds_bpm: tuple[float, float],
    beats_per_bar: int,
    whole_bars: bool,
) -> TimeGrid:
    """As :func:`steady_grid`, with other bounds and for arguments that have been checked."""
    slowest, fastest = (duration_s * bound / 60 for bound in bounds_bpm)
    wanted = duration_s * bpm / 60
    if whole_bars:
        for unit in (beats_per_bar, 1):
            beats = max(1, round(wanted / unit)) * unit
            if abs(beats / wanted - 1) <= TEMPO_TOLERANCE and slowest <= beats <= fastest:
                return _even_grid(duration_s, beats * TICKS_PER_BEAT, beats_per_bar)
    # Rounded so that the tempo stays in bounds.
    ticks = min(round(wanted * TICKS_PER_BEAT), math.floor(fastest * TICKS_PER_BEAT))
    ticks = max(1, ticks, math.ceil(slowest * TICKS_PER_BEAT))
    return _even_grid(duration_s, ticks, beats_per_bar)


def check_duration(duration_s: float) -> None:
    """Raise GridError unless a clip of ``duration_s`` seconds can hold music."""
    if not (math.isfinite(duration_s) and duration_s >= SHORTEST_CLIP_S):
        raise GridError(
            f"the clip lasts {duration_s:g} s, but at least {SHORTEST_CLIP_S:g} s are needed; "
            "choose a longer clip"
        )


def _even_grid(duration_s: float, ticks: int, beats_per_bar: int) -> TimeGrid:
    n_beats = -(-ticks // TICKS_PER_BEAT)
    last_beat = ticks / TICKS_PER_BEAT - (n_beats - 1)
    beat_s = duration_s * TICKS_PER_BEAT / ticks
    beats_s = np.append(np.arange(n_beats) * beat_s, duration_s)
    whole_bars, rest = divmod(n_beats, beats_per_bar)
    bars = (beats_per_bar,) * whole_bars + ((rest,) if rest else ())
    return TimeGrid(beats_s=beats_s, bars=bars, last_beat=last_beat)
