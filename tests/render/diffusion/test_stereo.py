"""From one channel to a wide sound: width, one loudspeaker, the band above, and streams."""

from __future__ import annotations

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from render.audio.blocks import is_silence, silence
from render.diffusion.buses import assign, gains
from render.diffusion.instruments import FAMILIES
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.stereo import (
    GRID,
    WIDEST_DB,
    Convolver,
    HighBand,
    StereoStage,
    high_gain,
    side_filter,
    width_of,
)
from render.diffusion.stereo_table import HIGH_DB, OCTAVES_HZ, WIDTH_DB
from render.score import Note, Part

PIANO, VIOLIN, BASS = 0, 40, 32


def bus_of(program: int, pan: int = 64, expression: int = 127):
    controls = (
        (0.0, mido.Message("program_change", program=program)),
        (0.0, mido.Message("control_change", control=10, value=pan)),
        (0.0, mido.Message("control_change", control=11, value=expression)),
    )
    pitch = 40 if program == BASS else 70
    (bus,), others = assign([Part("", False, (Note(0.0, 1.0, pitch, 80),), controls)])
    assert not others
    return bus


def noise(seconds: float = 4.0, rate: int = SAMPLE_RATE) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


def played(bus, mono: np.ndarray, rate: int = SAMPLE_RATE, cuts: tuple[int, ...] = ()):
    """The whole output of a bus's stage."""
    stage = StereoStage(bus, rate)
    sound = mono * gains(bus, 0, len(mono))
    parts = np.split(sound, sorted(min(cut, len(mono)) for cut in cuts), axis=1)
    blocks = [block for part in parts for block in stage.push(part)]
    return np.concatenate([*blocks, *stage.finish()], axis=1)


def octave_levels(wave: np.ndarray, rate: int = SAMPLE_RATE) -> np.ndarray:
    hz, power = welch(wave, rate, nperseg=4096)
    edges = [(centre / 2**0.5, centre * 2**0.5) for centre in OCTAVES_HZ]
    means = [power[(hz >= low) & (hz < high)].mean() for low, high in edges]
    return 10 * np.log10(means)


@settings(deadline=None, max_examples=20)
@given(cuts=st.lists(st.integers(0, 3 * GRID), max_size=6), n_taps=st.integers(1, GRID + 1))
def test_a_stream_is_convolved_however_it_is_cut(cuts, n_taps):
    rng = np.random.default_rng(n_taps)
    taps, sound = rng.normal(size=(2, n_taps)), rng.normal(size=(2, 3 * GRID)).astype(np.float32)
    found = []
    for edges in ((), cuts):
        convolver = Convolver(taps)
        parts = np.split(sound, sorted(edges), axis=1)
        pairs = [pair for part in parts for pair in convolver.push(part)]
        pairs += convolver.finish()
        assert list(convolver.finish()) == []
        raw, filtered = (np.concatenate(blocks, axis=1) for blocks in zip(*pairs, strict=True))
        np.testing.assert_array_equal(raw[:, : sound.shape[1]], sound)
        found.append(filtered)
    np.testing.assert_array_equal(*found)
    true = [np.convolve(row, tap) for row, tap in zip(sound, taps, strict=True)]
    np.testing.assert_allclose(found[0], true, atol=1e-3)


@settings(deadline=None, max_examples=8)
@given(cuts=st.lists(st.integers(0, 2 * SAMPLE_RATE), max_size=5))
def test_a_bus_sounds_the_same_however_its_stream_is_cut(cuts):
    mono = noise(2.0)
    whole = played(bus_of(VIOLIN), mono)
    np.testing.assert_array_equal(played(bus_of(VIOLIN), mono, cuts=tuple(cuts)), whole)


def test_silence_costs_nothing_and_what_rings_on_is_kept():
    stage = StereoStage(bus_of(PIANO), SAMPLE_RATE)
    first = list(stage.push(silence(4 * GRID)))
    assert first and all(is_silence(block) for block in first)
    (block,) = stage.push(np.full((2, GRID), 0.1, np.float32))
    assert not is_silence(block)
    after = list(stage.push(silence(3 * GRID)))
    assert not is_silence(after[0]) and is_silence(after[-1])


@pytest.mark.parametrize("program", [PIANO, VIOLIN, BASS, 73])
def test_an_instrument_is_as_wide_as_the_teacher_plays_it(program):
    left, right = played(bus_of(program), noise())
    width = octave_levels((left - right) / 2) - octave_levels((left + right) / 2)
    wanted = np.minimum(WIDTH_DB[program], WIDEST_DB)
    assert np.abs(width - wanted)[1:].max() < 2.5


