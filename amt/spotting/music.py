"""What the music of a plan does at the moments of a cue sheet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amt.spotting.cues import ASKED, CUTS, Cue, CueSheet
from amt.timing.hits import HIT_S, is_hit
from amt.types import Plan, TimeSpan

_HITTABLE = (*CUTS, *ASKED, "flash", "movement")
"""Kinds that the music can hit."""


def with_music(sheet: CueSheet, plan: Plan) -> CueSheet:
    """A cue sheet in which every cue says what the music does there."""
    return replace(sheet, cues=tuple(replace(c, music=music_at(plan, c)) for c in sheet.cues))


def music_at(plan: Plan, cue: Cue) -> str:
    """What the music does at a cue: its place in the bar, and what begins or rests there."""
    grid = plan.grid
    if cue.time_s >= grid.duration_s:
        return "after the end"
    beat = int(np.abs(grid.beats_s[:-1] - cue.time_s).argmin())
    on_beat = is_hit(float(grid.beats_s[beat]), cue.time_s)
    rest = _silence(plan, cue.time_s)
    if rest is not None and rest.end_s - cue.time_s > HIT_S:
        began = cue.time_s - rest.start_s <= HIT_S
        return f"{'silence begins' if began else 'silence'}, to {rest.end_s:.2f} s"
    words = [_place(plan, cue, beat, on_beat=on_beat)]
    if rest is not None or any(abs(s.end_s - cue.time_s) <= HIT_S for s in plan.silences):
        words.insert(0, "the music comes in")
    if on_beat:
        words += _beginning(plan, beat)
    if not any("chord" in word for word in words):
        at = beat if on_beat else int(grid.beats_at(cue.time_s))
        span = [s for s in plan.chords if s.beat <= at][-1]
        words.append(f"chord {span.chord.spell(plan.key)}")
    return ", ".join(words)


def _silence(plan: Plan, time_s: float) -> TimeSpan | None:
    """The silence of the plan in which a time lies."""
    return next((s for s in plan.silences if s.start_s - HIT_S <= time_s < s.end_s), None)


def _place(plan: Plan, cue: Cue, beat: int, *, on_beat: bool) -> str:
    """The place in the bar, as in ``hit on the downbeat of bar 5``."""
    grid = plan.grid
    bar = int(np.searchsorted(grid.downbeats, beat, side="right"))
    in_bar = beat - int(grid.downbeats[bar - 1]) + 1
    verb = "hit on " if cue.kind in _HITTABLE else ""
    if on_beat:
        return f"{verb}{'the downbeat' if in_bar == 1 else f'beat {in_bar}'} of bar {bar}"
    position = float(grid.beats_at(cue.time_s))
    bar = int(np.searchsorted(grid.downbeats, int(position), side="right"))
    half_s = float(grid.seconds_at(np.floor(position) + 0.5))
    if abs(half_s - cue.time_s) <= HIT_S:
        return f"{verb}the offbeat after beat {_beat_of_bar(plan, position)} of bar {bar}"
    late_ms = round(1000 * (cue.time_s - float(grid.beats_s[beat])))
    return f"{abs(late_ms)} ms {'after' if late_ms > 0 else 'before'} a beat of bar {bar}"


def _beat_of_bar(plan: Plan, position: float) -> int:
    downbeats = plan.grid.downbeats
    bar = int(np.searchsorted(downbeats, int(position), side="right"))
    return int(position) - int(downbeats[bar - 1]) + 1


def _beginning(plan: Plan, beat: int) -> list[str]:
    """What begins on a beat."""
    words = [
        f"section {number} ({section.mood}) begins"
        for number, section in enumerate(plan.sections, 1)
        if section.beat == beat
    ]
    words += [f"phrase {phrase.label} begins" for phrase in plan.phrases if phrase.beat == beat]
    for before, span in zip((None, *plan.chords), plan.chords, strict=False):
        if span.beat == beat and (before is None or before.chord != span.chord):
            words.append(f"chord {span.chord.spell(plan.key)} begins")
    return words
