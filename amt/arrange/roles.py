"""Which roles of the network are active in which bar, and which instruments play them.

The network writes melody and harmony, which are active throughout, the melody if the arrangement
has one. It could write a counter-melody too (:data:`amt.models.notes.tokens.ROLES`), but where that
role is active it writes next to none (no note in seven of eight pieces), so that line is composed
by rule (:mod:`amt.arrange.counter`), in every second phrase, if the density is high enough.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amt.arrange.form import Form
from amt.arrange.styles import Instrument, Style
from amt.models.notes.tokens import ROLES
from amt.types import TICKS_PER_BEAT, Arrangement, BoolArray, FloatArray, IntArray, TimeGrid

COUNTER_NOTES = 1.0
"""Notes per beat, of melody, counter-melody and harmony together, from which there is a
counter-melody; set by hand."""
COUNTER_SHARE = 0.5
"""Notes per beat that the counter-melody plays of them, about; measured on drawn melodies."""

_STAND_INS = {
    "melody": ("melody", "arpeggio", "harmony"),
    "counter": ("counter",),
    "harmony": ("accompaniment", "harmony"),
}
"""Instruments for a role of the network: the first of these that the style has plays it."""


def network_instruments(style: Style, arrangement: Arrangement) -> dict[str, Instrument]:
    """The instrument of each role that the network writes for, in the order of its roles."""
    players: dict[str, Instrument] = {}
    for role in ROLES:
        found = (style.instrument(name) for name in _STAND_INS[role])
        player = next((instrument for instrument in found if instrument is not None), None)
        if player is not None and (role == "harmony" or arrangement.melody):
            players[role] = replace(player, role=role)
    if "melody" in players and players["melody"].name == players["harmony"].name:
        name = f"{players['melody'].name} melody"  # tracks are known by their names
        players["melody"] = replace(players["melody"], name=name)
    return players


def active_roles(grid: TimeGrid, style: Style, arrangement: Arrangement) -> BoolArray:
    """Return [bars, roles] whether the network writes each of its roles in each bar."""
    players = network_instruments(style, arrangement)
    writes = [role in players and role != "counter" for role in ROLES]
    return np.tile(np.array(writes), (len(grid.bars), 1))


def bar_phrases(form: Form, grid: TimeGrid) -> IntArray:
    """[bars] number of the phrase of each bar."""
    starts = np.minimum(grid.downbeats * TICKS_PER_BEAT, form.end - 1).tolist()
    return np.array([form.cell_at(start).phrase for start in starts])


def counter_phrases(
    form: Form, grid: TimeGrid, style: Style, arrangement: Arrangement, notes_per_beat: FloatArray
) -> frozenset[int]:
    """Return the numbers of the phrases in which the counter-melody plays.

    Args:
        form: of the piece.
        grid: its bars.
        style: its instruments.
        arrangement: whether there is a melody; without one there is no counter-melody.
        notes_per_beat: [bars] of melody, counter-melody and harmony together.
    """
    if "counter" not in network_instruments(style, arrangement):
        return frozenset()
    phrase = bar_phrases(form, grid)
    room = (p for p in set(phrase.tolist()) if notes_per_beat[phrase == p].mean() >= COUNTER_NOTES)
    return frozenset(p for p in room if p % 2 == 1)
