"""Roles that the plan has rest: they are silent there, and others take over their density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.arrange import arrange
from amt.arrange.draft import Draft
from amt.arrange.entries import playing
from amt.arrange.form import form_of
from amt.arrange.neural import arrange_neural
from amt.measure import notes_per_second
from amt.types import Arrangement, Entry, Plan, Song
from tests.arrange.plan_strategies import make_plan
from tests.arrange.test_neural import NEURAL, tiny
from tests.arrange.test_patterns import tracks_of

BEAT = 480
ENTRIES = (Entry(0, ("melody", "bass", "drums", "arpeggio")), Entry(16, ()))
"""The first four bars of four beats."""


def synth(entries: tuple[Entry, ...], arrangement: Arrangement) -> Plan:
    plan = make_plan(32.0, density=9.0, chords="Am F C G", style="synth", mood="exciting")
    return replace(plan, entries=entries, arrangement=arrangement)


def early(song: Song, role: str) -> int:
    drums = [note for track in song.tracks if track.is_drum for note in track.notes]
    notes = drums if role == "drums" else tracks_of(song, "synth").get(role, ())
    return sum(note.start < 16 * BEAT - 5 for note in notes)


@pytest.mark.parametrize("role", ["bass", "drums", "arpeggio"])
def test_roles_of_patterns_rest_where_the_plan_says_so(role: str) -> None:
    song = arrange(synth(ENTRIES, Arrangement()))
    assert early(song, role) == 0
    assert early(arrange(synth((), Arrangement())), role) > 0
    assert len(tracks_of(song, "synth")["bass"]) > 0


def test_the_melody_of_the_network_rests_where_the_plan_says_so() -> None:
    melody = next(t for t in arrange_neural(synth(ENTRIES, NEURAL), tiny()).tracks)
    assert min(note.start for note in melody.notes) >= 16 * BEAT - 5


def test_the_others_take_over_the_density() -> None:
    thin, full = (
        notes_per_second(arrange(synth(entries, Arrangement())))[:8].mean()
        for entries in ((Entry(0, ("bass", "drums")),), ())
    )
    assert 0.8 <= thin / full <= 1.2


def test_notes_into_a_rest_end_with_it() -> None:
    plan = synth((Entry(8, ("harmony",)), Entry(16, ())), Arrangement())
    notes = tracks_of(arrange(plan), "synth")["harmony"]
    assert not any(8 * BEAT <= note.start < 16 * BEAT - 5 for note in notes)
    assert all(note.end <= 8 * BEAT + 90 for note in notes if note.start < 8 * BEAT)
    assert np.any([note.start >= 16 * BEAT - 5 for note in notes])


def test_a_held_note_of_a_line_ends_where_its_rest_begins() -> None:
    form = form_of(synth((Entry(8, ("harmony",)), Entry(16, ())), Arrangement()))
    line = [Draft(4 * BEAT, 60, 12 * BEAT), Draft(9 * BEAT, 62, 10 * BEAT)]
    assert playing(line, "harmony", form) == [Draft(4 * BEAT, 60, 8 * BEAT)]
    assert playing(line, "pad", form) == line
