"""Parts → buses: what is rendered in one pass, how loud and where it stands.

A bus holds the notes of one family of instruments whose parts share volume (CC 7), expression
(CC 11) and pan (CC 10). What the network cannot play is left to another engine and is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.diffusion.instruments import DRUM_PROGRAM, FAMILY_OF
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.tokens import NoteTable, note_table
from render.score import Note, Part

_VOLUME, _PAN, _EXPRESSION = 7, 10, 11
_DEFAULTS = {_VOLUME: 100, _PAN: 64, _EXPRESSION: 127}
"""What General MIDI starts with, and the level at which instruments are learned."""
_GLIDE_S = 0.01
"""Time over which a control moves before it is due, so that no step is heard as a click."""

_Automation = tuple[tuple[float, int, int], ...]
"""(seconds, controller, value) of volume, pan and expression, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Bus:
    """Notes that are rendered together, in mono.

    Attributes:
        name: of the family of its instruments.
        notes: what is played.
        automation: (seconds, controller, value) of volume, pan and expression, in order.
    """

    name: str
    notes: NoteTable
    automation: _Automation


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Notes of a part that the network cannot play.

    Attributes:
        part: the part with these notes only, for another engine.
        reason: what is not learned, such as ``program 109`` or ``pitch bends``.
    """

    part: Part
    reason: str


def assign(parts: Sequence[Part]) -> tuple[tuple[Bus, ...], tuple[LeftOut, ...]]:
    """Divide parts among buses; each note goes to one bus or is left out.

    The pedal is honoured by holding notes. A part that bends pitches is left out whole, as is a
    drum that is no key of the General MIDI kit.

    Returns:
        Buses in the order in which they are first heard of, and what is left to other engines.
    """
    on_bus: dict[tuple[str, _Automation], list[tuple[Note, int]]] = defaultdict(list)
    left: list[LeftOut] = []
    for part in parts:
        automation = _automation(part)
        playable, others = _divide(part)
        left += others
        for note, program in playable:
            on_bus[FAMILY_OF[program].name, automation].append((note, program))
    buses = (Bus(name, note_table(notes), moves) for (name, moves), notes in on_bus.items())
    return tuple(buses), tuple(left)


def gains(bus: Bus, start: int, stop: int) -> NDArray[np.float32]:
    """Gain of left and right [2, stop - start] from sample ``start`` of the piece to ``stop``.

    Volume and expression are amplitudes' squares (40 log10(value / 127) dB, General MIDI level 2);
    pan has constant power, and leaves what stands in the middle as it is.
    """
    time_s = np.arange(start, stop) / SAMPLE_RATE
    volume, pan, expression = (
        _curve(bus.automation, number, time_s) for number in (_VOLUME, _PAN, _EXPRESSION)
    )
    level = (volume / _DEFAULTS[_VOLUME]) ** 2 * (expression / _DEFAULTS[_EXPRESSION]) ** 2
    angle = np.clip((pan - 1) / 126, 0, 1) * (np.pi / 2)
    sides = np.stack([np.cos(angle), np.sin(angle)]) * np.sqrt(2)
    return np.asarray(level * sides, np.float32)


def _curve(
    automation: _Automation, number: int, time_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values [L] of a controller, which glides to each new value in time."""
    moves = [(time, value) for time, control, value in automation if control == number]
    points = [(-_GLIDE_S, float(_DEFAULTS[number]))]
    for time, value in moves:
        before = points[-1][1]
        points += [(time - _GLIDE_S, before), (time, float(value))]
    at, values = zip(*points, strict=True)
    return np.asarray(np.interp(time_s, np.maximum.accumulate(at), values))


def _automation(part: Part) -> _Automation:
    return tuple(
        (time, message.control, message.value)
        for time, message in part.controls
        if message.type == "control_change" and message.control in _DEFAULTS
    )


def _divide(part: Part) -> tuple[list[tuple[Note, int]], list[LeftOut]]:
    """Notes with their programs, and what is not learned."""
    if any(m.type == "pitchwheel" and m.pitch for _, m in part.controls):
        return [], [LeftOut(part, "pitch bends")]
    # A pedal that is never lifted holds notes to the end of the part.
    held = part.sustained(part.end_s)
    playable: list[tuple[Note, int]] = []
    others: dict[str, list[Note]] = defaultdict(list)
    for note, program in _with_programs(held):
        if program not in FAMILY_OF:
            others[f"program {program}"].append(note)
        elif part.is_drum and not _is_kit_key(note.pitch):
            others[f"drum key {note.pitch}"].append(note)
        else:
            playable.append((note, program))
    return playable, [
        LeftOut(replace(held, notes=tuple(notes)), reason) for reason, notes in others.items()
    ]


def _with_programs(part: Part) -> Iterator[tuple[Note, int]]:
    """Each note with the program that is set when it is struck."""
    changes = [(t, m.program) for t, m in part.controls if m.type == "program_change"]
    times = [time for time, _ in changes]
    at = np.searchsorted(times, [note.start_s for note in part.notes], side="right")
    for note, index in zip(part.notes, at.tolist(), strict=True):
        program = changes[index - 1][1] if index else 0
        yield note, DRUM_PROGRAM if part.is_drum else program


def _is_kit_key(pitch: int) -> bool:
    family = FAMILY_OF[DRUM_PROGRAM]
    return family.lowest <= pitch <= family.highest
