"""Train the networks of the neural renderer, one stage after the other.

    python -m experiments.renderer.cache --data POP909 --emopia EMOPIA --groove GROOVE \
        --soundfont FluidR3_GM.sf2 --out CACHE
    python -m experiments.renderer.train --stage predictor --data CACHE --out RUN
    python -m experiments.renderer.train --stage denoiser --data CACHE --out RUN

The second stage needs what the first has written. A run that was stopped goes on when the command
is given again; with ``--steps`` it ends earlier or later. ``RUN/renderer`` holds the weights as
:func:`render.diffusion.weights.load_renderer` reads them; the run of each stage is kept in
``RUN/predictor`` and ``RUN/denoiser``. A step takes .11 s of one processor core for the predictor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from experiments.common.training import (
    BEST,
    configured,
    device_of,
    report_best,
    train,
    training_parser,
)
from experiments.renderer.cache import HELD, TRAIN, CachedTake, read_takes
from render.diffusion.denoiser import MOST, SPREAD, Denoiser, DenoiserConfig, flow_loss
from render.diffusion.mel import LOG_SCALE
from render.diffusion.predictor import Predictor, PredictorConfig
from render.diffusion.tokens import AHEAD_S, FrameNotes, collate, frame_notes
from render.diffusion.weights import DENOISER, PREDICTOR, save_network

STAGES = (PREDICTOR, DENOISER)
VALIDATION_BATCHES = 5
_VALIDATION_SEED = 1_000_003
RELEASE_S = 0.6
"""Seconds for which :attr:`RendererObjective.released` counts."""
DB = LOG_SCALE * 20 / math.log(10)
"""Decibels of one unit of normalised log-mel."""


@dataclass(frozen=True)
class RendererObjective:
    """How the networks are trained; the ``[loss]`` table of their configs."""

    crop: int = 128
    """Frames of an example."""
    audible_db: float = 60.0
    """Bands further below the loudest of a take count as inaudible."""
    inaudible: float = 0.1
    """Weight of the error of all bands beside that of the audible ones."""
    prior: float = 0.5
    """Weight of the error of the summed notes beside that of the corrected sum."""
    released: int = 1
    """Weight of frames up to :data:`RELEASE_S` after a release, in the predictor's error."""


class RendererBatch(NamedTuple):
    """B crops of T frames of takes."""

    mel: Tensor
    """float32 [B, N_MELS, T] what the teacher played."""
    notes: FrameNotes
    """Pairs of the crops' frames, padded."""
    loudest: Tensor
    """float32 [B, 1, 1] the largest value of each crop's take."""


class Exact:
    """Arguments of a model as they are.

    Fabric rounds every tensor that a model is called with to the precision of training, and in
    bfloat16 a note's age steps by 10 ms. It does not look into objects.

    Args:
        values: in the order in which the model reads them.
    """

    def __init__(self, *values: object) -> None:
        self.values: tuple[Any, ...] = values


def draw_batch(
    takes: Sequence[CachedTake], seed: Sequence[int], size: int, n_frames: int
) -> RendererBatch:
    """Crops of takes, a function of the seed alone."""
    rng = np.random.default_rng(seed)
    mels, rows, loudest = [], [], []
    for _ in range(size):
        take = takes[int(rng.integers(len(takes)))]
        first = int(rng.integers(take.mel.shape[1] - n_frames))
        mels.append(take.mel[:, first : first + n_frames].float())
        rows.append(frame_notes(take.notes, first, n_frames))
        loudest.append(float(take.mel.max()))
    top = torch.tensor(loudest)[:, None, None]
    return RendererBatch(torch.stack(mels), collate(rows, n_frames), top)


def audible_error(found: Tensor, batch: RendererBatch, objective: RendererObjective) -> Tensor:
    """Mean absolute error in dB where it is audible, and a share of that of all bands.

    Args:
        found: [B, N_MELS, T] normalised.
        batch: what the teacher played.
        objective: where it is audible.
    """
    floor = batch.loudest - objective.audible_db / DB
    audible = torch.maximum(found.detach(), batch.mel) > floor
    error = (found.maximum(floor) - batch.mel.maximum(floor)).abs()
    weight = audible * release_weight(batch, objective.released)
    mean = (error * weight).sum() / weight.sum().clamp(min=1)
    everywhere = (found - batch.mel).abs().mean()
    return DB * (mean + objective.inaudible * everywhere)


def release_weight(batch: RendererBatch, released: int) -> Tensor:
    """``released`` [B, 1, T] in frames soon after a release, 1 elsewhere."""
    rows, _, n_frames = batch.mel.shape
    since, frame = batch.notes.released_s, batch.notes.frame
    # Padding has frames behind the last.
    soon = (since > -AHEAD_S) & (since < RELEASE_S) & (frame < rows * n_frames)
    weight = torch.ones(rows * n_frames, device=batch.mel.device)
    weight[frame[soon]] = released
    return weight.view(rows, 1, n_frames)


