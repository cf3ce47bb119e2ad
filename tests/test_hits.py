"""One definition of a hit and of a strong cut: played, reported and measured are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange.form import form_of
from amt.compose.sections import MIN_SECTION_S, piece_sections
from amt.report.hits import cut_alignments
from amt.timing.fit import gather_events
from amt.timing.hits import HIT_S, STRONG_CUT, are_hits, is_hit, is_strong
from amt.types import TICKS_PER_BEAT, Cut, VideoFeatures
from experiments.fit.alignment import Clip, count, grid_pulse
from tests.arrange.plan_strategies import make_plan

offsets_s = st.one_of(
    st.sampled_from([-0.05, -0.045, -0.0401, -0.04, 0.0, 0.04, 0.0401, 0.045, 0.05]),
    st.floats(-0.2, 0.2),
)
strengths = st.one_of(st.sampled_from([0.5, 0.7499, 0.75, 0.7501]), st.floats(0, 1))


def test_a_hit_is_one_frame_at_25_a_second() -> None:
    assert HIT_S == 1 / 25
    for beat_s in (2.04, 1.96, 2.0):
        assert is_hit(beat_s, 2.0)
    for beat_s in (2.041, 1.959, 2.045):
        assert not is_hit(beat_s, 2.0)
    np.testing.assert_array_equal(are_hits(np.array([-0.05, -0.04, 0.03])), [False, True, True])


def test_a_cut_is_strong_from_the_threshold_on() -> None:
    assert is_strong(Cut(1.0, STRONG_CUT))
    assert not is_strong(Cut(1.0, np.nextafter(STRONG_CUT, 0)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), offsets_s, strengths), max_size=12))
def test_what_is_played_as_a_hit_is_reported_and_measured_as_one(moments) -> None:
    plan = make_plan(24.0, bpm=120.0)
    beats = {beat: (offset_s, strength) for beat, offset_s, strength in moments}
    cuts = tuple(Cut(b / 2 + offset_s, s) for b, (offset_s, s) in sorted(beats.items()))
    form = form_of(replace(plan, cuts=cuts))
    reported = cut_alignments(cuts, plan.grid)
    measured = count(grid_pulse(plan.grid), Clip("", 24.0, cuts))

    played = [cut for cut in cuts if cut in form.hits.values()]
    assert played == [cut for cut, found in zip(cuts, reported, strict=True) if found.on_beat]
    assert len(played) == measured.cuts_on_beats

    led = [cut for cut in played if is_strong(cut)]
    assert led == [form.hits[tick] for tick in sorted(form.hits) if form.has_strong_cut(tick)]
    assert sum(found.strong for found in reported) == measured.strong_cuts
    on_downbeat = sum(found.strong and found.on_downbeat for found in reported)
    assert on_downbeat == measured.strong_cuts_on_downbeats


@pytest.mark.parametrize(("strength", "strong"), [(0.74, False), (0.75, True), (0.76, True)])
def test_fit_sections_and_arranger_agree_on_which_cuts_are_strong(
    strength: float, strong: bool
) -> None:
    plan = make_plan(24.0, bpm=120.0)
    cut = Cut(12.0, strength)
    events = gather_events([cut], 24.0)
    assert (events.downbeat_reward[0] > 0) == strong
    features = VideoFeatures(
        24.0, plan.emotion, np.zeros(24), np.zeros(24), (cut,), None, backend="analytic"
    )
    assert min(12.0, 24.0 - 12.0) > MIN_SECTION_S
    beats = [section.beat for section in piece_sections(features, plan.grid, plan.emotion)]
    assert beats == ([0, 24] if strong else [0])
    form = form_of(replace(plan, cuts=(cut,)))
    assert form.has_strong_cut(24 * TICKS_PER_BEAT) == strong
    assert bool(form.crescendi(1.0)) == strong
