"""Gradual changes of shot: dissolves, wipes, pushes and slides, found by their definition.

During such a change from shot A to shot B each frame is made of the two:

* in a *dissolve* it is a blend, ``(1 - a) A + a B``;
* in a *wipe* each point shows either A or B, whatever the form of the border;
* in a *push* B pushes A out of the picture; or B slides over A, or A slides off B.

The share of B rises from 0 to 1. So for stretches of several lengths the frames in between are
compared with what can be made of the first and the last frame. A change of shot is a stretch whose

* frames are near to what is made so, with the share rising steadily and in no single jump,
* ends are pictures (not blank) that differ much, over most of their area, and in structure (a mere
  change of light or a small pan leaves it),
* neighbourhood is calm: the change begins and ends with the stretch.

A camera that pans from one view to the next one makes the frames of a push. But its two views
continue each other, where pictures that are pushed meet at an edge.

Their time is where the share of B passes one half.
"""

from __future__ import annotations

from collections import deque
from itertools import product

import numpy as np

from amt.features.similarity import Thumbnail, correlation, visual_change
from amt.features.spans import Sample, Span
from amt.types import Cut, FloatArray


class Transitions:
    """Stretches that lead from one picture to another."""

    STEP_S = 0.08
    """Seconds between two pictures that are compared."""
    STEP_TOLERANCE = 0.95
    """A picture counts as one step later from this share of a step on: frame times are rounded."""
    LENGTHS = (5, 7, 10, 14, 19, 25)
    """Lengths tried, in steps: .4 to 2 s."""
    MIN_CHANGE = 0.06
    """Mean absolute difference of the ends."""
    MAX_CALM = (0.35, 0.2, 0.2)
    """Change in the neighbourhood of a blend, a wipe, a slide, as a share of the change in it. A
    camera that moves evenly changes the picture by a third there."""
    MAX_RESIDUAL = (0.21, 0.3, 0.4)
    """Mean distance of the frames from a blend, a wipe, a slide, as a share of the distance of the
    ends, over the frames under way. Camera and objects that move stray further from a blend; the
    shifts of a slide are whole points of a thumbnail, so its distance is the largest."""
    MAX_RETURN = 0.05
    """How far the share may fall from one picture to the next: noise."""
    MAX_JUMP = 0.45
    """Largest step of the share between two pictures."""
    HARD_JUMP = 0.75
    """A larger step on the line from the first to the last picture is a hard cut."""
    MAX_CORRELATION = 0.55
    """Between the luminances of the ends; above, it is the same view, moved or lit otherwise."""
    CHANGED = 0.04
    """Difference of a colour channel (0-1) from which on a point has changed."""
    MIN_COVERAGE = 0.6
    """Share of the picture that changes; a title or an object that appears changes less."""
    MIN_SPREAD = 0.03
    """Standard deviation of each end's luminance; a flat end belongs to a fade."""
    MIN_STRENGTH = 0.48
    """Least strength; above the .3 to .5 of two framings of one scene, but for the strongest."""

    def __init__(self) -> None:
        longest = max(self.LENGTHS)
        self._samples: deque[Sample] = deque(maxlen=longest + 2 * self._margin(longest) + 1)
        self._best: tuple[float, Span] | None = None
        self._spans: list[Span] = []

    def push(self, sample: Sample) -> None:
        """Take the next picture."""
        if (
            self._samples
            and sample.time_s < self._samples[-1].time_s + self.STEP_TOLERANCE * self.STEP_S
        ):
            return
        self._samples.append(sample)
        for length in self.LENGTHS:
            self._try(length)

    def finish(self) -> list[Span]:
        """Every gradual change, in order of time."""
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
        stretch = window[margin : margin + length + 1]
        first, last = stretch[0].thumbnail, stretch[-1].thumbnail
        change = _difference(first, last)
        around = max(
            _difference(first, window[0].thumbnail), _difference(last, window[-1].thumbnail)
        )
        if change < self.MIN_CHANGE or around > max(self.MAX_CALM) * change:
            return
        pictures = [sample.thumbnail for sample in stretch]
        if np.diff(_places(_rows(pictures))).max() > self.HARD_JUMP:
            return
        strength = visual_change(first, last)
        if strength < self.MIN_STRENGTH or not self._other_picture(first, last):
            return
        found = self._share(pictures, around / change)
        if found is None:
            return
        share, residual = found
        times = [sample.time_s for sample in stretch]
        middle = float(np.interp(0.5, np.maximum.accumulate(share), times))
        span = Span(Cut(middle, strength, "dissolve"), times[0], times[-1])
        self._keep(change * (1 - residual), span)

    def _share(self, pictures: list[Thumbnail], around: float) -> tuple[FloatArray, float] | None:
        """[n] share of the last picture in each, and their distance from what is made so."""
        for made_of, most, calm in zip(
            (_blend, _wipe, _slide), self.MAX_RESIDUAL, self.MAX_CALM, strict=True
        ):
            if around > calm:
                continue
            share, residual = made_of(pictures)
            steps = np.diff(share)
            if (
                residual <= most
                and steps.min() >= -self.MAX_RETURN
                and steps.max() <= self.MAX_JUMP
            ):
                return share, residual
        return None

    def _other_picture(self, first: Thumbnail, last: Thumbnail) -> bool:
        """Whether both are pictures, and of different things."""
        spread = min(float(end.mean(axis=2).std()) for end in (first, last))
        changed = np.abs(last - first).max(axis=2) > self.CHANGED
        coverage = float(changed.mean())
        return (
            spread >= self.MIN_SPREAD
            and coverage >= self.MIN_COVERAGE
            and correlation(first, last) <= self.MAX_CORRELATION
        )

    def _keep(self, quality: float, span: Span) -> None:
        """Of the stretches that overlap, the best one is the change."""
        if self._best is not None and span.start_s >= self._best[1].end_s:
            self._spans.append(self._best[1])
            self._best = None
        if self._best is None or quality > self._best[0]:
            self._best = (quality, span)


