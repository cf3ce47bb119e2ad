"""How the command line calls the options that messages of the library name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amt.cli.options import CLASSES, OTHER_FLAGS
from render.files.options import OptionField, option_fields

_BARE = re.compile(r"[\w.-]+")
"""Values that need no quotes in a shell."""
_NAMED = re.compile(r"`(?P<name>\w+)(?:=(?P<value>[^`]*))?`")


def flag_of(field: OptionField) -> str:
    """The option of the command line that sets a field, such as ``--top-p``."""
    return f"--{field.option.flag or field.name.replace('_', '-')}"


def with_flags(message: str) -> str:
    """A message in which fields in backticks are options of the command line.

    >>> with_flags("`top_p` is 7; or leave out `fit=False`, or add `arranger='neural'`")
    '--top-p is 7; or leave out --no-fit, or add --arranger neural'
    """
    flags = dict(_flags())

    def translated(match: re.Match[str]) -> str:
        flag = flags.get(match["name"])
        if flag is None:
            return match[0]
        value = match["value"]
        if value is None or value == "True":
            return flag
        if value == "False":
            return f"--no-{flag.removeprefix('--')}"
        bare = value.strip("'\"")
        return f"{flag} {bare if _BARE.fullmatch(bare) else value}"

    return _NAMED.sub(translated, message)


def _flags() -> Iterator[tuple[str, str]]:
    """(Name of a field, its option)."""
    yield from OTHER_FLAGS.items()
    for options in CLASSES:
        for field in option_fields(options):
            yield field.name, flag_of(field)
