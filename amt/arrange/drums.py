"""The drum track: time-keeping, backbeat, fills and cymbals on the beats of the plan.

Keys are those of the General MIDI percussion map. A bar is divided into groups of two or three
beats (:func:`amt.arrange.metre.groups`); the last beat of a group is its backbeat, unless the feel
is half-time or double-time (:func:`amt.arrange.metre.backbeats`). What the bass drum, the snare
between the backbeats and the open hat play is drawn from the groove of the style, counted from
drummers (:mod:`amt.arrange.grooves`): a phrase has one draw, of which every bar renews a few. Of
the patterns of the bass drum those are likelier that fall on the onsets of the bass. Hats subdivide
the beat as finely as the level of the texture allows (:mod:`amt.arrange.textures`). A fill leads
into each strong cut and each section, and a crash cymbal marks it; short fills end some phrases.
Phrases of low arousal or thin texture have no drums, nor have bars without a chord, nor the final
chord.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amt.arrange.form import Form
from amt.arrange.grooves import STEPS, STEPS_PER_BEAT, Groove, felt_steps, load_groove
from amt.arrange.metre import backbeats
from amt.arrange.score import Score
from amt.arrange.styles import Instrument
from amt.arrange.textures import SHORTEST_STEP_S
from amt.arrange.tracks import Draft, track_of
from amt.types import TICKS_PER_BEAT, Feel, FloatArray, Plan, Track

# Keys of the General MIDI percussion map.
KICK, RIM, SNARE, CLAP = 36, 37, 38, 39
CLOSED_HAT, OPEN_HAT, RIDE, CRASH = 42, 46, 51, 49
LOW_TOM, MIDDLE_TOM, HIGH_TOM = 45, 47, 50

THIN = 1.5
"""Mean level of the textures of a phrase (1 held to 5 full) below which its drums are silent."""

_ACCENTS = {
    KICK: 4.0, RIM: -8.0, SNARE: 2.0, CLAP: 0.0, CLOSED_HAT: -18.0, OPEN_HAT: -14.0, RIDE: -14.0,
    CRASH: 4.0, LOW_TOM: 2.0, MIDDLE_TOM: 1.0, HIGH_TOM: 0.0,
}  # fmt: skip
"""Velocity steps of each key against the plan's level."""
_GHOST_ACCENT, _GHOST_SPREAD = -36.0, 8.0
"""Velocity steps of a ghost note, a soft snare between the backbeats, and their standard deviation.
Drummers play them 70 to 100 steps below loud snares; on soundfonts such notes would vanish."""
_GHOSTS = 1.0
"""Share of the ghost notes of the groove that are played in busy music, and half of it from
:data:`_FLOWING` on."""
_EXTRA_SNARES, _EXTRA_ACCENT = 0.3, -12.0
"""Share of the groove's loud snares off the backbeat that are played in busy music, as fills are
among those that were counted, and their velocity steps."""
_RENEWED = 0.2
"""Share of the draws of a phrase that a bar renews."""
_FLATTENED = 0.5
"""Power of the frequencies of patterns of the bass drum, below 1 so that rarer ones are drawn too:
among those of rock, two are as frequent as all others together."""
_LOCK = 6.0
"""Log-odds of a pattern of the bass drum that has the onsets of the bass, by the F1 score of the
two, against one that has none of them."""
_KICKS = {1: 1, 2: 2, 3: 2, 4: 3, 5: 4}
"""Bass drums a bar that suit each level."""
_KICK_COUNT_COST = 0.7
"""Log-odds that a pattern of the bass drum loses for each bass drum more or less."""
_TURN_FILLS = 0.4
"""Share of phrases that end with a fill of one beat where nothing arrives."""
_FILL_GROWTH = 4.0
"""Velocity steps per beat by which a fill grows."""
_EIGHTH_ACCENT, _SIXTEENTH_ACCENT = -2.0, -6.0
"""Velocity steps of hats off the beat."""
_HAT_SHARE = 0.5
"""Share of the differences of velocity of drummers' hats that is played: they are those of loud and
soft drummers too."""
_KICK_SHARE = 0.5
"""The same of the bass drum."""
_EXCITED, _SUBDUED = 0.55, -0.3
"""Arousal from which drums play a level higher than the texture, and below which a level lower."""
_FLOWING, _BUSY, _FULL = 3, 4, 5
"""Levels from which hats play eighths, fills take two beats, and hats play sixteenths."""
_SIXTEENTH = TICKS_PER_BEAT // 4
_FILL_KEYS = {"s": SNARE, "h": HIGH_TOM, "m": MIDDLE_TOM, "l": LOW_TOM, "k": KICK}


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
    """Of its texture and arousal, 1 held to 5 full."""
    step: int
    """Shortest step in ticks that can be played at its tempo."""
    section: int
    phrase: int
    feel: Feel = "normal"


