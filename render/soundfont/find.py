"""Which soundfont to play on: the one asked for, else the best one on this machine."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from render.errors import SoundfontError
from render.soundfont.bank import check_head, open_file
from render.stems import LAST_RESORT

ENVIRONMENT_VARIABLE = "AMT_SOUNDFONT"

_FOLDERS = (
    "/usr/share/sounds/sf2",  # Debian, Ubuntu
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",  # Fedora, Arch
    "/usr/local/share/soundfonts",
    "/usr/local/share/sounds/sf2",
    "/opt/homebrew/share/soundfonts",  # Homebrew
    "/usr/local/share/fluid-synth",
    "/opt/homebrew/share/fluid-synth",
    "~/.local/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
    "C:/soundfonts",
    "C:/ProgramData/soundfonts",
)
_NAMES = (  # best first
    "MuseScore_General.sf2",
    "MuseScore_General.sf3",
    "MuseScore_General_Lite.sf3",
    "FluidR3_GM.sf2",
    "GeneralUser-GS.sf2",
    "GeneralUser GS.sf2",
    "GeneralUser.sf2",
    "default-GM.sf2",
    "default-GM.sf3",
    "default.sf2",
)


def find_soundfont(soundfont: Path | None) -> Path:
    """Choose the soundfont to play on.

    In order: ``soundfont``, the environment variable ``AMT_SOUNDFONT``, a good one in the usual
    folders of the system, and TimGM6mb, which comes with pretty_midi.

    Args:
        soundfont: the file that was asked for, if any.

    Raises:
        SoundfontError: the file that was asked for, here or by the environment, is missing or no
            soundfont, or there is none.
    """
    chosen = soundfont or requested_soundfont()
    if chosen is not None:
        _check(chosen)
        return chosen
    for path in installed_soundfonts():
        return path
    raise SoundfontError("no soundfont was found: give one with `soundfont`")


def requested_soundfont() -> Path | None:
    """The soundfont that the environment variable ``AMT_SOUNDFONT`` asks for, if it is set."""
    value = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(value).expanduser() if value else None


def installed_soundfonts() -> Iterator[Path]:
    """The soundfonts of this machine, the best first; a file of several names is given once."""
    seen: set[Path] = set()
    for path in _candidates():
        if path.is_file() and path.resolve() not in seen and _is_soundfont(path):
            seen.add(path.resolve())
            yield path


def _candidates() -> Iterator[Path]:
    for name in _NAMES:
        for folder in _FOLDERS:
            try:
                yield Path(folder).expanduser() / name
            except RuntimeError:  # there is no home folder
                continue
    package = importlib.util.find_spec("pretty_midi")
    for place in (package and package.submodule_search_locations) or ():
        yield Path(place) / LAST_RESORT


def _check(path: Path) -> None:
    with open_file(path) as stream:
        check_head(path, stream.read(64))


def _is_soundfont(path: Path) -> bool:
    try:
        _check(path)
    except SoundfontError:
        return False
    return True
