"""The piano roll: every note a stripe, high notes above, a colour a track."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from amt.measure import tick_seconds
from amt.report.drawing import WIDTH, Axis, Overlay, Plot, Shape, number
from amt.report.panels import Panel
from amt.types import Song, Track

COLOURS = 8
"""Colours for tracks in the style sheet; more tracks begin anew."""

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FINEST = WIDTH / 4000
"""Notes of one pitch that begin in one step of this size are drawn as one, and none is drawn
narrower: this bounds the drawing of a long song."""
_GAP = WIDTH / 1200
_MIDDLE_C = 60


def piano_roll(axis: Axis, song: Song) -> Panel:
    """Pitched tracks share a drawing; drums, whose numbers are no pitches, have one below."""
    pitched = [(i, t) for i, t in enumerate(song.tracks) if not t.is_drum and t.notes]
    drums = [(i, t) for i, t in enumerate(song.tracks) if t.is_drum and t.notes]
    counts = [f"{t.name} ({len(t.notes)} notes)" for _, t in (*pitched, *drums)]
    plots = [_drawing(axis, song, pitched, 240)] if pitched else []
    plots += [_drawing(axis, song, drums, 54, lines=False)] if drums else []
    return Panel(
        "roll",
        "The notes",
        "Every stripe is a note: the further up the higher it sounds, the longer the longer it "
        "lasts, with a colour for each instrument" + (", drums below." if drums else "."),
        plots or [Plot([], 60, "There are no notes")],
        [
            (f"box t{i % COLOURS}", words)
            for (i, _), words in zip((*pitched, *drums), counts, strict=True)
        ],
    )


def _drawing(
    axis: Axis, song: Song, tracks: list[tuple[int, Track]], height_px: int, lines: bool = True
) -> Plot:
    pitches = [note.pitch for _, track in tracks for note in track.notes]
    low, high = min(pitches) - 2, max(pitches) + 2
    row = 100 / (high - low + 1)
    shapes: list[Shape] = []
    words: list[Overlay] = []
    if lines:
        octaves = range(-(-low // 12) * 12, high + 1, 12)
        level = {pitch: row * (high - pitch + 1) for pitch in octaves}
        data = "".join(f"M0 {number(y)}h{WIDTH}" for y in level.values())
        shapes.append(Shape("octave", data))
        words = [_octave_name(pitch, y) for pitch, y in level.items()]
    for index, track in tracks:
        data = "".join(
            f"M{number(x)} {number(row * (high - pitch), 2)}h{number(width)}v{number(row, 2)}"
            f"h{number(-width)}Z"
            for pitch, x, width in _stripes(axis, song, track)
        )
        shapes.append(Shape(f"notes t{index % COLOURS}", data))
    names = ", ".join(f"{track.name} {len(track.notes)}" for _, track in tracks)
    return Plot(shapes, height_px, f"Piano roll with the notes of {names}", words)


def _octave_name(pitch: int, level: float) -> Overlay:
    name = f"C{pitch // 12 - 1}" + (" (middle C)" if pitch == _MIDDLE_C else "")
    return Overlay("label", f"top:{number(level)}%", "corner", name)


def _stripes(axis: Axis, song: Song, track: Track) -> Iterable[tuple[int, float, float]]:
    """Pitch, place and width of the stripes of a track; notes that begin together share one."""
    notes = sorted((note.pitch, note.start, note.end) for note in track.notes)
    pitch, start_tick, end_tick = np.array(notes).T
    scale = WIDTH / axis.duration_s
    start = np.minimum(tick_seconds(song, start_tick) * scale, WIDTH)
    end = np.minimum(tick_seconds(song, end_tick) * scale, WIDTH)
    cell = np.floor(start / _FINEST)
    first = np.flatnonzero((np.diff(pitch, prepend=-1) != 0) | (np.diff(cell, prepend=-1) != 0))
    for at, until in zip(first, np.maximum.reduceat(end, first), strict=True):
        length = float(until - start[at])
        # Shortened a little, so that repeated notes do not merge.
        yield int(pitch[at]), float(start[at]), max(length - _GAP, 0.7 * length, _FINEST)
