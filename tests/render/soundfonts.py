"""A small soundfont, written chunk by chunk so that a test can break any of them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import soundfile

RATE = 44100
PERIOD = 100
"""Frames of a period of the samples: 441 Hz, key 69."""


def wave(frames: int = 40 * PERIOD) -> np.ndarray:
    """A sine of 441 Hz with some overtones as int16."""
    turn = 2 * np.pi * np.arange(frames) / PERIOD
    return np.round(12000 * (np.sin(turn) + 0.3 * np.sin(3 * turn))).astype(np.int16)


def signed(amount: int) -> int:
    """A signed generator's amount as it is stored."""
    return amount & 0xFFFF


@dataclass
class Tiny:
    """What a small soundfont holds: one instrument of one zone, played by all presets.

    A modulator is (source, generator, amount, source of the amount, transform).
    """

    presets: Sequence[tuple[int, int]] = ((0, 0), (128, 0))
    zone: Sequence[tuple[int, int]] = ((54, 1),)
    modulators: Sequence[tuple[int, int, int, int, int]] = ()
    header: dict[str, int] = field(default_factory=dict)
    is_vorbis: bool = False
    name: bytes = b"tiny"

    def sample(self) -> bytes:
        if not self.is_vorbis:
            return wave().tobytes()
        stream = io.BytesIO()
        soundfile.write(stream, wave(), RATE, format="OGG", subtype="VORBIS")
        return stream.getvalue()

    def tables(self) -> dict[str, bytes]:
        """Content of the nine chunks of pdta."""
        n = len(self.presets)
        sample = self.sample()
        head = {
            "start": 0, "end": len(sample) if self.is_vorbis else len(sample) // 2,
            "loop_start": PERIOD, "loop_end": 39 * PERIOD, "rate": RATE, "key": 69,
            "correction": 0, "link": 0, "type": 0x11 if self.is_vorbis else 1,
        } | self.header  # fmt: skip
        phdr = [
            struct.pack("<20sHHHIII", b"preset %d" % i, program, bank, i, 0, 0, 0)
            for i, (bank, program) in enumerate(self.presets)
        ]
        zone = [*self.zone, (53, 0)]
        return {
            "phdr": b"".join(phdr) + struct.pack("<20sHHHIII", b"EOP", 0, 0, n, 0, 0, 0),
            "pbag": b"".join(struct.pack("<HH", i, 0) for i in range(n + 1)),
            "pmod": bytes(10),
            "pgen": struct.pack("<HH", 41, 0) * n + bytes(4),
            "inst": struct.pack("<20sH20sH", b"instrument", 0, b"EOI", 1),
            "ibag": struct.pack("<HHHH", 0, 0, len(zone), len(self.modulators)),
            "imod": b"".join(struct.pack("<HHhHH", *m) for m in self.modulators) + bytes(10),
            "igen": b"".join(struct.pack("<HH", k, a) for k, a in zone) + bytes(4),
            "shdr": struct.pack("<20sIIIIIBbHH", b"wave", *head.values())
            + struct.pack("<20sIIIIIBbHH", b"EOS", *[0] * 9),
        }

    def build(self, **changed: bytes) -> bytes:
        """The file, with other content of some chunks of pdta."""
        tables = self.tables() | changed
        version = struct.pack("<HH", 3 if self.is_vorbis else 2, 1)
        info = chunk("ifil", version) + chunk("INAM", self.name)
        pad = b"" if self.is_vorbis else bytes(92)
        return chunk(
            "RIFF",
            b"sfbk"
            + chunk("LIST", b"INFO" + info)
            + chunk("LIST", b"sdta" + chunk("smpl", self.sample() + pad))
            + chunk("LIST", b"pdta" + b"".join(chunk(k, v) for k, v in tables.items())),
        )


def chunk(name: str, content: bytes) -> bytes:
    return name.encode() + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
