"""The vocoder: log-mel spectrogram → sound, in the line of Vocos (Siuzdak 2023).

ConvNeXt blocks work at the rate of frames, and a head tells magnitude and phase of every Fourier
bin; the inverse short-time Fourier transform does the rest. So nothing is computed at the rate of
samples, which makes it an order of magnitude faster than vocoders that upsample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from render.diffusion.layers import ConvBlock
from render.diffusion.mel import HOP, MARGIN, N_FFT, N_MELS, window

_KERNEL = 7
_OVERLAP = N_FFT // HOP
"""Windows that reach a sample."""
_LOUDEST = 6.0
"""Largest natural logarithm of a magnitude: a little over full scale."""


@dataclass(frozen=True)
class VocoderConfig:
    """Settings of :class:`Vocoder`; they travel with its weights."""

    d_model: int = 192
    hidden: int = 576
    """Channels of the blocks' bottlenecks."""
    layers: int = 7


class Vocoder(nn.Module):
    """Spectrogram → sound.

    Args:
        config: its size.
    """

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.inlet = nn.Conv1d(N_MELS, d, _KERNEL, padding=_KERNEL // 2)
        self.first_norm = nn.LayerNorm(d)
        self.blocks = nn.ModuleList(
            ConvBlock(d, config.hidden, _KERNEL, scale=1 / config.layers)
            for _ in range(config.layers)
        )
        self.last_norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, N_FFT + 2)

    @property
    def reach(self) -> int:
        """Frames to each side on which a frame's sound depends."""
        return (1 + self.config.layers) * (_KERNEL // 2) + _OVERLAP - 1

    def forward(self, mel: Tensor) -> Tensor:
        """Normalised log-mel [B, N_MELS, T] → wave [B, T·HOP], of nominal full scale ±1."""
        h = self.first_norm(self.inlet(mel).transpose(1, 2))
        for block in self.blocks:
            h = block(h)
        out = self.head(self.last_norm(h))
        with torch.autocast(mel.device.type, enabled=False):
            magnitude, phase = out.float().transpose(1, 2).chunk(2, dim=1)
            magnitude = torch.exp(magnitude.clamp(max=_LOUDEST))
            return inverse_stft(torch.polar(magnitude, phase))


def inverse_stft(spectrum: Tensor) -> Tensor:
    """Complex [B, N_FFT // 2 + 1, T] → wave [B, T·HOP]; frame t stands for its own samples.

    Least squares of windowed frames (Griffin & Lim 1984), the margins cut off. It is the inverse
    of :func:`render.diffusion.mel.stft` on a padded wave.
    """
    n_frames = spectrum.shape[-1]
    hann = window(N_FFT, spectrum.device)
    frames = torch.fft.irfft(spectrum, N_FFT, dim=1) * hann[:, None]
    shares = hann.square()[None, :, None].expand(1, -1, n_frames)
    length = (n_frames - 1) * HOP + N_FFT
    wave, weight = (
        F.fold(columns, (1, length), (1, N_FFT), stride=(1, HOP))[:, 0, 0]
        for columns in (frames, shares)
    )
    inner = slice(MARGIN, length - MARGIN)
    return wave[:, inner] / weight[:, inner]


@torch.inference_mode()
def vocode(vocoder: Vocoder, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
    """Sound of a spectrogram that comes piece by piece; as if it had come whole.

    Args:
        vocoder: in evaluation mode.
        pieces: [N_MELS, T] of any lengths.

    Yields:
        Waves [L], a multiple of HOP long, later than their frames by the vocoder's reach. Memory
        does not grow with the length.
    """
    reach = vocoder.reach
    held = torch.empty(N_MELS, 0)
    done = 0  # frames of `held` that have sounded
    for piece in pieces:
        held = torch.cat([held.to(piece), piece], dim=1)
        ready = held.shape[1] - reach
        if ready > done:
            yield vocoder(held[None])[0, done * HOP : ready * HOP]
            kept = max(ready - reach, 0)
            held, done = held[:, kept:], ready - kept
    if held.shape[1] > done:
        yield vocoder(held[None])[0, done * HOP :]
