"""Moments inside a shot that the music may stress: peaks of movement.

Motion is known once a second (:mod:`amt.features.motion`), so an accent is as exact as that; the
arranger plays it on the nearest beat.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks, peak_prominences

from amt.features.motion import log_motion
from amt.types import Accent, FloatArray, VideoFeatures

MIN_PROMINENCE = 0.08
"""How far a peak must stand out from both sides, on the scale of :func:`log_motion`."""
FULL_PROMINENCE = 0.4
"""A peak that stands out so far has strength 1."""
MIN_DISTANCE_S = 2
"""Of two peaks nearer to each other the higher one counts."""
CUT_S = 1.0
"""A peak this near to a cut belongs to the cut."""


def motion_accents(features: VideoFeatures) -> tuple[Accent, ...]:
    """The peaks of movement of a clip, away from its cuts.

    A peak is a local maximum of :func:`log_motion`; its prominence (the lesser of
    its two drops to higher ground, as in topography) is its strength.
    """
    level = _inside_shots(features)
    peaks, _ = find_peaks(level, distance=MIN_DISTANCE_S)
    prominences = peak_prominences(level, peaks)[0]
    return tuple(
        Accent(float(second), min(1.0, float(prominence) / FULL_PROMINENCE))
        for second, prominence in zip(peaks, prominences, strict=True)
        if prominence >= MIN_PROMINENCE
        and all(abs(second - cut.time_s) > CUT_S for cut in features.cuts)
    )


def _inside_shots(features: VideoFeatures) -> FloatArray:
    """[S] motion on the logarithmic scale; seconds that a cut disturbs are bridged."""
    seconds = np.arange(features.seconds)
    times_s = np.array([cut.time_s for cut in features.cuts]).reshape(1, -1)
    # The pair of a second lies at its start; second 0 has none.
    disturbed = (np.abs(seconds[:, None] - times_s) < CUT_S / 2).any(axis=1) | (seconds == 0)
    level = log_motion(features.motion)
    if disturbed.all():
        return np.zeros(features.seconds)
    return np.asarray(np.interp(seconds, seconds[~disturbed], level[~disturbed]))
