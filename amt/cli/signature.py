"""Commands that take options classes: one parameter of a function, many options of a command line.

Typer makes a command line of a function's signature. :func:`expanded` gives the function a
signature in which every parameter that is an options class (:mod:`render.files.options`) is
replaced by one parameter for each of its fields, and calls it with the objects again.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import typer

from amt.cli.completion import COMPLETIONS
from amt.cli.flags import flag_of, with_flags
from amt.cli.options import Only
from amt.errors import InputError, quoted
from render.files.options import OptionField, option_fields

_KEYWORD = inspect.Parameter.KEYWORD_ONLY


class GivenFields(dict[type, tuple[str, ...]]):
    """A parameter of this type gets, by options class, the fields given on the command line."""


class _Group(NamedTuple):
    """A parameter that is an options class, or a class whose fields are of such classes."""

    kind: type
    fields: tuple[OptionField, ...]
    parts: Mapping[str, _Group]

    @property
    def all_fields(self) -> tuple[OptionField, ...]:
        """Its own, then those of its parts."""
        parts = self.parts.values()
        return (*self.fields, *(field for part in parts for field in part.all_fields))


def expanded(function: Callable[..., None]) -> Callable[..., None]:
    """The function with an option for every field of the options classes that it takes."""
    groups: dict[str, _Group] = {}
    plain: list[str] = []
    wants_given: list[str] = []
    parameters = [inspect.Parameter("context", _KEYWORD, annotation=typer.Context)]
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if parameter.annotation is GivenFields:
            wants_given.append(name)
        elif (group := _group(parameter.annotation)) is not None:
            groups[name] = group
            parameters += [one for field in group.all_fields for one in _parameters(field)]
        else:
            plain.append(name)
            parameters.append(parameter.replace(kind=_KEYWORD))

    @functools.wraps(function)
    def command(context: typer.Context, **values: Any) -> None:  # noqa: ANN401
        typed = {name for name in values if _is_typed(context, name)}
        arguments = {name: values[name] for name in plain}
        for name, group in groups.items():
            arguments[name] = _options(group, values, typed)
        given = GivenFields(
            (part.kind, tuple(f.name for f in part.fields if typed & {*_parameter_names(f)}))
            for group in groups.values()
            for part in (group, *group.parts.values())
        )
        function(**arguments, **dict.fromkeys(wants_given, given))

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def number(unit: str = "") -> Callable[[str | float], float]:
    """A reader of numbers that may carry their unit, as in ``120 BPM`` or ``-12dB``.

    Args:
        unit: that may follow the number; empty for none.
    """

    def read(text: str | float) -> float:
        bare = re.sub(rf"\s*{unit}\s*$", "", str(text), flags=re.IGNORECASE) if unit else text
        try:
            return float(str(bare).replace(",", "."))
        except ValueError:
            example = f"a number, such as 1.5{' ' * bool(unit)}{unit}"
            raise typer.BadParameter(f"{quoted(text)} is no number; expected {example}") from None

    return read


def _group(annotation: Any) -> _Group | None:  # noqa: ANN401
    """The options class that a parameter is annotated with, if it is one."""
    notes: tuple[Any, ...] = ()
    kind = annotation
    if get_origin(kind) is Annotated:
        kind, *notes_ = get_args(kind)
        notes = tuple(notes_)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return None
    only = next((note.names for note in notes if isinstance(note, Only)), None)
    fields = tuple(f for f in option_fields(kind) if only is None or f.name in only)
    if fields:
        return _Group(kind, fields, {})
    parts = {name: _group(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
    return _Group(kind, (), {name: part for name, part in parts.items() if part is not None})


def _parameters(field: OptionField) -> Iterator[inspect.Parameter]:
    """A field's parameter for Typer, then a hidden one for each of its former names."""
    option, kind = field.option, _typer_type(field)
    settings: dict[str, Any] = {
        "help": with_flags(option.help),
        "rich_help_panel": option.panel,
        "metavar": option.metavar,
        "autocompletion": COMPLETIONS.get(field.name),
        "show_default": field.default not in (None, ()),
        "case_sensitive": not field.choices,
    }
    if option.convert is not None:
        settings["parser"] = option.convert
    elif field.kind is float:
        settings |= {"parser": number(option.unit), "metavar": option.metavar or "NUMBER"}
    default = None if field.default == () else field.default
    note = typer.Option(*_declarations(field), **settings)
    yield inspect.Parameter(field.name, _KEYWORD, default=default, annotation=Annotated[kind, note])
    for old in option.old_flags:
        note = typer.Option(old, **(settings | {"hidden": True}))
        yield inspect.Parameter(
            _parameter_of(old), _KEYWORD, default=None, annotation=Annotated[kind | None, note]
        )


def _typer_type(field: OptionField) -> Any:  # noqa: ANN401
    """The type by which Typer reads a field."""
    kind: Any = field.kind
    if field.option.is_repeated:
        return list[float] | None
    if field.choices:
        kind = Literal[field.choices]
    elif field.option.convert is not None:
        kind = str
    return kind | None if field.is_optional or field.default == () else kind


def _declarations(field: OptionField) -> list[str]:
    """Names of a field's option; a switch that is on or undecided has one to turn it off."""
    flag = flag_of(field)
    if field.kind is bool and field.default is not False:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    return [flag, *([field.option.short] if field.option.short else [])]


def _parameter_of(old_flag: str) -> str:
    """Name of the parameter that a former flag has."""
    return f"old_{old_flag.removeprefix('--').replace('-', '_')}"


def _parameter_names(field: OptionField) -> tuple[str, ...]:
    """Names of the parameters of a field and of its former names."""
    return (field.name, *map(_parameter_of, field.option.old_flags))


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _options(group: _Group, values: Mapping[str, Any], typed: Set[str]) -> Any:  # noqa: ANN401
    """The object of an options class.

    Raises:
        InputError: an option is given by its name and a former name, or has no meaning.
    """
    fields: dict[str, Any] = {}
    for field in group.fields:
        value = values[field.name]
        for old in field.option.old_flags:
            former = values[_parameter_of(old)]
            if former is not None and field.name in typed:
                raise InputError(
                    f"{flag_of(field)} and its old name {old} are both given: name one"
                )
            value = value if former is None else former
        if field.option.is_repeated:
            value = tuple(value or ())
        fields[field.name] = field.default if value is None else value
    parts = {name: _options(part, values, typed) for name, part in group.parts.items()}
    return group.kind(**fields, **parts)
