"""Peaks of movement: found where they stand out, never on cuts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.features.accents import CUT_S, MIN_DISTANCE_S, motion_accents
from amt.types import EMOTIONS, Cut, FloatArray, VideoFeatures


def film(motion: FloatArray, cuts_s: tuple[float, ...] = ()) -> VideoFeatures:
    seconds = len(motion)
    return VideoFeatures(
        duration_s=float(seconds),
        emotion=np.full((seconds, len(EMOTIONS)), 1 / len(EMOTIONS)),
        motion=np.asarray(motion, dtype=np.float64),
        scene_offset=np.arange(seconds, dtype=np.float64),
        cuts=tuple(Cut(time_s) for time_s in cuts_s),
        semantic=None,
        backend="analytic",
    )


def test_a_peak_is_an_accent_and_the_higher_the_stronger() -> None:
    motion = np.full(30, 1.0)
    motion[[8, 20]] = (3.0, 25.0)
    small, large = motion_accents(film(motion))
    assert (small.time_s, large.time_s) == (8.0, 20.0)
    assert 0 < small.strength < large.strength == 1.0


def test_a_peak_that_a_cut_makes_is_none() -> None:
    motion = np.full(20, 1.0)
    motion[10] = 80.0
    assert motion_accents(film(motion, (10.0,))) == ()
    assert motion_accents(film(motion, (9.98,))) == ()
    assert len(motion_accents(film(motion, (14.0,)))) == 1


def test_a_peak_that_hardly_stands_out_is_none() -> None:
    motion = np.full(20, 4.0)
    motion[10] = 5.0  # .05 on the logarithmic scale
    assert motion_accents(film(motion)) == ()
    motion[10] = 7.0  # .14
    assert len(motion_accents(film(motion))) == 1


def test_stillness_and_steady_movement_have_no_accents() -> None:
    for level in (0.0, 12.0):
        assert motion_accents(film(np.full(40, level))) == ()
    assert motion_accents(film(np.array([0.0]))) == ()
    assert motion_accents(film(np.zeros(3), (0.1, 1.1, 2.1))) == ()


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 255), min_size=1, max_size=60),
    st.lists(st.floats(0.01, 0.99), max_size=5),
)
def test_accents_lie_in_order_inside_the_clip_away_from_cuts(
    motion: list[float], shares: list[float]
) -> None:
    cuts_s = tuple(sorted(len(motion) * share for share in shares))
    features = film(np.array(motion), cuts_s)
    accents = motion_accents(features)
    times = np.array([accent.time_s for accent in accents])
    assert np.all(np.diff(times) >= MIN_DISTANCE_S)
    assert all(0 <= time_s < features.duration_s for time_s in times)
    assert all(0 < accent.strength <= 1 for accent in accents)
    assert all(abs(time_s - cut_s) > CUT_S for time_s in times for cut_s in cuts_s)
