"""Sections that the user asks for: where a theme is to begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from amt.compose.sections import CODA, INTRO, MIN_SECTION_S, MOST_PRIMES
from amt.types import EMOTIONS, FloatArray, Section, TimeGrid


def with_themes(
    sections: Sequence[Section],
    themes: Sequence[tuple[float, str]],
    grid: TimeGrid,
    emotion: FloatArray,
) -> tuple[Section, ...]:
    """The sections of a piece with those that begin on asked themes.

    An asked section begins on the downbeat nearest to its time. Found ones that begin within
    :data:`MIN_SECTION_S` of one give way to it, but for the first of the piece. Letters mean the
    same in both: an asked A is the theme of a found A.

    Args:
        sections: found in the clip.
        themes: time in seconds and letter of each asked one.
        grid: beats and bars.
        emotion: [S, 6] probabilities; the mood of a section is the likeliest on average.
    """
    downbeats_s = grid.beats_s[grid.downbeats]
    letters = {
        int(grid.downbeats[np.abs(downbeats_s - time_s).argmin()]): letter
        for time_s, letter in themes
    }
    asked_s = grid.seconds_at(np.array(sorted(letters), dtype=np.float64))
    kept = {
        section.beat: section
        for section in sections
        if section.beat == 0
        or np.abs(asked_s - float(grid.seconds_at(float(section.beat)))).min() >= MIN_SECTION_S
    }
    beats = sorted({*kept, *letters})
    ends = [*beats[1:], grid.n_beats]
    made = [
        replace(kept[beat], label=letters.get(beat, kept[beat].label))
        if beat in kept
        else Section(beat, _mood(grid, emotion, beat, end), label=letters[beat])
        for beat, end in zip(beats, ends, strict=True)
    ]
    return tuple(_with_primes(made))


def _mood(grid: TimeGrid, emotion: FloatArray, beat: int, end: int) -> str:
    first, last = (int(grid.seconds_at(float(b))) for b in (beat, end))
    return EMOTIONS[int(emotion[first : max(first + 1, last)].mean(axis=0).argmax())]


def _with_primes(sections: Sequence[Section]) -> list[Section]:
    """Sections whose letters have one prime for each time that they have come before."""
    seen: Counter[str] = Counter()
    made = []
    for section in sections:
        letter = section.label.rstrip("'")
        label = section.label
        if letter not in ("", INTRO, CODA):
            label = letter + "'" * min(seen[letter], MOST_PRIMES)
            seen[letter] += 1
        made.append(replace(section, label=label))
    return made
