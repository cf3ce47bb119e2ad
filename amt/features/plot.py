"""A picture of a clip's features over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amt.mood import valence_arousal
from amt.types import EMOTIONS, VideoFeatures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#e8903a", "#5b3a86", "#b8323c", "#4a6fa5", "#6aa56a", "#c9c9c9")
"""One for each of ``amt.types.EMOTIONS``."""
CUT_STYLES = {"cut": "-", "dissolve": "--", "fade": ":"}


def plot_features(features: VideoFeatures, path: Path) -> None:
    """Draw mood, affect, motion and scene offset over time, with the cuts through all, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(min(24.0, max(9.0, features.duration_s / 6)), 8), layout="constrained")
    mood, affect, motion, offset = figure.subplots(4, 1, sharex=True, height_ratios=[3, 2, 2, 1])
    seconds = np.arange(features.seconds) + 0.5
    mood.stackplot(seconds, features.emotion.T, labels=EMOTIONS, colors=COLOURS)
    mood.set(ylabel="mood", ylim=(0, 1), title=f"{features.duration_s:.2f} s, {features.backend}")
    mood.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    valence, arousal = valence_arousal(features.emotion).T
    affect.plot(seconds, valence, color="#2a7f62", label="valence")
    affect.plot(seconds, arousal, color="#c0392b", label="arousal")
    affect.axhline(0, color="0.8", linewidth=0.8)
    affect.set(ylabel="affect", ylim=(-1, 1))
    affect.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    motion.fill_between(seconds, features.motion, color="#7f8c8d", step="mid")
    motion.set(ylabel="motion (0-255)", ylim=(0, None))
    offset.plot(seconds, features.scene_offset, color="#34495e", drawstyle="steps-mid")
    offset.set(ylabel="since cut (s)", xlabel="time (s)", xlim=(0, features.duration_s))
    for axes in (mood, affect, motion, offset):
        _draw_cuts(axes, features)
    figure.savefig(path, format="png", dpi=110)


def _draw_cuts(axes: Axes, features: VideoFeatures) -> None:
    """A line at every cut: solid, dashed or dotted by kind, darker the stronger."""
    for cut in features.cuts:
        alpha = 0.25 + 0.65 * cut.strength
        axes.axvline(cut.time_s, color="black", alpha=alpha, linestyle=CUT_STYLES[cut.kind])
