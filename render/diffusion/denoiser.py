"""The denoiser: notes and what was heard last → a log-mel spectrogram, by rectified flow.

Rectified flow (Liu, Gong & Liu 2022; flow matching, Lipman et al. 2022): on the straight line
x(t) = (1 - t)·noise + t·data the velocity is data - noise. Paths that are nearly straight need few
steps, and with notes that say almost all, they are. The network tells the data, from which the
velocity follows (Li & He 2025): data lie near a surface of few dimensions and fit through a narrow
body, while noise fills every dimension and does not.

The context of a window, its first frames, is not noised but given, with a mask that says so, in the
very channels where the rest is noise. So what was heard last is aligned with what follows and needs
no encoder of its own.

The body is convolutions over pairs of frames: what a frame needs from afar (when a note began) its
notes tell already, so attention over the window would buy little for its cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from render.diffusion.instruments import INSTRUMENTS
from render.diffusion.layers import ConvBlock
from render.diffusion.mel import FRAME_RATE, N_MELS
from render.diffusion.tokens import AHEAD_S, N_VELOCITIES, FrameNotes

PATCH = 2
"""Frames that the body sees as one."""
N_PITCHES = 128
_TIME_CONSTANTS_S = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_N_TIMES = 2 + 2 * len(_TIME_CONSTANTS_S)
_N_WAVES = 64
_NOISE_PERIODS = 1000.0
NEAREST = 0.05
"""Shortest time to the data by which a velocity is told: the last of MAX_STEPS steps."""
MAX_STEPS = 20


@dataclass(frozen=True)
class DenoiserConfig:
    """Settings of :class:`Denoiser`; they travel with its weights."""

    d_model: int = 256
    """Channels of the body."""
    hidden: int = 768
    """Channels of the blocks' bottlenecks."""
    layers: int = 8
    kernel: int = 7
    """Patches that a block's convolution spans."""
    dilations: tuple[int, ...] = (1, 2, 4)
    """Of the blocks in turn."""
    d_notes: int = 192
    """Channels in which the notes of a frame are summed."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))


class Given(NamedTuple):
    """What a window is drawn from; all but ``notes`` stays the same over the steps."""

    told: Tensor
    """float [B, T / PATCH, d] the notes, encoded, or what stands for not being told."""
    context: Tensor
    """float [B, N_MELS, T] normalised log-mel where it is known, 0 elsewhere."""
    known: Tensor
    """float [B, T] 1 where it is known, else 0."""


class NoteEncoder(nn.Module):
    """Sums what the notes of a frame say.

    A note says a·sigmoid(b), where a and b are each a sum of embeddings of pitch, instrument and
    velocity and of a linear map of its times, so that they act on one another (a gated linear unit,
    Dauphin et al. 2017). Times are ages on exponential scales from 10 ms to 5 s, after onset and
    release.
    """

    def __init__(self, d_notes: int, d_out: int) -> None:
        super().__init__()
        self.pitch = nn.Embedding(N_PITCHES, 2 * d_notes)
        self.instrument = nn.Embedding(len(INSTRUMENTS), 2 * d_notes)
        self.velocity = nn.Embedding(N_VELOCITIES, 2 * d_notes)
        self.times = nn.Linear(_N_TIMES, 2 * d_notes)
        self.out = nn.Sequential(
            nn.Linear(PATCH * d_notes, d_out), nn.SiLU(), nn.Linear(d_out, d_out)
        )
        self.nothing = nn.Parameter(torch.zeros(d_out))

    def forward(self, notes: FrameNotes, rows: int, n_frames: int, keep: Tensor | None) -> Tensor:
        """Notes → [B, T / PATCH, d].

        Args:
            notes: pairs of ``rows`` examples of ``n_frames`` frames.
            rows: B.
            n_frames: T, a multiple of PATCH.
            keep: bool [B]; False where the notes are not to be told, None to tell them all.
        """
        struck = (
            self.pitch(notes.pitch)
            + self.instrument(notes.instrument)
            + self.velocity(notes.velocity)
        )
        times = self.times(_time_features(notes))
        pairs = F.glu(times + struck.to(times.dtype)[notes.note], dim=-1)
        total = pairs.new_zeros(rows * n_frames, pairs.shape[-1]).index_add(0, notes.frame, pairs)
        told: Tensor = self.out(rearrange(total, "(b t p) d -> b t (p d)", b=rows, p=PATCH))
        return told if keep is None else torch.where(keep[:, None, None], told, self.nothing)


class Denoiser(nn.Module):
    """Velocity of the flow in a window.

    Args:
        config: its size.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        d = config.d_model
        self.config = config
        self.notes = NoteEncoder(config.d_notes, d)
        self.inlet = nn.Linear(PATCH * (N_MELS + 1), d)
        # One map from the noise level for all blocks and a table for each (PixArt-alpha, Chen et
        # al. 2023): a map for each block would be a third of the weights.
        self.level = nn.Sequential(
            nn.Linear(2 * _N_WAVES, d), nn.SiLU(), nn.Linear(d, d), nn.SiLU(), nn.Linear(d, 3 * d)
        )
        self.tables = nn.Parameter(torch.zeros(config.layers, 3 * d))
        self.retold = nn.Parameter(torch.full((config.layers, d), 0.1))
        self.blocks = nn.ModuleList(
            ConvBlock(
                d, config.hidden, config.kernel, config.dilations[i % len(config.dilations)], 0.5
            )
            for i in range(config.layers)
        )
        self.norm = nn.LayerNorm(d)
        self.outlet = nn.Linear(d, PATCH * N_MELS)
        nn.init.zeros_(self.outlet.weight)
        nn.init.zeros_(self.outlet.bias)

    def give(
        self, notes: FrameNotes, context: Tensor, known: Tensor, keep: Tensor | None = None
    ) -> Given:
        """Encode what a window is drawn from.

        Args:
            notes: pairs of the window's frames.
            context: [B, N_MELS, T] spectrogram, of which ``known`` frames count.
            known: [B, T] 1 for frames that are given, else 0.
            keep: bool [B] whether the notes are told; None tells them.
        """
        rows, _, n_frames = context.shape
        told = self.notes(notes, rows, n_frames, keep)
        return Given(told, context * known[:, None], known)

    def untold(self, given: Given) -> Given:
        """The same without notes, for guidance."""
        return given._replace(told=self.notes.nothing.expand_as(given.told))

    def forward(self, x: Tensor, time: Tensor, given: Given) -> Tensor:
        """Velocity [B, N_MELS, T] of the flow.

        Args:
            x: [B, N_MELS, T] the spectrogram on its way; known frames are not read.
            time: [B] 0 for noise to 1 for data.
            given: what the window is drawn from.
        """
        mixed = x * (1 - given.known[:, None]) + given.context
        channels = torch.cat([mixed, given.known[:, None]], dim=1)
        h = self.inlet(rearrange(channels, "b c (t p) -> b t (p c)", p=PATCH)) + given.told
        level = self.level(_waves(time))[:, None]
        for block, table, retold in zip(self.blocks, self.tables, self.retold, strict=True):
            shift, gain, gate = (level + table).chunk(3, dim=-1)
            h = block(h + retold * given.told, (shift, gain, gate))
        data = rearrange(self.outlet(self.norm(h)), "b t (p c) -> b c (t p)", p=PATCH)
        velocity: Tensor = (data - x) / (1 - time).clamp(min=NEAREST)[:, None, None]
        return velocity


