"""Drawing the spectrogram of a bus, window by window, over any length.

A window of W frames begins with the last C frames that were drawn before it, which the denoiser
continues if that is asked for, and draws once more if not. Its last R frames, which know nothing of
the sound that follows, are drawn again by the next window, and one gives way to the other over them
(overlap and add, of logarithms). Before the piece there is silence, a context like any other.

The noise of a frame is a function of the seed and the frame alone, so a window draws the frames it
shares with the next from the same noise, and a frame sounds the same however the stream is read.
Frames in which nothing is played and nothing rings are silence and cost nothing; what still rings
in the second window after the last note is faded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from render.diffusion.denoiser import MAX_STEPS, PATCH, Denoiser, Given
from render.diffusion.mel import FRAME_RATE, N_MELS, SILENCE
from render.diffusion.tokens import AHEAD_S, TAIL_S, FrameNotes, NoteTable, frame_notes
from render.errors import EngineError

CONTEXT = 64
"""C: frames of a window that lie before what it adds, and may be given."""
NEW = 176
"""Frames that a window adds: 1.88 s."""
MARGIN_FRAMES = 16
"""R"""
WINDOW = CONTEXT + NEW + MARGIN_FRAMES
"""W: 2.73 s, the length on which the denoiser is trained."""
TIME_POWER = 3
"""Steps are short at the beginning, where the notes decide what there will be."""
_BLOCK = 16
"""Frames whose noise is drawn at once."""
_QUIET = SILENCE + 0.1
"""Context in which no band is above this rings no more."""

assert NEW % _BLOCK == CONTEXT % _BLOCK == WINDOW % PATCH == 0


@dataclass(frozen=True)
class SamplerOptions:
    """How a spectrogram is drawn.

    Attributes:
        steps: evaluations of the denoiser a window, 1 to 20; twice that with guidance.
        guidance: 1 follows the notes as learned, more overstates what they ask for (classifier-free
            guidance, Ho & Salimans 2022); 1 to 10.
        seed: of the noise, 0 or more.
        heun: use Heun's second-order steps, of which each but the last takes two evaluations
            (Karras et al. 2022); ``steps``, which counts evaluations, must then be odd.
        continued: give each window the frames before it as context. The networks that ship grow
            louder by some dB after a context of their own drawing, which is heard as pumping; the
            notes with their ages tell as much, so that nothing is lost without.
    """

    steps: int = 1
    guidance: float = 1.0
    seed: int = 0
    heun: bool = False
    continued: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise EngineError(f"{self.steps} steps were asked for: choose 1 to {MAX_STEPS}")
        if self.heun and self.steps % 2 == 0:
            raise EngineError(
                f"{self.steps} steps were asked for, but Heun's method takes two evaluations a "
                "step and one for the last: choose an odd number"
            )
        if not (math.isfinite(self.guidance) and 1 <= self.guidance <= 10):
            raise EngineError(f"guidance {self.guidance} was asked for: choose 1 to 10")
        if self.seed < 0:
            raise EngineError(f"seed {self.seed} was asked for: choose 0 or more")


@torch.inference_mode()
def draw(
    denoiser: Denoiser, table: NoteTable, options: SamplerOptions, bus: int = 0
) -> Iterator[Tensor]:
    """Spectrogram of a bus from the beginning of the piece until its last note has died away.

    Args:
        denoiser: in evaluation mode, on the device on which to work.
        table: the notes of the bus.
        options: how to draw.
        bus: number of the bus, which draws noise of its own.

    Yields:
        Normalised log-mel [N_MELS, NEW] after [N_MELS, NEW], on the denoiser's device.
    """
    device = next(denoiser.parameters()).device
    silence = torch.full((N_MELS, NEW), SILENCE, device=device)
    context = silence[:, :CONTEXT]
    # Faded before the context of the next window, which shall not ring again.
    fade = torch.arange(1, NEW + 1, device=device).div(NEW - CONTEXT).clamp(max=1)
    turn = torch.arange(1, MARGIN_FRAMES + 1, device=device) / (MARGIN_FRAMES + 1)
    margin: Tensor | None = None  # what the window before drew of this one's first frames
    rested = True  # nothing was told in the window before
    near = _Near(table)
    for start in range(0, math.ceil(table.end_s * FRAME_RATE), NEW):
        notes = frame_notes(near.notes(start - CONTEXT, WINDOW), start - CONTEXT, WINDOW)
        rests = not len(notes.frame)
        if rests and float(context.max()) < _QUIET:
            drawn, margin = silence, None
        else:
            noise = _noise(options.seed, bus, start - CONTEXT, WINDOW).to(device)
            window = _draw_window(denoiser, notes.to(device), context, noise, options)
            drawn, after = window[:, CONTEXT:].clamp(min=SILENCE).tensor_split([NEW], dim=1)
            if margin is not None:
                joined = torch.lerp(margin, drawn[:, :MARGIN_FRAMES], turn)
                drawn = torch.cat([joined, drawn[:, MARGIN_FRAMES:]], dim=1)
            margin = after
            if rests and rested:  # what rings on for so long is taken away
                drawn = torch.lerp(drawn, silence, fade)
        yield drawn
        context, rested = drawn[:, -CONTEXT:], rests


class _Near:
    """Finds the notes near a window in a time that does not grow with the piece."""

    def __init__(self, table: NoteTable) -> None:
        self._table = table
        self._latest_s = np.maximum.accumulate(table.release_s)

    def notes(self, first: int, n_frames: int) -> NoteTable:
        """All notes that are told in ``n_frames`` frames from ``first`` on, and perhaps others."""
        told_s = first / FRAME_RATE - TAIL_S, (first + n_frames) / FRAME_RATE + AHEAD_S
        low = int(np.searchsorted(self._latest_s, told_s[0]))
        high = int(np.searchsorted(self._table.onset_s, told_s[1], side="right"))
        near = slice(low, max(low, high))
        table = self._table
        return NoteTable(
            table.onset_s[near], table.release_s[near], table.pitch[near], table.velocity[near],
            table.instrument[near],
        )  # fmt: skip


def _draw_window(
    denoiser: Denoiser, notes: FrameNotes, context: Tensor, noise: Tensor, options: SamplerOptions
) -> Tensor:
    """[N_MELS, W] spectrogram of a window that begins with ``context`` [N_MELS, C]."""
    known = torch.zeros(1, WINDOW, device=noise.device)
    known[:, :CONTEXT] = float(options.continued)
    whole = torch.zeros_like(noise)
    whole[:, :CONTEXT] = context
    given = denoiser.give(notes, whole[None], known)
    x = noise[None]
    n_steps = (options.steps + 1) // 2 if options.heun else options.steps
    times = [(i / n_steps) ** TIME_POWER for i in range(n_steps + 1)]
    for now, then in pairwise(times):
        slope = _velocity(denoiser, x, now, given, options.guidance)
        ahead = x + (then - now) * slope
        if options.heun and then < 1:
            after = _velocity(denoiser, ahead, then, given, options.guidance)
            ahead = x + (then - now) * (slope + after) / 2
        x = ahead
    return x[0]


def _velocity(denoiser: Denoiser, x: Tensor, time: float, given: Given, guidance: float) -> Tensor:
    at = torch.full((1,), time, device=x.device)
    if guidance == 1:
        velocity: Tensor = denoiser(x, at, given)
        return velocity
    both = Given(*(torch.cat(pair) for pair in zip(given, denoiser.untold(given), strict=True)))
    told, untold = denoiser(x.expand(2, -1, -1), at.expand(2), both).chunk(2)
    guided: Tensor = untold + guidance * (told - untold)
    return guided


def _noise(seed: int, bus: int, first: int, n_frames: int) -> Tensor:
    """Standard normal float32 [N_MELS, n_frames]; the same for a frame whichever the first is."""
    low, high = first // _BLOCK, -(-(first + n_frames) // _BLOCK)
    # Frames before the piece have negative numbers, which a seed may not.
    blocks = [
        np.random.default_rng([seed, bus, block + CONTEXT]).standard_normal(
            (N_MELS, _BLOCK), dtype=np.float32
        )
        for block in range(low, high)
    ]
    offset = first - low * _BLOCK
    return torch.from_numpy(np.concatenate(blocks, axis=1)[:, offset : offset + n_frames])
