"""Options of a new piece as JSON, read by the same tables as the command line.

What names a file of the server is no option here: a style is one of the built-in ones, moods are no
CSV file, and weights, CLIP's folder and downloads are the operator's. Cues are rows of the request.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from typing import Any

from amt.arrange import style_names
from amt.errors import AmtError, InputError, quoted, suggestion
from amt.options import (
    BackendOptions,
    FitOptions,
    MusicOptions,
    NoteOptions,
    SamplingOptions,
    SpeechOptions,
    SpottingOptions,
)
from render.files.options import OptionField, option_fields

_CLASSES = (
    MusicOptions, NoteOptions, FitOptions, SpeechOptions, SamplingOptions, BackendOptions,
    SpottingOptions,
)  # fmt: skip
_OF_THE_OPERATOR = frozenset({"clip_model", "allow_download", "spots"})
"""Fields that name files, or make the server load some."""
MOST_CANDIDATES = 4
"""Of the neural arranger: each costs its time anew."""
_LONGEST_TEXT = 4000
_MOST_VALUES = 1000


def option_table() -> dict[str, OptionField]:
    """The options of a new piece by their names."""
    return {
        field.name: field
        for options in _CLASSES
        for field in option_fields(options)
        if field.name not in _OF_THE_OPERATOR
    }


def checked_words(options: object) -> dict[str, Any]:
    """The options of a request, as words of :func:`amt.generate`.

    Args:
        options: a JSON value.

    Raises:
        InputError: it is no object of options, or a value has no meaning.
    """
    if not isinstance(options, Mapping):
        raise InputError("options must be an object such as {'style': 'piano', 'seed': 7}")
    table = option_table()
    words: dict[str, Any] = {}
    for name, value in options.items():
        if name not in table:
            raise InputError(f"unknown option {quoted(name)}{suggestion(name, table)}")
        if value is not None:
            words[name] = _checked(table[name], value)
    _check_together(words)
    return words


def check_style(style: object) -> str:
    """A built-in style.

    Raises:
        InputError: there is none of that name.
    """
    if not isinstance(style, str) or style not in style_names():
        raise InputError(f"style is {quoted(style)}, expected one of {', '.join(style_names())}")
    return style


def _checked(field: OptionField, value: object) -> Any:  # noqa: ANN401 (an option may be anything)
    """A JSON value of the type of its option.

    Raises:
        InputError: it is of another type, or its text is too long.
    """
    if field.name == "style":
        return check_style(value)
    if field.option.is_repeated:
        if not isinstance(value, list) or len(value) > _MOST_VALUES:
            raise InputError(f"`{field.name}` must be a list of at most {_MOST_VALUES} values")
        return [_scalar(field, one, (str, int, float)) for one in value]
    if field.kind is bool:
        return _scalar(field, value, (bool,))
    if field.kind is int:
        return _scalar(field, value, (int,))
    if field.kind is float:
        return _scalar(field, value, (int, float))
    return _scalar(field, value, (str,))


def _scalar(field: OptionField, value: object, kinds: tuple[type, ...]) -> object:
    is_bool = isinstance(value, bool) and bool not in kinds
    is_odd = isinstance(value, float) and not math.isfinite(value)
    if not isinstance(value, kinds) or is_bool or is_odd:
        names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        expected = " or ".join(names[kind] for kind in kinds)
        raise InputError(f"`{field.name}` is {quoted(value)}, expected {expected}")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise InputError(f"`{field.name}` has {len(value)} letters, at most {_LONGEST_TEXT}")
    return value


def _check_together(words: Mapping[str, Any]) -> None:
    """Check the ranges of the options, and what would name a file.

    Raises:
        InputError: a value has no meaning.
    """
    mood = words.get("emotion", "")
    if mood.strip().lower().endswith(".csv"):
        raise InputError("`emotion` names a file: write the moods, such as 'calm:0-12, tense:12-'")
    if (words.get("candidates") or 1) > MOST_CANDIDATES:
        raise InputError(f"`candidates` is {words['candidates']}, at most {MOST_CANDIDATES} here")
    for options in _CLASSES:
        fields = [field for field in option_fields(options) if field.name in words]
        try:
            options(**{field.name: _converted(field, words[field.name]) for field in fields})
        except AmtError:
            raise
        except (TypeError, ValueError) as error:
            raise InputError(f"an option cannot be read: {error}") from error


def _converted(field: OptionField, value: Any) -> Any:  # noqa: ANN401
    convert = field.option.convert
    if field.option.is_repeated:
        return tuple(float(convert(one) if convert else one) for one in value)
    if convert is not None:
        return convert(value)
    return float(value) if field.kind is float else value


def option_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and JSON schema of every option, for the OpenAPI document."""
    for name, field in option_table().items():
        yield name, _schema(field)


def _schema(field: OptionField) -> dict[str, Any]:
    option = field.option
    kinds = {bool: "boolean", int: "integer", float: "number"}
    schema: dict[str, Any] = {"type": kinds.get(field.kind, "string"), "description": option.help}
    if field.name == "style":
        schema["enum"] = list(style_names())
    elif field.choices:
        schema["enum"] = list(field.choices)
    if option.is_repeated:
        schema = {"type": "array", "items": {"type": "number"}, "description": option.help}
    if option.low is not None:
        schema["minimum"] = option.low
    if option.high is not None:
        schema["maximum"] = MOST_CANDIDATES if field.name == "candidates" else option.high
    if field.default not in (MISSING, None, ()):
        schema["default"] = field.default
    return schema
