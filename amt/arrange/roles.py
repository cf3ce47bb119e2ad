"""Which roles of the network are active in which bar, and which instruments play them.

The network writes melody, counter-melody and harmony (:data:`amt.models.notes.tokens.ROLES`). The
harmony is active throughout, and so is the melody if the arrangement has one. The counter-melody is
active in every second phrase, if the density is high enough.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amt.arrange.form import Form
from amt.arrange.styles import Instrument, Style
from amt.models.notes.tokens import ROLES
from amt.types import TICKS_PER_BEAT, Arrangement, BoolArray, FloatArray, TimeGrid

COUNTER_NOTES = 2.5
"""Notes per beat, over all roles of the network, from which there is a counter-melody; set by hand
so that melody and harmony keep about one note per beat each."""

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


def active_roles(
    form: Form, grid: TimeGrid, style: Style, arrangement: Arrangement, notes_per_beat: FloatArray
) -> BoolArray:
    """Return [bars, roles] whether each role of the network is active in each bar.

    Args:
        form: of the piece.
        grid: its bars.
        style: its instruments.
        arrangement: whether there is a melody; without one there is no counter-melody.
        notes_per_beat: [bars] that the network is asked for.
    """
    players = network_instruments(style, arrangement)
    starts = np.minimum(grid.downbeats * TICKS_PER_BEAT, form.end - 1).tolist()
    phrase = np.array([form.cell_at(start).phrase for start in starts])
    room = {p: notes_per_beat[phrase == p].mean() >= COUNTER_NOTES for p in set(phrase.tolist())}
    answers = np.array([p % 2 == 1 and room[p] for p in phrase.tolist()])
    everywhere = np.ones(len(phrase), dtype=bool)
    plays = {"melody": everywhere, "counter": answers, "harmony": everywhere}
    return np.stack([plays[role] & (role in players) for role in ROLES], axis=1)
