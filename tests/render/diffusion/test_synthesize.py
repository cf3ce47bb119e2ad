"""The whole way from a MIDI file to stereo sound, with networks that have learned nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from render.diffusion import synthesize as synthesize_module
from render.diffusion.buses import assign
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.sampler import SamplerOptions
from render.diffusion.synthesize import PIECE, synthesize, synthesize_bus
from render.score import read_parts
from tests.render.events import band, control, note, program

OPTIONS = SamplerOptions(steps=2)


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


def test_a_bus_panned_hard_sounds_on_one_side(renderer, write_midi):
    events = [program(48), control(0, 10, 0), *note(0, 480)]
    buses, _ = assign(read_parts(write_midi(events)))
    left, right = np.concatenate(list(synthesize(buses, renderer, OPTIONS)), axis=1)
    assert np.abs(right).max() < 1e-3 * np.abs(left).max()


def threads_elsewhere() -> int:
    """Threads of an operator of PyTorch in a thread that has not used it before."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_of_the_process_stay_and_change_no_sample(renderer, write_midi, n_threads):
    buses, _ = assign(read_parts(write_midi(*band())))
    assert len(buses) > 1
    expected = np.concatenate(list(synthesize(buses, renderer, OPTIONS)), axis=1)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(n_threads)
        pieces = []
        for piece in synthesize(buses, renderer, OPTIONS):
            pieces.append(piece)
            assert torch.get_num_threads() == threads_elsewhere() == n_threads
        next(synthesize(buses, renderer, OPTIONS))  # not read to its end
        assert torch.get_num_threads() == threads_elsewhere() == n_threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), expected)


def test_workers_run_operators_in_one_thread():
    with synthesize_module._single_threaded_workers(3) as pool:
        assert list(pool.map(lambda _: torch.get_num_threads(), range(30))) == [1] * 30


def test_no_buses_are_no_sound(renderer):
    assert list(synthesize((), renderer, OPTIONS)) == []
