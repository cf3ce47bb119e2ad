"""Parts → a stream of their sound on a soundfont."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from render.audio import Block
from render.audio.blocks import scale
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.score import Note, Part
from render.soundfont.bank import Bank, read_bank
from render.soundfont.find import find_soundfont
from render.soundfont.presets import cast
from render.soundfont.synthesisers import Synthesiser, choose_engine
from render.stems import Instrument, StemStream

MAX_TAIL_S = 5.0
"""Longest time in seconds that the sound decays after the last event."""
REST_S = 20.0
"""A part is not rendered further into a rest than this, in seconds."""


@dataclass(frozen=True, slots=True)
class SoundfontPlayer:
    """A soundfont loaded into an engine.

    Attributes:
        engine: name of the engine.
        synthesiser: the engine with the soundfont.
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
        """The engine and its soundfont."""
        return Instrument(self.engine, self.version, self.bank.path, self.bank.name)

    def stream(
        self, parts: Sequence[Part], gain: float = 1.0, reporter: Reporter = DEFAULT_REPORTER
    ) -> StemStream:
        """The sound of parts, a stem each, rendered one by one from first note to decay.

        Args:
            parts: of a piece.
            gain: factor of every sample.
            reporter: gets sentences on presets that the soundfont lacks and what replaces them.

        Raises:
            SoundfontError: the soundfont is damaged, or has no preset for any of the parts.
        """
        found = cast(parts, self.bank)
        for sentence in found.messages:
            reporter.message(sentence)
        seconds = sum(part.end_s - part.start_s + MAX_TAIL_S for part in parts)
        names = tuple(part.name for part in parts)
        return StemStream(names, self._blocks(found.parts, gain), seconds, self.instrument)

    def play(self, part: Part, frames: int) -> Block:
        """The sound [2, frames] of one part, which begins in silence.

        Raises:
            SoundfontError: the soundfont is damaged, or has no preset for the part.
        """
        (found,) = cast([part], self.bank).parts
        assert found is not None  # else cast raises
        return np.concatenate(list(self.synthesiser.play(found, frames)), axis=1)

    def _blocks(
        self, parts: Sequence[Part | None], gain: float
    ) -> Iterator[tuple[int, int, Block]]:
        for index, part in enumerate(parts):
            for phrase, tail_s in phrases(part) if part else ():
                start = int(phrase.start_s * self.sample_rate)
                end = round((phrase.end_s + tail_s) * self.sample_rate)
                moved = phrase.shifted(-start / self.sample_rate)
                for block in scale(self.synthesiser.play(moved, end - start), gain):
                    yield index, start, block
                    start += block.shape[1]


def load_player(engine: str, soundfont: Path | None, sample_rate: int) -> SoundfontPlayer:
    """Choose engine and soundfont, and load them.

    Raises:
        SoundfontError: the soundfont is missing or damaged.
        EngineError: the engine is unknown or not installed.
    """
    chosen = choose_engine(engine)
    bank = read_bank(find_soundfont(soundfont))
    synthesiser = chosen.load(bank, sample_rate)
    return SoundfontPlayer(chosen.name, synthesiser, sample_rate, bank, chosen.version())


def phrases(part: Part) -> Iterator[tuple[Part, float]]:
    """A part divided at its rests of more than :data:`REST_S`.

    Yields:
        (part, seconds that its sound may decay after the end). A part without such rests is yielded
        as it is.
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
