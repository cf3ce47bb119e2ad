"""Textures: how busy the accompaniment is, chosen by the plan's note density.

A texture is one rung of a ladder of five levels, from held chords to running sixteenths. For every
cell (a bar, or half of a slow one) the notes that each rung would begin are counted, and dynamic
programming takes the path up and down the ladder that stays close to the density the plan asks for,
yet moves little inside a phrase. Because notes are counted in the cell as it is, the same density
gives the same notes a second at any tempo and in any metre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from amt.arrange.form import Cell
from amt.types import TICKS_PER_BEAT, FloatArray

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

_HALVES = {1: (0,), 2: (0,), 3: (0, 2), 4: (0, 2), 5: (0, 3), 6: (0, 3), 7: (0, 4)}
_SYNCOPATED_HALVES = {3: (0, 1.5), 4: (0, 1.5), 5: (0, 2.5), 6: (0, 2.5), 7: (0, 3.5)}


def strikes(rhythm: Rhythm, cell: Cell, syncopated: bool = False) -> list[int]:
    """Ticks on which a rhythm strikes in a cell (chord changes and hits come on top)."""
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


def steps(texture: Texture, cell: Cell) -> list[int]:
    """Ticks of the arpeggio's steps in a cell."""
    if not texture.steps:
        return []
    return list(range(cell.start, cell.end, round(TICKS_PER_BEAT / texture.steps)))


def playable(texture: Texture, beat_s: float) -> bool:
    """Whether a texture's steps are slow enough to play on beats of ``beat_s`` seconds."""
    fastest = max(texture.steps, 2.0 if texture.chords == "eighth" else 1.0)
    return texture.level == 1 or beat_s / fastest >= SHORTEST_STEP_S


def climb(counts: FloatArray, wanted: FloatArray, free: Sequence[bool]) -> list[int]:
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
    path = [int(total.argmin())]
    for previous in reversed(came_from):
        path.append(int(previous[path[-1]]))
    return path[::-1]
