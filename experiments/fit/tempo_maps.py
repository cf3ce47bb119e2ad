"""What each tempo map costs an editor, and what of the cuts it meets.

    python -m experiments.evaluate tempo-maps --lists 6 --seed 7
    python -m experiments.evaluate tempo-maps CLIPS

Every clip (or film drawn around a list of cuts) gets the grid that ``amt generate --tempo-map``
gives it, in a style of no bounds of its own. Shown are tempo and metre events a minute and the
shares of its cuts that are met. ``fixed, 120 BPM`` is a tempo that knows nothing of the cuts.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from amt.compose import ComposeOptions
from amt.compose.mood_target import mood_target
from amt.compose.tempo import piece_grid, wanted_tempo
from amt.timing import steady_grid, tempo_changes, time_signatures
from amt.types import TimeGrid, VideoFeatures
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
from experiments.fit.tempo import MEAN_SHOTS_S

MAPS = ("free", "gentle", "fixed")
STEADY_BPM = 120.0


def grid_of(features: VideoFeatures, tempo_map: str) -> TimeGrid:
    """The grid that a clip gets under a tempo map."""
    options = replace(ComposeOptions(), tempo_map=tempo_map)  # type: ignore[arg-type]
    target = mood_target(features, options)
    return piece_grid(features, options, wanted_tempo(target.energy, target.affect[:, 0]))[0]


def figures(grids: Sequence[TimeGrid], films: Sequence[VideoFeatures]) -> dict[str, float]:
    """Events a minute and shares of cuts, over all films together."""
    minutes = sum(film.duration_s for film in films) / 60
    counts: list[Counts] = [
        count(grid_pulse(grid), Clip("", film.duration_s, film.cuts))
        for grid, film in zip(grids, films, strict=True)
    ]
    found = summarise(counts)
    return {
        "beats": found["cuts_on_beats"],
        "half-beats": found["cuts_on_half_beats"],
        "downbeats": found["strong_cuts_on_downbeats"],
        "apart": found["apart_on_downbeats"],
        "tempi": sum(len(tempo_changes(grid)) for grid in grids) / minutes,
        "metres": sum(len(time_signatures(grid)) for grid in grids) / minutes,
        "odd bars": float(np.mean([n != 4 for grid in grids for n in grid.bars[:-1]])),
    }


def evaluate_tempo_maps(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of every tempo map."""
    if args.folder is not None:
        films = [film for _, film in folder_features(args.folder, "analytic") if film.cuts]
    else:
        lists = [c for m in MEAN_SHOTS_S for c in synthetic_clips(m, args.lists, args.seed)]
        films = [synthetic_film(clip, args.seed + i) for i, clip in enumerate(lists)]
    grids = {name: [grid_of(film, name) for film in films] for name in MAPS}
    grids["fixed, 120 BPM"] = [
        steady_grid(film.duration_s, STEADY_BPM, whole_bars=False) for film in films
    ]
    return {"films": len(films), "maps": {name: figures(g, films) for name, g in grids.items()}}


def text_of(report: Mapping[str, Any]) -> str:
    """The report as a Markdown table."""
    header = [
        "map", "cuts on beats", "or half-beats", "strong on downbeats", "strong, 2 s apart",
        "tempi a minute", "metres a minute", "bars not of four",
    ]  # fmt: skip
    rows = [
        [name, *(number(row[k], 3) for k in ("beats", "half-beats", "downbeats", "apart")),
         *(f"{row[k]:.1f}" for k in ("tempi", "metres")), number(row["odd bars"], 3)]
        for name, row in report["maps"].items()
    ]  # fmt: skip
    return f"{report['films']} films\n\n{markdown(header, rows)}"


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="evaluate tempo-maps", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, help="folder of clips; drawn lists if out")
    parser.add_argument("--lists", type=int, default=6, help="drawn lists a mean shot length (6)")
    parser.add_argument("--seed", type=int, default=7, help="of the drawn lists (7)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    run_evaluation(parser, parser.parse_args(argv), evaluate_tempo_maps, text_of)


if __name__ == "__main__":
    main()
