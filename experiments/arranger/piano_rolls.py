"""Arrangements of one song above each other, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amt.chords import chord_from_id
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, ROLE, ROLES, bar_starts
from data_prep.note_song import NoteSong
from experiments.arranger.metrics import bars_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = 16
COLOURS = {"melody": "#c0392b", "counter": "#2a7f62", "harmony": "#4a6fa5"}
_MIDDLE_C = 60


def draw_rolls(pieces: Mapping[str, NoteSong], path: Path, first_bar: int = 0) -> None:
    """Draw :data:`BARS` bars of each arrangement of a song as a piano roll, as PNG.

    Args:
        pieces: who arranged -> the song, of the same bars and chords.
        path: of the picture.
        first_bar: from which to draw; earlier if the song ends too soon.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    n_bars = len(next(iter(pieces.values())).bars)
    first = max(0, min(first_bar, n_bars - BARS))
    last = min(first + BARS, n_bars)
    parts = {name: bars_of(piece, first, last) for name, piece in pieces.items()}
    figure = Figure(figsize=(16, 3.2 * len(parts)), layout="constrained")
    rows = figure.subplots(len(parts), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (name, part) in zip(rows, parts.items(), strict=True):
        _draw(axes, part)
        axes.set(ylabel=name)
    _name_chords(rows[0], next(iter(parts.values())))
    rows[-1].set(xlabel="bar")
    rows[-1].set_xticks(_edges(part)[:-1], [str(first + 1 + i) for i in range(len(part.bars))])
    figure.suptitle(f"{part.name}, {part.key.label}")
    patches = [Patch(color=colour, label=role) for role, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="upper right", ncols=len(ROLES), frameon=False)
    figure.savefig(path, format="png", dpi=80)


def _draw(axes: Axes, part: NoteSong) -> None:
    edges = _edges(part)
    for i, edge in enumerate(edges.tolist()):
        axes.axvline(edge, color="0.75" if i % 4 == 0 else "0.9", linewidth=0.8, zorder=0)
    for role, name in enumerate(ROLES):
        notes = part.notes[part.notes[:, ROLE] == role]
        axes.barh(
            notes[:, PITCH], notes[:, DURATION] / RESOLUTION - 0.04, height=0.9,
            left=notes[:, ONSET] / RESOLUTION, color=COLOURS[name],
        )  # fmt: skip
    axes.axhline(_MIDDLE_C, color="0.85", linewidth=0.8, zorder=0)
    axes.set(xlim=(0, edges[-1]))
    axes.set_yticks(range(24, 108, 12), [f"C{octave}" for octave in range(1, 8)])


def _edges(part: NoteSong) -> np.ndarray:
    """Beats [bars + 1] on which bars begin."""
    return np.asarray(bar_starts(part.bars) // RESOLUTION)


def _name_chords(axes: Axes, part: NoteSong) -> None:
    for beat in np.flatnonzero(np.diff(part.chords, prepend=-1)).tolist():
        name = chord_from_id(int(part.chords[beat])).spell(part.key)
        axes.annotate(
            name, (beat, 1.01), xycoords=("data", "axes fraction"), fontsize=7, rotation=45
        )