def _difference(first: Thumbnail, second: Thumbnail) -> float:
    return float(np.abs(first - second).mean())


def _blend(pictures: list[Thumbnail]) -> tuple[FloatArray, float]:
    """Place of each picture on the line from the first to the last, and their distance from it.

    Returns:
        [n] place, 0 for the first and 1 for the last; and the mean distance of those under way
        from the line, as a share of its length.
    """
    stack = _rows(pictures)
    line = stack[-1] - stack[0]
    length_squared = float((line * line).sum())
    place = _places(stack)
    off = stack - stack[0] - place[:, None].astype(np.float32) * line
    return place, _under_way(place, np.linalg.norm(off, axis=1) / np.sqrt(length_squared))


def _rows(pictures: list[Thumbnail]) -> Thumbnail:
    """[n, p] the points of each picture."""
    return np.stack([picture.ravel() for picture in pictures])


def _places(rows: Thumbnail) -> FloatArray:
    """[n] place of each of some pictures [n, p] on the line from the first (0) to the last (1)."""
    line = rows[-1] - rows[0]
    along = ((rows - rows[0]) * line).sum(axis=1) / float((line * line).sum())
    return np.asarray(along, dtype=np.float64)


def _wipe(pictures: list[Thumbnail]) -> tuple[FloatArray, float]:
    """Share of each picture that shows the last one, and distance if each point shows one of both.

    Returns:
        As :func:`_blend`.
    """
    stack = np.stack(pictures)
    to_first, to_last = (((stack - end) ** 2).sum(axis=3) for end in (stack[0], stack[-1]))
    weight = to_first[-1]
    share = ((to_last < to_first) * weight).sum(axis=(1, 2)) / weight.sum()
    left = np.minimum(to_first, to_last).sum(axis=(1, 2)) / weight.sum()
    return share.astype(np.float64), _under_way(share, np.sqrt(left))


SEAM = 2.0
"""Two views continue each other if the edges at which they meet differ by no more than so many
times what neighbouring lines of the pictures differ by."""


def _slide(pictures: list[Thumbnail]) -> tuple[FloatArray, float]:
    """Share of the last picture, and distance, for the best of the slides in four directions.

    Returns:
        As :func:`_blend`.
    """
    stack = np.stack(pictures)
    best = (np.zeros(len(stack)), np.inf)
    for vertical, backward in product((False, True), repeat=2):
        turned = stack.swapaxes(1, 2) if vertical else stack
        turned = turned[:, :, ::-1] if backward else turned
        for moves_first, moves_last in ((True, True), (False, True), (True, False)):
            if moves_first and moves_last and _continues(turned[0], turned[-1]):
                continue
            made = _composites(turned[0], turned[-1], moves_first, moves_last)
            found = _nearest(turned, made)
            best = min(best, found, key=lambda one: one[1])
    return best


def _under_way(share: FloatArray, distance: FloatArray) -> float:
    """Mean distance of the pictures that show both; those that show one are near to it anyway."""
    weight = (share * (1 - share)).clip(min=0)
    return float((weight * distance).sum() / weight.sum()) if weight.any() else float("inf")


def _composites(
    first: Thumbnail, last: Thumbnail, moves_first: bool, moves_last: bool
) -> Thumbnail:
    """[w + 1, h, w, 3] for each number of columns that the last picture has taken on the right."""
    width = first.shape[1]
    made = np.empty((width + 1, *first.shape), np.float32)
    for taken in range(width + 1):
        left = width - taken
        made[taken, :, :left] = first[:, taken:] if moves_first else first[:, :left]
        made[taken, :, left:] = last[:, :taken] if moves_last else last[:, left:]
    return made


def _nearest(pictures: Thumbnail, made: Thumbnail) -> tuple[FloatArray, float]:
    """Which of the composites each picture is, as a share, and how far from it."""
    seen, like = pictures.reshape(len(pictures), -1), made.reshape(len(made), -1)
    # Not a product of matrices, which starts threads that wait longer than they work.
    dots = np.einsum("kp,cp->kc", seen, like)
    squares = (seen**2).sum(axis=1)[:, None] + (like**2).sum(axis=1) - 2 * dots
    scale = float(((seen[-1] - seen[0]) ** 2).sum())
    distance = np.sqrt(squares.min(axis=1).clip(min=0) / scale)
    share = squares.argmin(axis=1) / (len(made) - 1)
    return share.astype(np.float64), _under_way(share, distance)


def _continues(first: Thumbnail, last: Thumbnail) -> bool:
    """Whether the right edge of the one goes on at the left edge of the other."""
    seam = float(np.abs(first[:, -1] - last[:, 0]).mean())
    usual = float(np.mean([np.abs(np.diff(picture, axis=1)).mean() for picture in (first, last)]))
    return seam <= SEAM * usual
