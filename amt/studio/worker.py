"""What runs in the process of a job: one task, reported over a pipe."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, Protocol

OF_THE_OPERATOR = ("allow_download", "clip_model", "soundfont", "weights")
"""Options that a client does not have."""
_REPORT_S = 0.1
"""Seconds between two reports of progress in one stage, at least."""


class Task(Protocol):
    """Work that a process does."""

    def run(self, reporter: Any) -> dict[str, Any]:  # noqa: ANN401 (imported in the process)
        """Do it, and return what is stated of the result."""

    def named(self, sentence: str) -> str:
        """A sentence without the server's paths."""


def main(task: Task, connection: Connection, settings: Mapping[str, str]) -> None:
    """Do a task and report it; the whole life of a process.

    Args:
        task: to be done.
        connection: takes ``progress`` (stage, share), ``message``, and in the end ``done`` with
            the result or ``failed`` with a sentence.
        settings: environment variables of the server.
    """
    _lead_group()
    os.environ.update(settings)
    from amt.errors import AmtError
    from amt.libraries import explained
    from amt.reporter import Reporter

    # Its own output belongs to nobody's terminal.
    sys.stdout = sys.stderr
    reporter = Reporter(_PipeDisplay(task, connection))
    try:
        result = task.run(reporter)
    except MemoryError:
        connection.send(("failed", "there is not enough memory for this clip"))
    except Exception as error:
        known = explained(error) or error
        sentence = str(known) if isinstance(known, AmtError) else _surprise(error)
        connection.send(("failed", task.named(sentence)))
    else:
        connection.send(("done", result))
    connection.close()


def _surprise(error: Exception) -> str:
    """An error that nobody foresaw, in words; the traceback goes to the server's log."""
    import traceback

    traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"internal error ({type(error).__name__}: {error}); the server's log has more"


def _lead_group() -> None:
    """Become the leader of a process group, and end by the usual signals."""
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _PipeDisplay:
    """Sends progress and messages to the server."""

    def __init__(self, task: Task, connection: Connection) -> None:
        self._task, self._connection = task, connection
        self._stage, self._sent_at = "", 0.0

    def progress(self, stage: str, share: float) -> None:
        """Send a share of a stage, but not too often."""
        import time

        now = time.monotonic()
        if stage != self._stage or now - self._sent_at > _REPORT_S:
            self._stage, self._sent_at = stage, now
            self._send("progress", (stage, min(max(float(share), 0.0), 1.0)))

    def message(self, text: str) -> None:
        """Send a sentence; one on options that only the operator has goes to the server's log."""
        if any(f"`{name}`" in text for name in OF_THE_OPERATOR):
            sys.stderr.write(f"amt: {text}\n")
        else:
            self._send("message", self._task.named(text))

    def _send(self, kind: str, value: object) -> None:
        try:
            self._connection.send((kind, value))
        except OSError:  # the server is gone
            os._exit(1)
