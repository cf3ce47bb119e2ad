"""Each price and reward of the timing fit has its effect: direction and least size.

Every test builds the smallest case in which one rule decides, and fails if its constant is 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.timing import GridOptions, fit, fit_grid
from amt.timing.fit import gather_events
from amt.timing.hits import are_hits
from amt.timing.lattice import CELLS, NEVER, BestPath, Events, Lattice
from amt.timing.refine import TempoSection, beat_times
from amt.types import Cut
from experiments.fit.alignment import synthetic_clips

BEAT_S = 0.5


def events(*moments: tuple[float, float, float], end_s: float, boundary: bool = False) -> Events:
    """Time, reward of a beat and further reward of a downbeat of every event."""
    times_s, beat, downbeat = np.array(moments, dtype=np.float64).reshape(-1, 3).T
    return Events(
        times_s=np.concatenate([[0.0], times_s, [end_s]]),
        beat_reward=beat,
        downbeat_reward=downbeat,
        boundary=np.full(len(beat), boundary),
    )


def lattice(beats_s: tuple[float, ...] = (BEAT_S,), **changes: object) -> Lattice:
    """Steady tempi without pickups, none of them preferred unless that is said."""
    start = np.full(4 * CELLS, NEVER, dtype=np.float32)
    start[0] = 0
    options: dict = {
        "beat_s": np.array(beats_s),
        "rates": np.zeros((len(beats_s), 1)),
        "rate_bounds": np.zeros((len(beats_s), 2)),
        "max_step": 0.0,
        "beats_per_bar": 4,
        "preferred_beat_s": float(np.sqrt(min(beats_s) * max(beats_s))),
        "start": start,
    }
    return Lattice(**(options | changes))


@pytest.mark.parametrize(("beat", "dear", "fair"), [(6, 0.15, 0.3), (7, 0.15, 0.3)])
def test_a_bar_out_of_metre_must_be_worth_its_price(beat: int, dear: float, fair: float) -> None:
    # The clip ends off the beat, so that only the event decides.
    def claims(reward: float) -> bool:
        path = lattice().solve(events((beat * BEAT_S, 1.0, reward), end_s=11.25 * BEAT_S))
        return bool(path.claimed[0])

    assert not claims(dear)
    assert claims(fair)


def test_strong_cuts_out_of_metre_make_irregular_bars_but_no_more_than_needed() -> None:
    """Against free bars out of metre, at least a twentieth fewer bars are irregular."""

    def irregular() -> int:
        rng = np.random.default_rng(3)
        found = 0
        for _ in range(30):
            times_s = np.sort(rng.uniform(1, 59, 12))
            cuts = [
                Cut(time_s, strength)
                for time_s, strength in zip(times_s, rng.uniform(0.3, 1.0, 12), strict=True)
            ]
            grid = fit_grid(cuts, 60.0, options=GridOptions(min_bpm=85, max_bpm=115))
            found += sum(n != 4 for n in grid.bars[:-1])
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amt.timing.lattice.METRE_PRICE", 0.0)
        free = irregular()
    assert 0 < irregular() < 0.95 * free


def test_a_bar_of_one_beat_is_dearer_than_one_of_three() -> None:
    def claims(beat: int, reward: float) -> bool:
        found = lattice().solve(
            events((8 * BEAT_S, 1.0, 1.0), ((8 + beat) * BEAT_S, 1.0, reward), end_s=19.25 * BEAT_S)
        )
        return bool(found.claimed[1])

    assert not claims(1, 0.5)
    assert claims(1, 0.8)
    assert claims(3, 0.5)


def test_a_pickup_must_be_worth_its_price() -> None:
    start = fit._lattice(np.array([BEAT_S]), 1, GridOptions(), first=True, last=True).start
    assert start[0] - start[CELLS] >= 0.1
    found = lattice(start=start).solve(events((3 * BEAT_S, 1.0, 0.1), end_s=10.25 * BEAT_S))
    assert found.start == 0
    cuts = [Cut(2.9, 0.5)]  # a cut that is not strong asks for no pickup
    assert fit_grid(cuts, 11.0, options=GridOptions(min_bpm=95, max_bpm=120)).bars[0] == 4


def tempo_at_the_end(reward: float, beats_s: tuple[float, ...] = (0.5, 0.42)) -> BestPath:
    """An event on the first tempo where the second may begin, and one that only the second hits."""
    moments = ((8 * beats_s[0], 1.0, 1.0), (8 * beats_s[0] + 7 * beats_s[1], reward, 0.0))
    return lattice(beats_s).solve(
        events(*moments, end_s=8 * beats_s[0] + 7.6 * beats_s[1], boundary=True)
    )


def test_a_new_tempo_must_be_worth_its_price_and_its_distance() -> None:
    # .25 for a new tempo, .7 x log(.5 / .42) = .12 for its distance: in all between .3 and .6.
    assert len(set(tempo_at_the_end(0.3).tempo)) == 1
    assert len(set(tempo_at_the_end(0.6).tempo)) == 2


def test_a_new_tempo_is_never_near_the_old_one() -> None:
    assert len(set(tempo_at_the_end(10.0, (0.5, 0.475)).tempo)) == 1


def test_twice_the_preferred_tempo_must_be_worth_more_than_a_cut_in_ten_seconds() -> None:
    def tempo(end_s: float) -> int:
        moments = (end_s / 2 // BEAT_S * BEAT_S + BEAT_S / 2, 1.0, 0.0)
        both = lattice((BEAT_S / 2, BEAT_S), preferred_beat_s=BEAT_S)
        return int(both.solve(events(moments, end_s=end_s)).tempo[0])

    assert tempo(10.2) == 1  # the event at half a beat is not worth it
    assert tempo(2.2) == 0


def test_a_beat_exactly_on_an_event_is_worth_more_than_one_near_to_it() -> None:
    """Two tempi hit an event at 4 s, the first 35 ms late: it would win any tie."""
    near = (4.0 + 0.035) / 8
    path = lattice((near, BEAT_S)).solve(events((4.0, 1.0, 0.0), end_s=4.1))
    assert path.tempo[0] == 1
    edge = lattice().kernel[0, 2]  # 31 ms
    assert edge <= 0.9 * lattice().kernel[0, 0]


@pytest.mark.parametrize("end", [8, 9])
def test_music_ends_on_a_bar_line_rather_than_on_a_beat_and_on_a_beat_rather_than_inside(
    end: int,
) -> None:
    """Of two tempi the second ends better, and is taken although the first one hits an event."""
    end_s = end * BEAT_S
    # Eight beats end on a bar line, nine only on a beat; the other tempo ends on neither.
    other = end_s / (end + 0.4)
    reward = {8: 1.2, 9: 0.7}[end]  # below END_ON_BAR and END_ON_BEAT
    path = lattice((other, BEAT_S)).solve(events((3 * other, reward, 0.0), end_s=end_s))
    assert path.tempo[0] == 1
    # A bar line is worth more than a beat.
    nine = end_s / 9 if end == 8 else end_s / 8
    path = lattice((nine, BEAT_S) if end == 8 else (BEAT_S, nine)).solve(
        events((0.1, 0.1, 0.0), end_s=end_s)
    )
    assert path.tempo[0] == 1


def test_a_tempo_bends_no_more_than_its_events_ask_for() -> None:
    bending = lattice(
        rates=np.array([[-0.03, 0.0, 0.03]]), rate_bounds=np.array([[-0.03, 0.03]]), max_step=0.02
    )
    path = bending.solve(events((3.875, 0.0, 0.0), end_s=8.0))
    np.testing.assert_allclose(path.position, np.array([0, 3.875, 8.0]) / BEAT_S)


def test_cuts_earn_beats_by_strength_and_strong_ones_downbeats() -> None:
    weak, medium, strong = (gather_events([Cut(5.0, s)], 10.0) for s in (0.2, 0.7, 0.9))
    assert weak.beat_reward[0] >= 0.5
    assert medium.beat_reward[0] - weak.beat_reward[0] >= 0.03
    assert medium.downbeat_reward[0] == 0
    assert strong.downbeat_reward[0] >= 1
    hit = gather_events([], 10.0, [5.0])
    assert hit.downbeat_reward[0] >= 10 * (strong.beat_reward[0] + strong.downbeat_reward[0])


def test_tempo_changes_only_at_strong_cuts_seconds_apart() -> None:
    cuts = [Cut(5.0, 0.8), Cut(8.0, 0.95), Cut(13.0, 0.7), Cut(18.0, 0.8), Cut(28.5, 1.0)]
    allowed = gather_events(cuts, 30.0).boundary
    np.testing.assert_array_equal(allowed, [False, True, False, True, False])


def test_a_fixed_tempo_keeps_its_phase_for_a_hit_point_a_few_milliseconds_off() -> None:
    options = GridOptions(fixed_bpm=120)
    grid = fit_grid([], 20.0, options=options, hits=[4.003])
    np.testing.assert_allclose(np.diff(grid.beats_s), 0.5)
    moved = fit_grid([], 20.0, options=options, hits=[4.1])
    assert abs(moved.beats_s[1] - 0.5) > 0.05


SECTION = TempoSection(
    start_s=0.0, end_s=8.0, bars=(4, 4, 4, 4), last_beat=1.0, hits=(), beat_s=BEAT_S
)
OPTIONS = GridOptions(max_step=0.02)


def test_without_events_beats_are_even_and_with_one_they_bend_little_by_little() -> None:
    np.testing.assert_allclose(np.diff(beat_times([SECTION], OPTIONS)), BEAT_S, atol=1e-6)
    late = replace(SECTION, hits=((8, 4.1, 1.0),))
    lengths = np.diff(beat_times([late], OPTIONS))
    assert lengths[:8].sum() == pytest.approx(4.1, abs=1e-6)
    # Up and down once: no shorter way leads there.
    assert np.abs(np.diff(lengths)).sum() <= 2 * (lengths.max() - lengths.min()) + 1e-6


def test_two_events_that_cannot_both_be_hit_exactly_are_both_hit_within_tolerance() -> None:
    # Two beats 60 ms further apart than the tempo allows.
    pair = ((8, 4.0 - 0.045, 1.0), (9, 4.5 + 0.045, 1.2))
    placed = beat_times([replace(SECTION, hits=pair)], OPTIONS)
    errors = [abs(placed[beat] - time_s) for beat, time_s, _ in pair]
    assert max(errors) <= 0.0361
    assert errors[0] >= errors[1]  # the heavier one is hit more exactly
    assert abs(placed[9] - placed[8] - BEAT_S) <= 0.03


def test_a_mean_tempo_is_kept_where_one_bend_would_do_as_well() -> None:
    """Of all beat times that hit the events exactly, those that change length least are taken."""
    hits = ((4, 2.02, 1.0), (12, 5.98, 1.0))
    lengths = np.diff(beat_times([replace(SECTION, hits=hits)], OPTIONS))
    assert np.abs(np.diff(lengths)).sum() <= 0.05


def test_a_cut_between_beats_falls_on_a_half_or_quarter_of_one() -> None:
    """Of cuts too near for beats of their own, at least a fifth more are met than by beats alone.

    Shots last a second on average; the tempo lies in a narrow range.
    """
    clips = synthetic_clips(1.0, 8, seed=41)
    options = GridOptions(min_bpm=90, max_bpm=115)
    met, on_beats, count = 0, 0, 0
    for clip in clips:
        grid = fit_grid(clip.cuts, clip.duration_s, options=options)
        times_s = np.array([cut.time_s for cut in clip.cuts])
        quarters_s = grid.seconds_at(np.arange(4 * grid.n_beats) / 4)
        met += int(are_hits(times_s[:, None] - quarters_s).any(axis=1).sum())
        on_beats += int(are_hits(times_s[:, None] - grid.beats_s).any(axis=1).sum())
        count += len(times_s)
    assert met >= 1.2 * on_beats
    assert met >= 0.9 * count


@pytest.mark.parametrize("first_s", [0.25, 0.6, 1.001, 1.9, 3.3])
def test_the_opening_takes_the_tempo_that_a_cut_near_the_start_asks_for(first_s: float) -> None:
    cuts = [Cut(first_s, 0.95), Cut(first_s + 9.03, 0.95)]
    grid = fit_grid(cuts, 24.0, options=GridOptions(min_bpm=95, max_bpm=120))
    downbeats_s = grid.beats_s[grid.downbeats]
    assert all(are_hits(downbeats_s - cut.time_s).any() for cut in cuts)


def test_without_an_opening_of_its_own_the_first_cut_is_missed() -> None:
    cuts = [Cut(0.25, 0.95), Cut(9.28, 0.95)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amt.timing.fit.OPENING_S", 0.0)
        grid = fit_grid(cuts, 24.0, options=GridOptions(min_bpm=95, max_bpm=120))
    assert not are_hits(grid.beats_s[grid.downbeats] - 0.25).any()
