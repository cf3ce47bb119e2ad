"""No note outlasts its chord by more than a beat, in any role, style and arranger."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import amt
from amt.arrange import arrange, style_names
from amt.arrange.neural import arrange_neural
from amt.types import TICKS_PER_BEAT, Plan, Song
from tests.arrange.plan_strategies import plans
from tests.arrange.test_neural import SWING_TICKS, quiet, tiny

STORM = Path(__file__).parents[1] / "data" / "storm.mp4"


def check_nothing_hangs(song: Song, plan: Plan) -> None:
    """A note may sound on while the chords have its pitch, and a beat beyond."""
    changes = [
        (after.beat * TICKS_PER_BEAT, after.chord)
        for before, after in pairwise(plan.chords)
        if before.chord != after.chord and after.chord.root is not None
    ]
    for track in song.tracks:
        for note in () if track.is_drum else track.notes:
            foreign = (
                tick
                for tick, chord in changes
                if note.start < tick < note.end and note.pitch % 12 not in chord.pitch_classes
            )
            latest = next(foreign, note.end) + TICKS_PER_BEAT + SWING_TICKS
            assert note.end <= latest, (track.name, note)


DRAWN = st.sampled_from(style_names()).flatmap(lambda style: plans(style=style))
ANY = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@ANY
@given(plan=DRAWN)
def test_nothing_hangs_in_patterns(plan: Plan) -> None:
    check_nothing_hangs(arrange(plan), plan)


@settings(ANY, max_examples=8)
@given(plan=DRAWN.map(quiet))
def test_nothing_hangs_in_the_networks_notes(plan: Plan) -> None:
    check_nothing_hangs(arrange_neural(plan, tiny()), plan)


@pytest.mark.parametrize("style", ["symphonic", "lo-fi"])
def test_nothing_hangs_in_a_composed_piece(style: str) -> None:
    made = amt.generate(STORM, seed=1, style=style, backend="analytic")
    check_nothing_hangs(made.song, made.plan)
