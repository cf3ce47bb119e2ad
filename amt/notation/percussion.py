"""Drums of General MIDI on a percussion staff (Weinberg, *Guide to Standardized Drumset Notation*).

Hands are in the first voice, with stems up, feet in the second.
"""

from __future__ import annotations

from typing import NamedTuple


class Drum(NamedTuple):
    """How a drum is written."""

    name: str
    step: str
    octave: int
    head: str = "normal"
    is_foot: bool = False


_CROSS, _CIRCLE, _DIAMOND, _TRIANGLE = "x", "circle-x", "diamond", "triangle"
DRUMS = {
    35: Drum("Bass drum 2", "E", 4, is_foot=True),
    36: Drum("Bass drum", "F", 4, is_foot=True),
    37: Drum("Side stick", "C", 5, _CROSS),
    38: Drum("Snare drum", "C", 5),
    39: Drum("Hand clap", "C", 5, _TRIANGLE),
    40: Drum("Electric snare", "C", 5),
    41: Drum("Low floor tom", "G", 4),
    42: Drum("Closed hi-hat", "G", 5, _CROSS),
    43: Drum("High floor tom", "A", 4),
    44: Drum("Pedal hi-hat", "D", 4, _CROSS, is_foot=True),
    45: Drum("Low tom", "B", 4),
    46: Drum("Open hi-hat", "G", 5, _CIRCLE),
    47: Drum("Low-mid tom", "B", 4),
    48: Drum("High-mid tom", "D", 5),
    49: Drum("Crash cymbal", "A", 5, _CROSS),
    50: Drum("High tom", "E", 5),
    51: Drum("Ride cymbal", "F", 5, _CROSS),
    52: Drum("China cymbal", "B", 5, _CROSS),
    53: Drum("Ride bell", "F", 5, _DIAMOND),
    54: Drum("Tambourine", "B", 5, _TRIANGLE),
    55: Drum("Splash cymbal", "B", 5, _DIAMOND),
    56: Drum("Cowbell", "E", 5, _TRIANGLE),
    57: Drum("Crash cymbal 2", "A", 5, _CROSS),
    59: Drum("Ride cymbal 2", "F", 5, _CROSS),
    69: Drum("Cabasa", "B", 5, _CROSS),
    70: Drum("Maracas", "B", 5, _CROSS),
    75: Drum("Claves", "D", 5, _CROSS),
    80: Drum("Mute triangle", "B", 5, _CROSS),
    81: Drum("Open triangle", "B", 5, _TRIANGLE),
    82: Drum("Shaker", "B", 5, _CROSS),
}
"""MIDI note → drum."""


def drum_of(pitch: int) -> Drum:
    """Return how a MIDI note of a drum track is written."""
    return DRUMS.get(pitch) or Drum(f"Percussion {pitch}", "E", 5, _DIAMOND)
