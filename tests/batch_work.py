"""Work for the processes of a batch in place of a run; a module that is quick to import."""

from __future__ import annotations

import os
import signal
import time

from amt.batch import FileState, Job, Record
from amt.batch.run import clip_name

OPTIONS = {"music": {"seed": 0}}


def score(job: Job) -> Record:
    """In place of a run: what becomes of a clip stands in its name."""
    kind = job.clip.stem
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "broken":
        raise ZeroDivisionError("no clip")
    if kind == "endless":
        time.sleep(600)
    path = job.outputs["midi"]
    path.write_text(kind)
    states = {"midi": FileState.of(path)}
    return Record(
        clip=clip_name(job.clip), status="done", options=OPTIONS, states=states,
        input=FileState.of(job.clip), process=str(os.getpid()),
    )  # fmt: skip


def make_score():
    return score
