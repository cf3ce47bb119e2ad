"""What the evaluations share: options, rows of figures, and reports as text and as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from amt.errors import AmtError
from amt.types import FloatArray
from data_prep.corpus import CorpusError
from data_prep.muvi_sync import MuviSong, load_split
from experiments.common.bootstrap import (
    Metrics,
    Table,
    figures,
    intervals,
    paired_differences,
)
from experiments.common.examples import TRUE
from render.errors import RenderError

PAPER_SECONDS = 300
"""Seconds of every song that Video2Music's evaluation counts (Kang et al. 2023)."""


# --- the command line -------------------------------------------------------------------------


def muvi_sync_parser(model: str, about: str | None, protocol: str) -> argparse.ArgumentParser:
    """Options of an evaluation on MuVi-Sync.

    Args:
        model: name of the subcommand.
        about: the module's docstring, of which the first line is shown.
        protocol: ``paper`` or ``masked``, the default.
    """
    parser = argparse.ArgumentParser(
        prog=f"evaluate {model}", description=(about or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="MuVi-Sync, published layout")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument("--weights", type=Path, help="folder; the packaged ones if left out")
    parser.add_argument(
        "--protocol", choices=("paper", "masked"), default=protocol,
        help=f"paper: the first {PAPER_SECONDS} seconds of every song (padded with zeros for "
        f"expression); masked: every second of whole songs (default {protocol})",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--cache", type=Path, help="folder for a compact copy of the corpus")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples (1000)")
    return parser


def run_evaluation(
    parser: argparse.ArgumentParser,
    args: argparse.Namespace,
    evaluate: Callable[[argparse.Namespace], dict[str, Any]],
    text_of: Callable[[Mapping[str, Any]], str],
) -> None:
    """Evaluate, print the report and write it to ``args.json``; bad input ends with one sentence.

    Args:
        parser: that made ``args``; it reports errors.
        args: with ``json``, a path or None.
        evaluate: makes the report.
        text_of: turns the report into text.
    """
    try:
        report = evaluate(args)
    except (AmtError, RenderError) as error:
        parser.error(str(error))
    print(text_of(report))
    if args.json:
        write_json(report, args.json)


def note(text: str) -> None:
    """Print a note on stderr."""
    print(text, file=sys.stderr)


def training_songs(args: argparse.Namespace) -> list[MuviSong] | None:
    """MuVi-Sync's training songs; None, with a note, where ``args.data`` has no training split."""
    try:
        return load_split(args.data, "train", on_error="skip", cache=args.cache)
    except CorpusError:
        note(f"the training split is not in {args.data}: baselines that count it are left out")
        return None


def model_folder(folder: Path | None, kind: str) -> Path | None:
    """The folder of one model: ``folder / kind`` where that exists, else ``folder`` itself."""
    return folder / kind if folder is not None and (folder / kind).is_dir() else folder


# --- JSON -------------------------------------------------------------------------------------


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The report for JSON, which has no NaN: figures that do not exist become null."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def write_json(report: Mapping[str, Any], path: Path) -> None:
    """Write a report as JSON."""
    path.write_text(json.dumps(plain(report), indent=2) + "\n", encoding="utf-8")


# --- rows of figures --------------------------------------------------------------------------


def heading(args: argparse.Namespace, n_songs: int) -> dict[str, Any]:
    """What was evaluated, for the beginning of a report on MuVi-Sync."""
    return {
        "split": args.split, "protocol": args.protocol, "songs": n_songs, "seed": args.seed,
        "bootstrap": args.bootstrap, "weights": str(args.weights or "packaged"),
    }  # fmt: skip


def title(kind: str, report: Mapping[str, Any]) -> str:
    """The first line of a report on MuVi-Sync."""
    return (
        f"{kind} ({report['weights']}) on {report['songs']} songs of {report['split']}, protocol "
        f"{report['protocol']}; in brackets 95 % intervals of {report['bootstrap']} resamples"
    )


def figure_rows(
    tables: Mapping[str, Table], metrics: Metrics, draws: FloatArray
) -> dict[str, dict[str, Any]]:
    """Name -> ``figures`` and ``intervals`` by metric.

    Args:
        tables: name -> scores of the same N songs.
        metrics: to be reported.
        draws: [R, N]
    """
    return {
        name: {"figures": figures(table, metrics), "intervals": intervals(table, metrics, draws)}
        for name, table in tables.items()
    }


def difference_rows(
    tables: Mapping[str, Table], metrics: Metrics, draws: FloatArray, first: str = TRUE
) -> dict[str, dict[str, Any]]:
    """Like :func:`figure_rows`, of the paired differences of all others to the row ``first``."""
    rows = {}
    for name, table in tables.items():
        if name != first:
            found = paired_differences(tables[first], table, metrics, draws)
            rows[name] = {
                "figures": {metric: value for metric, (value, _, _) in found.items()},
                "intervals": {metric: bounds for metric, (_, *bounds) in found.items()},
            }
    return rows
