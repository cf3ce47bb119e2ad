"""What the parts do while somebody speaks in the clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.arrange import arrange, load_network
from amt.arrange.drums import HIGH_TOM, LOW_TOM, MIDDLE_TOM
from amt.arrange.patterns import arrange_patterns
from amt.arrange.score import write_score
from amt.arrange.styles import load_style
from amt.types import TICKS_PER_BEAT, Arrangement, Cut, Section, Song, TimeSpan
from tests.arrange.plan_strategies import make_plan

SPOKEN = TimeSpan(8.0, 16.0)
TICKS = (16 * TICKS_PER_BEAT, 32 * TICKS_PER_BEAT)


def notes_inside(song: Song, name: str) -> list[int]:
    return [
        note.start
        for track in song.tracks
        if track.name == name
        for note in track.notes
        if note.end > TICKS[0] and note.start < TICKS[1]
    ]


@pytest.fixture(scope="module")
def network():
    return load_network("neural")


@pytest.mark.parametrize("style", ["strings", "band"])
def test_melody_and_counter_melody_are_silent_under_speech(style, network):
    plan = make_plan(24.0, style=style, density=8)
    plan = replace(plan, arrangement=Arrangement("neural"))
    spoken = replace(plan, speech=(SPOKEN,))
    leading = [load_style(style).instrument(role).name for role in ("melody", "counter")]
    assert any(notes_inside(arrange(plan, network), name) for name in leading)
    song = arrange(spoken, network)
    assert not any(notes_inside(song, name) for name in leading)
    others = [track.name for track in song.tracks if track.name not in leading]
    assert all(notes_inside(song, name) for name in others if name != "Drum kit")


def test_chords_lie_lower_under_speech():
    plan = make_plan(24.0, style="piano")
    score, spoken = (
        write_score(p, load_style("piano")) for p in (plan, replace(plan, speech=(SPOKEN,)))
    )

    def height(found) -> float:
        inside = [
            np.mean(voicing)
            for voicing, region in zip(found.harmony, found.form.regions, strict=True)
            if TICKS[0] <= region.start < TICKS[1]
        ]
        return float(np.mean(inside))

    assert height(spoken) <= height(score) - 3


def test_there_are_no_fills_under_speech():
    plan = make_plan(
        24.0, style="band", density=14, mood="exciting",
        sections=(Section(0, "exciting"), Section(24, "exciting")), cuts=(Cut(12.0, 0.95),),
    )  # fmt: skip

    def toms(song: Song) -> int:
        drums = next(track for track in song.tracks if track.is_drum)
        spoken = [note.pitch for note in drums.notes if TICKS[0] <= note.start < TICKS[1]]
        return sum(pitch in (LOW_TOM, MIDDLE_TOM, HIGH_TOM) for pitch in spoken)

    assert toms(arrange_patterns(plan)) > 0
    assert toms(arrange_patterns(replace(plan, speech=(SPOKEN,)))) == 0
