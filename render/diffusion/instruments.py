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
    Family("mallets and harp", (10, 11, 46), 48, 103),
    Family("organ", (17,), 36, 96),
    Family("guitar", (24, 25, 26, 27), 40, 84),
    Family("bass", (32, 33, 38, 39), 24, 60),
    Family("strings", (40, 42, 43, 45, 48, 49), 28, 96),
    Family("brass", (56, 60, 61), 36, 86),
    Family("flute and clarinet", (71, 73), 50, 98),
    Family("lead", (80, 81), 40, 96),
    Family("pad", (88, 89, 90, 91, 94), 36, 96),
    Family(DRUMS, (DRUM_PROGRAM,), 35, 81),
)

INSTRUMENTS = tuple(program for family in FAMILIES for program in family.programs)
"""All programs, in the order of their ids."""
INSTRUMENT_ID = {program: index for index, program in enumerate(INSTRUMENTS)}
"""Program → id, the index in :data:`INSTRUMENTS`."""
FAMILY_OF = {program: family for family in FAMILIES for program in family.programs}
"""Program → family."""
