"""Beats and bars of a performance, from its notes alone.

Beats: onsets are taken for draws from a density over the phase of the beat, with peaks on the beat,
its half, its quarters and its thirds (:data:`PHASE_WEIGHTS`, as they are in POP909), each as wide
as the timing of a performer. The beats that make the onsets likeliest, less what changes of tempo
cost, are found by dynamic programming over (time, length of the last beat): a semi-Markov form of
the bar pointer model (Whiteley et al. 2006; Krebs et al. 2015) that scores a beat with all that
begins in it, where the programme of Ellis (2007) looks at its edge alone.

Bars: of all metres and phases, the one on whose downbeats most chords change and most bass enters.

On 40 s of each of 28 songs of POP909, kept apart from those that the weights were tried on, the
F-measure of beats at 70 ms is .83, and .96 if half and double the tempo count as right; where the
tempo is right, that of downbeats is .80, and no song of four beats a bar is taken for one of three.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from amt.types import FloatArray, IntArray
from data_prep.viterbi import best_segments

FRAME_S = 0.01
SLOWEST_BPM, FASTEST_BPM = 50.0, 170.0

PHASE_WEIGHTS = {0: 0.40, 6: 0.26, 3: 0.11, 9: 0.13, 4: 0.02, 8: 0.02}
"""Twelfth of a beat -> share of onsets there; the rest is anywhere."""
_SPREAD_S = 0.02
"""Standard deviation of onsets about the place that they mean."""
_MEDIAN_BPM, _OCTAVES = 105.0, 0.45
"""Tempi are log-normal about this one, with this standard deviation in octaves."""
_TEMPO_WEIGHT = 0.4
"""Weight of that belief at each beat."""
_CHANGE_COST = 30.0
"""Nats that a beat costs for each unit that the logarithm of its length differs from the last."""

_MOST_EVIDENCE = 2.0
"""Of the onsets of one frame, in notes of usual velocity."""

METRES = (4, 3)
_ACCENT_WEIGHT = 0.125
_CLEARLY = 1.25
"""What 3 beats must gain of what 4 do, in evidence."""
_SIGNIFICANT = 2.5
"""What they must gain in standard errors: little evidence falls on some phase as well."""


def track_beats(onsets_s: FloatArray, strengths: FloatArray) -> FloatArray:
    """Times [B + 1] in seconds of the beats and of the end of the last.

    The first beat begins at or before the first onset, and the last one ends after the last.

    Args:
        onsets_s: [n] at least one, of any order.
        strengths: [n] weight of each as evidence, about 1.
    """
    lengths, change, prior = _tempi()
    longest = int(lengths[-1])
    first_s = float(onsets_s.min()) - longest * FRAME_S
    frames = np.rint((onsets_s - first_s) / FRAME_S).astype(np.int64)
    evidence = np.bincount(frames, strengths, minlength=int(frames.max()) + 2 * longest + 1)
    # The keys of one chord are little more evidence than one of them.
    evidence = np.minimum(evidence, _MOST_EVIDENCE)
    gain = sliding_window_view(evidence, longest) @ _kernels().T + prior
    beats = best_segments(gain, lengths, change, len(evidence), int(frames.max()))
    return np.asarray(first_s + FRAME_S * beats, dtype=np.float64)


@cache
def _tempi() -> tuple[IntArray, FloatArray, FloatArray]:
    """Lengths [L] of beats in frames; cost [L, L] of one after another; belief [L] in each."""
    shortest, longest = (round(60 / bpm / FRAME_S) for bpm in (FASTEST_BPM, SLOWEST_BPM))
    lengths = np.arange(shortest, longest + 1)
    logs = np.log(lengths)
    change = _CHANGE_COST * np.abs(logs[:, None] - logs)
    octaves = np.log2(60 / (lengths * FRAME_S) / _MEDIAN_BPM) / _OCTAVES
    return lengths, change, -0.5 * _TEMPO_WEIGHT * octaves**2


@cache
def _kernels() -> FloatArray:
    """Log density [L, longest] of onsets in each frame of a beat, over that of onsets anywhere."""
    lengths, _, _ = _tempi()
    kernels = np.zeros((len(lengths), int(lengths[-1])))
    for row, length in zip(kernels, lengths.tolist(), strict=True):
        frames = np.arange(length)
        density = np.full(length, 1.0 - sum(PHASE_WEIGHTS.values()))
        for position, weight in PHASE_WEIGHTS.items():
            away = (frames - position * length / 12 + length / 2) % length - length / 2
            peak = np.exp(-0.5 * (away * FRAME_S / _SPREAD_S) ** 2)
            density += weight * peak * length / peak.sum()
        row[:length] = np.log(density)
    return kernels


def track_bars(
    changes: NDArray[np.bool_], bass: FloatArray, accents: FloatArray
) -> tuple[int, ...]:
    """Beats of each bar, of one metre: 4, or 3 where that is clearly better.

    The first and the last bar may be shorter.

    Args:
        changes: [B] whether the chord changes on each beat.
        bass: [B] 0-1 how much bass enters on it.
        accents: [B] about 1, how strong what begins on it is.
    """
    evidence = changes + bass + _ACCENT_WEIGHT * accents
    found = {}
    for metre in METRES:
        if len(evidence) < metre:
            return (len(evidence),)
        by_phase = [float(evidence[phase::metre].mean()) for phase in range(metre)]
        found[metre] = (max(by_phase) - float(np.mean(by_phase)), int(np.argmax(by_phase)))
    four, three = METRES
    error = float(evidence.std()) * (three / len(evidence)) ** 0.5
    gain = found[three][0]
    metre = three if gain > max(_CLEARLY * found[four][0], _SIGNIFICANT * error) else four
    edges = np.unique([0, *range(found[metre][1], len(evidence), metre), len(evidence)])
    return tuple(np.diff(edges).tolist())