def flow_loss(
    denoiser: nn.Module, data: Tensor, noise: Tensor, time: Tensor, given: Given
) -> Tensor:
    """Mean square error of the velocity over the frames that are not given.

    Args:
        denoiser: a :class:`Denoiser`, perhaps wrapped.
        data: [B, N_MELS, T] normalised log-mel.
        noise: the same shape, standard normal.
        time: [B] 0-1.
        given: what the windows are drawn from.
    """
    at = time[:, None, None]
    velocity = denoiser((1 - at) * noise + at * data, time, given)
    # Where the velocity is told by less than the whole way, it is not the straight line's.
    share = (1 - at) / (1 - at).clamp(min=NEAREST)
    error = (velocity - share * (data - noise)).square().mean(dim=1)
    drawn = 1 - given.known
    loss: Tensor = (error * drawn).sum() / drawn.sum()
    return loss


def _time_features(notes: FrameNotes) -> Tensor:
    """float32 [P, _N_TIMES] of ages, 0 to 1 or -1 to 1."""
    constants = torch.tensor(_TIME_CONSTANTS_S, device=notes.age_s.device)
    near = (notes.age_s / AHEAD_S).clamp(-1, 1)
    held = torch.exp(-notes.released_s * FRAME_RATE)
    decays = [
        torch.exp(-age.clamp(min=0)[:, None] / constants) for age in (notes.age_s, notes.released_s)
    ]
    return torch.cat([near[:, None], held[:, None], *decays], dim=1)


def _waves(time: Tensor) -> Tensor:
    """Sinusoids [B, 2·_N_WAVES] of the noise level (Vaswani et al. 2017)."""
    powers = torch.arange(_N_WAVES, device=time.device) / _N_WAVES
    phases = time[:, None] * _NOISE_PERIODS * torch.exp(-math.log(1e4) * powers)
    return torch.cat([phases.sin(), phases.cos()], dim=1)
