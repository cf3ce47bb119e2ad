"""Where one shot ends and the next begins: hard cuts, dissolves and fades, in one pass.

*Hard cuts* come from PySceneDetect's ``AdaptiveDetector``, as in Video2Music. Those that nobody
would see are dropped: a change that is undone at once (a camera's flash), and the noise of hue in
nearly black pictures.

*Fades* are runs of blank frames (black or white) between two pictures, where the picture goes or
comes gradually. Their time is that of the first frame that is not blank any more.

*Dissolves* are found by their definition. While shot A dissolves into shot B, each frame is a blend
``(1 - a) A + a B`` with ``a`` rising from 0 to 1. So for stretches of several lengths the frames in
between are projected on the line from the first to the last frame; a dissolve is a stretch whose

* frames lie close to that line, with ``a`` rising steadily and in no single jump,
* ends are pictures (not blank) that differ much, over most of their area, and in structure (a mere
  change of light or a small pan leaves it),
* neighbourhood is calm: the change begins and ends with the stretch.

Their time is where ``a`` passes one half.

The *strength* of a change is the mean of two measures of the pictures before and after it, each in
0..1: the distance of their colour histograms (one minus the intersection, Swain and Ballard 1991)
and their mean absolute difference on a thumbnail, where a third of full scale counts as 1: about
what pictures that have nothing in common show.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, FrameTimecode
from scenedetect.common import Timecode

from amt.features.opencv import cv2
from amt.features.video import Frame
from amt.types import Cut, FloatArray

Thumbnail = NDArray[np.float32]
"""[18, 32, 3] blue, green and red in 0..1."""

THUMBNAIL_SIZE = (32, 18)
MIN_SHOT_S = 0.5
"""Hard cuts follow each other at this distance at least (PySceneDetect: 15 frames)."""
SETTLE_FRAMES = 2
"""Frames after a cut at which the new shot is looked at; ``AdaptiveDetector`` lags by as many."""
MIN_STRENGTH = 0.08
"""A weaker hard cut is undone after :data:`SETTLE_FRAMES`, or was noise in the dark."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """A thumbnail and when it is shown."""

    time_s: float
    thumbnail: Thumbnail


class CutDetector:
    """Finds the cuts of a clip from its frames, one :meth:`push` each, then :meth:`finish`."""

    def __init__(self) -> None:
        self._hard = _HardCuts()
        self._fades = _Fades()
        self._dissolves = _Dissolves()

    def push(self, frame: Frame) -> None:
        """Take the next frame of the clip."""
        sample = _Sample(frame.time_s, thumbnail(frame.bgr))
        self._hard.push(frame, sample)
        self._fades.push(sample)
        self._dissolves.push(sample)

    def finish(self, duration_s: float) -> tuple[Cut, ...]:
        """Every cut strictly inside the clip, in order of time.

        Where two kinds claim one change, a hard cut goes before a fade and a fade before a
        dissolve.

        Args:
            duration_s: length of the clip.
        """
        found = list(self._hard.cuts)
        for span in [*self._fades.finish(), *self._dissolves.finish()]:
            if not any(span.start_s <= cut.time_s <= span.end_s for cut in found):
                found.append(span.cut)
        inside = (cut for cut in found if 0 < cut.time_s < duration_s)
        return tuple(sorted(inside, key=lambda cut: cut.time_s))


def scene_offset(cuts: Iterable[Cut], seconds: int) -> FloatArray:
    """Whole seconds since the last hard cut, where a scene begins at its cut rounded up.

    Only cuts of kind ``cut`` count, for that is what Video2Music's features hold.

    Args:
        cuts: in any order.
        seconds: S, the number of seconds of the clip.

    Returns:
        [S], 0 where a scene begins.

    >>> scene_offset([Cut(1.2), Cut(2.5, kind="dissolve")], 5)
    array([0., 1., 0., 1., 2.])
    """
    second = np.arange(seconds)
    starts = np.zeros(seconds, dtype=np.int64)
    for cut in cuts:
        if cut.kind == "cut" and ceil(cut.time_s) < seconds:
            starts[ceil(cut.time_s)] = ceil(cut.time_s)
    return (second - np.maximum.accumulate(starts)).astype(np.float64)


def thumbnail(bgr: NDArray[np.uint8]) -> Thumbnail:
    """[h, w, 3] shrunk to :data:`THUMBNAIL_SIZE` by averaging, in 0..1."""
    small = cv2.resize(bgr, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA)
    scaled: Thumbnail = small.astype(np.float32) / np.float32(255)
    return scaled


def visual_change(before: Thumbnail, after: Thumbnail) -> float:
    """Strength of the change from one picture to another, 0 (same) to 1; see the module."""
    overlap = float(np.minimum(_histogram(before), _histogram(after)).sum())
    difference = float(np.abs(before - after).mean())
    return float(np.clip(0.5 * (1 - overlap) + 0.5 * min(1.0, 3 * difference), 0, 1))


def _histogram(picture: Thumbnail) -> NDArray[np.float64]:
    """[64] shares of the colours, four levels a channel."""
    level = np.minimum((picture * 4).astype(np.int64), 3)
    code = level[..., 0] * 16 + level[..., 1] * 4 + level[..., 2]
    shares: NDArray[np.float64] = np.bincount(code.ravel(), minlength=64) / code.size
    return shares


class _HardCuts:
    """PySceneDetect's detector, fed with real presentation times."""

    def __init__(self) -> None:
        self._detector = AdaptiveDetector(min_scene_len=MIN_SHOT_S, window_width=SETTLE_FRAMES)
        self._recent: deque[tuple[int, _Sample]] = deque(maxlen=SETTLE_FRAMES + 2)
        self.cuts: list[Cut] = []

    def push(self, frame: Frame, sample: _Sample) -> None:
        self._recent.append((frame.pts, sample))
        moment = FrameTimecode(Timecode(frame.pts, frame.time_base), fps=frame.info.frame_rate)
        for found in self._detector.process_frame(moment, frame.bgr):
            at = next(i for i, (pts, _) in enumerate(self._recent) if pts == found.pts)
            before, first = self._recent[at - 1][1], self._recent[at][1]
            strength = visual_change(before.thumbnail, sample.thumbnail)
            if strength >= MIN_STRENGTH:
                self.cuts.append(Cut(first.time_s, strength, "cut"))


