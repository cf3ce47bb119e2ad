"""Markdown tables: the one place that formats figures, intervals and rows of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MISSING = "-"
"""Stands for a figure that does not exist."""


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    >>> print(markdown(["", "nll"], [["bigram", "1.84"]]))
    |  | nll |
    | --- | --- |
    | bigram | 1.84 |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """A figure with so many decimals; :data:`MISSING` for NaN and infinities.

    >>> number(0.5, 2), number(0.5, 1, signed=True), number(float("nan"))
    ('0.50', '+0.5', '-')
    """
    return f"{value:{'+' if signed else ''}.{digits}f}" if np.isfinite(value) else MISSING


def with_interval(
    value: float,
    bounds: Sequence[float] | None,
    digits: int = 3,
    *,
    signed: bool = False,
    bound_digits: int | None = None,
) -> str:
    """A figure and its interval in brackets.

    >>> with_interval(0.5, (0.25, 0.75), 2)
    '0.50 [0.25, 0.75]'

    Args:
        value: the figure; :data:`MISSING` stands for NaN, without an interval.
        bounds: of the interval; None leaves it out.
        digits: decimals of the figure.
        signed: whether a plus sign is written.
        bound_digits: decimals of the bounds; as many as of the figure if None.
    """
    if bounds is None or not np.isfinite(value):
        return number(value, digits, signed=signed)
    places = digits if bound_digits is None else bound_digits
    low, high = (number(bound, places, signed=signed) for bound in bounds)
    return f"{number(value, digits, signed=signed)} [{low}, {high}]"


def figure_table(
    columns: Sequence[str], rows: Mapping[str, Mapping[str, Any]], *, signed: bool = False
) -> str:
    """Rows of named figures with intervals, as Markdown.

    Args:
        columns: names of the figures.
        rows: name -> ``figures`` by name, and ``intervals`` by name where there are some.
        signed: whether plus signs are written, as for differences.
    """

    def cell(row: Mapping[str, Any], column: str) -> str:
        value = row["figures"].get(column, float("nan"))
        bounds = row.get("intervals", {}).get(column)
        return with_interval(value, bounds, 4, signed=signed, bound_digits=3)

    lines = [[name, *(cell(row, column) for column in columns)] for name, row in rows.items()]
    return markdown(["", *columns], lines)
