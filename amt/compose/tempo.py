"""The tempo of a piece: the one that suits its mood, and a grid near it whose beats fall on cuts.

Where the cuts of the clip force another tempo, the music may have half-time or double-time feel, so
that what is felt stays near the wanted tempo (:data:`amt.types.FEEL_FACTOR`).

``S`` is the number of seconds; distances between tempi are in octaves (base-2 logarithms).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from amt.compose.options import ComposeOptions
from amt.options.music import MAX_BPM, MIN_BPM
from amt.timing import GridOptions, fit_grid, steady_grid
from amt.timing.fit import earned, gather_events
from amt.timing.held import HeldTempo, held_tempi
from amt.types import FEEL_FACTOR, Feel, FloatArray, Section, TimeGrid, VideoFeatures

CALMEST_BPM, WILDEST_BPM = 62.0, 138.0
"""Tempo that suits the least and the most energy (0 and 1), unless one is asked for."""
VALENCE_BPM = 10.0
"""What a valence of 1 adds to it: at the same energy, joy is faster than anger and fear, and
contentment faster than sadness (Juslin and Laukka, Psychological Bulletin 129, 2003)."""
TEMPO_FREEDOMS = (1.12, 1.2, 1.3, 2**0.5)
"""Ratios of the fastest and of the slowest tempo to the wanted one, each tried in fitting the grid.
The widest spans an octave, in which every spacing of cuts has a tempo whose beats fit it."""
DISTANCE_PRICE = 1.5
"""Price of the squared distance between the tempo that is felt and the wanted one; all cuts and hit
points met are worth 1. Together with :data:`FEEL_PRICE` chosen on cut lists of the seed 100 of
``experiments.fit.alignment.synthetic_clips``, so that as many cuts are met as without a price."""
FEEL_PRICE = 0.03
"""Price of half-time and of double-time feel."""
SUITING = TEMPO_FREEDOMS[-1]
"""Ratio to the wanted tempo, up and down, within which a held tempo suits the mood: moods whose
tempi differ lie farther from each other than that. Set by hand."""
FEEL_CHANGE_GAIN = 0.3
"""Octaves by which another feel than the piece's must be nearer to a section's wanted tempo."""


def wanted_tempo(
    energy: FloatArray, valence: FloatArray, bounds: tuple[float, float] | None = None
) -> FloatArray:
    """Tempo in quarter notes a minute [S] that suits energy (0-1) and valence (-1 to 1), both [S].

    It lies between the bounds, those of the style.

    >>> wanted_tempo(np.array([0.0, 0.5, 1.0]), np.zeros(3))
    array([ 62., 100., 138.])
    """
    wanted = CALMEST_BPM + (WILDEST_BPM - CALMEST_BPM) * energy + VALENCE_BPM * valence
    return np.asarray(wanted.clip(*(bounds or (MIN_BPM, MAX_BPM))))


def piece_grid(
    features: VideoFeatures, options: ComposeOptions, wanted_bpm: FloatArray
) -> tuple[TimeGrid, Feel]:
    """Beats and bars fitted to the cuts, and the feel in which they suit the wanted tempo best.

    Of the grids that :func:`_fitted` tries, the best is taken: for the cuts and hit points that it
    meets, less the distance of the felt tempo from the wanted one.

    Args:
        features: of the clip.
        options: what the user decided; a tempo that is asked for is held, in normal feel.
        wanted_bpm: [S] from :func:`wanted_tempo`.

    Raises:
        GridError: no grid fits the tempo and hit points asked for.
    """
    wanted = float(wanted_bpm.mean())
    if not options.fit:
        steady = options.bpm or wanted
        return steady_grid(features.duration_s, steady, whole_bars=options.bpm is None), "normal"
    bpm = options.bpm
    if bpm is None and options.tempo_map == "fixed":
        bpm = proposed_tempi(features, options, wanted_bpm)[0].bpm
    if bpm is not None:
        held = GridOptions(preferred_bpm=wanted, fixed_bpm=bpm)
        return _fit(features, options, held), "normal"
    events = gather_events(features.cuts, features.duration_s, options.hits_s)
    worth = max(float(events.beat_reward.sum() + events.downbeat_reward.sum()), 1e-9)

    def value(candidate: tuple[TimeGrid, Feel]) -> float:
        grid, feel = candidate
        return earned(grid, events) / worth - _price(_mean_bpm(grid), feel, wanted)

    return max(_fitted(features, options, wanted), key=value)


def _fitted(
    features: VideoFeatures, options: ComposeOptions, wanted: float
) -> Iterator[tuple[TimeGrid, Feel]]:
    """Grids of every feel and freedom that the bounds of tempo leave room for.

    Hit points must be met, whatever the tempo: with them the only bounds are those of all tempi.
    """
    widest = GridOptions(preferred_bpm=wanted, is_gentle=options.tempo_map == "gentle")
    if options.hits_s:
        grid = _fit(features, options, widest)
        yield from ((grid, feel) for feel in FEEL_FACTOR)
        return
    found = False
    for feel, factor in FEEL_FACTOR.items():
        for freedom in TEMPO_FREEDOMS if features.cuts else TEMPO_FREEDOMS[-1:]:
            bpm = wanted / factor
            low, high = bpm / freedom, bpm * freedom
            if options.tempo_range is not None:
                slowest, fastest = options.tempo_range
                low, high = max(low, slowest / factor), min(high, fastest / factor)
            low, high = max(MIN_BPM, low), min(MAX_BPM, high)
            if high >= 1.25 * low:
                near = replace(widest, preferred_bpm=bpm, min_bpm=low, max_bpm=high)
                yield _fit(features, options, near), feel
                found = True
    if not found:  # a style's range is too narrow to fit any cut
        yield _fit(features, options, widest), "normal"


def proposed_tempi(
    features: VideoFeatures, options: ComposeOptions, wanted_bpm: FloatArray
) -> tuple[HeldTempo, ...]:
    """The tempi that suit the mood and, held throughout, miss the fewest cuts and hit points.

    Args:
        features: of the clip.
        options: what the user decided.
        wanted_bpm: [S] from :func:`wanted_tempo`.
    """
    wanted = float(wanted_bpm.mean())
    low, high = wanted / SUITING, wanted * SUITING
    slowest, fastest = options.tempo_range or (MIN_BPM, MAX_BPM)
    low, high = max(MIN_BPM, slowest, low), min(MAX_BPM, fastest, high)
    if high < low + 1:  # the range of the style is a single tempo
        low, high = max(MIN_BPM, wanted / SUITING), min(MAX_BPM, wanted * SUITING)
    events = gather_events(features.cuts, features.duration_s, options.hits_s)
    return held_tempi(events, wanted, (low, high), may_shift=bool(options.hits_s))


def _fit(features: VideoFeatures, options: ComposeOptions, near: GridOptions) -> TimeGrid:
    return fit_grid(
        features.cuts,
        features.duration_s,
        options=near,
        hits=options.hits_s,
        rests=options.silences_s,
    )


def _price(bpm: float, feel: Feel, wanted_bpm: float) -> float:
    distance = _distance(bpm, feel, wanted_bpm)
    return DISTANCE_PRICE * distance**2 + (FEEL_PRICE if feel != "normal" else 0.0)


def _distance(bpm: float, feel: Feel, wanted_bpm: float) -> float:
    """Octaves from the tempo that is felt to the wanted one."""
    return abs(float(np.log2(bpm * FEEL_FACTOR[feel] / wanted_bpm)))


def _mean_bpm(grid: TimeGrid) -> float:
    return 60 * grid.end_beat / grid.duration_s


def with_feels(
    sections: Sequence[Section], grid: TimeGrid, feel: Feel, wanted_bpm: FloatArray
) -> tuple[Section, ...]:
    """Sections with the feel of the piece, or another where that is much nearer to what they want.

    Args:
        sections: of the piece.
        grid: beats and bars.
        feel: of the piece.
        wanted_bpm: [S] from :func:`wanted_tempo`.
    """
    edges = [*(section.beat for section in sections), grid.end_beat]
    edges_s = grid.seconds_at(np.array(edges, dtype=np.float64))
    found = []
    for section, (start_s, end_s) in zip(sections, pairwise(edges_s.tolist()), strict=True):
        first = min(int(start_s), len(wanted_bpm) - 1)
        wanted = float(wanted_bpm[first : max(first + 1, int(end_s))].mean())
        rows = (grid.beats_s[:-1] >= start_s) & (grid.beats_s[:-1] < end_s)
        bpm = 60 / float(grid.beat_length_s[rows].mean())
        near = min(FEEL_FACTOR, key=lambda name: _distance(bpm, name, wanted))
        gain = _distance(bpm, feel, wanted) - _distance(bpm, near, wanted)
        found.append(replace(section, feel=near if gain >= FEEL_CHANGE_GAIN else feel))
    return tuple(found)
