"""The synthesisers that play a part on a soundfont, behind one small protocol.

- ``fluidsynth``: the system's libfluidsynth through pyfluidsynth; the best sound.
- ``midirenderer``: RustySynth in a self-contained wheel that comes with every installation.

Both read SF2 and SF3 and honour program changes and banks, CC 7 (volume), CC 10 (pan), CC 11
(expression), CC 64 (sustain), pitch bends, the registered parameters for their range and for
tuning, and the drums of channel 10. A part is played alone, so the channels and voices of a
synthesiser are enough for any number of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from render.audio import Block
from render.errors import EngineError
from render.score import Part
from render.soundfont.bank import Bank
from render.soundfont.fluidsynth import FluidSynth, fluidsynth_version
from render.soundfont.midirenderer import MidiRenderer, midirenderer_version

_REMOVED = {
    "tinysoundfont": "its loudness was wrong by up to 30 dB and damaged soundfonts crashed it",
}
"""Engines of earlier versions, and why they were removed."""


class Synthesiser(Protocol):
    """A soundfont loaded into a synthesiser."""

    def play(self, part: Part, frames: int) -> Iterator[Block]:
        """The sound of a part, which begins in silence.

        Args:
            part: with programs that the soundfont has; see :func:`render.soundfont.presets.cast`.
            frames: length of the sound.

        Returns:
            A stream of ``frames`` frames in blocks [2, L], not limited to full scale.

        Raises:
            SoundfontError: the soundfont is damaged.
        """
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of synthesiser.

    Attributes:
        name: as in options.
        version: returns its version; raises :class:`EngineError` where it is not installed.
        load: (soundfont, sample rate) → a synthesiser that is ready to play; raises
            :class:`SoundfontError` for a damaged soundfont.
    """

    name: str
    version: Callable[[], str]
    load: Callable[[Bank, int], Synthesiser]

    def lacks(self) -> str:
        """A sentence on why the engine cannot be used on this machine; empty where it can."""
        try:
            self.version()
        except EngineError as error:
            return str(error)
        return ""

    def is_installed(self) -> bool:
        """Whether the engine can be used on this machine."""
        return not self.lacks()


ENGINES = (
    Engine("fluidsynth", fluidsynth_version, FluidSynth),
    Engine("midirenderer", midirenderer_version, MidiRenderer),
)
"""All engines, the best first."""


def choose_engine(name: str) -> Engine:
    """Find an engine by name, or with ``auto`` the best installed one.

    Raises:
        EngineError: no engine has that name, or it is not installed.
    """
    if name == "auto":
        for engine in ENGINES:
            if engine.is_installed():
                return engine
        raise EngineError("no engine is installed: install FluidSynth or midirenderer")
    for engine in ENGINES:
        if engine.name == name:
            engine.version()
            return engine
    known = ", ".join(engine.name for engine in ENGINES)
    if name in _REMOVED:
        raise EngineError(
            f"the engine {name} is no longer supported, as {_REMOVED[name]}: choose one of auto, "
            f"{known}"
        )
    raise EngineError(f"{name[:80]!r} is no engine: choose one of auto, {known}")
