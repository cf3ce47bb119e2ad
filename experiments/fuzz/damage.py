"""Random damage to bytes, to text and to what JSON and TOML hold."""

from __future__ import annotations

import copy
import random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e-9, 128, 255, 1 << 31, 1 << 63, 10**400, 1e308,
    float("nan"), float("inf"), -0.0, "", " ", "x" * 1000, "\0", "\ud800", "é\u202e\x1b[2J", "../x",
    "é" * 90, "A minor", "sad", "piano", [], [[]], [0] * 300, {}, {"beat": 0}, {"x" * 500: 1},
)  # fmt: skip
_WORDS = (
    *("-", "+", ":", ",", ";", '"', "'", "{", "}", "[", "]", "=", "#", "\n", "\r", "\0", "\t", " "),
    *(
        "nan",
        "1e999",
        "-1",
        "0",
        "9" * 50,
        "9" * 5000,
        "é",
        "\ufeff",
        "\u2028",
        "x" * 500,
        "[" * 3000,
    ),
)


def damaged(data: bytes, rng: random.Random, faults: int = 8) -> bytes:
    """Bytes with one fault or more: changed, put in, cut out, swapped, repeated, cut short."""
    made = bytearray(data)
    for _ in range(rng.choice((1, rng.randint(1, faults)))):
        at, other = rng.randrange(len(made) + 1), rng.randrange(len(made) + 1)
        low, high = min(at, other), max(at, other)
        match rng.randrange(7):
            case 0 if at < len(made):
                made[at] = rng.randrange(256)
            case 1:
                del made[at : at + rng.randint(1, 8)]
            case 2:
                made[at:at] = rng.randbytes(rng.randint(1, 8))
            case 3:
                made = made[:low] + made[high:] + made[low:high]
            case 4:
                made[at:at] = made[low : low + 64]
            case 5 if rng.random() < 0.2:
                del made[at:]
            case 6 if at + 4 <= len(made):
                made[at : at + 4] = rng.choice(
                    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"]
                )
    return bytes(made)


def damaged_text(text: str, rng: random.Random) -> str:
    """Text with one fault or more, such as a quotation mark too many."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(text) + 1)
        end = at + rng.randint(1, 12)
        match rng.randrange(4):
            case 0:
                text = text[:at] + rng.choice(_WORDS) + text[at:]
            case 1:
                text = text[:at] + text[end:]
            case 2:
                text = text[:at] + rng.choice(_WORDS) + text[end:]
            case 3:
                text = text[:at] + text[at:end] * rng.randint(2, 40) + text[end:]
    return text


def changed(value: Any, rng: random.Random) -> Any:  # noqa: ANN401
    """A copy of nested dicts and lists with one place or three changed."""
    made = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 3))):
        places = list(_places(made))
        if not places:
            return made
        owner, key = rng.choice(places)
        match rng.randrange(7):
            case 0 | 1:
                owner[key] = copy.deepcopy(rng.choice(HOSTILE))
            case 2:
                del owner[key]
            case 3 if isinstance(owner, list):
                owner.insert(key, copy.deepcopy(owner[key]))
            case 3:
                owner[rng.choice(("x" * 300, "name", "\n", "é", ""))] = owner[key]
            case 4:
                other, place = rng.choice(places)
                if isinstance(place, str) and place in other:
                    owner[key] = copy.deepcopy(other[place])
            case _ if type(owner[key]) in (int, float) and abs(owner[key]) < 1e15:
                owner[key] = _number(owner[key], rng)
    return made


def _number(value: float, rng: random.Random) -> float:
    return rng.choice(
        (-value, value + 1, value * 2, value / 3, value * 1000, value + 1e-9, int(value))
    )


def _places(value: Any) -> Any:  # noqa: ANN401
    """(owner, key) of everything inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield value, key
        if isinstance(inner, (dict, list)) and inner:
            yield from _places(inner)
