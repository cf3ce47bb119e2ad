"""What holds for every test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    folder: Path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("AMT_CACHE_DIR", str(folder))
