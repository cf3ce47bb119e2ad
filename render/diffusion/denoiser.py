"""The denoiser: notes, and optionally the frames before → a log-mel spectrogram, by rectified flow.

Rectified flow (Liu, Gong & Liu 2022; flow matching, Lipman et al. 2022): on the straight line
x(t) = (1 - t)·noise + t·data the velocity is data - noise. Nearly straight paths need few steps,
and conditioned on notes, which determine most of the spectrogram, they are nearly straight. The
network predicts the data, from which the velocity follows (Li & He 2025): data lie near a manifold
of few dimensions and fit through a narrow network, while noise fills every dimension.

The context of a window, its first frames, can be given without noise, with a mask that marks it, in
the same channels in which the other frames are noisy. It needs no encoder of its own and is aligned
with the frames that follow. The renderer gives none; see :mod:`render.diffusion.sampler`.

A *harmonic prior* makes the network follow the notes from the first training steps on: every family
of instruments has a spectrum for each pitch, initialised as a harmonic series, and the spectra of
the notes of a frame are summed with levels that depend on velocity and age (in the spirit of DDSP,
Engel et al. 2020). It is an input of the network, and is added to its output with a weight that
falls with t: near pure noise the output is the prior and a correction.

The backbone is convolutions over pairs of frames. What a frame needs from further away, such as
when a note began, is among the features of its notes, so attention over the window would add little
for its cost.
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
from render.diffusion.pretrained import DENOISER_SPEC
from render.diffusion.tokens import AHEAD_S, N_VELOCITIES, FrameNotes
from render.files.weights import PretrainedNetwork

PATCH = 2
"""Frames that the backbone processes as one."""
N_PITCHES = 128
_TIME_CONSTANTS_S = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
"""Scales, in seconds, on which the time since a note's onset and release is given."""
_N_TIMES = 2 + 2 * len(_TIME_CONSTANTS_S)
_N_PARTIALS = 24
"""Partials of the harmonic series that spectra are initialised with."""
_AMPLITUDE = 0.05
"""Initial amplitude (full scale 1) of the first partial of a note of velocity 127."""
_ATTACK, _HELD = 2.0, 5.0
"""Initial difference in nats of a note's log magnitude: after its onset against before, and while
it is held against after its release."""
_PRIOR_DECAY = 8
"""Exponent of (1 - t) with which the prior is added to the output: at t = 0.1, where most of the
data can be seen in the input, its weight is .43."""
_N_SINUSOIDS = 64
_TIME_SCALE = 1000.0
"""Sine and cosine features of t, scaled as steps are in diffusion models (Ho et al. 2020)."""
MAX_STEPS = 20
"""Most steps that sampling may take."""
_MIN_REMAINING = 1 / MAX_STEPS
"""The predicted data become a velocity by division by 1 - t, but by no less than this."""


@dataclass(frozen=True)
class DenoiserConfig:
    """Settings of :class:`Denoiser`; they travel with its weights."""

    d_model: int = 256
    """Channels of the backbone."""
    hidden: int = 768
    """Channels of the blocks' inverted bottlenecks."""
    layers: int = 8
    """Blocks."""
    kernel: int = 7
    """Taps of a block's convolution, in patches."""
    dilations: tuple[int, ...] = (1, 2, 4)
    """Patches between the taps, of the blocks in turn."""
    d_notes: int = 192
    """Channels in which the notes of a frame are summed."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))


class Conditioning(NamedTuple):
    """What a window is sampled from, computed once for all steps."""

    notes: Tensor
    """float [B, T / PATCH, d] encoded notes, or the embedding that stands for none."""
    context: Tensor
    """float [B, N_MELS, T] normalised log-mel of the frames that are given, 0 elsewhere."""
    known: Tensor
    """float [B, T] 1 for frames that are given, else 0."""
    prior: Tensor
    """float [B, N_MELS, T] harmonic prior of the notes in normalised log-mel; 0 without notes."""


class HarmonicPrior(nn.Module):
    """A rough spectrogram of notes: the log of the sum of their learned magnitude spectra."""

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
        # For each instrument: weights of a note's time features in its log magnitude.
        self.envelope = nn.Embedding(len(INSTRUMENTS), _N_TIMES)
        self.velocity = nn.Embedding(N_VELOCITIES, 1)
        self.register_buffer("rows", _spectrum_rows(), persistent=False)
        with torch.no_grad():
            self.envelope.weight.zero_()
            self.envelope.weight[:, 0], self.envelope.weight[:, 1] = _ATTACK, _HELD
            # Amplitude is the square of velocity (General MIDI level 2).
            force = (torch.arange(N_VELOCITIES) + 0.5) / N_VELOCITIES
            self.velocity.weight[:, 0] = 2 * force.log() - _ATTACK - _HELD

    def forward(self, notes: FrameNotes, times: Tensor, rows: int, n_frames: int) -> Tensor:
        """Normalised log-mel [B, N_MELS, T] of notes.

        Args:
            notes: (note, frame) pairs of ``rows`` examples of ``n_frames`` frames.
            times: [P, _N_TIMES] time features of the pairs.
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
        log_mel: Tensor = (total.log() - LOG_CENTRE) / LOG_SCALE
        return log_mel.view(rows, n_frames, N_MELS).transpose(1, 2)


