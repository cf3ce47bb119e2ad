"""What the files of both networks must say: format, network, and the analysis of their training."""

from __future__ import annotations

from render.diffusion.instruments import INSTRUMENTS
from render.diffusion.mel import FLOOR, HOP, LOG_CENTRE, LOG_SCALE, N_FFT, N_MELS, SAMPLE_RATE
from render.files.weights import NetworkSpec

DENOISER, VOCODER = "denoiser", "vocoder"
"""Names of the networks and of their folders."""
FORMAT = 1

_ANALYSIS = {
    "sample_rate": SAMPLE_RATE, "n_fft": N_FFT, "hop": HOP, "n_mels": N_MELS, "floor": FLOOR,
    "log_centre": LOG_CENTRE, "log_scale": LOG_SCALE,
}  # fmt: skip

_RENAMED_DENOISER = {
    "notes.nothing": "note_encoder.null",
    "notes": "note_encoder",
    "sketch": "prior",
    "sketched": "prior_in",
    "inlet": "proj_in",
    "outlet": "proj_out",
    "level": "time_mlp",
    "tables": "modulation",
    "retold": "note_gains",
    "blocks.*.mix": "blocks.*.depthwise",
}
"""Tensor names of the weight file -> those of today's attributes (see
:class:`render.files.weights.NetworkSpec`); goes when the denoiser is retrained."""
_RENAMED_VOCODER = {
    "inlet": "embed",
    "first_norm": "norm",
    "last_norm": "final_layer_norm",
    "blocks.*.mix": "blocks.*.depthwise",
}
"""Likewise; goes when the vocoder is retrained."""

DENOISER_SPEC = NetworkSpec(
    DENOISER,
    {
        "format": FORMAT, "network": DENOISER, "analysis": _ANALYSIS,
        "instruments": list(INSTRUMENTS),
    },
    _RENAMED_DENOISER,
)  # fmt: skip
VOCODER_SPEC = NetworkSpec(
    VOCODER, {"format": FORMAT, "network": VOCODER, "analysis": _ANALYSIS}, _RENAMED_VOCODER
)