def test_several_instruments_of_a_bus_share_their_widths():
    both = width_of({PIANO: 1, BASS: 1})
    assert (both < width_of({PIANO: 1})).all() and (both > width_of({BASS: 1})).all()
    assert width_of({88: 1}).max() <= 10 ** (WIDEST_DB / 10)


def test_one_loudspeaker_plays_what_the_network_computed():
    mono = noise()
    sound = played(bus_of(PIANO), mono)
    np.testing.assert_allclose(sound.mean(axis=0)[: len(mono)], mono, atol=1e-6)


@pytest.mark.parametrize(("program", "least_db", "most_db"), [(VIOLIN, 4, 6), (PIANO, -0.1, 0.1)])
def test_what_is_bowed_softly_is_darker(program, least_db, most_db):
    loud, soft = (played(bus_of(program, expression=value), noise())[0] for value in (127, 64))
    change = octave_levels(soft) - octave_levels(loud)
    assert change[0] == pytest.approx(40 * np.log10(64 / 127), abs=0.5)
    assert least_db <= change[0] - change[-1] <= most_db


@pytest.mark.parametrize("pan", [1, 30, 64, 100, 127])
def test_pan_keeps_the_energy_and_moves_the_sound(pan):
    sound = played(bus_of(BASS, pan), noise())
    energy = np.square(sound, dtype=np.float64).sum(axis=1)
    middle = np.square(played(bus_of(BASS), noise()), dtype=np.float64).sum()
    assert energy.sum() == pytest.approx(middle, rel=0.03)
    share = energy[1] / energy.sum()
    assert share == pytest.approx(np.sin((pan - 1) / 126 * np.pi / 2) ** 2, abs=0.03)


def test_players_of_different_families_stand_apart():
    one, other = side_filter(width_of({PIANO: 1}), 0), side_filter(width_of({PIANO: 1}), 5)
    norm = np.sqrt(np.square(one).sum() * np.square(other).sum())
    assert abs((one * other).sum() / norm) < 0.7
    assert np.square(one).sum() == pytest.approx(np.square(other).sum(), rel=0.2)


def test_the_band_above_is_filled_at_the_level_of_the_teacher():
    rate = 48_000
    band = HighBand(0.5, rate)
    spectrum = np.fft.rfft(noise(2.0, rate))
    hz = np.fft.rfftfreq(2 * rate, 1 / rate)
    spectrum[hz > 12_000] = 0
    sound = np.tile(np.fft.irfft(spectrum), (2, 1)).astype(np.float32)
    out = np.concatenate([*band.push(sound), *band.finish()], axis=1)[:, : sound.shape[1]]
    at, power = welch(out[0], rate, nperseg=2048)
    inside = power[(at > 13_000) & (at < 17_000)].mean() / power[(at > 7000) & (at < 11_000)].mean()
    assert 10 * np.log10(inside) == pytest.approx(-6, abs=0.7)
    added = np.fft.rfft((out - sound)[0])
    below = np.square(np.abs(added[hz < 11_000])).sum() / np.square(np.abs(added)).sum()
    assert below < 0.01
    assert next(HighBand(0.5, 24_000).push(sound)) is sound


def test_the_band_above_is_the_same_however_its_stream_is_cut():
    sound = np.tile(noise(1.0, 44_100), (2, 1))
    found = []
    for edges in ([], [100, 5000, 5001, 30_000]):
        band = HighBand(0.3, 44_100)
        parts = np.split(sound, edges, axis=1)
        blocks = [block for part in parts for block in band.push(part)]
        found.append(np.concatenate([*blocks, *band.finish()], axis=1))
    np.testing.assert_array_equal(*found)


def test_every_instrument_has_its_width_and_its_brightness():
    programs = {program for family in FAMILIES for program in family.programs}
    assert programs <= WIDTH_DB.keys() and programs <= HIGH_DB.keys()
    assert all(len(row) == len(OCTAVES_HZ) for row in WIDTH_DB.values())
    assert high_gain({73: 1}) < high_gain({128: 1}) <= 1


def test_a_delivered_bus_is_whole_at_another_rate():
    mono = noise(2.0)
    mono[-4000:] = 0
    out = played(bus_of(PIANO), mono, 44_100)
    assert abs(out.shape[1] - 2.0 * 44_100) < 0.3 * 44_100
    kept = np.square(out, dtype=np.float64).sum() / 44_100
    wide = np.square(played(bus_of(PIANO), mono), dtype=np.float64).sum() / SAMPLE_RATE
    assert kept == pytest.approx(wide, rel=0.05)
