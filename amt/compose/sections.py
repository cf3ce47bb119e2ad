"""The sections of a piece: where they begin, their moods, and which of them share a theme.

Sections begin at strong cuts to another scene. A stretch without such cuts that is long is divided
where mood and movement change most. The start may be an introduction, and the end a coda.

Sections that show the same scene have the same letter, and so one theme; each return has one
prime more (A, B, A', A''). Where no scene comes back in a piece of three sections or more, the last
of them returns to the theme of the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from amt.compose.scenes import ShotSpan, common_share, scene_shares, shot_spans
from amt.features.motion import log_motion, without_cuts
from amt.mood import valence_arousal
from amt.timing.hits import is_strong
from amt.types import EMOTIONS, FloatArray, Section, TimeGrid, VideoFeatures

MIN_SECTION_S = 6.0
"""Seconds that a section lasts at least: about two bars at the slowest tempo."""
DIVIDED_S = 18.0
"""Seconds of the parts into which a stretch without sections is divided: four bars at 53 BPM,
eight at 107."""
PART_BARS = 4
"""Bars of such a part at least: a phrase."""
THEMES, THEME_S = 4, 60.0
"""Themes that a piece has at most, or one for so many seconds if that is more. Scenes beyond them
return to the theme that was away longest: a listener does not remember more."""
SAME_THEME = 0.5
"""Share of their scenes that two sections have in common from which on they share a theme."""
INTRO, CODA = "intro", "coda"
MOST_INTRO, INTRO_BARS = 0.16, (2, 3, 4)
"""Share of the clip that an introduction has at most, and its lengths in bars; the shortest that
lasts :data:`MIN_SECTION_S` is taken."""
INTRO_AROUSAL = 0.35
"""Mean arousal of a clip from which on it begins without introduction."""
MOST_CODA, CODA_BARS = 0.21, (2, 4)
"""Share of the clip that a coda has at most, and its bars before that of the final chord: the
fewest that last :data:`MIN_SECTION_S` are taken."""
END_TITLE = 0.12
"""Share of the clip up to which a last section of a new scene, an end title, is a coda."""
MOST_PRIMES = 3
CHANGE_S = 4.0
"""Seconds before and after a moment whose mood and movement are compared."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A section in the making."""

    first: int
    """Its first bar; it lasts to the next span."""
    is_inner: bool = False
    """Whether it is a contrasting part of a scene that goes on."""
    label: str = ""


def piece_sections(
    features: VideoFeatures, grid: TimeGrid, emotion: FloatArray, final_beat: int | None = None
) -> tuple[Section, ...]:
    """The sections of a piece, with labels.

    Args:
        features: of the clip.
        grid: beats and bars.
        emotion: [S, 6] probabilities; the mood of a section is the likeliest on average.
        final_beat: on which the final chord begins; None for that of the last bar.
    """
    shots = shot_spans(features)
    final_bar = len(grid.bars) - 1
    if final_beat is not None:
        final_bar = int(np.searchsorted(grid.downbeats, final_beat, side="right")) - 1
    spans = [_Span(bar) for bar in _cut_bars(features, grid, shots)]
    spans = _divided(spans, features, grid, emotion, final_bar)
    spans = _labelled(spans, grid, shots, features.appearance is not None)
    spans = _with_ends(spans, grid, emotion, final_bar)
    starts = [int(grid.downbeats[span.first]) for span in spans]
    ends_s = grid.seconds_at(np.array([*starts[1:], grid.end_beat], dtype=np.float64))
    sections = []
    for span, beat, end_s in zip(spans, starts, ends_s, strict=True):
        start_s = float(grid.seconds_at(float(beat)))
        rows = emotion[int(start_s) : max(int(start_s) + 1, int(end_s))]
        mood = EMOTIONS[int(rows.mean(axis=0).argmax())]
        sections.append(Section(beat, mood, label=span.label))
    return tuple(sections)


