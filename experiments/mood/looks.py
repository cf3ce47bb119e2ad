"""Is the mood of a picture read as it was meant, without CLIP?

    python -m experiments.evaluate looks --clips FOLDER

Films are drawn dark or bright and still or moving (:mod:`experiments.mood.films`), and read by the
analytic backend (:mod:`amt.features.emotion`). The read mood of a film is the likeliest of the mood
that its music is to express. Films of the calibration seeds, and every second clip of the folder by
name, set the constants; the figures to be reported are those of the others.

Shown besides are how even the probabilities are (CLIP's entropy over MuVi-Sync is .73 of the
greatest, its likeliest mood has .48), and how far valence and arousal range inside a clip, as read
and as the music is to follow them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amt.compose import ComposeOptions
from amt.compose.mood_target import mood_target
from amt.features import extract_features
from amt.mood import valence_arousal
from amt.types import EMOTIONS, FloatArray, VideoFeatures
from experiments.common.reports import note, run_evaluation
from experiments.common.tables import markdown, number
from experiments.mood import films

VIDEO_SUFFIXES = {".avi", ".mkv", ".mov", ".mp4", ".webm"}
OPTIONS = ComposeOptions()
GROUPS = {"calibration": films.CALIBRATION_SEEDS, "reported": films.REPORTED_SEEDS}
"""Name of a group -> seeds of its films."""


def read_mood(features: VideoFeatures) -> str:
    """The likeliest mood of a clip, on average over its seconds."""
    return EMOTIONS[int(mood_target(features, OPTIONS).emotion.mean(axis=0).argmax())]


def confusion(read: Iterable[tuple[films.Look, VideoFeatures]]) -> dict[str, dict[str, int]]:
    """Look -> mood -> number of films that were read so."""
    counts = {look: Counter[str]() for look in films.LOOKS}
    for look, features in read:
        counts[look][read_mood(features)] += 1
    return {look: {mood: found[mood] for mood in EMOTIONS} for look, found in counts.items()}


def as_meant(table: Mapping[str, Mapping[str, int]]) -> float:
    """Share of the films of a confusion that are read as one of the expected moods."""
    right = sum(table[look][mood] for look in films.LOOKS for mood in films.EXPECTED[look])
    return right / sum(sum(row.values()) for row in table.values())


def clip_figures(features: VideoFeatures) -> dict[str, float]:
    """Evenness of the moods of a clip, and ranges of its affect."""
    target = mood_target(features, OPTIONS)
    spans = {"read": features.emotion, "followed": target.emotion}
    ranges = {
        f"{axis} {name}": float(np.ptp(valence_arousal(emotion)[:, i]))
        for name, emotion in spans.items()
        for i, axis in enumerate(("valence", "arousal"))
    }
    return {
        "entropy": _entropy(features.emotion),
        "likeliest": float(features.emotion.max(axis=1).mean()),
        **ranges,
    }


def _entropy(emotion: FloatArray) -> float:
    """Mean entropy of moods [S, 6] as a share of the greatest."""
    logs = np.log(np.maximum(emotion, 1e-12))
    return float(-(emotion * logs).sum(axis=1).mean() / np.log(len(EMOTIONS)))


def folder_clips(folder: Path) -> list[tuple[str, VideoFeatures]]:
    """The clips of a folder by name, measured."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    return [(path.name, extract_features(path, backend="analytic")) for path in paths]


def evaluate_looks(args: argparse.Namespace) -> dict[str, Any]:
    """Confusions and ranges of both groups."""
    report: dict[str, Any] = {}
    clips = folder_clips(args.clips) if args.clips else []
    for number_of, (name, seeds) in enumerate(GROUPS.items()):
        with tempfile.TemporaryDirectory() as folder:
            chosen = list(seeds)[: args.films]
            table = confusion(films.look_films(chosen, Path(folder)))
            changes = list(films.changing_films(chosen[: args.changes], Path(folder)))
        found = [
            (clip, read_mood(features), clip_figures(features))
            for clip, features in [*changes, *clips[number_of::2]]
        ]
        report[name] = {"confusion": table, "as meant": as_meant(table), "clips": found}
        note(f"{name}: read")
    return report


def text_of(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    parts = []
    for name, group in report.items():
        rows = [[look, *map(str, row.values())] for look, row in group["confusion"].items()]
        columns = ["entropy", "likeliest", "valence read", "valence followed", "arousal read",
                   "arousal followed"]  # fmt: skip
        clips = [
            [clip, mood, *(number(figures[column], 2) for column in columns)]
            for clip, mood, figures in group["clips"]
        ]
        parts += [
            f"## {name}: {group['as meant']:.2f} read as meant",
            markdown(["look", *EMOTIONS], rows),
            markdown(["clip", "mood", *columns], clips),
        ]
    return "\n\n".join(parts)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="evaluate looks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--clips", type=Path, help="folder of clips to read besides")
    parser.add_argument("--films", type=int, default=6, help="drawn films a look and group (6)")
    parser.add_argument("--changes", type=int, default=2, help="films that change, likewise (2)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    run_evaluation(parser, parser.parse_args(argv), evaluate_looks, text_of)


if __name__ == "__main__":
    main()
