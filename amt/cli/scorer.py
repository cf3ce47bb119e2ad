"""What a process of ``amt batch`` does with a clip."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amt.batch import FileState, Job, Record
from amt.batch.run import clip_name, now
from amt.cli.inputs import check_input
from amt.cli.options import FilmOptions
from amt.cli.summary import facts
from amt.cli.targets import Delivery, Targets
from amt.errors import AmtError
from amt.libraries import explained
from amt.options import Request
from amt.outputs import check_outputs, clip_title, staging
from amt.reporter import callback_reporter
from render.options import RenderOptions


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every clip of a batch."""

    request: Request
    sound: RenderOptions
    film: FilmOptions

    @property
    def as_json(self) -> dict[str, Any]:
        """By option class and field, as a record has it."""
        return {**_plain(self.request), "sound": _plain(self.sound), "film": _plain(self.film)}


class Scorer:
    """Scores clips one after the other with networks that are loaded once.

    Args:
        asked: of every clip.

    Raises:
        WeightsError: the networks cannot be loaded.
    """

    def __init__(self, asked: Asked) -> None:
        import cv2
        import torch

        from amt.pipeline import load_models
        from amt.words import generate_options

        # Of this process, which has one core: a thread a core in each would only wait.
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self._asked = asked
        options = generate_options(asked.request)
        self._models = load_models(options.arrangement.arranger, options.weights)

    def __call__(self, job: Job) -> Record:
        """Score a clip, write its outputs, and say what became of it."""
        began_s = time.monotonic()
        messages: list[str] = []
        record: dict[str, Any] = {}
        try:
            record = self._score(job, messages)
        except Exception as error:
            mendable = explained(error) or error
            internal = f"internal error ({type(error).__name__}: {error})"
            why = str(mendable) if isinstance(mendable, AmtError | OSError) else internal
            record = {"status": "failed", "error": why}
        return Record(
            clip=clip_name(job.clip),
            ended=now(),
            seconds=round(time.monotonic() - began_s, 3),
            options=self._asked.as_json,
            messages=messages,
            process=f"{socket.gethostname()}:{os.getpid()}",
            version=version("amt-soundtrack"),
            **record,
        )

    def _score(self, job: Job, messages: list[str]) -> dict[str, Any]:
        """The fields of a record that only a clip that can be scored has."""
        from amt.pipeline import generate
        from amt.words import generate_options

        check_input(job.clip, "video")
        check_outputs(job.outputs.values(), [job.clip], job.replaceable)
        found = FileState.of(job.clip)
        reporter = callback_reporter(message=messages.append)
        options = generate_options(self._asked.request, clip_title(job.clip))
        targets = _targets(job.outputs)
        with staging(targets.paths, job.replaceable) as stage:
            generated = generate(job.clip, options, reporter, self._models)
            delivery = Delivery(targets, self._asked.sound, self._asked.film, stage, reporter)
            delivery.write(job.clip, generated)
        failed = {kind: delivery.failures[path] for kind, path in job.outputs.items()
                  if path in delivery.failures}  # fmt: skip
        written = {kind: path for kind, path in job.outputs.items() if kind not in failed}
        return {
            "status": "partly" if failed else "done",
            "input": found,
            "states": {kind: FileState.of(path) for kind, path in written.items()},
            "failed": failed,
            "music": facts(generated.plan, generated.song, delivery.played),
        }


def _targets(outputs: Mapping[str, Path]) -> Targets:
    """Where ``amt generate`` would write for a clip."""
    sessions = [path for kind, path in outputs.items() if kind not in _FIELDS]
    named = {_FIELDS[kind]: path for kind, path in outputs.items() if kind in _FIELDS}
    wanted = {field.name: named.get(field.name) for field in fields(Targets)}
    return Targets(**(wanted | {"session": next(iter(sessions), None)}))  # type: ignore[arg-type]


_FIELDS: Mapping[str, str] = {
    "midi": "out", "wav": "wav", "mp4": "mp4", "plan": "plan", "report": "report",
    "music_and_effects": "music_and_effects",
}  # fmt: skip
"""Kind of output → field of :class:`amt.cli.targets.Targets`; other kinds are sessions."""


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Options as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
