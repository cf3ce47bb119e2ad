"""The manifest of a batch: one line of JSON for each thing that happened, written at once.

A line stands when its end does: the last line of a run that was killed may be cut off, is ignored
when the manifest is read, and ended when the next line is written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec
from filelock import FileLock, Timeout

from amt.errors import InputError, OutputError, shown

NAME = "manifest.jsonl"


class FileState(msgspec.Struct, frozen=True):
    """A file as it was found or written."""

    bytes: int
    """Its size."""
    mtime_ns: int
    """Time of its last change, in ns since 1970."""
    sha256: str
    """Of its content, in hexadecimal digits."""

    @classmethod
    def of(cls, path: Path) -> FileState:
        """The state of a file.

        Raises:
            OSError: it cannot be read.
        """
        status = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(status.st_size, status.st_mtime_ns, digest)

    def is_of(self, path: Path) -> bool:
        """Whether a file still has this content; it is read only where its time has changed."""
        try:
            status = path.stat()
            if status.st_size != self.bytes:
                return False
            return status.st_mtime_ns == self.mtime_ns or FileState.of(path).sha256 == self.sha256
        except OSError:
            return False


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the manifest: a clip was begun, or ended one way or the other."""

    clip: str
    status: Literal["begun", "done", "partly", "failed"]
    """``partly``: the notes are there, and some other output could not be made."""
    ended: str = ""
    """Date and time, ISO 8601, UTC; of a line with ``begun``, when it was begun."""
    seconds: float = 0.0
    """From opening the clip to its last output."""
    input: FileState | None = None
    """The clip as it was read."""
    options: dict[str, Any] = {}
    """All that was asked for, by option class and field."""
    outputs: dict[str, str] = {}
    """Kind → path, relative to the manifest."""
    states: dict[str, FileState] = {}
    """Kind → the file that was written."""
    failed: dict[str, str] = {}
    """Kind → why it could not be made."""
    error: str = ""
    """Why there is nothing."""
    messages: list[str] = []
    """Sentences that ``amt generate`` would have printed."""
    music: dict[str, Any] = {}
    """Length, key, tempi, bars, chords and notes of the piece."""
    process: str = ""
    """Host and number of the process."""
    version: str = ""
    """Of this package."""


class Manifest:
    """The manifest of a folder, which one run at a time holds.

    Args:
        folder: of the outputs; is made where it is missing.
        resume: go on with a manifest that is there.
        fresh: put one that is there aside, under a name with the time of its last change.

    Attributes:
        path: of the file.
        last: clip → its last line.

    Raises:
        InputError: there is a manifest, and neither is asked for; or it is none.
        OutputError: another run holds it, or nothing can be written there.
    """

    def __init__(self, folder: Path, *, resume: bool = False, fresh: bool = False) -> None:
        self.path = folder / NAME
        self.last: dict[str, Record] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / f".{NAME}.lock")
            self._lock.acquire(blocking=False)
        except Timeout:
            raise OutputError(
                f"another run writes to {shown(folder)}: wait for it, or name another folder"
            ) from None
        except OSError as error:
            raise OutputError(f"cannot write {shown(folder)}: {error.strerror or error}") from error
        try:
            self._open(resume=resume, fresh=fresh)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, *, resume: bool, fresh: bool) -> None:
        if self.path.exists():
            if not (resume or fresh):
                raise InputError(
                    f"{shown(self.path)} is there from an earlier run: add `resume` to go on with "
                    "it, or `force` to begin anew"
                )
            if resume:
                self.last = _read(self.path)
            else:
                self._put_aside()
        self._file = self.path.open("ab")
        if self.path.stat().st_size and not _ends_line(self.path):
            self._file.write(b"\n")

    def _put_aside(self) -> None:
        stamp = self.path.stat().st_mtime_ns
        self.path.replace(self.path.with_name(f"manifest-{stamp}.jsonl"))

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._lock.release()

    def append(self, record: Record) -> None:
        """Write a line, so that it is there when this returns, whatever happens next.

        Raises:
            OutputError: the disk is full, or the file cannot be written for another reason.
        """
        try:
            self._file.write(msgspec.json.encode(record) + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {shown(self.path)}: {error.strerror}") from error
        self.last[record.clip] = record

    def relative(self, outputs: Mapping[str, Path]) -> dict[str, str]:
        """Paths of outputs as a record has them."""
        return {kind: path.relative_to(self.path.parent.absolute()).as_posix()
                for kind, path in outputs.items()}  # fmt: skip


def _read(path: Path) -> dict[str, Record]:
    """Clip → its last whole line.

    Raises:
        InputError: a line before the last is no record.
    """
    last: dict[str, Record] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            record = msgspec.json.decode(line, type=Record) if line.strip() else None
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            # A run that is killed leaves its last line unfinished; the next run ends that line.
            if isinstance(error, msgspec.ValidationError):
                raise InputError(f"{shown(path)}, line {number}, is no record: {error}") from error
            continue
        if record is not None:
            last[record.clip] = record
    return last


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
