"""The denoiser: notes and what was heard last → a log-mel spectrogram, by rectified flow.

Rectified flow (Liu, Gong & Liu 2022; flow matching, Lipman et al. 2022): on the straight line
x(t) = (1 - t)·noise + t·data the velocity is data - noise. Paths that are nearly straight need few
steps, and with notes that say almost all, they are. The network tells the data, from which the
velocity follows (Li & He 2025): data lie near a surface of few dimensions and fit through a narrow
body, while noise fills every dimension and does not.

The context of a window, its first frames, is not noised but given, with a mask that says so, in the
very channels where the rest is noise. So what was heard last is aligned with what follows and needs
no encoder of its own.

A *sketch* is what makes the notes heard from the first steps of training on: every family of
instruments has a spectrum for each pitch, which begins as a harmonic series, and the spectra of
what sounds are summed as loud as velocity and age make them (in the spirit of DDSP, Engel et al.
2020). As long as there is little but noise to see, what the network tells is added to it.

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

from render.diffusion.instruments import DRUMS, FAMILIES, FAMILY_OF, INSTRUMENTS
from render.diffusion.layers import ConvBlock
from render.diffusion.mel import (
    FLOOR,
    FRAME_RATE,
    HOP,
    LOG_CENTRE,
    LOG_SCALE,
    MARGIN,
    N_MELS,
    SAMPLE_RATE,
    log_mel,
)
from render.diffusion.tokens import AHEAD_S, N_VELOCITIES, FrameNotes

PATCH = 2
"""Frames that the body sees as one."""
N_PITCHES = 128
_TIME_CONSTANTS_S = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_N_TIMES = 2 + 2 * len(_TIME_CONSTANTS_S)
_N_PARTIALS = 24
_AMPLITUDE = 0.05
"""Of the first partial of a note of full force, before anything is learned."""
_ATTACK, _HELD = 2.0, 5.0
"""Nats by which a note is louder after its onset than before and while it is held than after,
before anything is learned."""
_FADING = 8
"""A tenth of the way to the data, most can be seen."""
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
    sketch: Tensor
    """float [B, N_MELS, T] what the notes sound like by themselves, 0 if they are not told."""


class Sketch(nn.Module):
    """Notes as spectra that are summed: the log of a sum of magnitudes, as loud as learned."""

    def __init__(self) -> None:
        super().__init__()
        series = _harmonic_series()
        self.spectra = nn.Parameter(
            torch.cat([
                torch.zeros(family.highest + 1 - family.lowest, N_MELS)
                if family.name == DRUMS
                else series[family.lowest : family.highest + 1]
                for family in FAMILIES
            ])
        )  # fmt: skip
        # Of each instrument: how the log of its magnitude follows a note's times.
        self.envelope = nn.Embedding(len(INSTRUMENTS), _N_TIMES)
        self.velocity = nn.Embedding(N_VELOCITIES, 1)
        self.register_buffer("rows", _spectrum_rows(), persistent=False)
        with torch.no_grad():
            self.envelope.weight.zero_()
            self.envelope.weight[:, 0], self.envelope.weight[:, 1] = _ATTACK, _HELD
            # Loudness goes with the square of velocity (General MIDI level 2).
            force = (torch.arange(N_VELOCITIES) + 0.5) / N_VELOCITIES
            self.velocity.weight[:, 0] = 2 * force.log() - _ATTACK - _HELD

    def forward(self, notes: FrameNotes, times: Tensor, rows: int, n_frames: int) -> Tensor:
        """Notes → [B, N_MELS, T] normalised log-mel.

        Args:
            notes: pairs of ``rows`` examples of ``n_frames`` frames.
            times: [P, _N_TIMES] features of their times.
            rows: B.
            n_frames: T.
        """
        spectra_of: Tensor = self.rows  # type: ignore[assignment]
        envelope = self.envelope(notes.instrument)[notes.note]
        level = (envelope * times).sum(dim=1) + self.velocity(notes.velocity)[notes.note, 0]
        spectrum = spectra_of[notes.instrument, notes.pitch][notes.note]
        n_spectra = len(self.spectra)
        roll = level.new_zeros(rows * n_frames * n_spectra)
        roll = roll.index_add(0, notes.frame * n_spectra + spectrum, level.exp())
        magnitudes = (LOG_CENTRE + LOG_SCALE * self.spectra).exp()
        total = (roll.view(rows * n_frames, n_spectra) @ magnitudes).float() + FLOOR
        told: Tensor = (total.log() - LOG_CENTRE) / LOG_SCALE
        return told.view(rows, n_frames, N_MELS).transpose(1, 2)


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

    def forward(self, notes: FrameNotes, times: Tensor, rows: int, n_frames: int) -> Tensor:
        """Notes → [B, T / PATCH, d].

        Args:
            notes: pairs of ``rows`` examples of ``n_frames`` frames.
            times: [P, _N_TIMES] features of their times.
            rows: B.
            n_frames: T, a multiple of PATCH.
        """
        struck = (
            self.pitch(notes.pitch)
            + self.instrument(notes.instrument)
            + self.velocity(notes.velocity)
        )
        aged = self.times(times)
        pairs = F.glu(aged + struck.to(aged.dtype)[notes.note], dim=-1)
        total = pairs.new_zeros(rows * n_frames, pairs.shape[-1]).index_add(0, notes.frame, pairs)
        told: Tensor = self.out(rearrange(total, "(b t p) d -> b t (p d)", b=rows, p=PATCH))
        return told


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
        self.sketch = Sketch()
        self.sketched = nn.Linear(PATCH * N_MELS, d)
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
        times = _time_features(notes)
        sketch = self.sketch(notes, times, rows, n_frames)
        told = self.notes(notes, times, rows, n_frames)
        told = told + self.sketched(rearrange(sketch, "b c (t p) -> b t (p c)", p=PATCH))
        if keep is not None:
            told = torch.where(keep[:, None, None], told, self.notes.nothing)
            sketch = sketch * keep[:, None, None]
        return Given(told, context * known[:, None], known, sketch)

    def untold(self, given: Given) -> Given:
        """The same without notes, for guidance."""
        return given._replace(
            told=self.notes.nothing.expand_as(given.told), sketch=torch.zeros_like(given.sketch)
        )

    def forward(self, x: Tensor, time: Tensor, given: Given) -> Tensor:
        """Velocity [B, N_MELS, T] of the flow.

        Args:
            x: [B, N_MELS, T] the spectrogram on its way; known frames are not read.
            time: [B] 0 for noise to 1 for data.
            given: what the window is drawn from.
        """
        mixed = _scale(time) * x * (1 - given.known[:, None]) + given.context
        channels = torch.cat([mixed, given.known[:, None]], dim=1)
        h = self.inlet(rearrange(channels, "b c (t p) -> b t (p c)", p=PATCH)) + given.told
        level = self.level(_waves(time))[:, None]
        for block, table, retold in zip(self.blocks, self.tables, self.retold, strict=True):
            shift, gain, gate = (level + table).chunk(3, dim=-1)
            h = block(h + retold * given.told, (shift, gain, gate))
        data = rearrange(self.outlet(self.norm(h)), "b t (p c) -> b c (t p)", p=PATCH)
        data = data + (1 - time)[:, None, None] ** _FADING * given.sketch
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


def _scale(time: Tensor) -> Tensor:
    """[B, 1, 1] what makes each value on its way the best linear guess of its datum, by itself.

    Data and noise have unit variance. So pure noise comes in as nothing at all, and all that there
    is to go by are notes and context (compare the input scaling of Karras et al. 2022).
    """
    factor: Tensor = time / (time.square() + (1 - time).square())
    return factor[:, None, None]


def _spectrum_rows() -> Tensor:
    """int64 [instruments, N_PITCHES] row of each pitch among the spectra of all families.

    Pitches beyond a family's range, which it does not learn, have that of its nearest.
    """
    rows, first = {}, 0
    for family in FAMILIES:
        pitches = torch.arange(N_PITCHES).clamp(family.lowest, family.highest)
        rows[family.name] = first + pitches - family.lowest
        first += family.highest + 1 - family.lowest
    return torch.stack([rows[FAMILY_OF[program].name] for program in INSTRUMENTS])


def _harmonic_series() -> Tensor:
    """float32 [N_PITCHES, N_MELS] normalised log-mel of tones whose partials fall as 1 / h."""
    time_s = (torch.arange(HOP + 2 * MARGIN) / SAMPLE_RATE)[None]
    waves = []
    numbers = torch.arange(1, _N_PARTIALS + 1)[:, None]
    for pitch in range(N_PITCHES):
        partials = 440 * 2 ** ((pitch - 69) / 12) * numbers
        heard = (partials < SAMPLE_RATE / 2) / numbers
        waves.append(_AMPLITUDE * (heard * torch.sin(2 * math.pi * partials * time_s)).sum(dim=0))
    return log_mel(torch.stack(waves))[:, :, 0]


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
