"""One training loop for every model: seeded, resumable, on any device and number of processes.

A step's batch is a function of (seed, step) alone, so a run that was killed goes on as if nothing
had happened, and several processes share the very batch that one process would see. Checkpoints are
safetensors, written beside and then renamed.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from amt.errors import InputError
from amt.models.weights import save_model
from render.files.decoding import decode

BEST = "best.safetensors"
LAST = "last.safetensors"


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained; the ``[train]`` table of a config."""

    seed: int = 0
    steps: int = 3000
    batch_size: int = 16
    """Examples a step over all processes."""
    learning_rate: float = 6e-4
    warmup: int = 150
    weight_decay: float = 0.1
    clip_norm: float = 1.0
    ema_decay: float = 0.998
    """Decay of the running average of the weights; the average is what is validated and kept."""
    eval_every: int = 150
    """Steps between validations; a checkpoint is written with each."""
    precision: str = "bf16-mixed"
    accelerator: str = "auto"
    devices: int = 1
    compile: bool = False
    """Compile the model: helps on a GPU, seldom pays on a CPU."""


class Task(Protocol):
    """What the loop asks of a model's training script."""

    model: nn.Module

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Losses of this process's share of the step's batch; ``total`` is lowered."""

    def validate(self) -> dict[str, float]:
        """Figures on the validation split with the model's present weights; ``loss`` is judged."""


def training_parser(
    about: str | None, config: Path, data: str = "MuVi-Sync, published layout"
) -> argparse.ArgumentParser:
    """The options that every training script has.

    Args:
        about: the script's docstring, of which the first line is shown.
        config: used unless another is named.
        data: what ``--data`` names.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=config)
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument("--cache", type=Path, help="folder for compact copies of the corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, help="instead of the config's")
    parser.add_argument("--devices", type=int, help="processes, one a device; also with torchrun")
    parser.add_argument(
        "--set", action="append", default=[], metavar="TABLE.NAME=VALUE", dest="changes",
        help="change one setting of the config, such as model.dropout=0.1; may be repeated",
    )  # fmt: skip
    parser.add_argument("--smoke", action="store_true", help="twenty small steps, under a minute")
    return parser


def settings_from(args: argparse.Namespace, settings: TrainSettings) -> TrainSettings:
    """A config's settings with what the command line says instead."""
    if args.smoke:
        settings = replace(settings, steps=20, batch_size=4, eval_every=10)
    asked = {name: getattr(args, name) for name in ("steps", "devices") if getattr(args, name)}
    return replace(settings, **asked)


def configured(
    args: argparse.Namespace, **tables: type[Any]
) -> tuple[dict[str, Any], TrainSettings]:
    """The config that the command line names, and its settings of training.

    Args:
        args: of :func:`training_parser`.
        tables: name -> dataclass of the config's tables beside ``[train]``.

    Raises:
        InputError: see :func:`read_config`.
    """
    config = read_config(args.config, args.changes, train=TrainSettings, **tables)
    return config, settings_from(args, config["train"])


def read_config(path: Path, changes: Sequence[str], **tables: type[Any]) -> dict[str, Any]:
    """Read a TOML config whose tables are flat dataclasses.

    Args:
        path: the file.
        changes: settings that replace the file's, each ``table.name = value`` in TOML.
        tables: table name -> dataclass; a table that the file lacks has the defaults.

    Raises:
        InputError: the file is missing, the file or a change is no TOML, or a table or setting is
            unknown or of another type.
    """
    try:
        data = tomllib.loads(path.read_text())
        for change in changes:
            for table, values in tomllib.loads(change).items():
                data.setdefault(table, {}).update(values)
    except FileNotFoundError as error:
        raise InputError(f"no config {path}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} or a change to it is no TOML: {error}") from error
    except TypeError as error:
        raise InputError(f"{changes} should each read table.name=value") from error
    if unknown := set(data) - set(tables):
        raise InputError(f"{path}: unknown table {', '.join(sorted(unknown))}")
    return {
        name: decode(data.get(name, {}), kind, f"{path}: [{name}]", InputError)
        for name, kind in tables.items()
    }


def learning_rate_at(step: int, settings: TrainSettings) -> float:
    """Linear warm-up, then a cosine to a hundredth of the peak."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, done))))


def make_optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


TensorTuple = TypeVar("TensorTuple", bound=tuple[Tensor, ...])
"""A named tuple of tensors whose first dimension is the batch."""


def device_of(model: nn.Module) -> torch.device:
    """The device of a model's weights."""
    return next(model.parameters()).device


def moved(batch: TensorTuple, rows: slice, device: torch.device) -> TensorTuple:
    """Some rows of a batch on a device."""
    make = cast(Any, type(batch))
    return cast(TensorTuple, make(*(tensor[rows].to(device) for tensor in batch)))


def save_best(out: Path, kind: str, config: Any) -> None:  # noqa: ANN401 - a dataclass
    """Write the best weights of a run to ``out/kind`` as :mod:`amt.models.weights` reads them."""
    save_model(out / kind, kind, config, load_file(out / BEST))


