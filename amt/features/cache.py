"""The folder in which amt keeps what can be made again, and files that appear in it whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amt.errors import WeightsError


def cache_folder() -> Path:
    """``$AMT_CACHE_DIR``, else ``$XDG_CACHE_HOME/amt``, else ``~/.cache/amt``.

    Raises:
        WeightsError: none is named and there is no home folder.
    """
    if own := os.environ.get("AMT_CACHE_DIR"):
        return Path(own)
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if xdg.is_absolute():  # the XDG base directory specification has relative paths ignored
        return xdg / "amt"
    try:
        return Path.home() / ".cache" / "amt"
    except RuntimeError as error:
        raise WeightsError(
            "there is no home folder to keep what CLIP saw: name one with AMT_CACHE_DIR"
        ) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside ``path`` that takes its place when all went well."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
