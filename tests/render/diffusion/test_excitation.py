"""The source of the neural renderer: pitch, onsets, bends, and samples that no division changes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.diffusion.excitation import TILE, Bend, excitation, partial_hz
from render.diffusion.instruments import DRUM_PROGRAM
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.tokens import TAIL_S, note_table
from render.score import Note

FLUTE = 73
TABLE = note_table(
    [(Note(0.3, 0.9, 60, 90), 0), (Note(0.5, 1.4, 67, 60), 0), (Note(1.0, 1.1, 38, 100), 128)]
)


def loudest_hz(wave: np.ndarray) -> float:
    """Frequency of the strongest sinusoid, to 0.1 Hz."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 10 * SAMPLE_RATE))
    return float(spectrum.argmax()) / 10


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(-TILE // 2, 4 * TILE), min_size=1, max_size=3))
def test_no_division_of_the_time_changes_a_sample(cuts):
    ends = sorted({-TILE // 2, *cuts, 4 * TILE})
    parts = [excitation(TABLE, a, b) for a, b in pairwise(ends)]
    whole = excitation(TABLE, ends[0], ends[-1])
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("onset_s", [0.1, 0.5117, 0.9])
def test_a_note_begins_at_its_onset_and_not_before(onset_s):
    table = note_table([(Note(onset_s, onset_s + 0.5, 64, 100), FLUTE)])
    wave = excitation(table, 0, 2 * SAMPLE_RATE)
    first = int(np.flatnonzero(np.abs(wave) > 1e-4)[0]) / SAMPLE_RATE
    assert onset_s <= first < onset_s + 0.003
    assert not wave[round((onset_s + 0.5 + TAIL_S) * SAMPLE_RATE) + 1 :].any()


@pytest.mark.parametrize("pitch", [33, 60, 96])
def test_the_strongest_sinusoid_is_the_fundamental(pitch):
    table = note_table([(Note(0, 1, pitch, 100), FLUTE)])
    found = loudest_hz(excitation(table, 2400, 2400 + SAMPLE_RATE // 2))
    assert found == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=0.2)


def test_a_bend_moves_the_pitch_and_nothing_else():
    table = note_table([(Note(0, 2, 69, 100), FLUTE)])
    bend = Bend.of(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 2.0]))
    wave = excitation(table, 0, 2 * SAMPLE_RATE, bend=bend)
    plain = excitation(table, 0, 2 * SAMPLE_RATE)
    assert loudest_hz(wave[2400:21600]) == pytest.approx(440, abs=0.2)
    assert loudest_hz(wave[26400:45600]) == pytest.approx(440 * 2 ** (2 / 12), abs=0.2)
    assert np.abs(wave[:23800] - plain[:23800]).max() < 1e-3
    assert wave.std() == pytest.approx(plain.std(), rel=0.05)


def test_the_integral_of_a_gliding_bend_is_that_of_its_frequency():
    bend = Bend.of(np.array([0.5, 1.5]), np.array([-1.0, 3.0]))
    times = np.linspace(0, 3, 30_001)
    ratio = 2 ** (np.interp(times, bend.at_s, bend.semitones) / 12)
    summed = np.concatenate([[0.0], np.cumsum((ratio[1:] + ratio[:-1]) / 2 * np.diff(times))])
    found = bend.warped(times) - bend.warped(np.array([0.0]))
    assert np.abs(found - summed).max() < 1e-6


def test_partials_of_stiff_strings_are_stretched_and_those_of_pipes_are_not():
    piano, flute = partial_hz(60, 0), partial_hz(60, FLUTE)
    assert flute[9] == pytest.approx(10 * flute[0])
    assert 1.01 < piano[9] / (10 * piano[0]) < 1.03
    assert max(piano.max(), flute.max()) < SAMPLE_RATE / 2


def test_a_drum_is_noise_that_decays():
    table = note_table([(Note(0.1, 0.2, 38, 100), DRUM_PROGRAM)])
    wave = excitation(table, 0, SAMPLE_RATE)
    early, late = wave[2400:4800], wave[9600:12000]
    assert early.std() > 3 * late.std() > 0
    spectrum = np.abs(np.fft.rfft(early)) ** 2
    assert spectrum[100:600].mean() == pytest.approx(spectrum[600:1100].mean(), rel=0.3)


def test_a_violin_that_is_held_has_vibrato_after_a_while_and_a_clarinet_none():
    spreads = []
    for program in (40, 71):
        table = note_table([(Note(0, 3, 69, 100), program)])
        wave = excitation(table, 0, 3 * SAMPLE_RATE)
        early, late = wave[1200:7200], wave[24000:60000]
        spreads.append([deviation_hz(part) for part in (early, late)])
    (violin_early, violin_late), clarinet = spreads
    assert violin_late > 2 and violin_early < 0.5
    assert max(clarinet) < 0.3


def deviation_hz(wave: np.ndarray) -> float:
    """Deviation of the frequency of the fundamental at 440 Hz."""
    time = np.arange(len(wave)) / SAMPLE_RATE
    turned = wave * np.exp(-2j * np.pi * 440 * time)
    smooth = np.convolve(turned, np.hanning(601), mode="valid")
    return float(np.std(np.diff(np.unwrap(np.angle(smooth))) * SAMPLE_RATE / (2 * np.pi)))
