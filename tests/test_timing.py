import itertools
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.errors import GridError
from amt.timing import (
    GridOptions,
    fit_grid,
    grid_end_tick,
    steady_grid,
    tempo_changes,
    time_signatures,
)
from amt.timing.bars import draw_bars
from amt.timing.fit import fit_sections, gather_events
from amt.timing.hits import are_hits, is_strong
from amt.timing.lattice import BEAT_BAR_PRICE, CELLS, METRE_PRICE, NEVER, Events, Lattice
from amt.types import TICKS_PER_BEAT, Cut, TimeGrid, TimeSignature
from experiments.fit import alignment

durations = st.floats(0.5, 300)
tempos = st.floats(60, 160)


def clock(grid: TimeGrid, ticks: np.ndarray) -> np.ndarray:
    """Time in seconds of ticks as a sequencer reads the tempo map."""
    changes = tempo_changes(grid)
    at = np.array([c.tick for c in changes])
    us = np.array([c.us_per_beat for c in changes], dtype=float)
    starts = np.concatenate([[0], np.cumsum(np.diff(at) * us[:-1])])
    which = np.searchsorted(at, ticks, side="right") - 1
    return (starts[which] + (ticks - at[which]) * us[which]) / TICKS_PER_BEAT / 1e6


def assert_whole(grid: TimeGrid, duration_s: float) -> None:
    assert grid.beats_s[0] == 0
    assert grid.duration_s == duration_s
    assert (np.diff(grid.beats_s) > 0).all()
    assert sum(grid.bars) == grid.n_beats
    assert min(grid.bars) >= 1
    assert 0 < grid.last_beat <= 1


@given(durations, tempos, st.integers(2, 7), st.booleans())
def test_a_steady_grid_keeps_its_tempo(duration_s, bpm, beats_per_bar, whole_bars):
    grid = steady_grid(duration_s, bpm, beats_per_bar=beats_per_bar, whole_bars=whole_bars)
    assert_whole(grid, duration_s)
    np.testing.assert_allclose(grid.tempo_bpm, grid.tempo_bpm[0])
    assert 60 - 1e-6 <= grid.tempo_bpm[0] <= 160 + 1e-6
    bend = 0.041 if whole_bars else 0.005
    assert abs(grid.tempo_bpm[0] / bpm - 1) <= bend
    assert set(grid.bars[:-1]) <= {beats_per_bar}


@given(st.floats(60, 300), st.floats(70, 150))
def test_whole_bars_end_with_the_clip(duration_s, bpm):
    grid = steady_grid(duration_s, bpm, whole_bars=True)
    assert set(grid.bars) == {4}
    assert grid.last_beat == 1


@pytest.mark.parametrize("bpm", [60, 97, 160])
def test_half_a_second_is_one_beat(bpm):
    grid = steady_grid(0.5, bpm, whole_bars=False)
    assert grid.bars[0] >= 1
    assert_whole(grid, 0.5)


@pytest.mark.parametrize("bpm", [61.7, 119.9, 143.21])
def test_a_tempo_map_does_not_drift_in_two_hours(bpm):
    grid = steady_grid(7200, bpm, whole_bars=False)
    ticks = np.arange(0, grid_end_tick(grid), 37)
    drift_s = clock(grid, ticks) - grid.seconds_at(ticks / TICKS_PER_BEAT)
    assert np.abs(drift_s).max() < 1e-3
    assert len(tempo_changes(grid)) < 60


