"""All that a user may ask of a piece."""

from __future__ import annotations

from dataclasses import dataclass, field

from amt.options.models import ModelOptions, SamplingOptions
from amt.options.music import MusicOptions
from amt.options.notes import NoteOptions
from amt.options.spotting import SpottingOptions
from amt.options.video import BackendOptions, FitOptions, SpeechOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that a user may ask of a piece."""

    music: MusicOptions = field(default_factory=MusicOptions)
    notes: NoteOptions = field(default_factory=NoteOptions)
    fit: FitOptions = field(default_factory=FitOptions)
    spotting: SpottingOptions = field(default_factory=SpottingOptions)
    backend: BackendOptions = field(default_factory=BackendOptions)
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    models: ModelOptions = field(default_factory=ModelOptions)
