"""The table of the instruments that the neural renderer was trained on.

Programs are those of General MIDI, counted from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

DRUMS = "drums"
DRUM_PROGRAM = 128
"""Stands for the standard drum kit of channel 10."""


@dataclass(frozen=True, slots=True)
class Family:
    """Instruments that are rendered together.

    Attributes:
        name: shown to users.
        programs: of its instruments.
        lowest: lowest MIDI pitch that was trained on.
        highest: highest MIDI pitch that was trained on.
    """

    name: str
    programs: tuple[int, ...]
    lowest: int
    highest: int


FAMILIES = (
    Family("piano", (0, 4, 5), 21, 108),
    Family("mallets and harp", (8, 9, 10, 11, 12, 14, 46), 24, 108),
    Family("timpani", (47,), 33, 64),
    Family("organ", (17, 19), 33, 103),
    Family("guitar", (24, 25, 26, 27), 36, 91),
    Family("bass", (32, 33, 38, 39), 21, 67),
    Family("strings", (40, 41, 42, 43, 44, 45, 48, 49), 24, 103),
    Family("choir", (52,), 36, 91),
    Family("brass", (56, 57, 58, 60, 61), 26, 91),
    Family("woodwind", (68, 70, 71, 73), 34, 103),
    Family("lead", (80, 81), 33, 103),
    Family("pad", (88, 89, 90, 91, 94), 33, 103),
    Family(DRUMS, (DRUM_PROGRAM,), 35, 81),
)

INSTRUMENTS = tuple(program for family in FAMILIES for program in family.programs)
"""All programs, in the order of their ids."""
INSTRUMENT_ID = {program: index for index, program in enumerate(INSTRUMENTS)}
"""Program → id, the index in :data:`INSTRUMENTS`."""
FAMILY_OF = {program: family for family in FAMILIES for program in family.programs}
"""Program → family."""
