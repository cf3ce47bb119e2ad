"""Choosing the preset of a soundfont for every part."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import mido

from render.errors import SoundfontError
from render.files.errors import shown
from render.score import Part, instrument_name
from render.soundfont.bank import DRUM_BANK, Bank
from render.soundfont.bank_subset import check_presets

_BANK, _BANK_FINE = 0, 32
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Cast:
    """Parts with the presets that play them.

    Attributes:
        parts: with banks and programs that the soundfont has, at the start and where they change;
            None for a part without any preset.
        messages: sentences on substituted presets and silent parts.
    """

    parts: tuple[Part | None, ...]
    messages: tuple[str, ...]


def cast(parts: Sequence[Part], bank: Bank) -> Cast:
    """Choose the presets of every part, the same for all engines.

    Raises:
        SoundfontError: the soundfont can play none of the parts, or a preset is damaged.
    """
    missing: dict[tuple[int, tuple[int, int]], str] = {}
    chosen = tuple(_chosen(part, bank, missing) for part in parts)
    if all(part is None for part in chosen):
        kind = "drum kits" if parts[0].is_drum else "instruments"
        raise SoundfontError(
            f"the soundfont {shown(bank.path)} has no {kind}: choose another soundfont"
        )
    check_presets(bank, sorted({p for part in chosen if part for p in presets_of(part)}))
    silent = [part.name for part, found in zip(parts, chosen, strict=True) if found is None]
    return Cast(chosen, tuple([*_substitutes(bank, missing), *_silent(bank, silent)]))


def presets_of(part: Part) -> list[tuple[int, int]]:
    """(bank, program) of the presets that a part that was :func:`cast` plays on."""
    if part.is_drum:
        return [(DRUM_BANK, m.program) for _, m in part.controls if m.type == "program_change"]
    found = []
    bank = 0
    for _, message in part.controls:
        if message.is_cc(_BANK):
            bank = message.value
        elif message.type == "program_change":
            found.append((bank, message.program))
    return found


def _chosen(part: Part, bank: Bank, missing: dict[tuple[int, tuple[int, int]], str]) -> Part | None:
    """The part with programs that the soundfont has; substitutes are added to ``missing``."""
    controls = [e for e in part.controls if not _selects(e[1])]
    for start_s, number, program in _programs(part):
        found = bank.resolve(number, program, is_drum=part.is_drum)
        if found is None:
            return None
        if found[1] != program and not part.is_drum:
            missing[program, found] = part.name
        if not part.is_drum:
            controls.append((start_s, mido.Message("control_change", control=0, value=found[0])))
        controls.append((start_s, mido.Message("program_change", program=found[1])))
    return replace(part, controls=tuple(sorted(controls, key=lambda event: event[0])))


def _selects(message: mido.Message) -> bool:
    return message.type == "program_change" or any(map(message.is_cc, (_BANK, _BANK_FINE)))


def _programs(part: Part) -> list[tuple[float, int, int]]:
    """(seconds, bank, program) in order, without those during which no note begins."""
    number = 0
    found = [(0.0, 0, 0)]
    for time_s, message in part.controls:
        if message.is_cc(_BANK):
            number = message.value
        elif message.type == "program_change":
            found.append((time_s, number, message.program))
    starts = [note.start_s for note in part.notes]
    first = [bisect_left(starts, time_s) for time_s, *_ in found] + [len(starts)]
    return [program for i, program in enumerate(found) if first[i + 1] > first[i]]


def _substitutes(bank: Bank, missing: dict[tuple[int, tuple[int, int]], str]) -> list[str]:
    by_preset: dict[tuple[int, int], list[str]] = {}
    for program, found in missing:
        by_preset.setdefault(found, []).append(f"{program} ({instrument_name(program)})")
    return [
        f"the soundfont {bank.name or bank.path.name} lacks program {_listed(programs)}: its "
        f"preset {bank.preset_name(found)!r} plays instead"
        for found, programs in by_preset.items()
    ]


def _silent(bank: Bank, names: list[str]) -> list[str]:
    if not names:
        return []
    return [f"the soundfont {bank.name or bank.path.name} cannot play {_listed(names)}: silent"]


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
