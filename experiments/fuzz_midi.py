"""Damage MIDI files at random and see that each is read or refused, and quickly.

    python -m experiments.fuzz_midi [--cases 100000] [--seed 0]

Whole files are drawn with notes, controllers, tempos, texts and system exclusive messages, some in
running status, in a RIFF wrapper or with unknown chunks. Up to eight bytes, runs of bytes or chunks
are changed, put in, cut out, repeated or swapped. Both readers, of songs and of parts, must end
with music or with their own error; any other error is shown with the bytes that caused it.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from amt.errors import MidiError
from amt.midi import read_midi
from render.errors import MidiFileError
from render.score import read_parts

_METAS = (0x00, 0x01, 0x03, 0x05, 0x06, 0x20, 0x21, 0x51, 0x54, 0x58, 0x59, 0x7F)


def main() -> None:
    """Run the cases and print what became of them; exit code 1 where one broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    found: Counter[str] = Counter()
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mid"
        for _ in range(args.cases):
            path.write_bytes(damaged(whole_file(rng), rng))
            start = time.perf_counter()
            found += outcome(path)
            slowest_s = max(slowest_s, time.perf_counter() - start)
    for name, number in sorted(found.items()):
        print(f"{number:8d}  {name}")
    print(f"{slowest_s:8.3f}  seconds for the slowest")
    sys.exit(1 if any(name.startswith("broke") for name in found) else 0)


def outcome(path: Path) -> Counter[str]:
    """What each reader makes of a file."""
    found: Counter[str] = Counter()
    for read, error in ((read_midi, MidiError), (read_parts, MidiFileError)):
        try:
            read(path)
            found[f"{read.__name__}: read"] += 1
        except error:
            found[f"{read.__name__}: refused"] += 1
        except Exception as other:
            found[f"broke: {read.__name__}: {other!r:.200}"] += 1
            print(path.read_bytes().hex())
    return found


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


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The file with one to eight faults."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at, other = rng.randrange(len(made) + 1), rng.randrange(len(made) + 1)
        low, high = min(at, other), max(at, other)
        match rng.randrange(6):
            case 0 if at < len(made):
                made[at] = rng.randrange(256)
            case 1:
                del made[at : at + rng.randint(1, 8)]
            case 2:
                made[at:at] = rng.randbytes(rng.randint(1, 8))
            case 3:
                made = made[:low] + made[high:] + made[low:high]
            case 4:
                made[at:at] = made[low : low + 64]
            case 5 if rng.random() < 0.2:
                del made[at:]
    return bytes(made)


if __name__ == "__main__":
    main()
