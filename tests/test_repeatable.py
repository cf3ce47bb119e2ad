"""Runs in one process do not affect each other: the same bytes, PyTorch's threads as before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from amt.cli import app
from tests.features.clips import shots, write_clip


def generate(clip: Path, midi: Path, arranger: str, seed: int) -> bytes:
    arguments = [
        "generate", "--video", clip, "--out", midi, "--arranger", arranger, "--seed", seed,
        "--backend", "analytic", "--quiet",
    ]  # fmt: skip
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return midi.read_bytes()


@pytest.mark.parametrize("arranger", ["neural", "patterns"])
def test_two_runs_in_one_process_give_the_same_bytes(arranger: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shots([40, 35]))
    threads = torch.get_num_threads()
    first = generate(clip, tmp_path / "first.mid", arranger, seed=3)
    between = generate(clip, tmp_path / "between.mid", arranger, seed=4)
    again = generate(clip, tmp_path / "again.mid", arranger, seed=3)
    assert first == again
    assert first != between
    assert torch.get_num_threads() == threads
