"""Outputs appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from amt.errors import OutputError
from amt.outputs import check_outputs, staging


def test_success_publishes_everything(tmp_path: Path) -> None:
    first, second = tmp_path / "a.mid", tmp_path / "b.wav"
    first.write_text("old")
    with staging() as stage:
        stage.path(first).write_text("new")
        stage.path(second).write_text("sound")
        assert first.read_text() == "old"
    assert (first.read_text(), second.read_text()) == ("new", "sound")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mid", "b.wav"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_file_and_no_trace(
    tmp_path: Path, error: type[BaseException]
) -> None:
    out = tmp_path / "a.mid"
    out.write_text("old")
    with pytest.raises(error), staging() as stage:
        stage.path(out).write_text("half")
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["a.mid"]
    assert out.read_text() == "old"


def test_a_staged_path_keeps_its_suffix_and_is_one_per_output(tmp_path: Path) -> None:
    with staging() as stage:
        path = stage.path(tmp_path / "a.flac")
        assert path.suffix == ".flac"
        assert stage.path(tmp_path / "a.flac") == path


def test_outputs_that_cannot_be_are_named(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    with pytest.raises(OutputError, match="also an input"):
        check_outputs([tmp_path / "x" / ".." / "clip.mp4"], [clip])
    with pytest.raises(OutputError, match="two outputs"):
        check_outputs([tmp_path / "a", tmp_path / "a"], [])
    with pytest.raises(OutputError, match="is a folder"):
        check_outputs([tmp_path], [])
    with pytest.raises(OutputError, match="does not exist"):
        check_outputs([tmp_path / "no" / "a.mid"], [])
    with pytest.raises(OutputError, match="cannot write"), staging() as stage:
        stage.path(Path("/proc/a.mid"))
