"""The errors of :mod:`render` that a user can cause and mend.

Every message is one sentence with the value found, what was expected, and what to do. All are
subclasses of :class:`render.files.errors.AmtError`.
"""

from render.files.errors import AmtError
from render.files.errors import WeightsError as WeightsError


class RenderError(AmtError):
    """Base class of the errors of this package."""


class MidiFileError(RenderError):
    """A MIDI file cannot be read, or holds nothing to play."""


class EngineError(RenderError):
    """A synthesiser is unknown, not installed, or cannot do what is asked."""


class SoundfontError(RenderError):
    """A soundfont is missing, damaged, or of a format the engine cannot read."""


class AudioError(RenderError):
    """Audio cannot be written, or has a wrong shape, length or suffix."""


class MuxError(RenderError):
    """A video cannot be read, or the output's container does not support its codec."""
