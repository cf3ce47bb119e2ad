"""Cuts that no note begins on are struck: what sounds there is played again, on the cut.

The grid puts cuts on beats, their halves and quarters, and texture decides whether a note begins
there. Where none does within a hit (:mod:`amt.timing.hits`), the part with most notes sounding
plays them again, every part where the cut is strong: on the nearest quarter of a beat that hits the
cut, else on the very tick of the cut. Nothing is struck in a rest, in the final chord, nor where no
pitched part sounds. How many of its cuts a piece answers is the style's
(:attr:`amt.arrange.styles.Style.cuts_answered`); the strongest are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from amt.arrange.form import Form
from amt.arrange.score import Score
from amt.timing.hits import are_hits, is_hit, is_strong
from amt.types import TICKS_PER_BEAT, Cut, Note, Plan, TimeGrid, Track

GRID_PARTS = 4
"""Parts of a beat on which a cut is struck if one hits it."""
SHORTEST_S = 0.08
"""Seconds that the first part of a divided note lasts at least."""
ACCENT = 14
"""Velocity steps above the divided note, for a cut of strength 1 in a style of accent 1."""


def answered_cuts(plan: Plan, share: float) -> tuple[Cut, ...]:
    """The strongest cuts of a plan, a share of 0 to 1 of them rounded up, in order of time."""
    count = ceil(share * len(plan.cuts))
    chosen = sorted(plan.cuts, key=lambda cut: -cut.strength)[:count]
    return tuple(sorted(chosen, key=lambda cut: cut.time_s))


def with_cuts_struck(plan: Plan, score: Score, tracks: Sequence[Track]) -> list[Track]:
    """The tracks with a note on every cut that is answered.

    Args:
        plan: of the piece.
        score: of the same plan.
        tracks: all of them; the drums stay as they are, and the others do not depend on them.
    """
    form, grid = score.form, plan.grid
    tracks = list(tracks)
    pitched = [note.start for track in tracks if not track.is_drum for note in track.notes]
    onsets_s = np.sort(grid.seconds_at(np.array(pitched) / TICKS_PER_BEAT))
    for cut in answered_cuts(plan, score.style.cuts_answered):
        tick = struck_tick(grid, cut.time_s)
        if _has_onset(onsets_s, cut.time_s) or not _is_free(form, tick):
            continue
        shortest = _ticks_of(grid, tick, SHORTEST_S)
        divided = {
            i: _struck(track, tick, shortest, round(ACCENT * score.style.accent * cut.strength))
            for i, track in enumerate(tracks)
            if not track.is_drum
        }
        gains = {i: new for i, new in divided.items() if len(new.notes) > len(tracks[i].notes)}
        if not is_strong(cut):
            most = sorted(gains, key=lambda i: len(tracks[i].notes) - len(gains[i].notes))[:1]
            gains = {i: gains[i] for i in most}
        for i, track in gains.items():
            tracks[i] = track
    return tracks


def struck_tick(grid: TimeGrid, time_s: float) -> int:
    """The tick on which a moment is struck: a quarter of a beat that hits it, else its own."""
    beat = float(grid.beats_at(time_s))
    near = round(beat * GRID_PARTS) / GRID_PARTS
    if is_hit(float(grid.seconds_at(near)), time_s):
        return round(near * TICKS_PER_BEAT)
    return round(beat * TICKS_PER_BEAT)


def _has_onset(onsets_s: np.ndarray, time_s: float) -> bool:
    after = int(np.searchsorted(onsets_s, time_s))
    return bool(are_hits(onsets_s[max(after - 1, 0) : after + 1] - time_s).any())


def _is_free(form: Form, tick: int) -> bool:
    resting = any(start <= tick < end for start, end in form.rests())
    return 0 < tick < form.ending and not resting


def _ticks_of(grid: TimeGrid, tick: int, seconds: float) -> int:
    beat = min(int(tick / TICKS_PER_BEAT), grid.n_beats - 1)
    return max(1, round(seconds / float(grid.beat_length_s[beat]) * TICKS_PER_BEAT))


def _struck(track: Track, tick: int, shortest: int, accent: int) -> Track:
    """The track with the notes that sound on a tick divided there, the second part accented."""
    last = bisect_left(track.notes, tick, key=lambda note: note.start)
    notes: list[Note] = []
    for note in track.notes[:last]:
        if tick - note.start < shortest or note.end - tick < shortest:
            notes.append(note)
            continue
        louder = min(127, note.velocity + accent)
        notes += [replace(note, end=tick), replace(note, start=tick, velocity=louder)]
    return replace(track, notes=tuple(sorted([*notes, *track.notes[last:]])))
