"""Standard MIDI files drawn byte by byte, right and wrong."""

from __future__ import annotations

import struct

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
END = b"\0\xff\x2f\0"


def note(pitch: int, channel: int = 0, length: int = 0x60, velocity: int = 0x5A) -> bytes:
    """Four beats of a note need a division of 96 and the default length."""
    return bytes([0, 0x90 | channel, pitch, velocity, length, 0x80 | channel, pitch, 0x40])


def scale(channel: int = 0) -> bytes:
    """Eight notes of 96 ticks."""
    return b"".join(note(pitch, channel) for pitch in SCALE)


def meta(kind: int, data: bytes = b"") -> bytes:
    return bytes([0, 0xFF, kind, len(data)]) + data


def sysex(*data: int) -> bytes:
    """A system exclusive message, from behind its F0 up to before its F7."""
    return bytes([0, 0xF0, len(data) + 1, *data, 0xF7])


def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    return name + struct.pack(">I", len(data) if length is None else length) + data


def track(events: bytes, length: int | None = None) -> bytes:
    """A track of the events, with its end, and a length that may be wrong."""
    return chunk(b"MTrk", events + END, length)


def header(kind: int = 1, n_tracks: int = 1, division: int = 96) -> bytes:
    return chunk(b"MThd", struct.pack(">HHH", kind, n_tracks, division))
