"""Who plays what: the sound of the parts of a piece, one after the other or side by side.

A :class:`Performance` gives sound as it is made, and whoever mixes need not know by whom.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from render.score import Note, Part
from render.soundfont import find_soundfont, requested_soundfont, soundfont_format
from render.stream import Block, scaled
from render.synthesisers import Synthesiser, choose_engine

Progress = Callable[[float], None]
"""Is told the share of the work that is done, 0-1."""
Say = Callable[[str], None]
"""Is told in a sentence what a user should know."""

MAX_TAIL_S = 5.0
"""How long the sound may ring on after the last event."""
MAX_EXCERPT_S = 300.0
"""A part that lasts longer is played in excerpts, so that memory does not grow with its length."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Sound of several players, as it is made.

    Attributes:
        names: of the players, such as parts.
        sound: (index of the player, first frame, stereo block [2, L]) in any order of time; what
            overlaps is to be added.
        seconds: of all players' sound together, for progress.
    """

    names: tuple[str, ...]
    sound: Iterator[tuple[int, int, Block]]
    seconds: float

    def with_progress(self, sample_rate: int, progress: Progress | None) -> Performance:
        """The same, telling how far it is."""
        return Performance(self.names, self._told(sample_rate, progress), self.seconds)

    def _told(
        self, sample_rate: int, progress: Progress | None
    ) -> Iterator[tuple[int, int, Block]]:
        done = 0.0
        for index, start, block in self.sound:
            yield index, start, block
            done += block.shape[1] / sample_rate
            if progress is not None:
                progress(min(done / self.seconds, 1.0))
        if progress is not None:
            progress(1.0)


@dataclass(frozen=True, slots=True)
class Player:
    """A soundfont on an engine, ready to play.

    Attributes:
        engine: its name.
        synthesiser: with the soundfont loaded.
        sample_rate: in Hz.
    """

    engine: str
    synthesiser: Synthesiser
    sample_rate: int

    def perform(self, parts: Sequence[Part], gain: float = 1.0) -> Performance:
        """Play parts one by one, each from its first note until it has rung out."""
        seconds = sum(part.end_s - part.start_s + MAX_TAIL_S for part in parts)
        return Performance(tuple(part.name for part in parts), self._sound(parts, gain), seconds)

    def _sound(self, parts: Sequence[Part], gain: float) -> Iterator[tuple[int, int, Block]]:
        for index, part in enumerate(parts):
            for excerpt in excerpts(part):
                start = int(excerpt.start_s * self.sample_rate)
                moved = excerpt.shifted(-start / self.sample_rate)
                end = round((excerpt.end_s + MAX_TAIL_S) * self.sample_rate)
                samples = self.synthesiser.play(moved, end - start)
                yield from ((index, start, block) for block in scaled([samples], gain))


def load_player(engine: str, soundfont: Path | None, sample_rate: int) -> Player:
    """Choose engine and soundfont so that they fit each other, and load them.

    Raises:
        SoundfontError: the soundfont is missing, damaged or unreadable for the engine.
        EngineError: the engine is unknown or not installed.
    """
    wanted = soundfont or requested_soundfont()
    chosen = choose_engine(engine, soundfont_format(wanted) if wanted else None)
    synthesiser = chosen.load(find_soundfont(wanted, chosen.formats), sample_rate)
    return Player(chosen.name, synthesiser, sample_rate)


def excerpts(part: Part) -> Iterator[Part]:
    """A long part in excerpts of about :data:`MAX_EXCERPT_S`; a shorter one as it is.

    Excerpts are added where they overlap: notes ring on into the next. One lasts longer only where
    a note does, and ends before a rest in which the sound dies away.
    """
    if part.end_s - part.start_s <= MAX_EXCERPT_S:
        yield part
        return
    held = part.sustained(part.end_s)
    notes: list[Note] = []
    end_s = 0.0
    for note in held.notes:
        rested = note.start_s > end_s + MAX_TAIL_S
        if notes and (rested or note.start_s > notes[0].start_s + MAX_EXCERPT_S):
            yield held.excerpt(tuple(notes))
            notes = []
        notes.append(note)
        end_s = max(end_s, note.end_s)
    yield held.excerpt(tuple(notes))


def file_names(names: Sequence[str]) -> list[str]:
    """A unique name for each, with suffix ``.wav``, that is safe on every file system."""
    digits = max(len(str(len(names))), 2)
    return [f"{i:0{digits}}_{_slug(name)}.wav" for i, name in enumerate(names, start=1)]


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")[:40] or "track"
