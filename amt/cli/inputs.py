"""Checks of the files that a command reads, which take no time, before anything is loaded."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from pathlib import Path

from amt.errors import InputError, quoted, suggestion

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".wmv", ".flv", ".3gp", ".ogv", ".gif", ".mxf", ".vob",
)  # fmt: skip
_MIDI = (".mid", ".midi", ".kar", ".rmi")
_SOUND = (".wav", ".mp3", ".flac", ".aac", ".m4a", ".opus", ".aif", ".aiff", ".wma")
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(VIDEO_SUFFIXES, "video"),
    **dict.fromkeys(_MIDI, "MIDI"),
    **dict.fromkeys(_SOUND, "sound"),
    ".json": "plan",
    ".sf2": "soundfont",
    ".sf3": "soundfont",
}
_EXPECTED = {"video": "a video", "MIDI": "a MIDI file", "plan": "a plan, as --plan writes it"}
_INSTEAD = {
    "video": "for a clip there is `amt generate`",
    "MIDI": "to turn MIDI into sound there is `amt render`",
    "sound": "sound alone is of no use here",
    "plan": "for a plan there is `amt arrange`",
    "soundfont": "a soundfont is given with --soundfont",
}
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+):/+(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_QUOTES = "\"'\u201c\u201d\u2018\u2019\u00ab\u00bb`"
_MOST_NAMES = 3


def check_input(path: Path, kind: str) -> None:
    """Refuse what cannot be read as a kind of file, by its name and whether it is there.

    Args:
        path: as the user gave it.
        kind: ``video``, ``MIDI`` or ``plan``.

    Raises:
        InputError: it is an address, a folder, missing, or the name of another kind.
    """
    text = str(path)
    if kind == "video" and text == "-":
        return
    if not _exists(path):
        raise InputError(_missing(text, kind))
    if path.is_dir():
        raise InputError(_about_folder(path, kind))
    found = _KINDS.get(path.suffix.lower(), kind)
    if found != kind and path.is_file():
        raise InputError(
            f"{quoted(text)} is named as a {found} file; expected {_EXPECTED[kind]}; "
            f"{_INSTEAD[found]}"
        )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _missing(text: str, kind: str) -> str:
    """Why there is no such file, and what may be meant."""
    address = _URL.fullmatch(text)
    if address is not None and len(address["scheme"]) > 1:
        if address["scheme"].lower() == "file":
            return f"{quoted(text)} is an address: give the path, such as /{address['rest'][:80]}"
        return (
            f"{quoted(text)} is an address, not a file: download it first, then give the file "
            "that came"
        )
    if any(sign in text for sign in "*?[") and not _matches(text):
        return f"no file matches {quoted(text)}: see how the files are called and give one of them"
    return f"{quoted(text)} does not exist{_meant(text, kind)}"


def _meant(text: str, kind: str) -> str:
    """A file that may be meant, as the end of a sentence."""
    bare = text.strip(_QUOTES + " ")
    for other in (bare, _expanded(bare), bare.replace("\\ ", " "), bare.replace("\\", "/")):
        if other != text and other and _exists(Path(other)):
            return f"; did you mean {quoted(other)}?"
    bare = _expanded(bare)
    folder = Path(bare).parent
    if not folder.is_dir():
        return f": there is no folder {quoted(str(folder))}"
    try:
        names = {file.name.lower(): file.name for file in folder.iterdir()}
    except OSError:
        return ": check the path"
    fitting = {low: n for low, n in names.items() if _KINDS.get(Path(n).suffix.lower()) == kind}
    for known in (fitting, names):
        close = suggestion(Path(bare).name, known)
        if close:
            low = next(low for low in known if repr(low) in close)
            return f"; did you mean {quoted(str(folder / known[low]))}?"
    return ": check the path"


def _matches(pattern: str) -> list[str]:
    return glob.glob(pattern)  # noqa: PTH207 - the pattern may begin at the root


def _expanded(text: str) -> str:
    try:
        return str(Path(text).expanduser())
    except RuntimeError:  # there is no home folder
        return text


def _about_folder(path: Path, kind: str) -> str:
    try:
        names = sorted(f.name for f in path.iterdir() if _KINDS.get(f.suffix.lower()) == kind)
    except OSError:
        names = []
    expected = f"{quoted(str(path))} is a folder; expected {_EXPECTED[kind]}"
    if not names:
        return expected
    listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return f"{expected}: name one of those in it, such as {quoted(listed)}"
