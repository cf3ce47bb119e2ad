"""Which channels play drums, by the words of each standard."""

from __future__ import annotations

import pytest

from render.files.devices import Setting, decode, drum_switches, settings_of
from render.files.smf import parse_smf
from tests.render.files.smf_bytes import header, scale, sysex, track

GM = (0x7E, 0x7F, 0x09, 0x01)
GM2 = (0x7E, 0x7F, 0x09, 0x03)
GS = (0x41, 0x10, 0x42, 0x12, 0x40, 0x00, 0x7F, 0x00, 0x41)
XG = (0x43, 0x10, 0x4C, 0x00, 0x00, 0x7E, 0x00)


def gs(*data: int) -> tuple[int, ...]:
    return (0x41, 0x10, 0x42, 0x12, *data, -sum(data) % 128)


def xg(*data: int) -> tuple[int, ...]:
    return (0x43, 0x10, 0x4C, *data)


@pytest.mark.parametrize(
    ("data", "setting"),
    [
        (GM, Setting("reset", standard="GM")),
        (GM2, Setting("reset", standard="GM2")),
        (GS, Setting("reset", standard="GS")),
        (XG, Setting("reset", standard="XG")),
        ((0x7F, 0x7F, 0x04, 0x01, 0x7F, 0x7F), Setting("volume", 1.0)),
        ((0x7F, 0x7F, 0x04, 0x03, 0x00, 0x60), Setting("fine tuning", 50.0)),
        ((0x7F, 0x7F, 0x04, 0x04, 0x00, 0x3D), Setting("coarse tuning", -3)),
        (gs(0x40, 0x00, 0x00, 0, 3, 0xE, 8), Setting("fine tuning", -2.4)),
        (gs(0x40, 0x00, 0x04, 127), Setting("volume", 1.0)),
        (gs(0x40, 0x00, 0x05, 0x46), Setting("coarse tuning", 6)),
        (gs(0x40, 0x10, 0x15, 0), Setting("part mode", 0, 9)),
        (gs(0x40, 0x11, 0x15, 1), Setting("part mode", 1, 0)),
        (gs(0x40, 0x19, 0x15, 2), Setting("part mode", 1, 8)),
        (gs(0x40, 0x1A, 0x15, 2), Setting("part mode", 1, 10)),
        (xg(0, 0, 0, 0, 5, 0xF, 4), Setting("fine tuning", 50.0)),
        (xg(0, 0, 4, 0), Setting("volume", 0.0)),
        (xg(0, 0, 6, 0x41), Setting("coarse tuning", 1)),
        (xg(8, 3, 7, 2), Setting("part mode", 1, 3)),
        (xg(8, 3, 1, 127), Setting("bank", 127, 3)),
        ((0x7E, 0x7F, 0x06, 0x01), None),
        ((), None),
        ((0x41, 0x10), None),
    ],
)
def test_messages_are_understood(data: tuple[int, ...], setting: Setting | None):
    assert decode(data) == setting


@pytest.mark.parametrize(
    ("messages", "channel", "bank", "is_drum"),
    [
        ([], 9, None, True),
        ([], 0, None, False),
        ([], 9, 0, True),
        ([], 2, 0, False),
        ([], 2, 127, True),
        ([], 2, 120, True),
        ([], 9, 121, False),
        ([GM], 9, 0, True),
        ([GM2], 2, 120, True),
        ([GM2], 9, 121, False),
        ([GM2], 9, 0, True),
        ([XG], 2, 127, True),
        ([XG], 2, 126, True),
        ([XG], 2, 64, False),
        ([XG], 9, 127, True),
        ([XG], 9, 0, False),
        ([GS], 2, 127, False),
        ([GS], 9, 8, True),
        ([GS, gs(0x40, 0x13, 0x15, 1)], 2, None, True),
        ([GS, gs(0x40, 0x13, 0x15, 1)], 2, 0, True),
        ([GS, gs(0x40, 0x10, 0x15, 0)], 9, None, False),
        ([gs(0x40, 0x13, 0x15, 2), GS], 2, None, False),
        ([XG, xg(8, 2, 7, 1)], 2, None, True),
        ([XG, xg(8, 9, 7, 0)], 9, None, False),
        ([XG, xg(8, 2, 1, 127)], 2, None, True),
    ],
)
def test_drums_are_where_the_standard_says(messages, channel, bank, is_drum):
    smf = parse_smf(header() + track(b"".join(sysex(*m) for m in messages) + scale()))
    banks = [] if bank is None else [(0, bank)]
    switches = drum_switches(channel, banks, settings_of(smf))
    assert (switches[-1][1] if switches else channel == 9) == is_drum


def test_switches_come_in_order_of_time():
    banks = [(96, 127), (192, 0)]
    assert drum_switches(0, banks, [(0, Setting("reset", standard="XG"))]) == [
        (96, True),
        (192, False),
    ]
