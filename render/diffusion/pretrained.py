"""What the files of both networks must say: format, network, and the analysis of their training."""

from __future__ import annotations

from render.diffusion.instruments import INSTRUMENTS
from render.diffusion.mel import FLOOR, HOP, LOG_CENTRE, LOG_SCALE, N_FFT, N_MELS, SAMPLE_RATE
from render.files.weights import NetworkSpec

PREDICTOR, DENOISER = "predictor", "denoiser"
"""Names of the networks and of their folders."""
FORMAT = 2

_ANALYSIS = {
    "sample_rate": SAMPLE_RATE, "n_fft": N_FFT, "hop": HOP, "n_mels": N_MELS, "floor": FLOOR,
    "log_centre": LOG_CENTRE, "log_scale": LOG_SCALE,
}  # fmt: skip

PREDICTOR_SPEC = NetworkSpec(
    PREDICTOR,
    {
        "format": FORMAT, "network": PREDICTOR, "analysis": _ANALYSIS,
        "instruments": list(INSTRUMENTS),
    },
)  # fmt: skip
DENOISER_SPEC = NetworkSpec(
    DENOISER, {"format": FORMAT, "network": DENOISER, "analysis": _ANALYSIS}
)