class PredictorTraining(nn.Module):
    """The predictor with its losses.

    Args:
        config: of the predictor.
        objective: weights of the losses.
    """

    def __init__(self, config: PredictorConfig, objective: RendererObjective) -> None:
        super().__init__()
        self.predictor = Predictor(config)
        self.objective = objective

    def forward(self, example: Exact) -> dict[str, Tensor]:
        """Losses of a batch in dB: of the corrected sum, of the sum, and what is lowered."""
        (batch,) = example.values
        found = self.predictor(batch.notes, len(batch.mel), batch.mel.shape[2])
        mel = audible_error(found.mel, batch, self.objective)
        prior = audible_error(found.prior, batch, self.objective)
        return {"mel": mel, "prior": prior, "total": mel + self.objective.prior * prior}


class DenoiserTraining(nn.Module):
    """The denoiser with its loss, on what a trained predictor leaves.

    Args:
        config: of the denoiser.
        objective: where the error counts.
        predictor: trained; it stays as it is.
    """

    def __init__(
        self, config: DenoiserConfig, objective: RendererObjective, predictor: Predictor
    ) -> None:
        super().__init__()
        self.denoiser = Denoiser(config)
        self.objective = objective
        self.predictor = [predictor.requires_grad_(False)]  # a list hides it from the optimiser

    def forward(self, example: Exact) -> dict[str, Tensor]:
        """The flow's error of a batch, from noise [B, N_MELS, T] at times [B]."""
        batch, x, time = example.values
        (predictor,) = self.predictor
        with torch.no_grad():
            mel, _, noise = predictor.to(x.device)(batch.notes, len(x), x.shape[2])
        floor = batch.loudest - self.objective.audible_db / DB
        target = ((batch.mel - mel) / SPREAD).clamp(-MOST, MOST)
        weight = (torch.maximum(mel, batch.mel) > floor) + self.objective.inaudible
        error = flow_loss(self.denoiser, target, x, time, mel, noise)
        return {"total": (error * weight).sum() / weight.sum()}


class RendererTask:
    """Either network as :class:`experiments.common.training.Task`, in one process.

    Args:
        model: with its losses.
        takes: of both splits.
        seed: of the batches.
        size: examples of a batch.
    """

    def __init__(
        self, model: PredictorTraining | DenoiserTraining, takes: dict[str, list[CachedTake]],
        seed: int, size: int,
    ) -> None:  # fmt: skip
        self.model: nn.Module = model
        self.takes, self.seed, self.size = takes, seed, size
        self.is_flow, self.n_frames = isinstance(model, DenoiserTraining), model.objective.crop

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Losses of the step's batch."""
        return self._losses(TRAIN, [self.seed, step])

    def validate(self) -> dict[str, float]:
        """Losses on held-out takes; ``loss`` is what is lowered."""
        found = [self._losses(HELD, [_VALIDATION_SEED, i]) for i in range(VALIDATION_BATCHES)]
        means = {key: float(torch.stack([f[key] for f in found]).mean()) for key in found[0]}
        return {"loss": means.pop("total"), **means}

    def _losses(self, split: str, seed: list[int]) -> dict[str, Tensor]:
        batch = draw_batch(self.takes[split], seed, self.size, self.n_frames)
        device = device_of(self.model)
        batch = RendererBatch(
            batch.mel.to(device), batch.notes.to(device), batch.loudest.to(device)
        )
        if not self.is_flow:
            losses: dict[str, Tensor] = self.model(Exact(batch))
            return losses
        generator = torch.Generator().manual_seed(hash(tuple(seed)) % 2**63)
        x = torch.randn(batch.mel.shape, generator=generator).to(device)
        time = torch.rand(len(x), generator=generator).to(device)
        flow_losses: dict[str, Tensor] = self.model(Exact(batch, x, time))
        return flow_losses


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = training_parser(__doc__, Path(), "folder of experiments.renderer.cache")
    parser.set_defaults(config=None)
    parser.add_argument("--stage", choices=STAGES, required=True)
    args = parser.parse_args(argv)
    kinds = {PREDICTOR: PredictorConfig, DENOISER: DenoiserConfig}
    args.config = args.config or Path(f"experiments/renderer/{args.stage}.toml")
    config, settings = configured(args, model=kinds[args.stage], loss=RendererObjective)
    takes = {split: read_takes(args.data, split) for split in (TRAIN, HELD)}
    torch.manual_seed(settings.seed)
    if args.stage == PREDICTOR:
        model: Any = PredictorTraining(config["model"], config["loss"])
    else:
        predictor = Predictor.from_pretrained(args.out / "renderer" / PREDICTOR)
        model = DenoiserTraining(config["model"], config["loss"], predictor)
    out = args.out / args.stage
    best = train(RendererTask(model, takes, settings.seed, settings.batch_size), settings, out)
    tensors = {
        key.removeprefix(f"{args.stage}."): value for key, value in load_file(out / BEST).items()
    }
    save_network(args.out / "renderer" / args.stage, config["model"], tensors)
    report_best(best)


if __name__ == "__main__":
    main()
