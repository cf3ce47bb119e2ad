"""Fixtures for the tests of the features."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.features.clips import shots, write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three seconds, one cut at 1.6 s."""
    return write_clip(tmp_path / "clip.mp4", shots([40, 35]))
