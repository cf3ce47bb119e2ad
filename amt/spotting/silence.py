"""Where the clip's own sound is silent."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from amt.errors import VideoError
from amt.types import FloatArray
from render.files.clip import Clip
from render.files.clip_sound import decoded_sound, placed_samples
from render.files.source import ClipError

QUIET_DB = -50.0
"""Level in dB of full scale (RMS of a window) below which sound counts as silence: the noise of a
quiet room in a usual recording."""
MIN_QUIET_S = 0.5
"""Seconds that a silence lasts at least: shorter ones lie between words."""
WINDOW_S = 0.02
_RATE = 8000
_BLOCK = int(WINDOW_S * _RATE)


def quiet_spans(path: Path, duration_s: float) -> list[tuple[float, float]]:
    """Start and end in seconds of every silence of a clip's sound; none where it has no sound.

    Args:
        path: the clip.
        duration_s: its length: where the sound ends before, the rest is silent.

    Raises:
        VideoError: the clip cannot be read.
    """
    levels = _levels(path, duration_s)
    if levels is None:
        return []
    quiet = np.concatenate([[False], levels < 10 ** (QUIET_DB / 20), [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8)))
    spans = [(a * WINDOW_S, min(b * WINDOW_S, duration_s)) for a, b in edges.reshape(-1, 2)]
    return [(float(a), float(b)) for a, b in spans if b - a >= MIN_QUIET_S]


def _levels(path: Path, duration_s: float) -> FloatArray | None:
    """RMS of every window of the clip, 0 to 1; None where there is no sound."""
    n_windows = max(1, round(duration_s / WINDOW_S))
    power = np.zeros(n_windows)
    found = False
    try:
        with Clip(path) as clip:
            for first, samples in placed_samples(decoded_sound(clip), _RATE, channels=1):
                found = True
                window = (first + np.arange(samples.shape[1])) // _BLOCK
                inside = (window >= 0) & (window < n_windows)
                squares = samples[0][inside].astype(np.float64) ** 2
                power += np.bincount(window[inside], squares, n_windows)
    except (ClipError, av.FFmpegError) as error:
        raise VideoError(str(error)) from error
    return np.sqrt(power / _BLOCK) if found else None
