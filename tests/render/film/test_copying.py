from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from render.film.copying import Coded, plan_copy

packets = st.lists(
    st.builds(Coded, st.integers(-1000, 100_000), st.booleans(), st.booleans()), min_size=1
).filter(lambda found: any(packet.shown for packet in found))


@given(packets)
def test_decoding_times_rise_and_none_is_late(found):
    plan = plan_copy(found, 200_000)
    assert all(a < b for a, b in zip(plan.dts, plan.dts[1:], strict=False))
    assert all(dts <= pts for dts, pts in zip(plan.dts, plan.pts, strict=True))
    assert all(duration >= 0 for duration in plan.durations)


@given(packets)
def test_shown_pictures_keep_their_times_and_others_lie_before_zero_or_are_reported(found):
    plan = plan_copy(found, 200_000)
    taken = found[plan.first : plan.first + len(plan.pts)]
    start = min(packet.pts for packet in found if packet.shown)
    for packet, pts in zip(taken, plan.pts, strict=True):
        if packet.shown:
            assert pts == packet.pts
        elif packet.pts < start:
            assert pts < 0
    assert {p for p in found if p.shown} <= set(taken)
    assert plan.hidden_later == any(not p.shown and p.pts >= start for p in taken)


def test_packets_that_nothing_shown_needs_are_left_out():
    found = [Coded(pts, pts >= 30, pts % 20 == 0) for pts in range(0, 60, 10)]
    plan = plan_copy([*found, Coded(60, False, False)], 60)
    assert plan.first == 2
    assert list(plan.pts) == [-1, 30, 40, 50]
    assert list(plan.durations)[1:] == [10, 10, 10]
    assert plan.lead_in and not plan.hidden_later
