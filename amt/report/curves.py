"""The panels that compare a curve of the clip or plan with one of the notes, and the tempo."""

from __future__ import annotations

import math

import numpy as np

from amt.measure import correlation, measured_loudness, notes_per_second, onset_strength
from amt.report.drawing import Axis, Overlay, Plot, area, label, line, number
from amt.report.panels import Panel
from amt.types import FloatArray, Plan, Song, VideoFeatures

_FEWEST_SECONDS = 8
"""A correlation of fewer is mostly chance."""
_QUIETEST_DB = -54.0
"""Levels below are drawn there; about velocity 6 of 127."""
_LEAST_RANGE_DB, _LEAST_RANGE_BPM = 12.0, 10.0
"""Ranges that a drawing spans at least, so that small changes look small."""
_STEADY_BPM = 0.05
"""Tempos that differ by less read the same to one decimal."""
_HEADROOM = 0.94
"""Height of the largest value in a drawing."""


def movement(axis: Axis, features: VideoFeatures, song: Song) -> Panel:
    """Motion of the picture beside how much is struck."""
    struck = onset_strength(song)
    return _comparison(
        axis,
        (
            "movement",
            "Movement",
            "How much the picture moves, and how much is struck by the players.",
        ),
        (features.motion, f"movement in the picture (up to {_top(features.motion)} of 255)"),
        (struck, f"notes struck, strong ones count more (up to {_top(struck)} a second)"),
        (_to_top(features.motion), _to_top(struck)),
    )


def loudness(axis: Axis, plan: Plan, song: Song) -> Panel:
    """Loudness asked for beside that of the notes, both in decibels of one scale."""
    measured = measured_loudness(song)
    # General MIDI gives 40 log10(v / 127) dB for velocity and for expression (CC 11) alike.
    asked_db = np.maximum(20 * np.log10(np.maximum(plan.loudness, 1e-6)), _QUIETEST_DB)
    measured_db = np.maximum(40 * np.log10(np.maximum(measured, 1e-6)), _QUIETEST_DB)
    span_db = max(float(np.ptp(asked_db)), float(np.ptp(measured_db)), _LEAST_RANGE_DB)
    return _comparison(
        axis,
        ("loudness", "Loudness", "How loud the music should be, and how loud its notes are."),
        (plan.loudness, f"asked for (a range of {number(float(np.ptp(asked_db)), 0)} dB)"),
        (measured, f"of the notes (a range of {number(float(np.ptp(measured_db)), 0)} dB)"),
        (_centred(asked_db, span_db), _centred(measured_db, span_db)),
    )


def density(axis: Axis, plan: Plan, song: Song) -> Panel:
    """Notes asked for beside notes that begin."""
    played = notes_per_second(song)
    most = max(float(plan.density.max()), float(played.max()), 1.0)
    return _comparison(
        axis,
        (
            "density",
            "Density",
            "How many notes should begin in each second, and how many do; both on one scale from "
            f"0 to {number(most)}.",
        ),
        (plan.density, f"asked for (up to {_top(plan.density)} a second)"),
        (played, f"played (up to {_top(played)} a second)"),
        (plan.density / most, played / most),
    )


def _comparison(
    axis: Axis,
    words: tuple[str, str, str],
    wanted: tuple[FloatArray, str],
    music: tuple[FloatArray, str],
    heights: tuple[FloatArray, FloatArray],
) -> Panel:
    """A filled curve of what the music follows, and a line of what it does.

    Args:
        axis: time axis.
        words: name, heading and sentence of the panel.
        wanted: curve [S] and its words.
        music: curve [S] and its words.
        heights: both curves in 0-1 as they are drawn.
    """
    name, heading, sentence = words
    agreement = _agreement(wanted[0], music[0])
    shapes = [
        area(axis, *axis.centres(heights[0] * _HEADROOM), "wanted"),
        line(axis, *axis.centres(heights[1] * _HEADROOM), "music"),
    ]
    return Panel(
        name,
        heading,
        sentence,
        [Plot(shapes, 80, f"{heading}: {wanted[1]}, beside {music[1]}. {agreement}.")],
        [("box wanted", wanted[1]), ("rule music", music[1]), ("none", agreement)],
    )


def _agreement(wanted: FloatArray, music: FloatArray) -> str:
    """The correlation of two curves [S] in words, where it means anything."""
    if len(wanted) < _FEWEST_SECONDS:
        return "too short to measure how well they agree"
    r = correlation(wanted, music)
    if math.isnan(r):
        return "no agreement to measure, as one of the two stays the same"
    return f"agreement {r:.2f} (1: they rise and fall together, 0: they are unrelated)"


def tempo(axis: Axis, plan: Plan) -> Panel:
    """Tempo of every beat."""
    grid = plan.grid
    low, high = float(grid.tempo_bpm.min()), float(grid.tempo_bpm.max())
    span = max(high - low, _LEAST_RANGE_BPM)
    heights = 0.5 + 0.8 * (grid.tempo_bpm - (low + high) / 2) / span
    keep = np.flatnonzero(np.abs(np.diff(heights, prepend=-1.0)) > 1e-3)
    times_s = np.append(np.repeat(grid.beats_s[keep], 2)[1:], axis.duration_s)
    shapes = [line(axis, times_s, np.repeat(heights[keep], 2), "music")]
    words: list[Overlay] = []
    if high - low < _STEADY_BPM:
        fact, sentence = f"{low:.1f} beats a minute", "the same from beginning to end."
    else:
        fact = f"{low:.1f} to {high:.1f} beats a minute"
        sentence = "it bends so that beats meet cuts, and may change where a section begins."
        words = [
            label(axis, 0, f"{high:.1f}", "corner top"),
            label(axis, 0, f"{low:.1f}", "corner low"),
        ]
    return Panel(
        "tempo",
        "Tempo",
        f"How many beats the music has in a minute: {sentence}",
        [Plot(shapes, 64, f"Tempo: {fact}", words)],
        [("rule music", fact)],
    )


def _top(curve: FloatArray) -> str:
    return number(float(curve.max()))


def _to_top(curve: FloatArray) -> FloatArray:
    """A curve in 0-1, its largest value on top."""
    return np.asarray(curve / max(float(curve.max()), 1e-9))


def _centred(level_db: FloatArray, span_db: float) -> FloatArray:
    """Levels in 0-1, the middle of their range in the middle."""
    middle = (float(level_db.max()) + float(level_db.min())) / 2
    return np.asarray(0.5 + 0.9 * (level_db - middle) / span_db)
