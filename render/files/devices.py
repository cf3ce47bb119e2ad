"""Settings of GM, GM2, GS and XG instruments by system exclusive messages and bank numbers.

Sources: MMA, *General MIDI 2* and *MIDI 1.0 Detailed Specification* (universal messages); Roland,
*SC-88 Owner's Manual*, MIDI implementation (GS); Yamaha, *XG Specifications* 1.x. Only those for
drum channels, master tuning and master volume. Channels count from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from render.files.smf import SmfFile

DRUM_CHANNEL = 9
"""Channel 10 when counted from 1: drums unless a message says otherwise."""

_XG_DRUM_BANKS = (126, 127)
_GM2_DRUM_BANK, _GM2_MELODIC_BANK = 120, 121
KIND_OF_PART_BANKS = (_GM2_DRUM_BANK, _GM2_MELODIC_BANK, *_XG_DRUM_BANKS)
"""Banks that select drums or melody rather than a variation of an instrument."""

Standard = Literal["GM", "GM2", "GS", "XG"]
Kind = Literal["reset", "part mode", "bank", "fine tuning", "coarse tuning", "volume"]


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting of a system exclusive message or a bank number.

    Attributes:
        kind: of setting.
        value: 1 or 0 for a part mode of drums or melody; the most significant byte of a bank;
            cents of fine tuning; semitones of coarse tuning; volume 0 to 1.
        channel: of a part mode or bank.
        standard: that a reset turns on.
    """

    kind: Kind
    value: float = 0.0
    channel: int = -1
    standard: Standard = "GM"


def decode(data: Sequence[int]) -> Setting | None:
    """The setting of a system exclusive message, its bytes between F0 and F7; None for others."""
    match tuple(data):
        case (0x7E, _, 0x09, 0x01 | 0x02 | 0x03 as system):
            return Setting("reset", standard="GM2" if system == 3 else "GM")
        case (0x7F, _, 0x04, 0x01, low, high):
            return Setting("volume", (low + 128 * high) / 0x3FFF)
        case (0x7F, _, 0x04, 0x03, low, high):
            return Setting("fine tuning", (low + 128 * high - 0x2000) / 0x2000 * 100)
        case (0x7F, _, 0x04, 0x04, _, semitones):
            return Setting("coarse tuning", semitones - 64)
        case (0x41, _, 0x42, 0x12, high, middle, low, *values, _checksum):
            return _roland((high, middle, low), values)
        case (0x43, device, 0x4C, high, middle, low, *values) if device >> 4 == 1:
            return _yamaha((high, middle, low), values)
    return None


def settings_of(smf: SmfFile) -> list[tuple[int, Setting]]:
    """(tick, setting) of all system exclusive messages of a file, in order."""
    found = [
        (tick, setting)
        for track in smf.tracks
        for tick, message in track
        if message.type == "sysex" and (setting := decode(message.data))
    ]
    return sorted(found, key=lambda event: event[0])


def drum_switches(
    channel: int,
    banks: Iterable[tuple[float, int]],
    settings: Iterable[tuple[float, Setting]],
) -> list[tuple[float, bool]]:
    """(time, is_drum) where a channel switches between drums and melody.

    At the start, channel 10 plays drums and the others melody.

    Args:
        channel: 0 to 15.
        banks: (time, value) of its bank select messages (controller 0). A bank counts at once, as
            many files send no program behind it.
        settings: (time, setting) of the whole file; at one time they come before the banks.
    """
    events: list[tuple[float, int, Setting]] = [(time, 0, setting) for time, setting in settings]
    events += [(time, 1, Setting("bank", value, channel)) for time, value in banks]
    standard, is_drum = None, channel == DRUM_CHANNEL
    switches = []
    for time, _, setting in sorted(events, key=lambda event: event[:2]):
        before = is_drum
        if setting.kind == "reset":
            standard, is_drum = setting.standard, channel == DRUM_CHANNEL
        elif setting.channel == channel and setting.kind == "part mode":
            is_drum = bool(setting.value)
        elif setting.channel == channel and setting.kind == "bank":
            is_drum = _plays_drums(int(setting.value), standard, is_drum)
        if is_drum != before:
            switches.append((time, is_drum))
    return switches


def _plays_drums(bank: int, standard: Standard | None, is_drum: bool) -> bool:
    if standard == "GS":  # banks are variations; 126 and 127 are those of older models
        return is_drum
    if bank == _GM2_DRUM_BANK or bank in _XG_DRUM_BANKS:
        return True
    return False if standard == "XG" or bank == _GM2_MELODIC_BANK else is_drum


def _roland(address: tuple[int, int, int], values: Sequence[int]) -> Setting | None:
    match address, tuple(values):
        case ((0x40, 0x00, 0x7F) | (0x00, 0x00, 0x7F), (_,)):
            return Setting("reset", standard="GS")
        case (0x40, 0x00, 0x00), (_, _, _, _):
            return Setting("fine tuning", _tenths_of_a_cent(values))
        case (0x40, 0x00, 0x04), (level,):
            return Setting("volume", level / 127)
        case (0x40, 0x00, 0x05), (semitones,):
            return Setting("coarse tuning", semitones - 64)
        case (0x40, part, 0x15), (mode,) if part >> 4 == 1:
            block = part & 0x0F  # parts count 10, 1 … 9, 11 … 16
            channel = DRUM_CHANNEL if block == 0 else block - (block <= DRUM_CHANNEL)
            return Setting("part mode", float(mode > 0), channel)
    return None


def _yamaha(address: tuple[int, int, int], values: Sequence[int]) -> Setting | None:
    match address, tuple(values):
        case (0x00, 0x00, 0x7E | 0x7F), (_,):
            return Setting("reset", standard="XG")
        case (0x00, 0x00, 0x00), (_, _, _, _):
            return Setting("fine tuning", _tenths_of_a_cent(values))
        case (0x00, 0x00, 0x04), (level,):
            return Setting("volume", level / 127)
        case (0x00, 0x00, 0x06), (semitones,):
            return Setting("coarse tuning", semitones - 64)
        case (0x08, channel, 0x07), (mode,):
            return Setting("part mode", float(mode > 0), channel)
        case (0x08, channel, 0x01), (bank,):
            return Setting("bank", bank, channel)
    return None


def _tenths_of_a_cent(nibbles: Sequence[int]) -> float:
    """Cents of a tuning in four nibbles, in tenths of a cent above 0x0400."""
    value = 0
    for nibble in nibbles:
        value = value << 4 | nibble & 0x0F
    return (value - 0x400) / 10
