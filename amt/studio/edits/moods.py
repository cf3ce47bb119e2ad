"""Moods over stretches of a plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amt.errors import InputError
from amt.mood import MoodSpan, apply_moods, density_level, loudness_level, valence_arousal
from amt.types import EMOTIONS, Plan, Section

MAX_LOUDNESS, MAX_DENSITY = 1.0, 40.0
"""Bounds of the curves, as in :mod:`amt.compose.curves`."""
EDGE_SHARE = 0.5
"""Share of the asked mood in the seconds beside the stretch, so that it does not set in at once."""


def painted(plan: Plan, mood: str, start_s: float, end_s: float) -> Plan:
    """A plan with a mood over the seconds whose middle lies in a stretch.

    Loudness and density change by as much as the level of music of the one mood differs from that
    of the other (:func:`amt.mood.loudness_level`, :func:`amt.mood.density_level`), and sections get
    the mood that is theirs for the most part. Chords and tempo stay: they are composed with the
    clip.

    Raises:
        InputError: the stretch holds no middle of a second.
    """
    seconds = len(plan.emotion)
    emotion = apply_moods(plan.emotion, (MoodSpan(mood, start_s, end_s),))
    changed = np.flatnonzero((emotion != plan.emotion).any(axis=1))
    middles = np.arange(seconds) + 0.5
    inside = np.flatnonzero((middles >= start_s) & (middles < end_s))
    if not len(inside):
        raise InputError(f"from {start_s:g} to {end_s:g} s is too short for a mood: take a bar")
    if len(changed):
        for row in {int(inside[0]) - 1, int(inside[-1]) + 1}:
            if 0 <= row < seconds:
                near = emotion[min(max(row, int(inside[0])), int(inside[-1]))]
                emotion[row] = (1 - EDGE_SHARE) * plan.emotion[row] + EDGE_SHARE * near
    before, after = valence_arousal(plan.emotion), valence_arousal(emotion)
    louder = loudness_level(after) / loudness_level(before)
    denser = density_level(after) / density_level(before)
    return replace(
        plan,
        emotion=emotion,
        loudness=(plan.loudness * louder).clip(0, MAX_LOUDNESS),
        density=(plan.density * denser).clip(0, MAX_DENSITY),
        sections=tuple(_moody(plan, emotion, i, start_s, end_s) for i in range(len(plan.sections))),
    )


def _moody(plan: Plan, emotion: np.ndarray, index: int, start_s: float, end_s: float) -> Section:
    """A section with the mood that it has for the most part, where it was painted."""
    section = plan.sections[index]
    beats_s = plan.grid.beats_s
    first_s = float(beats_s[section.beat])
    is_last = index + 1 == len(plan.sections)
    last_s = plan.grid.duration_s if is_last else float(beats_s[plan.sections[index + 1].beat])
    if end_s <= first_s or start_s >= last_s:
        return section
    rows = emotion[int(first_s) : max(int(np.ceil(last_s)), int(first_s) + 1)]
    return replace(section, mood=EMOTIONS[int(rows.mean(axis=0).argmax())])
