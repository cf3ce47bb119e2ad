"""The options of a rendering, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from render.errors import AudioError, EngineError

NEURAL = "diffusion"
"""Name of the engine that is a network; the others play soundfonts."""

_SAMPLE_RATES = (8000, 96000)
"""Lowest and highest in Hz; the limiter and the loudness meter are tested between them."""


@dataclass(frozen=True, slots=True)
class NeuralOptions:
    """Options of the engine ``diffusion``; the other engines ignore them."""

    steps: int = 1
    """Steps of the flow in a window, 1 to 20. More add detail and, with the published networks,
    more noise."""
    guidance: float = 1.0
    """Scale of classifier-free guidance by the notes, 1 to 10; 1 is as trained."""
    seed: int = 0
    """Of the noise, 0 or more; equal seeds give equal sound."""
    networks: Path | None = None
    """Folder with ``denoiser`` and ``vocoder``; None takes the installed ones."""
    unsupported: Literal["soundfont", "refuse"] = "soundfont"
    """Whether a soundfont plays the notes that the network was not trained on, or the file is
    refused."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How a MIDI file is rendered.

    Raises:
        EngineError: the sample rate is out of range.
        AudioError: the length is not a positive number.
    """

    engine: str = "auto"
    """``auto``, ``fluidsynth``, ``midirenderer`` or ``diffusion``."""
    soundfont: Path | None = None
    """The soundfont file; see :func:`render.soundfont.find.find_soundfont` for None."""
    sample_rate: int = 44100
    """In Hz, 8000 to 96000."""
    loudness_lufs: float = -14.0
    """Integrated loudness of the result; see :func:`render.audio.normalising_gain`."""
    peak_db: float = -1.0
    """Ceiling of the peaks in dBFS."""
    normalise: bool = True
    """False leaves the level to the engine; the sound may then exceed full scale."""
    duration_s: float | None = None
    """Exact length in seconds, reached by silence or by a fade of the last 2 s; None for the length
    of the music."""
    neural: NeuralOptions = field(default_factory=NeuralOptions)

    def __post_init__(self) -> None:
        low, high = _SAMPLE_RATES
        if not low <= self.sample_rate <= high:
            raise EngineError(f"the sample rate is {self.sample_rate} Hz, expected {low} to {high}")
        duration_s = self.duration_s
        if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
            raise AudioError(f"the length to fit is {duration_s} s, expected more than 0")
