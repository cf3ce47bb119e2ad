"""A sound filtered band by band and frame by frame, so that its log-mel becomes a given one.

The phases of the sound stay, and with them its pitches and onsets; only magnitudes change. A gain
is the difference of the wanted and the present spectrogram. As bands overlap and frames too, one
pass comes near and a second one corrects what is left (as Griffin & Lim 1984 alternate between a
wanted magnitude and a consistent one, here with the phase of the source).
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from render.diffusion.mel import (
    HOP,
    LOG_SCALE,
    MARGIN,
    N_FFT,
    N_MELS,
    SAMPLE_RATE,
    band_hz,
    log_mel,
    stft,
    window,
)

PASSES = 3
"""What remains after three passes is 1.4 dB (measured on the teacher's own spectrograms)."""
PASS_REACH = 4
"""Frames on each side on which a frame depends in one pass."""
_MOST_NATS = 6.0
"""Largest change of a band in one pass, as a natural logarithm (52 dB)."""


def filtered(source: Tensor, mel: Tensor, passes: int = PASSES) -> Tensor:
    """The source with the spectrogram.

    Args:
        source: [B, T·HOP + 2·MARGIN] with analysis margins.
        mel: [B, N_MELS, T] wanted, normalised.
        passes: 1 or more.

    Returns:
        [B, T·HOP]. Within ``passes`` times :data:`PASS_REACH` frames of either end it depends on
        what is missing beyond.
    """
    wave = source
    for _ in range(passes):
        spectrum = stft(wave, N_FFT, HOP)
        nats = ((mel - log_mel(wave)) * LOG_SCALE).clamp(-_MOST_NATS, _MOST_NATS)
        gains = (_to_bins(wave.device) @ nats).exp()
        inner = overlap_added(spectrum * gains)
        wave = F.pad(inner, (MARGIN, MARGIN))
    return inner


def overlap_added(spectrum: Tensor) -> Tensor:
    """Sound [B, T·HOP] of complex frames [B, bins, T], as :func:`.mel.stft` cuts it.

    A windowed frame is windowed again; the sum of four squared Hann windows a quarter apart is 1.5.
    """
    n_frames = spectrum.shape[-1]
    frames = torch.fft.irfft(spectrum, N_FFT, dim=1) * window(N_FFT, spectrum.device)[:, None]
    length = (n_frames - 1) * HOP + N_FFT
    total = F.fold(frames, (1, length), (1, N_FFT), stride=(1, HOP))[:, 0, 0]
    return total[:, MARGIN : length - MARGIN] / (1.5 * N_FFT / (4 * HOP))


@functools.cache
def _to_bins(device: torch.device) -> Tensor:
    """Matrix [bins, N_MELS] that interpolates bands to Fourier bins, linear in frequency."""
    with torch.inference_mode(False):
        centres = band_hz()
        hz = torch.linspace(0.0, SAMPLE_RATE / 2, N_FFT // 2 + 1, dtype=torch.float64)
        high = torch.searchsorted(centres, hz).clamp(1, N_MELS - 1)
        low = high - 1
        share = ((hz - centres[low]) / (centres[high] - centres[low])).clamp(0, 1)
        matrix = torch.zeros(len(hz), N_MELS, dtype=torch.float64)
        rows = torch.arange(len(hz))
        matrix[rows, low] = 1 - share
        matrix[rows, high] += share
        return matrix.float().to(device)
