"""Which soundfont to play on: the one asked for, else the best one on this machine.

A soundfont is a RIFF file of form ``sfbk`` (E-mu, *SoundFont Technical Specification 2.04*); SF3 is
the same with major version 3 and samples compressed with Vorbis.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from render.errors import SoundfontError

Format = Literal["SF2", "SF3"]

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


def find_soundfont(soundfont: Path | None, formats: Collection[Format]) -> Path:
    """Choose the soundfont to play on.

    In order: ``soundfont``, the environment variable ``AMT_SOUNDFONT``, a good one in the usual
    folders of the system, and TimGM6mb, which comes with pretty_midi.

    Args:
        soundfont: the file that was asked for, if any.
        formats: those the engine reads; files of others are passed over in the usual folders.

    Raises:
        SoundfontError: the file that was asked for, here or by the environment, is missing, no
            soundfont, or of a format not in ``formats``.
    """
    chosen = soundfont or requested_soundfont()
    if chosen is not None:
        found = soundfont_format(chosen)
        if found not in formats:
            raise SoundfontError(
                f"{chosen} is an {found} soundfont, but the engine reads {' and '.join(formats)} "
                "only: choose another soundfont or engine"
            )
        return chosen
    return next(_installed(formats))


def requested_soundfont() -> Path | None:
    """The soundfont that the environment variable ``AMT_SOUNDFONT`` asks for, if it is set."""
    value = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(value).expanduser() if value else None


def soundfont_format(path: Path) -> Format:
    """Tell SF2 from SF3 by content.

    Raises:
        SoundfontError: the file is missing, cannot be read, or is no soundfont.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise SoundfontError(f"cannot read the soundfont {path}: {error.strerror}") from error
    version = head.find(b"ifil", 20)
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk" or version < 0:
        raise SoundfontError(f"{path} is not a soundfont: expected a RIFF file of form sfbk")
    return "SF3" if int.from_bytes(head[version + 8 : version + 10], "little") == 3 else "SF2"


def _installed(formats: Collection[Format]) -> Iterator[Path]:
    for name in _NAMES:
        for folder in _FOLDERS:
            path = Path(folder).expanduser() / name
            if path.is_file() and _is_readable(path, formats):
                yield path
    package = importlib.util.find_spec("pretty_midi")
    for place in (package and package.submodule_search_locations) or ():
        yield Path(place) / "TimGM6mb.sf2"


def _is_readable(path: Path, formats: Collection[Format]) -> bool:
    try:
        return soundfont_format(path) in formats
    except SoundfontError:
        return False
