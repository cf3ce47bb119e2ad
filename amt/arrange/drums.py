"""The drum track: time-keeping, backbeat, fills and cymbals on the beats of the plan.

Keys are those of the General MIDI percussion map. A bar is divided into groups of two or three
beats (:func:`amt.arrange.metre.groups`); the last beat of a group is its backbeat, unless the feel
is half-time or double-time (:func:`amt.arrange.metre.backbeats`). The bass drum plays on onsets of
the bass only. Hats subdivide the beat as finely as the level of the texture allows
(:mod:`amt.arrange.textures`). A fill leads into each strong cut and each section, and a crash
cymbal marks it. Phrases of low arousal or thin texture have no drums, nor have bars without a
chord, nor the final chord.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amt.arrange.form import Form
from amt.arrange.metre import backbeats, group_starts
from amt.arrange.score import Score
from amt.arrange.styles import Instrument
from amt.arrange.textures import SHORTEST_STEP_S
from amt.arrange.tracks import Draft, track_of
from amt.types import TICKS_PER_BEAT, Feel, Note, Plan, Track

# Keys of the General MIDI percussion map.
KICK, RIM, SNARE = 36, 37, 38
CLOSED_HAT, OPEN_HAT, RIDE, CRASH = 42, 46, 51, 49
LOW_TOM, MIDDLE_TOM, HIGH_TOM = 45, 47, 50

THIN = 1.5
"""Mean level of the textures of a phrase (1 held to 5 full) below which its drums are silent."""

_ACCENTS = {
    KICK: 4.0, RIM: -8.0, SNARE: 2.0, CLOSED_HAT: -18.0, OPEN_HAT: -14.0, RIDE: -14.0, CRASH: 4.0,
    LOW_TOM: 2.0, MIDDLE_TOM: 1.0, HIGH_TOM: 0.0,
}  # fmt: skip
"""Velocity steps of each key against the plan's level."""
_GHOST_ACCENT = -26.0
"""Velocity steps of a ghost note, a soft snare between the backbeats."""
_GHOSTS = 0.3
"""Probability of each possible ghost note."""
_FILL_GROWTH = 4.0
"""Velocity steps per beat by which a fill grows."""
_EIGHTH_ACCENT, _SIXTEENTH_ACCENT = -2.0, -6.0
"""Velocity steps of hats off the beat."""
_PUSH_TICKS = TICKS_PER_BEAT // 2 - 4
"""Ticks after a beat from which a bass note counts as an eighth off the beat; the bass is moved by
4 ticks at random at most."""
_FLOWING, _BUSY, _FULL = 3, 4, 5
"""Levels from which hats play eighths, fills take two beats, and hats play sixteenths."""
_FILLS = (
    (SNARE, SNARE, HIGH_TOM, LOW_TOM),
    (SNARE, HIGH_TOM, MIDDLE_TOM, LOW_TOM),
    (HIGH_TOM, HIGH_TOM, MIDDLE_TOM, LOW_TOM),
    (SNARE, SNARE, SNARE, SNARE),
)
"""Keys of the four sixteenths of a fill's last beat; the beat before it has snares alone."""


@dataclass(frozen=True, slots=True)
class _Bar:
    """A bar in which the drums play."""

    number: int
    """Counts the bars of the piece."""
    start: int
    stop: int
    """Tick at which the drums stop: its end, or the final chord."""
    beats: int
    level: int
    """Of its texture, 1 held to 5 full."""
    step: int
    """Shortest step in ticks that can be played at its tempo."""
    section: int
    feel: Feel = "normal"


@dataclass(frozen=True, slots=True)
class _Fill:
    """Ticks before a strong cut or a section in which only snare and toms play."""

    start: int
    stop: int


