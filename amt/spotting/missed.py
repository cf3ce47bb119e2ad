"""Sentences on the cuts and hit points that a held tempo misses, and by how many frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from amt.timecode import Timecode
from amt.timing.fit import gather_events
from amt.timing.held import HeldTempo, errors_s
from amt.timing.hits import are_hits
from amt.types import FloatArray, Plan

_MOST_NAMED = 6
"""Moments that a sentence names; more are counted."""


def held_sentences(
    plan: Plan, hits_s: Sequence[float], clock: Timecode, proposed: Sequence[HeldTempo]
) -> Iterator[str]:
    """What the beats of a plan of one tempo miss, and which tempi would miss least.

    Args:
        plan: of the piece.
        hits_s: hit points besides the plan's cuts.
        clock: the timecode of the clip.
        proposed: the tempi that suit the mood and miss least, in order.
    """
    events = gather_events(plan.cuts, plan.grid.duration_s, hits_s)
    times_s = events.times_s[1:-1]
    bpm = float(np.median(plan.grid.tempo_bpm))
    off_s = errors_s(plan.grid, times_s)
    missed = ~are_hits(off_s)
    if not missed.any():
        yield f"at {bpm:g} BPM throughout, a beat falls on each of {len(times_s)} cuts and hits"
        return
    named = _named(times_s[missed], off_s[missed], clock)
    yield (
        f"at {bpm:g} BPM throughout, {missed.sum()} of {len(times_s)} cuts and hits are missed: "
        f"{named}"
    )
    listed = ", ".join(f"{tempo.bpm:g} BPM ({tempo.missed})" for tempo in proposed)
    yield f"of the held tempi that suit the mood, these miss least: {listed}"


def _named(times_s: FloatArray, off_s: FloatArray, clock: Timecode) -> str:
    """Moments with the frames by which the beat is early or late."""
    parts = []
    for time_s, error_s in zip(times_s[:_MOST_NAMED].tolist(), off_s.tolist(), strict=False):
        frames = abs(error_s) * float(clock.rate.fps)
        size = f"{frames:.1f} frames"
        parts.append(f"{clock.label(time_s)} by {size} ({'early' if error_s < 0 else 'late'})")
    more = f" and {len(times_s) - _MOST_NAMED} more" if len(times_s) > _MOST_NAMED else ""
    return ", ".join(parts) + more
