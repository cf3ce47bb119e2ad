"""What Ctrl-C, TERM and a closed terminal do: end the run, silently while it has made nothing.

Once temporary files may lie on the disk, the signal raises ``KeyboardInterrupt``, whose handlers
remove them. A library may swallow that, so the signal cancels the run's token, too: the next
progress report raises :class:`amt.reporter.Cancelled`.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from types import FrameType

from amt.reporter import CancelToken

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass
class _State:
    received: int | None = None
    """Number of the signal that came."""
    cleaning: bool = False
    """Whether there may be something to remove."""
    published: bool = False
    """Whether the outputs are in place."""
    cancel_token: CancelToken = field(default_factory=CancelToken)
    """Of the run."""


state = _State()


def install() -> None:
    """Take over the signals, as at the start of a run."""
    state.received, state.cleaning, state.published = None, False, False
    state.cancel_token = CancelToken()
    for number in _numbers():
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _on_signal)


def ignore() -> None:
    """Let nothing disturb the end of a run, and the exit code be the one that is chosen."""
    for number in _numbers():
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
    # A KeyboardInterrupt that passed through the execution of a text, as in the import of a
    # library, makes Python end by SIGINT, whatever becomes of it; the next such execution ends
    # that.
    exec("")


def _numbers() -> list[signal.Signals]:
    """The signals that there are on this system."""
    return [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


def _on_signal(number: int, frame: FrameType | None) -> None:
    if not state.cleaning:
        os._exit(128 + number)
    state.received = number
    state.cancel_token.cancel()
    raise KeyboardInterrupt


def exit_code() -> int:
    """128 and the number of the signal, as shells count."""
    return 128 + (state.received or signal.SIGINT)
