"""A piano roll of a MIDI file above the self-similarity of its bars, as one picture.

    python -m experiments.music.rolls song.mid song.png --style orchestral

The self-similarity matrix (Foote 1999) compares every bar with every other: the mean of what their
melodies have in common (onsets in sixteenths, where the melody moves in the same direction) and of
what their chords have in common (pitch classes on each beat). Bright diagonals off the main one are
passages that return.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amt.chords import chord_from_id
from amt.midi import read_midi
from amt.types import TICKS_PER_BEAT, FloatArray, TextEvent
from experiments.music import voices
from experiments.music.piece import (
    ACCOMPANIMENT,
    BASS,
    COUNTER,
    END,
    MELODY,
    ONSET,
    PITCH,
    Piece,
    read_piece,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {MELODY: "#c0392b", COUNTER: "#2a7f62", BASS: "#7d5a9b", ACCOMPANIMENT: "#9db2cf"}
STEPS = 16
"""Steps of a bar on which melodies are compared."""


def self_similarity(piece: Piece) -> FloatArray:
    """[bars, bars] similarity of melody and chords, 0 to 1."""
    return (_melody_similarity(piece) + _chord_similarity(piece)) / 2


def _melody_similarity(piece: Piece) -> FloatArray:
    """Dice coefficient of onsets with their directions; 1 for two bars without melody."""
    line = voices.skyline(piece)
    edges = TICKS_PER_BEAT * np.concatenate([[0], np.cumsum(piece.bars)])
    direction = np.sign(np.diff(line[:, PITCH], prepend=line[:1, PITCH])).astype(np.int64)
    rows = np.zeros((len(piece.bars), STEPS, 3))
    for bar, (start, end) in enumerate(pairwise(edges.tolist())):
        inside = (line[:, ONSET] >= start) & (line[:, ONSET] < end)
        steps = np.rint((line[inside, ONSET] - start) / voices.GRID).astype(np.int64)
        rows[bar, steps.clip(0, STEPS - 1), direction[inside] + 1] = 1
    flat = rows.reshape(len(rows), -1)
    counts = flat.sum(axis=1)
    both = counts[:, None] + counts[None, :]
    return np.where(both > 0, 2 * flat @ flat.T / np.maximum(both, 1), 1.0)


def _chord_similarity(piece: Piece) -> FloatArray:
    """Cosine of the pitch classes of the chords of two bars."""
    edges = np.concatenate([[0], np.cumsum(piece.bars)])
    rows = np.zeros((len(piece.bars), 12))
    for bar, (start, end) in enumerate(pairwise(edges.tolist())):
        for chord in piece.chords[start:end]:
            rows[bar, list(chord_from_id(int(chord)).pitch_classes)] += 1
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.asarray(rows @ rows.T)


def draw(midi: Path, style: str, path: Path, title: str = "") -> None:
    """Draw a MIDI file that the command wrote in a style, as PNG."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    piece = read_piece(midi, style)
    sections = [m for m in read_midi(midi).markers if m.text.startswith("Section ")]
    figure = Figure(figsize=(9, 11), layout="constrained")
    roll, matrix = figure.subplots(2, 1, height_ratios=[2, 5])
    _draw_roll(roll, piece)
    bars = np.concatenate([[0], np.cumsum(piece.bars)])
    matrix.imshow(self_similarity(piece), cmap="magma", vmin=0, vmax=1)
    for axes, scale in ((roll, False), (matrix, True)):
        for section in sections:
            beat = section.tick / TICKS_PER_BEAT
            at = float(np.searchsorted(bars, beat)) - 0.5 if scale else beat
            axes.axvline(at, color="0.5" if not scale else "white", linewidth=0.7)
            if scale:
                axes.axhline(at, color="white", linewidth=0.7)
        _name(axes, sections, bars, by_bar=scale)
    matrix.set(xlabel="bar", ylabel="bar")
    figure.suptitle(title or midi.stem)
    patches = [Patch(color=colour, label=part) for part, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    figure.savefig(path, format="png", dpi=60)


def _draw_roll(axes: Axes, piece: Piece) -> None:
    for part in reversed(list(COLOURS)):
        notes = piece.parts.get(part)
        if notes is not None:
            lengths = (notes[:, END] - notes[:, ONSET]) / TICKS_PER_BEAT
            axes.barh(
                notes[:, PITCH], np.maximum(lengths - 0.05, 0.1), height=1.0,
                left=notes[:, ONSET] / TICKS_PER_BEAT, color=COLOURS[part],
            )  # fmt: skip
    axes.set(xlim=(0, piece.n_beats), ylabel="pitch")
    axes.set_yticks(range(24, 108, 12), [f"C{octave}" for octave in range(1, 8)])
    axes.set_xticks([])


def _name(axes: Axes, sections: Sequence[TextEvent], bars: np.ndarray, *, by_bar: bool) -> None:
    """Write the labels of the sections above a picture."""
    for section in sections:
        words = section.text.split()[2:]
        label = words[0] if words and not words[0].startswith("(") else ""
        beat = section.tick / TICKS_PER_BEAT
        at = float(np.searchsorted(bars, beat)) if by_bar else beat
        axes.annotate(label, (at, 1.01), xycoords=("data", "axes fraction"), fontsize=9)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="rolls", description="Piano roll and self-similarity.")
    parser.add_argument("midi", type=Path, help="file that amt wrote")
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("--style", required=True, help="that the file was written in")
    parser.add_argument("--title", default="", help="of the picture; the file's name if left out")
    args = parser.parse_args(argv)
    draw(args.midi, args.style, args.picture, args.title)


if __name__ == "__main__":
    main()
