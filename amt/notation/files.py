"""Score → file: MusicXML as text or compressed, or a ZIP file of parts."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from amt.errors import InputError
from amt.notation.musicxml import musicxml
from amt.notation.parts import only, score_of
from amt.types import Song, TextEvent

MOST_BARS = 20_000
"""Longer pieces are refused: no notation program opens them."""
_STORED_AT = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every member, so that equal scores give equal files."""
_CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<container><rootfiles><rootfile full-path="score.musicxml"/></rootfiles></container>\n'
)


def write_score(song: Song, path: Path, sections: Sequence[TextEvent] = ()) -> None:
    """Write a score by the suffix of its name.

    ``.musicxml`` and ``.xml`` hold the whole score, ``.mxl`` the same compressed, and ``.zip`` it
    and one file for each part.

    Raises:
        InputError: the song has more bars than a score can hold.
        OSError: the file cannot be written.
    """
    score = score_of(song)
    if len(score.bars) > MOST_BARS:
        raise InputError(
            f"the piece has {len(score.bars)} bars, expected at most {MOST_BARS} for a score"
        )
    whole = musicxml(score, sections)
    suffix = path.suffix.lower()
    if suffix not in (".mxl", ".zip"):
        path.write_bytes(whole)
        return
    members = {"META-INF/container.xml": _CONTAINER.encode()} if suffix == ".mxl" else {}
    members["score.musicxml"] = whole
    if suffix == ".zip":
        for number, part in enumerate(score.parts, 1):
            name = f"{number:02}_{_file_name(part.name)}.musicxml"
            members[name] = musicxml(only(score, number - 1), sections)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _STORED_AT)
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, data)


def _file_name(name: str) -> str:
    """A name that is safe on every file system."""
    safe = "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower())
    return safe.strip("_")[:40] or "part"
