"""Evaluations of composer and expression from the command line, on a corpus made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig, ExpressionConfig
from amt.models.expression import Expression
from amt.models.weights import WEIGHTS_FILE, save_model
from data_prep.muvi_sync import load_split
from experiments.common.examples import collate, load_examples, whole_song, with_other_video
from experiments.composer.metrics import composer_scores
from experiments.evaluate import main
from tests.data_prep.tiny_muvi_sync import write_split

COMPOSER = ComposerConfig(
    d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2, context=8, window=2,
    n_global=3,
)  # fmt: skip
EXPRESSION = ExpressionConfig(d_model=8, hidden=8, layers=1, levels=6)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("muvi")
    write_split(root, "train", ["001", "002", "003", "004"])
    write_split(root, "val", ["005", "006", "007"])
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_model(root / "composer", "composer", COMPOSER, Composer(COMPOSER).state_dict())
    model = Expression(EXPRESSION)
    model.levels.copy_(torch.stack([torch.linspace(0, 0.5, 6), torch.linspace(0, 40, 6)]))
    save_model(root / "expression", "expression", EXPRESSION, model.state_dict())
    return root


def evaluate(model: str, corpus: Path, weights: Path, out: Path, *more: str) -> dict:
    main([
        model, "--data", str(corpus), "--weights", str(weights), "--json", str(out),
        "--bootstrap", "50", *more,
    ])  # fmt: skip
    return json.loads(out.read_text())


def test_composer_report(corpus: Path, weights: Path, tmp_path: Path, capsys) -> None:
    report = evaluate("composer", corpus, weights, tmp_path / "a.json", "--songs", "2")
    assert {"hits@1", "hits@3", "hits@5", "hits@1_on_change", "nll"} <= report.keys()
    assert set(report["baselines"]) == {
        "repeat", "majority", "bigram", "trigram", "trigram and induction",
    }  # fmt: skip
    assert set(report["shuffled_video"]) == {"another clip's", "clock only", "nothing"}
    assert report["free_generation"]["songs"] == 2
    for row in report["conditions"].values():
        for name, (low, high) in row["intervals"].items():
            assert low - 1e-9 <= row["figures"][name] <= high + 1e-9
    printed = capsys.readouterr().out
    assert "trigram" in printed
    assert "another clip's" in printed
    again = evaluate("composer", corpus, weights, tmp_path / "b.json", "--songs", "2")
    assert again == report


def test_validation_in_training_and_evaluation_agree(
    corpus: Path, weights: Path, tmp_path: Path
) -> None:
    more = ("--songs", "0", "--chords-only", str(weights))
    report = evaluate("composer", corpus, weights, tmp_path / "a.json", *more)
    blind = report["baselines"]["chords-only model"]
    assert blind == report["conditions"]["nothing"]  # the same model here
    model = Composer(COMPOSER).eval()
    tensors = load_file(weights / "composer" / WEIGHTS_FILE)
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    batches = [collate([whole_song(song)]) for song in load_split(corpus, "val")]
    for with_video, condition in ((True, "true video"), (False, "nothing")):
        scores = composer_scores(model, batches, with_video=with_video)
        assert scores == pytest.approx(report["conditions"][condition]["figures"], rel=1e-4)


def test_a_folder_with_the_asked_split_only(weights: Path, tmp_path: Path, capsys) -> None:
    write_split(tmp_path, "test", ["008", "009"])
    out = tmp_path / "out.json"
    report = evaluate("composer", tmp_path, weights, out, "--split", "test", "--songs", "0")
    assert report["baselines"] == {}
    assert "training split is not in" in capsys.readouterr().err
    report = evaluate("expression", tmp_path, weights, out, "--split", "test")
    assert "training mean" not in report["paper"]["baselines"]
    assert report["rmse_density"] > 0


def test_expression_report(corpus: Path, weights: Path, tmp_path: Path, capsys) -> None:
    report = evaluate("expression", corpus, weights, tmp_path / "a.json")
    names = {f"{a}_{b}" for a in ("rmse", "pearson") for b in ("loudness", "density")}
    assert names <= report.keys()
    masked = evaluate("expression", corpus, weights, tmp_path / "b.json", "--protocol", "masked")
    # Six known seconds of three hundred: the same errors over other counts.
    assert report["rmse_density"] == pytest.approx(masked["rmse_density"] * (6 / 300) ** 0.5)
    assert "training mean" in capsys.readouterr().out


def test_paper_protocol_cuts_to_the_first_seconds(corpus: Path) -> None:
    songs = load_split(corpus, "val")
    assert [len(e.chords) for e in load_examples(songs, 4)] == [4, 4, 4]
    assert len(load_examples(songs, None)[0].features["motion"]) == 6


def test_another_clips_video_keeps_the_clock(corpus: Path) -> None:
    examples = load_examples(load_split(corpus, "val"), None)
    for own, shown, other in zip(
        examples, with_other_video(examples), [*examples[1:], examples[0]], strict=True
    ):
        np.testing.assert_array_equal(shown.features["clock"], own.features["clock"])
        np.testing.assert_array_equal(shown.features["emotion"], other.features["emotion"])
        np.testing.assert_array_equal(shown.chords, own.chords)


def test_missing_data_and_weights_are_one_sentence(corpus: Path, tmp_path: Path, capsys) -> None:
    for data, weights, message in (
        (tmp_path, tmp_path, "no split file"),
        (corpus, tmp_path / "none", "no composer model"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["composer", "--data", str(data), "--weights", str(weights)])
        assert stop.value.code == 2
        assert message in capsys.readouterr().err
