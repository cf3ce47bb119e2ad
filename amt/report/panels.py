"""The panels of pictures, cuts, chords and moods; :mod:`amt.report.curves` has those of curves."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amt.chords import Chord
from amt.report.drawing import (
    Axis,
    Overlay,
    Plot,
    area,
    block,
    clock,
    dots,
    label,
    number,
    ticks,
)
from amt.report.hits import CutAlignment
from amt.types import EMOTIONS, CutKind, FloatArray, Plan

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
_REACH = {"downbeat": 100.0, "onbeat": 86.0, "struck": 86.0}
"""How far down a cut is drawn by what it falls on, in percent of the height."""
_OUTCOME_WORDS = {"downbeat": "bar", "onbeat": "beat", "struck": "note", "miss": "no"}
_NAMED_SHARE = 0.2
"""Thickness of a band of mood that can hold its name."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A heading, a sentence that anybody understands, and what it is about."""

    name: str
    """Identifier in the page."""
    heading: str
    sentence: str
    plots: Sequence[Plot]
    legend: Sequence[tuple[str, str]] = ()
    """(CSS classes of the swatch, words)."""
    ruler: Sequence[Overlay] = ()
    """Times above the drawings."""
    table: CutTable | None = None
    """What follows the drawings."""


@dataclass(frozen=True, slots=True)
class CutTable:
    """The cuts in numbers, for readers of tables and of screens alike."""

    rows: Sequence[tuple[str, ...]]
    """Time or timecode, kind, strength, nearest beat, nearest bar line, hit, note and why."""
    left_out: int
    """Number of cuts that are not listed."""


def ruler(axis: Axis) -> list[Overlay]:
    """The time axis in words."""
    step = next(
        (s for s in _RULER_STEPS_S if axis.duration_s / s <= _RULER_LABELS), _RULER_STEPS_S[-1]
    )
    times_s = np.arange(0, axis.duration_s, step)
    return [label(axis, t, clock(t), "") for t in times_s]


def picture(axis: Axis, strip: Sequence[bytes]) -> Panel:
    """The film strip."""
    part_s = axis.duration_s / len(strip)
    images = [
        Overlay("thumb", f"left:{axis.percent(i * part_s)}%", jpeg=base64.b64encode(image).decode())
        for i, image in enumerate(strip)
    ]
    return Panel(
        "picture",
        "The picture",
        "What the clip shows, from its beginning on the left to its end on the right.",
        [Plot([], 72, f"{len(strip)} pictures of the clip in order of time", images)],
        ruler=ruler(axis),
    )


