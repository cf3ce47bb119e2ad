"""Score a composer on MuVi-Sync beside its baselines: the next chord, and free generation.

    python -m experiments.evaluate composer --data DIR --split val --json composer.json

Only the files of the asked split are needed; where the training split is there too, the counting
baselines are fitted on it. Intervals are 95 % bootstrap intervals over songs. The shuffled-video
test gives every song the video of another of about its length, and its own clock.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from amt.chords import VOCABULARY_SIZE
from amt.models.chords.decode import sample_chords
from amt.models.chords.network import Composer
from amt.models.weights import load_composer
from amt.options import SamplingOptions
from data_prep.muvi_sync import MuviSong, load_split
from experiments.common.bootstrap import Table, figures, intervals, joined, resamples
from experiments.common.examples import (
    TRUE,
    Example,
    batches_of,
    collate,
    conditions,
    known_vector,
    load_examples,
    with_known,
)
from experiments.common.reports import (
    PAPER_SECONDS,
    difference_rows,
    figure_rows,
    heading,
    model_folder,
    muvi_sync_parser,
    run_evaluation,
    title,
    training_songs,
)
from experiments.common.tables import figure_table
from experiments.composer.baselines import fit_baselines
from experiments.composer.metrics import (
    chord_metrics,
    chord_table,
    composer_table,
    progression_metrics,
)

CHORD_COLUMNS = ("hits@1", "hits@3", "hits@5", "hits@1_on_change", "nll", "affective_match")
PROGRESSION_COLUMNS = ("entropy", "coverage", "tonal_distance", "change_rate")


def composer_tables(model: Composer, examples: Sequence[Example]) -> dict[str, Table]:
    """Scores of every song under every condition; the emotions are always the true picture's."""
    truth = batches_of(examples)
    tables: dict[str, Table] = {}
    for name, shown in conditions(examples).items():
        videos = [batch.video for batch in batches_of(shown)]
        tables[name] = composer_table(model, truth, videos)
    return tables


def baseline_tables(
    training: Sequence[MuviSong] | None, examples: Sequence[Example]
) -> dict[str, Table]:
    """Scores of the counting baselines; none without training songs."""
    if training is None:
        return {}
    return {
        name: joined([_score_song(torch.from_numpy(predict(e.chords)), e) for e in examples])
        for name, predict in fit_baselines([song.chords for song in training]).items()
    }


def corpus_affective_match(examples: Sequence[Example]) -> float:
    """Affective match of the chords that were played."""
    rows = []
    for example in examples:
        played = torch.nn.functional.one_hot(
            torch.from_numpy(example.chords), VOCABULARY_SIZE
        ).double()
        rows.append(_score_song(played.clamp(min=1e-30).log(), example))
    return figures(joined(rows), chord_metrics)["affective_match"]


def _score_song(log_probs: torch.Tensor, example: Example) -> Table:
    chords = torch.from_numpy(example.chords)[None]
    emotion = torch.from_numpy(example.features["emotion"]).double()[None]
    return chord_table(log_probs[None], chords, torch.ones_like(chords).double(), emotion)


def progressions(model: Composer, examples: Sequence[Example], seed: int) -> dict[str, Any]:
    """Mean progression metrics of free generations for the examples, and of their own chords."""
    composed = []
    for index, example in enumerate(examples):
        composed.append(
            sample_chords(
                model,
                collate([example]).video,
                minor=bool(example.minor),
                options=SamplingOptions(),
                generator=torch.Generator().manual_seed(seed + index),
            )
        )
    return {
        "songs": len(examples),
        "composed": _mean_progression(np.array(chords) for chords in composed),
        "corpus": _mean_progression(example.chords for example in examples),
    }


def _mean_progression(songs: Iterable[NDArray[np.int64]]) -> dict[str, float]:
    rows = [progression_metrics(chords) for chords in songs]
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def evaluate_composer(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is known of a composer on a split."""
    seconds = PAPER_SECONDS if args.protocol == "paper" else None
    examples = load_examples(load_split(args.data, args.split, cache=args.cache), seconds)
    model = load_composer(model_folder(args.weights, "composer"))
    tables = composer_tables(model, examples)
    others = baseline_tables(training_songs(args), examples)
    if args.chords_only:
        blind = load_composer(model_folder(args.chords_only, "composer"))
        without = with_known(examples, known_vector())
        others["chords-only model"] = composer_table(blind, batches_of(without))
    draws = resamples(len(examples), args.bootstrap, args.seed)
    report = heading(args, len(examples)) | figures(tables[TRUE], chord_metrics)
    report["intervals"] = intervals(tables[TRUE], chord_metrics, draws)
    report["conditions"] = figure_rows(tables, chord_metrics, draws)
    report["shuffled_video"] = difference_rows(tables, chord_metrics, draws)
    report["baselines"] = figure_rows(others, chord_metrics, draws)
    report["corpus_affective_match"] = corpus_affective_match(examples)
    step = max(1, len(examples) // max(1, args.songs))
    chosen = examples[::step][: args.songs]
    if chosen:
        report["free_generation"] = progressions(model, chosen, args.seed)
    return report


def composer_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    rows = {f"composer, {name}": row for name, row in report["conditions"].items()}
    parts = [
        title("composer", report),
        figure_table(CHORD_COLUMNS, rows | report["baselines"]),
        f"The chords that were played match the emotion of the picture by "
        f"{report['corpus_affective_match']:.4f}.",
        "Shuffled-video test: change when the true video is exchanged for",
        figure_table(CHORD_COLUMNS, report["shuffled_video"], signed=True),
    ]
    if free := report.get("free_generation"):
        rows = {name: {"figures": free[name]} for name in ("composed", "corpus")}
        parts += [
            f"Free generation, {free['songs']} songs",
            figure_table(PROGRESSION_COLUMNS, rows),
        ]
    return "\n\n".join(parts)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = muvi_sync_parser("composer", __doc__, "masked")
    parser.add_argument("--songs", type=int, default=20, help="free generations (20)")
    parser.add_argument("--chords-only", type=Path, help="weights of a blind composer")
    run_evaluation(parser, parser.parse_args(argv), evaluate_composer, composer_text)


if __name__ == "__main__":
    main()
