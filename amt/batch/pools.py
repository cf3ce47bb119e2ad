"""Processes that each score one clip at a time: on this machine, or on a Ray cluster.

A process is made once, loads the networks once, and is replaced where it dies; that costs the clip
it was at and no other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Protocol

from pebble import ProcessExpired, ProcessPool

from amt.batch.jobs import Job
from amt.batch.manifest import Record
from amt.errors import DependencyError, InputError

Work = Callable[[Job], Record]
"""Scores one clip; whatever the clip is like, it returns the record."""
_THREADS = MappingProxyType(
    {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
)
"""Environment of the processes: there are as many as cores, so one thread in each."""
_PARENT_POLL_S = 0.5
LOCAL = "local"
"""In place of an address: a Ray cluster of this machine alone, for as long as the run lasts."""


class Pool(Protocol):
    """Processes that take jobs."""

    size: int
    """Jobs that it works on at the same time."""

    def submit(self, job: Job) -> Future[Record]:
        """Begin a job; at most ``size`` may be under way."""

    def failure(self, error: BaseException) -> str:
        """What the error of a job's future means, as a sentence without a full stop."""


def core_count() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def open_pool(
    make_work: Callable[[], Work],
    jobs: int | None = None,
    cluster: str | None = None,
    time_limit_s: float | None = None,
) -> Iterator[Pool]:
    """A pool, whose processes end with the block.

    Args:
        make_work: called once in each process; is pickled.
        jobs: processes; None takes one a core.
        cluster: address of a Ray cluster, ``auto`` or ``local``; None stays on this machine.
        time_limit_s: a clip that takes longer fails, and its process is replaced.

    Raises:
        DependencyError: the extra ``scale`` is not installed.
        InputError: the cluster cannot be reached.
    """
    if cluster is not None:
        with _ray_pool(make_work, jobs, cluster, time_limit_s) as ray_pool:
            yield ray_pool
        return
    local = _LocalPool(make_work, jobs or core_count(), time_limit_s)
    with local:
        yield local


_work: Work | None = None
"""Of this process, once it is a worker."""
_is_busy = False
"""Whether this process is scoring a clip."""


class _LocalPool:
    def __init__(
        self, make_work: Callable[[], Work], size: int, time_limit_s: float | None
    ) -> None:
        self.size = size
        self._time_limit_s = time_limit_s
        self._pool = ProcessPool(
            max_workers=size,
            initializer=_begin_worker,
            initargs=(make_work, os.getpid()),
            context=multiprocessing.get_context("spawn"),
        )
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> _LocalPool:
        self._before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(_THREADS)  # spawned processes inherit it
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._pool.close()
        else:
            self._pool.stop()
        self._pool.join()
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

    def submit(self, job: Job) -> Future[Record]:
        future: Future[Record] = self._pool.schedule(_do, args=(job,), timeout=self._time_limit_s)
        return future

    def failure(self, error: BaseException) -> str:
        if isinstance(error, TimeoutError):
            return f"it took longer than the time limit of {self._time_limit_s:g} s"
        if isinstance(error, ProcessExpired):
            return _death(error.exitcode)
        return f"internal error ({type(error).__name__}: {error})"


def _death(exit_code: int | None) -> str:
    """How a process ended."""
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        why = ", as where memory is short" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{why}"
    return f"its process ended with code {exit_code}"


def _begin_worker(make_work: Callable[[], Work], parent: int) -> None:
    """What a process does before its first job."""
    global _work
    # Ctrl-C reaches every process of a terminal; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _work = make_work()


def _leave(number: int, frame: object) -> None:
    """End: by an exception where a clip is under way, so that temporary files are removed."""
    if _is_busy:
        raise SystemExit(128 + number)
    os._exit(128 + number)


def _end_with(parent: int) -> None:
    """End this process soon after the one that made it, however that ended."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_S)
    os._exit(1)


def _do(job: Job) -> Record:
    global _is_busy
    assert _work is not None
    _is_busy = True
    try:
        return _work(job)
    finally:
        _is_busy = False


class _RayPool:
    """Actors of a cluster, each with one core."""

    def __init__(
        self, ray: Any, make_work: Callable[[], Work], size: int, time_limit_s: float | None  # noqa: ANN401
    ) -> None:  # fmt: skip
        self.size = size
        self._ray = ray
        self._time_limit_s = time_limit_s
        actor = ray.remote(num_cpus=1, max_restarts=-1)(_Actor)
        self._idle = [actor.remote(make_work) for _ in range(size)]

    def submit(self, job: Job) -> Future[Record]:
        actor = self._idle.pop()
        future: Future[Record] = actor.do.remote(job).future()
        late = threading.Timer(self._time_limit_s or 0.0, self._restart, [actor])
        if self._time_limit_s is not None:
            late.daemon = True
            late.start()

        def ended(_: Future[Record]) -> None:
            late.cancel()
            self._idle.append(actor)

        future.add_done_callback(ended)
        return future

    def failure(self, error: BaseException) -> str:
        if isinstance(error, self._ray.exceptions.RayActorError):
            limit_s = self._time_limit_s
            limit = "" if limit_s is None else f", or it took longer than {limit_s:g} s"
            return f"its process on the cluster ended{limit}"
        return f"internal error ({type(error).__name__}: {error})"

    def _restart(self, actor: Any) -> None:  # noqa: ANN401
        self._ray.kill(actor, no_restart=False)


class _Actor:
    """A process of a cluster."""

    def __init__(self, make_work: Callable[[], Work]) -> None:
        self._work = make_work()

    def do(self, job: Job) -> Record:
        """Score one clip."""
        return self._work(job)


@contextmanager
def _ray_pool(
    make_work: Callable[[], Work], jobs: int | None, cluster: str, time_limit_s: float | None
) -> Iterator[Pool]:
    try:
        import ray
    except ImportError as error:
        raise DependencyError(
            "a cluster needs the extra `scale`: install amt-soundtrack[scale]"
        ) from error
    is_local = cluster == LOCAL
    try:
        ray.init(
            address=LOCAL if is_local else cluster,
            num_cpus=jobs if is_local else None,
            log_to_driver=False,
            logging_level="error",
            include_dashboard=False if is_local else None,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"the Ray cluster {cluster} cannot be reached: {error}") from error
    try:
        cores = int(ray.cluster_resources().get("CPU", 1))
        yield _RayPool(ray, make_work, min(jobs or cores, cores), time_limit_s)
    finally:
        ray.shutdown()
