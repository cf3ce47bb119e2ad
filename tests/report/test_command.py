"""``amt generate --report``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from amt.cli import main

STORM = Path(__file__).parents[1] / "data" / "storm.mp4"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call ``amt generate`` on the storm; gives exit code and stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        handler = signal.getsignal(signal.SIGTERM)
        words = ["amt", "generate", "--video", STORM, "--backend", "analytic", *arguments]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        with pytest.raises(SystemExit) as exit_info:
            main()
        signal.signal(signal.SIGTERM, handler)
        return int(exit_info.value.code or 0), capsys.readouterr().err

    return call


def test_the_page_comes_with_its_sound(run: Run, tmp_path: Path) -> None:
    midi, page = tmp_path / "song.mid", tmp_path / "report.html"
    code, err = run("--out", midi, "--report", page)
    assert code == 0, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "song.mid"]
    text = page.read_text(encoding="utf-8")
    assert "No sound" not in text
    assert 500_000 < len(text) + 200_000 < 3_000_000


def test_no_soundfont_no_player(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMT_SOUNDFONT", str(tmp_path / "absent.sf2"))
    code, err = run("--out", tmp_path / "song.mid", "--report", tmp_path / "report.html")
    assert code == 0, err
    assert "the report has no player" in err
    assert "No sound: " in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_page_is_named_html(run: Run, tmp_path: Path) -> None:
    code, err = run("--out", tmp_path / "song.mid", "--report", tmp_path / "report.pdf")
    assert code == 2
    assert ".html" in err
    assert not any(tmp_path.iterdir())
