"""What the page shows of a version: its facts, the lanes that are edited, the report's panels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment

from amt.report.drawing import Axis
from amt.report.hits import cut_alignments
from amt.report.page import cut_marks, panels
from amt.report.templates import environment_of, verbatim
from amt.types import EMOTIONS, Plan

if TYPE_CHECKING:
    from amt.pipeline import Generated

_DECIMALS = 4
_HIT_S = 0.05
"""A hit point is met by a downbeat this near."""


def facts_of(made: Generated) -> dict[str, Any]:
    """What is stated of a version in a line."""
    plan, song = made.plan, made.song
    tempos = plan.grid.tempo_bpm
    return {
        "title": plan.title,
        "style": plan.style,
        "seed": plan.seed,
        "key": plan.key_at(0).label,
        "duration_s": round(plan.grid.duration_s, _DECIMALS),
        "tempo_bpm": [round(float(tempos.min()), 2), round(float(tempos.max()), 2)],
        "bars": len(plan.grid.bars),
        "notes": sum(len(track.notes) for track in song.tracks),
        "tracks": len(song.tracks),
        "arranger": plan.arrangement.arranger,
        "backend": made.features.backend,
    }


def timeline_of(made: Generated) -> dict[str, Any]:
    """Everything that is edited on the time line, as JSON; times in seconds."""
    plan, song = made.plan, made.song
    grid = plan.grid
    downbeats_s = grid.beats_s[grid.downbeats]
    bar_of = {int(beat): index + 1 for index, beat in enumerate(grid.downbeats)}
    return {
        "duration_s": _rounded(grid.duration_s),
        "bars_s": [_rounded(time_s) for time_s in downbeats_s],
        "beats_s": [_rounded(time_s) for time_s in grid.beats_s[:-1]],
        "hits": [
            {"time_s": hit_s, "met": bool(np.abs(downbeats_s - hit_s).min() <= _HIT_S)}
            for hit_s in plan.hits_s
        ],
        "cuts": [
            {"time_s": _rounded(cut.time_s), "strength": cut.strength, "kind": cut.kind}
            for cut in plan.cuts
        ],
        "sections": [
            {
                "bar": bar_of.get(section.beat),
                "time_s": _rounded(grid.beats_s[section.beat]),
                "mood": section.mood,
                "label": section.label,
            }
            for section in plan.sections
        ],
        "moods": [EMOTIONS[int(row.argmax())] for row in plan.emotion],
        "silences": [[_rounded(s.start_s), _rounded(s.end_s)] for s in plan.silences],
        "locked": [[span.first, span.last] for span in plan.locked],
        "rewrites": [[r.first, r.last, r.seed] for r in plan.arrangement.rewrites],
        "chords": _chords(plan),
        "muted": list(plan.muted),
        "tracks": [
            {"name": track.name, "notes": len(track.notes), "muted": False} for track in song.tracks
        ]
        + [{"name": name, "notes": 0, "muted": True} for name in plan.muted],
        "style": plan.style,
    }


def _chords(plan: Plan) -> list[list[Any]]:
    """Start and name of every chord."""
    return [
        [_rounded(plan.grid.beats_s[span.beat]), span.chord.spell(plan.key_at(span.beat))]
        for span in plan.chords
    ]


def _rounded(value: float) -> float:
    return round(float(value), _DECIMALS)


def panels_of(made: Generated, strip: Sequence[bytes]) -> str:
    """The panels of the report as HTML, to stand in the page.

    Args:
        made: the piece.
        strip: pictures of the clip, as JPEG.
    """
    plan, song, features = made.plan, made.song, made.features
    axis = Axis(plan.grid.duration_s)
    found = cut_alignments(features.cuts, plan.grid, song)
    return (
        _environment()
        .get_template("panels.html")
        .render(panels=panels(axis, strip, features, plan, song), marks=cut_marks(axis, found))
    )


def page(name: str, **fields: object) -> str:
    """A page of this package; text in its fields is escaped."""
    return _environment().get_template(name).render(fields)


@cache
def _environment() -> Environment:
    return environment_of(_template)


def _template(name: str) -> str:
    """A template of this package, or one of the report's."""
    own = files("amt.studio").joinpath("page", name)
    return own.read_text(encoding="utf-8") if own.is_file() else str(verbatim(name))
