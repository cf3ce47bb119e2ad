"""Which roles rest where, so that a piece is built up and thins out, and when the music begins.

In an introduction harmony and pad play alone; the melody enters with its theme, the bass two bars
later, and counter-melody and drums with the next phrase. Contrasting sections that are softer than
the piece, and the coda, have neither counter-melody nor drums. In the loudest section all play. The
density that the plan asks for falls to the roles that play.

Constants were set by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from amt.compose.sections import CODA, INTRO, INTRO_AROUSAL
from amt.types import Entry, FloatArray, Phrase, Section, TimeGrid, TimeSpan, VideoFeatures

SHORTEST_S = 20.0
"""Seconds of a piece that is built up: in a shorter one nearly all play from the beginning."""
BASS_BARS = 2
"""Bars of the first theme after which the bass enters."""
ALONE = ("melody", "counter", "bass", "drums")
"""Roles that rest in an introduction."""
LIGHT = ("counter", "drums")
"""Roles that rest where the music is thin."""
DARK_SHARE, MOST_DARK_S = 0.9, 4.0
"""Share of black in a picture that is dark, and seconds of a dark beginning that is waited for."""
CALM_AROUSAL, MOST_WAIT = -0.25, 0.025
"""Arousal at the beginning below which the music begins a little after the picture, and the share
of the piece for which it waits at most."""
OPENING_S = 6.0
"""Seconds that are the beginning."""


def piece_entries(
    sections: Sequence[Section],
    phrases: Sequence[Phrase],
    grid: TimeGrid,
    loudness: FloatArray,
    arousal: FloatArray,
) -> tuple[Entry, ...]:
    """Beats from which on other roles rest than before; empty where all play throughout.

    Args:
        sections: with labels.
        phrases: in order.
        grid: beats and bars.
        loudness: [S] of the piece.
        arousal: [S] of the piece, -1 to 1.
    """
    if grid.duration_s < SHORTEST_S or not sections:
        return ()
    resting: dict[int, tuple[str, ...]] = {0: ()}
    theme = next((p.beat for p in phrases if _section_at(sections, p.beat).label != INTRO), 0)
    levels = _levels(sections, grid, loudness)
    for phrase in phrases:
        section = _section_at(sections, phrase.beat)
        resting[phrase.beat] = _thin(section, sections, levels)
        if section.label == INTRO:
            resting[phrase.beat] = ALONE
        elif phrase.beat == theme and arousal[: int(OPENING_S)].mean() < INTRO_AROUSAL:
            resting |= _build_up(theme, grid)
    entries: list[Entry] = []
    for beat, roles in sorted(resting.items()):
        if roles != (entries[-1].resting if entries else ()):
            entries.append(Entry(beat, roles))
    return tuple(entries)


def _section_at(sections: Sequence[Section], beat: int) -> Section:
    return [section for section in sections if section.beat <= beat][-1]


def _levels(sections: Sequence[Section], grid: TimeGrid, loudness: FloatArray) -> dict[int, float]:
    """Beat of each section -> its mean loudness over that of the piece."""
    edges = [*(section.beat for section in sections), grid.end_beat]
    edges_s = grid.seconds_at(np.array(edges, dtype=np.float64)).astype(int)
    means = [loudness[a : max(b, a + 1)].mean() for a, b in pairwise(edges_s)]
    mean = float(loudness.mean())
    return {s.beat: float(m) / mean for s, m in zip(sections, means, strict=True)}


def _thin(
    section: Section, sections: Sequence[Section], levels: dict[int, float]
) -> tuple[str, ...]:
    """The roles that rest in a section."""
    if section.label == CODA:
        return LIGHT
    letters = [s.label for s in sections if s.label not in (INTRO, CODA)]
    contrasts = section.label in letters[1:] and not section.label.endswith("'")
    loudest = max(levels, key=lambda beat: levels[beat]) == section.beat
    return LIGHT if contrasts and not loudest and levels[section.beat] <= 1 else ()


def _build_up(theme: int, grid: TimeGrid) -> dict[int, tuple[str, ...]]:
    """Beats and roles that rest from the first phrase with the theme on."""
    later = [int(beat) for beat in grid.downbeats if beat > theme]
    bass = later[BASS_BARS - 1] if len(later) > BASS_BARS else theme
    return {theme: ("counter", "bass", "drums"), bass: LIGHT}


def opening_silence(
    features: VideoFeatures, grid: TimeGrid, arousal: FloatArray
) -> tuple[TimeSpan, ...]:
    """The silence before the music begins, of whole beats; empty where it begins at once.

    The music waits for a picture that begins dark, and a beat or two in a calm piece.
    """
    if grid.duration_s < SHORTEST_S:
        return ()
    wait_s = _dark_s(features)
    if not wait_s and arousal[: int(OPENING_S)].mean() < CALM_AROUSAL:
        wait_s = MOST_WAIT * grid.duration_s
    beats = min(int(np.searchsorted(grid.beats_s, wait_s + 1e-6, side="right")) - 1, 2)
    if _dark_s(features):
        beats = int(np.searchsorted(grid.beats_s, wait_s + 1e-6, side="right")) - 1
    return (TimeSpan(0.0, float(grid.beats_s[beats])),) if beats > 0 else ()


def _dark_s(features: VideoFeatures) -> float:
    """Seconds for which the picture is black at the beginning; 0 if they are too many."""
    if features.appearance is None:
        return 0.0
    dark = features.appearance[:, 0] >= DARK_SHARE
    seconds = int(dark.argmin()) if not dark.all() else len(dark)
    return float(seconds) if seconds <= MOST_DARK_S else 0.0
