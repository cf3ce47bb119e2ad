"""The display of a run on stderr: messages, and how far each stage is."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from amt.cli import interrupts
from amt.cli.console import say
from amt.reporter import Display, Reporter, SilentDisplay

LOADING = "loading"
"""The stage before any other: libraries and networks are read."""
HEARTBEAT_S = 4.0
"""Without a terminal, a stage that lasts longer says so this often."""


class _Display(Display, Protocol):
    """Shows messages and how far the stages are, from entering it to leaving it."""

    def __enter__(self) -> _Display: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@contextlib.contextmanager
def reporting(quiet: bool) -> Iterator[Reporter]:
    """Show the stages of a run: bars on a terminal, else a line a stage with its seconds.

    The reporter's progress calls raise :class:`amt.reporter.Cancelled` once a signal has come.

    Args:
        quiet: show neither progress nor messages.
    """
    display: _Display
    if quiet or sys.stderr is None:
        display = _Silent()
    else:
        display = _Bars() if sys.stderr.isatty() and _can_redraw() else _Lines()
    reporter = Reporter(display, interrupts.state.cancel_token)
    with display:
        reporter.stage(LOADING).progress(0.0)
        yield reporter


def _can_redraw() -> bool:
    """Whether the terminal can move its cursor."""
    return not Console(stderr=True).is_dumb_terminal


class _Silent(SilentDisplay):
    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None:
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
        self._lock = threading.Lock()
        self._task: TaskID | None = None
        self._name = ""

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def progress(self, stage: str, share: float) -> None:
        with self._lock:
            if stage != self._name:
                self._finish()
                self._name, self._task = stage, self._bars.add_task(stage, total=1.0)
            if self._task is not None:
                self._bars.update(self._task, completed=share)

    def message(self, text: str) -> None:
        say(text)

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

    def progress(self, stage: str, share: float) -> None:
        with self._lock:
            if stage != self._name:
                now_s = time.monotonic()
                self._end_stage(now_s)
                self._name, self._began_s = stage, now_s
            self._share = share

    def message(self, text: str) -> None:
        say(text)

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
