"""The panels of the page: each shows one thing about the picture or the music over time."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amt.chords import Chord
from amt.measure import (
    correlation,
    measured_loudness,
    notes_per_second,
    onset_strength,
)
from amt.report.drawing import (
    Axis,
    area,
    block,
    clock,
    dots,
    label,
    legend,
    line,
    number,
    plot,
    ticks,
)
from amt.report.hits import Landing
from amt.types import EMOTIONS, CutKind, FloatArray, Plan, Song, VideoFeatures

MAJOR_THIRD, MINOR_THIRD = 4, 3
BACKENDS = {"clip": "CLIP", "analytic": "light, colour and movement"}
"""Vision backend -> what it reads moods by, in words."""

_RULER_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_RULER_LABELS = 12
_BAR_LABELS = 16
_TABLE_ROWS = 300
_CUT_KINDS: dict[CutKind, str] = {
    "cut": "hard cut", "dissolve": "dissolve", "fade": "fade",
}  # fmt: skip
_FEWEST_SECONDS = 8
"""A correlation of fewer is mostly chance."""
_QUIETEST_DB = -54.0
_LEAST_RANGE_DB = 12.0
_LEAST_RANGE_BPM = 10.0
_NAMED_SHARE = 0.2
"""Thickness of a band of mood that can hold its name."""
_STEADY_BPM = 0.05


@dataclass(frozen=True, slots=True)
class Panel:
    """A heading, a sentence that anybody understands, and what it is about."""

    name: str
    """Identifier in the page."""
    heading: str
    sentence: str
    body: str
    """HTML of the drawings."""
    key: str = ""
    """HTML of the legend."""
    more: str = ""
    """HTML that follows the drawings."""


def ruler(axis: Axis) -> str:
    """The time axis in words."""
    step = next(
        (s for s in _RULER_STEPS_S if axis.duration_s / s <= _RULER_LABELS), _RULER_STEPS_S[-1]
    )
    times_s = np.arange(0, axis.duration_s, step)
    labels = "".join(label(axis, t, clock(t), "") for t in times_s)
    return f'<div class="ruler" aria-hidden="true">{labels}</div>'


def picture(axis: Axis, strip: Sequence[bytes]) -> Panel:
    """The film strip."""
    part_s = axis.duration_s / len(strip)
    images = "".join(
        f'<img class="thumb" alt="" style="left:{axis.percent(i * part_s)}%" '
        f'src="data:image/jpeg;base64,{base64.b64encode(image).decode()}">'
        for i, image in enumerate(strip)
    )
    return Panel(
        "picture",
        "The picture",
        "What the clip shows, from its beginning on the left to its end on the right.",
        ruler(axis) + plot([], 72, f"{len(strip)} pictures of the clip in order of time", images),
    )


def cuts_and_bars(axis: Axis, found: Sequence[Landing], plan: Plan) -> Panel:
    """Cuts hang from the top, beats and bars rise from below; where they meet, music hits."""
    grid = plan.grid
    downbeats_s = grid.beats_s[grid.downbeats]
    shapes = [
        ticks(axis, grid.beats_s[:-1], 86, 100, "beat"),
        ticks(axis, downbeats_s, 62, 100, "bar"),
    ]
    for css, group in _by_outcome(found).items():
        for kind in _CUT_KINDS:
            for landing in group:
                if landing.cut.kind == kind:
                    # A cut that is hit reaches down to its beat or bar; a miss stops in the air.
                    until = {"downbeat": 100.0, "onbeat": 86.0}.get(css, _hang(landing))
                    shapes.append(ticks(axis, [landing.cut.time_s], 0, until, f"{css} {kind}"))
        places = [(landing.cut.time_s, _hang(landing)) for landing in group]
        shapes.append(dots(axis, places, css))
        if css == "miss":
            shapes.append(dots(axis, places, "hole"))
    step = max(1, -(-len(grid.bars) // _BAR_LABELS))
    words = "".join(
        label(axis, float(downbeats_s[bar]), f"bar {bar + 1}" if bar == 0 else f"{bar + 1}", "low")
        for bar in range(0, len(grid.bars), step)
    )
    if not found:
        sentence = (
            "The lines are the beats of the music, the tall ones the first beat of each bar; the "
            "clip has no cuts for them to meet."
        )
        return Panel("cuts", "Bars", sentence, plot(shapes, 60, _describe_hits(found), words))
    return Panel(
        "cuts",
        "Cuts and bars",
        "Every line from the top is a change of shot (a cut), the lower its dot the bigger. The "
        "lines from below are the beats of the music, the tall ones the first beat of each bar. "
        "Music fits the picture where both meet in one line.",
        plot(shapes, 120, _describe_hits(found), words),
        _cut_legend(found),
        _cut_table(found),
    )


def _hang(landing: Landing) -> float:
    return 8 + 44 * landing.cut.strength


def _by_outcome(found: Sequence[Landing]) -> dict[str, list[Landing]]:
    groups: dict[str, list[Landing]] = {"downbeat": [], "onbeat": [], "miss": []}
    for landing in found:
        groups[
            "downbeat" if landing.on_downbeat else "onbeat" if landing.on_beat else "miss"
        ].append(landing)
    return groups


def _describe_hits(found: Sequence[Landing]) -> str:
    if not found:
        return "The clip has no cuts; only bars and beats are shown."
    groups = _by_outcome(found)
    return (
        f"{len(found)} cuts: {len(groups['downbeat'])} fall on the first beat of a bar, "
        f"{len(groups['onbeat'])} on another beat, {len(groups['miss'])} beside the beats."
    )


def _cut_legend(found: Sequence[Landing]) -> str:
    entries = [
        ("dot-downbeat", "cut on the first beat of a bar"),
        ("dot-onbeat", "cut on another beat"),
        ("dot-miss", "cut between beats"),
        *(
            (f"rule {kind}", words)
            for kind, words in _CUT_KINDS.items()
            if any(landing.cut.kind == kind for landing in found)
        ),
    ]
    return legend(entries)


def _cut_table(found: Sequence[Landing]) -> str:
    """The cuts in numbers, for readers of tables and of screens alike."""
    rows = "".join(
        f"<tr><td>{clock(f.cut.time_s, 2)}</td><td>{_CUT_KINDS[f.cut.kind]}</td>"
        f"<td>{f.cut.strength:.2f}</td><td>{_offset(f.beat_s)}</td><td>{_offset(f.downbeat_s)}</td>"
        "<td>" + ("bar" if f.on_downbeat else "beat" if f.on_beat else "no") + "</td></tr>"
        for f in found[:_TABLE_ROWS]
    )
    left_out = len(found) - _TABLE_ROWS
    note = f"<p>The other {left_out} cuts are not listed.</p>" if left_out > 0 else ""
    return (
        "<details><summary>All cuts in numbers</summary><table><thead><tr><th>time</th>"
        "<th>kind</th><th>size of the change (0-1)</th><th>nearest beat</th>"
        "<th>nearest bar line</th><th>hit</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{note}</details>"
    )


def _offset(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    if milliseconds == 0:
        return "exact"
    return f"{abs(milliseconds)} ms {'after' if milliseconds > 0 else 'before'} the cut"


def harmony(axis: Axis, plan: Plan) -> Panel:
    """Sections with their mood above the chords."""
    beats_s, end_s = plan.grid.beats_s, axis.duration_s
    sections = [(float(beats_s[s.beat]), s.mood) for s in plan.sections]
    moods = "".join(
        block(
            axis, start, until, mood, f"mood e{EMOTIONS.index(mood)}", f"{mood} from {clock(start)}"
        )
        for (start, mood), (until, _) in pairwise([*sections, (end_s, "")])
    )
    spans = [(float(beats_s[span.beat]), span.chord) for span in plan.chords]
    chords = "".join(
        block(axis, start, until, name := chord.spell(plan.key), f"chord {_third(chord)}", name)
        for (start, chord), (until, _) in pairwise([*spans, (end_s, plan.key.tonic_chord)])
    )
    common = ", ".join(n for n, _ in Counter(c.spell(plan.key) for _, c in spans).most_common(4))
    return Panel(
        "harmony",
        "Sections and chords",
        "Above, the parts of the piece with the mood each should have; below, the chords, which "
        "are the notes that sound together.",
        plot([], 26, f"Sections: {', '.join(f'{m} from {clock(t)}' for t, m in sections)}", moods)
        + plot([], 30, f"{len(spans)} chords, most often {common}", chords),
        legend(
            [
                ("box major", "major chord (bright)"),
                ("box minor", "minor chord (dark)"),
                ("box open", "neither"),
            ]
        ),
    )


def _third(chord: Chord) -> str:
    """Whether a chord sounds major or minor, by its third."""
    if chord.root is None:
        return "open"
    intervals = {(pitch - chord.root) % 12 for pitch in chord.pitch_classes}
    return "major" if MAJOR_THIRD in intervals else "minor" if MINOR_THIRD in intervals else "open"


def emotion(axis: Axis, plan: Plan, backend: str) -> Panel:
    """The six moods stacked."""
    times_s, shares = axis.centres(plan.emotion)
    tops = np.cumsum(shares, axis=1)
    bands = [
        area(axis, times_s, tops[:, i], f"e{i}", tops[:, i] - shares[:, i])
        for i in range(len(EMOTIONS))
    ]
    strongest = [EMOTIONS[i] for i in plan.emotion.mean(axis=0).argsort()[::-1][:2]]
    source = f"{'the picture by ' if backend == 'clip' else ''}{BACKENDS.get(backend, backend)}"
    return Panel(
        "emotion",
        "Mood",
        "How much of each of six moods the music should have; the thicker a band, the more of it. "
        f"They are read from {source}, unless a mood was asked for.",
        plot(
            bands,
            90,
            f"Mood over time, mostly {strongest[0]}, then {strongest[1]}",
            _names(axis, times_s, shares),
        ),
        legend([(f"box e{index}", name) for index, name in enumerate(EMOTIONS)]),
    )


def _names(axis: Axis, times_s: FloatArray, shares: FloatArray) -> str:
    """The names of the six moods inside their bands, where these are thick enough."""
    words, places = "", [(-1.0, 0.0)]
    middles = np.cumsum(shares, axis=1) - shares / 2
    for index in (i for i in range(len(EMOTIONS)) if shares[:, i].max() > _NAMED_SHARE):
        # Of the places where a band is about thickest, the one nearest to the middle of the clip.
        thick = np.flatnonzero(shares[:, index] >= 0.95 * shares[:, index].max())
        at = int(thick[np.abs(times_s[thick] - axis.duration_s / 2).argmin()])
        share = float(np.clip(times_s[at] / axis.duration_s, 0.04, 0.96))
        height = float(middles[at, index])
        if all(abs(share - x) > 0.1 or abs(height - y) > _NAMED_SHARE for x, y in places):
            places.append((share, height))
            top = f"top:{number(100 * (1 - height))}%"
            words += label(axis, share * axis.duration_s, EMOTIONS[index], "inside", top)
    return words


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
    heard = measured_loudness(song)
    # General MIDI gives 40 log10(v / 127) dB for velocity and for expression (CC 11) alike.
    asked_db = np.maximum(20 * np.log10(np.maximum(plan.loudness, 1e-6)), _QUIETEST_DB)
    heard_db = np.maximum(40 * np.log10(np.maximum(heard, 1e-6)), _QUIETEST_DB)
    span_db = max(float(np.ptp(asked_db)), float(np.ptp(heard_db)), _LEAST_RANGE_DB)
    return _comparison(
        axis,
        ("loudness", "Loudness", "How loud the music should be, and how loud its notes are."),
        (plan.loudness, f"asked for (a range of {number(float(np.ptp(asked_db)), 0)} dB)"),
        (heard, f"of the notes (a range of {number(float(np.ptp(heard_db)), 0)} dB)"),
        (_centred(asked_db, span_db), _centred(heard_db, span_db)),
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
        area(axis, *axis.centres(heights[0] * 0.94), "wanted"),
        line(axis, *axis.centres(heights[1] * 0.94), "music"),
    ]
    return Panel(
        name,
        heading,
        sentence,
        plot(shapes, 80, f"{heading}: {wanted[1]}, beside {music[1]}. {agreement}."),
        legend([("box wanted", wanted[1]), ("rule music", music[1]), ("none", agreement)]),
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
    if high - low < _STEADY_BPM:
        fact, sentence = f"{low:.1f} beats a minute", "the same from beginning to end."
        words = ""
    else:
        fact = f"{low:.1f} to {high:.1f} beats a minute"
        sentence = "it bends so that beats meet cuts, and may change where a section begins."
        words = label(axis, 0, f"{high:.1f}", "corner top")
        words += label(axis, 0, f"{low:.1f}", "corner low")
    return Panel(
        "tempo",
        "Tempo",
        f"How many beats the music has in a minute: {sentence}",
        plot(shapes, 64, f"Tempo: {fact}", words),
        legend([("rule music", fact)]),
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
