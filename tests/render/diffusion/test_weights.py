"""Networks on disk: they come back, and what is no network of ours is named."""

from __future__ import annotations

import json

import pytest
import torch

from render.diffusion.denoiser import Denoiser, DenoiserConfig
from render.diffusion.vocoder import Vocoder, VocoderConfig
from render.diffusion.weights import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    load_renderer,
    save_network,
)
from render.errors import WeightsError

MOST_BYTES = 12 * 2**20


@pytest.fixture
def folder(tmp_path, denoiser, vocoder):
    save_network(tmp_path / "denoiser", denoiser.config, denoiser.state_dict())
    save_network(tmp_path / "vocoder", vocoder.config, vocoder.state_dict())
    return tmp_path


def test_networks_come_back_with_their_settings(folder, denoiser, vocoder):
    renderer = load_renderer(folder)
    pairs = [(renderer.denoiser, denoiser), (renderer.vocoder, vocoder)]
    for loaded, saved in pairs:
        assert loaded.config == saved.config
        assert not loaded.training
        for (name, a), (_, b) in zip(
            loaded.state_dict().items(), saved.state_dict().items(), strict=True
        ):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3, msg=name)


def test_both_stages_fit_into_twelve_megabytes(tmp_path):
    save_network(tmp_path, DenoiserConfig(), Denoiser(DenoiserConfig()).state_dict())
    size = (tmp_path / WEIGHTS_FILE).stat().st_size
    save_network(tmp_path, VocoderConfig(), Vocoder(VocoderConfig()).state_dict())
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
        (lambda folder: (folder / WEIGHTS_FILE).unlink(), "no denoiser weights"),
        (lambda folder: (folder / CONFIG_FILE).unlink(), "no denoiser at"),
        (lambda folder: (folder / CONFIG_FILE).write_text("{"), "is no JSON"),
        (damage_weights, "is damaged"),
        (change(instruments=[0]), "another network than the denoiser"),
        (change(settings={"colour": 1}), "does not know"),
        (change(settings={"layers": 5}), "do not fit each other"),
    ],
)
def test_what_cannot_be_read_is_named(folder, harm, message):
    harm(folder / "denoiser")
    with pytest.raises(WeightsError, match=message):
        Denoiser.from_pretrained(folder / "denoiser")


def test_one_network_is_not_taken_for_the_other(folder):
    with pytest.raises(WeightsError, match="than the vocoder"):
        Vocoder.from_pretrained(folder / "denoiser")
