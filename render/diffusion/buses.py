"""Parts → buses: the notes that are rendered in one pass, with their volume and pan.

A bus holds the notes of one family of instruments whose parts share volume (CC 7), expression
(CC 11), pan (CC 10) and pitch bends. Notes that the network does not support are returned for
another engine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.diffusion.excitation import Bend
from render.diffusion.instruments import DRUM_PROGRAM, FAMILY_OF
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.performance import connected
from render.diffusion.tokens import NoteTable, note_table
from render.score import Note, Part, instrument_name
from render.system_settings import bends, is_tuned

_VOLUME, _PAN, _EXPRESSION = 7, 10, 11
_DEFAULTS = {_VOLUME: 100, _PAN: 64, _EXPRESSION: 127}
"""Initial values in General MIDI; the network was trained at this volume and expression."""
_GLIDE_S = 0.01
"""Seconds over which a control moves to its new value before it is due, so that no step clicks."""

_Automation = tuple[tuple[float, int, int], ...]
"""(seconds, controller, value) of volume, pan and expression, in order."""
_Bends = tuple[tuple[float, float], ...]
"""(seconds, semitones), in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A controller over time, piecewise linear.

    Attributes:
        at_s: float64 [n] rising times, in seconds.
        values: float64 [n] of the controller at those times, 0-127.
    """

    at_s: NDArray[np.float64]
    values: NDArray[np.float64]

    def between(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values float64 [L] of the controller at rising times [L] in seconds."""
        low = max(int(np.searchsorted(self.at_s, time_s[0], side="right")) - 1, 0)
        high = int(np.searchsorted(self.at_s, time_s[-1], side="left")) + 1
        near = slice(low, high)
        return np.asarray(np.interp(time_s, self.at_s[near], self.values[near]))


@dataclass(frozen=True, slots=True, eq=False)
class Bus:
    """Notes that are rendered together, in mono.

    Attributes:
        name: of its family of instruments.
        notes: of all its parts.
        volume: CC 7.
        expression: CC 11.
        pan: CC 10.
        bend: pitch bends, if there are any.
    """

    name: str
    notes: NoteTable
    volume: Curve
    expression: Curve
    pan: Curve
    bend: Bend | None = None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Notes of a part that the network was not trained on.

    Attributes:
        part: the part with these notes only, for another engine.
        reason: what is not supported, such as ``program 109 (Bagpipe)`` or ``tuning``.
        index: of the part among all parts.
    """

    part: Part
    reason: str
    index: int


def assign(parts: Sequence[Part]) -> tuple[tuple[Bus, ...], tuple[Unsupported, ...]]:
    """Assign every note of the parts to one bus, or to the notes that are not supported.

    The sustain pedal is replaced by longer notes, and slurred notes are connected. A part with
    tuning is not supported at all; of other parts, notes of instruments or pitches that are not in
    :mod:`render.diffusion.instruments`.

    Returns:
        The buses in the order of their first part, and the unsupported notes.
    """
    on_bus: dict[tuple[str, _Automation, _Bends], list[tuple[Note, int]]] = defaultdict(list)
    unsupported: list[Unsupported] = []
    for index, part in enumerate(parts):
        automation, bent = _automation(part), () if part.is_drum else tuple(bends(part.controls))
        playable, others = _divide(part)
        unsupported += [Unsupported(part, reason, index) for reason, part in others]
        for note, program in playable:
            on_bus[FAMILY_OF[program].name, automation, bent].append((note, program))
    buses = (_bus(*key, notes) for key, notes in on_bus.items())
    return tuple(buses), tuple(unsupported)


def gains(bus: Bus, start: int, stop: int) -> NDArray[np.float32]:
    """Factors float32 [2, stop - start] of a bus's left and right channel.

    Amplitude is the square of volume and of expression (40 log10(value / 127) dB, General MIDI
    level 2), relative to the initial values. Pan has constant power; in the middle both factors of
    pan are 1.

    Args:
        bus: whose controllers count.
        start: first sample, counted from the start of the piece.
        stop: sample after the last.
    """
    time_s = np.arange(start, stop) / SAMPLE_RATE
    volume, pan, expression = (
        curve.between(time_s) for curve in (bus.volume, bus.pan, bus.expression)
    )
    level = (volume / _DEFAULTS[_VOLUME]) ** 2 * (expression / _DEFAULTS[_EXPRESSION]) ** 2
    angle = np.clip((pan - 1) / 126, 0, 1) * (np.pi / 2)
    sides = np.stack([np.cos(angle), np.sin(angle)]) * np.sqrt(2)
    return np.asarray(level * sides, np.float32)


def _bus(name: str, automation: _Automation, bent: _Bends, notes: list[tuple[Note, int]]) -> Bus:
    volume, expression, pan = (_curve(automation, n) for n in (_VOLUME, _EXPRESSION, _PAN))
    bend = Bend.of(*_gliding(bent, 0.0)) if bent else None
    return Bus(name, note_table(connected(notes)), volume, expression, pan, bend)


def _curve(automation: _Automation, number: int) -> Curve:
    moves = [(time, value) for time, control, value in automation if control == number]
    return Curve(*_gliding(moves, _DEFAULTS[number]))


def _gliding(
    moves: Sequence[tuple[float, float]], initial: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and values of a controller that glides to each new value before it is due."""
    points = [(-_GLIDE_S, float(initial))]
    for time, value in moves:
        before = points[-1][1]
        points += [(time - _GLIDE_S, before), (time, float(value))]
    at, values = zip(*points, strict=True)
    return np.maximum.accumulate(at), np.array(values)


def _automation(part: Part) -> _Automation:
    return tuple(
        (time, message.control, message.value)
        for time, message in part.controls
        if message.type == "control_change" and message.control in _DEFAULTS
    )


def _divide(part: Part) -> tuple[list[tuple[Note, int]], list[tuple[str, Part]]]:
    """The supported notes with their programs, and (reason, part) for the others."""
    if not part.is_drum and is_tuned(part.controls):
        return [], [("tuning", part)]
    # A pedal that is never lifted holds notes to the end of the part.
    held = part.sustained(part.end_s)
    playable: list[tuple[Note, int]] = []
    others: dict[str, list[Note]] = defaultdict(list)
    for note, program in _with_programs(held):
        reason = _why_unsupported(note.pitch, program)
        if reason is None:
            playable.append((note, program))
        else:
            others[reason].append(note)
    return playable, [(reason, held.with_notes(tuple(notes))) for reason, notes in others.items()]


def _why_unsupported(pitch: int, program: int) -> str | None:
    """Why a note is not supported; None where it is."""
    family = FAMILY_OF.get(program)
    if family is None:
        return f"program {program} ({instrument_name(program)})"
    if family.lowest <= pitch <= family.highest:
        return None
    if program == DRUM_PROGRAM:
        return f"drum key {pitch}"
    return f"{family.name} outside MIDI pitches {family.lowest} to {family.highest}"


def _with_programs(part: Part) -> Iterator[tuple[Note, int]]:
    """Each note with the program that is set at its onset."""
    changes = [(t, m.program) for t, m in part.controls if m.type == "program_change"]
    times = [time for time, _ in changes]
    at = np.searchsorted(times, [note.start_s for note in part.notes], side="right")
    for note, index in zip(part.notes, at.tolist(), strict=True):
        program = changes[index - 1][1] if index else 0
        yield note, DRUM_PROGRAM if part.is_drum else program
