"""A server in this process, and clips that are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pretty_midi
import pytest

pytest.importorskip("starlette", reason="the extra `studio` is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")

from tests.features.clips import shots, write_clip
from tests.studio.client import Client, server


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of two seconds, and one of four."""
    return write_clip(tmp_path_factory.mktemp("clips") / "my shots.mp4", shots([50, 50, 100]))


@pytest.fixture(scope="module")
def studio() -> Iterator[Client]:
    """A client of a server with one process."""
    with server() as client:
        yield client


@pytest.fixture(autouse=True)
def _small_soundfont(monkeypatch: pytest.MonkeyPatch) -> None:
    soundfont = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    monkeypatch.setenv("AMT_SOUNDFONT", str(soundfont))
