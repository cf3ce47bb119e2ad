"""Width and brightness of stereo sound at 44.1 kHz: pure measures.

    python -m experiments.renderer.stereo --soundfont FluidR3_GM.sf2

prints the table by which the neural renderer spreads its sound (render/diffusion/stereo_table.py).

Conventions: a sound is [2, L], left and right; the middle is half their sum, the side half their
difference.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray
from scipy.signal import stft

from render.diffusion.instruments import DRUM_PROGRAM, FAMILIES
from render.score import Note, Part
from render.soundfont.player import SoundfontPlayer, load_player

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


# --- the table of the renderer ----------------------------------------------------------------

_PROBE_PITCHES = 6
_PROBE_S, _HELD_S = 1.6, 0.8
_DRUM_KEYS = (36, 38, 42, 46, 45, 49, 51, 37, 44)


def stereo_table(player: SoundfontPlayer) -> dict[int, tuple[list[float], float]]:
    """Program -> width by octave and level of the high band, as a soundfont plays it alone.

    Each program of :data:`render.diffusion.instruments.FAMILIES` plays single notes over the range
    of its family at several velocities, with the reverb and chorus that the soundfont asks for.
    """
    found = {}
    for family in FAMILIES:
        for program in family.programs:
            is_drum = program == DRUM_PROGRAM
            eighth = (family.highest - family.lowest) // 8
            spread = np.linspace(family.lowest + eighth, family.highest - eighth, _PROBE_PITCHES)
            pitches = _DRUM_KEYS if is_drum else np.rint(spread).astype(int).tolist()
            starts = [0.1 + _PROBE_S * i for i in range(len(pitches))]
            probes = enumerate(zip(starts, pitches, strict=True))
            notes = [Note(at, at + _HELD_S, key, 60 + 10 * (i % 5)) for i, (at, key) in probes]
            change = mido.Message("program_change", program=0 if is_drum else program)
            part = Part(family.name, is_drum, tuple(notes), ((0.0, change),))
            sound = player.play(part, round(RATE * (starts[-1] + _PROBE_S)))
            found[program] = (width_by_octave_db(sound).tolist(), high_band_db(sound))
    return found


def main() -> None:
    """Print the table of :mod:`render.diffusion.stereo_table` as a soundfont gives it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--soundfont", type=Path, required=True)
    args = parser.parse_args()
    for program, (width, high) in stereo_table(load_player("auto", args.soundfont, RATE)).items():
        print(f"    {program}: ({', '.join(f'{db:.0f}' for db in width)}, {high:.0f}),")


if __name__ == "__main__":
    main()
