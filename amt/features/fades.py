"""Fades: runs of blank frames, black or white, where a picture goes or comes gradually."""

from __future__ import annotations

from collections import deque

from amt.features.similarity import visual_change
from amt.features.spans import Sample, Span
from amt.types import Cut


class Fades:
    """Pictures that go to black or white, and pictures that come from there."""

    BLANK_SPREAD = 0.02
    """Standard deviation of luminance up to which a picture is blank."""
    BLANK_LEVELS = (0.12, 0.88)
    """A blank picture is darker than the one or brighter than the other."""
    MIN_SPREAD = 0.03
    """One of the full pictures has at least this: a grey field that turns dark and bright is no
    picture."""
    LOOK_S = 1.0
    """How far before and after the blank run the full picture is looked for."""
    FLASH_S, FLASH_STRENGTH = 0.5, 0.35
    """A shorter blank run between pictures that differ less is a flash."""
    GRADUAL = 0.6
    """A change is gradual if the frame beside the blank run has less than this share of the full
    picture's spread."""

    MIN_STRENGTH = 0.5
    """A fade has at least this strength: the picture was gone in between."""
    BLANK_S = 0.2
    """Seconds before the new picture that belong to the fade, so that no cut is found there."""

    def __init__(self) -> None:
        self._before: deque[tuple[Sample, float]] = deque()
        self._after: list[tuple[Sample, float]] = []
        self._old: tuple[Sample, float, bool] | None = None
        self._blank = False
        self._left_s = 0.0
        self._spans: list[Span] = []

    def push(self, sample: Sample) -> None:
        """Take the next picture."""
        luminance = sample.thumbnail.mean(axis=2)
        spread, level = float(luminance.std()), float(luminance.mean())
        low, high = self.BLANK_LEVELS
        blank = spread < self.BLANK_SPREAD and not low <= level <= high
        if blank and not self._blank:
            self._close()
            self._leave()
            self._left_s = sample.time_s
        if not blank:
            self._see(sample, spread)
        self._blank = blank

    def finish(self) -> list[Span]:
        """Every fade, in order of time."""
        self._close()
        return self._spans

    def _see(self, sample: Sample, spread: float) -> None:
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
            self._old = (fullest, spread, self._before[-1][1] < self.GRADUAL * spread)
        self._before.clear()

    def _close(self) -> None:
        """The picture after the blank run has been seen: decide."""
        if self._old is not None and self._after:
            old, old_spread, went_gradually = self._old
            fullest, spread = max(self._after, key=lambda seen: seen[1])
            first, first_spread = self._after[0]
            pictures = max(old_spread, spread) >= self.MIN_SPREAD
            strength = visual_change(old.thumbnail, fullest.thumbnail)
            flash = strength < self.FLASH_STRENGTH and first.time_s - self._left_s < self.FLASH_S
            gradual = went_gradually or first_spread < self.GRADUAL * spread
            if pictures and gradual and not flash:
                cut = Cut(first.time_s, max(strength, self.MIN_STRENGTH), "fade")
                self._spans.append(Span(cut, first.time_s - self.BLANK_S, fullest.time_s))
            self._old = None
        self._after = []
