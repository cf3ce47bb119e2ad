"""What ``amt doctor`` finds out."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version


def diagnose() -> Iterator[str]:
    """What is here and what is missing, a line each."""
    yield f"amt-soundtrack {version('amt-soundtrack')}, Python {platform.python_version()}"
