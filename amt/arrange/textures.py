"""Textures: how busy the accompaniment is, chosen by the plan's note density.

A texture is one rung of a ladder of five levels, from held chords to running sixteenths. For every
cell (a bar, or half of a slow one) the notes that each rung would begin are counted, and dynamic
programming takes the path up and down the ladder that stays close to the density the plan asks for,
yet moves little inside a phrase. Because notes are counted in the cell as it is, the same density
gives the same notes a second at any tempo and in any metre.

Chords and bass keep the rhythm of their cell. The arpeggio follows the density beat by beat
(:func:`choose_arpeggio_counts`): it plays the notes that chords and bass leave out, and its number
of notes changes by two at most from one beat to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from amt.arrange.form import Cell
from amt.types import TICKS_PER_BEAT, FloatArray, IntArray

Rhythm = Literal["hold", "bar", "half", "beat", "eighth"]
"""When chords or bass are struck: every second cell, every cell, half, beat, or eighth."""


@dataclass(frozen=True, slots=True)
class Texture:
    """One rung of the ladder."""

    level: int
    """1 held, 2 broken, 3 flowing, 4 driving, 5 full."""
    chords: Rhythm
    bass: Rhythm
    steps: float
    """Arpeggio notes a beat: 0, 0.5, 1, 2 or 4."""
    thin: bool = False
    """Whether chords have a voice less."""
    doubled: bool = False
    """Whether every step of the arpeggio has two notes."""


LADDER = (
    Texture(1, "hold", "hold", 0, thin=True),
    Texture(1, "bar", "bar", 0, thin=True),
    Texture(2, "bar", "bar", 0.5, thin=True),
    Texture(2, "bar", "bar", 1, thin=True),
    Texture(2, "half", "half", 1, thin=True),
    Texture(3, "bar", "half", 2, thin=True),
    Texture(3, "half", "half", 2),
    Texture(4, "half", "beat", 2),
    Texture(4, "beat", "beat", 2, thin=True),
    Texture(4, "half", "beat", 4, thin=True),
    Texture(5, "beat", "beat", 4),
    Texture(5, "beat", "eighth", 4),
    Texture(5, "beat", "eighth", 4, doubled=True),
    Texture(5, "eighth", "eighth", 4, doubled=True),
)

SHORTEST_STEP_S = 0.08
"""No faster than a fluent player: rungs with shorter steps are left out at fast tempi."""

_MOVE_COST = 0.15
"""Cost of one rung inside a phrase, against the squared error of the root of the note count."""
_LEVEL_JUMP_COST = 1e3
"""Cost of moving more than one level at once inside a phrase: it does not happen."""
_FREE_MOVE_SHARE = 0.2
"""Share of the cost of a rung where a phrase begins or a strong cut falls."""

_BEAT_WEIGHT = 0.5
"""Weight of a single beat's error against that of two neighbours."""
_STEP_COST = 0.1
"""Cost of a note more or less than on the beat before, against the relative squared error."""
_LARGEST_STEP = 2

_HALVES = {1: (0,), 2: (0,), 3: (0, 2), 4: (0, 2), 5: (0, 3), 6: (0, 3), 7: (0, 4)}
_SYNCOPATED_HALVES = {3: (0, 1.5), 4: (0, 1.5), 5: (0, 2.5), 6: (0, 2.5), 7: (0, 3.5)}


