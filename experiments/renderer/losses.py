"""What the vocoder is trained against: spectrograms of several resolutions, and a critic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from render.diffusion.mel import FLOOR, log_mel, padded, stft

RESOLUTIONS = ((4096, 1024), (2048, 512), (1024, 256), (512, 128))
"""Window and hop, in samples. The longest shows whether phases agree over many frames, as those
of sustained tones must."""
JUDGED = RESOLUTIONS[1:]
"""Those of the critic."""
_SLOPE = 0.1


def mel_error(output: Tensor, wave: Tensor) -> Tensor:
    """Mean absolute difference of normalised log-mel spectrograms of waves [B, L]."""
    return (log_mel(padded(output)) - log_mel(padded(wave))).abs().mean()


def stft_error(output: Tensor, wave: Tensor) -> Tensor:
    """Multi-resolution STFT loss (Yamamoto et al. 2020): spectral convergence and log magnitude."""
    total = output.new_zeros(())
    for n_fft, hop in RESOLUTIONS:
        with torch.autocast(output.device.type, enabled=False):
            a, b = (stft(x.float(), n_fft, hop).abs() for x in (output, wave))
            convergence = (a - b).norm() / b.norm().clamp(min=1.0)
            logs = (a.clamp(min=FLOOR).log() - b.clamp(min=FLOOR).log()).abs().mean()
        total = total + convergence + logs
    return total / len(RESOLUTIONS)


class Critic(nn.Module):
    """Multi-resolution discriminator on complex spectrograms (Défossez et al. 2023), small.

    Args:
        channels: of its hidden layers.
    """

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.judges = nn.ModuleList(_judge(channels) for _ in JUDGED)

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        """Waves [B, L] → for each resolution the activations of all layers, the judgement last."""
        found = []
        for index, (n_fft, hop) in enumerate(JUDGED):
            with torch.autocast(wave.device.type, enabled=False):
                spectrum = stft(wave.float(), n_fft, hop)
                # Roots bring quiet bands within reach of what the loud ones do.
                h = torch.view_as_real(spectrum) / spectrum.abs().clamp(min=FLOOR).sqrt()[..., None]
            h = h.movedim(-1, 1)
            layers = []
            for layer in cast(nn.ModuleList, self.judges[index]):
                h = layer(h)
                layers.append(h)
                h = F.leaky_relu(h, _SLOPE)
            found.append(layers)
        return found


def critic_loss(critic: Critic, output: Tensor, wave: Tensor) -> Tensor:
    """Hinge loss of the critic, which separates played waves from the vocoder's.

    It has no gradient with respect to the vocoder's output.
    """
    real, fake = critic(wave), critic(output.detach())
    losses = [
        F.relu(1 - a[-1]).mean() + F.relu(1 + b[-1]).mean() for a, b in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def persuasion_losses(critic: Critic, output: Tensor, wave: Tensor) -> tuple[Tensor, Tensor]:
    """What the vocoder lowers: hinge loss and feature matching (Kumar et al. 2019).

    The critic's weights are taken as constants, so one step may lower both sides' losses at once.
    """
    constants: Mapping[str, Tensor] = {n: p.detach() for n, p in critic.named_parameters()}
    fake: Sequence[list[Tensor]] = functional_call(critic, dict(constants), (output,))
    with torch.no_grad():
        real = critic(wave)
    hinge = torch.stack([-layers[-1].mean() for layers in fake]).mean()
    matches = [
        (a - b).abs().mean() / b.abs().mean().clamp(min=1e-3)
        for ours, theirs in zip(fake, real, strict=True)
        for a, b in zip(ours[:-1], theirs[:-1], strict=True)
    ]
    return hinge, torch.stack(matches).mean()


def _judge(channels: int) -> nn.ModuleList:
    """Two-dimensional convolutions of which each halves frequency."""
    weight_norm = torch.nn.utils.parametrizations.weight_norm
    layers = [
        weight_norm(nn.Conv2d(inlet, channels, (5, 3), stride=(2, 1), padding=(2, 1)))
        for inlet in (2, channels, channels, channels)
    ]
    return nn.ModuleList([*layers, weight_norm(nn.Conv2d(channels, 1, 3, padding=1))])
