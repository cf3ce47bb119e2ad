"""The engines and soundfonts of this machine, without loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from render.errors import EngineError, SoundfontError
from render.soundfont.bank import Bank, Format, read_bank
from render.soundfont.find import find_soundfont, installed_soundfonts, requested_soundfont
from render.soundfont.synthesisers import ENGINES, choose_engine
from render.stems import Instrument


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Whether an engine that plays soundfonts can be used.

    Attributes:
        name: as in options.
        version: of the engine; empty where it cannot be used.
        problem: a sentence on why it cannot be used and what to do; empty where it can.
    """

    name: str
    version: str
    problem: str


@dataclass(frozen=True, slots=True)
class SoundfontStatus:
    """A soundfont of this machine.

    Attributes:
        path: the file.
        name: stated in the file; empty where it states none or is damaged.
        format: None where it is damaged.
        n_bytes: size of the file.
        hint: a sentence on how to get better sound; empty where the soundfont is good.
        problem: a sentence on what is wrong with it; empty where nothing is.
    """

    path: Path
    name: str = ""
    format: Format | None = None
    n_bytes: int = 0
    hint: str = ""
    problem: str = ""


def engines() -> tuple[EngineStatus, ...]:
    """All engines that play soundfonts, in the order in which ``auto`` tries them."""
    found = []
    for engine in ENGINES:
        try:
            found.append(EngineStatus(engine.name, engine.version(), ""))
        except EngineError as error:
            found.append(EngineStatus(engine.name, "", str(error)))
    return tuple(found)


def soundfonts() -> tuple[SoundfontStatus, ...]:
    """The soundfonts of this machine in order of preference.

    The one that the environment variable names comes first. The first is used where no soundfont is
    given.
    """
    asked = requested_soundfont()
    rest = (path for path in installed_soundfonts() if path != asked)
    return tuple(map(_status, [*([asked] if asked else []), *rest]))


def planned_instrument(engine: str, soundfont: Path | None) -> Instrument:
    """The engine and soundfont that would be used, found without loading them.

    Args:
        engine: ``auto`` or the name of an engine that plays soundfonts.
        soundfont: the file to use; see :func:`render.soundfont.find.find_soundfont` for None.

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
