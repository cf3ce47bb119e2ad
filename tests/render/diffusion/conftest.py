"""Networks small enough to run in a moment."""

from __future__ import annotations

import pytest

from render.diffusion.weights import Renderer
from tests.render.networks import tiny_renderer


@pytest.fixture
def renderer() -> Renderer:
    return tiny_renderer()
