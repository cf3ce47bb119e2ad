"""Who plays what: the sound of the parts of a piece, one after the other or side by side.

A :class:`Performance` gives sound as it is made, and whoever mixes need not know by whom.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from render.audio import Block
from render.audio.blocks import scale
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.score import Note, Part
from render.soundfont.bank import Bank, read_bank
from render.soundfont.find import BETTER, LAST_RESORT, find_soundfont
from render.soundfont.presets import cast
from render.soundfont.synthesisers import Synthesiser, choose_engine

MAX_TAIL_S = 5.0
"""How long the sound may ring on after the last event."""
REST_S = 20.0
"""A part is not played on in a rest once this much of it has passed."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What plays: an engine and its soundfont.

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
class Performance:
    """Sound of several players, as it is made.

    Attributes:
        names: of the players, such as parts.
        sound: (index of the player, first frame, stereo block [2, L]) in any order of time; what
            overlaps is to be added.
        seconds: of all players' sound together, for progress.
        instrument: what plays.
    """

    names: tuple[str, ...]
    sound: Iterator[tuple[int, int, Block]]
    seconds: float
    instrument: Instrument

    def reporting_to(self, reporter: Reporter, sample_rate: int) -> Performance:
        """The same, which reports after each block how much of it has been played."""
        return replace(self, sound=self._reported(reporter, sample_rate))

    def _reported(self, reporter: Reporter, sample_rate: int) -> Iterator[tuple[int, int, Block]]:
        done = 0.0
        for index, start, block in self.sound:
            yield index, start, block
            done += block.shape[1] / sample_rate
            reporter.progress(min(done / self.seconds, 1.0))
        reporter.progress(1.0)


@dataclass(frozen=True, slots=True)
class Player:
    """A soundfont on an engine, ready to play.

    Attributes:
        engine: its name.
        synthesiser: with the soundfont loaded.
        sample_rate: in Hz.
        bank: the soundfont.
        version: of the engine.
    """

    engine: str
    synthesiser: Synthesiser
    sample_rate: int
    bank: Bank
    version: str

    @property
    def instrument(self) -> Instrument:
        """What plays."""
        return Instrument(self.engine, self.version, self.bank.path, self.bank.name)

    def perform(
        self, parts: Sequence[Part], gain: float = 1.0, reporter: Reporter = DEFAULT_REPORTER
    ) -> Performance:
        """Play parts one by one, each from its first note until it has rung out.

        Args:
            parts: what to play.
            gain: factor of every sample.
            reporter: gets sentences on what the soundfont lacks, and what plays it.

        Raises:
            SoundfontError: the soundfont is damaged, or has nothing that plays any of the parts.
        """
        found = cast(parts, self.bank)
        for sentence in found.said:
            reporter.message(sentence)
        seconds = sum(part.end_s - part.start_s + MAX_TAIL_S for part in parts)
        names = tuple(part.name for part in parts)
        return Performance(names, self._sound(found.parts, gain), seconds, self.instrument)

    def play(self, part: Part, frames: int) -> Block:
        """Play one part from silence, without its rests being passed over: [2, frames].

        Raises:
            SoundfontError: the soundfont is damaged, or has nothing that plays the part.
        """
        (found,) = cast([part], self.bank).parts
        assert found is not None  # it would have been refused
        return np.concatenate(list(self.synthesiser.play(found, frames)), axis=1)

    def _sound(self, parts: Sequence[Part | None], gain: float) -> Iterator[tuple[int, int, Block]]:
        for index, part in enumerate(parts):
            for phrase, tail_s in phrases(part) if part else ():
                start = int(phrase.start_s * self.sample_rate)
                end = round((phrase.end_s + tail_s) * self.sample_rate)
                moved = phrase.shifted(-start / self.sample_rate)
                for block in scale(self.synthesiser.play(moved, end - start), gain):
                    yield index, start, block
                    start += block.shape[1]


def load_player(engine: str, soundfont: Path | None, sample_rate: int) -> Player:
    """Choose engine and soundfont, and load them.

    Raises:
        SoundfontError: the soundfont is missing or damaged.
        EngineError: the engine is unknown or not installed.
    """
    chosen = choose_engine(engine)
    bank = read_bank(find_soundfont(soundfont))
    synthesiser = chosen.load(bank, sample_rate)
    return Player(chosen.name, synthesiser, sample_rate, bank, chosen.version())


def phrases(part: Part) -> Iterator[tuple[Part, float]]:
    """A part without its rests of more than :data:`REST_S`, each piece with how long it rings on.

    A part without such rests is given as it is.
    """
    held = part.sustained(part.end_s)
    notes: list[Note] = []
    end_s, is_whole = 0.0, True
    for note in held.notes:
        if notes and note.start_s > end_s + REST_S:
            yield held.excerpt(tuple(notes)), REST_S
            notes, is_whole = [], False
        notes.append(note)
        end_s = max(end_s, note.end_s)
    yield part if is_whole else held.excerpt(tuple(notes)), MAX_TAIL_S


def file_names(names: Sequence[str]) -> list[str]:
    """A unique name for each, with suffix ``.wav``, that is safe on every file system."""
    digits = max(len(str(len(names))), 2)
    return [f"{i:0{digits}}_{_slug(name)}.wav" for i, name in enumerate(names, start=1)]


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")[:40] or "track"