def drum_track(
    plan: Plan, score: Score, drummer: Instrument, bass: Sequence[Note] | None, seed: int
) -> Track:
    """Return the drum track of a piece.

    Args:
        plan: of the piece.
        score: of the same plan.
        drummer: the kit.
        bass: notes of the bass, on whose onsets the bass drum plays; None where there is no bass:
            then the bass drum plays on the first beat of each group.
        seed: of fills and ghost notes.
    """
    bars = _playing_bars(plan, score, drummer)
    arrivals = _arrivals(plan, score.form, bars)
    fills = [f for f in _fills(bars, arrivals) if not score.form.is_spoken(f.start)]
    # A bar draws from a stream of its own, so that no bar depends on what the others play.
    drafts = [_hit(tick, CRASH, length=TICKS_PER_BEAT) for tick in arrivals]
    for bar in bars:
        rng = np.random.default_rng([seed, bar.number, 4])
        free = _backbeat(bar, rng) + _time(bar)
        taken = [fill for fill in fills if bar.start <= fill.start < bar.stop]
        drafts += [d for d in free if not any(f.start <= d.start < f.stop for f in taken)]
        drafts += [hit for fill in taken for hit in _fill(fill, bar, rng)]
    if bass is None:
        kicks = [tick for bar in bars for tick in _group_starts(bar)]
    else:
        kicks = _kicks(bars, arrivals, [note.start for note in bass])
    end = score.form.end
    played = [hit._replace(end=min(hit.end, end)) for hit in (_hit(tick, KICK) for tick in kicks)]
    return track_of(plan, score, drummer, drafts, seed, in_time=played)


def _playing_bars(plan: Plan, score: Score, drummer: Instrument) -> list[_Bar]:
    form, grid = score.form, plan.grid
    phrases = _playing_phrases(score, drummer)
    bars = []
    for number, (beat, beats) in enumerate(zip(grid.downbeats.tolist(), grid.bars, strict=True)):
        start = beat * TICKS_PER_BEAT
        if start >= form.ending:
            break
        index = form.cell_index(start)
        cell = form.cells[index]
        if cell.phrase not in phrases or not score.harmony[form.region_at(start)]:
            continue
        quick = grid.beat_length_s[beat : beat + beats].min() / 4 < SHORTEST_STEP_S
        bars.append(
            _Bar(
                number=number,
                start=start,
                stop=min(start + beats * TICKS_PER_BEAT, form.ending),
                beats=beats,
                level=score.textures[index].level,
                step=TICKS_PER_BEAT // (2 if quick else 4),
                section=cell.section,
                feel=cell.feel,
            )
        )
    return bars


def _playing_phrases(score: Score, drummer: Instrument) -> set[int]:
    """Phrases whose mean arousal and mean level are high enough for drums."""
    cells = score.form.cells
    phrases = np.array([cell.phrase for cell in cells])
    weights = np.array([cell.end - cell.start for cell in cells], dtype=np.float64)
    length = np.bincount(phrases, weights)
    arousal = np.bincount(phrases, weights * [cell.arousal for cell in cells]) / length
    level = np.bincount(phrases, weights * [t.level for t in score.textures]) / length
    return set(np.flatnonzero((arousal >= drummer.calm) & (level >= THIN)).tolist())


def _arrivals(plan: Plan, form: Form, bars: Sequence[_Bar]) -> list[int]:
    """Ticks of strong cuts and section starts inside, or at the end of, bars with drums."""
    sections = {section.beat * TICKS_PER_BEAT for section in plan.sections if section.beat}
    cuts = {tick for tick in form.hits if form.has_strong_cut(tick)}
    return sorted(
        tick
        for tick in sections | cuts
        if tick <= form.ending and any(bar.start <= tick <= bar.stop for bar in bars)
    )


def _fills(bars: Sequence[_Bar], arrivals: Sequence[int]) -> list[_Fill]:
    """A fill before each arrival: one or two beats of its bar, after that of the last arrival."""
    fills = []
    for i, tick in enumerate(arrivals):
        bar = next((bar for bar in bars if bar.start < tick <= bar.stop), None)
        if bar is not None:
            beats = 2 if bar.level >= _BUSY and bar.beats > 2 else 1
            earliest = max(bar.start, arrivals[i - 1] + TICKS_PER_BEAT if i else 0)
            start = max(tick - beats * TICKS_PER_BEAT, earliest)
            if start < tick:
                fills.append(_Fill(start, tick))
    return fills


