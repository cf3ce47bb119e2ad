"""The training loop: a run that was killed goes on as if nothing had happened."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from amt.errors import InputError
from experiments.common.training import (
    BEST,
    LAST,
    TrainSettings,
    learning_rate_at,
    read_config,
    train,
)

QUICK = TrainSettings(
    steps=6, batch_size=4, eval_every=2, warmup=2, precision="32-true", accelerator="cpu"
)


class Line:
    """Fits a line with dropout, so that resuming must also repeat the random numbers."""

    def __init__(self, stop_at: int | None = None) -> None:
        torch.manual_seed(0)
        hidden = [nn.Linear(8, 8) for _ in range(5)]  # more than ten tensors of several shapes
        self.model: nn.Module = nn.Sequential(
            nn.Linear(3, 8), nn.Dropout(0.5), *hidden, nn.Linear(8, 1)
        )
        self.stop_at = stop_at

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        if step == self.stop_at:
            raise KeyboardInterrupt
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        return {"total": ((self.model(x) - x.sum(dim=1, keepdim=True)) ** 2).mean()}

    def validate(self) -> dict[str, float]:
        x = torch.randn(64, 3, generator=torch.Generator().manual_seed(99))
        return {"loss": float(((self.model(x) - x.sum(dim=1, keepdim=True)) ** 2).mean())}


def test_a_killed_run_ends_in_the_same_weights(tmp_path: Path) -> None:
    best = train(Line(), QUICK, tmp_path / "whole")
    for stop_at in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            train(Line(stop_at=stop_at), QUICK, tmp_path / "killed")
    again = train(Line(), QUICK, tmp_path / "killed")
    assert again == best
    whole, killed = (load_file(tmp_path / run / LAST) for run in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, killed[name]), name


def test_the_best_average_is_kept_and_logged(tmp_path: Path) -> None:
    best = train(Line(), QUICK, tmp_path)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4, 6]
    assert best["loss"] == min(float(row["val_loss"]) for row in rows)
    task = Line()
    task.model.load_state_dict(load_file(tmp_path / BEST))
    task.model.eval()
    with torch.no_grad():
        assert task.validate()["loss"] == pytest.approx(best["loss"])


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    train(Line(), QUICK, tmp_path)
    before = (tmp_path / LAST).read_bytes()
    train(Line(stop_at=0), QUICK, tmp_path)
    assert (tmp_path / LAST).read_bytes() == before


def test_the_learning_rate_warms_up_and_decays() -> None:
    settings = TrainSettings(steps=100, warmup=10, learning_rate=1.0)
    rates = [learning_rate_at(step, settings) for step in range(100)]
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nsteps = 3\ncolour = 1", "colour is unknown, expected accelerator"),
        ("[tarin]\nsteps = 3", "unknown table tarin"),
        ("[train", "no TOML"),
    ],
)
def test_a_broken_config_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(path, [], train=TrainSettings)
    with pytest.raises(InputError, match="no config"):
        read_config(tmp_path / "none.toml", [], train=TrainSettings)


def test_a_change_replaces_one_setting(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[train]\nsteps = 3\nseed = 4")
    changes = ["train.steps=7", 'train.precision="32-true"']
    settings = read_config(path, changes, train=TrainSettings)["train"]
    assert (settings.steps, settings.seed, settings.precision) == (7, 4, "32-true")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.colour=1", "colour is unknown, expected accelerator"),
        ("tarin.steps=3", "unknown table tarin"),
        ("train.precision=x", "no TOML"),
        ("steps=3", "table.name=value"),
    ],
)
def test_a_wrong_change_is_named(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    with pytest.raises(InputError, match=message):
        read_config(path, [change], train=TrainSettings)
