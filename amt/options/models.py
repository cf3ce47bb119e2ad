"""Which networks compose, and how their output is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from amt.errors import InputError
from render.files.options import Option, check_options

_PANEL = "Sampling"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingOptions:
    """How chords are sampled from the composer.

    Raises:
        InputError: a value is out of its range.
    """

    temperature: Annotated[
        float,
        Option(
            "Softmax temperature of the chords: below 1 safer, above 1 bolder.", _PANEL,
            low=0.01, high=5,
        ),
    ] = 1.0  # fmt: skip
    top_p: Annotated[
        float,
        Option(
            "Nucleus sampling: keep the most likely chords up to this total probability.", _PANEL,
            low=1e-6, high=1,
        ),
    ] = 0.98  # fmt: skip
    """Holtzman et al. 2020."""
    guidance: Annotated[
        float,
        Option(
            "Classifier-free guidance scale of the video (0 ignores it, 1 as trained).", _PANEL,
            low=0, high=20,
        ),
    ] = 1.5  # fmt: skip
    """Ho & Salimans 2022."""
    affect_guidance: Annotated[
        float,
        Option(
            "Guidance scale of valence and arousal, from chords to loudness (0 ignores mood).",
            _PANEL, low=0, high=20,
        ),
    ] = 1.5  # fmt: skip
    """All music follows mood by it, the video's and the asked: tempo, loudness, density, mode,
    harmonic rhythm, chords, register and articulation. At 1.5 they follow as in music that people
    made; at 0 mood is neutral."""
    free_run: float = 4.0
    """Slots that a chord may last before each further slot raises the log-odds of a change by 1: in
    the corpus an introduction may hold one chord for half a minute, which a short clip has no time
    for."""

    def __post_init__(self) -> None:
        check_options(self, InputError)
        if not self.free_run >= 0:
            raise InputError(f"`free_run` is {self.free_run:g}; expected a number of 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which networks compose."""

    weights: Annotated[
        Path | None,
        Option("Folder with other networks: composer, expression, arranger.", _PANEL),
    ] = None
