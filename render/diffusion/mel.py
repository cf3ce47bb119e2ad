"""The log-mel analysis that networks and filter share, and its scale.

24 kHz covers the spectrum of General MIDI instruments at three quarters of the cost of 32 kHz; a
hop of 256 samples (10.7 ms) is well within the 50 ms tolerance of onsets in transcription. The 128
bands are Slaney's (*Auditory Toolbox*, 1998): linear below 1 kHz, where the triangles of the HTK
formula would be narrower than the 23 Hz of a Fourier bin and some would be empty.

Frame t covers samples t·HOP to (t+1)·HOP: its window of N_FFT samples is centred on their
middle. Bands are magnitudes under triangles of height 1, so that a sinusoid of amplitude A reads
about A·N_FFT/4 at its peak, whatever its frequency.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLE_RATE = 24_000
"""In Hz."""
N_FFT = 1024
"""Samples of a window."""
HOP = 256
"""Samples from a frame to the next."""
N_MELS = 128
"""Bands."""
FRAME_RATE = SAMPLE_RATE / HOP
"""Frames a second: 93.75."""
MARGIN = (N_FFT - HOP) // 2
"""Samples by which a frame's window is longer than the frame, on each side."""

FLOOR = 3e-3
"""Smaller magnitudes count as silence: that of a sinusoid at -98 dBFS."""
LOG_CENTRE, LOG_SCALE = -3.0, 2.5
"""Normalised = (log magnitude - LOG_CENTRE) / LOG_SCALE: about zero mean and unit variance where a
part of a song sounds."""
SILENCE = (math.log(FLOOR) - LOG_CENTRE) / LOG_SCALE
"""Value of silence in a normalised spectrogram."""


def log_mel(wave: Tensor) -> Tensor:
    """Normalised log-mel spectrogram.

    Args:
        wave: [B, L] with L = T·HOP + 2·MARGIN samples; :func:`padded` adds the margins.

    Returns:
        float32 [B, N_MELS, T], at least :data:`SILENCE`.
    """
    with torch.autocast(wave.device.type, enabled=False):
        magnitude = stft(wave.float(), N_FFT, HOP).abs()
        mel = _filters(wave.device) @ magnitude
        return (mel.clamp(min=FLOOR).log() - LOG_CENTRE) / LOG_SCALE


def padded(wave: Tensor) -> Tensor:
    """A sound [B, L] with silent margins on both sides, its length rounded up to whole frames."""
    return F.pad(wave, (MARGIN, MARGIN + -wave.shape[-1] % HOP))


def stft(wave: Tensor, n_fft: int, hop: int) -> Tensor:
    """Complex spectrogram [B, n_fft // 2 + 1, T] under a Hann window, without padding."""
    return torch.stft(
        wave, n_fft, hop, window=window(n_fft, wave.device), center=False, return_complex=True
    )


def mel_filters() -> Tensor:
    """Triangles [N_MELS, N_FFT // 2 + 1] of height 1, equally spaced on Slaney's scale."""
    edges = _band_edges()
    bins = torch.linspace(0.0, SAMPLE_RATE / 2, N_FFT // 2 + 1, dtype=torch.float64)
    slopes = bins - edges[:, None]
    widths = edges.diff()[:, None]
    rising, falling = slopes[:-2] / widths[:-1], -slopes[2:] / widths[1:]
    return torch.minimum(rising, falling).clamp(min=0.0).float()


def band_hz() -> Tensor:
    """Frequencies float64 [N_MELS] of the bands' peaks."""
    return _band_edges()[1:-1]


def _band_edges() -> Tensor:
    """Edges and peaks float64 [N_MELS + 2] of the triangles, in Hz."""
    return _to_hz(torch.linspace(0.0, _to_mel(SAMPLE_RATE / 2), N_MELS + 2, dtype=torch.float64))


@functools.cache
def window(size: int, device: torch.device) -> Tensor:
    """A periodic Hann window [size]."""
    with torch.inference_mode(False):  # the cached tensor must serve training too
        return torch.hann_window(size, device=device)


@functools.cache
def _filters(device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return mel_filters().to(device)


# Slaney's mel scale (Auditory Toolbox, 1998).
_LINEAR_HZ = 200 / 3
"""Hz a mel below :data:`_BREAK_HZ`."""
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27
"""Natural logarithm of the frequency ratio a mel above :data:`_BREAK_HZ`."""


def _to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ
    return _BREAK_HZ / _LINEAR_HZ + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _to_hz(mel: Tensor) -> Tensor:
    above = mel - _BREAK_HZ / _LINEAR_HZ
    return torch.where(above < 0, mel * _LINEAR_HZ, _BREAK_HZ * torch.exp(above * _LOG_STEP))
