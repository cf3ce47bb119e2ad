"""The run of a batch: deals clips out to processes and writes down what becomes of them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from amt.batch.jobs import Job
from amt.batch.manifest import FileState, Manifest, Record
from amt.batch.pools import Pool
from amt.errors import shown
from amt.outputs import existing_outputs
from amt.reporter import Reporter

_POLL_S = 0.5
"""How long an interrupt may go unnoticed."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the clips of a run."""

    done: int = 0
    partly: int = 0
    failed: int = 0
    kept: int = 0
    """Were done by an earlier run."""

    def plus(self, status: str) -> Tally:
        """With one clip more."""
        return replace(self, **{status: getattr(self, status) + 1})


def now() -> str:
    """Date and time as a record has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def clip_name(clip: Path) -> str:
    """A clip's path as text that JSON holds."""
    return os.fsencode(clip).decode("utf-8", "backslashreplace")


def is_done(record: Record | None, job: Job, options: dict[str, Any], manifest: Manifest) -> bool:
    """Whether nothing is left to do for a clip.

    An output that was edited since counts as done: it is the user's now.
    """
    return (
        record is not None
        and record.status == "done"
        and record.options == options
        and record.outputs == manifest.relative(job.outputs)
        and record.input is not None
        and record.input.is_of(job.clip)
        and all(path.exists() for path in job.outputs.values())
    )


def replaceable(record: Record | None, job: Job) -> tuple[Path, ...]:
    """The outputs that an earlier run wrote and nobody has changed since, or that it was writing.

    Args:
        record: the clip's last; one with ``begun`` was written after it was seen that nothing lay
            there, so what lies there now comes from the run that was cut off.
        job: of the clip.
    """
    if record is None:
        return ()
    if record.status == "begun":
        return tuple(job.outputs.values())
    return tuple(
        path
        for kind, path in job.outputs.items()
        if kind in record.states and record.states[kind].is_of(path)
    )


def run_batch(
    jobs: Sequence[Job],
    pool: Pool,
    manifest: Manifest,
    reporter: Reporter,
    tally: Tally,
    *,
    force: bool = False,
) -> Tally:
    """Score clips until none is left; one that fails stops no other.

    Args:
        jobs: of the clips, those that are done left out.
        pool: the processes.
        manifest: gets a line when a clip is begun and one when it ends.
        reporter: gets the share that is done and a sentence for each clip that failed.
        tally: of the clips that were done before.
        force: replace whatever lies where an output goes.

    Raises:
        Cancelled: the run was cancelled; clips that were under way are begun anew by the next.
        OutputError: the manifest cannot be written.
    """
    waiting, running = deque(jobs), dict[Future[Record], Job]()
    while waiting or running:
        ended: list[tuple[Job, Record]] = []
        while waiting and len(running) < pool.size:
            job = waiting.popleft()
            name = clip_name(job.clip)
            job = replace(
                job, replaceable=None if force else replaceable(manifest.last.get(name), job)
            )
            if (why := _obstacle(job)) is not None:
                ended.append((job, _failure(job, why)))
                continue
            manifest.append(Record(clip=name, status="begun", ended=now()))
            running[pool.submit(job)] = job
        for future in wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            ended.append((job, _record_of(future, job, pool)))
        for job, record in ended:
            manifest.append(msgspec.structs.replace(record, outputs=manifest.relative(job.outputs)))
            tally = tally.plus(record.status)
            _report(record, job, reporter)
        reporter.progress(1.0 - (len(waiting) + len(running)) / len(jobs))
    return tally


def _obstacle(job: Job) -> str | None:
    """What lies where an output goes and may not be replaced, as a sentence; None if nothing."""
    if job.replaceable is None:
        return None
    for path in existing_outputs(job.outputs.values()):
        if path not in job.replaceable:
            return (
                f"{shown(path)} exists already, and no earlier run wrote it as it is: move it, "
                "or use `force` to replace it"
            )
    return None


def _failure(job: Job, why: str) -> Record:
    return Record(clip=clip_name(job.clip), status="failed", ended=now(), error=why)


def _record_of(future: Future[Record], job: Job, pool: Pool) -> Record:
    """What a job returned, or what the failure of its process amounts to."""
    error = future.exception()
    if error is None:
        return future.result()
    # What lies there comes from this process, which saw that nothing was there when it began.
    states = {kind: FileState.of(path) for kind, path in job.outputs.items() if path.is_file()}
    return msgspec.structs.replace(_failure(job, pool.failure(error)), states=states)


def _report(record: Record, job: Job, reporter: Reporter) -> None:
    if record.status == "failed":
        reporter.message(f"{clip_name(job.clip)} failed: {record.error}")
    for kind, why in record.failed.items():
        reporter.message(f"{job.outputs[kind].name} was not made: {why}")
