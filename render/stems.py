"""The sound of several stems as a stream, whichever engine renders it, and names of their files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from render.audio import Block
from render.files.reporter import Reporter

LAST_RESORT = "TimGM6mb.sf2"
"""The soundfont that comes with pretty_midi: all of General MIDI in 6 MB."""
BETTER = (
    "for better sound install a larger one (Debian: `apt install fluid-soundfont-gm`, or "
    "musescore-general-soundfont) or give one with `soundfont`"
)
"""What to do where :data:`LAST_RESORT` plays."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An engine and its soundfont.

    Attributes:
        engine: name, such as ``fluidsynth``.
        version: of the engine; empty where it has none.
        soundfont: the file; None where no soundfont plays.
        soundfont_name: what the soundfont calls itself; empty where it does not.
    """

    engine: str
    version: str = ""
    soundfont: Path | None = None
    soundfont_name: str = ""

    def __str__(self) -> str:
        """Such as ``fluidsynth 2.3.1 on FluidR3_GM.sf2 (Fluid R3 GM)``."""
        engine = f"{self.engine} {self.version}".strip()
        if self.soundfont is None:
            return engine
        name = f" ({self.soundfont_name})" if self.soundfont_name else ""
        return f"{engine} on {self.soundfont.name}{name}"

    @property
    def hint(self) -> str:
        """How to get better sound, in a sentence; empty where it is good."""
        if self.soundfont is None or self.soundfont.name != LAST_RESORT:
            return ""
        return f"{LAST_RESORT} is a small soundfont: {BETTER}"


@dataclass(frozen=True, slots=True)
class StemStream:
    """The sound of several stems, in blocks as they are rendered.

    Attributes:
        names: of the stems.
        blocks: (index of the stem, first frame, block [2, L]) in any order of time; blocks of a
            stem that overlap are added.
        seconds: of all stems together, for progress.
        instrument: the engine.
    """

    names: tuple[str, ...]
    blocks: Iterator[tuple[int, int, Block]]
    seconds: float
    instrument: Instrument

    def reporting_to(self, reporter: Reporter, sample_rate: int) -> StemStream:
        """The same stream, which reports after each block the share that has been rendered."""
        return replace(self, blocks=self._reported(reporter, sample_rate))

    def _reported(self, reporter: Reporter, sample_rate: int) -> Iterator[tuple[int, int, Block]]:
        done = 0.0
        for index, start, block in self.blocks:
            yield index, start, block
            done += block.shape[1] / sample_rate
            reporter.progress(min(done / self.seconds, 1.0))
        reporter.progress(1.0)


def file_names(names: Sequence[str]) -> list[str]:
    """A unique name for each, with suffix ``.wav``, that is safe on every file system."""
    digits = max(len(str(len(names))), 2)
    return [f"{i:0{digits}}_{_slug(name)}.wav" for i, name in enumerate(names, start=1)]


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")[:40] or "track"
