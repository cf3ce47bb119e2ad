"""Data of files as typed objects: the sentence where a field does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct

from render.files.decoding import decode
from render.files.errors import AmtError, WeightsError


class Row(Struct, forbid_unknown_fields=True):
    beat: int
    pair: tuple[int, int] = (0, 1)


class Table(Struct, forbid_unknown_fields=True):
    rows: list[Row]
    kind: Literal["cut", "fade"] = "cut"
    pan: Annotated[int, Meta(ge=0, le=127)] = 64
    gain: float = 1.0
    seed: int | None = None
    more: dict[str, Any] = {}


@dataclass(frozen=True)
class Settings:
    steps: int = 10
    rate: float = 0.5

    def __post_init__(self) -> None:
        if self.steps == 13:
            raise ValueError("13 steps bring bad luck")


def test_numbers_and_lists_are_read_as_they_are() -> None:
    data = {"rows": [{"beat": 3, "pair": [4, 5]}], "gain": 2, "more": {"x": [None]}}
    table = decode(data, Table)
    assert table == Table([Row(3, (4, 5))], gain=2.0, more={"x": [None]})
    assert isinstance(table.gain, float)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "the file is [], expected an object or table with rows, kind, pan, gain, seed, more"),
        ({}, "rows is missing, expected a list in brackets"),
        ({"rows": {}}, "rows is {}, expected a list in brackets"),
        ({"rows": [{}]}, "rows[0].beat is missing, expected a whole number"),
        ({"rows": [{"beat": 1.0}]}, "rows[0].beat is 1.0, expected a whole number"),
        ({"rows": [{"beat": True}]}, "rows[0].beat is True, expected a whole number"),
        ({"rows": [{"beat": 1}, 7]}, "rows[1] is 7, expected an object or table with beat, pair"),
        ({"rows": [{"beat": 1, "bar": 2}]}, "rows[0].bar is unknown, expected beat, pair"),
        ({"rows": [{"beat": 1, "pair": [1]}]}, "rows[0].pair is [1], expected a list of 2"),
        ({"rows": [{"beat": 1, "pair": [1, ""]}]}, "rows[0].pair[1] is '', expected a whole"),
        ({"rows": [], "kind": "wipe"}, "kind is 'wipe', expected cut, fade"),
        ({"rows": [], "pan": 128}, "pan is 128, expected a whole number from 0 to 127"),
        ({"rows": [], "gain": 10**400}, "expected a finite number"),
        ({"rows": [], "seed": "x"}, "seed is 'x', expected a whole number"),
        ({"rows": [], "x` - at `$.pan[0]": 1}, "x` - at `$.pan[0] is unknown, expected gain"),
        ({"rows": [], "\ud800": 1}, "\\ud800 is unknown, expected gain"),
    ],
)
def test_what_does_not_fit_is_named(data: Any, message: str) -> None:
    with pytest.raises(AmtError) as caught:
        decode(data, Table)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"stepz": 1}, "[train]: stepz is unknown, expected rate, steps"),
        ({"steps": "many"}, "[train]: steps is 'many', expected a whole number"),
        ({"steps": 13}, "[train]: 13 steps bring bad luck"),
        (3, "[train] is 3, expected an object or table with steps, rate"),
    ],
)
def test_a_dataclass_is_as_strict_and_the_error_of_the_callers_class(
    data: Any, message: str
) -> None:
    assert decode({"rate": 1}, Settings) == Settings(rate=1.0)
    with pytest.raises(WeightsError) as caught:
        decode(data, Settings, "[train]", WeightsError)
    assert str(caught.value) == message