def rhythm_ticks(rhythm: Rhythm, cell: Cell, syncopated: bool = False) -> list[int]:
    """Ticks on which a rhythm has notes in a cell (chord changes and hits come on top)."""
    if rhythm == "hold":
        positions: tuple[float, ...] = (0,) if cell.place % 2 == 0 else ()
    elif rhythm == "bar":
        positions = (0,)
    else:
        beats = -(-(cell.end - cell.start) // TICKS_PER_BEAT)
        if rhythm == "half":
            table = _HALVES | _SYNCOPATED_HALVES if syncopated else _HALVES
            positions = table.get(beats, tuple(range(0, beats, 2)))
        else:
            per_beat = 1 if rhythm == "beat" else 2
            positions = tuple(i / per_beat for i in range(beats * per_beat))
    ticks = (cell.start + round(p * TICKS_PER_BEAT) for p in positions)
    return [tick for tick in ticks if tick < cell.end]


def n_steps(texture: Texture, start: int, end: int) -> int:
    """Number of figure notes that a texture by itself would begin between two ticks."""
    if not texture.steps:
        return 0
    per_step = 2 if texture.doubled else 1
    return per_step * len(range(start, end, round(TICKS_PER_BEAT / texture.steps)))


ARPEGGIO_RHYTHMS: tuple[tuple[float, ...], ...] = (
    (),
    (0,),
    (0, 0.5),
    (0, 0.5, 0.75),
    (0, 0.25, 0.5, 0.75),
    (0, 0, 0.25, 0.5, 0.75),
    (0, 0, 0.25, 0.5, 0.5, 0.75),
    (0, 0, 0.25, 0.5, 0.5, 0.75, 0.75),
    (0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75),
)
"""Where in a beat the notes of a figure begin, by their number; a place named twice has two."""


def choose_arpeggio_counts(
    fixed: FloatArray, wanted: FloatArray, most: IntArray, free: Sequence[bool]
) -> list[int]:
    """How many notes the figures begin on every beat.

    Beat by beat, and over every two neighbours, the notes that begin come as near as can be to what
    the density asks for; the number moves by two at most, and rather stays. The exact optimum, by
    dynamic programming.

    Args:
        fixed: [beats] notes that chords, pad and bass begin.
        wanted: [beats] notes that the plan asks to begin.
        most: [beats] most notes that the figures can play, 0 where they rest.
        free: [beats] whether the number may change at will: where a phrase begins, a strong cut
            falls, or the figures start or stop.

    Returns:
        [beats] index of :data:`ARPEGGIO_RHYTHMS`.
    """
    wanted = np.where(most > 0, wanted, fixed)  # rests ask nothing of their neighbours
    rungs = np.arange(len(ARPEGGIO_RHYTHMS))
    steps = np.abs(rungs[:, None] - rungs[None, :])
    move = np.where(steps > _LARGEST_STEP, _LEVEL_JUMP_COST, _STEP_COST * steps)
    off = fixed[:, None] + rungs - wanted[:, None]
    scale = wanted + 1.0  # the variance of a count grows with it
    own = _BEAT_WEIGHT * off**2 / scale[:, None]
    own[rungs > most[:, None]] = _LEVEL_JUMP_COST**2
    total, came_from = own[0], []
    for beat in range(1, len(wanted)):
        pair = (off[beat - 1][:, None] + off[beat]) ** 2 / (scale[beat - 1] + scale[beat])
        through = total[:, None] + pair + (0 if free[beat] else move)
        came_from.append(through.argmin(axis=0))
        total = through.min(axis=0) + own[beat]
    return _trace_back(total, came_from)


def max_arpeggio_notes(beat_s: float) -> int:
    """The most notes of a figure that a fluent player fits into a beat of ``beat_s`` seconds."""
    if beat_s / 4 >= SHORTEST_STEP_S:
        return len(ARPEGGIO_RHYTHMS) - 1
    return 2 if beat_s / 2 >= SHORTEST_STEP_S else 1


def playable(texture: Texture, beat_s: float) -> bool:
    """Whether a texture's steps are slow enough to play on beats of ``beat_s`` seconds."""
    fastest = max(texture.steps, 2.0 if texture.chords == "eighth" else 1.0)
    return texture.level == 1 or beat_s / fastest >= SHORTEST_STEP_S


def choose_textures(counts: FloatArray, wanted: FloatArray, free: Sequence[bool]) -> list[int]:
    """The rung of every cell.

    Args:
        counts: [cells, rungs] notes that each rung would begin in each cell; infinite where it
            cannot be played.
        wanted: [cells] notes that the plan asks to begin in each cell.
        free: [cells] whether the texture may change at will: where a phrase begins or a strong cut
            falls. Elsewhere it moves by one level at most.

    Returns:
        [cells] indices of rungs.
    """
    # The root makes an error weigh alike in thin and thick passages: counts scatter like sqrt(n).
    error = (np.sqrt(counts) - np.sqrt(wanted)[:, None]) ** 2
    rungs = np.arange(len(LADDER))
    levels = np.array([texture.level for texture in LADDER])
    move = _MOVE_COST * np.abs(rungs[:, None] - rungs[None, :])
    jump = _LEVEL_JUMP_COST * (np.abs(levels[:, None] - levels[None, :]) > 1)
    total, came_from = error[0], []
    for is_free, cost in zip(free[1:], error[1:], strict=True):
        change = _FREE_MOVE_SHARE * move if is_free else move + jump
        through = total[None, :] + change
        came_from.append(through.argmin(axis=1))
        total = through.min(axis=1) + cost
    return _trace_back(total, came_from)


def _trace_back(total: FloatArray, came_from: Sequence[IntArray]) -> list[int]:
    """The best path through the choices that a forward pass wrote down."""
    path = [int(total.argmin())]
    for previous in reversed(came_from):
        path.append(int(previous[path[-1]]))
    return path[::-1]
