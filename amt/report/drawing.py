"""Shapes along a common time axis, as SVG that stretches, and HTML over them that does not.

Conventions: every drawing is :data:`WIDTH` units wide, from the clip's beginning to its end, and
100 high, downwards from the top. It is stretched to the width of the page, so lines keep their
thickness (``vector-effect``) and words are HTML elements placed by percentages. The
template ``panel.html`` writes both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from amt.types import FloatArray

WIDTH = 10_000
MOST_POINTS = 1200
"""Points of a curve; longer ones are averaged."""


def number(value: float, decimals: int = 1) -> str:
    """A number without needless zeros.

    >>> number(3.0), number(-0.04), number(2.25, 2)
    ('3', '0', '2.25')
    """
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    return "0" if text in {"-0", ""} else text


def clock(time_s: float, decimals: int = 0) -> str:
    """Minutes and seconds, with hours where there are any.

    >>> clock(75.24, 1), clock(3600.0)
    ('1:15.2', '1:00:00')
    """
    units = round(time_s * 10**decimals)
    whole, part = divmod(units, 10**decimals)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{text}:{seconds:02}" + (f".{part:0{decimals}}" if decimals else "")


@dataclass(frozen=True, slots=True)
class Axis:
    """The time axis that all drawings share."""

    duration_s: float

    def x(self, time_s: float) -> str:
        """Position in a drawing."""
        return number(WIDTH * min(max(time_s / self.duration_s, 0.0), 1.0))

    def percent(self, time_s: float) -> str:
        """Position of an HTML element, or the width of one, in percent."""
        return number(100 * min(max(time_s / self.duration_s, 0.0), 1.0), 3)

    def centres(self, curve: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points of a curve [S] or [S, C] of a row a second: times [P] and values [P] or [P, C].

        P is at most :data:`MOST_POINTS` + 2; the first and last value reach the ends of the axis.
        """
        size = -(-len(curve) // MOST_POINTS)
        starts = np.arange(0, len(curve), size)
        lengths = np.diff(np.append(starts, len(curve)))
        values = np.add.reduceat(curve, starts, axis=0)
        values = values / lengths.reshape(-1, *[1] * (curve.ndim - 1))
        times_s = np.minimum(starts + lengths / 2, self.duration_s)
        times_s = np.concatenate([[0.0], times_s, [self.duration_s]])
        return times_s, np.concatenate([values[:1], values, values[-1:]])


def points(axis: Axis, times_s: FloatArray, heights: FloatArray) -> str:
    """Path data of a line through heights [P] in 0 (bottom) to 1 (top)."""
    pairs = zip(times_s, heights, strict=True)
    return "M" + "L".join(f"{axis.x(t)} {number(100 * (1 - h))}" for t, h in pairs)


@dataclass(frozen=True, slots=True)
class Shape:
    """A path of SVG."""

    css: str
    """Classes of the style sheet."""
    data: str
    """Path data."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A piece of HTML that is laid over a drawing at a time."""

    kind: Literal["label", "block", "thumb"]
    style: str
    """CSS of its place."""
    css: str = ""
    """Classes of the style sheet."""
    text: str = ""
    title: str = ""
    """Words that show when the pointer rests on it."""
    jpeg: str = ""
    """Picture in Base64."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with what is laid over it."""

    shapes: Sequence[Shape]
    height_px: int
    """Height on the page."""
    description: str
    """What the drawing shows, in a sentence that screen readers read out."""
    overlays: Sequence[Overlay] = ()


def line(axis: Axis, times_s: FloatArray, heights: FloatArray, css: str) -> Shape:
    """A line through heights [P] in 0-1."""
    return Shape(f"line {css}", points(axis, times_s, heights))


def area(
    axis: Axis, times_s: FloatArray, heights: FloatArray, css: str, base: FloatArray | None = None
) -> Shape:
    """The area between heights [P] in 0-1 and others, or the bottom."""
    floor = np.zeros_like(heights) if base is None else base
    back = points(axis, times_s[::-1], floor[::-1])
    return Shape(f"area {css}", f"{points(axis, times_s, heights)}L{back[1:]}Z")


def ticks(axis: Axis, times_s: Iterable[float], top: float, bottom: float, css: str) -> Shape:
    """Upright lines at some times between two heights of the drawing."""
    length = number(bottom - top)
    return Shape(f"tick {css}", "".join(f"M{axis.x(t)} {number(top)}v{length}" for t in times_s))


def dots(axis: Axis, places: Iterable[tuple[float, float]], css: str) -> Shape:
    """Round dots at (time, height of the drawing)."""
    return Shape(f"dot {css}", "".join(f"M{axis.x(t)} {number(y)}h0" for t, y in places))


def label(axis: Axis, time_s: float, text: str, css: str, style: str = "") -> Overlay:
    """Words at a time."""
    return Overlay("label", f"left:{axis.percent(time_s)}%;{style}", css, text)


def block(axis: Axis, start_s: float, end_s: float, text: str, css: str, title: str) -> Overlay:
    """A box over a stretch of time with words in it, which show when they fit."""
    place = f"left:{axis.percent(start_s)}%;width:{axis.percent(end_s - start_s)}%"
    return Overlay("block", place, css, text, title)
