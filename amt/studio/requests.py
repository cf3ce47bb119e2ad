"""Bodies of requests for jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from amt.errors import InputError, quoted, suggestion
from amt.plan import read_plan
from amt.reporter import SILENT
from amt.types import EMOTIONS, Plan

FIELDS: Mapping[str, tuple[str, ...]] = {
    "generate": ("options", "like"),
    "edit": ("take", "version", "edits", "as_new"),
    "export": ("take", "artefact", "keep_sound"),
}
"""Kinds of jobs and the fields of their requests."""
ASKED_S = 2
"""Seconds that a mood lasts at least to be asked for in a piece like another one."""


def checked_request(body: Mapping[str, Any]) -> str:
    """The kind of job that a request asks for.

    Raises:
        InputError: there is no such kind, or a field does not belong to it.
    """
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise InputError(f"kind is {quoted(kind)}, expected one of {', '.join(FIELDS)}")
    for name in body:
        if name != "kind" and name not in FIELDS[kind]:
            raise InputError(
                f"unknown field {quoted(name)} of a job of kind {kind}"
                f"{suggestion(name, FIELDS[kind])}"
            )
    return kind


def asked_cues(plan: Path) -> str:
    """The cue sheet that asks for what a plan has: hit points, moods and silences, as JSON."""
    made = read_plan(plan, SILENT)
    cues: list[dict[str, Any]] = [
        {"seconds": hit_s, "kind": "hit"}
        for hit_s in made.hits_s
        if not any(span.start_s <= hit_s < span.end_s for span in made.silences)
    ]
    cues += [
        {"seconds": span.start_s, "duration_s": span.end_s - span.start_s, "kind": "silence"}
        for span in made.silences
    ]
    cues += _moods(made)
    return json.dumps({"version": 1, "cues": sorted(cues, key=lambda cue: float(cue["seconds"]))})


def _moods(plan: Plan) -> list[dict[str, Any]]:
    rows, second = [], 0
    for index, group in groupby(plan.emotion.argmax(axis=1).tolist()):
        seconds = len(list(group))
        if seconds >= ASKED_S:
            rows.append(
                {
                    "seconds": second,
                    "duration_s": min(seconds, plan.grid.duration_s - second),
                    "kind": "mood",
                    "mood": EMOTIONS[int(index)],
                }
            )
        second += seconds
    return rows
