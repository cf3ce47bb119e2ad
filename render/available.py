"""What there is on this machine to play with; nothing of it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from render.errors import EngineError, SoundfontError
from render.soundfont.bank import Bank, Format, read_bank
from render.soundfont.find import find_soundfont, installed_soundfonts, requested_soundfont
from render.soundfont.player import Instrument
from render.soundfont.synthesisers import ENGINES, choose_engine


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """An engine that plays soundfonts.

    Attributes:
        name: what a user calls it.
        version: empty where it cannot be used.
        problem: why it cannot be used, and what to do, in a sentence; empty where it can.
    """

    name: str
    version: str
    problem: str


@dataclass(frozen=True, slots=True)
class SoundfontStatus:
    """A soundfont that was found.

    Attributes:
        path: the file.
        name: what it calls itself; empty where it does not or is damaged.
        format: None where it is damaged.
        n_bytes: size of the file.
        hint: what to do for better sound, in a sentence; empty where it is good.
        problem: what is wrong with it, in a sentence; empty where nothing is.
    """

    path: Path
    name: str = ""
    format: Format | None = None
    n_bytes: int = 0
    hint: str = ""
    problem: str = ""


def engines() -> tuple[EngineStatus, ...]:
    """All engines that play soundfonts, the best first, which ``auto`` takes if it can."""
    found = []
    for engine in ENGINES:
        try:
            found.append(EngineStatus(engine.name, engine.version(), ""))
        except EngineError as error:
            found.append(EngineStatus(engine.name, "", str(error)))
    return tuple(found)


def soundfonts() -> tuple[SoundfontStatus, ...]:
    """The soundfonts of this machine in the order of choice, what the environment asks for first.

    The first is the one that plays where none is asked for.
    """
    asked = requested_soundfont()
    rest = (path for path in installed_soundfonts() if path != asked)
    return tuple(map(_status, [*([asked] if asked else []), *rest]))


def planned_instrument(engine: str, soundfont: Path | None) -> Instrument:
    """What would play, without loading it; for what is better known before any work.

    Args:
        engine: ``auto`` or the name of an engine that plays soundfonts.
        soundfont: the file that was asked for, if any.

    Raises:
        SoundfontError: the soundfont is missing or damaged.
        EngineError: the engine is unknown or not installed.
    """
    chosen = choose_engine(engine)
    bank = read_bank(find_soundfont(soundfont))
    return Instrument(chosen.name, chosen.version(), bank.path, bank.name)


def _status(path: Path) -> SoundfontStatus:
    try:
        bank = read_bank(path)
    except SoundfontError as error:
        return SoundfontStatus(path, problem=str(error))
    return SoundfontStatus(path, bank.name, bank.format, path.stat().st_size, _hint(bank))


def _hint(bank: Bank) -> str:
    return Instrument("", soundfont=bank.path).hint
