"""Outputs that appear together and whole, or not at all; nothing of the user's is lost.

A command checks its outputs with :func:`check_outputs`, asks a :class:`Staging` for a temporary
path beside each, writes there, and only when all are complete are they renamed into place. If one
rename fails, those before it are undone. Files that exist are replaced only where the caller
allows it, and keep their permissions; symbolic links are followed; devices, pipes and sockets are
refused.

A run that is killed cannot remove its temporary files. They carry its host and process number
(:data:`_TEMPORARY`), by which the next run in that folder recognises and removes them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amt.errors import OutputError, quoted, shown
from amt.processes import host_digest, is_running

MIDI_SUFFIXES = (".mid", ".midi")
SOUND_SUFFIXES = (".wav", ".flac")
FILM_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
PAGE_SUFFIXES = (".html", ".htm")
PLAN_SUFFIXES = (".json",)
SESSION_SUFFIXES = (".dawproject", ".rpp")
SCORE_SUFFIXES = (".musicxml", ".mxl", ".xml", ".zip")
EXPORT_SUFFIXES = (*SESSION_SUFFIXES, *SCORE_SUFFIXES)
"""Of the files that are written."""

_TEMPORARY = re.compile(r"\.amt-(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{16}(\.[^.]*)?")
_ABANDONED_S = 24 * 3600.0
"""Age at which a temporary file counts as abandoned where processes cannot be asked for."""
_LONGEST_SUFFIX = 20


def clip_title(video: Path) -> str:
    """The clip's name without its suffix, as text that every file format holds.

    >>> clip_title(Path("films/storm.mp4"))
    'storm'
    """
    return os.fsencode(video.stem).decode("utf-8", "replace").strip("-") or "song"


def is_score(path: Path) -> bool:
    """Whether a path names a score, which holds neither video nor sound."""
    return path.suffix.lower() in SCORE_SUFFIXES


def existing_outputs(outputs: Iterable[Path]) -> list[Path]:
    """The outputs under whose name something lies already."""
    return [path for path in outputs if os.path.lexists(path)]


def check_outputs(
    outputs: Iterable[Path],
    inputs: Iterable[Path],
    replaceable: Collection[Path] | None = None,
    folder: Path | None = None,
) -> None:
    """Refuse outputs that cannot be written, before any work is done.

    Args:
        outputs: files that the command is going to write.
        inputs: files and folders that it reads: no output may replace them or a file in them.
        replaceable: outputs that may replace a file; None for all.
        folder: holds some of the outputs and is made where it is missing; see :func:`staging`.

    Raises:
        OutputError: a folder is missing or not writable, a path is a folder or a special file, is
            named twice, is one of the inputs, or exists and may not be replaced.
    """
    if folder is not None:
        _check_folder(folder)
    taken: dict[Path, Path] = {}
    read = [path for path in inputs if path.exists()]
    for path in outputs:
        with _naming(path):
            target = path.resolve()
            if folder is None or target.parent != folder.resolve() or folder.is_dir():
                _check_target(path)
            if any(_is_same(target, given) for given in read):
                raise OutputError(f"output {shown(path)} is also an input: choose another name")
            if any(_is_same_name(target, other) for other in taken):
                raise OutputError(
                    f"{shown(path)} is named for two outputs: choose another name for one"
                )
            if replaceable is not None and path not in replaceable and os.path.lexists(target):
                raise OutputError(f"{shown(path)} exists already: use `force` to replace it")
            taken[target] = path


def _check_target(path: Path) -> None:
    """Refuse what is no file that can be written."""
    if path.is_dir():
        raise OutputError(f"output {shown(path)} is a folder: name a file in it")
    if os.path.lexists(path) and not path.exists():
        raise OutputError(f"output {shown(path)} is a symbolic link to nothing: remove it first")
    target = path.resolve()
    folder = target.parent
    if target.exists() and not target.is_file():
        raise OutputError(f"output {shown(path)} is a device or pipe: name an ordinary file")
    if not folder.is_dir():
        raise OutputError(
            f"the folder {shown(folder)} of output {shown(path)} does not exist: make it first"
        )
    if hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise OutputError(f"output {shown(path)} cannot be written: the file system is read-only")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError(f"output {shown(path)} cannot be written: permission denied")
    name_max = _longest_name(folder)
    if len(os.fsencode(target.name)) > name_max:
        raise OutputError(
            f"output {quoted(path.name)} has too long a name: the limit is {name_max} bytes"
        )


def _longest_name(folder: Path) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # no such call on Windows
        return 255


def _is_same(target: Path, given: Path) -> bool:
    """Whether a resolved path is a given file, or a file in a given folder."""
    if given.is_dir():
        return target.exists() and given.resolve() in target.parents
    return target == given.resolve() or (target.exists() and target.samefile(given))


def _is_same_name(target: Path, other: Path) -> bool:
    """Whether two resolved paths are one file, also on a file system that ignores case."""
    if target.exists() and other.exists():
        return target.samefile(other)
    return (target.parent, target.name.casefold()) == (other.parent, other.name.casefold())


def _check_folder(folder: Path) -> None:
    """Refuse what is no folder and cannot become one."""
    with _naming(folder):
        if folder.is_dir():
            return
        if os.path.lexists(folder):
            raise OutputError(
                f"{shown(folder)} is to be a folder, but there is a file of that name"
            )
        above = next((path for path in folder.absolute().parents if os.path.lexists(path)), folder)
        if not above.is_dir():
            raise OutputError(
                f"the folder {shown(folder)} cannot be made: {shown(above)} is no folder"
            )
        if not os.access(above, os.W_OK):
            raise OutputError(f"the folder {shown(folder)} cannot be made: permission denied")


class Staging:
    """Temporary files beside the outputs that they will become.

    Args:
        replaceable: outputs that may replace a file; None for all.

    Attributes:
        is_published: whether the outputs are in place.
    """

    def __init__(self, replaceable: Collection[Path] | None = None) -> None:
        self._replaceable = replaceable
        self._staged: dict[Path, Path] = {}
        self._swept: set[Path] = set()
        self._made: list[Path] = []
        self.is_published = False

    def path(self, final: Path) -> Path:
        """Where to write what will be ``final``; keeps its suffix.

        Raises:
            OutputError: nothing can be written beside ``final``.
        """
        if final not in self._staged:
            with _naming(final):
                folder = final.resolve().parent
                self._sweep(folder)
                staged = folder / _temporary_name(final)
                # Known before it exists, so that an interrupt in between leaves no file behind.
                self._staged[final] = staged
                try:
                    os.close(os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                except OSError:
                    del self._staged[final]
                    raise
        return self._staged[final]

    def drop(self, final: Path) -> None:
        """Give an output up: what was written of it is removed."""
        staged = self._staged.pop(final, None)
        if staged is not None:
            staged.unlink(missing_ok=True)

    def named(self, text: str) -> str:
        """A message in which temporary paths are the outputs that they would have become."""
        for final, staged in self._staged.items():
            text = text.replace(str(staged), str(final))
        return text

    def make_folder(self, folder: Path) -> None:
        """Make a folder for outputs, and those above it; :meth:`discard` removes them again.

        Raises:
            OutputError: it cannot be made.
        """
        above = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(above):
            with _naming(path):
                path.mkdir(exist_ok=True)
            self._made.append(path)

    def publish(self) -> None:
        """Rename every staged file into place, all or none; no signal comes between.

        Raises:
            OutputError: a file cannot be renamed, or one has appeared under its name meanwhile.
        """
        done: list[tuple[Path, Path | None]] = []
        with _undisturbed():
            try:
                for final, staged in self._staged.items():
                    with _naming(final):
                        done.append(self._place(final, staged))
            except BaseException:
                _undo(done)
                raise
            for _, backup in done:
                if backup is not None:
                    backup.unlink(missing_ok=True)
            self._staged.clear()
            self._made.clear()
            self.is_published = True

    def _place(self, final: Path, staged: Path) -> tuple[Path, Path | None]:
        """Rename one file into place; gives its place, and what it replaced under another name."""
        target = final.resolve()
        _adopt(staged, target)
        if self._replaceable is not None and final not in self._replaceable:
            _rename_to_free(staged, target, final)
            return target, None
        backup = _kept(target)
        try:
            staged.replace(target)
        except BaseException:
            if backup is not None:
                backup.unlink(missing_ok=True)
            raise
        return target, backup

    def discard(self) -> None:
        """Remove whatever has not been published."""
        for final in tuple(self._staged):
            self.drop(final)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # somebody else has put something into it
                folder.rmdir()
        self._made.clear()

    def _sweep(self, folder: Path) -> None:
        """Remove the temporary files of runs that were killed."""
        if folder not in self._swept:
            self._swept.add(folder)
            with contextlib.suppress(OSError):
                for path in folder.iterdir():
                    if _is_abandoned(path):
                        path.unlink(missing_ok=True)


@contextmanager
def staging(
    outputs: Iterable[Path] = (),
    replaceable: Collection[Path] | None = None,
    folder: Path | None = None,
) -> Iterator[Staging]:
    """Publish on success, discard on any exception, interrupts included.

    Args:
        outputs: staged at once, so that a folder that cannot be written is found before any work.
        replaceable: outputs that may replace a file; None for all.
        folder: is made where it is missing, and removed again where nothing is published.

    Raises:
        OutputError: an output cannot be written, as when the disk is full.
    """
    stage = Staging(replaceable)
    try:
        if folder is not None:
            stage.make_folder(folder)
        for path in outputs:
            stage.path(path)
        yield stage
        stage.publish()
    except OSError as error:
        if error.errno is None:  # such as a library that cannot be loaded: nothing of ours
            raise
        name = stage.named(str(error.filename)) if error.filename else "the outputs"
        raise OutputError(f"cannot write {shown(name)}: {error.strerror or error}") from error
    finally:
        stage.discard()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say of which output the system complains."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OutputError(f"output {quoted(str(path))} has too long a name") from error
        raise OutputError(f"cannot write {shown(path)}: {error.strerror or error}") from error


def _kept(target: Path) -> Path | None:
    """A second name of the file at ``target``, by which it can be brought back; None if none is."""
    if not target.exists():
        return None
    backup = target.parent / _temporary_name(target)
    try:
        os.link(target, backup)
    except OSError:  # a file system without hard links; the target stays, should the run be killed
        try:
            shutil.copy2(target, backup)
        except BaseException:
            backup.unlink(missing_ok=True)
            raise
    return backup


def _rename_to_free(staged: Path, target: Path, final: Path) -> None:
    """Rename, but replace nothing: a file may have appeared while the run went on."""
    try:
        os.link(staged, target)
    except FileExistsError:
        raise OutputError(f"{final} has appeared meanwhile: use `force` to replace it") from None
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise OutputError(
                f"{final} has appeared meanwhile: use `force` to replace it"
            ) from None
        staged.replace(target)
    else:
        staged.unlink()


def _undo(done: Iterable[tuple[Path, Path | None]]) -> None:
    """Bring back what was there before."""
    for target, backup in done:
        with contextlib.suppress(OSError):
            if backup is None:
                target.unlink(missing_ok=True)
            else:
                backup.replace(target)


def _adopt(staged: Path, target: Path) -> None:
    """Give a file the owner and permissions of the one it replaces, else of an ordinary new one."""
    if not target.exists():
        mask = os.umask(0)
        os.umask(mask)
        staged.chmod(0o666 & ~mask)
        return
    status = target.stat()
    with contextlib.suppress(OSError, AttributeError):  # only root may, and not on Windows
        os.chown(staged, status.st_uid, status.st_gid)
    staged.chmod(stat.S_IMODE(status.st_mode))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals that end a run wait until the block has ended, then raise them.

    Blocking them would not do: another thread of the process would receive them, and Python would
    run their handlers in this one all the same.
    """
    if threading.current_thread() is not threading.main_thread():  # where no handler ever runs
        yield
        return
    received: list[int] = []
    before: dict[int, Any] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, lambda came, frame: received.append(came))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in received[:1]:
            signal.raise_signal(number)


def _temporary_name(final: Path) -> str:
    suffix = final.suffix if len(os.fsencode(final.suffix)) <= _LONGEST_SUFFIX else ""
    return f".amt-{host_digest()}-{os.getpid()}-{secrets.token_hex(8)}{suffix}"


def _is_abandoned(path: Path) -> bool:
    """Whether a file is temporary and the run that made it is gone."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or not stat.S_ISREG(path.lstat().st_mode):
        return False
    if match["host"] != host_digest() or sys.platform == "win32":
        return time.time() - path.stat().st_mtime > _ABANDONED_S
    return not is_running(int(match["process"]))
