"""The whole way from a MIDI file to stereo sound, with networks that have learned nothing."""

from __future__ import annotations

import numpy as np
import pytest

from render.diffusion.buses import assign
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.sampler import SamplerOptions
from render.diffusion.synthesize import PIECE, synthesize, synthesize_bus
from render.diffusion.weights import Renderer
from render.score import read_parts
from tests.render.events import band, control, note, program

OPTIONS = SamplerOptions(steps=2)


@pytest.fixture
def renderer(denoiser, vocoder):
    return Renderer(denoiser, vocoder)


def test_a_band_sounds_the_same_twice_and_piece_by_piece(renderer, write_midi):
    buses, _ = assign(read_parts(write_midi(*band())))
    pieces = list(synthesize(buses, renderer, OPTIONS))
    whole = np.concatenate(pieces, axis=1)
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()
    assert {piece.shape[1] for piece in pieces[:-1]} == {PIECE}
    assert whole.shape[1] / SAMPLE_RATE >= max(bus.notes.end_s for bus in buses)
    again = np.concatenate(list(synthesize(buses, renderer, OPTIONS)), axis=1)
    np.testing.assert_array_equal(whole, again)


def test_the_master_is_the_sum_of_its_buses(renderer, write_midi):
    buses, _ = assign(read_parts(write_midi(*band())))
    master = np.concatenate(list(synthesize(buses, renderer, OPTIONS)), axis=1)
    total = np.zeros_like(master)
    for number, bus in enumerate(buses):
        stem = np.concatenate(list(synthesize_bus(bus, renderer, OPTIONS, number)), axis=1)
        total[:, : stem.shape[1]] += stem
    np.testing.assert_allclose(total, master, atol=1e-6)


def test_what_is_panned_hard_is_heard_on_one_side(renderer, write_midi):
    events = [program(48), control(0, 10, 0), *note(0, 480)]
    buses, _ = assign(read_parts(write_midi(events)))
    left, right = np.concatenate(list(synthesize(buses, renderer, OPTIONS)), axis=1)
    assert np.abs(right).max() < 1e-3 * np.abs(left).max()


def test_no_buses_are_no_sound(renderer):
    assert list(synthesize((), renderer, OPTIONS)) == []
