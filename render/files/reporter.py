"""What a run reports while it works (progress and messages), and how it is cancelled.

A function that takes long has one parameter ``reporter``. It calls :meth:`Reporter.progress` with
the share of *its own* work that is done; the caller decides by :meth:`Reporter.stage` and
:meth:`Reporter.part` what that is a share of. Where both go, a :class:`Display` decides: the log by
default, the terminal for the command line, two functions for the Python interface.

>>> steps = []
>>> reporter = callback_reporter(progress=lambda stage, share: steps.append((stage, share)))
>>> second_half = reporter.stage("arranging").part(0.5, 1.0)
>>> second_half.progress(0.5)
>>> steps
[('arranging', 0.75)]
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

log = logging.getLogger("amt")


class Cancelled(BaseException):
    """The run was cancelled by its :class:`CancelToken`.

    It is no :class:`Exception`, as :class:`asyncio.CancelledError` is none, so that a library that
    catches every exception does not go on with the work.
    """


class CancelToken:
    """Cancels a run from another thread or from a signal handler.

    The run ends with :class:`Cancelled` at its next progress report.
    """

    def __init__(self) -> None:
        # A plain attribute rather than an Event: a signal handler may not wait for a lock.
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Ask the run to end; a second call changes nothing."""
        self._is_cancelled = True

    def raise_if_cancelled(self) -> None:
        """End the run if that was asked for.

        Raises:
            Cancelled: :meth:`cancel` was called.
        """
        if self._is_cancelled:
            raise Cancelled("the run was cancelled")


class Display(Protocol):
    """Shows progress and messages; called from any thread."""

    def progress(self, stage: str, share: float) -> None:
        """Show that a share (0 to 1) of a stage is done."""

    def message(self, text: str) -> None:
        """Show one sentence that the user should know."""


class LogDisplay:
    """Messages go to the logger ``amt`` at level INFO; progress is not shown."""

    def progress(self, stage: str, share: float) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Log a sentence."""
        log.info("%s", text)


class SilentDisplay:
    """Neither progress nor messages are shown."""

    def progress(self, stage: str, share: float) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Show nothing."""


class CallbackDisplay:
    """Progress and messages go to functions, one call at a time.

    Args:
        progress: called with the name of a stage and the share (0 to 1) of it that is done.
        message: called with one sentence; None logs it.
    """

    def __init__(
        self,
        progress: Callable[[str, float], object] | None = None,
        message: Callable[[str], object] | None = None,
    ) -> None:
        self._progress = progress
        self._message = message or LogDisplay().message
        self._lock = threading.RLock()

    def progress(self, stage: str, share: float) -> None:
        """Call the function for progress, if any."""
        if self._progress is not None:
            with self._lock:
                self._progress(stage, share)

    def message(self, text: str) -> None:
        """Call the function for messages."""
        with self._lock:
            self._message(text)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Takes the progress and the messages of a run, or of a part of one; safe in any thread."""

    display: Display = LogDisplay()  # noqa: RUF009 (it holds no state)
    """Where they go."""
    cancel_token: CancelToken | None = None
    """Ends the run at a progress report; None where nothing cancels it."""
    stage_name: str = ""
    """Of the stage that runs, such as ``composing``."""
    low: float = 0.0
    """Share of the stage that is done where this reporter's part begins."""
    high: float = 1.0
    """Share of the stage that is done where this reporter's part ends."""

    def progress(self, share: float) -> None:
        """Report that a share (0 to 1) of this reporter's part is done.

        Raises:
            Cancelled: the run was cancelled.
        """
        if self.cancel_token is not None:
            self.cancel_token.raise_if_cancelled()
        self.display.progress(self.stage_name, self.low + share * (self.high - self.low))

    def message(self, text: str) -> None:
        """Report one sentence that the user should know."""
        self.display.message(text)

    def stage(self, name: str) -> Reporter:
        """A reporter for a whole stage of a run."""
        return replace(self, stage_name=name, low=0.0, high=1.0)

    def part(self, low: float, high: float) -> Reporter:
        """A reporter for the part of this one's work from share ``low`` to share ``high``."""
        span = self.high - self.low
        return replace(self, low=self.low + low * span, high=self.low + high * span)


def callback_reporter(
    progress: Callable[[str, float], object] | None = None,
    message: Callable[[str], object] | None = None,
    cancel_token: CancelToken | None = None,
) -> Reporter:
    """A reporter that calls functions; arguments as of :class:`CallbackDisplay`."""
    return Reporter(CallbackDisplay(progress, message), cancel_token)


DEFAULT_REPORTER = Reporter()
"""Logs messages and shows no progress."""
SILENT = Reporter(SilentDisplay())
"""Drops everything, as where a file is read a second time."""
