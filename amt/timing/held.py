"""Tempi held through a whole piece: which of them miss the fewest cuts and hit points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amt.timing.hits import are_hits
from amt.timing.lattice import Events
from amt.types import FloatArray, TimeGrid

STEP_BPM = 0.5
"""Distance of the tempi that are tried: what people set by hand."""
APART = 1.03
"""Least ratio of two tempi that are proposed."""
PROPOSALS = 3
DISTANCE_PRICE = 0.3
"""Price of the squared distance in octaves from the wanted tempo, among tempi that miss as many
events; all that is met is worth 1."""


@dataclass(frozen=True, slots=True)
class HeldTempo:
    """A tempo and what it misses."""

    bpm: float
    missed: int
    """Events on which no beat falls."""
    value: float
    """Share of the worth of all events that is met, less the distance from the wanted tempo."""


def held_tempi(
    events: Events, wanted_bpm: float, bounds_bpm: tuple[float, float], *, may_shift: bool
) -> tuple[HeldTempo, ...]:
    """The tempi that miss the fewest events, in order; at most :data:`PROPOSALS`, and apart.

    The first beat falls on the start, or, where it may be shifted and that is worth more, so that
    a beat falls on the first hit point.

    Args:
        events: cuts and hit points.
        wanted_bpm: the tempo that suits the mood best; of those that miss as many events, the one
            that misses less of their worth and is nearer to it comes first.
        bounds_bpm: slowest and fastest tempo that suits it.
        may_shift: whether there are hit points, for which the first beat may be of another length.
    """
    low, high = np.ceil(bounds_bpm[0] / STEP_BPM), np.floor(bounds_bpm[1] / STEP_BPM)
    tempi = np.arange(low, high + 1) * STEP_BPM
    worth = events.beat_reward + events.downbeat_reward
    times_s = events.times_s[1:-1]
    first_best = times_s[worth == worth.max(initial=0.0)][:1].tolist() if may_shift else []
    phases_s = {0.0, *first_best}
    best: dict[float, HeldTempo] = {}
    for phase_s in sorted(phases_s):
        met = _met(times_s - phase_s, 60 / tempi)
        share = (met * worth).sum(axis=1) / max(float(worth.sum()), 1e-9)
        value = share - DISTANCE_PRICE * np.log2(tempi / wanted_bpm) ** 2
        for bpm, hits, v in zip(tempi.tolist(), met.sum(axis=1).tolist(), value, strict=True):
            tempo = HeldTempo(bpm, len(times_s) - int(hits), float(v))
            if bpm not in best or _rank(tempo) < _rank(best[bpm]):
                best[bpm] = tempo
    chosen: list[HeldTempo] = []
    for tempo in sorted(best.values(), key=_rank):
        if all(max(tempo.bpm, c.bpm) / min(tempo.bpm, c.bpm) >= APART for c in chosen):
            chosen.append(tempo)
    return tuple(chosen[:PROPOSALS])


def _rank(tempo: HeldTempo) -> tuple[int, float, float]:
    """Smaller is better."""
    return tempo.missed, -tempo.value, tempo.bpm


def _met(times_s: FloatArray, beat_s: FloatArray) -> FloatArray:
    """[N, M] 1 where a beat of each of N lengths hits each of M times, else 0."""
    position = times_s / beat_s[:, None]
    return np.where(are_hits((position - np.rint(position)) * beat_s[:, None]), 1.0, 0.0)


def errors_s(grid: TimeGrid, times_s: FloatArray, *, on_downbeats: bool = False) -> FloatArray:
    """[M] seconds from each of M times to the nearest beat, negative where the beat is early.

    Args:
        grid: beats and bars.
        times_s: in seconds.
        on_downbeats: whether only the first beats of bars count.
    """
    beats_s = grid.beats_s[grid.downbeats] if on_downbeats else grid.beats_s
    after = np.searchsorted(beats_s, times_s).clip(0, len(beats_s) - 1)
    distances = [beats_s[i] - times_s for i in (np.maximum(after - 1, 0), after)]
    earlier = np.abs(distances[0]) <= np.abs(distances[1])
    return np.asarray(np.where(earlier, *distances), dtype=np.float64)
