"""One tempo for each section, or one throughout: what is met, and what is said of the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.compose import ComposeOptions
from amt.compose.tempo import piece_grid, proposed_tempi
from amt.errors import InputError
from amt.spotting.missed import held_sentences
from amt.timecode import RATES, Timecode
from amt.timing import GridOptions, fit_grid, tempo_changes, time_signatures
from amt.timing.fit import gather_events
from amt.timing.held import HeldTempo, errors_s, held_tempi
from amt.timing.hits import are_hits, is_strong
from amt.types import Cut, TimeGrid
from experiments.fit.alignment import Clip, synthetic_clips, synthetic_film
from tests.arrange.plan_strategies import make_plan

GENTLE = GridOptions(is_gentle=True)
CLOCK = Timecode(RATES["25"], "01:00:00:00")


def shares(grids: list[TimeGrid], clips) -> tuple[float, float]:
    """Mean share of cuts on beats, and of strong cuts on downbeats."""
    on_beat, on_downbeat = [], []
    for grid, clip in zip(grids, clips, strict=True):
        times_s = np.array([cut.time_s for cut in clip.cuts])
        strong = np.array([is_strong(cut) for cut in clip.cuts])
        on_beat.append(are_hits(errors_s(grid, times_s)).mean())
        on_downbeat.append(are_hits(errors_s(grid, times_s[strong], on_downbeats=True)).mean())
    return float(np.mean(on_beat)), float(np.mean(on_downbeat))


def test_gentle_has_a_tenth_of_the_tempi_and_most_of_the_cuts():
    clips = [clip for mean_s in (4.0, 8.0) for clip in synthetic_clips(mean_s, 4, seed=3)]
    made = {
        name: [fit_grid(c.cuts, c.duration_s, options=options) for c in clips]
        for name, options in (("free", GridOptions()), ("gentle", GENTLE))
    }
    tempi = {name: np.mean([len(tempo_changes(g)) for g in gs]) for name, gs in made.items()}
    metres = {name: np.mean([len(time_signatures(g)) for g in gs]) for name, gs in made.items()}
    assert tempi["gentle"] < 6 < 5 * tempi["gentle"] < tempi["free"]
    assert metres["gentle"] <= metres["free"]
    changes = np.concatenate([
        np.diff(np.log([change.us_per_beat for change in tempo_changes(grid)]))
        for grid in made["gentle"]
    ])  # fmt: skip
    assert np.abs(changes).mean() < 0.12 and np.abs(changes).max() < 0.3
    on_beat, on_downbeat = shares(made["gentle"], clips)
    assert on_beat > 0.5 and on_downbeat > 0.7


def test_the_tempo_that_misses_least_is_better_than_120():
    clips = synthetic_clips(4.0, 6, seed=3)
    held, usual = [], []
    for clip in clips:
        events = gather_events(clip.cuts, clip.duration_s)
        best = held_tempi(events, 110.0, (60, 160), may_shift=False)[0]
        for grids, bpm in ((held, best.bpm), (usual, 120.0)):
            options = GridOptions(fixed_bpm=bpm)
            grids.append(fit_grid(clip.cuts, clip.duration_s, options=options))
    assert all(len(tempo_changes(grid)) == 1 for grid in held)
    assert shares(held, clips)[0] > 2 * shares(usual, clips)[0]


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.floats(0.05, 39.5), max_size=30, unique_by=lambda t: round(t, 2)),
    hits=st.lists(st.floats(0.0, 39.0), max_size=3),
    duration_s=st.sampled_from([40.0, 40.013, 41.7]),
    bounds=st.sampled_from([(60.0, 160.0), (90.0, 113.0), (60.0, 75.0)]),
)
def test_any_cuts_give_a_whole_grid_in_the_bounds(times, hits, duration_s, bounds):
    cuts = tuple(Cut(t, 0.2 + 0.8 * ((i * 7) % 10) / 10) for i, t in enumerate(sorted(times)))
    options = replace(GENTLE, min_bpm=bounds[0], max_bpm=bounds[1])
    grid = fit_grid(cuts, duration_s, options=options, hits=sorted(hits))
    assert grid.beats_s[0] == 0 and grid.beats_s[-1] == duration_s
    assert sum(grid.bars) == grid.n_beats and 0 < grid.last_beat <= 1
    assert (np.diff(grid.beats_s) > 0).all()
    assert (grid.tempo_bpm > bounds[0] - 1e-6).all() and (grid.tempo_bpm < bounds[1] + 1e-6).all()


def test_hit_points_are_met_by_a_gentle_grid():
    hits = [4.03, 11.2, 15.9, 27.35]
    grid = fit_grid((), 32.0, options=GENTLE, hits=hits)
    assert np.abs(errors_s(grid, np.array(hits), on_downbeats=True)).max() < 0.005
    assert len(tempo_changes(grid)) <= 5


def test_proposed_tempi_are_apart_and_the_best_first():
    cuts = [Cut(time_s) for time_s in np.arange(1, 20) * 0.6]  # every beat of 100 BPM
    tempi = held_tempi(gather_events(cuts, 12.0), 110.0, (60, 160), may_shift=False)
    assert (tempi[0].bpm, tempi[0].missed) == (100.0, 0)
    assert len(tempi) == 3 and tempi[1].missed > 0
    shifted = [cut.time_s + 0.25 for cut in cuts]
    best = held_tempi(gather_events((), 12.0, shifted), 110.0, (60, 160), may_shift=True)[0]
    assert (best.bpm, best.missed) == (100.0, 0)


def test_the_tempo_that_misses_fewest_comes_first_however_far_from_the_mood():
    cuts = [Cut(time_s) for time_s in np.arange(1, 20) * 0.6]  # every beat of 100 BPM
    events = gather_events(cuts, 12.0)
    for wanted in (85.0, 110.0, 139.0):
        tempi = held_tempi(events, wanted, (wanted / 1.4, wanted * 1.4), may_shift=False)
        assert (tempi[0].bpm, tempi[0].missed) == (100.0, 0)
    for clip in synthetic_clips(4.0, 8, seed=3):
        events = gather_events(clip.cuts, clip.duration_s)
        tempi = held_tempi(events, 75.0, (60, 106), may_shift=False)
        missed = [tempo.missed for tempo in tempi]
        assert missed == sorted(missed)


@pytest.mark.parametrize("wanted", [80.0, 120.0])
def test_proposed_tempi_suit_the_mood_and_the_style(wanted):
    cuts = tuple(Cut(clip_cut.time_s) for clip_cut in synthetic_clips(2.0, 1, seed=3)[0].cuts)
    features = synthetic_film(Clip("", 60.0, cuts), 1)
    wide = proposed_tempi(features, ComposeOptions(), np.full(60, wanted))
    assert all(wanted / 1.42 <= tempo.bpm <= wanted * 1.42 for tempo in wide)
    style = proposed_tempi(features, ComposeOptions(tempo_range=(90.0, 100.0)), np.full(60, 95.0))
    assert all(90 <= tempo.bpm <= 100 for tempo in style)
    held = piece_grid(features, ComposeOptions(tempo_map="fixed"), np.full(60, wanted))[0]
    assert np.median(held.tempo_bpm) == pytest.approx(wide[0].bpm, abs=0.1)


@pytest.mark.parametrize("options", [GENTLE, GridOptions(fixed_bpm=100.0)])
def test_metres_change_only_where_it_pays(options):
    """A single strong cut off the bars is worth no change of metre, four of them are."""
    beat_s = 0.6
    regular = [Cut(4 * beat_s * n, 0.9) for n in range(1, 9)]
    lone = [*regular[:4], Cut(beat_s * 18, 0.76), *regular[4:]]
    moved = [*regular[:4], *(Cut(c.time_s + beat_s, 0.9) for c in regular[4:])]
    bars = [fit_grid(cuts, 30.0, options=options).bars for cuts in (regular, lone, moved)]
    odd = [sum(n != 4 for n in found[:-1]) for found in bars]
    assert odd[0] == odd[1] == 0 < odd[2]


def test_what_is_missed_is_named_in_frames():
    plan = replace(make_plan(12.0), cuts=(Cut(3.12), Cut(4.0), Cut(6.34)))
    tempi = (HeldTempo(100.0, 1, 0.7), HeldTempo(117.5, 2, 0.6))
    said = list(held_sentences(plan, [5.1], CLOCK, tempi))
    assert said[0] == (
        "at 120 BPM throughout, 3 of 4 cuts and hits are missed: 01:00:03:03 by 3.0 frames "
        "(early), 01:00:05:02 by 2.5 frames (early), 01:00:06:08 by 4.0 frames (late)"
    )
    assert said[1:] == [
        "of the held tempi that suit the mood, these miss least: 100 BPM (1), 117.5 BPM (2)"
    ]


def test_a_map_that_says_two_things_is_refused():
    with pytest.raises(InputError, match="`bpm` holds one tempo"):
        ComposeOptions(bpm=100.0, tempo_map="gentle")
    with pytest.raises(InputError, match="`tempo_map` is fixed, which fits a grid"):
        ComposeOptions(fit=False, tempo_map="fixed")