def _bar_edges_s(grid: TimeGrid) -> FloatArray:
    """[bars + 1] seconds on which bars begin, and the end."""
    return np.append(grid.beats_s[grid.downbeats], grid.duration_s)


def _cut_bars(features: VideoFeatures, grid: TimeGrid, shots: Sequence[ShotSpan]) -> Iterator[int]:
    """First bars of the sections that strong cuts begin, from bar 0 on.

    A cut is passed over where it would leave less than :data:`MIN_SECTION_S` to the section before
    it or to the rest of the piece, and where the film is not done with the scenes of the section:
    one that cuts back and forth is one section.
    """
    starts_s = grid.beats_s[grid.downbeats]
    yield 0
    begun = 0
    for number, cut in enumerate(features.cuts, 1):
        bar = int(np.abs(starts_s - cut.time_s).argmin())
        since, left = starts_s[bar] - starts_s[begun], grid.duration_s - starts_s[bar]
        if not is_strong(cut) or min(since, left) < MIN_SECTION_S:
            continue
        before = {s.scene for s in shots[:number] if s.end_s > starts_s[begun] + 0.5}
        coming = [s for s in shots[number:] if s.start_s < cut.time_s + MIN_SECTION_S]
        if before.isdisjoint(shot.scene for shot in coming):
            yield bar
            begun = bar