def train(task: Task, settings: TrainSettings, out: Path) -> dict[str, float]:
    """Train to the last step, going on from ``out/last.safetensors`` if it is there.

    Writes ``last.safetensors`` (everything needed to go on), ``best.safetensors`` (averaged weights
    with the lowest validation loss), ``log.csv`` and TensorBoard events into ``out``.

    Returns:
        The figures of the best validation, with its ``step``.
    """
    out.mkdir(parents=True, exist_ok=True)
    fabric = Fabric(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy="ddp" if settings.devices > 1 else "auto",
        precision=settings.precision,  # type: ignore[arg-type]
        loggers=TensorBoardLogger(out, name="", version=""),
    )
    fabric.launch()
    run = _Run(fabric, task, settings, out)
    run.resume()
    run.loop()
    return run.best


class _Run:
    """The state of a training run."""

    def __init__(self, fabric: Fabric, task: Task, settings: TrainSettings, out: Path) -> None:
        self.fabric, self.task, self.settings, self.out = fabric, task, settings, out
        self.bare = task.model
        optimizer = make_optimizer(task.model, settings)
        model = cast(nn.Module, torch.compile(task.model)) if settings.compile else task.model
        task.model, self.optimizer = fabric.setup(model, optimizer)
        self.average = [p.detach().clone() for p in self.bare.parameters()]
        self.step = 0
        self.best: dict[str, float] = {"loss": math.inf}

    def loop(self) -> None:
        with _progress(self.fabric.is_global_zero) as bar:
            job = bar.add_task("train", total=self.settings.steps, completed=self.step, loss="")
            while self.step < self.settings.steps:
                losses = self._advance()
                bar.update(job, advance=1, loss=f"{losses['total']:.4f}")
                if self.step % self.settings.eval_every == 0 or self.step == self.settings.steps:
                    self._validate(losses)

    def _advance(self) -> dict[str, float]:
        # Dropout too is a function of (seed, step), so that a resumed run repeats it.
        torch.manual_seed(hash((self.settings.seed, self.step, self.fabric.global_rank)))
        rate = learning_rate_at(self.step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.bare.train()
        losses = self.task.loss(self.step, self.fabric.global_rank, self.fabric.world_size)
        self.fabric.backward(losses["total"])
        self.fabric.clip_gradients(
            self.task.model, self.optimizer, max_norm=self.settings.clip_norm
        )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        decay = min(self.settings.ema_decay, self.step / (self.step + 10))
        torch._foreach_lerp_(self.average, [p.data for p in self.bare.parameters()], 1 - decay)
        # Each process has the loss of its share; their mean is that of the whole batch.
        means = {n: self.fabric.all_reduce(v.detach(), reduce_op="mean") for n, v in losses.items()}
        return {name: float(cast(Tensor, mean)) for name, mean in means.items()}

    def _validate(self, losses: dict[str, float]) -> None:
        self._swap()
        self.bare.eval()
        with torch.no_grad():
            figures = self.task.validate()
        if self.fabric.is_global_zero:
            row: dict[str, float] = {"step": self.step}
            row |= {f"train_{k}": v for k, v in losses.items()}
            row |= {f"val_{k}": v for k, v in figures.items()}
            self.fabric.log_dict(row, step=self.step)
            _append_csv(self.out / "log.csv", row)
            if figures["loss"] < self.best["loss"]:
                self.best = {"step": float(self.step), **figures}
                save_atomically(dict(self.bare.state_dict()), self.out / BEST)
        self._swap()
        if self.fabric.is_global_zero:
            self._save()

    def _swap(self) -> None:
        """Exchange the weights with their running average."""
        for parameter, mean in zip(self.bare.parameters(), self.average, strict=True):
            parameter.data, mean.data = mean.data, parameter.data

    def _save(self) -> None:
        tensors = {f"model.{k}": v for k, v in self.bare.state_dict().items()}
        tensors |= {f"average.{i}": v for i, v in enumerate(self.average)}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
        notes = {"step": str(self.step), "best": json.dumps(self.best)}
        save_atomically(tensors, self.out / LAST, notes)

    def resume(self) -> None:
        """Go on from the last checkpoint if there is one."""
        path = self.out / LAST
        if not path.is_file():
            return
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            notes = file.metadata()
        self.step, self.best = int(notes["step"]), json.loads(notes["best"])
        self.bare.load_state_dict(
            {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        )
        for i, mean in enumerate(self.average):
            mean.copy_(tensors[f"average.{i}"])
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                state.setdefault(int(index), {})[name] = value
        whole = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def save_atomically(
    tensors: dict[str, Tensor], path: Path, notes: dict[str, str] | None = None
) -> None:
    """Write safetensors beside ``path`` and rename, so that a kill leaves the old file whole."""
    partial = path.with_name(path.name + ".partial")
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, partial, notes)
    partial.replace(path)


def _append_csv(path: Path, row: dict[str, float]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def _progress(visible: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]}"),
        console=Console(stderr=True),
        disable=not visible,
        refresh_per_second=1,
    )


def report_best(best: dict[str, float]) -> None:
    """Print the figures of the best validation on stderr, as JSON."""
    report(json.dumps(best, indent=2))


def report(text: str) -> None:
    """Print a note on stderr."""
    Console(stderr=True).print(text, highlight=False)
