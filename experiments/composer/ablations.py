"""What each part of the composer is worth, in one table.

    python -m experiments.composer.ablations --data DIR --pop909 DIR --emopia DIR --runs RUNS

The upper rows are the packaged composer with something taken from it at use: a modality of the
picture, or guidance other than 1. The lower rows are smaller composers trained for a short while,
each with one change (``experiments/composer/ablations.toml``); a run that is finished is not
trained again. Every row is compared with the first of its part on the same songs. ``--only NAME``
trains and shows one row.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from amt.errors import AmtError
from amt.models.chords.network import Composer, ComposerOutput
from amt.models.video import MODALITIES, VideoInput
from amt.models.weights import load_composer
from data_prep.muvi_sync import load_split
from experiments.common.bootstrap import Table, figures, paired_differences, resamples
from experiments.common.examples import (
    VIDEO_KNOWN,
    Example,
    batches_of,
    load_examples,
    with_known,
)
from experiments.common.tables import markdown, with_interval
from experiments.common.training import BEST
from experiments.composer import train as train_composer
from experiments.composer.metrics import chord_metrics, composer_table

DEFINITIONS = Path(__file__).with_name("ablations.toml")
GUIDANCE = (0.0, 2.0)
COLUMNS = ("hits@1", "hits@3", "hits@5", "hits@1_on_change", "nll", "affective_match")


class Guided(nn.Module):
    """A composer whose answer is pushed away from (or to) the one without a picture."""

    def __init__(self, composer: Composer, guidance: float) -> None:
        super().__init__()
        self.composer, self.guidance = composer, guidance

    def forward(
        self, chords: torch.Tensor, minor: torch.Tensor, video: VideoInput
    ) -> ComposerOutput:
        """Classifier-free guidance (Ho & Salimans 2022) of every slot, teacher-forced."""
        seen = self.composer(chords, minor, video)
        blind = self.composer(chords, minor, video.without_video())
        blended = blind.log_probs + self.guidance * (seen.log_probs - blind.log_probs)
        return ComposerOutput(seen.next_logits, blended.log_softmax(dim=-1))


@torch.inference_mode()
def rows_at_use(model: Composer, examples: Sequence[Example]) -> dict[str, Table]:
    """The packaged composer, whole and with something taken away."""
    truth = batches_of(examples)
    rows: dict[str, Table] = {"as packaged": composer_table(model, truth)}
    for index, name in enumerate(MODALITIES):
        if VIDEO_KNOWN[index]:
            known = VIDEO_KNOWN.copy()
            known[index] = 0
            videos = [batch.video for batch in batches_of(with_known(examples, known))]
            rows[f"without {name}"] = composer_table(model, truth, videos)
    for guidance in GUIDANCE:
        rows[f"guidance {guidance:g}"] = composer_table(Guided(model, guidance), truth)
    return rows


@torch.inference_mode()
def rows_trained(
    runs: Mapping[str, Path], blind: Sequence[str], examples: Sequence[Example]
) -> dict[str, Table]:
    """The composers of finished runs; those that never saw a picture are shown none."""
    truth = batches_of(examples)
    nothing = [batch.video.without_video() for batch in truth]
    return {
        name: composer_table(
            load_composer(run / "composer"), truth, nothing if name in blind else None
        )
        for name, run in runs.items()
    }


def train_row(changes: Sequence[str], run: Path, corpora: Sequence[str]) -> None:
    """Train one row unless its weights are there."""
    if (run / "composer").is_dir() and (run / BEST).is_file():
        return
    settings = [part for change in changes for part in ("--set", change)]
    train_composer.main([*corpora, "--out", str(run), *settings])


def table_text(rows: Mapping[str, Table], n_resamples: int, seed: int) -> str:
    """Markdown: figures of every row, and the difference in NLL to the first row."""
    first = next(iter(rows.values()))
    draws = resamples(len(first["slots"]), n_resamples, seed)
    lines = []
    for name, table in rows.items():
        found = figures(table, chord_metrics)
        change = ""
        if table is not first:
            value, *bounds = paired_differences(first, table, chord_metrics, draws)["nll"]
            change = with_interval(value, bounds, 4, signed=True, bound_digits=3)
        lines.append([name, *(f"{found[column]:.4f}" for column in COLUMNS), change])
    return markdown(["", *COLUMNS, "NLL against the first row"], lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="MuVi-Sync, published layout")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--cache", type=Path, help="folder for compact copies of the corpora")
    parser.add_argument("--pop909", type=Path, help="POP909's folder of songs")
    parser.add_argument("--emopia", type=Path, help="EMOPIA's folder of MIDI files")
    parser.add_argument("--weights", type=Path, help="a composer's folder; the packaged one")
    parser.add_argument("--runs", type=Path, help="folder of the short runs; none are made without")
    parser.add_argument("--only", help="train and show this row only")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples (1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples")
    args = parser.parse_args(argv)
    try:
        examples = load_examples(load_split(args.data, args.split, cache=args.cache), None)
        if not args.only:
            rows = rows_at_use(load_composer(args.weights), examples)
            print(table_text(rows, args.bootstrap, args.seed), flush=True)
        if args.runs:
            print("\n" + table_text(_trained(args, examples), args.bootstrap, args.seed))
    except AmtError as error:
        parser.error(str(error))


def _trained(args: argparse.Namespace, examples: Sequence[Example]) -> dict[str, Table]:
    definitions = tomllib.loads(DEFINITIONS.read_text())
    base = definitions["base"]["changes"]
    rows = {"base": base} | {name: base + more for name, more in definitions["rows"].items()}
    if args.only:
        rows = {name: changes for name, changes in rows.items() if name in ("base", args.only)}
    given = {name: getattr(args, name) for name in ("data", "cache", "pop909", "emopia")}
    corpora = [part for name, path in given.items() if path for part in (f"--{name}", str(path))]
    runs = {}
    for name, changes in rows.items():
        runs[name] = args.runs / re.sub(r"\W+", "-", name).strip("-")
        train_row(changes, runs[name], corpora)
    return rows_trained(runs, definitions["blind"], examples)


if __name__ == "__main__":
    main()
