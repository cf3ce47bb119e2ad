"""Training of the expression regressor from the command line, on a corpus made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from amt.models.weights import WEIGHTS_FILE, load_expression
from experiments.common.training import LAST
from experiments.expression.data import ExpressionBatch, ExpressionExamples
from experiments.expression.train import main as train_expression
from experiments.expression.train import make_levels, measure_spread
from tests.data_prep.tiny_muvi_sync import write_split


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("muvi")
    write_split(root, "train", ["001", "002", "003", "004"])
    write_split(root, "val", ["005", "006", "007"])
    return root


CONFIG = """
[model]
d_model = 8
hidden = 8
layers = 1
levels = 6
[train]
steps = 4
batch_size = 2
eval_every = 2
warmup = 1
precision = "32-true"
accelerator = "cpu"
"""


def run_training(corpus: Path, folder: Path, *more: str) -> Path:
    config = folder.parent / "config.toml"
    config.write_text(CONFIG)
    train_expression(["--config", str(config), "--data", str(corpus), "--out", str(folder), *more])
    return folder


def test_expression_training_resumes_to_the_same_weights(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_training(corpus, tmp_path / "whole")
    load_expression(whole / "expression")
    draw = ExpressionExamples.batch

    def killed(self: ExpressionExamples, step: int, size: int) -> ExpressionBatch:
        if step == 3:  # after the checkpoint of step 2
            raise KeyboardInterrupt
        return draw(self, step, size)

    with monkeypatch.context() as patch:
        patch.setattr(ExpressionExamples, "batch", killed)
        with pytest.raises(KeyboardInterrupt):
            run_training(corpus, tmp_path / "killed")
    resumed = run_training(corpus, tmp_path / "killed")
    ours, theirs = (load_file(run / LAST) for run in (whole, resumed))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    files = [run / "expression" / WEIGHTS_FILE for run in (whole, resumed)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_levels_increase_and_reach_the_extremes() -> None:
    values = np.stack([np.repeat([0.0, 0.1, 0.5], 50), np.repeat([0, 3, 42], 50)], axis=-1)
    levels = make_levels(values, 24)
    assert (levels.diff(dim=-1) > 0).all()
    assert levels[:, 0].tolist() == [0, 0]
    assert levels[:, -1].tolist() == pytest.approx([0.5, 42])


def test_spread_gives_the_variance_of_the_data() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, size=(200, 2))
    curves = 3 + 0.3 * (values - 3) + rng.normal(0, 0.1, size=(200, 2))
    centre, factor = measure_spread(curves, values).numpy().T
    rescaled = centre + factor * (curves - centre)
    assert rescaled.std(axis=0) == pytest.approx(values.std(axis=0), rel=1e-4)
