"""Rendering a MIDI file into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from render.audio import Audio
from render.engine import render_to_disk
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.options import RenderOptions


def render_midi(midi: Path, reporter: Reporter = DEFAULT_REPORTER, **options: Any) -> Audio:
    with render_to_disk(midi, RenderOptions(**options), reporter=reporter) as rendering:
        return rendering.master.audio()


def render_stems(
    midi: Path, reporter: Reporter = DEFAULT_REPORTER, **options: Any
) -> dict[str, Audio]:
    asked = RenderOptions(**options)
    with render_to_disk(midi, asked, stems=True, reporter=reporter) as rendering:
        return {name: stem.audio() for name, stem in rendering.stems.items()}
