"""Sampling the spectrogram of a bus window by window, over any length.

Windows of W frames follow each other at a hop of H frames. A window begins C frames before the ones
that it adds, since the network was trained with that much context; they are sampled again and
dropped. The last R frames of a window are sampled again by the next one, and the two are
crossfaded (overlap-add of log magnitudes).

In training the C frames could be given; here they never are. After a context of their own samples
the published networks grow louder by some dB from window to window, and the ages of the notes carry
the same information.

The noise of a frame is a function of the seed, the bus and the frame, so overlapping windows start
from the same noise, and the result does not depend on how the stream is read. Frames in which no
note is active and nothing decays any more are silence and cost nothing; what still sounds in the
second window after the last note is faded out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from render.diffusion.denoiser import MAX_STEPS, PATCH, Conditioning, Denoiser
from render.diffusion.mel import FRAME_RATE, N_MELS, SILENCE
from render.diffusion.tokens import AHEAD_S, TAIL_S, FrameNotes, NoteTable, frame_notes
from render.errors import EngineError

CONTEXT_FRAMES = 64
"""C: frames of a window before those that it adds."""
HOP_FRAMES = 176
"""H: frames that a window adds, 1.88 s."""
OVERLAP_FRAMES = 16
"""R: frames over which a window is crossfaded with the next."""
WINDOW_FRAMES = CONTEXT_FRAMES + HOP_FRAMES + OVERLAP_FRAMES
"""W: 2.73 s, the length on which the denoiser is trained."""
TIME_POWER = 3
"""Step i of N ends at t = (i / N)^TIME_POWER: steps are short near the noise, where the notes
determine the coarse spectrogram."""

_MAX_GUIDANCE = 10.0
_NOISE_FRAMES = 16
"""Frames whose noise is drawn with one generator."""
_DECAYED = SILENCE + 0.1
"""Normalised log-mel below which a sound has decayed; 2 dB above silence."""

assert HOP_FRAMES % _NOISE_FRAMES == CONTEXT_FRAMES % _NOISE_FRAMES == WINDOW_FRAMES % PATCH == 0


@dataclass(frozen=True)
class SamplerOptions:
    """How a spectrogram is sampled.

    Attributes:
        steps: Euler steps of the flow in a window, 1 to 20; each evaluates the denoiser once, or
            twice with guidance.
        guidance: scale of classifier-free guidance (Ho & Salimans 2022), 1 to 10: 1 follows the
            notes as trained, more exaggerates them.
        seed: of the noise, 0 or more.

    Raises:
        EngineError: a value is outside its range.
    """

    steps: int = 1
    guidance: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise EngineError(f"{self.steps} steps were asked for: choose 1 to {MAX_STEPS}")
        if not (math.isfinite(self.guidance) and 1 <= self.guidance <= _MAX_GUIDANCE):
            raise EngineError(
                f"guidance {self.guidance} was asked for: choose 1 to {_MAX_GUIDANCE:.0f}"
            )
        if self.seed < 0:
            raise EngineError(f"seed {self.seed} was asked for: choose 0 or more")


@torch.inference_mode()
def sample_mel(
    denoiser: Denoiser, table: NoteTable, options: SamplerOptions, bus: int = 0
) -> Iterator[Tensor]:
    """Sample the spectrogram of a bus, from the start of the piece until its last note has decayed.

    Args:
        denoiser: in evaluation mode, on the device to use.
        table: the notes of the bus.
        options: how to sample.
        bus: index of the bus; each has noise of its own.

    Yields:
        Normalised log-mel [N_MELS, HOP_FRAMES] on the denoiser's device.
    """
    device = next(denoiser.parameters()).device
    silence = torch.full((N_MELS, HOP_FRAMES), SILENCE, device=device)
    # The fade ends before the context of the next window, so that the sound has decayed there.
    fade = torch.arange(1, HOP_FRAMES + 1, device=device).div(HOP_FRAMES - CONTEXT_FRAMES)
    fade = fade.clamp(max=1)
    context = silence[:, :CONTEXT_FRAMES]
    overlap: Tensor | None = None  # the previous window's version of this one's first frames
    was_rest = True
    nearby = _NotesNearby(table)
    for start in range(0, math.ceil(table.end_s * FRAME_RATE), HOP_FRAMES):
        first = start - CONTEXT_FRAMES
        notes = frame_notes(nearby.notes(first, WINDOW_FRAMES), first, WINDOW_FRAMES)
        is_rest = not len(notes.frame)
        if is_rest and float(context.max()) < _DECAYED:
            mel, overlap = silence, None
        else:
            noise = _noise(options.seed, bus, first, WINDOW_FRAMES).to(device)
            window = _sample_window(denoiser, notes.to(device), noise, options)
            mel, overlap = _joined(overlap, window[:, CONTEXT_FRAMES:].clamp(min=SILENCE))
            if is_rest and was_rest:
                mel = torch.lerp(mel, silence, fade)
        yield mel
        context, was_rest = mel[:, -CONTEXT_FRAMES:], is_rest


def _joined(overlap: Tensor | None, window: Tensor) -> tuple[Tensor, Tensor]:
    """Frames [N_MELS, H] that a window adds, crossfaded with its predecessor, and its overlap [R].

    Args:
        overlap: [N_MELS, R] the previous window's last frames, if there is one.
        window: [N_MELS, H + R] the frames of a window after its context.
    """
    mel, after = window.tensor_split([HOP_FRAMES], dim=1)
    if overlap is None:
        return mel, after
    share = torch.arange(1, OVERLAP_FRAMES + 1, device=mel.device) / (OVERLAP_FRAMES + 1)
    crossfaded = torch.lerp(overlap, mel[:, :OVERLAP_FRAMES], share)
    return torch.cat([crossfaded, mel[:, OVERLAP_FRAMES:]], dim=1), after


class _NotesNearby:
    """Finds the notes near a window in a time that does not grow with the piece."""

    def __init__(self, table: NoteTable) -> None:
        self._table = table
        self._latest_s = np.maximum.accumulate(table.release_s)

    def notes(self, first: int, n_frames: int) -> NoteTable:
        """All notes active in ``n_frames`` frames from ``first`` on, and perhaps others."""
        table = self._table
        start_s = first / FRAME_RATE - TAIL_S
        stop_s = (first + n_frames) / FRAME_RATE + AHEAD_S
        low = int(np.searchsorted(self._latest_s, start_s))
        high = int(np.searchsorted(table.onset_s, stop_s, side="right"))
        near = slice(low, max(low, high))
        return NoteTable(
            table.onset_s[near], table.release_s[near], table.pitch[near], table.velocity[near],
            table.instrument[near],
        )  # fmt: skip


def _sample_window(
    denoiser: Denoiser, notes: FrameNotes, noise: Tensor, options: SamplerOptions
) -> Tensor:
    """Spectrogram [N_MELS, W] of a window, from noise [N_MELS, W]."""
    x = noise[None]
    none_given = torch.zeros(1, WINDOW_FRAMES, device=noise.device)
    cond = denoiser.condition(notes, torch.zeros_like(x), none_given)
    times = [(i / options.steps) ** TIME_POWER for i in range(options.steps + 1)]
    for now, then in pairwise(times):
        x = x + (then - now) * _velocity(denoiser, x, now, cond, options.guidance)
    return x[0]


def _velocity(
    denoiser: Denoiser, x: Tensor, time: float, cond: Conditioning, guidance: float
) -> Tensor:
    """Velocity [1, N_MELS, W] of the flow, with classifier-free guidance unless its scale is 1."""
    at = torch.full((1,), time, device=x.device)
    if guidance == 1:
        velocity: Tensor = denoiser(x, at, cond)
        return velocity
    pairs = zip(cond, denoiser.unconditional(cond), strict=True)
    both = Conditioning(*(torch.cat(pair) for pair in pairs))
    with_notes, without = denoiser(x.expand(2, -1, -1), at.expand(2), both).chunk(2)
    guided: Tensor = without + guidance * (with_notes - without)
    return guided


def _noise(seed: int, bus: int, first: int, n_frames: int) -> Tensor:
    """Standard normal float32 [N_MELS, n_frames] of the frames from ``first`` on.

    The noise of a frame does not depend on ``first``.
    """
    low, high = first // _NOISE_FRAMES, -(-(first + n_frames) // _NOISE_FRAMES)
    # Frames before the piece have negative numbers, which a seed may not.
    blocks = [
        np.random.default_rng([seed, bus, block + CONTEXT_FRAMES]).standard_normal(
            (N_MELS, _NOISE_FRAMES), dtype=np.float32
        )
        for block in range(low, high)
    ]
    offset = first - low * _NOISE_FRAMES
    return torch.from_numpy(np.concatenate(blocks, axis=1)[:, offset : offset + n_frames])
