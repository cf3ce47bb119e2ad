"""Score the models on MuVi-Sync beside their baselines.

    python -m experiments.evaluate composer --data DIR --split val --json composer.json
    python -m experiments.evaluate expression --data DIR --split val --protocol paper
    python -m experiments.evaluate alignment --synthetic --seed 0
    python -m experiments.evaluate mood --emopia EMOPIA/midis --seed 0
    python -m experiments.evaluate arranger --pop909 POP909 --emopia EMOPIA/midis --weights W
    python -m experiments.evaluate renderer --pop909 POP909 --soundfont SF3 --weights W

Only the files of the asked split are needed; where the training split is there too, the counting
baselines are fitted on it. Intervals are 95 % bootstrap intervals over songs. The shuffled-video
test gives every song the picture of another of about its length, and its own clock.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from amt.errors import AmtError
from amt.models.chords.decode import SamplingOptions, sample_chords
from amt.models.chords.network import Composer
from amt.models.video import MODALITIES
from amt.models.weights import load_composer, load_expression
from data_prep.muvi_sync import CorpusError, MuviSong, load_split
from experiments.common.metrics import (
    PAPER_SECONDS,
    Metrics,
    Table,
    chord_metrics,
    chord_table,
    composer_table,
    curve_metrics,
    curve_table,
    expression_curves,
    figures,
    intervals,
    joined,
    paired_differences,
    progression_metrics,
    resamples,
)
from experiments.composer.baselines import fit_baselines
from experiments.composer.data import ComposerBatch, Example, collate, known_vector, whole_song
from experiments.expression.data import targets_of

BATCH = 15
TRUE, OTHER, CLOCK, NONE = "true video", "another clip's", "clock only", "nothing"
CHORD_COLUMNS = ("hits@1", "hits@3", "hits@5", "hits@1_on_change", "nll", "affective_match")
PROGRESSION_COLUMNS = ("entropy", "coverage", "tonal_distance", "change_rate")
CURVE_COLUMNS = tuple(
    f"{figure}_{target}"
    for target in ("loudness", "density")
    for figure in ("rmse", "pearson", "std_ratio")
)


# --- what the model is shown ------------------------------------------------------------------


def load_examples(songs: Sequence[MuviSong], seconds: int | None) -> list[Example]:
    """Songs in order of length, cut to their first ``seconds`` (None: whole)."""
    ordered = sorted(songs, key=lambda song: (len(song.chords), song.name))
    return [_first_seconds(whole_song(song), seconds) for song in ordered]


def _first_seconds(example: Example, seconds: int | None) -> Example:
    features = {name: values[:seconds] for name, values in example.features.items()}
    return dataclasses.replace(example, chords=example.chords[:seconds], features=features)


def with_known(examples: Sequence[Example], known: NDArray[np.float32]) -> list[Example]:
    """The same examples with other modalities known."""
    return [dataclasses.replace(example, known=known) for example in examples]


def with_other_video(examples: Sequence[Example]) -> list[Example]:
    """Every example with the picture of the next one and its own clock.

    A picture that is too short stands still at its end.
    """
    shown = []
    for own, other in zip(examples, [*examples[1:], *examples[:1]], strict=True):
        rows = np.arange(len(own.chords)).clip(max=len(other.chords) - 1)
        features = {name: values[rows] for name, values in other.features.items()}
        features["clock"] = own.features["clock"]
        shown.append(dataclasses.replace(own, features=features))
    return shown


def conditions(examples: Sequence[Example]) -> dict[str, list[Example]]:
    """The examples under every condition of the shuffled-video test."""
    return {
        TRUE: list(examples),
        OTHER: with_other_video(examples),
        CLOCK: with_known(examples, known_vector("clock")),
        NONE: with_known(examples, known_vector()),
    }


def batches_of(examples: Sequence[Example]) -> list[ComposerBatch]:
    """Padded batches; neighbours are of about one length."""
    return [collate(examples[i : i + BATCH]) for i in range(0, len(examples), BATCH)]


# --- composer ---------------------------------------------------------------------------------


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
        played = torch.nn.functional.one_hot(torch.from_numpy(example.chords), 157).double()
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
    model = load_composer(_weights(args.weights, "composer"))
    tables = composer_tables(model, examples)
    others = baseline_tables(_training_songs(args), examples)
    if args.chords_only:
        blind = load_composer(_weights(args.chords_only, "composer"))
        without = with_known(examples, known_vector())
        others["chords-only model"] = composer_table(blind, batches_of(without))
    draws = resamples(len(examples), args.bootstrap, args.seed)
    report = _head(args, len(examples)) | figures(tables[TRUE], chord_metrics)
    report["intervals"] = intervals(tables[TRUE], chord_metrics, draws)
    report["conditions"] = _rows(tables, chord_metrics, draws)
    report["shuffled_video"] = _differences(tables, chord_metrics, draws)
    report["baselines"] = _rows(others, chord_metrics, draws)
    report["corpus_affective_match"] = corpus_affective_match(examples)
    step = max(1, len(examples) // max(1, args.songs))
    chosen = examples[::step][: args.songs]
    if chosen:
        report["free_generation"] = progressions(model, chosen, args.seed)
    return report


def composer_text(report: Mapping[str, Any]) -> str:
    """The report as aligned text."""
    rows = {f"composer, {name}": row for name, row in report["conditions"].items()}
    parts = [
        _title("composer", report),
        _table(CHORD_COLUMNS, rows | report["baselines"]),
        f"The chords that were played match the emotion of the picture by "
        f"{report['corpus_affective_match']:.4f}.",
        "Shuffled-video test: change when the true video is exchanged for",
        _table(CHORD_COLUMNS, report["shuffled_video"], signed=True),
    ]
    if free := report.get("free_generation"):
        rows = {name: {"figures": free[name]} for name in ("composed", "corpus")}
        parts += [f"Free generation, {free['songs']} songs", _table(PROGRESSION_COLUMNS, rows)]
    return "\n\n".join(parts)


# --- expression -------------------------------------------------------------------------------


def evaluate_expression(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is known of an expression regressor on a split."""
    songs = load_split(args.data, args.split, cache=args.cache)
    songs = sorted(songs, key=lambda song: (len(song.chords), song.name))
    model = load_expression(_weights(args.weights, "expression"))
    examples = load_examples(songs, None)
    shown = conditions(examples)
    shown.pop(NONE)  # a clip always has a length
    analytic = [name for name in MODALITIES if name not in {"semantic", "affect"}]
    shown["no semantic"] = with_known(examples, known_vector(*analytic))
    curves = {
        name: expression_curves(model, [collate([example]).video for example in seen])
        for name, seen in shown.items()
    }
    heard = [model.heard(torch.from_numpy(c)).numpy() for c in curves[TRUE]]
    others = {"as heard": heard}
    if (training := _training_songs(args)) is not None:
        centre = np.concatenate([targets_of(s)[:PAPER_SECONDS] for s in training]).mean(axis=0)
        others["training mean"] = [np.tile(centre, (len(s.chords), 1)) for s in songs]
    truths = [targets_of(song) for song in songs]
    draws = resamples(len(songs), args.bootstrap, args.seed)
    report = _head(args, len(songs))
    for protocol, padded_to in (("paper", PAPER_SECONDS), ("masked", None)):
        tables, extra = (
            {name: curve_table(c, truths, padded_to=padded_to) for name, c in group.items()}
            for group in (curves, others)
        )
        report[protocol] = {
            "conditions": _rows(tables, curve_metrics, draws),
            "shuffled_video": _differences(tables, curve_metrics, draws),
            "baselines": _rows(extra, curve_metrics, draws),
        }
    asked = report[args.protocol]["conditions"][TRUE]
    return report | asked["figures"] | {"intervals": asked["intervals"]}


