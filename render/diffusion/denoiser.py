"""The denoiser: what a predicted spectrogram lacks, drawn by rectified flow.

The predictor gives the mean of what the teacher might play, which is smoother than any playing.
The difference of the two, the *texture*, is drawn: on the straight line from noise to texture,
x(t) = (1 - t)·noise + t·texture, the velocity is texture - noise (rectified flow, Liu, Gong & Liu
2022), and the network predicts the texture, from which the velocity follows (Li & He 2025). As the
texture is small beside the spectrogram, no note is lost in drawing (residual diffusion, as in image
restoration: Whang et al. 2022).

It sees few frames to each side, so a frame depends on no more than :attr:`DenoiserConfig.reach`
frames a step, and windows of a long piece need no crossfade.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from render.diffusion.layers import ConvBlock
from render.diffusion.mel import LOG_SCALE, N_MELS
from render.diffusion.pretrained import DENOISER_SPEC
from render.files.weights import PretrainedNetwork

SPREAD = 0.2
"""Normalised log-mel that is one unit of texture: 4.3 dB, about its deviation where notes sound."""
MOST = 4.0
"""Largest texture, in its unit."""
TONAL = 0.2
"""Share of the texture that is kept where only partials sound: a partial that leaps passes for an
onset. Chosen on twelve takes of training and five bands of them: eight steps lose .003 of note F1
(.011 with .4, .087 on the twelve with 1), and spectral flux rises from .79 to .84 of the
teacher's."""
MAX_STEPS = 20
"""Most steps that sampling may take."""
_MIN_REMAINING = 0.1
"""The error of the texture becomes that of the velocity by division by 1 - t, or by this."""
_N_SINUSOIDS = 32
_TIME_SCALE = 1000.0
"""Sine and cosine features of t, scaled as steps are in diffusion models (Ho et al. 2020)."""


@dataclass(frozen=True)
class DenoiserConfig:
    """Settings of :class:`Denoiser`; they travel with its weights."""

    d_model: int = 160
    """Channels."""
    hidden: int = 480
    """Channels of the blocks' inverted bottlenecks."""
    layers: int = 4
    """Blocks."""
    kernel: int = 5
    """Taps of a block's convolution, in frames."""

    @property
    def reach(self) -> int:
        """Frames on each side on which a frame depends in one step."""
        return self.layers * (self.kernel // 2)


class Denoiser(PretrainedNetwork):
    """Predicts the texture of a spectrogram from a noisy one.

    Args:
        config: sizes of its layers.
    """

    spec = DENOISER_SPEC
    config_type = DenoiserConfig

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        self.proj_in = nn.Linear(3 * N_MELS, config.d_model)
        self.time_mlp = nn.Sequential(
            nn.Linear(2 * _N_SINUSOIDS, config.d_model), nn.SiLU(),
            nn.Linear(config.d_model, 3 * config.d_model),
        )  # fmt: skip
        self.blocks = nn.ModuleList(
            ConvBlock(config.d_model, config.hidden, config.kernel, scale=1 / max(config.layers, 1))
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.d_model)
        self.proj_out = nn.Linear(config.d_model, N_MELS)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor, time: Tensor, mel: Tensor, noise: Tensor) -> Tensor:
        """Predicted texture [B, N_MELS, T].

        Args:
            x: [B, N_MELS, T] texture at time t of the flow.
            time: [B] t, from 0 (noise) to 1.
            mel: [B, N_MELS, T] predicted normalised spectrogram.
            noise: [B, N_MELS, T] that of the noise of its notes alone.
        """
        h = self.proj_in(torch.cat([x, mel, noise - mel], dim=1).transpose(1, 2))
        modulation = self.time_mlp(_time_features(time))[:, None].chunk(3, dim=-1)
        for block in self.blocks:
            h = block(h, modulation)
        found: Tensor = self.proj_out(self.norm(h)).float().transpose(1, 2)
        return found


def texture(denoiser: Denoiser, mel: Tensor, noise: Tensor, x: Tensor, steps: int) -> Tensor:
    """Texture in normalised log-mel [B, N_MELS, T], drawn in Euler steps.

    Args:
        denoiser: in evaluation mode.
        mel: [B, N_MELS, T] predicted normalised spectrogram.
        noise: [B, N_MELS, T] that of the noise of its notes alone.
        x: [B, N_MELS, T] standard normal, from which the flow starts.
        steps: 1 or more.
    """
    for step in range(steps):
        time = torch.full((len(x),), step / steps, device=x.device)
        found = denoiser(x, time, mel, noise)
        x = x + (found - x) / (steps - step)
    of_noise = (2 * LOG_SCALE * (noise - mel)).exp().clamp(max=1)
    return SPREAD * (TONAL + (1 - TONAL) * of_noise) * x.clamp(-MOST, MOST)


def flow_loss(
    denoiser: Denoiser, target: Tensor, x: Tensor, time: Tensor, mel: Tensor, noise: Tensor
) -> Tensor:
    """Squared error [B, N_MELS, T] of the velocity.

    Args:
        denoiser: in training.
        target: [B, N_MELS, T] true texture, in its unit.
        x: [B, N_MELS, T] standard normal.
        time: [B] t of each row.
        mel: see :meth:`Denoiser.forward`.
        noise: see :meth:`Denoiser.forward`.
    """
    t = time[:, None, None]
    found = denoiser(torch.lerp(x, target, t), time, mel, noise)
    return F.mse_loss(found, target, reduction="none") / (1 - t).clamp(min=_MIN_REMAINING) ** 2


def _time_features(time: Tensor) -> Tensor:
    """Sines and cosines [B, 2·_N_SINUSOIDS] of times [B]."""
    rates = torch.exp(
        torch.arange(_N_SINUSOIDS, device=time.device) * (-math.log(10_000) / _N_SINUSOIDS)
    )
    angle = _TIME_SCALE * time[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], dim=1)
