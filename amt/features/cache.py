"""The folder in which amt keeps what can be made again, and files that appear in it whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def cache_folder() -> Path:
    """``$AMT_CACHE_DIR``, else ``$XDG_CACHE_HOME/amt``, else ``~/.cache/amt``."""
    if own := os.environ.get("AMT_CACHE_DIR"):
        return Path(own)
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG base directory specification tells programs to ignore relative paths.
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "amt"


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
