"""Room for speech: softer and thinner music while somebody speaks in the clip's own sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.mood import smooth
from amt.types import FloatArray, TimeSpan

SPEECH_DB = -6.0
"""Decibels by which music is softer under speech."""
SPEECH_DENSITY_FACTOR = 0.6
"""Share of its notes that music keeps under speech."""
RAMP_SIGMA_S = 0.8
"""Standard deviation in seconds of the kernel that smooths the change to and from speech."""


def inside(speech: Sequence[TimeSpan], duration_s: float) -> tuple[TimeSpan, ...]:
    """The parts of stretches that lie inside the music; stretches that touch are one."""
    kept: list[TimeSpan] = []
    for span in sorted(speech):
        start_s, end_s = max(span.start_s, 0.0), min(span.end_s, duration_s)
        if kept and start_s <= kept[-1].end_s:
            kept[-1] = TimeSpan(kept[-1].start_s, max(end_s, kept[-1].end_s))
        elif start_s < end_s:
            kept.append(TimeSpan(start_s, end_s))
    return tuple(kept)


def spoken_share(speech: Sequence[TimeSpan], edges_s: FloatArray) -> FloatArray:
    """Share (0-1) of each stretch between [N + 1] edges in seconds in which somebody speaks."""
    share = np.zeros(len(edges_s) - 1)
    for span in speech:
        share += np.maximum(
            np.minimum(edges_s[1:], span.end_s) - np.maximum(edges_s[:-1], span.start_s), 0.0
        )
    return np.asarray(share / np.maximum(np.diff(edges_s), 1e-9))


def under_speech(
    loudness: FloatArray, density: FloatArray, speech: Sequence[TimeSpan]
) -> tuple[FloatArray, FloatArray]:
    """Loudness [S] and density [S], lowered where somebody speaks.

    Args:
        loudness: RMS of full scale.
        density: notes a second.
        speech: in order, apart from each other.
    """
    if not speech:
        return loudness, density
    seconds = np.arange(len(loudness) + 1, dtype=np.float64)
    share = smooth(spoken_share(speech, seconds), RAMP_SIGMA_S)
    return (
        np.asarray(loudness * 10 ** (SPEECH_DB * share / 20)),
        np.asarray(density * SPEECH_DENSITY_FACTOR**share),
    )
