"""Score an expression regressor on MuVi-Sync: loudness and density of every second.

    python -m experiments.evaluate expression --data DIR --split val --protocol paper

The shuffled-video test and the intervals are those of the composer's evaluation.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from amt.models.video import MODALITIES
from amt.models.weights import load_expression
from data_prep.muvi_sync import load_split
from experiments.common.bootstrap import resamples
from experiments.common.examples import (
    NONE,
    TRUE,
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
from experiments.expression.data import targets_of
from experiments.expression.metrics import curve_metrics, curve_table, expression_curves

CURVE_COLUMNS = tuple(
    f"{figure}_{target}"
    for target in ("loudness", "density")
    for figure in ("rmse", "pearson", "std_ratio")
)


def evaluate_expression(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is known of an expression regressor on a split."""
    songs = load_split(args.data, args.split, cache=args.cache)
    songs = sorted(songs, key=lambda song: (len(song.chords), song.name))
    model = load_expression(model_folder(args.weights, "expression"))
    examples = load_examples(songs, None)
    shown = conditions(examples)
    shown.pop(NONE)  # a clip always has a length
    analytic = [name for name in MODALITIES if name not in {"semantic", "affect"}]
    shown["no semantic"] = with_known(examples, known_vector(*analytic))
    curves = {
        name: expression_curves(model, [collate([example]).video for example in seen])
        for name, seen in shown.items()
    }
    rescaled = [model.rescale_variance(torch.from_numpy(c)).numpy() for c in curves[TRUE]]
    others: dict[str, Sequence[NDArray[np.float32]]] = {"variance rescaled": rescaled}
    if (training := training_songs(args)) is not None:
        centre = np.concatenate([targets_of(s)[:PAPER_SECONDS] for s in training]).mean(axis=0)
        others["training mean"] = [np.tile(centre, (len(s.chords), 1)) for s in songs]
    truths = [targets_of(song) for song in songs]
    draws = resamples(len(songs), args.bootstrap, args.seed)
    report = heading(args, len(songs))
    for protocol, padded_to in (("paper", PAPER_SECONDS), ("masked", None)):
        tables, extra = (
            {name: curve_table(c, truths, padded_to=padded_to) for name, c in group.items()}
            for group in (curves, others)
        )
        report[protocol] = {
            "conditions": figure_rows(tables, curve_metrics, draws),
            "shuffled_video": difference_rows(tables, curve_metrics, draws),
            "baselines": figure_rows(extra, curve_metrics, draws),
        }
    asked = report[args.protocol]["conditions"][TRUE]
    return {**report, **asked["figures"], "intervals": asked["intervals"]}


def expression_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    parts = [title("expression", report)]
    for protocol in ("paper", "masked"):
        part = report[protocol]
        rows = {f"model, {name}": row for name, row in part["conditions"].items()}
        parts += [
            f"Protocol {protocol}",
            figure_table(CURVE_COLUMNS, rows | part["baselines"]),
            "Change when the true video is exchanged for",
            figure_table(CURVE_COLUMNS, part["shuffled_video"], signed=True),
        ]
    return "\n\n".join(parts)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = muvi_sync_parser("expression", __doc__, "paper")
    run_evaluation(parser, parser.parse_args(argv), evaluate_expression, expression_text)


if __name__ == "__main__":
    main()
