"""The table of ablations: guidance on teacher-forced answers, and its text."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig
from data_prep.muvi_sync import load_split
from experiments.common.examples import load_examples
from experiments.common.training import TrainSettings, read_config
from experiments.composer.ablations import DEFINITIONS, Guided, main, rows_at_use, table_text
from experiments.composer.data import ComposerData
from experiments.composer.train import ComposerObjective
from tests.data_prep.tiny_muvi_sync import write_split
from tests.models.chords.test_network import TOY, toy_video

TINY = replace(TOY, semantic_dim=768, induction=True)


def test_guidance_one_is_the_composer_and_zero_is_blind() -> None:
    torch.manual_seed(0)
    composer = Composer(TOY).eval()
    chords, minor, video = torch.randint(0, 157, (2, 9)), torch.tensor([0, 1]), toy_video(9, 2)
    seen, blind = (composer(chords, minor, v).log_probs for v in (video, video.without_video()))
    for strength, expected in ((1.0, seen), (0.0, blind)):
        found = Guided(composer, strength)(chords, minor, video).log_probs
        torch.testing.assert_close(found, expected)


def test_every_row_is_a_config_that_exists() -> None:
    definitions = tomllib.loads(DEFINITIONS.read_text())
    for changes in definitions["rows"].values():
        read_config(
            DEFINITIONS.with_name("composer.toml"), definitions["base"]["changes"] + changes,
            model=ComposerConfig, train=TrainSettings, data=ComposerData, loss=ComposerObjective,
        )  # fmt: skip


def test_the_first_row_is_what_the_others_are_compared_with(tmp_path: Path) -> None:
    write_split(tmp_path, "val", ["001", "002", "003"])
    examples = load_examples(load_split(tmp_path, "val"), None)
    torch.manual_seed(0)
    rows = rows_at_use(Composer(TINY).eval(), examples)
    assert "without motion" in rows and "without affect" not in rows
    lines = table_text(rows, 20, seed=0).splitlines()
    assert len(lines) == 2 + len(rows)
    assert "[" not in lines[2] and all("[" in line for line in lines[3:])


def test_missing_data_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path)])
    assert "no split file" in capsys.readouterr().err
