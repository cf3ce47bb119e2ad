"""Cuts on which nothing would begin are struck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange.patterns import arrange_patterns
from amt.arrange.score import write_score
from amt.arrange.struck_cuts import answered_cuts, struck_tick, with_cuts_struck
from amt.arrange.styles import load_style
from amt.timing.hits import are_hits, is_hit
from amt.types import TICKS_PER_BEAT, Cut, Note, Plan, Track
from tests.arrange.plan_strategies import make_plan, plans

HELD = Track("Strings", 48, (Note(0, 60, 9600, 70), Note(0, 64, 9600, 70)))
"""Two notes of twenty beats."""
HIGH = Track("Flute", 73, (Note(0, 84, 9600, 70),))


def struck(*cuts: Cut, style: str = "strings", tracks: tuple[Track, ...] = (HELD, HIGH)):
    plan = make_plan(12.0, cuts=cuts, style=style)
    return with_cuts_struck(plan, write_score(plan, load_style(style)), tracks)


def onsets_s(plan: Plan, tracks: list[Track]) -> np.ndarray:
    ticks = np.array([note.start for track in tracks for note in track.notes])
    return plan.grid.seconds_at(ticks / TICKS_PER_BEAT)


def test_a_weak_cut_is_struck_by_the_fullest_part_alone():
    held, high = struck(Cut(3.13, 0.5))
    assert [note.start for note in held.notes] == [0, 0, 3000, 3000]
    assert held.notes[0].end == 3000
    assert high == HIGH


def test_a_strong_cut_is_struck_by_all_and_louder():
    held, high = struck(Cut(3.13, 0.9))
    assert len(held.notes) == 4
    assert len(high.notes) == 2
    assert high.notes[1].velocity >= high.notes[0].velocity + 10


def test_a_cut_that_no_quarter_of_a_beat_hits_is_struck_where_it_is():
    plan = make_plan(12.0)
    assert struck_tick(plan.grid, 3.125 + 0.02) == 3000
    assert struck_tick(plan.grid, 3.1875) == round(3.1875 * 2 * TICKS_PER_BEAT)


def test_cuts_that_have_an_onset_are_left_alone():
    assert struck(Cut(0.01, 0.9)) == [HELD, HIGH]


def test_drums_neither_strike_a_cut_nor_keep_others_from_it():
    drums = Track("Drums", 0, (Note(480, 36, 600, 90),), is_drum=True)
    held, same = struck(Cut(0.5, 0.9), tracks=(HELD, drums))
    assert len(held.notes) == 4
    assert same == drums


def test_nothing_is_struck_in_the_final_chord():
    assert struck(Cut(11.3, 0.9)) == [HELD, HIGH]


def test_a_style_answers_its_share_of_the_cuts_the_strongest_first():
    cuts = tuple(Cut(1.13 * i, i / 10) for i in range(1, 9))
    plan = make_plan(12.0, cuts=cuts)
    assert answered_cuts(plan, 0.5) == cuts[4:]
    assert answered_cuts(plan, 0.0) == ()
    quiet = with_cuts_struck(
        plan, write_score(plan, replace(load_style("strings"), cuts_answered=0.0)), [HELD]
    )
    assert quiet == [HELD]


@settings(max_examples=40, deadline=None)
@given(plans(), st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0.1, 1)), max_size=6))
def test_of_sounding_music_every_cut_has_an_onset(plan, wanted):
    cuts = tuple(Cut(place * plan.grid.duration_s, s) for place, s in sorted(wanted))
    plan = replace(plan, cuts=cuts)
    score = write_score(plan, replace(load_style(plan.style), cuts_answered=1.0))
    end = score.form.end
    tracks = with_cuts_struck(plan, score, [Track("Organ", 19, (Note(0, 60, end, 70),))])
    assert sum(n.end - n.start for n in tracks[0].notes) == end
    found = onsets_s(plan, tracks)
    last_s = 0.0
    for cut in cuts:
        tick = struck_tick(plan.grid, cut.time_s)
        resting = any(a <= tick < b for a, b in score.form.rests())
        crowded = np.abs(found - cut.time_s).min() < 0.2 or cut.time_s - last_s < 0.3
        if not resting and not crowded and tick < score.form.ending - TICKS_PER_BEAT:
            assert are_hits(found - cut.time_s).any()
        last_s = cut.time_s


@pytest.mark.parametrize("style", ["strings", "orchestral"])
def test_cuts_in_held_chords_get_a_note_in_whole_songs(style):
    """Off the beat in a calm texture, at least nine in ten get an onset; without, under half do."""
    cuts = tuple(Cut(2.3 + 2.13 * i, 0.6) for i in range(9))
    plan = make_plan(24.0, bpm=80, density=1.5, cuts=cuts, style=style, mood="relaxing")

    def share() -> float:
        song = arrange_patterns(plan)
        found = onsets_s(plan, list(song.tracks))
        return float(np.mean([any(is_hit(t, cut.time_s) for t in found) for cut in cuts]))

    with_strikes = share()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amt.arrange.tracks.with_cuts_struck", lambda plan, score, tracks: tracks)
        without = share()
    assert with_strikes >= 0.9
    assert without < 0.5
