"""The multi-resolution STFT distance of two sounds."""

from __future__ import annotations

import torch
from torch import Tensor

from render.diffusion.mel import FLOOR, stft

RESOLUTIONS = ((4096, 1024), (2048, 512), (1024, 256), (512, 128))
"""Window and hop, in samples. The longest shows whether phases agree over many frames, as those
of sustained tones must."""


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
