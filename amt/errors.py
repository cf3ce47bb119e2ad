"""The errors that a user can cause and mend.

Every message is one sentence that says what came, what was expected, and what to do. The command
line prints it and exits with code 2; anything that is not an :class:`AmtError` is a bug. The errors
of :mod:`render` are of the same tree.
"""

from render.files.errors import AmtError as AmtError
from render.files.errors import WeightsError as WeightsError
from render.files.errors import quoted as quoted
from render.files.errors import shortened as shortened
from render.files.errors import shown as shown
from render.files.errors import suggestion as suggestion


class VideoError(AmtError):
    """A clip cannot be opened, decoded, or holds no usable picture."""


class InputError(AmtError):
    """An argument, or a file that is not a clip, has an unusable value."""


class ChordError(InputError):
    """A chord, note or key name is not in the vocabulary."""


class GridError(InputError):
    """Cuts, hit points or tempo bounds from which no time grid can be made."""


class PlanError(InputError):
    """A plan file has another version, a missing or a broken field."""


class MidiError(InputError):
    """A MIDI file cannot be read."""


class OutputError(AmtError):
    """An output cannot be written."""


class DependencyError(AmtError, ImportError):
    """A library that this package stands on is missing or cannot be loaded."""
