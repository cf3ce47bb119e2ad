"""Grooves: what the bass drum, the snare and the hats play, by the sixteenths of a bar.

Three grooves are counted from performances of drummers (``grooves.toml``, written by
``data_prep/groove.py`` from the Groove MIDI Dataset, CC BY 4.0); the drum machine's was set by
hand. A *step* is a sixteenth of a bar of 4/4, 0 to 15; bars of other lengths take the steps of 4/4
group by group (:func:`bar_steps`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from amt.arrange.metre import groups
from amt.types import Feel, FloatArray

STEPS = 16
STEPS_PER_BEAT = 4


@dataclass(frozen=True, slots=True, eq=False)
class Groove:
    """The manner of a drummer; velocities are steps against the mean of the same piece."""

    kicks: tuple[str, ...]
    """Bars of the bass drum, ``x`` where it is struck."""
    kick_weights: FloatArray
    """[kicks] how frequent each is."""
    ghosts: FloatArray
    """[16] share of bars with a ghost note of the snare on each step."""
    snares: FloatArray
    """[16] share of bars with a loud snare."""
    opens: FloatArray
    """[16] share of bars with an open hat."""
    kick_velocity: FloatArray
    hat_velocity: FloatArray
    """[16]."""
    hat_late_ms: FloatArray
    """[4] milliseconds by which hats are late on each sixteenth of a beat."""
    fills: tuple[str, ...]
    """Fills of two beats: ``s`` snare, ``h m l`` high, middle and low tom, ``k`` bass drum."""
    fill_velocity: FloatArray
    """[8]."""
    rides: bool = True
    """Whether the ride cymbal plays in every second busy section."""
    steady: bool = False
    """Whether the bass drum goes on through the backbeats."""
    claps: bool = False
    """Whether the backbeat is clapped."""


def groove_names() -> tuple[str, ...]:
    """Names of all grooves."""
    return (*_counted(), "machine")


@cache
def load_groove(name: str) -> Groove:
    """Return a groove by its name, one of :func:`groove_names`."""
    if name == "machine":
        return _machine()
    table = _counted()[name]
    kicks = np.array(table["kick_velocity"], dtype=np.float64)
    hats = np.array(table["hat_velocity"], dtype=np.float64)
    return Groove(
        kicks=tuple(table["kicks"]),
        kick_weights=np.array(table["kick_weights"], dtype=np.float64),
        ghosts=np.array(table["ghosts"]) / 100,
        snares=np.array(table["snares"]) / 100,
        opens=np.array(table["opens"]) / 100,
        kick_velocity=kicks - kicks.mean(),
        hat_velocity=hats - hats.mean(),
        hat_late_ms=np.array(table["hat_late_ms"], dtype=np.float64),
        fills=tuple(table["fills"]),
        fill_velocity=np.array(table["fill_velocity"], dtype=np.float64),
        rides=name != "hiphop",
    )


def _machine() -> Groove:
    """Four to the floor, with an open hat after every bass drum; all of it even, as programmed."""
    offbeats = np.tile([0.0, 0.0, 0.9, 0.0], 4)
    return Groove(
        kicks=("x...x...x...x...", "x...x...x...x.x.", "x...x..xx...x..."),
        kick_weights=np.array([6.0, 2.0, 1.0]),
        ghosts=np.zeros(STEPS),
        snares=np.zeros(STEPS),
        opens=offbeats,
        kick_velocity=np.zeros(STEPS),
        hat_velocity=np.tile([4.0, -8.0, 4.0, -8.0], 4),
        hat_late_ms=np.zeros(STEPS_PER_BEAT),
        fills=("s...s.s.", "s.s.ssss", "..s...ss", "s..s..ss"),
        fill_velocity=np.linspace(-8, 8, 8),
        rides=False,
        steady=True,
        claps=True,
    )


@cache
def _counted() -> Mapping[str, Mapping[str, Any]]:
    text = files("amt.arrange").joinpath("grooves.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def bar_steps(beats: int) -> tuple[int, ...]:
    """Return the step of 4/4 that each sixteenth of a bar of any number of beats plays.

    The first, third … group of the bar plays the first half of 4/4, the others the second half;
    the third beat of a group of three is like its second.

    >>> bar_steps(3)
    (0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7)
    """
    if beats == STEPS // STEPS_PER_BEAT:
        return tuple(range(STEPS))
    return tuple(
        8 * (number % 2) + STEPS_PER_BEAT * min(beat, 1) + step
        for number, size in enumerate(groups(beats))
        for beat in range(size)
        for step in range(STEPS_PER_BEAT)
    )


def felt_steps(beats: int, feel: Feel, number: int) -> dict[int, int]:
    """Return which sixteenths of a bar play which step of 4/4, in a feel.

    In half-time feel a pattern lasts two bars, in double-time feel half a bar, without its odd
    sixteenths.

    Args:
        beats: of the bar.
        feel: of the bar.
        number: of the bar; in half-time feel even ones play the first half.
    """
    steps = bar_steps(beats)
    if feel == "half":
        first = len(steps) * (number % 2)
        return {i: steps[(first + i) // 2] for i in range(len(steps)) if (first + i) % 2 == 0}
    if feel == "double":
        return {i: steps[2 * i % len(steps)] for i in range(len(steps))}
    return dict(enumerate(steps))