class NoteEncoder(nn.Module):
    """Embeds the notes of every frame and sums them.

    The embedding of a (note, frame) pair is a·sigmoid(b), a gated linear unit (Dauphin et al. 2017)
    in which the features can interact: a and b are each the sum of embeddings of pitch, instrument
    and velocity and of a linear map of the time features.
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
        self.null = nn.Parameter(torch.zeros(d_out))  # stands for no notes at all

    def forward(self, notes: FrameNotes, times: Tensor, rows: int, n_frames: int) -> Tensor:
        """Encoded notes [B, T / PATCH, d].

        Args:
            notes: (note, frame) pairs of ``rows`` examples of ``n_frames`` frames.
            times: [P, _N_TIMES] time features of the pairs.
            rows: B.
            n_frames: T, a multiple of PATCH.
        """
        of_notes = (
            self.pitch(notes.pitch)
            + self.instrument(notes.instrument)
            + self.velocity(notes.velocity)
        )
        of_times = self.times(times)
        pairs = F.glu(of_times + of_notes.to(of_times.dtype)[notes.note], dim=-1)
        total = pairs.new_zeros(rows * n_frames, pairs.shape[-1]).index_add(0, notes.frame, pairs)
        encoded: Tensor = self.out(rearrange(total, "(b t p) d -> b t (p d)", b=rows, p=PATCH))
        return encoded


class Denoiser(PretrainedNetwork):
    """Predicts the velocity of the flow in a window.

    Args:
        config: its size.
    """

    spec = DENOISER_SPEC
    config_type = DenoiserConfig

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        d = config.d_model
        self.config = config
        self.note_encoder = NoteEncoder(config.d_notes, d)
        self.prior = HarmonicPrior()
        self.prior_in = nn.Linear(PATCH * N_MELS, d)
        self.proj_in = nn.Linear(PATCH * (N_MELS + 1), d)
        # One map of t for all blocks and a table of offsets for each (PixArt-alpha, Chen et al.
        # 2023): a map for each block would be a third of the weights.
        self.time_mlp = nn.Sequential(
            nn.Linear(2 * _N_SINUSOIDS, d), nn.SiLU(), nn.Linear(d, d), nn.SiLU(),
            nn.Linear(d, 3 * d),
        )  # fmt: skip
        self.modulation = nn.Parameter(torch.zeros(config.layers, 3 * d))
        # The notes are added again before every block, with a gain for each channel.
        self.note_gains = nn.Parameter(torch.full((config.layers, d), 0.1))
        self.blocks = nn.ModuleList(
            ConvBlock(
                d, config.hidden, config.kernel, config.dilations[i % len(config.dilations)], 0.5
            )
            for i in range(config.layers)
        )
        self.norm = nn.LayerNorm(d)
        self.proj_out = nn.Linear(d, PATCH * N_MELS)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def condition(
        self, notes: FrameNotes, context: Tensor, known: Tensor, keep: Tensor | None = None
    ) -> Conditioning:
        """Encode what a window is sampled from.

        Args:
            notes: (note, frame) pairs of the window.
            context: [B, N_MELS, T] normalised log-mel, read only in frames that are ``known``.
            known: [B, T] 1 for frames that are given, else 0.
            keep: bool [B], False where notes are dropped, to train guidance; None keeps all.
        """
        rows, _, n_frames = context.shape
        times = _time_features(notes)
        prior = self.prior(notes, times, rows, n_frames)
        encoded = self.note_encoder(notes, times, rows, n_frames)
        encoded = encoded + self.prior_in(rearrange(prior, "b c (t p) -> b t (p c)", p=PATCH))
        if keep is not None:
            encoded = torch.where(keep[:, None, None], encoded, self.note_encoder.null)
            prior = prior * keep[:, None, None]
        return Conditioning(encoded, context * known[:, None], known, prior)

    def unconditional(self, cond: Conditioning) -> Conditioning:
        """The same without notes, for classifier-free guidance."""
        return cond._replace(
            notes=self.note_encoder.null.expand_as(cond.notes), prior=torch.zeros_like(cond.prior)
        )

    def forward(self, x: Tensor, time: Tensor, cond: Conditioning) -> Tensor:
        """Velocity [B, N_MELS, T] of the flow.

        Args:
            x: [B, N_MELS, T] the noisy spectrogram; its known frames are not read.
            time: [B] t, from 0 for noise to 1 for data.
            cond: what the window is sampled from.
        """
        inputs = _input_scale(time) * x * (1 - cond.known[:, None]) + cond.context
        channels = torch.cat([inputs, cond.known[:, None]], dim=1)
        h = self.proj_in(rearrange(channels, "b c (t p) -> b t (p c)", p=PATCH)) + cond.notes
        of_time = self.time_mlp(_sinusoids(time))[:, None]
        for block, offsets, gain in zip(self.blocks, self.modulation, self.note_gains, strict=True):
            shift, scale, gate = (of_time + offsets).chunk(3, dim=-1)
            h = block(h + gain * cond.notes, (shift, scale, gate))
        data = rearrange(self.proj_out(self.norm(h)), "b t (p c) -> b c (t p)", p=PATCH)
        data = data + (1 - time)[:, None, None] ** _PRIOR_DECAY * cond.prior
        velocity: Tensor = (data - x) / (1 - time).clamp(min=_MIN_REMAINING)[:, None, None]
        return velocity


def flow_loss(
    denoiser: nn.Module, data: Tensor, noise: Tensor, time: Tensor, cond: Conditioning
) -> Tensor:
    """Mean square error of the velocity over the frames that are not given; a scalar.

    Args:
        denoiser: a :class:`Denoiser`, perhaps wrapped.
        data: [B, N_MELS, T] normalised log-mel.
        noise: [B, N_MELS, T] standard normal.
        time: [B] t, 0-1.
        cond: what the windows are sampled from.
    """
    at = time[:, None, None]
    velocity = denoiser((1 - at) * noise + at * data, time, cond)
    # Where less than _MIN_REMAINING is left, the network's velocity is that much smaller.
    share = (1 - at) / (1 - at).clamp(min=_MIN_REMAINING)
    error = (velocity - share * (data - noise)).square().mean(dim=1)
    sampled = 1 - cond.known
    loss: Tensor = (error * sampled).sum() / sampled.sum()
    return loss


def _input_scale(time: Tensor) -> Tensor:
    """[B, 1, 1] factor that makes a noisy value the best linear estimate of its datum.

    Data and noise have unit variance. At t = 0 it is 0, so the network sees notes and context only
    (compare the input scaling of Karras et al. 2022).
    """
    factor: Tensor = time / (time.square() + (1 - time).square())
    return factor[:, None, None]


def _spectrum_rows() -> Tensor:
    """int64 [instruments, N_PITCHES] index of each pitch's spectrum among those of all families.

    Pitches beyond a family's range have the spectrum of the nearest pitch in it.
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
        levels = (partials < SAMPLE_RATE / 2) / numbers
        waves.append(_AMPLITUDE * (levels * torch.sin(2 * math.pi * partials * time_s)).sum(dim=0))
    return log_mel(torch.stack(waves))[:, :, 0]


def _time_features(notes: FrameNotes) -> Tensor:
    """Time features float32 [P, _N_TIMES] of (note, frame) pairs.

    In order: whether the frame lies before (-1) or after (1) the onset, whether the note is held
    (1) or released (0), and exponential decays from 1 to 0 since the onset and since the release,
    with each of the time constants.
    """
    constants = torch.tensor(_TIME_CONSTANTS_S, device=notes.age_s.device)
    near = (notes.age_s / AHEAD_S).clamp(-1, 1)
    held = torch.exp(-notes.released_s * FRAME_RATE)
    decays = [
        torch.exp(-age.clamp(min=0)[:, None] / constants) for age in (notes.age_s, notes.released_s)
    ]
    return torch.cat([near[:, None], held[:, None], *decays], dim=1)


def _sinusoids(time: Tensor) -> Tensor:
    """Sinusoidal embedding [B, 2·_N_SINUSOIDS] of t (Vaswani et al. 2017)."""
    powers = torch.arange(_N_SINUSOIDS, device=time.device) / _N_SINUSOIDS
    phases = time[:, None] * _TIME_SCALE * torch.exp(-math.log(1e4) * powers)
    return torch.cat([phases.sin(), phases.cos()], dim=1)