@given(st.lists(st.floats(0.375, 1), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_moving_tempo_map_follows_the_grid(lengths, last_beat):
    lengths[-1] *= last_beat
    beats_s = np.concatenate([[0], np.cumsum(lengths)])
    grid = TimeGrid(beats_s, (len(lengths),), last_beat)
    changes = tempo_changes(grid)
    ticks = np.append(np.arange(0, grid_end_tick(grid), 119), grid_end_tick(grid) - 1)
    drift_s = clock(grid, ticks) - grid.seconds_at(ticks / TICKS_PER_BEAT)
    assert np.abs(drift_s).max() < 1e-3
    assert all(a.us_per_beat != b.us_per_beat for a, b in pairwise(changes))


def test_time_signatures_change_with_the_bars():
    grid = TimeGrid(np.arange(0, 17) * 0.5, (2, 4, 4, 3, 3))
    assert time_signatures(grid) == (
        TimeSignature(0, 2),
        TimeSignature(2 * 480, 4),
        TimeSignature(10 * 480, 3),
    )


def test_a_last_bar_cut_short_keeps_the_metre():
    grid = TimeGrid(np.arange(0, 10) * 0.5, (4, 4, 1))
    assert time_signatures(grid) == (TimeSignature(0, 4),)


@pytest.mark.parametrize("duration_s", [0, -1, float("nan"), float("inf")])
def test_a_clip_needs_a_length(duration_s):
    with pytest.raises(GridError, match="clip lasts"):
        steady_grid(duration_s, 120, whole_bars=True)


@pytest.mark.parametrize("bpm", [0, 59, 161, float("nan")])
def test_a_tempo_out_of_bounds_is_refused(bpm):
    with pytest.raises(GridError, match="60 to 160"):
        steady_grid(10, bpm, whole_bars=True)


@st.composite
def clips(draw, max_cuts=40):
    gaps = draw(st.lists(st.floats(0.05, 9), max_size=max_cuts))
    strengths = st.floats(0, 1)
    cuts = [Cut(time_s, draw(strengths)) for time_s in itertools.accumulate(gaps)]
    end_s = cuts[-1].time_s if cuts else 0
    return cuts, end_s + draw(st.floats(0.1, 9))


@settings(max_examples=40, deadline=None)
@given(clips(), st.sampled_from([3, 4, 5]), st.floats(60, 160))
def test_a_fitted_grid_keeps_its_bounds(clip, beats_per_bar, preferred_bpm):
    cuts, duration_s = clip
    options = GridOptions(beats_per_bar=beats_per_bar, preferred_bpm=preferred_bpm)
    with pytest.MonkeyPatch.context() as patch:  # an opening has bounds of its own, below
        patch.setattr("amt.timing.fit.OPENING_S", 0.0)
        grid = fit_grid(cuts, duration_s, options=options)
    assert_whole(grid, duration_s)
    if duration_s >= 1:
        assert grid.tempo_bpm.min() >= 60 * (1 - 1e-6)
    assert grid.tempo_bpm.max() <= 160 * (1 + 1e-6)
    if not cuts:
        return
    sections = fit_sections(gather_events(cuts, duration_s), options)
    lengths = np.split(grid.beat_length_s, np.cumsum([s.n_beats for s in sections])[:-1])
    for section in lengths:
        steps = section[1:] / section[:-1]
        assert np.maximum(steps, 1 / steps).max(initial=1) <= 1.02 + 1e-6
        assert (section.max() - section.min()) / (section.max() + section.min()) <= 0.04 + 1e-6
    assert max(grid.bars) <= beats_per_bar + 1


def test_a_long_section_is_one_though_it_is_computed_in_parts():
    cuts = [Cut(cut.time_s, 0.5) for cut in alignment.synthetic_clips(4, 1, seed=2)[0].cuts]
    cuts = [Cut(60 * i + cut.time_s, 0.5) for i in range(20) for cut in cuts]
    grid = fit_grid(cuts, 1200.0, options=GridOptions())
    assert_whole(grid, 1200.0)
    lengths = grid.beat_length_s
    steps = lengths[1:] / lengths[:-1]
    assert np.maximum(steps, 1 / steps).max() <= 1.02 + 1e-6
    assert alignment.tempo_deviation(grid.tempo_bpm) <= 0.04 + 1e-6


@settings(max_examples=30, deadline=None)
@given(clips(max_cuts=12), st.lists(st.floats(5, 12), min_size=1, max_size=4))
def test_hit_points_fall_on_downbeats(clip, gaps):
    hits = list(itertools.accumulate(gaps))
    duration_s = max(clip[1], hits[-1] + 3)
    grid = fit_grid(clip[0], duration_s, options=GridOptions(), hits=hits)
    downbeats_s = grid.beats_s[grid.downbeats]
    for hit_s in hits:
        assert are_hits(downbeats_s - hit_s).any()


def test_a_cut_is_met_to_the_millisecond():
    cuts = [Cut(6.321, 1.0), Cut(13.17, 0.5), Cut(21.43, 0.9)]
    grid = fit_grid(cuts, 30.0, options=GridOptions())
    for cut in cuts:
        beats_s = grid.beats_s[grid.downbeats] if is_strong(cut) else grid.beats_s
        assert np.abs(beats_s - cut.time_s).min() < 1e-3


@pytest.mark.parametrize("duration_s", [0.5, 12.3, 600])
def test_without_cuts_the_tempo_is_steady(duration_s):
    grid = fit_grid([], duration_s, options=GridOptions(preferred_bpm=90))
    steady = steady_grid(duration_s, 90, whole_bars=True)
    np.testing.assert_array_equal(grid.beats_s, steady.beats_s)
    assert grid.bars == steady.bars


@settings(max_examples=40, deadline=None)
@given(clips(max_cuts=15), st.floats(60, 160))
def test_a_fixed_tempo_is_held_from_the_first_beat(clip, bpm):
    cuts, duration_s = clip
    grid = fit_grid(cuts, duration_s, options=GridOptions(fixed_bpm=bpm))
    assert_whole(grid, duration_s)
    np.testing.assert_allclose(grid.tempo_bpm[:-1], bpm, rtol=1e-6 if cuts else 0.01)


@settings(max_examples=40, deadline=None)
@given(clips(max_cuts=15), st.floats(60, 160), st.floats(0.1, 0.9))
def test_a_fixed_tempo_moves_its_first_beat_for_a_hit_between_beats(clip, bpm, share):
    cuts, duration_s = clip
    grid = fit_grid(cuts, duration_s, options=GridOptions(fixed_bpm=bpm), hits=[share * duration_s])
    assert_whole(grid, duration_s)
    np.testing.assert_allclose(grid.tempo_bpm[1:-1], bpm, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.2, 4.0), st.floats(5, 30), st.floats(60, 160))
def test_an_opening_keeps_its_bounds(first_s, rest_s, preferred_bpm):
    """Between 60 and 160 BPM, but for a lone beat of .2 s or more before the first cut."""
    cuts = [Cut(first_s, 0.95)]
    grid = fit_grid(
        cuts, first_s + rest_s, options=GridOptions(preferred_bpm=preferred_bpm, max_bpm=160)
    )
    assert_whole(grid, first_s + rest_s)
    assert grid.tempo_bpm.min() >= 60 * (1 - 1e-6)
    assert grid.tempo_bpm[1:].max() <= 160 * (1 + 1e-6)
    assert grid.tempo_bpm[0] <= (300 if first_s < 60 / 160 else 160) * (1 + 1e-6)


def test_a_fixed_tempo_stays_where_a_hit_lies_on_its_beats():
    grid = fit_grid([], 20.0, options=GridOptions(fixed_bpm=120), hits=[7.5])
    np.testing.assert_allclose(grid.tempo_bpm, 120)
    assert 7.5 in grid.beats_s[grid.downbeats]


def test_a_fixed_tempo_puts_its_downbeat_on_the_hit():
    grid = fit_grid([], 20.0, options=GridOptions(fixed_bpm=120), hits=[7.13])
    assert np.abs(grid.beats_s[grid.downbeats] - 7.13).min() < 1e-3


def test_where_cuts_are_too_many_strength_decides():
    rng = np.random.default_rng(5)
    times_s = np.arange(0.5, 60, 0.5) + rng.uniform(-0.12, 0.12, 119)
    cuts = [Cut(float(t), float(s)) for t, s in zip(times_s, rng.uniform(0, 1, 119), strict=True)]
    grid = fit_grid(cuts, 60.0, options=GridOptions())
    counts = alignment.count(alignment.grid_pulse(grid), alignment.Clip("", 60.0, tuple(cuts)))
    assert counts.strong_cuts_on_downbeats / counts.strong_cuts > 0.6
    downbeats_s = grid.beats_s[grid.downbeats]
    met = are_hits(times_s[:, None] - downbeats_s).any(axis=1)
    strengths = np.array([cut.strength for cut in cuts])
    assert strengths[met].mean() > strengths[~met].mean() + 0.2


def brute_force(lattice: Lattice, events: Events) -> float:
    """The best value over every start and every set of claims of a tempo that does not bend."""
    cells = np.rint(events.times_s / lattice.beat_s[0] * CELLS).astype(int)
    m, width = len(events.beat_reward), lattice.width
    best = -np.inf
    for start in np.flatnonzero(lattice.start > NEVER / 2):
        for claims in itertools.product([False, True], repeat=m):
            value, bar_line = float(lattice.start[start]), -int(start)
            fresh_from = 0 if start == 0 else -(10**9)
            for i, claim in enumerate(claims):
                now = cells[i + 1]
                kernel = float(lattice.kernel[0, (now - bar_line) % width])
                value += kernel * events.beat_reward[i]
                if not claim:
                    continue
                beat = (now - bar_line + CELLS // 2) // CELLS
                if now - fresh_from < 3 * CELLS // 2:
                    price = {0: 0, 1: BEAT_BAR_PRICE}.get(beat, np.inf)
                else:
                    price = METRE_PRICE if beat % lattice.beats_per_bar else 0
                off_beat = abs((now - bar_line + CELLS // 2) % CELLS - CELLS // 2)
                if kernel == 0 or off_beat >= CELLS // 8 or events.downbeat_reward[i] == 0:
                    price = np.inf
                value += kernel * events.downbeat_reward[i] - price
                bar_line = fresh_from = bar_line + beat * CELLS
            rest = (cells[-1] - bar_line) % width
            value += 1.6 if rest == 0 else 1.0 if rest % CELLS == 0 else 0
            best = max(best, value)
    return best


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.2, 3), min_size=1, max_size=6), st.floats(0.375, 1), st.data())
def test_the_lattice_finds_what_trying_everything_finds(gaps, beat_s, data):
    m = len(gaps)
    rewards = st.lists(st.floats(0.1, 2), min_size=m, max_size=m)
    claimable = data.draw(st.lists(st.booleans(), min_size=m, max_size=m))
    events = Events(
        times_s=np.concatenate([[0], np.cumsum([*gaps, 1.7])]),
        beat_reward=np.array(data.draw(rewards)),
        downbeat_reward=np.array(data.draw(rewards)) * claimable,
        boundary=np.zeros(m, dtype=np.bool_),
    )
    start = np.full(4 * CELLS, NEVER, dtype=np.float32)
    start[::CELLS] = [0, -0.2, -0.2, -0.2]
    lattice = Lattice(
        beat_s=np.array([beat_s]),
        rates=np.zeros((1, 1)),
        rate_bounds=np.zeros((1, 2)),
        max_step=0.0,
        beats_per_bar=4,
        preferred_beat_s=beat_s,
        start=start,
    )
    assert lattice.solve(events).value == pytest.approx(brute_force(lattice, events), abs=1e-3)


@given(st.sets(st.integers(1, 60)), st.integers(1, 60), st.integers(2, 7), st.integers(0, 6))
def test_bars_begin_on_every_downbeat(downbeats, n_beats, beats_per_bar, pickup):
    bars = draw_bars(sorted(downbeats), n_beats, beats_per_bar, pickup)
    assert sum(bars) == n_beats
    lines = {0, *itertools.accumulate(bars)}
    assert {d for d in downbeats if pickup < d <= n_beats} <= lines
    assert all(n <= max(beats_per_bar + 1, pickup) for n in bars)


@pytest.mark.parametrize(
    ("cuts", "hits", "message"),
    [
        ([Cut(3), Cut(2)], [], "sort the cuts"),
        ([Cut(10.0)], [], "outside the clip"),
        ([Cut(0.0)], [], "outside the clip"),
        ([Cut(float("nan"))], [], "outside the clip"),
        ([Cut(3, 1.5)], [], "strength"),
        ([Cut(3, float("nan"))], [], "strength"),
        ([], [11.0], "hit point"),
        ([], [-1.0], "hit point"),
        ([], [float("nan")], "hit point"),
    ],
)
def test_what_cannot_be_fitted_is_refused(cuts, hits, message):
    with pytest.raises(GridError, match=message):
        fit_grid(cuts, 10.0, options=GridOptions(), hits=hits)


@pytest.mark.parametrize(
    "values",
    [
        {"fixed_bpm": 200},
        {"min_bpm": 120, "max_bpm": 100},
        {"min_bpm": 5},
        {"max_bpm": 500},
        {"preferred_bpm": float("nan")},
        {"beats_per_bar": 1},
        {"max_step": 0.05},
        {"tempo_tolerance": 0.5},
    ],
)
def test_bounds_that_contradict_are_refused(values):
    with pytest.raises(GridError):
        GridOptions(**values)


@pytest.mark.parametrize(
    ("mean_s", "on_beats", "on_downbeats"),
    [(1, 0.70, 0.8), (2, 0.8, 0.93), (4, 0.88, 0.93), (8, 0.9, 0.93)],
)
def test_most_cuts_are_met(mean_s, on_beats, on_downbeats):
    clips = alignment.synthetic_clips(mean_s, 10, seed=1)
    rows = alignment.measure(clips, GridOptions())
    assert rows["fitted"]["cuts_on_beats"] >= on_beats
    assert rows["fitted"]["strong_cuts_on_downbeats"] >= on_downbeats
    assert rows["fitted"]["end_error_s"] == 0
    assert rows["another clip's"]["cuts_on_beats"] < 0.4
    assert rows["best constant"]["cuts_on_beats"] > rows["120 BPM"]["cuts_on_beats"]


def test_metrics_of_a_pulse_that_is_known():
    grid = steady_grid(8.0, 120, whole_bars=True)
    cuts = (Cut(2.03, 0.9), Cut(2.5, 0.9), Cut(3.25, 0.2))
    counts = alignment.count(alignment.grid_pulse(grid), alignment.Clip("", 8.0, cuts))
    assert (counts.cuts, counts.cuts_on_beats) == (3, 2)
    assert (counts.strong_cuts, counts.strong_cuts_on_downbeats) == (2, 1)
    assert (counts.matches, counts.beats) == (3, 17)
    assert counts.tempo_deviation == pytest.approx(0)


def test_the_alignment_table_is_printed_and_written(tmp_path, capsys):
    path = tmp_path / "alignment.json"
    alignment.main(["--synthetic", "--lists", "2", "--songs", "0", "--json", str(path)])
    assert "best constant" in capsys.readouterr().out
    results = json.loads(path.read_text())["results"]
    assert set(results) == {"mean 1 s", "mean 2 s", "mean 4 s", "mean 8 s"}
