"""The vocoder: log-mel spectrogram → sound, in the line of Vocos (Siuzdak 2023).

ConvNeXt blocks work at the frame rate, and a head predicts magnitude and phase of every Fourier
bin; the inverse short-time Fourier transform makes samples of them. As no layer works at the sample
rate, it is an order of magnitude faster than vocoders that upsample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from render.diffusion.layers import ConvBlock
from render.diffusion.mel import HOP, MARGIN, N_FFT, N_MELS, window
from render.diffusion.pretrained import VOCODER_SPEC
from render.files.weights import PretrainedNetwork

_KERNEL = 7
"""Taps of every convolution, in frames."""
_OVERLAP = N_FFT // HOP
"""Frames whose windows contain a sample."""
_LOUDEST = 6.0
"""Largest natural logarithm of a magnitude: 4 dB above that of a sinusoid at full scale."""


@dataclass(frozen=True)
class VocoderConfig:
    """Settings of :class:`Vocoder`; they travel with its weights."""

    d_model: int = 192
    """Channels of the backbone."""
    hidden: int = 576
    """Channels of the blocks' inverted bottlenecks."""
    layers: int = 7
    """Blocks."""


class Vocoder(PretrainedNetwork):
    """Log-mel spectrogram → sound.

    Args:
        config: its size.
    """

    spec = VOCODER_SPEC
    config_type = VocoderConfig

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.embed = nn.Conv1d(N_MELS, d, _KERNEL, padding=_KERNEL // 2)
        self.norm = nn.LayerNorm(d)
        self.blocks = nn.ModuleList(
            ConvBlock(d, config.hidden, _KERNEL, scale=1 / config.layers)
            for _ in range(config.layers)
        )
        self.final_layer_norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, N_FFT + 2)

    @property
    def receptive_radius(self) -> int:
        """Frames to each side on which the sound of a frame depends: half the receptive field."""
        return (1 + self.config.layers) * (_KERNEL // 2) + _OVERLAP - 1

    def forward(self, mel: Tensor) -> Tensor:
        """Wave [B, T·HOP], nominal full scale ±1, of a normalised log-mel [B, N_MELS, T]."""
        h = self.norm(self.embed(mel).transpose(1, 2))
        for block in self.blocks:
            h = block(h)
        out = self.head(self.final_layer_norm(h))
        with torch.autocast(mel.device.type, enabled=False):
            magnitude, phase = out.float().transpose(1, 2).chunk(2, dim=1)
            magnitude = torch.exp(magnitude.clamp(max=_LOUDEST))
            return inverse_stft(torch.polar(magnitude, phase))


def inverse_stft(spectrum: Tensor) -> Tensor:
    """Wave [B, T·HOP] of a complex spectrogram [B, N_FFT // 2 + 1, T].

    The least-squares inverse of windowed frames (Griffin & Lim 1984), without the margins: the
    inverse of :func:`render.diffusion.mel.stft` on a padded wave.
    """
    n_frames = spectrum.shape[-1]
    hann = window(N_FFT, spectrum.device)
    frames = torch.fft.irfft(spectrum, N_FFT, dim=1) * hann[:, None]
    weights = hann.square()[None, :, None].expand(1, -1, n_frames)
    length = (n_frames - 1) * HOP + N_FFT
    wave, weight = (
        F.fold(columns, (1, length), (1, N_FFT), stride=(1, HOP))[:, 0, 0]
        for columns in (frames, weights)
    )
    inner = slice(MARGIN, length - MARGIN)
    return wave[:, inner] / weight[:, inner]


@torch.inference_mode()
def vocode(vocoder: Vocoder, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
    """Sound of a spectrogram that comes in pieces, equal to that of the whole spectrogram.

    Args:
        vocoder: in evaluation mode.
        pieces: normalised log-mel [N_MELS, T], T of any size.

    Yields:
        Waves [L], L a multiple of HOP, delayed by the vocoder's receptive radius. Memory does not
        grow with the length.
    """
    radius = vocoder.receptive_radius
    buffer = torch.empty(N_MELS, 0)
    done = 0  # frames of the buffer whose sound was yielded
    for piece in pieces:
        buffer = torch.cat([buffer.to(piece), piece], dim=1)
        ready = buffer.shape[1] - radius
        if ready > done:
            yield vocoder(buffer[None])[0, done * HOP : ready * HOP]
            dropped = max(ready - radius, 0)
            buffer, done = buffer[:, dropped:], ready - dropped
    if buffer.shape[1] > done:
        yield vocoder(buffer[None])[0, done * HOP :]
