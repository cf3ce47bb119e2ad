"""Modulators of velocity and key, written into generators for an engine that knows none."""

from __future__ import annotations

import numpy as np
import pytest

from render.score import Note, Part
from render.soundfont.bank import read_bank
from render.soundfont.bank_samples import SampleReader
from render.soundfont.bank_subset import subset
from render.soundfont.modulators import Modulator, added, depends_on, of_notes
from render.soundfont.player import load_player
from render.soundfont.synthesisers import ENGINES
from tests.render.soundfonts import Tiny

RATE = 44100
LOUDER, LINEAR, KEY = 0x0502, 0x0002, 0x0103
ATTENUATION, FINE_TUNING = 48, 52


def levels_db(engine: str, path, notes: list[tuple[int, int]]) -> np.ndarray:
    """Level of the steady part of each (key, velocity), all played in one part."""
    part = Part("Solo", False, tuple(Note(float(i), i + 0.9, *n) for i, n in enumerate(notes)), ())
    sound = load_player(engine, path, RATE).play(part, len(notes) * RATE)
    steady = sound.reshape(2, len(notes), RATE)[:, :, 8000:38000]
    return 10 * np.log10(np.square(steady).mean(axis=(0, 2)))


@pytest.fixture
def font(tmp_path):
    def write(*modulators: tuple[int, int, int, int, int], **fields):
        (tmp_path / "font.sf2").write_bytes(Tiny(modulators=modulators, **fields).build())
        return tmp_path / "font.sf2"

    return write


def test_velocity_may_count_for_nothing_or_more(font):
    notes = [(69, velocity) for velocity in (32, 64, 127)]
    usual = levels_db("midirenderer", font(), notes)
    assert usual[2] - usual[:2] == pytest.approx(40 * np.log10([127 / 32, 127 / 64]), abs=1.5)
    flat = levels_db("midirenderer", font((LOUDER, ATTENUATION, 0, 0, 0)), notes)
    np.testing.assert_allclose(flat, usual[2], atol=1.5)
    steep = levels_db("midirenderer", font((LOUDER, ATTENUATION, 1440, 0, 0)), notes)
    np.testing.assert_allclose(steep - usual[2], 1.5 * (usual - usual[2]), atol=2.0)


@pytest.mark.parametrize(
    "modulator",
    [
        (LOUDER, ATTENUATION, 500, 0, 0),
        (LINEAR, ATTENUATION, 300, 0, 0),
        (KEY, ATTENUATION, 400, LINEAR, 0),
        (0x0A02, ATTENUATION, 100, 0, 0),
    ],
)
def test_both_engines_are_as_loud_for_every_note(font, modulator):
    installed = [engine.name for engine in ENGINES if engine.is_installed()]
    notes = [(key, velocity) for key in (57, 69, 81) for velocity in (40, 80, 120)]
    levels = [levels_db(name, font(modulator), notes) for name in installed]
    for level in levels[1:]:
        difference = level - levels[0]
        np.testing.assert_allclose(difference, difference.mean(), atol=1.5)


def test_what_needs_other_controllers_or_addresses_is_passed_over():
    wheel = Modulator(0x0081, ATTENUATION, 50, 0, 0)
    address = Modulator(LINEAR, 0, 50, 0, 0)
    general, own = (Modulator(LINEAR, FINE_TUNING, amount, 0, 0) for amount in (10, 127))
    found = of_notes([general, wheel], [address, own])
    assert found == (own,)
    assert depends_on(found) == (False, True)
    assert added(found, 60, 100, is_preset=False) == {FINE_TUNING: 100}
    for transform, expected in ((0, -100), (2, 100)):  # the second is the absolute value
        falling = Modulator(0x0302, FINE_TUNING, 100, 0, transform)
        assert added([falling], 60, 127, is_preset=True) == {FINE_TUNING: expected}


def test_too_many_notes_share_zones(font):
    """All keys at all velocities would need more records than a soundfont can have."""
    many = [(LINEAR, FINE_TUNING, 50, KEY, 0), (LOUDER, ATTENUATION, 500, 0, 0)]
    bank = read_bank(font(*many))
    played = [(key, velocity) for key in range(128) for velocity in range(1, 128)]
    small = bank.path.with_name("small.sf2")
    small.write_bytes(subset(SampleReader(bank), [(0, 0)], played))
    assert 500 < len(read_bank(small).tables["ibag"]) < 2000
