"""Master tuning and volume reach every part, whichever engine plays it."""

from __future__ import annotations

import mido
import numpy as np
import pytest

from render.diffusion.buses import assign
from render.score import read_parts
from render.soundfont.synthesisers import Engine
from tests.render.events import control, note, program
from tests.render.rendering import render_midi

ORGAN = 16
FINE_UP_50 = (0x7F, 0x7F, 0x04, 0x03, 0x00, 0x60)
GS_UP_50 = (0x41, 0x10, 0x42, 0x12, 0x40, 0x00, 0x00, 0x00, 0x05, 0x0F, 0x04, 0x28)
XG_UP_50 = (0x43, 0x10, 0x4C, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0F, 0x04)
COARSE_UP_3 = (0x7F, 0x7F, 0x04, 0x04, 0x00, 0x43)
HALF_VOLUME = (0x7F, 0x7F, 0x04, 0x01, 0x00, 0x40)
GM = (0x7E, 0x7F, 0x09, 0x01)


def sysex(data: tuple[int, ...], tick: int = 0):
    return tick, mido.Message("sysex", data=data)


def frequency_hz(samples: np.ndarray, low: float, high: float, sample_rate: int = 44100) -> float:
    """The strongest partial between two frequencies."""
    mono = samples.mean(axis=0)[sample_rate // 4 : sample_rate * 2]
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 2**20))
    hz = np.fft.rfftfreq(2**20, 1 / sample_rate)
    inside = (hz > low) & (hz < high)
    return float(hz[inside][spectrum[inside].argmax()])


@pytest.mark.parametrize("message", [FINE_UP_50, GS_UP_50, XG_UP_50])
def test_master_tuning_changes_the_pitch(engine: Engine, write_midi, tim, message):
    if not engine.is_installed():
        return
    events = [program(ORGAN), *note(0, 3840, 69)]
    plain, tuned = (
        render_midi(path, engine=engine.name, soundfont=tim).samples
        for path in (
            write_midi(events, name="plain.mid"),
            write_midi([sysex(message), *events], name="tuned.mid"),
        )
    )
    ratio = frequency_hz(tuned, 415, 466) / frequency_hz(plain, 415, 466)
    assert 1200 * np.log2(ratio) == pytest.approx(50, abs=3)


def test_coarse_tuning_moves_melody_and_not_drums(write_midi):
    events = [*note(0, 480, 60), *note(960, 480, 126), *note(0, 480, 38, channel=9)]
    later = sysex(GM, 2000), *note(2400, 480, 60)
    parts = read_parts(write_midi([sysex(COARSE_UP_3), *events, *later]))
    assert [[n.pitch for n in part.notes] for part in parts] == [[63, 127, 60], [38]]


def own_tuning(cents: float, tick: int = 0, parameter: int = 1):
    value = round(0x2000 + cents / 100 * 0x2000)
    pairs = [(101, 0), (100, parameter), (6, value >> 7), (38, value & 127)]
    return [control(tick, number, value) for number, value in pairs]


def tuning_cents(part) -> float:
    """What the registered parameter 1 of a part is set to in the end."""
    values = {m.control: m.value for _, m in part.controls if m.type == "control_change"}
    assert (values[101], values[100]) != (127, 1)
    fine, parameter = {6: 64, 38: 0}, {101: 127, 100: 127}
    for _, message in part.controls:
        if message.type != "control_change":
            continue
        if message.control in parameter:
            parameter[message.control] = message.value
        elif message.control in fine and parameter == {101: 0, 100: 1}:
            fine[message.control] = message.value
    return (128 * fine[6] + fine[38] - 0x2000) / 0x2000 * 100


def test_master_tuning_adds_to_a_parts_own(write_midi):
    melody = note(0, 480)
    cases = [
        ([*own_tuning(20), sysex(FINE_UP_50, 240)], 70),
        ([sysex(FINE_UP_50), *own_tuning(-30, 240)], 20),
        ([sysex(FINE_UP_50), *own_tuning(80, 240)], 100),
        ([sysex(FINE_UP_50), sysex(GM, 240)], 0),
    ]
    for events, cents in cases:
        (part,) = read_parts(write_midi([*events, *melody]))
        assert tuning_cents(part) == pytest.approx(cents, abs=0.1)


def test_other_parameters_stay_as_they_are_set(write_midi):
    bend_range = [control(0, 101, 0), control(0, 100, 0), control(480, 6, 12)]
    (part,) = read_parts(write_midi([*bend_range, sysex(FINE_UP_50, 240), *note(0, 960)]))
    parameter, ranges = {101: 127, 100: 127}, []
    for _, message in part.controls:
        if message.control in parameter:
            parameter[message.control] = message.value
        elif message.is_cc(6) and parameter == {101: 0, 100: 0}:
            ranges.append(message.value)
    assert ranges == [12]


def test_master_volume_scales_each_part(write_midi):
    events = [sysex(HALF_VOLUME), control(480, 7, 80), sysex(GM, 960), *note(0, 1920)]
    (part,) = read_parts(write_midi(events))
    assert [(t, m.value) for t, m in part.controls if m.is_cc(7)] == [
        (0.0, 50),
        (0.5, 40),
        (1.0, 80),
    ]


def test_a_tuned_part_is_not_for_the_network(write_midi):
    buses, left = assign(read_parts(write_midi([sysex(FINE_UP_50), *note(0, 480)])))
    assert not buses
    assert [part.reason for part in left] == ["tuning"]
    buses, left = assign(read_parts(write_midi([*own_tuning(0), *note(0, 480)])))
    assert buses
    assert not left