def expression_text(report: Mapping[str, Any]) -> str:
    """The report as aligned text."""
    parts = [_title("expression", report)]
    for protocol in ("paper", "masked"):
        part = report[protocol]
        rows = {f"model, {name}": row for name, row in part["conditions"].items()}
        parts += [
            f"Protocol {protocol}",
            _table(CURVE_COLUMNS, rows | part["baselines"]),
            "Change when the true video is exchanged for",
            _table(CURVE_COLUMNS, part["shuffled_video"], signed=True),
        ]
    return "\n\n".join(parts)


# --- reports ----------------------------------------------------------------------------------


def _rows(tables: Mapping[str, Table], metrics: Metrics, draws: NDArray) -> dict[str, Any]:
    return {
        name: {
            "figures": figures(table, metrics),
            "intervals": intervals(table, metrics, draws),
        }
        for name, table in tables.items()
    }


def _differences(tables: Mapping[str, Table], metrics: Metrics, draws: NDArray) -> dict[str, Any]:
    rows = {}
    for name, table in tables.items():
        if name != TRUE:
            found = paired_differences(tables[TRUE], table, metrics, draws)
            rows[name] = {
                "figures": {metric: value for metric, (value, _, _) in found.items()},
                "intervals": {metric: bounds for metric, (_, *bounds) in found.items()},
            }
    return rows


