"""What a server accepts at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from amt.errors import InputError
from render.files.options import Option, check_options

_PANEL = "Limits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server accepts at most.

    Raises:
        InputError: a value is out of its range.
    """

    workers: Annotated[
        int, Option("Jobs that run at once, each in a process of its own.", _PANEL, low=1, high=64)
    ] = 1
    max_upload: Annotated[
        float, Option("Largest clip.", _PANEL, low=0.001, high=100_000, unit="MB")
    ] = 1000.0
    max_length: Annotated[float, Option("Longest clip.", _PANEL, low=1, high=86_400, unit="s")] = (
        900.0
    )
    max_projects: Annotated[
        int,
        Option("Clips that are kept at once; then the one unused longest goes.", _PANEL,
               low=1, high=10_000),
    ] = 20  # fmt: skip
    max_waiting: Annotated[
        int, Option("Jobs that may wait in the queue, over all projects.", _PANEL, low=1, high=1000)
    ] = 24
    max_waiting_each: int = 4
    """Jobs of one project that may wait."""
    max_versions: int = 40
    """States of a take that undo reaches; older ones are removed."""
    max_takes: int = 8
    """Takes of a project."""

    def __post_init__(self) -> None:
        check_options(self, InputError)

    @property
    def upload_bytes(self) -> int:
        """Size of the largest upload."""
        return int(self.max_upload * 1e6)
