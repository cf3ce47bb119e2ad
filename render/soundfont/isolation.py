"""Synthesisers in child processes, so that a damaged soundfont cannot crash the parent.

Synthesisers are written in C and Rust; a damaged file may make them print to standard error, crash,
or loop for ever. In a child process each of these becomes an error that the parent can report.
Parent and child speak through the child's standard input and output in
frames: a byte that names the kind, the length in eight bytes, the content.

This module is all that the child needs to start; it imports nothing heavy.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import BinaryIO

_DATA, _DONE, _FAILED = b"d", b"e", b"f"
_HEAD = 9
TIMEOUT_S = 60.0
"""Seconds that a child may take for one step, such as loading or a second of sound."""
_WATCH_S = 0.5
"""Seconds between checks whether a child is late."""


class ChildError(Exception):
    """A child process crashed, took too long, or reported a failure."""


class Child:
    """A process that runs a module of this package, started anew after a crash.

    Args:
        module: its name; it calls :func:`serve`.
        arguments: its command line.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = (sys.executable, "-P", "-m", module, *arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: _Watch
        self._finalizer: Callable[[], object] | None = None

    def ask(self, *contents: bytes) -> Iterator[bytes]:
        """Send a request of several frames and yield the frames of the answer as they arrive.

        An answer that is not read to its end ends the process.

        Raises:
            ChildError: the process failed.
        """
        process = self._running()
        whole = False
        try:
            for content in contents:
                _write(_pipe(process.stdin), _DATA, content)
            _write(_pipe(process.stdin), _DONE, b"")
            yield from self._answer(process)
            whole = True
        except (BrokenPipeError, EOFError, ConnectionError) as error:
            code = process.poll()
            raise ChildError("it crashed" if code is None else f"it crashed ({code})") from error
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        """End the process."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = self._finalizer = None

    def _answer(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        while True:
            self._watch.deadline = time.monotonic() + TIMEOUT_S
            try:
                kind, content = _read(_pipe(process.stdout))
            except EOFError as error:
                if self._watch.is_late:
                    raise ChildError(f"it took more than {TIMEOUT_S:.0f} s") from error
                raise
            finally:
                self._watch.deadline = math.inf
            if kind == _FAILED:
                raise ChildError(content.decode(errors="replace"))
            if kind == _DONE:
                return
            yield content

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # The child finds what the parent finds, whatever changed the parent's path.
            path = os.pathsep.join(place for place in map(os.path.abspath, sys.path) if place)
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": path},
                )
            except OSError as error:
                raise ChildError(f"it cannot be started ({error.strerror})") from error
            self._watch = _Watch(self._process)
            self._finalizer = weakref.finalize(self, _end, self._process, self._watch)
        return self._process


def serve(answer: Callable[[list[bytes]], Iterator[bytes]]) -> None:
    """Answer requests on the standard input until it ends; what the child runs.

    What libraries print goes to the standard error, so that it does not come between frames.

    Args:
        answer: frames of a request → frames of its answer.
    """
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    contents: list[bytes] = []
    while True:
        try:
            kind, content = _read(requests)
        except (EOFError, KeyboardInterrupt):
            return
        if kind == _DATA:
            contents.append(content)
            continue
        try:
            for part in answer(contents):
                _write(answers, _DATA, part)
            _write(answers, _DONE, b"")
        except (BrokenPipeError, KeyboardInterrupt):
            return
        except BaseException as error:  # Rust's panics are no Exceptions
            _write(answers, _FAILED, f"{error}".encode()[:200])
        contents = []


def _pipe(stream: object) -> BinaryIO:
    assert stream is not None  # all were asked for
    return stream  # type: ignore[return-value]


def _write(stream: BinaryIO, kind: bytes, content: bytes) -> None:
    for piece in (kind + len(content).to_bytes(8, "little"), content):
        left = memoryview(piece)
        while left:  # an unbuffered stream may write less than it was given
            left = left[stream.write(left) :]
    stream.flush()


def _read(stream: BinaryIO) -> tuple[bytes, bytes]:
    head = _exactly(stream, _HEAD)
    return head[:1], _exactly(stream, int.from_bytes(head[1:], "little"))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


class _Watch:
    """Ends a process that is late, from a thread of its own.

    Attributes:
        deadline: when the process is late, by the monotonic clock.
        is_late: whether it was.
        over: set when there is nothing left to watch.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.deadline, self.is_late = math.inf, False
        self.over = threading.Event()
        threading.Thread(target=self._run, args=(process,), daemon=True).start()

    def _run(self, process: subprocess.Popen[bytes]) -> None:
        while not self.over.wait(_WATCH_S):
            if time.monotonic() > self.deadline:
                self.is_late = True
                process.kill()
                return


def _end(process: subprocess.Popen[bytes], watch: _Watch) -> None:
    watch.over.set()
    process.kill()
    for pipe in (process.stdin, process.stdout):
        try:
            _pipe(pipe).close()
        except OSError:
            continue  # what was still to be sent is of no use
    process.wait()