def _head(args: argparse.Namespace, n_songs: int) -> dict[str, Any]:
    return {
        "split": args.split, "protocol": args.protocol, "songs": n_songs, "seed": args.seed,
        "bootstrap": args.bootstrap, "weights": str(args.weights or "packaged"),
    }  # fmt: skip


def _title(kind: str, report: Mapping[str, Any]) -> str:
    return (
        f"{kind} ({report['weights']}) on {report['songs']} songs of {report['split']}, protocol "
        f"{report['protocol']}; in brackets 95 % intervals of {report['bootstrap']} resamples"
    )


def _table(columns: Sequence[str], rows: Mapping[str, Any], *, signed: bool = False) -> str:
    """Rows of figures and intervals as aligned text; a figure that a row lacks is a dash."""
    sign = "+" if signed else ""

    def cell(row: Mapping[str, Any], column: str) -> str:
        value = row["figures"].get(column, float("nan"))
        if not np.isfinite(value):
            return "-"
        bounds = row.get("intervals", {}).get(column)
        around = f" [{bounds[0]:{sign}.3f}, {bounds[1]:{sign}.3f}]" if bounds else ""
        return f"{value:{sign}.4f}{around}"

    lines = [
        ["", *columns],
        *([name, *(cell(row, c) for c in columns)] for name, row in rows.items()),
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The report for JSON, which has no NaN: figures that do not exist become null."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _training_songs(args: argparse.Namespace) -> list[MuviSong] | None:
    try:
        return load_split(args.data, "train", on_error="skip", cache=args.cache)
    except CorpusError:
        print(
            f"the training split is not in {args.data}: baselines that count it are left out",
            file=sys.stderr,
        )
        return None


def _weights(folder: Path | None, kind: str) -> Path | None:
    """The model's own folder, when the one with all models was given."""
    return folder / kind if folder is not None and (folder / kind).is_dir() else folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="model", required=True)
    for kind, protocol in (("composer", "masked"), ("expression", "paper")):
        command = commands.add_parser(kind)
        command.add_argument("--data", type=Path, required=True, help="MuVi-Sync, published layout")
        command.add_argument("--split", choices=("train", "val", "test"), default="val")
        command.add_argument("--weights", type=Path, help="folder; the packaged ones if left out")
        command.add_argument(
            "--protocol", choices=("paper", "masked"), default=protocol,
            help=f"paper: the first {PAPER_SECONDS} seconds of every song (padded with zeros for "
            f"expression); masked: every second of whole songs (default {protocol})",
        )  # fmt: skip
        command.add_argument("--json", type=Path, help="write the report to this file")
        command.add_argument("--cache", type=Path, help="folder for a compact copy of the corpus")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--bootstrap", type=int, default=1000, help="resamples (1000)")
        if kind == "composer":
            command.add_argument("--songs", type=int, default=20, help="free generations (20)")
            command.add_argument("--chords-only", type=Path, help="weights of a blind composer")
    commands.add_parser("alignment", help="beats on cuts", add_help=False)
    commands.add_parser("mood", help="asked moods, heard in the music", add_help=False)
    commands.add_parser("arranger", help="notes beside those of people", add_help=False)
    commands.add_parser("renderer", help="sound beside that of its teacher", add_help=False)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["alignment"]:
        from experiments.fit import alignment

        alignment.main(argv[1:])
        return
    if argv[:1] == ["mood"]:
        from experiments.mood import evaluate as mood_control

        mood_control.main(argv[1:])
        return
    if argv[:1] == ["arranger"]:
        from experiments.arranger import evaluate as arranger_eval

        arranger_eval.main(argv[1:])
        return
    if argv[:1] == ["renderer"]:
        from experiments.renderer import evaluate as renderer_eval

        renderer_eval.main(argv[1:])
        return
    parser = _parser()
    args = parser.parse_args(argv)
    evaluate, text = {
        "composer": (evaluate_composer, composer_text),
        "expression": (evaluate_expression, expression_text),
    }[args.model]
    try:
        report = evaluate(args)
    except AmtError as error:
        parser.error(str(error))
    print(text(report))
    if args.json:
        args.json.write_text(json.dumps(plain(report), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
