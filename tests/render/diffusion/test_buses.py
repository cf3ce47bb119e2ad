"""Parts on buses: what is played together, how loud and where, and what is left to others."""

from __future__ import annotations

import mido
import numpy as np
import pytest

from render.diffusion.buses import assign, gains
from render.diffusion.mel import SAMPLE_RATE
from render.errors import MidiFileError
from render.score import read_parts
from tests.render.events import band, control, named, note, program


def buses_of(write_midi, *tracks):
    return assign(read_parts(write_midi(*tracks)))


def test_a_band_stands_on_a_bus_for_each_family(write_midi):
    buses, left = buses_of(write_midi, *band())
    assert [bus.name for bus in buses] == ["piano", "strings", "drums"]
    assert [len(bus.notes.pitch) for bus in buses] == [16, 3, 16]
    assert left == ()


def test_forty_tracks_of_one_kind_are_one_bus(write_midi):
    tracks = [[named(f"{i}"), program(48), *note(480 * i, 400, 40 + i)] for i in range(40)]
    buses, left = buses_of(write_midi, *tracks)
    assert [len(bus.notes.pitch) for bus in buses] == [40]
    assert left == ()


def test_parts_that_stand_apart_have_buses_of_their_own(write_midi):
    sides = [[program(48), control(0, 10, pan), *note(0, 480)] for pan in (20, 108)]
    assert len(buses_of(write_midi, *sides)[0]) == 2


def test_programs_outside_the_set_are_named_and_left(write_midi):
    events = [program(0), *note(0, 400), program(109, tick=480), *note(480, 400, 72)]
    buses, left = buses_of(write_midi, [named("Pipes"), *events])
    assert [bus.notes.pitch.tolist() for bus in buses] == [[60]]
    assert [(out.reason, out.part.name) for out in left] == [("program 109 (Bagpipe)", "Pipes")]
    assert [n.pitch for n in left[0].part.notes] == [72]


def test_keys_outside_the_kit_and_tuned_parts_are_named(write_midi):
    drums = [*note(0, 100, 36, channel=9), *note(0, 100, 20, channel=9)]
    tuned = [control(0, number, value) for number, value in ((101, 0), (100, 1), (6, 70))]
    buses, left = buses_of(write_midi, drums, [*tuned, *note(0, 400)])
    assert [bus.name for bus in buses] == ["drums"]
    assert {out.reason for out in left} == {"drum key 20", "tuning"}


def test_bends_follow_the_range_that_is_set_and_stand_on_a_bus_of_their_own(write_midi):
    parameter = ((101, 0), (100, 0), (6, 12))
    wide = [control(0, number, value, channel=1) for number, value in parameter]
    tracks = [
        [
            *before,
            (480, mido.Message("pitchwheel", pitch=4096, channel=c)),
            *note(0, 960, channel=c),
        ]
        for c, before in enumerate(([], wide))
    ]
    buses, left = buses_of(write_midi, *tracks)
    assert left == ()
    assert [bus.bend.semitones[-1] for bus in buses] == [1.0, 6.0]
    assert buses[0].bend.semitones[0] == 0
    plain, _ = buses_of(write_midi, note(0, 960))
    assert plain[0].bend is None


def test_the_pedal_holds_notes(write_midi):
    events = [control(0, 64, 127), *note(0, 240), control(960, 64, 0)]
    buses, _ = buses_of(write_midi, events)
    assert buses[0].notes.release_s.tolist() == [1.0]


def test_a_note_of_no_length_is_played(write_midi):
    buses, _ = buses_of(write_midi, note(0, 0))
    assert len(buses[0].notes.pitch) == 1


def test_a_file_without_notes_is_refused(write_midi):
    with pytest.raises(MidiFileError, match="holds no notes"):
        buses_of(write_midi, [named("Nothing")])


def test_volume_expression_and_pan_are_those_of_general_midi(write_midi):
    plain, _ = buses_of(write_midi, note(0, 480))
    np.testing.assert_allclose(gains(plain[0], 0, 10), 1.0, atol=0.01)
    moves = [control(0, 7, 50), control(960, 11, 64), control(1920, 10, 127)]
    moved, _ = buses_of(write_midi, [*moves, *note(0, 3840)])
    at = [
        gains(moved[0], round(t * SAMPLE_RATE), round(t * SAMPLE_RATE) + 1) for t in (0.5, 1.5, 3)
    ]
    assert at[0].ravel() == pytest.approx([0.25, 0.25], rel=0.02)
    assert at[1].ravel() == pytest.approx([0.25 * (64 / 127) ** 2] * 2, rel=0.02)
    assert at[2].ravel() == pytest.approx([0.0, np.sqrt(2) * 0.25 * (64 / 127) ** 2], abs=1e-3)


def test_controls_glide_and_do_not_depend_on_where_a_piece_begins(write_midi):
    buses, _ = buses_of(write_midi, [control(480, 7, 127), control(490, 7, 10), *note(0, 960)])
    whole = gains(buses[0], 0, SAMPLE_RATE)
    assert np.abs(np.diff(whole)).max() < 0.02
    cut = 11_999
    parts = [gains(buses[0], 0, cut), gains(buses[0], cut, SAMPLE_RATE)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
