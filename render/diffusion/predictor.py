"""The predictor: notes → the log-mel spectrogram that the teacher would play, its mean.

Every note has two *surfaces*, levels over frequency and age: one of its partials and one of its
noise. A small network draws them from instrument, pitch and velocity, as values at fixed ages that
are interpolated; a third surface says how both change after the release. The spectrum of partials
of equal level is known for every pitch, so the surface of the partials is smooth in frequency, and
is the level at which each partial is played (:mod:`render.diffusion.excitation`). The powers of all
notes of a frame are summed. This is additive synthesis with noise (Serra & Smith 1990), learned as
in DDSP (Engel et al. 2020), for any number of notes.

Convolutions over frames then correct the sum: reverberation, chorus, and what notes do to each
other. The cost is a few vector operations for each pair of a note and a frame, and the network of a
note once.

All levels are natural logarithms of magnitudes in the scale of :mod:`render.diffusion.mel`, except
where a spectrogram is called normalised.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from render.diffusion.excitation import STRUCK_OR_PLUCKED, partial_hz, partial_phases
from render.diffusion.instruments import DRUM_PROGRAM, INSTRUMENTS
from render.diffusion.layers import ConvBlock
from render.diffusion.mel import (
    FLOOR,
    HOP,
    LOG_CENTRE,
    LOG_SCALE,
    MARGIN,
    N_MELS,
    SAMPLE_RATE,
    log_mel,
)
from render.diffusion.pretrained import PREDICTOR_SPEC
from render.diffusion.tokens import AHEAD_S, FrameNotes
from render.files.weights import PretrainedNetwork

AGES_S = (
    -AHEAD_S, -AHEAD_S / 2, 0.0, AHEAD_S / 2, AHEAD_S, 0.04, 0.07, 0.12, 0.2, 0.35, 0.6, 1.0, 1.8,
    3.5, 7.0,
)  # fmt: skip
"""Seconds from the onset to the middle of a frame at which a held note's surfaces have values."""
RELEASES_S = (-AHEAD_S, 0.0, AHEAD_S, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5)
"""Likewise from the release; at the first the change is 0."""
N_PITCHES = 128
_N_RADIAL = 16
"""Radial basis functions of pitch."""
_D_INSTRUMENT = 48
_D_FRAME = 64
"""Channels in which the notes of a frame are summed for the convolutions."""
_PARTIAL_LEVEL, _NOISE_LEVEL = -4.0, -3.0
"""Initial levels of a note of velocity 127."""
_SILENT = -12.0
"""Level at which the spectrum of partials ends between them."""
_LEAST_POWER = FLOOR**2


@dataclass(frozen=True)
class PredictorConfig:
    """Settings of :class:`Predictor`; they travel with its weights."""

    d_note: int = 320
    """Channels of the network that draws a note's surfaces."""
    d_key: int = 32
    """Channels of what is learned for each pitch of each instrument."""
    d_model: int = 192
    """Channels of the convolutions."""
    hidden: int = 576
    """Channels of the blocks' inverted bottlenecks."""
    layers: int = 5
    """Blocks."""
    kernel: int = 7
    """Taps of a block's convolution, in frames."""
    dilations: tuple[int, ...] = (1, 2, 4)
    """Frames between the taps, of the blocks in turn."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))

    @property
    def reach(self) -> int:
        """Frames on each side on which a frame of the output depends."""
        turns = [self.dilations[i % len(self.dilations)] for i in range(self.layers)]
        return sum(turns) * (self.kernel // 2)


class Surfaces(NamedTuple):
    """Levels of n notes."""

    partials: Tensor
    """float [n, len(AGES_S), N_MELS] natural log of the amplitude of a partial at a band's peak."""
    noise: Tensor
    """float [n, len(AGES_S), N_MELS] level of the noise."""
    release: Tensor
    """float [n, len(RELEASES_S), N_MELS] change of both after the release."""
    embedding: Tensor
    """float [n, _D_FRAME] what else the convolutions get of the note."""


class Prediction(NamedTuple):
    """What is predicted of B windows of T frames."""

    mel: Tensor
    """float [B, N_MELS, T] normalised log-mel."""
    prior: Tensor
    """float [B, N_MELS, T] that of the sum of the notes, before the convolutions."""
    noise: Tensor
    """float [B, N_MELS, T] that of the noise alone."""


