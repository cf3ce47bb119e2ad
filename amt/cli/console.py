"""What a run says on stderr: sentences, and how far each stage is."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from amt.cli import interrupts
from amt.errors import OutputError

Show = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0 to 1."""
LOADING = "loading"
"""The stage before any other: libraries and networks are read."""
HEARTBEAT_S = 4.0
"""Without a terminal, a stage that lasts longer says so this often."""


def say(text: str) -> None:
    """Print one sentence on stderr; control characters in it are shown, not obeyed."""
    line = " ".join(text.split())
    line = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line
    )
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be closed
        sys.stderr.write(f"amt: {line}\n")
        sys.stderr.flush()


def print_out(text: str) -> None:
    """Print lines on stdout.

    Raises:
        OutputError: stdout is closed, or whoever read it has gone.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError) as error:
        # What nobody reads must not be flushed again when the interpreter ends.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        raise OutputError("standard output is closed: what was to be printed is lost") from error


class _Display(Protocol):
    """Shows how far the stages are."""

    def __enter__(self) -> _Display: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, name: str, share: float) -> None: ...


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Show]:
    """Show the stages of a run: bars on a terminal, else a line a stage with its seconds.

    Args:
        quiet: show nothing, but go on raising interrupts.
    """
    display: _Display
    if quiet or sys.stderr is None:
        display = _Silent()
    else:
        display = _Bars() if sys.stderr.isatty() and _can_redraw() else _Lines()

    def show(name: str, share: float) -> None:
        interrupts.check()
        display.show(name, share)

    with display:
        show(LOADING, 0.0)
        yield show


def _can_redraw() -> bool:
    """Whether the terminal can move its cursor."""
    return not Console(stderr=True).is_dumb_terminal


class _Silent:
    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, name: str, share: float) -> None:
        return


class _Bars:
    """A bar a stage."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None
        self._name = ""

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def show(self, name: str, share: float) -> None:
        if name != self._name:
            self._finish()
            self._name, self._task = name, self._bars.add_task(name, total=1.0)
        if self._task is not None:
            self._bars.update(self._task, completed=share)

    def _finish(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=1.0)


class _Lines:
    """A line a stage when it ends, and one every few seconds while it lasts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._name, self._share = "", 0.0
        self._began_s = self._spoke_s = time.monotonic()

    def __enter__(self) -> _Lines:
        self._heart.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._heart.join()
        if kind is None:
            self._end_stage(time.monotonic())

    def show(self, name: str, share: float) -> None:
        with self._lock:
            if name != self._name:
                now_s = time.monotonic()
                self._end_stage(now_s)
                self._name, self._began_s = name, now_s
            self._share = share

    def _end_stage(self, now_s: float) -> None:
        if self._name:
            say(f"{self._name}: {now_s - self._began_s:.1f} s")
            self._spoke_s = now_s

    def _beat(self) -> None:
        while not self._ended.wait(0.5):
            with self._lock:
                now_s = time.monotonic()
                if now_s - self._spoke_s >= HEARTBEAT_S:
                    share = f"{100 * self._share:.0f} % after " if self._share else ""
                    say(f"{self._name}: {share}{now_s - self._began_s:.0f} s so far")
                    self._spoke_s = now_s
