"""Options as one table: a field's name, type, default, range and help are written once.

An options class is a frozen dataclass whose fields are annotated with an :class:`Option`. Its
``__post_init__`` calls :func:`check_options`; a command line and other front doors are built from
:func:`option_fields`. Messages name a field in backticks, as they do `bpm` below; a front door that
calls it otherwise, such as ``--bpm``, translates that.

>>> @dataclass(frozen=True)
... class Tempo:
...     bpm: Annotated[float, Option("Tempo to hold.", low=60, high=160, unit="BPM")] = 120.0
...     def __post_init__(self):
...         check_options(self)
>>> Tempo(20)
Traceback (most recent call last):
render.files.errors.AmtError: `bpm` is 20; expected a number from 60 to 160 BPM
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from render.files.errors import AmtError, quoted, suggestion

LARGEST_SEED = 2**63 - 1
"""The largest seed that PyTorch's generators take."""


@dataclass(frozen=True, slots=True)
class Option:
    """What is known of an option besides its name, type and default."""

    help: str
    """One or two sentences for ``--help``."""
    panel: str | None = None
    """Group of options in ``--help``; None is the first."""
    low: float | None = None
    """Least value."""
    high: float | None = None
    """Greatest value."""
    unit: str = ""
    """Unit of a number; on the command line it may follow the number."""
    choices: tuple[str, ...] = ()
    """Values of a text, where its type is no ``Literal``; these are not checked."""
    flag: str | None = None
    """Name on the command line without dashes, where it is not the field's name."""
    short: str | None = None
    """Flag of one letter, such as ``-f``."""
    old_flags: tuple[str, ...] = ()
    """Former names on the command line that are still taken, with dashes."""
    convert: Callable[[Any], Any] | None = None
    """Makes the field's value of a text, or of what a Python caller gave; for a tuple of values
    with ``is_repeated``, of each."""
    is_repeated: bool = False
    """Whether the option may be given several times."""
    metavar: str | None = None
    """What ``--help`` calls the value."""


@dataclass(frozen=True, slots=True)
class OptionField:
    """A field of an options class that has an :class:`Option`."""

    name: str
    kind: Any
    """Its type without None."""
    is_optional: bool
    """Whether it may be None."""
    default: Any
    """:data:`dataclasses.MISSING` where there is none."""
    option: Option

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts that it takes; empty where it takes any."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else self.option.choices

    @property
    def expected(self) -> str:
        """Its range in words."""
        kind = "a whole number" if self.kind is int else "a number"
        low, high = self.option.low, self.option.high
        if low is not None and high is not None:
            limits = f" from {_limit(low)} to {_limit(high)}"
        elif low is not None:
            limits = f" of {_limit(low)} or more"
        else:
            limits = "" if high is None else f" of {_limit(high)} or less"
        return f"{kind}{limits}{' ' * bool(self.option.unit)}{self.option.unit}"


def option_fields(options: type) -> tuple[OptionField, ...]:
    """The fields of an options class that have an :class:`Option`, in their order."""
    return _option_fields(options)


@lru_cache
def _option_fields(options: Any) -> tuple[OptionField, ...]:  # noqa: ANN401 (for the cache)
    hints = get_type_hints(options, include_extras=True)
    found = []
    for field in fields(options):
        hint = hints[field.name]
        if get_origin(hint) is not Annotated:
            continue
        kind, *notes = get_args(hint)
        option = next((note for note in notes if isinstance(note, Option)), None)
        if option is not None:
            is_optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
            if is_optional:
                (kind,) = (part for part in get_args(kind) if part is not NoneType)
            found.append(OptionField(field.name, kind, is_optional, field.default, option))
    return tuple(found)


def check_options(options: object, error: type[AmtError] = AmtError) -> None:
    """Check the ranges and choices of all fields of an options object.

    Args:
        options: of a class with annotated fields.
        error: what is raised.

    Raises:
        AmtError: a value is out of its range, or none of the choices.
    """
    for field in option_fields(type(options)):
        value = getattr(options, field.name)
        if value is None and field.is_optional:
            continue
        if field.kind in (int, float) and not _is_in_range(value, field):
            shown = f"{value:g}" if isinstance(value, float) else quoted(value)
            raise error(f"`{field.name}` is {shown}; expected {field.expected}")
        if get_origin(field.kind) is Literal and value not in field.choices:
            raise error(
                f"`{field.name}` is {quoted(value)}; expected {', '.join(field.choices)}"
                f"{suggestion(str(value), field.choices)}"
            )


def _is_in_range(value: object, field: OptionField) -> bool:
    if field.kind is int and not isinstance(value, int):
        return False
    if not isinstance(value, int) and not (isinstance(value, float) and math.isfinite(value)):
        return False
    low, high = field.option.low, field.option.high
    return (low is None or value >= low) and (high is None or value <= high)


def _limit(value: float) -> str:
    return "2^63 - 1" if value == LARGEST_SEED else f"{value:g}"
