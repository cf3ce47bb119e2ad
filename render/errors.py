"""The errors that a user of :mod:`render` can cause and mend.

Every message is one sentence that says what came, what was expected, and what to do. They
belong to the tree of :class:`render.files.errors.AmtError`.
"""

from render.files.errors import AmtError
from render.files.errors import WeightsError as WeightsError


class RenderError(AmtError):
    """Base of every error of this package that input or environment can cause."""


class MidiFileError(RenderError):
    """A MIDI file cannot be read, or holds nothing to play."""


class EngineError(RenderError):
    """A synthesiser is unknown, not installed, or cannot do what is asked."""


class SoundfontError(RenderError):
    """A soundfont is missing, damaged, or of a format the engine cannot read."""


class AudioError(RenderError):
    """Audio cannot be written, or a value asked of it has no meaning."""


class MuxError(RenderError):
    """A clip cannot be read, or its picture cannot live in the output's container."""