class NoteNetwork(nn.Module):
    """Draws the surfaces of notes.

    Args:
        config: of the predictor.
    """

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        self.instrument = nn.Embedding(len(INSTRUMENTS), _D_INSTRUMENT)
        self.key = nn.Embedding(len(INSTRUMENTS) * N_PITCHES, config.d_key)
        nn.init.normal_(self.key.weight, std=0.1)
        d_in = _D_INSTRUMENT + config.d_key + _N_RADIAL + 3
        self.up = nn.Linear(d_in, config.d_note)
        self.middle = nn.Linear(config.d_note, config.d_note)
        self.n_rows = (len(AGES_S), len(AGES_S), len(RELEASES_S))
        self.surfaces = nn.Linear(config.d_note, sum(self.n_rows) * N_MELS)
        self.embedding = nn.Linear(config.d_note, _D_FRAME)
        with torch.no_grad():
            self.surfaces.weight.mul_(0.3)
            bias = self.surfaces.bias.view(-1, N_MELS).zero_()
            bias[: self.n_rows[0]] = _PARTIAL_LEVEL
            bias[self.n_rows[0] : -self.n_rows[2]] = _NOISE_LEVEL
            bias[-self.n_rows[2] :] = -torch.tensor(RELEASES_S).clamp(min=0)[:, None] * 3

    def forward(self, pitch: Tensor, velocity: Tensor, instrument: Tensor) -> Surfaces:
        """Surfaces of n notes, from int64 [n] pitches 0-127, velocities 1-127, instrument ids."""
        force = velocity[:, None].float() / 127
        centres = torch.linspace(20, 110, _N_RADIAL, device=pitch.device)
        radial = torch.exp(-(((pitch[:, None] - centres) / 6) ** 2))
        h = torch.cat([
            self.instrument(instrument), self.key(instrument * N_PITCHES + pitch), radial,
            force, force**2, force.log(),
        ], dim=1)  # fmt: skip
        h = F.gelu(self.up(h))
        h = h + F.gelu(self.middle(h))
        drawn = rearrange(self.surfaces(h).float(), "n (k f) -> n k f", f=N_MELS)
        partials, noise, release = drawn.split(self.n_rows, dim=1)
        # Amplitude is about the square of velocity (General MIDI level 2).
        loudness = 2 * force.log()[:, :, None]
        release = torch.cat([torch.zeros_like(release[:, :1]), release[:, 1:]], dim=1)
        return Surfaces(partials + loudness, noise + loudness, release, self.embedding(h).float())


