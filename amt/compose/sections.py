"""The sections of a piece: where strong cuts divide it, and the mood of each part."""

from __future__ import annotations

import numpy as np

from amt.timing.hits import is_strong
from amt.types import EMOTIONS, FloatArray, Section, TimeGrid, VideoFeatures

MIN_SECTION_S = 6.0
"""Seconds that a section lasts at least: about two bars at the slowest tempo."""


def piece_sections(
    features: VideoFeatures, grid: TimeGrid, emotion: FloatArray
) -> tuple[Section, ...]:
    """Sections from the start and from the downbeats nearest to strong cuts.

    A cut is passed over where it would leave less than :data:`MIN_SECTION_S` to the section before
    it or to the rest of the piece.

    Args:
        features: of the clip.
        grid: beats and bars.
        emotion: [S, 6] probabilities; the mood of a section is the likeliest on average.
    """
    starts_s = grid.seconds_at(grid.downbeats.astype(np.float64))
    beats = [0]
    for cut in features.cuts:
        bar = int(np.abs(starts_s - cut.time_s).argmin())
        since = starts_s[bar] - grid.seconds_at(float(beats[-1]))
        left = grid.duration_s - starts_s[bar]
        if is_strong(cut) and min(since, left) >= MIN_SECTION_S:
            beats.append(int(grid.downbeats[bar]))
    ends_s = grid.seconds_at(np.array([*beats[1:], grid.end_beat], dtype=np.float64))
    sections = []
    for beat, end_s in zip(beats, ends_s, strict=True):
        start_s = float(grid.seconds_at(float(beat)))
        rows = emotion[int(start_s) : max(int(start_s) + 1, int(end_s))]
        sections.append(Section(beat, EMOTIONS[int(rows.mean(axis=0).argmax())]))
    return tuple(sections)
