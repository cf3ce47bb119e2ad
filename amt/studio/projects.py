"""The files and the state of projects; all of it lies in one temporary folder.

Nothing that a client sends becomes a part of a path: folders are named by random ids and numbers,
files by the table of artefacts.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import string
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amt.errors import InputError
from amt.processes import host_digest, is_running
from amt.studio.jobs import Job
from amt.studio.limits import Limits

_PREFIX = "amt-studio-"
_FOLDER = re.compile(rf"{_PREFIX}(?P<host>[0-9a-f]+)-(?P<process>\d+)-")
LETTERS = string.ascii_uppercase
SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".wmv", ".flv", ".3gp", ".ogv", ".gif", ".mxf", ".vob",
)  # fmt: skip
"""Of clips; a file with another has none here."""


@dataclass(frozen=True)
class Version:
    """A state of a take, with its files in a folder."""

    number: int
    """Unique in its project."""
    folder: Path
    action: str
    """What made it, in words."""
    facts: dict[str, Any]
    """What is stated of it."""


@dataclass
class Take:
    """A piece: its states, and which of them is the present one."""

    letter: str
    versions: list[Version]
    at: int = 0

    @property
    def present(self) -> Version:
        """The state that is shown and played."""
        return self.versions[self.at]


@dataclass
class Project:
    """A clip and what was made for it; changed under the lock of its store."""

    id: str
    folder: Path
    clip: Path
    name: str
    """Of the clip, as the client called it; for display only."""
    facts: dict[str, Any] = field(default_factory=dict)
    takes: dict[str, Take] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    n_versions: int = 0
    used_at: float = field(default_factory=time.monotonic)

    @property
    def title(self) -> str:
        """Of the piece: the name of the clip without its suffix."""
        return Path(self.name).stem.strip("-. ")[:120] or "song"

    @property
    def cache(self) -> Path:
        """Folder of what is known of the clip."""
        return self.folder / "known"


class Store:
    """All projects of a server.

    Args:
        limits: what is kept at most.
    """

    def __init__(self, limits: Limits) -> None:
        _remove_abandoned()
        self._limits = limits
        self.lock = threading.RLock()
        prefix = f"{_PREFIX}{host_digest()}-{os.getpid()}-"
        self.root = Path(tempfile.mkdtemp(prefix=prefix))
        self._projects: dict[str, Project] = {}

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)

    def add(self, name: str) -> tuple[Project, list[Project]]:
        """A new project, and those that must go for it.

        Args:
            name: of the clip, as the client calls it.
        """
        shown = "".join(c for c in name.replace("\\", "/").split("/")[-1] if c.isprintable())
        suffix = Path(shown).suffix.lower()
        number = secrets.token_urlsafe(16)
        folder = self.root / number
        project = Project(
            id=number,
            folder=folder,
            clip=folder / f"uploaded-clip{suffix if suffix in SUFFIXES else ''}",
            name=shown[:200] or "clip",
        )
        project.cache.mkdir(parents=True, mode=0o700)
        with self.lock:
            self._projects[number] = project
            idle = sorted(
                (one for one in self._projects.values() if one is not project),
                key=lambda one: (any(job.is_open for job in one.jobs.values()), one.used_at),
            )
            return project, idle[: max(0, len(self._projects) - self._limits.max_projects)]

    def find(self, number: str) -> Project | None:
        """The project of an id."""
        with self.lock:
            for known, project in self._projects.items():
                if secrets.compare_digest(known.encode(), number.encode()):
                    project.used_at = time.monotonic()
                    return project
        return None

    def remove(self, project: Project) -> None:
        """Remove a project with its files."""
        with self.lock:
            self._projects.pop(project.id, None)
            project.takes.clear()
        shutil.rmtree(project.folder, ignore_errors=True)

    def new_folder(self, project: Project) -> Path:
        """The folder of a version that is to be made; its name is the version's number."""
        with self.lock:
            project.n_versions += 1
            number = project.n_versions
        folder = project.folder / "versions" / f"{number}"
        folder.mkdir(parents=True)
        return folder

    def new_take(self, project: Project, version: Version) -> Take:
        """A take that begins with a version.

        Raises:
            InputError: there are too many.
        """
        with self.lock:
            self.check_room(project)
            letter = next(letter for letter in LETTERS if letter not in project.takes)
            project.takes[letter] = Take(letter, [version])
            return project.takes[letter]

    def check_room(self, project: Project) -> None:
        """Refuse another take where there are too many.

        Raises:
            InputError: there are.
        """
        most = min(self._limits.max_takes, len(LETTERS))
        if len(project.takes) >= most:
            raise InputError(f"a project holds at most {most} takes: remove one first")

    def extend(self, take: Take, version: Version) -> None:
        """Make a version the present state of a take; what was undone before goes."""
        with self.lock:
            gone = take.versions[take.at + 1 :]
            del take.versions[take.at + 1 :]
            take.versions.append(version)
            while len(take.versions) > self._limits.max_versions:
                gone.append(take.versions.pop(0))
            take.at = len(take.versions) - 1
        for one in gone:
            shutil.rmtree(one.folder, ignore_errors=True)


def _remove_abandoned() -> None:
    """Remove the folders of servers of this machine that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        match = _FOLDER.match(folder.name)
        if match is None or match["host"] != host_digest() or folder.is_symlink():
            continue
        if folder.stat().st_uid == _user() and not is_running(int(match["process"])):
            shutil.rmtree(folder, ignore_errors=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
