"""Data of JSON and TOML files as typed objects, with a sentence where they do not fit the type.

:mod:`msgspec` does the checking. Its errors name the place and the type, but neither the value that
came nor the values that are allowed, so the sentence is made here from the data and the type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from render.files.errors import AmtError, quoted, shown

T = TypeVar("T")

_PLACE = re.compile(r"(.*) - at `\$([^`]*)`", re.DOTALL)
"""A message of msgspec and the path in it, as in: Expected `int` - at `$.chords[2].beat`."""
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def decode(data: object, kind: type[T], what: str = "", error: type[AmtError] = AmtError) -> T:
    """The data of a file as an object of a type, each field checked; nothing is converted.

    Args:
        data: as :mod:`json` or :mod:`tomllib` reads it: dicts, lists, text, numbers.
        kind: a :class:`msgspec.Struct`, or a flat dataclass, with annotated fields. A whole number
            may stand for a float, a list for a tuple. Bounds are given by :class:`msgspec.Meta`.
            A dict among the fields holds anything.
        what: the file or part of it, to begin the sentence with.
        error: the class of the error to raise.

    Raises:
        AmtError: a field is missing, unknown, of another type or out of its bounds; of the class
            ``error``.

    >>> class Cut(msgspec.Struct, forbid_unknown_fields=True):
    ...     time_s: float
    >>> decode({"time_s": 3}, Cut)
    Cut(time_s=3.0)
    >>> decode({"time_s": "3"}, Cut, "cuts.json")
    Traceback (most recent call last):
    render.files.errors.AmtError: cuts.json: time_s is '3', expected a finite number
    """
    try:
        if is_dataclass(kind) and isinstance(data, Mapping):  # msgspec ignores unknown fields here
            known = {field.name for field in fields(kind)}
            if not known.issuperset(data):
                raise msgspec.ValidationError
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, OverflowError, UnicodeError) as invalid:
        raise error(_sentence(data, kind, what, str(invalid))) from invalid


def _sentence(data: object, kind: type, what: str, message: str) -> str:
    """What is wrong with the data at the place that msgspec's message names."""
    value, info, path = data, _plain(inspect.type_info(kind)), ""
    found = _PLACE.fullmatch(message)
    for step in _STEP.finditer(found[2] if found else ""):
        if _unknown(value, info) is not None:
            break
        value, info = _inner(value, info, step)
        path += step[0]
    whole = ": ".join(filter(None, (what, path.removeprefix(".")))) or "the file"
    inside = f"{whole}." if path else f"{what}: " if what else ""
    if (unknown := _unknown(value, info)) is not None:
        known = sorted(field.encode_name for field in _fields(info))
        return f"{inside}{shown(unknown)} is unknown, expected {', '.join(known)}"
    if not isinstance(value, Mapping) or not _fields(info):
        return f"{whole} is {quoted(value)}, expected {_expected(info)}"
    for field in _fields(info):
        if field.required and field.encode_name not in value:
            return f"{inside}{field.encode_name} is missing, expected {_expected(field.type)}"
    return f"{whole}: {found[1] if found else message}"  # the type's own check of its fields


def _unknown(value: object, info: inspect.Type) -> object:
    """The first key that is not a field of the type, or None."""
    known = {field.encode_name for field in _fields(info)}
    if not known or not isinstance(value, Mapping):
        return None
    return next((key for key in value if key not in known), None)


def _inner(value: Any, info: inspect.Type, step: re.Match[str]) -> tuple[Any, inspect.Type]:  # noqa: ANN401
    """The value and the type of a field or an item."""
    if step[1]:
        kind = next(field.type for field in _fields(info) if field.encode_name == step[1])
        return value[step[1]], _plain(kind)
    index = int(step[2])
    if isinstance(info, inspect.TupleType):
        return value[index], _plain(info.item_types[index])
    assert isinstance(info, (inspect.ListType, inspect.VarTupleType))
    return value[index], _plain(info.item_type)


def _expected(info: inspect.Type) -> str:
    """Which values a type allows, in words."""
    info = _plain(info)
    if isinstance(info, (inspect.IntType, inspect.FloatType)):
        is_whole = isinstance(info, inspect.IntType)
        if info.ge is not None and info.le is not None:
            return f"a {'whole ' * is_whole}number from {info.ge} to {info.le}"
        return "a whole number" if is_whole else "a finite number"
    if _fields(info):
        return f"an object or table with {', '.join(field.encode_name for field in _fields(info))}"
    if isinstance(info, inspect.TupleType):
        return f"a list of {len(info.item_types)} in brackets"
    if isinstance(info, inspect.LiteralType):
        return ", ".join(map(str, info.values))
    return {
        inspect.StrType: "text in quotes",
        inspect.BoolType: "true or false",
        inspect.DictType: "an object or table",
    }.get(type(info), "a list in brackets")


def _plain(info: inspect.Type) -> inspect.Type:
    """A type without its metadata and without None."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.UnionType):
        return next(i for i in info.types if not isinstance(i, inspect.NoneType))
    return info


def _fields(info: inspect.Type) -> tuple[inspect.Field, ...]:
    return info.fields if isinstance(info, (inspect.StructType, inspect.DataclassType)) else ()
