"""Cases one by one in a child process, which may crash, hang or ask for too much memory."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from experiments.fuzz.contract import Case, outcome

KINDS = ("edited", "midi", "moods", "options", "plan", "soundfont", "style", "video", "weights")
Draw = Callable[[random.Random], Case]
"""A case that is drawn with random numbers."""
LIMIT_S = 30.0
"""How long a case may take on a busy machine."""
MEMORY = 2 << 30
"""Bytes of memory that the child may write to, beyond those that it has after its imports."""
_START_S = 180.0


@dataclass
class Found:
    """What became of the cases.

    Attributes:
        counts: by outcome.
        broken: (number of the case, why).
        slowest: seconds, and number of the case.
        peak_mib: memory that the child had at most.
    """

    counts: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, 0)
    peak_mib: int = 0

    def add(self, number: int, result: str, seconds: float) -> None:
        """Count a case."""
        self.counts[result.split(":")[0] if result.startswith("broke") else result] += 1
        if result.startswith("broke"):
            self.broken.append((number, result))
        self.slowest = max(self.slowest, (seconds, number))


def preparation(kind: str) -> Callable[[Path], Draw]:
    """What makes the undamaged files of a kind in a folder and gives its cases."""
    prepare: Callable[[Path], Draw] = importlib.import_module(f"experiments.fuzz.{kind}").prepare
    return prepare


def random_of(kind: str, seed: int, number: int) -> random.Random:
    """The random numbers of a case."""
    return random.Random(f"{kind}/{seed}/{number}")


def run(kind: str, numbers: range, seed: int, keep: Path | None = None) -> Found:
    """Run cases in a child, and in a new one after each that ended it.

    Args:
        kind: one of :data:`KINDS`.
        numbers: of the cases.
        seed: of their random numbers.
        keep: folder for the files of cases that broke.
    """
    found = Found()
    at = numbers.start
    while at < numbers.stop:
        for number, result, seconds, peak in _results(kind, range(at, numbers.stop), seed, keep):
            found.add(number, result, seconds)
            found.peak_mib = max(found.peak_mib, peak)
            at = number + 1
    return found


def _results(
    kind: str, numbers: range, seed: int, keep: Path | None
) -> Iterator[tuple[int, str, float, int]]:
    """Number, outcome, seconds and MiB of cases until the child ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        child = context.Process(target=_child, args=(kind, numbers, seed, folder, keep, theirs))
        child.start()
        theirs.close()
        at, limit_s, start = numbers.start, _START_S, time.monotonic()
        try:
            while at < numbers.stop:
                if not ours.poll(limit_s):
                    yield at, f"broke: it took more than {limit_s:.0f} s", limit_s, 0
                    return
                number, result, seconds, peak = ours.recv()
                yield number, result, seconds, peak
                at, limit_s, start = number + 1, LIMIT_S, time.monotonic()
        except EOFError:
            child.join()
            yield at, f"broke: it ended its process ({child.exitcode})", time.monotonic() - start, 0
        finally:
            child.kill()
            child.join()


def _child(
    kind: str, numbers: range, seed: int, folder: str, keep: Path | None, results: Connection
) -> None:
    draw = preparation(kind)(Path(folder))
    os.chdir(folder)
    _limit_memory()
    for number in numbers:
        case = draw(random_of(kind, seed, number))
        start = time.perf_counter()
        result = outcome(case)
        seconds = time.perf_counter() - start
        if keep is not None and result.startswith("broke"):
            for path in case.files:
                (keep / f"{kind}-{seed}-{number}-{path.name}").write_bytes(path.read_bytes())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        results.send((number, result, seconds, peak))


def _limit_memory() -> None:
    status = Path("/proc/self/status").read_text().splitlines()
    now = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (now + MEMORY, now + MEMORY))
