"""Damaged plans: read, arranged by patterns where they can be read, and written as MIDI."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from amt.arrange import arrange, style_names
from amt.chords import VOCABULARY_SIZE, Key, chord_from_id
from amt.midi import write_midi
from amt.plan import plan_to_json, read_plan
from amt.types import (
    EMOTIONS,
    Accent,
    Arrangement,
    ChordSpan,
    Cut,
    Plan,
    Rewrite,
    Section,
    TimeGrid,
)
from experiments.fuzz.contract import BrokenContract, Case
from experiments.fuzz.damage import changed, damaged_text
from experiments.fuzz.runner import Draw

_PLANS = 60
_MAX_BEATS = 200
"""Longer plans, such as those with a beat list repeated, are read and not arranged."""


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    path, midi = Path("song.plan.json"), folder / "song.mid"
    randoms = map(random.Random, range(_PLANS))
    whole = [plan_to_json(rewritten(whole_plan(rng), rng)) for rng in randoms]

    def draw(rng: random.Random) -> Case:
        text = rng.choice(whole)
        if rng.random() < 0.4:
            text = damaged_text(text, rng)
        else:
            text = json.dumps(changed(json.loads(text), rng), indent=rng.choice([None, 2]))
        data = text.encode("utf-8", "surrogatepass")
        path.write_bytes(data)

        def run() -> None:
            plan = read_plan(path)
            if plan.grid.n_beats <= _MAX_BEATS:
                if plan_to_json(plan) != _again(plan, path):
                    raise BrokenContract("the plan is another one when it is written and read")
                by_patterns = replace(plan.arrangement, arranger="patterns")
                write_midi(arrange(replace(plan, arrangement=by_patterns)), midi)

        return Case(run, text, (path,))

    return draw


def _again(plan: Plan, path: Path) -> str:
    path.write_text(plan_to_json(plan), encoding="utf-8")
    return plan_to_json(read_plan(path))


def whole_plan(rng: random.Random) -> Plan:
    """A plan of two to eight bars."""
    bars = tuple(rng.choice([2, 3, 4, 4]) for _ in range(rng.randint(2, 8)))
    beats = sum(bars)
    times_s = np.cumsum([0.0, *(60 / rng.uniform(60, 160) for _ in range(beats))])
    grid = TimeGrid(times_s.round(9), bars, round(rng.uniform(0.5, 1), 3))
    rows = math.ceil(grid.duration_s)
    emotion = np.array([[rng.random() + 0.01 for _ in EMOTIONS] for _ in range(rows)])
    starts = sorted({0, *(rng.randrange(beats) for _ in range(rng.randint(1, 8)))})
    moments = sorted({round(rng.uniform(0.1, grid.duration_s - 0.1), 3) for _ in range(4)})
    return Plan(
        grid=grid,
        key=Key(rng.randrange(12), rng.choice(["major", "minor"])),
        chords=tuple(ChordSpan(b, chord_from_id(rng.randrange(VOCABULARY_SIZE))) for b in starts),
        loudness=np.array([rng.random() for _ in range(rows)]),
        density=np.array([rng.uniform(0, 30) for _ in range(rows)]),
        emotion=emotion / emotion.sum(axis=1, keepdims=True),
        style=rng.choice(style_names()),
        seed=rng.randrange(1 << 40),
        cuts=tuple(Cut(t, round(rng.random(), 3)) for t in moments),
        sections=tuple(Section(b, rng.choice(EMOTIONS)) for b in starts if rng.random() < 0.5),
        title=rng.choice(["", "Song", "é"]),
        accents=tuple(Accent(t + 0.01, 0.5) for t in moments if rng.random() < 0.5),
    )


def rewritten(plan: Plan, rng: random.Random) -> Plan:
    """The plan by patterns, at times with two bars written anew."""
    rewrites = (Rewrite(1, 2, 7),) if rng.random() < 0.3 else ()
    return replace(plan, arrangement=Arrangement(drums=rng.random() < 0.7, rewrites=rewrites))
