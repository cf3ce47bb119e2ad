"""Sentences on the cuts and hit points that the beats of a plan miss, and by how many frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from amt.options import TempoMap
from amt.options.music import MAX_BPM, MIN_BPM
from amt.timecode import Timecode
from amt.timing.fit import EXACT_S, gather_events
from amt.timing.held import errors_s, held_tempi
from amt.timing.hits import are_hits
from amt.types import FloatArray, Plan

_MOST_NAMED = 6
"""Moments that a sentence names; more are counted."""


def missed_sentences(
    plan: Plan, hits_s: Sequence[float], clock: Timecode, tempo_map: TempoMap
) -> Iterator[str]:
    """What the beats of a plan miss: hit points in any case, cuts where one tempo is held.

    Args:
        plan: of the piece.
        hits_s: moments that should fall on a downbeat.
        clock: the timecode of the clip.
        tempo_map: as the user asked; ``fixed`` names the tempi that miss least, too.
    """
    frame_s = float(1 / clock.rate.fps)
    asked_s = np.array([h for h in sorted(hits_s) if h < plan.grid.duration_s], dtype=np.float64)
    off_s = errors_s(plan.grid, asked_s, on_downbeats=True)
    far = np.abs(off_s) > max(frame_s / 2, EXACT_S)
    if far.any():
        named = _named(asked_s[far], off_s[far], clock)
        yield f"no downbeat falls on {far.sum()} of {len(asked_s)} hit points: {named}"
    if tempo_map == "fixed":
        yield from _held_sentences(plan, hits_s, clock)


def _held_sentences(plan: Plan, hits_s: Sequence[float], clock: Timecode) -> Iterator[str]:
    """What a held tempo misses, and which ones miss least."""
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
    bounds = (MIN_BPM, MAX_BPM)
    tempi = held_tempi(events, bpm, bounds, may_shift=bool(hits_s))
    listed = ", ".join(f"{tempo.bpm:g} BPM ({tempo.missed})" for tempo in tempi)
    yield f"held tempi that miss least near it: {listed}"


def _named(times_s: FloatArray, off_s: FloatArray, clock: Timecode) -> str:
    """Moments with the frames by which the beat is early or late."""
    parts = []
    for time_s, error_s in zip(times_s[:_MOST_NAMED].tolist(), off_s.tolist(), strict=False):
        frames = abs(error_s) * float(clock.rate.fps)
        size = f"{frames:.1f} frames"
        parts.append(f"{clock.label(time_s)} by {size} ({'early' if error_s < 0 else 'late'})")
    more = f" and {len(times_s) - _MOST_NAMED} more" if len(times_s) > _MOST_NAMED else ""
    return ", ".join(parts) + more
