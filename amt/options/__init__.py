"""What a user may ask for: one table for the command line, the Python interface and the checks.

Each class is a group of options with name, type, default, range and help; see
:mod:`render.files.options` for how a field is written. Nothing here imports NumPy or PyTorch, so
that ``amt --help`` answers at once.
"""

from amt.options.models import ModelOptions, SamplingOptions
from amt.options.music import MusicOptions, parse_primer
from amt.options.notes import ARRANGERS, ArrangerName, NoteOptions
from amt.options.request import Request
from amt.options.spotting import SpottingOptions
from amt.options.video import Backend, BackendOptions, FitOptions, Speech, SpeechOptions, TempoMap

__all__ = [
    "ARRANGERS",
    "ArrangerName",
    "Backend",
    "BackendOptions",
    "FitOptions",
    "ModelOptions",
    "MusicOptions",
    "NoteOptions",
    "Request",
    "SamplingOptions",
    "Speech",
    "SpeechOptions",
    "SpottingOptions",
    "TempoMap",
    "parse_primer",
]
