"""Models on disk: exact round trip, and every kind of damage named."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from amt.errors import WeightsError
from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig
from amt.models.weights import (
    CONFIG_FILE,
    RENAMED_COMPOSER,
    RENAMED_COMPOSER_SETTINGS,
    WEIGHTS_FILE,
    load_composer,
    load_expression,
    save_model,
)
from render.files.weights import read_network
from tests.models.chords.test_network import TOY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(tmp_path, "composer", TOY, Composer(TOY).state_dict())
    return tmp_path


def test_round_trip_is_exact_once_in_half_precision(folder: Path, tmp_path: Path) -> None:
    first = load_composer(folder)
    save_model(tmp_path / "again", "composer", TOY, first.state_dict())
    assert (tmp_path / "again" / WEIGHTS_FILE).read_bytes() == (folder / WEIGHTS_FILE).read_bytes()
    assert first.config == TOY
    assert not first.training


def test_a_flipped_bit_is_noticed(folder: Path) -> None:
    path = folder / WEIGHTS_FILE
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="damaged"):
        load_composer(folder)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, CONFIG_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(WeightsError, match="No such file"):
        load_composer(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "than the composer model that is expected, as its format is 99"),
        ({"model": "expression"}, "than the composer model"),
        ({"settings": {"d_model": 16, "colour": 1}}, "'colour', which ComposerConfig"),
        ({"settings": {"d_model": 16.0}}, "d_model = 16.0, which is no such setting"),
        ({"settings": {"d_model": True}}, "d_model = True"),
        ({"settings": {"d_ff": 10**9}}, "d_ff = 1000000000"),
        ({"settings": {"dropout": float("nan")}}, "dropout = nan"),
        ({"settings": {"d_model": 30, "n_heads": 4}}, "contradict"),
        ({"settings": {"n_heads": 0}}, "contradict"),
        ({"settings": [1]}, "lacks settings"),
        ({"sha256": None}, "lacks settings or sha256"),
        ({"settings": {"d_model": 32}}, "do not fit"),
        ({"settings": {"d_ff": 0}}, "do not fit"),
    ],
)
def test_a_foreign_config_is_named(folder: Path, change: dict, message: str) -> None:
    path = folder / CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WeightsError, match=message):
        load_composer(folder)


def test_config_that_is_no_json_is_named(folder: Path) -> None:
    (folder / CONFIG_FILE).write_text("{")
    with pytest.raises(WeightsError, match="no JSON"):
        load_composer(folder)


def test_a_composer_is_no_expression_model(folder: Path) -> None:
    with pytest.raises(WeightsError, match="than the expression model"):
        load_expression(folder)


def test_settings_that_ask_for_more_than_the_weights_take_no_memory(folder: Path) -> None:
    path = folder / CONFIG_FILE
    about = json.loads(path.read_text())
    about["settings"] |= {"d_ff": 1 << 16, "d_model": 1 << 16}
    path.write_text(json.dumps(about))
    with pytest.raises(WeightsError, match="do not fit"):
        load_composer(folder)


@pytest.mark.parametrize("harm", ["nan", "int8"])
def test_weights_that_are_no_numbers_are_named(folder: Path, harm: str) -> None:
    tensors = load((folder / WEIGHTS_FILE).read_bytes())
    name = sorted(tensors)[0]
    tensors[name] = tensors[name] * float("nan") if harm == "nan" else tensors[name].to(torch.int8)
    data = save(tensors)
    (folder / WEIGHTS_FILE).write_bytes(data)
    path = folder / CONFIG_FILE
    sha256 = hashlib.sha256(data).hexdigest()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": sha256}))
    with pytest.raises(WeightsError, match="not all finite numbers"):
        load_composer(folder)


def rewritten(folder: Path, names: dict[str, str], settings: dict[str, str]) -> None:
    """Give tensors and settings of a folder other names, as an earlier version wrote them."""
    tensors = load((folder / WEIGHTS_FILE).read_bytes())
    data = save({names.get(name, name): tensor for name, tensor in tensors.items()})
    (folder / WEIGHTS_FILE).write_bytes(data)
    path = folder / CONFIG_FILE
    about = json.loads(path.read_text())
    about["sha256"] = hashlib.sha256(data).hexdigest()
    about["settings"] = {settings.get(k, k): value for k, value in about["settings"].items()}
    path.write_text(json.dumps(about))


def test_names_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    config = replace(TOY, induction=True)
    torch.manual_seed(0)
    save_model(tmp_path, "composer", config, Composer(config).state_dict())
    expected = load_composer(tmp_path).state_dict()
    names = {
        name: name.replace(new, old, 1)
        for name in expected
        for old, new in RENAMED_COMPOSER.items()
        if name.split(".")[0] == new
    }
    settings = {new: old for old, new in RENAMED_COMPOSER_SETTINGS.items()}
    assert names and settings
    rewritten(tmp_path, names, settings)
    model = load_composer(tmp_path)
    assert model.config == config
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_one_segment_of_a_renamed_tensor_may_vary(folder: Path) -> None:
    expected = Composer(TOY).state_dict().keys()
    rewritten(folder, {name: name.replace(".ff.", ".dense.") for name in expected}, {})
    about = {"format": 1, "model": "composer"}
    renamed = {"layers.*.dense": "layers.*.ff", "encoder.layers.*.dense": "encoder.layers.*.ff"}
    read = read_network(folder, "composer", about, ComposerConfig, Composer, renamed)
    assert read.state_dict().keys() == expected
    with pytest.raises(WeightsError, match="do not fit"):
        read_network(folder, "composer", about, ComposerConfig, Composer, {"layers.*.den": "x"})
