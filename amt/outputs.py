"""Outputs that appear whole or not at all.

A command asks for a staged path for each file it is going to write, writes there, and only when all
are complete are they renamed into place; on any error or interrupt the staged files are removed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from amt.errors import OutputError


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse outputs that cannot be written, before any work is done.

    Args:
        outputs: files that the command is going to write.
        inputs: files that it reads, which no output may replace.

    Raises:
        OutputError: a folder is missing or not writable, a path is a folder, is named twice, or is
            one of the inputs.
    """
    seen: set[Path] = set()
    read = {path.resolve() for path in inputs}
    for path in outputs:
        resolved = path.resolve()
        if resolved in read:
            raise OutputError(f"output {path} is also an input: choose another name")
        if resolved in seen:
            raise OutputError(f"{path} is named for two outputs: choose another name for one")
        seen.add(resolved)
        if path.is_dir():
            raise OutputError(f"output {path} is a folder: name a file in it")
        folder = path.parent
        if not folder.is_dir():
            raise OutputError(f"the folder {folder} of output {path} does not exist: make it first")
        if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            raise OutputError(f"output {path} cannot be written: permission denied")


class Staging:
    """Temporary files beside the outputs they will become."""

    def __init__(self) -> None:
        self._staged: dict[Path, Path] = {}

    def path(self, final: Path) -> Path:
        """Where to write what will be ``final``; keeps its suffix.

        Raises:
            OutputError: nothing can be written beside ``final``.
        """
        if final not in self._staged:
            try:
                handle, name = tempfile.mkstemp(
                    suffix=final.suffix, prefix=f".{final.stem}-", dir=final.parent
                )
            except OSError as error:
                raise OutputError(f"cannot write {final}: {error.strerror}") from error
            os.close(handle)
            self._staged[final] = Path(name)
        return self._staged[final]

    def publish(self) -> None:
        """Rename every staged file into place."""
        mask = os.umask(0)
        os.umask(mask)
        for final, staged in self._staged.items():
            staged.chmod(0o666 & ~mask)  # mkstemp's files are private; outputs are ordinary ones
            try:
                staged.replace(final)
            except OSError as error:
                raise OutputError(f"cannot write {final}: {error.strerror}") from error

    def discard(self) -> None:
        """Remove whatever has not been published."""
        for staged in self._staged.values():
            staged.unlink(missing_ok=True)


@contextmanager
def staging(outputs: Iterable[Path] = ()) -> Iterator[Staging]:
    """Publish on success, discard on any exception, interrupts included.

    Args:
        outputs: staged at once, so that a folder that cannot be written is found before any work.
    """
    stage = Staging()
    try:
        for path in outputs:
            stage.path(path)
        yield stage
        stage.publish()
    finally:
        stage.discard()
