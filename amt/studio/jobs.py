"""The queue of jobs, and the processes that do them.

Every job runs in a process of its own, forked from a small server process that has imported the
libraries already (``forkserver``), so that it begins at once and may crash or be killed alone. It
reports over a pipe; the end of the pipe without a result is a crash. A job leads a process group,
so that killing it ends the synthesiser that it may have started, too.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import secrets
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal

from amt.errors import AmtError
from amt.studio import worker

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Finish = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes over what a job made, and returns what its status says of it."""
_END_S = 3.0
"""Seconds in which a process ends after TERM; then it is killed."""
_FORK = "forkserver" if sys.platform != "win32" else "spawn"
LOST = "the work ended unexpectedly ({}); the server goes on, so try again"


@dataclass(eq=False)
class Job:
    """Work that was asked for; its fields change under the lock of its queue."""

    kind: str
    task: Any
    """What :func:`amt.studio.worker.main` does."""
    finish: Finish = lambda result: result
    abandon: Callable[[], object] = lambda: None
    """Called where nothing came of it."""
    owner: str = ""
    """Id of its project."""
    is_prompt: bool = False
    """Whether it takes a moment only, and is done before the others."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    state: State = "waiting"
    stage: str = ""
    share: float = 0.0
    messages: list[str] = field(default_factory=list)
    error: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    process: BaseProcess | None = None
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")


class _Nothing:
    """Work that only has the libraries imported, so that the first clip need not wait for them."""

    def run(self, reporter: object) -> dict[str, Any]:
        """Do nothing."""
        return {}

    def named(self, sentence: str) -> str:
        """The sentence."""
        return sentence


class Queue:
    """Jobs in the order in which they came, done by a number of processes at once.

    Args:
        workers: processes at once.
    """

    def __init__(self, workers: int) -> None:
        self._context: Any = multiprocessing.get_context(_FORK)
        if _FORK == "forkserver":
            multiprocessing.set_forkserver_preload(["amt.studio.preload"])
        self._lock = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"amt-job-{i}", args=(i == 0,), daemon=True)
            # One thread more, for what takes a moment only.
            for i in range(workers + 1)
        ]
        for thread in self._threads:
            thread.start()
        self.add(Job("warm up", _Nothing(), is_prompt=True))

    def add(self, job: Job) -> Job:
        """Put a job at the end."""
        with self._lock:
            self._waiting.append(job)
            self._lock.notify_all()
        return job

    def ahead(self, job: Job) -> int:
        """Number of jobs that come before a waiting one."""
        with self._lock:
            order = [one for one in self._waiting if one.is_prompt == job.is_prompt]
            return order.index(job) if job in order else 0

    def waiting(self, owner: str | None = None) -> int:
        """Number of jobs that wait, of one project or of all."""
        with self._lock:
            return sum(owner in (None, job.owner) for job in self._waiting)

    def cancel(self, job: Job) -> None:
        """End a job; one that is over stays as it is."""
        with self._lock:
            if not job.is_open:
                return
            job.state = "cancelled"
            process = job.process
            if job in self._waiting:
                self._waiting.remove(job)
                job.abandon()
                job.is_over.set()
        if process is not None:
            end(process)

    def close(self) -> None:
        """End all jobs, and take no more."""
        with self._lock:
            self._is_closed = True
            for job in self._waiting:
                job.state = "cancelled"
                job.is_over.set()
            self._waiting.clear()
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(_END_S * 2)

    def _serve(self, takes_prompt: bool) -> None:
        while (job := self._next(takes_prompt)) is not None:
            self._run(job)

    def _next(self, takes_prompt: bool) -> Job | None:
        with self._lock:
            while not self._is_closed:
                job = next((job for job in self._waiting if job.is_prompt == takes_prompt), None)
                if job is not None:
                    self._waiting.remove(job)
                    job.state = "running"
                    return job
                self._lock.wait()
        return None

    def _run(self, job: Job) -> None:
        """Do a job in a process, and follow it to its end."""
        theirs: Connection
        ours, theirs = self._context.Pipe(duplex=False)
        settings = {name: value for name, value in os.environ.items() if name.startswith("AMT_")}
        process = self._context.Process(
            target=worker.main, args=(job.task, theirs, settings), daemon=True
        )
        try:
            process.start()
        except Exception as error:
            self._close(job, "failed", f"the work could not be started: {error}")
            return
        finally:
            theirs.close()
        with self._lock:
            job.process = process
        while not ours.poll(0.2):
            if self._is_closed or job.state == "cancelled":
                break
        else:
            self._follow(job, ours)
        end(process)
        ours.close()
        if job.is_open:
            code = process.exitcode
            reason = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
            self._close(job, "failed", LOST.format(reason))
        elif not job.is_over.is_set():
            self._close(job, job.state, job.error)

    def _follow(self, job: Job, connection: Connection) -> None:
        """Take what a process reports until it ends, or until the job is cancelled."""
        while job.state == "running" and not self._is_closed:
            try:
                if not connection.poll(0.2):
                    continue
                kind, value = connection.recv()
            except (EOFError, OSError):
                return
            if kind == "progress":
                with self._lock:
                    job.stage, job.share = value
            elif kind == "message":
                with self._lock:
                    job.messages.append(value)
            elif kind == "failed":
                self._close(job, "failed", value)
            elif kind == "done":
                self._complete(job, value)

    def _complete(self, job: Job, result: dict[str, Any]) -> None:
        try:
            job.result = job.finish(result)
        except AmtError as error:
            self._close(job, "failed", str(error))
        except OSError as error:  # the project was removed, or the disk is full
            self._close(job, "failed", f"the result could not be kept: {error.strerror}")
        else:
            self._close(job, "done", "")

    def _close(self, job: Job, state: State, error: str) -> None:
        with self._lock:
            if job.state != "cancelled":
                job.state, job.error = state, error
            job.process = None
        if job.state != "done":
            job.abandon()
        job.is_over.set()


def end(process: BaseProcess) -> None:
    """End a process and those that it started."""
    if process.pid is None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    process.join(_END_S)
    if process.is_alive():
        process.kill()
        process.join(_END_S)
    if hasattr(signal, "SIGKILL"):
        _signal_group(process.pid, signal.SIGKILL)


def _signal_group(number: int, which: signal.Signals) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(number, which)