@dataclass(frozen=True, slots=True)
class _Fill:
    """Ticks before a strong cut or a section in which only snare and toms play."""

    start: int
    stop: int


def drum_track(plan: Plan, score: Score, drummer: Instrument, seed: int) -> Track:
    """Return the drum track of a piece.

    Args:
        plan: of the piece.
        score: of the same plan.
        drummer: the kit, and the groove that it plays.
        seed: of patterns, fills and ghost notes.
    """
    groove = load_groove(drummer.groove)
    bars = _playing_bars(plan, score, drummer)
    arrivals = _arrivals(plan, score.form, bars)
    fills = [*_fills(bars, arrivals), *_turns(bars, arrivals, seed)]
    fills = [fill for fill in fills if not score.form.is_spoken(fill.start)]
    bass = [note.start for note in score.bass_notes()] if score.style.instrument("bass") else []
    # A bar draws from a stream of its own, so that no bar depends on what the others play.
    drafts = [_hit(tick, CRASH, length=TICKS_PER_BEAT) for tick in arrivals]
    for bar in bars:
        rng = np.random.default_rng([seed, bar.number, 4])
        draws = _draws(bar, seed, rng)
        struck = {t for t in arrivals if bar.start <= t < bar.stop}
        free = _kicks(bar, groove, draws, bass, struck)
        free += _snares(bar, groove, draws, rng) + _hats(bar, groove, draws)
        free = [_late(hit, bar, groove, score, struck) for hit in free]
        taken = [fill for fill in fills if bar.start <= fill.start < bar.stop]
        drafts += [d for d in free if not any(f.start <= d.start < f.stop for f in taken)]
        drafts += [hit for fill in taken for hit in _fill(fill, bar, groove, rng)]
    end = score.form.end
    drafts = [hit._replace(end=min(hit.end, end)) for hit in drafts if hit.start < end]
    return track_of(plan, score, drummer, drafts, seed)


@dataclass(frozen=True, slots=True)
class _Draws:
    """Uniform random numbers of a bar, which it shares with its phrase but for a few."""

    kick: float
    snares: FloatArray
    """[16]."""
    opens: FloatArray
    """[16]."""