def cuts_and_bars(axis: Axis, found: Sequence[CutAlignment], plan: Plan) -> Panel:
    """Cuts hang from the top, beats and bars rise from below; where they meet, music hits."""
    grid = plan.grid
    downbeats_s = grid.beats_s[grid.downbeats]
    shapes = [
        ticks(axis, grid.beats_s[:-1], 86, 100, "beat"),
        ticks(axis, downbeats_s, 62, 100, "bar"),
    ]
    for css, group in _by_outcome(found).items():
        for kind in _CUT_KINDS:
            for alignment in group:
                if alignment.cut.kind == kind:
                    # A cut that is hit reaches down to its beat or bar; a miss stops in the air.
                    until = _REACH.get(css, _hang(alignment))
                    shapes.append(ticks(axis, [alignment.cut.time_s], 0, until, f"{css} {kind}"))
        places = [(alignment.cut.time_s, _hang(alignment)) for alignment in group]
        shapes.append(dots(axis, places, css))
        if css == "miss":
            shapes.append(dots(axis, places, "hole"))
    step = max(1, -(-len(grid.bars) // _BAR_LABELS))
    words = [
        label(axis, float(downbeats_s[bar]), f"bar {bar + 1}" if bar == 0 else f"{bar + 1}", "low")
        for bar in range(0, len(grid.bars), step)
    ]
    if not found:
        sentence = (
            "The lines are the beats of the music, the tall ones the first beat of each bar; the "
            "clip has no cuts for them to meet."
        )
        return Panel("cuts", "Bars", sentence, [Plot(shapes, 60, _describe_hits(found), words)])
    return Panel(
        "cuts",
        "Cuts and bars",
        "Every line from the top is a change of shot (a cut), the lower its dot the bigger. The "
        "lines from below are the beats of the music, the tall ones the first beat of each bar. "
        f"Music fits the picture where both meet in one line. {_chosen(found)}",
        [Plot(shapes, 120, _describe_hits(found), words)],
        _cut_legend(found),
        table=_cut_table(found, plan),
    )


def _hang(alignment: CutAlignment) -> float:
    return 8 + 44 * alignment.cut.strength


def _by_outcome(found: Sequence[CutAlignment]) -> dict[str, list[CutAlignment]]:
    groups: dict[str, list[CutAlignment]] = {name: [] for name in (*_REACH, "miss")}
    for alignment in found:
        groups[_outcome(alignment)].append(alignment)
    return groups


def _outcome(alignment: CutAlignment) -> str:
    if alignment.on_downbeat:
        return "downbeat"
    return "onbeat" if alignment.on_beat else "struck" if alignment.answered else "miss"


def _chosen(found: Sequence[CutAlignment]) -> str:
    """Which cuts get a note, and why the others do not."""
    left = [alignment for alignment in found if not alignment.answered]
    if not left:
        return "A note begins on each of them."
    return (
        f"A note begins on {len(found) - len(left)} of {len(found)}. A style answers its share of "
        "the cuts (cuts_answered), the strongest first; none is answered in a rest, nor while the "
        "final chord rings."
    )


def _describe_hits(found: Sequence[CutAlignment]) -> str:
    if not found:
        return "The clip has no cuts; only bars and beats are shown."
    groups = _by_outcome(found)
    return (
        f"{len(found)} cuts: {len(groups['downbeat'])} fall on the first beat of a bar, "
        f"{len(groups['onbeat'])} on another beat, {len(groups['struck'])} on a note between "
        f"beats, {len(groups['miss'])} beside the music."
    )


def _cut_legend(found: Sequence[CutAlignment]) -> list[tuple[str, str]]:
    return [
        ("dot-downbeat", "cut on the first beat of a bar"),
        ("dot-onbeat", "cut on another beat"),
        ("dot-struck", "cut on a note between beats"),
        ("dot-miss", "cut without a note"),
        *(
            (f"rule {kind}", words)
            for kind, words in _CUT_KINDS.items()
            if any(alignment.cut.kind == kind for alignment in found)
        ),
    ]


def _cut_table(found: Sequence[CutAlignment], plan: Plan) -> CutTable:
    named = plan.timecode
    rows = [
        (
            clock(f.cut.time_s, 2) if named is None else named.label(f.cut.time_s),
            _CUT_KINDS[f.cut.kind],
            f"{f.cut.strength:.2f}",
            _offset(f.beat_s),
            _offset(f.downbeat_s),
            _OUTCOME_WORDS[_outcome(f)],
            _answer(f, plan),
        )
        for f in found[:_TABLE_ROWS]
    ]
    return CutTable(rows, len(found) - len(rows))


def _answer(alignment: CutAlignment, plan: Plan) -> str:
    """Whether a note begins on a cut, and why."""
    time_s = alignment.cut.time_s
    if alignment.answered:
        return "yes, a strong cut" if alignment.strong else "yes"
    if any(s.start_s <= time_s < s.end_s for s in plan.silences):
        return "no, the music rests"
    if time_s > float(plan.grid.beats_s[plan.chords[-1].beat]):
        return "no, the final chord rings"
    return "no, the style answers stronger ones"


def _offset(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    if milliseconds == 0:
        return "exact"
    return f"{abs(milliseconds)} ms {'after' if milliseconds > 0 else 'before'} the cut"


def harmony(axis: Axis, plan: Plan) -> Panel:
    """Sections with their mood above the chords."""
    beats_s, end_s = plan.grid.beats_s, axis.duration_s
    sections = [(float(beats_s[s.beat]), s.mood) for s in plan.sections]
    moods = [
        block(
            axis, start, until, mood, f"mood e{EMOTIONS.index(mood)}", f"{mood} from {clock(start)}"
        )
        for (start, mood), (until, _) in pairwise([*sections, (end_s, "")])
    ]
    parts = [f"{mood} from {clock(start)}" for start, mood in sections]
    spans = [
        (float(beats_s[span.beat]), span.chord.spell(plan.key_at(span.beat)), _third(span.chord))
        for span in plan.chords
    ]
    chords = [
        block(axis, start, until, name, f"chord {third}", name)
        for (start, name, third), (until, *_) in pairwise([*spans, (end_s, "", "")])
    ]
    common = ", ".join(n for n, _ in Counter(name for _, name, _ in spans).most_common(4))
    return Panel(
        "harmony",
        "Sections and chords",
        "Above, the parts of the piece with the mood each should have; below, the chords, which "
        "are the notes that sound together.",
        [
            Plot([], 26, f"Sections: {', '.join(parts)}", moods),
            Plot([], 30, f"{len(spans)} chords, most often {common}", chords),
        ],
        [
            ("box major", "major chord (bright)"),
            ("box minor", "minor chord (dark)"),
            ("box open", "neither"),
        ],
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
        [
            Plot(
                bands,
                90,
                f"Mood over time, mostly {strongest[0]}, then {strongest[1]}",
                _names(axis, times_s, shares),
            )
        ],
        [(f"box e{index}", name) for index, name in enumerate(EMOTIONS)],
    )


def _names(axis: Axis, times_s: FloatArray, shares: FloatArray) -> list[Overlay]:
    """The names of the six moods inside their bands, where these are thick enough."""
    words: list[Overlay] = []
    places = [(-1.0, 0.0)]
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
            words.append(label(axis, share * axis.duration_s, EMOTIONS[index], "inside", top))
    return words