@dataclass(frozen=True, slots=True)
class _Span:
    """A gradual change: the cut it makes and the stretch of time it takes."""

    cut: Cut
    start_s: float
    end_s: float


class _Fades:
    """Pictures that go to black or white, and pictures that come from there."""

    BLANK_SPREAD = 0.02
    """Standard deviation of luminance up to which a picture is blank."""
    BLANK_LEVELS = (0.12, 0.88)
    """A blank picture is darker than the one or brighter than the other."""
    LOOK_S = 1.0
    """How far before and after the blank run the full picture is looked for."""
    GRADUAL = 0.6
    """A change is gradual if the frame beside the blank run has less than this share of the full
    picture's spread."""

    def __init__(self) -> None:
        self._before: deque[tuple[_Sample, float]] = deque()
        self._after: list[tuple[_Sample, float]] = []
        self._old: tuple[_Sample, bool] | None = None
        self._blank = False
        self._spans: list[_Span] = []

    def push(self, sample: _Sample) -> None:
        luminance = sample.thumbnail.mean(axis=2)
        spread, level = float(luminance.std()), float(luminance.mean())
        low, high = self.BLANK_LEVELS
        blank = spread < self.BLANK_SPREAD and not low <= level <= high
        if blank and not self._blank:
            self._close()
            self._leave()
        if not blank:
            self._see(sample, spread)
        self._blank = blank

    def finish(self) -> list[_Span]:
        self._close()
        return self._spans

    def _see(self, sample: _Sample, spread: float) -> None:
        if self._old is not None:
            self._after.append((sample, spread))
            if sample.time_s - self._after[0][0].time_s >= self.LOOK_S:
                self._close()
        self._before.append((sample, spread))
        while sample.time_s - self._before[0][0].time_s > self.LOOK_S:
            self._before.popleft()

    def _leave(self) -> None:
        """A blank run begins: remember the picture that went."""
        if self._before:
            fullest, spread = max(self._before, key=lambda seen: seen[1])
            self._old = (fullest, self._before[-1][1] < self.GRADUAL * spread)
        self._before.clear()

    def _close(self) -> None:
        """The picture after the blank run has been seen: decide."""
        if self._old is not None and self._after:
            old, went_gradually = self._old
            fullest, spread = max(self._after, key=lambda seen: seen[1])
            first, first_spread = self._after[0]
            if went_gradually or first_spread < self.GRADUAL * spread:
                strength = visual_change(old.thumbnail, fullest.thumbnail)
                cut = Cut(first.time_s, max(strength, 0.5), "fade")
                self._spans.append(_Span(cut, first.time_s - 0.2, fullest.time_s))
            self._old = None
        self._after = []


