"""Notes as the sustain pedal holds them, in seconds."""

from __future__ import annotations

import numpy as np

from amt.measure import tick_seconds
from amt.types import FloatArray, Song, Track

SUSTAIN = 64
"""MIDI controller of the sustain pedal."""
PRESSED = 64
"""From this value of the controller on the pedal is down (MIDI 1.0 specification)."""


def sounding_notes(song: Song) -> FloatArray:
    """Start and end in seconds and pitch [n, 3] of the notes of all tracks but drums.

    A note that is released while the pedal is down sounds until the pedal rises or its pitch is
    struck again, whichever comes first. A pedal that never rises again holds nothing.
    """
    rows = [row for track in song.tracks if not track.is_drum for row in _pedalled(track)]
    notes = np.array(rows, dtype=np.float64).reshape(-1, 3)
    notes[:, :2] = tick_seconds(song, notes[:, :2])
    return notes


def _pedalled(track: Track) -> list[tuple[int, int, int]]:
    """(start, end, pitch) of the notes in ticks, held by the pedal."""
    pedal = [(c.tick, c.value >= PRESSED) for c in sorted(track.controls) if c.number == SUSTAIN]
    ticks = np.array([tick for tick, _ in pedal])
    rises = np.array([tick for tick, pressed in pedal if not pressed])
    rows: list[tuple[int, int, int]] = []
    next_start: dict[int, int] = {}
    for note in sorted(track.notes, reverse=True):
        end = note.end
        last = int(np.searchsorted(ticks, end, side="right")) - 1
        if last >= 0 and pedal[last][1]:
            rise = int(np.searchsorted(rises, end))
            end = int(rises[rise]) if rise < len(rises) else end
            end = max(note.end, min(end, next_start.get(note.pitch, end)))
        next_start[note.pitch] = note.start
        rows.append((note.start, end, note.pitch))
    return rows[::-1]
