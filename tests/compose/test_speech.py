"""Loudness and density under speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amt.compose.speech import inside, spoken_share, under_speech
from amt.types import TimeSpan

spans = st.lists(
    st.tuples(st.floats(-5, 40), st.floats(0.1, 20)).map(lambda p: TimeSpan(p[0], p[0] + p[1])),
    max_size=6,
)


@given(spans)
def test_what_lies_inside_the_music_is_in_order_and_apart(found):
    kept = inside(found, 30.0)
    edges = [time_s for span in kept for time_s in (span.start_s, span.end_s)]
    assert edges == sorted(edges)
    assert all(0 <= time_s <= 30 for time_s in edges)
    at = np.linspace(0.001, 29.999, 500)
    assert [any(s.start_s <= t <= s.end_s for s in kept) for t in at] == [
        any(s.start_s <= t <= s.end_s for s in found) for t in at
    ]


def test_music_is_softer_and_thinner_under_speech_and_as_before_elsewhere():
    loudness, density = np.full(30, 0.1), np.full(30, 8.0)
    softer, thinner = under_speech(loudness, density, (TimeSpan(10, 20),))
    assert 20 * np.log10(softer[15] / 0.1) == pytest.approx(-6, abs=0.1)
    assert thinner[15] <= 0.65 * 8
    np.testing.assert_allclose(softer[[*range(7), *range(23, 30)]], 0.1, rtol=0.01)
    assert (np.abs(np.diff(20 * np.log10(softer))) < 4).all()


def test_without_speech_nothing_changes():
    curve = np.array([0.1, 0.2])
    assert under_speech(curve, curve, ()) == (curve, curve)


def test_the_share_of_a_stretch():
    share = spoken_share((TimeSpan(0.5, 2.0),), np.array([0.0, 1.0, 2.0, 4.0]))
    np.testing.assert_allclose(share, [0.5, 1.0, 0.0])
