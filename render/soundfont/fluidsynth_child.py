"""The process in which FluidSynth plays: ``python -m render.soundfont.fluidsynth_child FILE RATE``.

A request is empty, to load the soundfont, or holds the frames to play and the messages
(:data:`render.soundfont.fluidsynth.EVENTS`); the answer is float32 blocks [2, L].
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from render.soundfont.isolation import serve

EVENTS = np.dtype([("frame", "<i8"), ("status", "u1"), ("first", "u1"), ("second", "u1")])
"""A MIDI message and the frame before which it happens."""
LONGEST = 1 << 15
"""Frames of a block that is answered; a multiple of what FluidSynth computes at once."""
BLOCK = 64
"""Frames that FluidSynth computes at once: the grain of time of its events."""
_FAILED_TO_LOAD = "it cannot be loaded"
_WRITE = (
    ("synth", ctypes.c_void_p, 1), ("len", ctypes.c_int, 1),
    ("lout", ctypes.c_void_p, 1), ("loff", ctypes.c_int, 1), ("lincr", ctypes.c_int, 1),
    ("rout", ctypes.c_void_p, 1), ("roff", ctypes.c_int, 1), ("rincr", ctypes.c_int, 1),
)  # fmt: skip
_SETTINGS = {
    "synth.dynamic-sample-loading": 1,  # only what is played, so that large files load at once
    "synth.midi-bank-select": "gs",  # controller 0 is the bank, channel 10 has the drums
    # What follows has other defaults from version to version. Chorus is that of 2.4: as loud as
    # before it covers what sends much to it, 10 dB above other synthesisers.
    "synth.reverb.active": 1,
    "synth.reverb.damp": 0.0,
    "synth.reverb.level": 0.9,
    "synth.reverb.room-size": 0.2,
    "synth.reverb.width": 0.5,
    "synth.chorus.active": 1,
    "synth.chorus.depth": 4.25,
    "synth.chorus.level": 0.6,
    "synth.chorus.nr": 3,
    "synth.chorus.speed": 0.2,
}


class _Synth:
    """A soundfont in FluidSynth, with its own reverb and chorus, in floats so nothing clips."""

    def __init__(self, soundfont: str, sample_rate: int) -> None:
        self._soundfont, self._rate = soundfont, sample_rate
        self._synth: Any = None

    def answer(self, contents: list[bytes]) -> Iterator[bytes]:
        """Load, and play what is asked."""
        if self._synth is None:
            self._load()
        if contents:
            yield from self._play(int.from_bytes(contents[0], "little"), contents[1])

    def _load(self) -> None:
        library = importlib.import_module("fluidsynth")
        self._write = library.cfunc("fluid_synth_write_float", ctypes.c_int, *_WRITE)
        synth = library.Synth(samplerate=float(self._rate), channels=16, **_SETTINGS)
        if synth.sfload(self._soundfont, 1) < 0:
            raise ValueError(_FAILED_TO_LOAD)
        self._synth = synth

    def _play(self, frames: int, raw: bytes) -> Iterator[bytes]:
        self._synth.system_reset()
        for _ in self._generate(2 * self._rate):  # the reverb of what was played before
            continue
        done = 0
        for frame, *message in np.frombuffer(raw, EVENTS).tolist():
            start = min(round(frame / BLOCK) * BLOCK, frames)
            yield from self._generate(start - done)
            done = max(start, done)
            self._send(*message)
        yield from self._generate(frames - done)

    def _send(self, status: int, first: int, second: int) -> None:
        synth, channel = self._synth, status & 0x0F
        match status & 0xF0:
            case 0x90:
                synth.noteon(channel, first, second)
            case 0x80:
                synth.noteoff(channel, first)
            case 0xB0:
                synth.cc(channel, first, second)
            case 0xC0:
                synth.program_change(channel, first)
            case 0xE0:
                synth.pitch_bend(channel, first + 128 * second - 8192)

    def _generate(self, frames: int) -> Iterator[bytes]:
        while frames > 0:
            block = np.empty((2, min(frames, LONGEST)), np.float32)
            left, right = (ctypes.c_void_p(channel.ctypes.data) for channel in block)
            self._write(self._synth.synth, block.shape[1], left, 0, 1, right, 0, 1)
            frames -= block.shape[1]
            yield block.tobytes()


if __name__ == "__main__":
    serve(_Synth(sys.argv[1], int(sys.argv[2])).answer)
