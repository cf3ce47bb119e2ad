"""FluidSynth: the system's libfluidsynth through pyfluidsynth, in a process of its own."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import io
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from render.audio import Block
from render.errors import EngineError, SoundfontError
from render.files.errors import shown
from render.score import Part
from render.soundfont.bank import Bank, damaged
from render.soundfont.fluidsynth_child import BLOCK, EVENTS
from render.soundfont.isolation import Child, ChildError


class FluidSynth:
    """A soundfont on FluidSynth.

    Args:
        bank: the soundfont.
        sample_rate: in Hz.

    Raises:
        SoundfontError: FluidSynth cannot load it.
    """

    def __init__(self, bank: Bank, sample_rate: int) -> None:
        self._bank, self._sample_rate = bank, sample_rate
        self._child = Child("render.soundfont.fluidsynth_child", str(bank.path), str(sample_rate))
        for _ in self._ask():
            continue

    def play(self, part: Part, frames: int) -> Iterator[Block]:
        """Play a part from silence as a stream of ``frames`` frames."""
        events = [
            (round(time_s * self._sample_rate), *[*message.bytes(), 0][:3])
            for time_s, message in part.events()
        ]
        whole = -(-frames // BLOCK) * BLOCK
        request = whole.to_bytes(8, "little"), np.array(events, EVENTS).tobytes()
        left = frames
        for content in self._ask(*request):
            block = np.frombuffer(content, np.float32).reshape(2, -1)[:, :left]
            if not np.isfinite(block).all():
                raise damaged(self._bank.path, "FluidSynth makes no sound of it")
            left -= block.shape[1]
            yield block

    def _ask(self, *contents: bytes) -> Iterator[bytes]:
        try:
            yield from self._child.ask(*contents)
        except ChildError as error:
            raise SoundfontError(
                f"FluidSynth cannot play on {shown(self._bank.path)}: {error}: choose another "
                "soundfont "
                "or engine"
            ) from error


@functools.cache
def import_fluidsynth() -> ModuleType:
    """The module pyfluidsynth, which loads the library.

    Raises:
        EngineError: the library is missing or cannot be used.
    """
    try:
        # pyfluidsynth prints where it found the library when the variable CI is set.
        with contextlib.redirect_stdout(io.StringIO()):
            library = importlib.import_module("fluidsynth")
    except Exception as error:  # a broken library may raise anything
        raise EngineError(
            "the engine fluidsynth needs the system's FluidSynth library, which is not found: "
            "install it (Debian: libfluidsynth3, Homebrew: fluid-synth) or choose another engine"
        ) from error
    if library.cfunc("fluid_synth_write_float", ctypes.c_int) is None:
        raise EngineError("the system's FluidSynth library is too old: install version 2 or newer")
    return library


def fluidsynth_version() -> str:
    """The library's version, such as ``2.3.1``; empty where it does not state one.

    Raises:
        EngineError: the library is missing or cannot be used.
    """
    version = import_fluidsynth().cfunc("fluid_version_str", ctypes.c_char_p)
    return version().decode() if version else ""
