"""How the clip itself comes into the page: as a file beside it, or inside."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from amt.errors import InputError, shown

MAX_EMBEDDED_BYTES = 64_000_000
"""Largest clip that is put into a page; base64 makes a third more of it."""

_CHUNK = 3 << 18
"""Bytes that are coded at a time; a multiple of 3, so that the codes of chunks are one code."""


def check_embeddable(video: Path) -> None:
    """Refuse a clip that a page cannot hold, before any work is done.

    Raises:
        InputError: the clip is larger than :data:`MAX_EMBEDDED_BYTES`, or no ordinary file.
    """
    if not video.is_file():
        raise InputError(f"{shown(video)} is no ordinary file, so it cannot be put into the report")
    size = video.stat().st_size
    if size > MAX_EMBEDDED_BYTES:
        raise InputError(
            f"the clip has {size / 1e6:.0f} MB, and a report holds at most "
            f"{MAX_EMBEDDED_BYTES / 1e6:.0f} MB of it: leave the clip beside the report, which "
            "then plays it from there"
        )


def link_to(video: Path, page: Path) -> str:
    """The relative URL of a clip as seen from a page; empty where a browser could not open it.

    >>> link_to(Path("/films/my clip.mp4"), Path("/films/out/report.html"))
    '../my%20clip.mp4'
    """
    if video.exists() and not video.is_file():  # a pipe can be read once only
        return ""
    try:
        # Links among the folders are resolved on both sides: on one alone the path would be wrong.
        way = os.path.relpath(video.parent.resolve() / video.name, page.parent.resolve())
    except ValueError:  # on Windows there is no way from one drive to another
        return video.absolute().as_uri()
    return quote(os.fsencode(way.replace(os.sep, "/")))


def coded(file: BinaryIO) -> Iterator[str]:
    """What is left of a file as base64, piece by piece."""
    while data := file.read(_CHUNK):
        # A raw file may give less than it was asked for, and only its end may be padded.
        while len(data) % 3 and (more := file.read(3 - len(data) % 3)):
            data += more
        yield base64.b64encode(data).decode("ascii")
