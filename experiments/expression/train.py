r"""Train the expression regressor.

    python -m experiments.expression.train --config experiments/expression/expression.toml \
        --data DIR --out RUN

``DIR`` is MuVi-Sync in its published layout (Zenodo record 10057093). A run that was stopped goes
on when the command is given again. ``RUN/expression`` holds the weights as ``amt`` reads them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from amt.models.config import ExpressionConfig
from amt.models.expression import TARGETS, Expression, level_targets
from amt.models.weights import save_model
from data_prep.muvi_sync import MuviSong, load_split
from experiments.common.bootstrap import figures
from experiments.common.reports import PAPER_SECONDS
from experiments.common.training import (
    BEST,
    configured,
    device_of,
    moved,
    report,
    report_best,
    train,
    training_parser,
)
from experiments.expression.data import (
    ExpressionData,
    ExpressionExamples,
    targets_of,
    whole_clip,
)
from experiments.expression.metrics import curve_metrics, curve_table, expression_curves


@dataclasses.dataclass(frozen=True)
class ExpressionObjective:
    """Weights of the loss; the ``[loss]`` table of an expression config."""

    levels_weight: float = 0.1
    """Of the cross-entropy to the soft levels."""
    mean_weight: float = 1.0
    """Of the squared error of the mean, in units of each target's variance."""


class ExpressionTask:
    """The expression regressor as :class:`experiments.common.training.Task`."""

    def __init__(
        self,
        model: Expression,
        examples: ExpressionExamples,
        validation: Sequence[MuviSong],
        objective: ExpressionObjective,
        batch_size: int,
    ) -> None:
        self.model: torch.nn.Module = model
        self.examples, self.objective, self.batch_size = examples, objective, batch_size
        self.levels = model.levels
        values = np.concatenate([targets_of(song) for song in examples.songs])
        self.scale = torch.from_numpy(values.std(axis=0))
        self.validation = validation
        centre = np.tile(values.mean(axis=0), (max(len(s.chords) for s in validation), 1))
        self.baseline = _scores(validation, [centre[: len(s.chords)] for s in validation])

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Losses of this process's share of the step's batch."""
        batch = self.examples.batch(step, self.batch_size)
        device = device_of(self.model)
        mine = slice(rank, None, world)
        targets = batch.targets[mine].to(device)
        output = self.model(moved(batch.video, mine, device))
        soft = level_targets(targets, self.levels.to(device))
        levels = -(soft * output.log_probs).sum(dim=-1).mean()
        mean = (((output.mean - targets) / self.scale.to(device)) ** 2).mean()
        total = self.objective.levels_weight * levels + self.objective.mean_weight * mean
        return {"total": total, "levels": levels, "mean": mean}

    def validate(self) -> dict[str, float]:
        """Padded RMSE (``loss``: relative to the training mean's, summed) and the rest."""
        figures = _scores(self.validation, predict(self.model, self.validation))
        ratios = [figures[f"rmse_{t}"] / self.baseline[f"rmse_{t}"] for t in TARGETS]
        return {"loss": sum(ratios), **figures}


def _scores(songs: Sequence[MuviSong], curves: Sequence[NDArray[Any]]) -> dict[str, float]:
    truths = [targets_of(song) for song in songs]
    return figures(curve_table(curves, truths, padded_to=PAPER_SECONDS), curve_metrics)


def predict(model: torch.nn.Module, songs: Sequence[MuviSong]) -> list[NDArray[np.float32]]:
    """Expected loudness and density of every second, [S, 2] a song."""
    return expression_curves(model, [whole_clip(song).video for song in songs])


def make_levels(values: NDArray[Any], n_levels: int) -> Tensor:
    """Levels [2, L] of training values [N, 2], strictly increasing from the least to the greatest.

    Halfway between quantiles (each level as likely) and equal steps, so that neither ties among
    the values nor their rare extremes bring two levels together.
    """
    shares = np.linspace(0, 1, n_levels)
    quantiles = np.quantile(values, shares, axis=0)
    steps = values.min(axis=0) + shares[:, None] * np.ptp(values, axis=0)
    return torch.from_numpy((0.5 * (quantiles + steps)).T.astype(np.float32))


def measure_spread(curves: NDArray[Any], values: NDArray[Any]) -> Tensor:
    """``Expression.spread`` [2, 2] from predictions and truth of the same seconds, [N, 2] each."""
    factor = values.std(axis=0) / curves.std(axis=0)
    return torch.from_numpy(np.stack([curves.mean(axis=0), factor], axis=-1).astype(np.float32))


def export(model: Expression, run: Path, songs: Sequence[MuviSong]) -> None:
    """Write ``run/expression``: the best weights, with the spread of their predictions."""
    model.load_state_dict(load_file(run / BEST))
    model.eval()
    curves = np.concatenate(predict(model, songs))
    model.spread.copy_(measure_spread(curves, np.concatenate([targets_of(s) for s in songs])))
    save_model(run / "expression", "expression", model.config, model.state_dict())


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = training_parser(__doc__, Path("experiments/expression/expression.toml"))
    args = parser.parse_args(argv)
    config, settings = configured(
        args, model=ExpressionConfig, data=ExpressionData, loss=ExpressionObjective
    )
    songs = load_split(args.data, "train", on_error="skip", report=report, cache=args.cache)
    validation = load_split(args.data, "val", on_error="skip", report=report, cache=args.cache)
    torch.manual_seed(settings.seed)
    model = Expression(config["model"])
    values = np.concatenate([targets_of(song) for song in songs])
    model.levels.copy_(make_levels(values, config["model"].levels))
    task = ExpressionTask(
        model,
        ExpressionExamples(songs, config["data"], settings.seed),
        validation,
        config["loss"],
        settings.batch_size,
    )
    best = train(task, settings, args.out)
    export(model, args.out, songs)
    report_best(best)


if __name__ == "__main__":
    main()
