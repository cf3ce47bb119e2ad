"""Models on disk: exact round trip, and every kind of damage named."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from amt.errors import WeightsError
from amt.models.chords.network import Composer
from amt.models.expression import Expression
from amt.models.pretrained import RENAMED_COMPOSER, RENAMED_COMPOSER_SETTINGS
from amt.models.weights import CONFIG_FILE, WEIGHTS_FILE, load_composer, save_model
from render.files.weights import NetworkSpec
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
        Expression.from_pretrained(folder)


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

    class Renamed(Composer):
        spec = NetworkSpec("composer", about, renamed)

    assert Renamed.from_pretrained(folder).state_dict().keys() == expected
    Renamed.spec = NetworkSpec("composer", about, {"layers.*.den": "x"})
    with pytest.raises(WeightsError, match="do not fit"):
        Renamed.from_pretrained(folder)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub_cache(folder: Path, tmp_path: Path) -> Path:
    """A cache in which the composer's folder is a repository at one commit."""
    cache = tmp_path / "hub"
    snapshot = cache / "models--owner--toy-composer" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        shutil.copy(folder / name, snapshot / name)
    return cache


def test_a_repository_of_the_hub_is_read_from_the_cache(folder: Path, hub_cache: Path) -> None:
    model = Composer.from_pretrained("owner/toy-composer", revision=COMMIT, cache_dir=hub_cache)
    for name, tensor in load_composer(folder).state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_nothing_is_downloaded_unasked(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    with pytest.raises(WeightsError, match=f"hf download owner/other --revision {COMMIT}"):
        Composer.from_pretrained("owner/other", revision=COMMIT, cache_dir=hub_cache)
    with pytest.raises(WeightsError, match="name the revision"):
        Composer.from_pretrained("owner/toy-composer", cache_dir=hub_cache)


def test_a_damaged_repository_is_noticed(hub_cache: Path) -> None:
    path = next(hub_cache.rglob(WEIGHTS_FILE))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="damaged"):
        Composer.from_pretrained("owner/toy-composer", revision=COMMIT, cache_dir=hub_cache)


def test_a_path_is_never_taken_for_a_repository(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no composer model at"):
        Composer.from_pretrained(Path("owner") / "toy-composer")


def test_a_saved_model_has_a_card_and_a_card_that_is_there_stays(tmp_path: Path) -> None:
    Composer(TOY).save_pretrained(tmp_path)
    card = tmp_path / "README.md"
    assert "amt-soundtrack" in card.read_text()
    card.write_text("mine")
    load_composer(tmp_path).save_pretrained(tmp_path)
    assert card.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {CONFIG_FILE, WEIGHTS_FILE, "README.md"}