def _divided(
    spans: Sequence[_Span],
    features: VideoFeatures,
    grid: TimeGrid,
    emotion: FloatArray,
    final_bar: int,
) -> list[_Span]:
    """Long spans divided into an odd number of parts, of which every second one contrasts.

    The last part has room for a coda.
    """
    edges_s = _bar_edges_s(grid)
    changes = _changes(features, emotion, edges_s[:-1])
    divided = []
    end = max(final_bar - CODA_BARS[0], spans[-1].first + 1)
    for first, last in pairwise([*(span.first for span in spans), end]):
        end_s = edges_s[last] if last < end else grid.duration_s
        wanted = int((end_s - edges_s[first]) / DIVIDED_S + 0.5)
        parts = min(wanted, (last - first) // PART_BARS)
        parts -= parts % 2 == 0
        bars = [first]
        for part in range(1, parts):
            ideal = first + (last - first) * part / parts
            low = bars[-1] + PART_BARS
            high = last - PART_BARS * (parts - part)
            near = range(max(low, int(ideal) - 2), min(high, int(ideal) + 2) + 1)
            worth = {
                bar: changes[bar] + 0.5 * ((bar - first) % PART_BARS == 0) - abs(bar - ideal) / 8
                for bar in near or [min(max(round(ideal), low), high)]
            }
            bars.append(max(worth, key=lambda bar: worth[bar]))
        divided += [_Span(bar, part % 2 == 1) for part, bar in enumerate(bars)]
    return divided


def _changes(features: VideoFeatures, emotion: FloatArray, times_s: FloatArray) -> FloatArray:
    """[N] change of mood and movement at each time, the largest of the clip 1."""
    curves = np.column_stack(
        [valence_arousal(emotion), log_motion(without_cuts(features.motion))[: len(emotion)]]
    )
    total = np.concatenate([np.zeros((1, 3)), np.cumsum(curves, axis=0)])

    def mean(start_s: FloatArray, end_s: FloatArray) -> FloatArray:
        edges = (np.clip(t, 0, len(curves)) for t in (start_s, end_s))
        low, high = (
            np.stack([np.interp(e, np.arange(len(total)), c) for c in total.T], axis=-1)
            for e in edges
        )
        length = np.clip(end_s, 0, len(curves)) - np.clip(start_s, 0, len(curves))
        return np.asarray((high - low) / np.maximum(length, 1.0)[:, None])

    change = np.abs(mean(times_s, times_s + CHANGE_S) - mean(times_s - CHANGE_S, times_s))
    size = change.sum(axis=1)
    return np.asarray(size / max(float(size.max()), 1e-9))


def _labelled(
    spans: Sequence[_Span], grid: TimeGrid, shots: Sequence[ShotSpan], knows_scenes: bool
) -> list[_Span]:
    """The spans with letters and primes: one letter for the sections of one scene.

    Where nothing is known of the scenes, every second span returns to the first theme.
    """
    edges_s = _bar_edges_s(grid)
    edges = [*(span.first for span in spans), len(grid.bars)]
    most = max(THEMES, int(grid.duration_s / THEME_S))
    themes: list[dict[int, float]] = []
    numbers: list[int] = []
    for i, ((first, last), span) in enumerate(zip(pairwise(edges), spans, strict=True)):
        shares = {} if span.is_inner else scene_shares(shots, edges_s[first], edges_s[last])
        common = [common_share(shares, theme) for theme in themes]
        number = int(np.argmax(common)) if common else 0
        returns = i > 1 and (i % 2 == 0 or i == len(spans) - 1)
        if not knows_scenes and returns and not span.is_inner:
            number = 0
        elif not common or common[number] < SAME_THEME:
            number = len(themes) if len(themes) < most else _longest_away(numbers)
            themes += [shares] if number == len(themes) else []
        numbers.append(number)
    if len(spans) > 2 and len(set(numbers)) == len(numbers):
        numbers[-1] = numbers[0]
    return [
        replace(span, label=_letter(number) + "'" * min(numbers[:i].count(number), MOST_PRIMES))
        for i, (span, number) in enumerate(zip(spans, numbers, strict=True))
    ]


def _longest_away(numbers: Sequence[int]) -> int:
    """The theme whose last appearance is the earliest."""
    return min(set(numbers), key=lambda number: len(numbers) - numbers[::-1].index(number))


def _letter(number: int) -> str:
    """A to Z, then AA to ZZ, then again from AA."""
    if number < 26:
        return chr(65 + number)
    number = (number - 26) % 26**2
    return chr(65 + number // 26) + chr(65 + number % 26)


def _with_ends(
    spans: Sequence[_Span], grid: TimeGrid, emotion: FloatArray, final_bar: int
) -> list[_Span]:
    """The spans with an introduction and a coda, where there is room for them."""
    edges_s = _bar_edges_s(grid)
    made = list(spans)
    longest = MOST_CODA * grid.duration_s
    last_s = edges_s[-1] - edges_s[made[-1].first]
    if len(made) > 1 and last_s <= END_TITLE * grid.duration_s and _is_new(made):
        made[-1] = replace(made[-1], label=CODA)
    else:
        bars = (final_bar - n for n in CODA_BARS if n < final_bar)
        long = (bar for bar in bars if edges_s[-1] - edges_s[bar] >= MIN_SECTION_S)
        bar = next(long, 0)
        fits = edges_s[-1] - edges_s[bar] <= longest
        if fits and bar - made[-1].first >= PART_BARS and _lasts(edges_s, made[-1].first, bar):
            made.append(_Span(bar, label=CODA))
    arousal = float(valence_arousal(emotion)[:, 1].mean())
    second = made[1].first if len(made) > 1 else final_bar
    longest = MOST_INTRO * grid.duration_s if arousal < INTRO_AROUSAL else 0.0
    fitting = (n for n in INTRO_BARS if n < second and _lasts(edges_s, 0, n))
    n_bars = next(fitting, 0)
    room = second - n_bars >= PART_BARS and _lasts(edges_s, n_bars, second)
    if n_bars and edges_s[n_bars] <= longest and room:
        made[:1] = [_Span(0, label=INTRO), replace(made[0], first=n_bars)]
    return made


def _is_new(spans: Sequence[_Span]) -> bool:
    """Whether the last span has a theme of its own."""
    letters = [span.label.rstrip("'") for span in spans]
    return letters[-1] not in letters[:-1]


def _lasts(edges_s: FloatArray, first: int, last: int) -> bool:
    return bool(edges_s[last] - edges_s[first] >= MIN_SECTION_S)
