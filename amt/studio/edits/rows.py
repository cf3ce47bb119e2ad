"""Edits as they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from amt.errors import InputError

_Seconds = Annotated[float, Meta(ge=0, le=1e6)]
_Bar = Annotated[int, Meta(ge=1, le=1_000_000)]
_Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Mood = Literal["exciting", "fearful", "tense", "sad", "relaxing", "neutral"]
_MOST_EDITS = 200


class _Edit(Struct, tag_field="do", forbid_unknown_fields=True, frozen=True):
    """One change of a plan."""


class _Stretch(_Edit, frozen=True):
    start_s: _Seconds
    end_s: _Seconds


class _Bars(_Edit, frozen=True):
    first: _Bar
    last: _Bar


class AddHit(_Edit, tag="hit.add", frozen=True):
    """A bar line falls on a moment."""

    time_s: _Seconds


class MoveHit(_Edit, tag="hit.move", frozen=True):
    """A hit point moves."""

    time_s: _Seconds
    to_s: _Seconds


class RemoveHit(_Edit, tag="hit.remove", frozen=True):
    """A moment is asked for no more."""

    time_s: _Seconds


class MoveSection(_Edit, tag="section.move", frozen=True):
    """A section begins with another bar."""

    bar: _Bar
    to: _Bar


class PaintMood(_Stretch, tag="mood", frozen=True, kw_only=True):
    """A mood over a stretch."""

    mood: Mood


class Silence(_Stretch, tag="silence", frozen=True):
    """No music over a stretch."""


class Sound(_Stretch, tag="sound", frozen=True):
    """Music again over a stretch."""


class Again(_Bars, tag="again", frozen=True, kw_only=True):
    """Bars anew."""

    seed: _Seed | None = None


class Lock(_Bars, tag="lock", frozen=True):
    """Bars that no edit changes."""


class Unlock(_Bars, tag="unlock", frozen=True):
    """Bars that edits may change again."""


class Mute(_Edit, tag="mute", frozen=True):
    """The tracks that are left out."""

    tracks: Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=99)]


class SwitchStyle(_Edit, tag="style", frozen=True):
    """Another style."""

    style: Annotated[str, Meta(max_length=100)]


Edit = (
    AddHit | MoveHit | RemoveHit | MoveSection | PaintMood | Silence | Sound | Again | Lock
    | Unlock | Mute | SwitchStyle
)  # fmt: skip
EDITS: tuple[type[Struct], ...] = Edit.__args__


def checked_edits(rows: object) -> tuple[Edit, ...]:
    """The edits of a request.

    Args:
        rows: a JSON value.

    Raises:
        InputError: it is no list of edits; the message names the field.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise InputError("edits must be a list of objects such as {'do': 'hit.add', 'time_s': 4}")
    if len(rows) > _MOST_EDITS:
        raise InputError(f"there are {len(rows)} edits, at most {_MOST_EDITS} at once")
    found: list[Any] = []
    for number, row in enumerate(rows):
        try:
            found.append(msgspec.convert(row, Edit, strict=True))
        except msgspec.ValidationError as error:
            raise InputError(f"edits[{number}]: {error}") from error
    return tuple(found)
