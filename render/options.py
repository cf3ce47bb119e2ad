"""What may be asked of a rendering."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from render.errors import AudioError, EngineError

NEURAL = "diffusion"
"""The engine that is a network; the others play soundfonts."""

_SAMPLE_RATES = (8000, 96000)


@dataclass(frozen=True, slots=True)
class NeuralOptions:
    """How the neural renderer works; the other engines have no use for them."""

    steps: int = 1
    """Evaluations of the network a window, 1 to 20. More draw finer detail and, with the networks
    that ship, more noise."""
    guidance: float = 1.0
    """How far what the notes ask for is overstated, 1 to 10; 1 is as learned."""
    seed: int = 0
    """Of the noise, 0 or more; equal seeds give equal sound."""
    networks: Path | None = None
    """Folder with ``denoiser`` and ``vocoder``; None takes the installed ones."""
    unlearned: Literal["soundfont", "refuse"] = "soundfont"
    """Whether a soundfont plays what the network has not learned, or the file is refused."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What may be asked of a rendering.

    Raises:
        EngineError: the sample rate cannot be used.
        AudioError: the length to reach is not a positive number.
    """

    engine: str = "auto"
    """``auto``, ``fluidsynth``, ``midirenderer`` or ``diffusion``."""
    soundfont: Path | None = None
    """The file to play on; see :func:`render.soundfont.find.find_soundfont` for None."""
    sample_rate: int = 44100
    """In Hz, 8000 to 96000."""
    loudness_lufs: float = -14.0
    """Integrated loudness to reach; see :func:`render.audio.normalising_gain`."""
    peak_db: float = -1.0
    """Ceiling of the peaks in dBFS."""
    normalise: bool = True
    """Whether to level at all; without, the sound is as the engine made it and may exceed full
    scale."""
    duration_s: float | None = None
    """The exact length to reach by silence, or by a fade of the last 2 s, if any."""
    neural: NeuralOptions = field(default_factory=NeuralOptions)

    def __post_init__(self) -> None:
        low, high = _SAMPLE_RATES
        if not low <= self.sample_rate <= high:
            raise EngineError(f"the sample rate is {self.sample_rate} Hz, expected {low} to {high}")
        duration_s = self.duration_s
        if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
            raise AudioError(f"the length to fit is {duration_s} s, expected more than 0")
