"""Does the tempo serve the mood, and do the cuts still fall on beats?

    python -m experiments.evaluate tempo CLIPS
    python -m experiments.evaluate tempo --lists 8

Every clip (or list of cuts drawn with seeds that set no constant) is given the grid of each mood,
as ``amt generate --mood`` would. Shown are the tempo that is felt, which is that of the beats times
the factor of the feel, and the cuts on beats of the same grids.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from amt.compose import ComposeOptions
from amt.compose.mood_target import mood_target
from amt.compose.tempo import piece_grid, wanted_tempo
from amt.mood import MoodSpan
from amt.types import EMOTIONS, FEEL_FACTOR, Feel, VideoFeatures
from experiments.common.reports import run_evaluation
from experiments.common.tables import markdown, number
from experiments.fit.alignment import (
    Clip,
    Counts,
    count,
    folder_features,
    grid_pulse,
    summarise,
    synthetic_clips,
    synthetic_film,
)

ORDER = ("sad", "relaxing", "neutral", "fearful", "tense", "exciting")
"""The moods from the slowest to the fastest, as they are meant."""
MEAN_SHOTS_S = (2.0, 4.0, 8.0)
FIRST_LIST = 500
"""Seed of the drawn lists of cuts; the prices of :mod:`amt.compose.tempo` were set on others."""


@dataclass(frozen=True, slots=True)
class Paced:
    """The grid of a clip in a mood."""

    clip: str
    mood: str
    wanted_bpm: float
    bpm: float
    feel: Feel
    counts: Counts | None
    """None where the clip has no cuts."""

    @property
    def felt_bpm(self) -> float:
        """The tempo that is felt."""
        return self.bpm * FEEL_FACTOR[self.feel]


def paced(name: str, features: VideoFeatures, mood: str) -> Paced:
    """The grid that a clip gets in a mood."""
    asked = (MoodSpan(mood, 0.0, float(features.seconds)),)
    options = ComposeOptions(moods=asked)
    target = mood_target(features, options)
    wanted = wanted_tempo(target.energy, target.affect[:, 0])
    grid, feel = piece_grid(features, options, wanted)
    clip = Clip(name, features.duration_s, features.cuts)
    return Paced(
        name, mood, float(wanted.mean()), 60 * grid.end_beat / grid.duration_s, feel,
        count(grid_pulse(grid), clip) if features.cuts else None,
    )  # fmt: skip


def evaluate_tempo(args: argparse.Namespace) -> dict[str, Any]:
    """Felt tempi of every clip and mood, and alignment of all grids together."""
    if args.folder is not None:
        films = list(folder_features(args.folder, "analytic"))
    else:
        lists = [c for m in MEAN_SHOTS_S for c in synthetic_clips(m, args.lists, FIRST_LIST)]
        films = [(clip.name, synthetic_film(clip, FIRST_LIST)) for clip in lists]
    assert set(ORDER) == set(EMOTIONS)
    rows = [paced(name, features, mood) for name, features in films for mood in ORDER]
    means = {
        mood: {
            "wanted": float(np.mean([r.wanted_bpm for r in rows if r.mood == mood])),
            "felt": float(np.mean([r.felt_bpm for r in rows if r.mood == mood])),
            "slowest": min(r.felt_bpm for r in rows if r.mood == mood),
            "fastest": max(r.felt_bpm for r in rows if r.mood == mood),
            "half-time": float(np.mean([r.feel == "half" for r in rows if r.mood == mood])),
        }
        for mood in ORDER
    }
    return {
        "clips": {
            name: {r.mood: (r.bpm, r.feel) for r in rows if r.clip == name} for name, _ in films
        },
        "moods": means,
        "alignment": summarise([row.counts for row in rows if row.counts is not None]),
    }


def text_of(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    marks = {"half": " half", "normal": "", "double": " double"}
    clips = [
        [name[:24], *(f"{found[mood][0]:.0f}{marks[found[mood][1]]}" for mood in ORDER)]
        for name, found in report["clips"].items()
    ]
    moods = [
        [mood, *(f"{row[k]:.0f}" for k in ("wanted", "felt", "slowest", "fastest")),
         number(row["half-time"], 2)]
        for mood, row in report["moods"].items()
    ]  # fmt: skip
    on = report["alignment"]
    return "\n\n".join(
        [
            markdown(["BPM of the beats", *ORDER], clips),
            markdown(["felt BPM", "wanted", "mean", "slowest", "fastest", "half-time"], moods),
            f"cuts on beats {number(on['cuts_on_beats'])}, strong cuts on downbeats "
            f"{number(on['strong_cuts_on_downbeats'])}",
        ]
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="evaluate tempo", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, help="folder of clips; drawn lists if out")
    parser.add_argument("--lists", type=int, default=8, help="drawn lists a mean shot length (8)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    run_evaluation(parser, parser.parse_args(argv), evaluate_tempo, text_of)


if __name__ == "__main__":
    main()
