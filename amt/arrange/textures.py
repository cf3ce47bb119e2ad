"""Textures: how busy the accompaniment is, chosen from the plan's note density.

A texture is one rung of a ladder of five levels, from held chords to running sixteenths. For every
cell (a bar, or half of a slow one) the onsets that each rung would have are counted, and dynamic
programming finds the sequence of rungs that is closest to the density of the plan but changes
little inside a phrase. Because onsets are counted in the actual cell, the same density gives the
same notes per second at any tempo and in any metre.

Chords and bass keep the rhythm of their cell. The arpeggio follows the density beat by beat
(:func:`choose_arpeggio_counts`): it plays the notes that chords and bass leave out, and its number
of notes changes by two at most from one beat to the next.

The prices of both searches were set by hand, so that note onsets follow density curves
(``tests/arrange/test_patterns.py``) and textures stay within a phrase
(``tests/arrange/test_effects.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from amt.types import TICKS_PER_BEAT, Feel, FloatArray, IntArray

Rhythm = Literal["hold", "bar", "half", "beat", "eighth"]
"""How often chords or bass have onsets, about: every second cell, every cell, half of a cell, beat,
or eighth. Which ones they are, a style's figures say (:mod:`amt.arrange.figures`)."""


@dataclass(frozen=True, slots=True)
class Texture:
    """One rung of the ladder."""

    level: int
    """1 held, 2 broken, 3 flowing, 4 driving, 5 full."""
    chords: Rhythm
    bass: Rhythm
    steps: float
    """Arpeggio onsets per beat: 0, 0.5, 1, 2 or 4."""
    thin: bool = False
    """Whether chords have one voice less."""
    doubled: bool = False
    """Whether every onset of the arpeggio has two notes."""


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
"""All textures, from the fewest onsets to the most."""

SHORTEST_STEP_S = 0.08
"""Seconds between onsets of one hand at least, 12.5 per second: a fast trill. Rungs with shorter
steps are left out at fast tempi."""

_MOVE_COST = 0.15
"""Price of moving by one rung inside a phrase, against the squared error of the root of the number
of onsets in a cell."""
_LEVEL_JUMP_COST = 1e3
"""Price of moving by more than one level at once inside a phrase; high enough to exclude it."""
_FREE_MOVE_SHARE = 0.2
"""Share of :data:`_MOVE_COST` that is paid where a phrase begins or a strong cut falls."""

_BEAT_WEIGHT = 0.5
"""Weight of the error of a single beat against that of two neighbouring beats together."""
_STEP_COST = 0.1
"""Price of one arpeggio note more or less than on the beat before, against the relative squared
error of the number of onsets."""
_LARGEST_STEP = 2
"""Most notes by which two neighbouring beats may differ inside a phrase."""


_IN_FEEL: Mapping[Feel, Mapping[Rhythm, Rhythm]] = {
    "half": {"hold": "hold", "bar": "hold", "half": "bar", "beat": "half", "eighth": "beat"},
    "normal": {},
    "double": {"hold": "bar", "bar": "half", "half": "beat", "beat": "eighth", "eighth": "eighth"},
}
"""The rhythm that is played for another in half-time and in double-time feel."""


def rhythm_in_feel(rhythm: Rhythm, feel: Feel) -> Rhythm:
    """Return the rhythm half or twice as frequent where the feel is half-time or double-time."""
    return _IN_FEEL[feel].get(rhythm, rhythm)


def n_steps(texture: Texture, start: int, end: int) -> int:
    """Return the number of arpeggio onsets that a texture has between two ticks."""
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
"""Onsets of the arpeggio in a beat, as shares of the beat, by their number; a share that is listed
twice has two notes."""


def choose_arpeggio_counts(
    fixed: FloatArray, wanted: FloatArray, most: IntArray, free: Sequence[bool]
) -> list[int]:
    """Return the number of arpeggio notes of every beat.

    Minimises, by dynamic programming, the squared error of the number of onsets against the plan's
    density over single beats and over pairs of neighbouring beats, plus the price of changes.

    Args:
        fixed: [beats] onsets of chords, pad and bass.
        wanted: [beats] onsets that the density of the plan asks for.
        most: [beats] most notes that the arpeggio can play, 0 where it rests.
        free: [beats] whether the number may change at no price: where a phrase begins, a strong
            cut falls, or the arpeggio starts or stops.

    Returns:
        [beats] notes, up to 8 an index of :data:`ARPEGGIO_RHYTHMS`.
    """
    wanted = np.where(most > 0, wanted, fixed)  # a rest has no error, so neighbours ignore it
    rungs = np.arange(int(most.max(initial=0)) + 1)
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
    """Return the most arpeggio notes that can be played in a beat of ``beat_s`` seconds."""
    if beat_s / 4 >= SHORTEST_STEP_S:
        return len(ARPEGGIO_RHYTHMS) - 1
    return 2 if beat_s / 2 >= SHORTEST_STEP_S else 1


def playable(texture: Texture, beat_s: float) -> bool:
    """Return whether a texture can be played on beats of ``beat_s`` seconds."""
    fastest = max(texture.steps, 2.0 if texture.chords == "eighth" else 1.0)
    return texture.level == 1 or beat_s / fastest >= SHORTEST_STEP_S


def choose_textures(counts: FloatArray, wanted: FloatArray, free: Sequence[bool]) -> list[int]:
    """Return the rung of every cell, by dynamic programming.

    Args:
        counts: [cells, rungs] onsets that each rung has in each cell; infinite where it cannot be
            played.
        wanted: [cells] onsets that the density of the plan asks for.
        free: [cells] whether the texture may change by any number of levels: where a phrase begins
            or a strong cut falls. Elsewhere it changes by one level at most.

    Returns:
        [cells] indices of rungs.
    """
    # The square root of a count has about the same variance at any density (Anscombe, 1948).
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
    """The best path, from the final costs and the best predecessors of each step."""
    path = [int(total.argmin())]
    for previous in reversed(came_from):
        path.append(int(previous[path[-1]]))
    return path[::-1]
