"""The network's accompaniment in the rhythm of a style that comps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.arrange.comping import comped
from amt.arrange.score import Score, write_score
from amt.arrange.styles import Instrument, load_style
from amt.arrange.tracks import Draft
from tests.arrange.plan_strategies import make_plan

BEAT = 480
PLAN = make_plan(48, chords="Am F C G", density=10.0, style="lo-fi")


def score_of(comps: float) -> tuple[Score, Instrument]:
    style = replace(load_style("lo-fi"), comps=comps)
    player = style.instrument("accompaniment")
    assert player is not None
    return write_score(PLAN, style), player


def written(beats: int, per_beat: int = 2) -> list[Draft]:
    """A broken chord of eighths, as a network might write it."""
    ticks = range(0, beats * BEAT, BEAT // per_beat)
    return [Draft(tick, 60 + i % 3, tick + BEAT // per_beat) for i, tick in enumerate(ticks)]


def test_accompaniment_stays_where_a_style_does_not_comp() -> None:
    score, player = score_of(0.0)
    assert comped(written(80), score, player, 1) == written(80)


def test_accompaniment_is_played_in_the_figure_of_the_style_by_the_voices_of_the_harmony() -> None:
    score, player = score_of(1.0)
    played = comped(written(80), score, player, 1)
    assert np.mean([draft.start % (2 * BEAT) // 120 in (0, 6) for draft in played]) >= 0.7
    for draft in played:
        region = score.form.regions[score.form.region_at(draft.start)]
        assert draft.pitch % 12 in region.chord.pitch_classes
        assert player.low <= draft.pitch <= player.high
        assert draft.end <= region.end


@pytest.mark.parametrize("per_beat", [1, 2, 4])
def test_comping_has_about_as_many_notes_as_the_network_wrote(per_beat: int) -> None:
    score, player = score_of(1.0)
    before = written(80, per_beat)
    assert 0.5 * len(before) <= len(comped(before, score, player, 1)) <= 1.6 * len(before)


def test_bars_without_accompaniment_and_the_final_chord_stay_as_they_are() -> None:
    score, player = score_of(1.0)
    final = [Draft(score.form.ending, 60, score.form.end)]
    played = comped([*written(40), *final], score, player, 1)
    assert not [d for d in played if 40 * BEAT <= d.start < score.form.ending]
    assert played[-1] == final[0]


def test_a_share_of_the_phrases_comps() -> None:
    score, player = score_of(0.5)
    before = written(80)
    gone = set(before) - set(comped(before, score, player, 1))
    phrases = {score.form.cell_at(draft.start).phrase for draft in gone}
    assert 0 < len(phrases) < 5