class Predictor(PretrainedNetwork):
    """Notes → normalised log-mel spectrogram.

    Args:
        config: sizes of its layers.
    """

    spec = PREDICTOR_SPEC
    config_type = PredictorConfig

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        self.config = config
        self.notes = NoteNetwork(config)
        self.ages = nn.Parameter(torch.randn(len(AGES_S), _D_FRAME) * 0.3)
        self.proj_in = nn.Linear(2 * N_MELS + _D_FRAME, config.d_model)
        self.blocks = nn.ModuleList(
            ConvBlock(
                config.d_model, config.hidden, config.kernel,
                config.dilations[i % len(config.dilations)], 1 / config.layers,
            )
            for i in range(config.layers)
        )  # fmt: skip
        self.norm = nn.LayerNorm(config.d_model)
        self.proj_out = nn.Linear(config.d_model, N_MELS)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)
        self.register_buffer("combs", partial_spectra(), persistent=False)
        self.register_buffer("comb_of", _comb_of_instrument(), persistent=False)

    def forward(self, notes: FrameNotes, rows: int, n_frames: int) -> Prediction:
        """What is predicted of windows.

        Args:
            notes: pairs of the frames of ``rows`` windows.
            rows: B.
            n_frames: T.
        """
        surfaces = self.notes(notes.pitch, notes.velocity, notes.instrument)
        partials, noise, summed = self._summed(surfaces, notes, rows * n_frames)
        prior = _normalised((partials + noise + _LEAST_POWER).log() / 2)
        noise_mel = _normalised((noise + _LEAST_POWER).log() / 2)
        h = self.proj_in(torch.cat([prior, noise_mel, summed], dim=1))
        h = rearrange(h, "(b t) d -> b t d", b=rows)
        for block in self.blocks:
            h = block(h)
        correction = self.proj_out(self.norm(h)).float()
        prior, noise_mel = (rearrange(x, "(b t) f -> b f t", b=rows) for x in (prior, noise_mel))
        return Prediction(prior + correction.transpose(1, 2), prior, noise_mel)

    def _summed(
        self, surfaces: Surfaces, notes: FrameNotes, n_frames: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Powers [B·T, N_MELS] of partials and of noise, and summed embeddings [B·T, _D_FRAME]."""
        combs: Tensor = self.combs  # type: ignore[assignment]
        comb_of: Tensor = self.comb_of  # type: ignore[assignment]
        age, release = between(AGES_S, notes.age_s), between(RELEASES_S, notes.released_s)
        change = at_knots(surfaces.release, notes.note, *release)
        comb = combs[comb_of[notes.instrument], notes.pitch].index_select(0, notes.note)
        partials = at_knots(surfaces.partials, notes.note, *age) + change + comb
        noise = at_knots(surfaces.noise, notes.note, *age) + change
        low, share = age
        ages = torch.lerp(
            self.ages.index_select(0, low), self.ages.index_select(0, low + 1), share[:, None]
        )
        embedded = surfaces.embedding.index_select(0, notes.note) * ages
        # One more row takes what pads a batch.
        power = torch.cat([(2 * partials).exp(), (2 * noise).exp(), embedded], dim=1)
        total = power.new_zeros(n_frames + 1, power.shape[1]).index_add(0, notes.frame, power)
        total = total[:-1]
        return total[:, :N_MELS], total[:, N_MELS : 2 * N_MELS], total[:, 2 * N_MELS :]


def between(knots: tuple[float, ...], at: Tensor) -> tuple[Tensor, Tensor]:
    """(index int64 [P] of the knot below, share float [P] of the next) of values ``at`` [P].

    Beyond the last knot the share stays 1.
    """
    table = torch.tensor(knots, device=at.device)
    low = (torch.searchsorted(table, at, right=True) - 1).clamp(0, len(knots) - 2)
    share = (at - table[low]) / (table[low + 1] - table[low])
    return low, share.clamp(0, 1)


def at_knots(surface: Tensor, note: Tensor, low: Tensor, share: Tensor) -> Tensor:
    """Levels [P, N_MELS] of surfaces [n, K, N_MELS] at places that :func:`between` found."""
    flat = rearrange(surface, "n k f -> (n k) f")
    row = note * surface.shape[1] + low
    return torch.lerp(flat.index_select(0, row), flat.index_select(0, row + 1), share[:, None])


def _normalised(level: Tensor) -> Tensor:
    return (level - LOG_CENTRE) / LOG_SCALE


def _comb_of_instrument() -> Tensor:
    """Index int64 of each instrument's spectra among :func:`partial_spectra`."""
    kinds = [
        2 if program == DRUM_PROGRAM else int(program in STRUCK_OR_PLUCKED)
        for program in INSTRUMENTS
    ]
    return torch.tensor(kinds)


@functools.cache
def partial_spectra() -> Tensor:
    """Levels [3, 128, N_MELS] of partials of amplitude 1 at every pitch.

    Those of pipes and reeds, those of stiff strings, and of drums, which have none.
    """
    with torch.inference_mode(False):
        levels = torch.full((3, N_PITCHES, N_MELS), _SILENT)
        time_s = np.arange(8 * HOP + 2 * MARGIN) / SAMPLE_RATE
        for kind, program in enumerate((73, 0)):
            for pitch in range(N_PITCHES):
                hz = partial_hz(pitch, program)
                cycles = time_s[:, None] * hz + partial_phases(len(hz))
                wave = torch.from_numpy(np.sin(2 * np.pi * cycles).sum(axis=1))[None].float()
                level = log_mel(wave)[0] * LOG_SCALE + LOG_CENTRE
                mean = (2 * level).exp().mean(dim=1).clamp(min=FLOOR**2).log() / 2
                levels[kind, pitch] = torch.where(mean < np.log(4 * FLOOR), _SILENT, mean)
        return levels
