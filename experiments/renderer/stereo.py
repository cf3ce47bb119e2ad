"""Width and brightness of stereo sound at 44.1 kHz: pure measures.

Conventions: a sound is [2, L], left and right; the middle is half their sum, the side half their
difference.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import stft

RATE = 44_100
OCTAVES = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Centres in Hz of the octaves in which width is measured."""
NETWORK_TOP_HZ = 12_000.0
"""Highest frequency that the neural network computes; what is above is filled in."""
_TOP_HZ = 18_000.0
_AUDIBLE_DB = 60.0
_LEAST = 1e-12
_WINDOW = 2048


def powers(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power of middle and side by bin and frame: [2, F, T], of audible frames only."""
    middle = (sound[0] + sound[1]) / 2
    side = (sound[0] - sound[1]) / 2
    spectra = stft(np.stack([middle, side]), RATE, nperseg=_WINDOW)[2]
    power = np.abs(spectra).astype(np.float64) ** 2
    level = power.sum(axis=(0, 1))
    return np.asarray(power[:, :, level > level.max() * 10 ** (-_AUDIBLE_DB / 10)])


def side_to_mid_db(sound: NDArray[np.float32]) -> float:
    """Power of the side over that of the middle in dB; minus infinity for mono is -120."""
    middle, side = (np.square(part, dtype=np.float64).sum() for part in
                    (sound[0] + sound[1], sound[0] - sound[1]))  # fmt: skip
    return _db(float(side), float(middle))


def correlation(sound: NDArray[np.float32]) -> float:
    """Correlation of left and right at equal times, -1 to 1; 1 for mono, NaN for silence."""
    left, right = sound.astype(np.float64)
    norm = math.sqrt(float((left**2).sum() * (right**2).sum()))
    return float((left * right).sum()) / norm if norm else math.nan


def width_by_octave_db(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power of the side over that of the middle in the octaves :data:`OCTAVES`, in dB."""
    power = powers(sound).sum(axis=2)
    hz = np.arange(power.shape[1]) * RATE / _WINDOW
    found = []
    for centre in OCTAVES:
        inside = (hz >= centre / math.sqrt(2)) & (hz < centre * math.sqrt(2))
        middle, side = power[:, inside].sum(axis=1).tolist()
        found.append(_db(side, middle))
    return np.array(found)


def high_band_db(sound: NDArray[np.float32]) -> float:
    """Power between 12 and 18 kHz over that of the octave below 12 kHz, in dB, at least -120."""
    power = powers(sound).sum(axis=(0, 2))
    hz = np.arange(len(power)) * RATE / _WINDOW
    above = power[(hz >= NETWORK_TOP_HZ) & (hz < _TOP_HZ)].sum()
    below = power[(hz >= NETWORK_TOP_HZ / 2) & (hz < NETWORK_TOP_HZ)].sum()
    return _db(float(above), float(below))


def _db(above: float, below: float) -> float:
    if not below:
        return math.nan
    return 10 * math.log10(max(above / below, _LEAST))
