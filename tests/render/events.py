"""Events of small MIDI files, as (tick, message); 480 ticks are a beat of half a second."""

from __future__ import annotations

import mido

Event = tuple[int, mido.Message | mido.MetaMessage]

TICKS_PER_BEAT = 480


def note(tick: int, length: int, pitch: int = 60, velocity: int = 100, channel: int = 0):
    return [
        (tick, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (tick + length, mido.Message("note_off", note=pitch, channel=channel)),
    ]


def control(tick: int, number: int, value: int, channel: int = 0) -> Event:
    return tick, mido.Message("control_change", control=number, value=value, channel=channel)


def program(number: int, channel: int = 0, tick: int = 0) -> Event:
    return tick, mido.Message("program_change", program=number, channel=channel)


def named(name: str) -> Event:
    return 0, mido.MetaMessage("track_name", name=name)


def band() -> list[list[Event]]:
    """Eight seconds of piano, strings and drums in three named tracks."""
    piano = [event for i in range(16) for event in note(480 * i, 400, 60 + i % 5)]
    strings = [event for pitch in (48, 55, 64) for event in note(0, 7680, pitch, 90, channel=1)]
    drums = [event for i in range(16) for event in note(480 * i, 120, 36 + 2 * (i % 2), channel=9)]
    return [
        [named("Piano"), program(0), *piano],
        [named("Strings"), program(48, channel=1), *strings],
        [named("Drums"), *drums],
    ]
