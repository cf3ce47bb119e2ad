"""Sampling the spectrogram of a bus in any window of frames.

A window is computed with as many frames on each side as its frames depend on, which are dropped.
So windows fit each other without a crossfade, whatever their length, and no state is kept between
them. The noise of a frame is a function of the seed, the bus and the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from render.diffusion.denoiser import MAX_STEPS, texture
from render.diffusion.mel import FRAME_RATE, N_MELS, SILENCE
from render.diffusion.tokens import AHEAD_S, TAIL_S, NoteTable, collate, frame_notes
from render.diffusion.weights import Renderer
from render.errors import EngineError

_NOISE_FRAMES = 16
"""Frames whose noise is drawn with one generator."""
_FIRST_BLOCK = 2**20
"""Added to the number of a block of noise, as those before the piece have negative numbers."""


@dataclass(frozen=True)
class SamplerOptions:
    """How a spectrogram is sampled.

    Attributes:
        steps: evaluations of networks for a window, 1 to 20: the first is the predictor, whose mean
            is played with 1 step; the others draw texture that the mean lacks.
        seed: of the noise, 0 or more.

    Raises:
        EngineError: a value is outside its range.
    """

    steps: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise EngineError(f"{self.steps} steps were asked for: choose 1 to {MAX_STEPS}")
        if self.seed < 0:
            raise EngineError(f"seed {self.seed} was asked for: choose 0 or more")


class Spectra(NamedTuple):
    """What a bus shall sound like in T frames."""

    mel: Tensor
    """float [N_MELS, T] normalised log-mel."""
    noise: Tensor
    """float [N_MELS, T] that of the noise of its notes alone."""


@torch.inference_mode()
def sample(
    renderer: Renderer,
    table: NoteTable,
    first: int,
    n_frames: int,
    options: SamplerOptions,
    bus: int = 0,
) -> Spectra:
    """Sample ``n_frames`` frames of a bus from frame ``first`` on, which may be negative.

    Args:
        renderer: on the device to use.
        table: the notes of the bus; :func:`notes_near` leaves out the others.
        first: frame, counted from the start of the piece.
        n_frames: number of frames.
        options: how to sample.
        bus: index of the bus; each has noise of its own.
    """
    device = next(renderer.predictor.parameters()).device
    drawn_from = (options.steps - 1) * renderer.denoiser.config.reach
    margin = renderer.predictor.config.reach + drawn_from
    start, length = first - margin, n_frames + 2 * margin
    notes = collate([frame_notes(table, start, length)], length).to(device)
    mel, _, noise = renderer.predictor(notes, 1, length)
    if options.steps > 1:
        x = _noise(options.seed, bus, start, length)[None].to(device)
        mel = mel + texture(renderer.denoiser, mel, noise, x, options.steps - 1)
    inner = slice(margin, margin + n_frames)
    return Spectra(*(x[0, :, inner].clamp(min=SILENCE) for x in (mel, noise)))


class NotesNearby:
    """Finds the notes near a window in a time that does not grow with the piece.

    Args:
        table: all notes.
    """

    def __init__(self, table: NoteTable) -> None:
        self._table = table
        self._latest_s = np.maximum.accumulate(table.release_s)

    def notes(self, first: int, n_frames: int) -> NoteTable:
        """All notes active in ``n_frames`` frames from ``first`` on, and no note that is not."""
        table = self._table
        start_s = first / FRAME_RATE - TAIL_S
        stop_s = (first + n_frames) / FRAME_RATE + AHEAD_S
        low = int(np.searchsorted(self._latest_s, start_s))
        high = int(np.searchsorted(table.onset_s, stop_s, side="right"))
        near = low + np.flatnonzero(table.release_s[low : max(low, high)] >= start_s)
        return NoteTable(
            table.onset_s[near], table.release_s[near], table.pitch[near], table.velocity[near],
            table.instrument[near],
        )  # fmt: skip


def _noise(seed: int, bus: int, first: int, n_frames: int) -> Tensor:
    """Standard normal float32 [N_MELS, n_frames] of the frames from ``first`` on.

    The noise of a frame does not depend on ``first``.
    """
    low, high = first // _NOISE_FRAMES, -(-(first + n_frames) // _NOISE_FRAMES)
    blocks = [
        np.random.default_rng([seed, bus, block + _FIRST_BLOCK]).standard_normal(
            (N_MELS, _NOISE_FRAMES), dtype=np.float32
        )
        for block in range(low, high)
    ]
    offset = first - low * _NOISE_FRAMES
    return torch.from_numpy(np.concatenate(blocks, axis=1)[:, offset : offset + n_frames])
