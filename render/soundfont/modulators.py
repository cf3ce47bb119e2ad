"""The effect of a note's velocity and key on the generators of a soundfont.

Modulators (*SoundFont Technical Specification 2.04*, 8.2 and 9.5) add to a generator an amount that
depends on controllers. Of these, the velocity and the key are known when a note begins. RustySynth
implements no modulator but the default one from velocity to attenuation, so
:mod:`render.soundfont.bank_subset` adds their amounts to the generators.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_VELOCITY, _KEY = 2, 3
_ATTENUATION = 48
_USUAL = (0x0502, _ATTENUATION, 0, 0)
"""The default modulator from velocity to attenuation (8.4.1), which synthesisers have built in."""
_USUAL_AMOUNT = 960
_ATTENUATION_SCALE = 0.4
"""Factor of a generator's attenuation, as on Creative's sound cards; modulators have none."""
_TARGETS = frozenset({*range(5, 12), 13, 15, 16, 17, *range(21, 41), _ATTENUATION, 51, 52})
"""Generators that may be changed: not addresses, ranges and what a zone plays."""
_HIGHEST = 127
_PEAK = 960.0
"""Attenuation in centibels that the concave curve spans (9.5.3)."""


@dataclass(frozen=True, slots=True)
class Modulator:
    """One modulator, as in the file.

    Attributes:
        source: enumerator of the controller and its curve (8.2.1).
        target: the generator.
        amount: in the unit of the generator.
        amount_source: enumerator of the controller that scales the amount; 0 for none.
        transform: 0, or 2 for the absolute value.
    """

    source: int
    target: int
    amount: int
    amount_source: int
    transform: int

    @property
    def identity(self) -> tuple[int, int, int, int]:
        """Key of a modulator; a later one with the same key replaces it."""
        return self.source, self.target, self.amount_source, self.transform

    @property
    def controllers(self) -> frozenset[int]:
        """The controllers by number; those of MIDI have 128 added."""
        return frozenset(source & 0xFF for source in (self.source, self.amount_source)) - {0}

    def value(self, key: int, velocity: int) -> float:
        """Amount that is added to the generator for a note."""
        value = self.amount * _curve(self.source, key, velocity)
        if self.amount_source:
            value *= _curve(self.amount_source, key, velocity)
        return abs(value) if self.transform == 2 else value


def of_notes(common: Iterable[Modulator], own: Iterable[Modulator]) -> tuple[Modulator, ...]:
    """The modulators of a zone that velocity and key decide; its own before the global zone's."""
    found = {modulator.identity: modulator for modulator in (*common, *own)}
    return tuple(
        m
        for m in found.values()
        if m.source and m.controllers <= {_VELOCITY, _KEY} and m.target in _TARGETS
    )


def depends_on(modulators: Iterable[Modulator]) -> tuple[bool, bool]:
    """Whether modulators depend on the key, and on the velocity."""
    controllers = frozenset[int]().union(*(m.controllers for m in modulators))
    return _KEY in controllers, _VELOCITY in controllers


def added(
    modulators: Iterable[Modulator], key: int, velocity: int, *, is_preset: bool
) -> dict[int, int]:
    """Generator → amount that modulators add for a note.

    Args:
        modulators: of a zone.
        key: of the note.
        velocity: of the note.
        is_preset: whether the zone is a preset's, whose generators are added to the instrument's
            instead of replacing them.
    """
    sums: dict[int, float] = {}
    for modulator in modulators:
        value = modulator.value(key, velocity)
        if modulator.identity == _USUAL and not is_preset:
            value -= _USUAL_AMOUNT * _curve(modulator.source, key, velocity)
        if modulator.target == _ATTENUATION:
            value /= _ATTENUATION_SCALE
        sums[modulator.target] = sums.get(modulator.target, 0.0) + value
    return {target: round(value) for target, value in sums.items() if round(value)}


def _curve(source: int, key: int, velocity: int) -> float:
    """Value of a controller on its curve (8.2.4): 0 to 1, or -1 to 1 where it is bipolar."""
    value = (velocity if source & 0x7F == _VELOCITY else key) / _HIGHEST
    if source & 0x100:  # descending
        value = 1 - value
    kind = source >> 10
    if not source & 0x200:
        return _shape(kind, value)
    if kind == 3:
        return 2 * _shape(kind, value) - 1
    return math.copysign(_shape(kind, abs(2 * value - 1)), value - 0.5)


def _shape(kind: int, value: float) -> float:
    """Linear, concave, convex, or a switch, of a value from 0 to 1."""
    if kind == 1:
        return _concave(value)
    if kind == 2:
        return 1 - _concave(1 - value)
    return float(value >= 0.5) if kind == 3 else value


def _concave(value: float) -> float:
    rest = 1 - value
    return 1.0 if rest <= 0 else min(-400 / _PEAK * math.log10(rest), 1.0)
