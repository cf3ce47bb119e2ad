"""Damaged MIDI files: both readers, of songs and of parts.

Whole files are drawn with notes, controllers, tempos, texts and system exclusive messages, some in
running status, in a RIFF wrapper or with unknown chunks.
"""

from __future__ import annotations

import contextlib
import random
import struct
from pathlib import Path

from amt.errors import AmtError
from amt.midi import read_midi
from experiments.fuzz.contract import Case
from experiments.fuzz.damage import damaged
from experiments.fuzz.runner import Draw
from render.score import read_parts

_METAS = (0x00, 0x01, 0x03, 0x05, 0x06, 0x20, 0x21, 0x51, 0x54, 0x58, 0x59, 0x7F)


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    path = Path("song.mid")

    def draw(rng: random.Random) -> Case:
        data = damaged(whole_file(rng), rng)
        (folder / path).write_bytes(data)

        def run() -> None:
            with contextlib.suppress(AmtError):  # each reader is tried; the other one counts
                read_midi(path)
            read_parts(path)

        return Case(run, data.decode("latin-1"), (path,))

    return draw


def whole_file(rng: random.Random) -> bytes:
    """A sound file of one to four tracks."""
    n_tracks = rng.randint(1, 4)
    division = rng.choice([96, 480, 0xE728, 0xE250, 24])
    data = chunk(b"MThd", struct.pack(">HHH", rng.choice([0, 1, 1, 2]), n_tracks, division))
    for _ in range(n_tracks):
        if rng.random() < 0.2:
            data += chunk(b"XFIH", rng.randbytes(rng.randrange(20)))
        data += chunk(b"MTrk", _events(rng) + b"\0\xff\x2f\0")
    if rng.random() < 0.2:
        data = b"RIFF" + struct.pack("<I", len(data) + 12) + b"RMIDdata" + data
    return data


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk with its length."""
    return name + struct.pack(">I", len(data)) + data


def _events(rng: random.Random) -> bytes:
    events = bytearray()
    status = 0
    for _ in range(rng.randrange(40)):
        events += rng.choice([b"\0", b"\x60", b"\x83\x60", b"\xff\x7f"])
        kind = rng.randrange(12)
        if kind == 0:
            data = rng.randbytes(rng.randrange(9))
            events += bytes([0xFF, rng.choice(_METAS), len(data)]) + data
        elif kind == 1:
            data = bytes(rng.randrange(128) for _ in range(rng.randrange(12))) + b"\xf7"
            events += bytes([0xF0, len(data)]) + data
        else:
            new = rng.choice([0x90, 0x90, 0x80, 0xB0, 0xC0, 0xE0]) | rng.randrange(16)
            if not status or rng.random() < 0.6:
                status = new
                events.append(status)
            width = 1 if 0xC0 <= status < 0xE0 else 2
            events += bytes(rng.randrange(128) for _ in range(width))
    return bytes(events)