def _fill(fill: _Fill, bar: _Bar, rng: np.random.Generator) -> list[Draft]:
    """Snares, then toms, growing into the arrival."""
    shape = _FILLS[int(rng.integers(len(_FILLS)))]
    hits = []
    for tick in range(fill.start, fill.stop, bar.step):
        place = (tick - fill.stop) // (TICKS_PER_BEAT // 4)
        key = shape[place] if place >= -len(shape) else SNARE
        growth = _FILL_GROWTH * (tick - fill.stop) / TICKS_PER_BEAT
        hits.append(_hit(tick, key, growth))
    return hits


def _time(bar: _Bar) -> list[Draft]:
    """Hats, or the ride cymbal in every second section that is busy."""
    eighth = TICKS_PER_BEAT // 2
    step = TICKS_PER_BEAT if bar.level < _FLOWING else eighth
    if bar.level >= _FULL:
        step = max(TICKS_PER_BEAT // 4, bar.step)
    if bar.feel == "double":
        step = max(step // 2, bar.step)
    elif bar.feel == "half":
        step = max(step, eighth)
    rides = bar.level >= _BUSY and bar.section % 2 == 1
    hits = []
    for tick in range(bar.start, bar.stop, eighth if rides else step):
        off_beat = _EIGHTH_ACCENT if tick % eighth == 0 else _SIXTEENTH_ACCENT
        weight = 0.0 if tick % TICKS_PER_BEAT == 0 else off_beat
        opens = tick == bar.stop - eighth and bar.level >= _BUSY and bar.number % 2 == 1
        key = RIDE if rides else OPEN_HAT if opens else CLOSED_HAT
        if not (tick > bar.stop - eighth and bar.number % 2 == 1):  # an open hat rings out
            hits.append(_hit(tick, key, weight))
    return hits


def _backbeat(bar: _Bar, rng: np.random.Generator) -> list[Draft]:
    """The snare, only its rim where the music is thin, with ghost notes where it is busy."""
    beats = backbeats(bar.beats, bar.feel)
    key = SNARE if bar.level >= _FLOWING else RIM
    hits = [_hit(bar.start + round(beat * TICKS_PER_BEAT), key) for beat in beats]
    ghosts = rng.random(bar.beats) < _GHOSTS
    if bar.level >= _BUSY and bar.step == TICKS_PER_BEAT // 4:
        hits += [
            _hit(bar.start + beat * TICKS_PER_BEAT + 3 * bar.step, SNARE, _GHOST_ACCENT)
            for beat in range(bar.beats)
            if ghosts[beat] and beat not in beats
        ]
    return [hit for hit in hits if hit.start < bar.stop]


def _kicks(bars: Sequence[_Bar], arrivals: Sequence[int], bass: Sequence[int]) -> list[int]:
    """Onsets of the bass that the bass drum plays too.

    These are the onsets on the beat, except backbeats of bars below level 4, and those an eighth
    before a group of beats.
    """
    kicks = {tick for tick in bass if tick in set(arrivals)}
    for bar in bars:
        starts = {*_group_starts(bar), bar.start + bar.beats * TICKS_PER_BEAT}
        rests = backbeats(bar.beats, bar.feel) if bar.level < _BUSY else ()
        for tick in bass:
            if not bar.start <= tick < bar.stop:
                continue
            beat, rest = divmod(tick - bar.start, TICKS_PER_BEAT)
            if rest:
                leads = tick - rest + TICKS_PER_BEAT in starts and bar.level >= _FLOWING
                if leads and rest >= _PUSH_TICKS:
                    kicks.add(tick)
            elif beat not in rests:
                kicks.add(tick)
    return sorted(kicks)


def _group_starts(bar: _Bar) -> list[int]:
    firsts = group_starts(bar.beats)
    firsts = tuple(range(bar.beats)) if bar.feel == "double" else firsts
    firsts = firsts[::2] if bar.feel == "half" else firsts
    return [t for first in firsts if (t := bar.start + first * TICKS_PER_BEAT) < bar.stop]


def _hit(tick: int, key: int, accent: float = 0.0, length: int = TICKS_PER_BEAT // 4) -> Draft:
    return Draft(tick, key, tick + length, _ACCENTS[key] + accent)
