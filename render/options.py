"""The options of a rendering, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from render.errors import AudioError, EngineError
from render.files.options import LARGEST_SEED, Option, check_options

NEURAL = "diffusion"
"""Name of the engine that is a network; the others play soundfonts."""

_SAMPLE_RATES = (8000, 96000)
"""Lowest and highest in Hz; the limiter and the loudness meter are tested between them."""
_PANEL = "Sound"


@dataclass(frozen=True, slots=True)
class NeuralOptions:
    """Options of the engine ``diffusion``; the other engines ignore them.

    Raises:
        EngineError: a value is out of its range.
    """

    steps: Annotated[
        int,
        Option(
            "With diffusion: evaluations of the networks (1-20); 1 plays the mean, more draw "
            "texture.",
            _PANEL, low=1, high=20,
        ),
    ] = 1  # fmt: skip
    """Evaluations for each window: the first predicts the mean, the others draw what it lacks."""
    seed: Annotated[
        int,
        Option(
            "With diffusion: another seed, another noise.", _PANEL,
            low=0, high=LARGEST_SEED,
        ),
    ] = 0  # fmt: skip
    networks: Annotated[
        Path | None,
        Option("With diffusion: folder with other networks.", _PANEL, flag="renderer"),
    ] = None
    """Folder with ``predictor`` and ``denoiser``; None takes the installed ones."""
    unsupported: Annotated[
        Literal["soundfont", "refuse"],
        Option(
            "With diffusion: what the network does not support is played by a soundfont, or the "
            "file is refused.",
            _PANEL, old_flags=("--unlearned",),
        ),
    ] = "soundfont"  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self, EngineError)


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How a MIDI file is rendered.

    Raises:
        EngineError: the sample rate is out of range.
        AudioError: the length is not a positive number.
    """

    engine: Annotated[
        str,
        Option(
            "Synthesiser of soundfonts, or diffusion: a network (auto takes a soundfont).", _PANEL,
            choices=("auto", "fluidsynth", "midirenderer", NEURAL),
        ),
    ] = "auto"  # fmt: skip
    soundfont: Annotated[
        Path | None,
        Option(
            "SF2 or SF3 file; else $AMT_SOUNDFONT, else one of the system, else a small one.",
            _PANEL,
        ),
    ] = None
    """See :func:`render.soundfont.find.find_soundfont` for None."""
    sample_rate: int = 44100
    """In Hz, 8000 to 96000."""
    loudness_lufs: Annotated[
        float,
        Option(
            "Integrated loudness of the sound: -14 for streaming, -16 for podcasts, -23 for EBU "
            "R 128, -24 for ATSC A/85; true peaks stay below -1 dBTP.",
            _PANEL, low=-40, high=-5, unit="LUFS", flag="loudness",
        ),
    ] = -14.0  # fmt: skip
    """Integrated loudness of the result; see :func:`render.audio.normalising_gain`."""
    peak_db: float = -1.0
    """Ceiling of the true peaks in dBTP (ITU-R BS.1770-4, Annex 2)."""
    normalise: bool = True
    """False leaves the level to the engine; the sound may then exceed full scale."""
    duration_s: float | None = None
    """Exact length in seconds, reached by silence or by a fade of the last 2 s; None for the length
    of the music."""
    neural: NeuralOptions = field(default_factory=NeuralOptions)

    def __post_init__(self) -> None:
        check_options(self, EngineError)
        low, high = _SAMPLE_RATES
        if not low <= self.sample_rate <= high:
            raise EngineError(f"the sample rate is {self.sample_rate} Hz, expected {low} to {high}")
        duration_s = self.duration_s
        if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
            raise AudioError(f"the length to fit is {duration_s} s, expected more than 0")