class _Dissolves:
    """Stretches that blend one picture into another."""

    STEP_S = 0.08
    """Pictures are looked at this often."""
    LENGTHS = (5, 7, 10, 14, 19, 25)
    """Lengths tried, in steps: .4 to 2 s."""
    MIN_CHANGE = 0.06
    """Mean absolute difference of the ends."""
    MAX_CALM = 0.35
    """Change in the neighbourhood of the stretch, as a share of the change in it."""
    MAX_RESIDUAL = 0.15
    """Mean distance of the frames from the line, as a share of its length. Camera and objects that
    move stray by .2 or more."""
    MAX_JUMP = 0.45
    """Largest step of the blend between two pictures."""
    MAX_CORRELATION = 0.55
    """Between the luminances of the ends; above, it is the same view, moved or lit otherwise."""
    MIN_COVERAGE = 0.6
    """Share of the picture that changes; a title or an object that appears changes less."""
    MIN_SPREAD = 0.03
    """Standard deviation of each end's luminance; a flat end belongs to a fade."""
    MIN_STRENGTH = 0.2

    def __init__(self) -> None:
        longest = max(self.LENGTHS)
        self._samples: deque[_Sample] = deque(maxlen=longest + 2 * self._margin(longest) + 1)
        self._best: tuple[float, _Span] | None = None
        self._spans: list[_Span] = []

    def push(self, sample: _Sample) -> None:
        if self._samples and sample.time_s < self._samples[-1].time_s + 0.95 * self.STEP_S:
            return
        self._samples.append(sample)
        for length in self.LENGTHS:
            self._try(length)

    def finish(self) -> list[_Span]:
        if self._best is not None:
            self._spans.append(self._best[1])
            self._best = None
        return self._spans

    @staticmethod
    def _margin(length: int) -> int:
        return max(2, length // 3)

    def _try(self, length: int) -> None:
        """Test the stretch of that length which, with its neighbourhood, ends now."""
        margin = self._margin(length)
        if len(self._samples) < length + 2 * margin + 1:
            return
        window = [self._samples[i] for i in range(-(length + 2 * margin + 1), 0)]
        ends = window[margin], window[margin + length]
        first, last = (end.thumbnail for end in ends)
        change = float(np.abs(last - first).mean())
        around = (np.abs(first - window[0].thumbnail), np.abs(window[-1].thumbnail - last))
        if change < self.MIN_CHANGE or max(a.mean() for a in around) > self.MAX_CALM * change:
            return
        blend, residual = _blend([s.thumbnail for s in window[margin : margin + length + 1]])
        steps = np.diff(blend)
        if residual > self.MAX_RESIDUAL or steps.min() < -0.05 or steps.max() > self.MAX_JUMP:
            return
        strength = visual_change(first, last)
        if strength < self.MIN_STRENGTH or not self._other_picture(first, last):
            return
        times = [s.time_s for s in window[margin : margin + length + 1]]
        middle = float(np.interp(0.5, np.maximum.accumulate(blend), times))
        span = _Span(Cut(middle, strength, "dissolve"), ends[0].time_s, ends[1].time_s)
        self._keep(change * (1 - residual), span)

    def _other_picture(self, first: Thumbnail, last: Thumbnail) -> bool:
        """Whether both are pictures, and of different things."""
        spread = min(float(end.mean(axis=2).std()) for end in (first, last))
        coverage = float((np.abs(last - first).max(axis=2) > 0.04).mean())
        correlation = _correlation(first, last)
        return (
            spread >= self.MIN_SPREAD
            and coverage >= self.MIN_COVERAGE
            and correlation <= self.MAX_CORRELATION
        )

    def _keep(self, quality: float, span: _Span) -> None:
        """Of the stretches that overlap, the best one is the dissolve."""
        if self._best is not None and span.start_s >= self._best[1].end_s:
            self._spans.append(self._best[1])
            self._best = None
        if self._best is None or quality > self._best[0]:
            self._best = (quality, span)


def _blend(pictures: list[Thumbnail]) -> tuple[FloatArray, float]:
    """Place of each picture on the line from the first to the last, and their distance from it.

    Returns:
        [n] place, 0 for the first and 1 for the last; and the mean distance of those between, as
        a share of the length of the line.
    """
    stack = np.stack([picture.ravel() for picture in pictures])
    line = stack[-1] - stack[0]
    length_squared = float(line @ line)
    place = ((stack - stack[0]) @ line / length_squared).astype(np.float64)
    off = stack - stack[0] - place[:, None].astype(np.float32) * line
    distance = np.linalg.norm(off[1:-1], axis=1) / np.sqrt(length_squared)
    return place, float(distance.mean())


def _correlation(first: Thumbnail, second: Thumbnail) -> float:
    """Pearson correlation of two pictures' luminances; 0 where one is flat."""
    a, b = (p.mean(axis=2).ravel() - p.mean() for p in (first, second))
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / scale if scale > 1e-6 else 0.0
