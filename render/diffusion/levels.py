"""The surfaces that the predictor has drawn, as the levels at which a note's source is played."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from render.diffusion.excitation import FloatArray
from render.diffusion.mel import N_FFT, band_hz
from render.diffusion.predictor import AGES_S, RELEASES_S, Predictor
from render.diffusion.tokens import AHEAD_S, NoteTable

_NOISE_SCALE = 1 / N_FFT
"""From the level of a band to the deviation of white noise, roughly: a common factor of all notes,
which the filter corrects."""


@dataclass(frozen=True, slots=True, eq=False)
class LearnedLevels:
    """Levels of the notes of a table, as :class:`render.diffusion.excitation.Levels` asks.

    Attributes:
        table: the notes.
        surface_of: index [n] of each note's surfaces.
        surfaces_partials: float32 [m, ages, N_MELS] natural logs of amplitudes.
        surfaces_noise: float32 [m, ages] natural logs of the noise of all bands together.
        surfaces_release: float32 [m, releases, N_MELS] change of the partials after the release.
        noise_release: float32 [m, releases] and of the noise.
    """

    table: NoteTable
    surface_of: NDArray[np.int64]
    surfaces_partials: NDArray[np.float32]
    surfaces_noise: NDArray[np.float32]
    surfaces_release: NDArray[np.float32]
    noise_release: NDArray[np.float32]

    @classmethod
    def of(cls, predictor: Predictor, table: NoteTable) -> LearnedLevels:
        """Levels of notes; equal notes have one surface."""
        columns = np.stack([table.pitch, table.velocity, table.instrument])
        kinds, index = np.unique(columns, axis=1, return_inverse=True)
        device = next(predictor.parameters()).device
        drawn = predictor.notes(*(torch.from_numpy(row.copy()).to(device) for row in kinds))
        partials, noise, release = (x.float().cpu() for x in drawn[:3])
        power = (2 * noise).exp()
        changed = power[:, -1:] * (2 * release).exp()
        return cls(
            table, index.reshape(-1), partials.numpy(), (power.mean(dim=2).log() / 2).numpy(),
            release.numpy(),
            ((changed.mean(dim=2) / power[:, -1:].mean(dim=2)).log() / 2).numpy(),
        )  # fmt: skip

    def partials(self, note: int, hz: FloatArray, age_s: FloatArray) -> NDArray[np.float32]:
        """Amplitudes [b, K] of a note's partials at K frequencies and b ages."""
        low, share = _bands(tuple(hz.tolist()))
        row = self.surface_of[note]
        held, released = (
            surface[row][:, low] * (1 - share) + surface[row][:, low + 1] * share
            for surface in (self.surfaces_partials, self.surfaces_release)
        )
        # A frame reaches half a window ahead of its middle: what it says of the first moments is
        # how much of the window they fill.
        level = _over(AGES_S, held, np.maximum(age_s, AHEAD_S))
        level += _over(RELEASES_S, released, age_s - self._held_s(note))
        return np.asarray(np.exp(level), np.float32)

    def noise(self, note: int, age_s: FloatArray) -> NDArray[np.float32]:
        """Standard deviation [b] of a note's white noise at b ages, in a unit of its own."""
        row = self.surface_of[note]
        level = _over(AGES_S, self.surfaces_noise[row][:, None], np.maximum(age_s, AHEAD_S))
        level += _over(RELEASES_S, self.noise_release[row][:, None], age_s - self._held_s(note))
        return np.asarray(_NOISE_SCALE * np.exp(level[:, 0]), np.float32)

    def _held_s(self, note: int) -> float:
        return float(self.table.release_s[note] - self.table.onset_s[note])


def _over(
    knots: Sequence[float], values: NDArray[np.float32], at: FloatArray
) -> NDArray[np.float32]:
    """Values [b, K] between the rows of ``values`` [knots, K] at the places ``at`` [b]."""
    place = np.interp(at, knots, np.arange(len(knots)))
    low = np.minimum(place.astype(np.int64), len(knots) - 2)
    share = (place - low).astype(np.float32)[:, None]
    return np.asarray(values[low] * (1 - share) + values[low + 1] * share)


@functools.lru_cache(maxsize=512)
def _bands(hz: tuple[float, ...]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(band below, share of the next) of frequencies."""
    place = np.interp(hz, band_hz().numpy(), np.arange(len(band_hz())))
    low = np.minimum(place.astype(np.int64), len(band_hz()) - 2)
    return low, (place - low).astype(np.float32)
