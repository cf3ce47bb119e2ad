"""The templates of the page, of the notebook's frame and of their parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from amt.report.drawing import WIDTH, clock, number


def render(template: str, **fields: object) -> str:
    """A template of this package with its fields; text in them is escaped."""
    return _environment().get_template(template).render(fields)


def verbatim(name: str) -> Markup:
    """A file of this package that is HTML, CSS or JavaScript, to stand in a page as it is."""
    return Markup(_text(name))


@cache
def _environment() -> Environment:
    return environment_of(_text)


def environment_of(text: Callable[[str], str]) -> Environment:
    """The environment in which templates become HTML; text in their fields is escaped.

    Args:
        text: a template's text by its name.
    """
    environment = Environment(
        loader=FunctionLoader(text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"clock": clock, "number": number}
    environment.globals["width"] = WIDTH
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


def _text(name: str) -> str:
    return files("amt.report").joinpath(name).read_text(encoding="utf-8")