def _draws(bar: _Bar, seed: int, rng: np.random.Generator) -> _Draws:
    phrase = np.random.default_rng([seed, bar.phrase, 5])
    shared, own = phrase.random((2, STEPS)), rng.random((2, STEPS))
    mixed = np.where(rng.random((2, STEPS)) < _RENEWED, own, shared)
    return _Draws(float(phrase.random()), *mixed)


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
        if (
            "drums" in cell.resting
            or cell.phrase not in phrases
            or not score.harmony[form.region_at(start)]
        ):
            continue
        quick = grid.beat_length_s[beat : beat + beats].min() / 4 < SHORTEST_STEP_S
        lift = (cell.arousal >= _EXCITED) - (cell.arousal < _SUBDUED)
        bars.append(
            _Bar(
                number=number,
                start=start,
                stop=min(start + beats * TICKS_PER_BEAT, form.ending),
                beats=beats,
                level=min(max(score.textures[index].level + lift, 1), _FULL),
                step=TICKS_PER_BEAT // (2 if quick else 4),
                section=cell.section,
                phrase=cell.phrase,
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


def _turns(bars: Sequence[_Bar], arrivals: Sequence[int], seed: int) -> list[_Fill]:
    """A fill in the last beat of some phrases, where the next bar has drums and no arrival."""
    turns = []
    for bar, following in pairwise(bars):
        begins = following.phrase != bar.phrase and following.start == bar.stop
        near = any(bar.start < tick <= bar.stop for tick in arrivals)
        drawn = np.random.default_rng([seed, bar.number, 6]).random() < _TURN_FILLS
        if begins and drawn and not near and bar.level >= _FLOWING and bar.beats > 2:
            turns.append(_Fill(bar.stop - TICKS_PER_BEAT, bar.stop))
    return turns


def _fill(fill: _Fill, bar: _Bar, groove: Groove, rng: np.random.Generator) -> list[Draft]:
    """The end of a fill of the groove, growing into the arrival."""
    shape = groove.fills[int(rng.integers(len(groove.fills)))]
    hits = []
    for tick in range(fill.start, fill.stop, bar.step):
        place = (tick - fill.stop) // _SIXTEENTH
        letter = shape[place] if place >= -len(shape) else "s"
        if letter in _FILL_KEYS:
            growth = _FILL_GROWTH * (tick - fill.stop) / TICKS_PER_BEAT
            accent = groove.fill_velocity[max(place, -len(shape))] / 2
            hits.append(_hit(tick, _FILL_KEYS[letter], growth + float(accent)))
    return hits


def _hats(bar: _Bar, groove: Groove, draws: _Draws) -> list[Draft]:
    """Hats, or the ride cymbal in every second section that is busy."""
    eighth = TICKS_PER_BEAT // 2
    step = TICKS_PER_BEAT if bar.level < _FLOWING else eighth
    if bar.level >= _FULL:
        step = max(_SIXTEENTH, bar.step)
    if bar.feel == "double":
        step = max(step // 2, bar.step)
    elif bar.feel == "half":
        step = max(step, eighth)
    rides = bar.level >= _BUSY and bar.section % 2 == 1 and groove.rides
    steps = felt_steps(bar.beats, bar.feel, bar.number)
    hits: list[Draft] = []
    for tick in range(bar.start, bar.stop, eighth if rides else step):
        off_beat = _EIGHTH_ACCENT if tick % eighth == 0 else _SIXTEENTH_ACCENT
        weight = 0.0 if tick % TICKS_PER_BEAT == 0 else off_beat
        source = steps.get((tick - bar.start) // _SIXTEENTH)
        drawn = source is not None and draws.opens[source] < groove.opens[source]
        last = tick == bar.stop - eighth and bar.number % 2 == 1
        opens = bar.level >= _BUSY and tick % TICKS_PER_BEAT == eighth and (drawn or last)
        if source is not None:
            weight += _HAT_SHARE * float(groove.hat_velocity[source])
        key = RIDE if rides else OPEN_HAT if opens else CLOSED_HAT
        rings = hits and hits[-1].pitch == OPEN_HAT and tick % eighth  # an open hat rings out
        if not rings:
            hits.append(_hit(tick, key, weight))
    return hits


def _snares(bar: _Bar, groove: Groove, draws: _Draws, rng: np.random.Generator) -> list[Draft]:
    """The backbeat, only the rim where the music is thin; ghost notes where it is busier."""
    beats = backbeats(bar.beats, bar.feel)
    key = RIM if bar.level < _FLOWING else CLAP if groove.claps else SNARE
    hits = [_hit(bar.start + round(beat * TICKS_PER_BEAT), key) for beat in beats]
    if bar.level < _FLOWING:
        return [hit for hit in hits if hit.start < bar.stop]
    busy = bar.level >= _BUSY
    loud = {round(beat * STEPS_PER_BEAT) for beat in beats}
    spread = rng.normal(0, _GHOST_SPREAD, bar.beats * STEPS_PER_BEAT)
    for step, source in felt_steps(bar.beats, bar.feel, bar.number).items():
        on_beat = step % STEPS_PER_BEAT == 0
        if on_beat or step in loud or (step % 2 and bar.step > _SIXTEENTH):
            continue
        tick, drawn = bar.start + step * _SIXTEENTH, draws.snares[source]
        extra = _EXTRA_SNARES * groove.snares[source] * busy
        ghost = _GHOSTS * groove.ghosts[source] * (1.0 if busy else 0.5)
        if drawn < extra:
            hits.append(_hit(tick, SNARE, _EXTRA_ACCENT))
        elif drawn < extra + ghost:
            hits.append(_hit(tick, SNARE, _GHOST_ACCENT + float(spread[step])))
    return [hit for hit in hits if hit.start < bar.stop]


def _kicks(
    bar: _Bar, groove: Groove, draws: _Draws, bass: Sequence[int], struck: set[int]
) -> list[Draft]:
    """The bass drum: a pattern of the groove that suits bass and level, and the arrivals.

    Below level 4 it leaves the backbeats alone, below level 3 it plays on beats only.
    """
    onsets = {(t - bar.start) // _SIXTEENTH for t in bass if bar.start <= t < bar.stop}
    played = [_kick_steps(bar, groove, pattern) for pattern in groove.kicks]
    locked = np.array(
        [2 * len(onsets & set(steps)) / (len(onsets) + len(steps)) for steps in played]
    )
    wanted = _KICKS[bar.level]
    odd = np.array([abs(len(steps) - wanted) for steps in played])
    weights = groove.kick_weights**_FLATTENED * np.exp(_LOCK * locked - _KICK_COUNT_COST * odd)
    chosen = int(np.searchsorted(np.cumsum(weights) / weights.sum(), draws.kick))
    source = felt_steps(bar.beats, bar.feel, bar.number)
    hits = {
        bar.start + step * _SIXTEENTH: _KICK_SHARE * float(groove.kick_velocity[source[step]])
        for step in played[min(chosen, len(played) - 1)]
    }
    accents = {**hits, **dict.fromkeys(struck, 0.0)}
    return [_hit(tick, KICK, accent) for tick, accent in accents.items() if tick < bar.stop]


def _kick_steps(bar: _Bar, groove: Groove, pattern: str) -> list[int]:
    """Sixteenths of a bar on which a pattern has a bass drum that suits its level."""
    steps = felt_steps(bar.beats, bar.feel, bar.number)
    struck = [i for i, source in steps.items() if pattern[source] == "x"]
    if bar.step > _SIXTEENTH:
        struck = [step for step in struck if step % 2 == 0]
    if bar.level < _FLOWING:
        struck = [step for step in struck if step % STEPS_PER_BEAT == 0]
    if bar.level < _BUSY and not groove.steady:
        rests = {round(beat * STEPS_PER_BEAT) for beat in backbeats(bar.beats, bar.feel)}
        struck = [step for step in struck if step not in rests]
    return struck or [0]


def _late(hit: Draft, bar: _Bar, groove: Groove, score: Score, struck: set[int]) -> Draft:
    """The hit as late as the style or the drummer has it; not on arrivals."""
    if hit.start in struck:
        return hit
    late_ms = 0.0
    if hit.pitch in (SNARE, RIM):
        late_ms = score.style.laid_back_ms
    elif hit.pitch in (CLOSED_HAT, OPEN_HAT) and hit.start % TICKS_PER_BEAT:
        late_ms = float(groove.hat_late_ms[hit.start % TICKS_PER_BEAT // _SIXTEENTH])
    beat_s = score.bars[bar.start].beat_s(hit.start)
    late = round(late_ms / 1000 / beat_s * TICKS_PER_BEAT)
    return hit._replace(start=hit.start + late, end=hit.end + late)


def _hit(tick: int, key: int, accent: float = 0.0, length: int = TICKS_PER_BEAT // 4) -> Draft:
    return Draft(tick, key, tick + length, _ACCENTS[key] + accent)
