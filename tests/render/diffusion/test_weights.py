"""Networks on disk: they come back, and what is no network of ours is named."""

from __future__ import annotations

import json

import pytest
import torch

from render.diffusion.denoiser import Denoiser, DenoiserConfig
from render.diffusion.predictor import Predictor, PredictorConfig
from render.diffusion.weights import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    load_renderer,
    save_network,
)
from render.errors import WeightsError
from tests.render.networks import save_tiny_renderer

MOST_BYTES = 14_000_000


@pytest.fixture
def folder(tmp_path):
    return save_tiny_renderer(tmp_path)


def test_networks_come_back_with_their_settings(folder, renderer):
    found = load_renderer(folder)
    pairs = [(found.predictor, renderer.predictor), (found.denoiser, renderer.denoiser)]
    for loaded, saved in pairs:
        assert loaded.config == saved.config
        assert not loaded.training
        for (name, a), (_, b) in zip(
            loaded.state_dict().items(), saved.state_dict().items(), strict=True
        ):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3, msg=name)


def test_both_networks_fit_into_fourteen_megabytes(tmp_path):
    save_network(tmp_path, DenoiserConfig(), Denoiser(DenoiserConfig()).state_dict())
    size = (tmp_path / WEIGHTS_FILE).stat().st_size
    save_network(tmp_path, PredictorConfig(), Predictor(PredictorConfig()).state_dict())
    assert size + (tmp_path / WEIGHTS_FILE).stat().st_size <= MOST_BYTES


def damage_weights(folder):
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-8] + b"damaged!")


def change(**values):
    def apply(folder):
        path = folder / CONFIG_FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return apply


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / WEIGHTS_FILE).unlink(), "no predictor weights"),
        (lambda folder: (folder / CONFIG_FILE).unlink(), "no predictor at"),
        (lambda folder: (folder / CONFIG_FILE).write_text("{"), "is no JSON"),
        (damage_weights, "is damaged"),
        (change(instruments=[0]), "another network than the predictor"),
        (change(settings={"colour": 1}), "does not know"),
        (change(settings={"layers": 5}), "do not fit each other"),
    ],
)
def test_what_cannot_be_read_is_named(folder, harm, message):
    harm(folder / "predictor")
    with pytest.raises(WeightsError, match=message):
        Predictor.from_pretrained(folder / "predictor")


def test_one_network_is_not_taken_for_the_other(folder):
    with pytest.raises(WeightsError, match="than the predictor"):
        Predictor.from_pretrained(folder / "denoiser")
