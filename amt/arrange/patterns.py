"""Arranging by pattern: every role of the style plays the plan's chords in figures.

The harmony sounds whole chords, the pad ties them, the arpeggio breaks them into figures that
answer each other over a phrase, and the bass carries the roots with fifths and steps that lead to
the next one. How busy they are is decided by the plan's density (:mod:`amt.arrange.textures`), how
loud by its loudness (:mod:`amt.arrange.dynamics`), how high and how short by its mood. The last
chord is struck once and rings until the end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from amt.arrange.dynamics import expression_curve, level_at, velocity
from amt.arrange.score import Score, write_score
from amt.arrange.styles import ROLES, Instrument, load_style
from amt.arrange.voicing import bass_fifth, chord_tones, thin
from amt.plan import rounded, validate
from amt.timing import tempo_changes, time_signatures
from amt.types import (
    TICKS_PER_BEAT,
    ControlChange,
    FloatArray,
    Note,
    Plan,
    Song,
    TextEvent,
    Track,
)

_VOLUME, _PAN, _PEDAL = 7, 10, 64
_PEDAL_DELAY = 30
"""Ticks after a chord change at which the pedal goes down again, so that the old chord is gone."""

_ROLE_VELOCITY = {"harmony": -8.0, "arpeggio": -3.0, "pad": -14.0, "bass": 0.0}
_DOWNBEAT_ACCENT, _BEAT_ACCENT, _OFFBEAT_ACCENT = 6.0, 1.0, -4.0
_HIT_ACCENT = 14.0
_VELOCITY_SPREAD = 2.0
_MOST_JITTER = 4
"""Ticks by which notes off the beat may stray."""

_SLOW_SHAPES = ((0, 2, 1, 3), (0, 1, 2, 3), (2, 1, 3, 2), (3, 2, 1, 2), (0, 3, 2, 1))
_FLOWING_SHAPES = (
    (0, 1, 2, 3, 4, 3, 2, 1),
    (0, 2, 1, 2, 3, 2, 1, 2),
    (0, 2, 3, 2, 4, 3, 2, 3),
    (0, 1, 2, 4, 3, 2, 1, 2),
    (0, 3, 2, 1, 4, 3, 2, 1),
)
_RUNNING_SHAPES = (
    (0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 2, 3, 4, 3, 2, 1),
    (0, 2, 1, 3, 2, 4, 3, 5, 4, 2, 3, 1, 2, 0, 1, 2),
    (0, 1, 2, 1, 3, 2, 1, 2, 4, 3, 2, 3, 5, 4, 3, 2),
    (0, 2, 4, 2, 1, 3, 5, 3, 0, 2, 4, 2, 5, 4, 3, 1),
)
_SHAPES = {1: _SLOW_SHAPES, 2: _FLOWING_SHAPES, 4: _RUNNING_SHAPES}
"""Figures as places in the rising chord tones, by the notes of a beat; they answer each other as
a a b a."""
_TONES = 6
_BASS_FIGURES = ("rfrf", "rrfr", "rfor", "rrof")
"""Bass on the beats of a chord: root, fifth, octave."""


class _Draft(NamedTuple):
    """A note before its velocity: times in ticks, accent in velocity steps."""

    start: int
    pitch: int
    end: int
    accent: float = 0.0


def arrange_patterns(plan: Plan) -> Song:
    """Arrange a plan with the patterns of its style; equal plans give equal songs.

    Args:
        plan: Any plan; it is rounded as its file would be, so that arranging the file gives the
            same song.

    Raises:
        PlanError: the plan breaks a rule of :func:`amt.plan.validate`.
        InputError: its style does not exist.
    """
    plan = rounded(plan)
    validate(plan)
    score = write_score(plan, load_style(plan.style))
    tracks = [_track(plan, score, player) for player in score.style.instruments]
    return Song(
        tracks=tuple(track for track in tracks if track.notes),
        tempos=tempo_changes(plan.grid),
        time_signatures=time_signatures(plan.grid),
        key=plan.key,
        end=score.form.end,
        markers=_markers(plan, score.form.end),
        chord_names=tuple(
            TextEvent(region.start, region.chord.spell(plan.key)) for region in score.form.regions
        ),
        title=plan.title,
    )


def _markers(plan: Plan, end: int) -> tuple[TextEvent, ...]:
    sections = [
        TextEvent(s.beat * TICKS_PER_BEAT, f"Section {number} ({s.mood})")
        for number, s in enumerate(plan.sections, 1)
    ]
    cuts = [
        TextEvent(
            round(float(plan.grid.beats_at(cut.time_s)) * TICKS_PER_BEAT),
            f"Cut {number}" + ("" if cut.kind == "cut" else f" ({cut.kind})"),
        )
        for number, cut in enumerate(plan.cuts, 1)
    ]
    inside = [event for event in (*sections, *cuts) if event.tick <= end]
    return tuple(sorted(inside, key=lambda event: event.tick))


def _track(plan: Plan, score: Score, player: Instrument) -> Track:
    rng = np.random.default_rng([plan.seed, ROLES.index(player.role)])
    play = {"harmony": _harmony, "pad": _pad, "arpeggio": _arpeggio, "bass": _bass}[player.role]
    drafts = _in_time(play(score, player), score, rng)
    return Track(
        name=player.name,
        program=player.program,
        notes=_with_velocities(drafts, plan, score, player, rng),
        controls=_controls(plan, score, player),
    )


def _controls(plan: Plan, score: Score, player: Instrument) -> tuple[ControlChange, ...]:
    form = score.form
    controls = [
        ControlChange(0, _VOLUME, player.volume),
        ControlChange(0, _PAN, player.pan),
        *expression_curve(plan.grid, plan.loudness, form.swells(score.style.accent), form.end),
    ]
    if player.pedal:
        lifts = sorted({c.start for c in form.cells} | {r.start for r in form.regions})
        for tick in (t for t in lifts if t <= form.closing):
            controls.append(ControlChange(tick, _PEDAL, 0))
            if score.harmony[form.region_at(tick)] and tick + _PEDAL_DELAY < form.end:
                controls.append(ControlChange(tick + _PEDAL_DELAY, _PEDAL, 127))
        controls.append(ControlChange(form.end, _PEDAL, 0))
    return tuple(sorted(controls))


# The players.


def _harmony(score: Score, player: Instrument) -> list[_Draft]:
    form = score.form
    drafts: list[_Draft] = []
    for stroke in score.strokes():
        length = _length(stroke.end - stroke.start, player.gate, form.cell_at(stroke.start).arousal)
        drafts += [
            _Draft(stroke.start, pitch, stroke.start + length, 3.0 * (pitch == stroke.pitches[-1]))
            for pitch in stroke.pitches
        ]
    return drafts + _closing_chord(score)


def _closing_chord(score: Score) -> list[_Draft]:
    """The last chord: struck together where the music is busy, broken upwards where it is calm."""
    form = score.form
    # Where the pad has held the chords up to the end, it holds the last one too.
    if score.rests(score.textures[form.cell_index(max(form.closing - 1, 0))]):
        return []
    voicing, calm = score.harmony[-1], score.closing_notes < len(score.harmony[-1]) + 2
    if calm and voicing:
        voicing = thin(voicing, form.regions[-1].chord)
    room = (form.end - form.closing) // 2
    gaps = (TICKS_PER_BEAT, TICKS_PER_BEAT // 2, TICKS_PER_BEAT // 4)
    gap = next((gap for gap in gaps if (len(voicing) - 1) * gap <= room), 0) if calm else 0
    return [_Draft(form.closing + i * gap, pitch, form.end) for i, pitch in enumerate(voicing)]


def _pad(score: Score, _: Instrument) -> list[_Draft]:
    return [_Draft(start, pitch, end) for start, end, pitch in score.pad_notes()]


def _arpeggio(score: Score, player: Instrument) -> list[_Draft]:
    form = score.form
    tones = _figure_tones(score, player)
    drafts: list[_Draft] = []
    for beat, rung in enumerate(score.figures):
        ticks = score.figure_ticks(beat)
        if not ticks:
            continue
        cell = form.cell_at(ticks[0])
        step = TICKS_PER_BEAT // _subdivision(rung)
        shapes = _SHAPES[_subdivision(rung)]
        first, answer, _ = score.choices[cell.phrase]
        shape = shapes[(answer if cell.bar % 4 == 2 else first) % len(shapes)]
        ends = [*ticks[1:], (beat + 1) * TICKS_PER_BEAT]
        for tick in sorted(set(ticks)):
            region = form.region_at(tick)
            place = shape[((tick - cell.downbeat) // step) % len(shape)]
            until = next(end for end in ends if end > tick) - tick
            ring = max(until, TICKS_PER_BEAT) if player.gate == 1 else until
            end = min(form.regions[region].end, max(form.closing, tick + 1))
            stop = min(tick + _length(ring, player.gate, cell.arousal), end)
            places = (place, place + 2)[: ticks.count(tick)]
            pitches = {_reflect(tones[region], p) for p in places}
            drafts += [_Draft(tick, pitch, stop) for pitch in sorted(pitches)]
    return drafts + _closing_figure(score, tones[-1])


def _subdivision(notes: int) -> int:
    """Equal parts of a beat on which a figure of so many notes moves."""
    return 1 if notes <= 1 else 2 if notes == 2 else 4


def _closing_figure(score: Score, tones: tuple[int, ...]) -> list[_Draft]:
    """The last chord broken upwards once, in the first half of its time, and left to ring."""
    form = score.form
    spare = round(score.closing_notes) - len(score.harmony[-1]) - 1
    step = next(
        (s for s in (TICKS_PER_BEAT, TICKS_PER_BEAT // 2) if 6 * s <= form.end - form.closing),
        TICKS_PER_BEAT // 4,
    )
    starts = [form.closing + i * step for i in range(min(max(spare, 0), len(tones)))]
    latest = form.closing + (form.end - form.closing) // 2
    return [
        _Draft(start, pitch, form.end)
        for start, pitch in zip(starts, tones, strict=False)
        if start <= latest
    ]


def _bass(score: Score, player: Instrument) -> list[_Draft]:
    form = score.form
    ticks = [t for i, texture in enumerate(score.textures) for t in score.bass_ticks(i, texture)]
    stops = sorted({*ticks, *(r.start for r in form.regions), form.closing})
    drafts: list[_Draft] = []
    for tick in ticks:
        step = stops[bisect_right(stops, tick)] - tick
        cell = form.cell_at(tick)
        figure = _BASS_FIGURES[score.choices[cell.phrase, 2] % len(_BASS_FIGURES)]
        pitch = _bass_pitch(score, player, tick, figure)
        drafts.append(_Draft(tick, pitch, tick + _length(step, player.gate, cell.arousal)))
    last = score.roots[-1]
    return [*drafts, _Draft(form.closing, last - 12 if last - 12 >= player.low else last, form.end)]


def _bass_pitch(score: Score, player: Instrument, tick: int, figure: str) -> int:
    form = score.form
    index = form.region_at(tick)
    region, root = form.regions[index], score.roots[index]
    cell = form.cell_at(tick)
    start = max(region.start, cell.downbeat)
    rhythm = score.textures[form.cell_index(tick)].bass
    if tick == start or region.chord.root is None or rhythm in {"hold", "bar"}:
        return root
    leading = index + 1 < len(form.regions) and region.end - tick <= TICKS_PER_BEAT
    if leading and rhythm in {"beat", "eighth"} and region.end - start >= 2 * TICKS_PER_BEAT:
        return _approach(score, player, root, score.roots[index + 1])
    fifth = bass_fifth(root, region.chord, player.low, player.high)
    if rhythm == "half":
        return fifth
    octave = root + 12 if root + 12 <= player.high else root
    beat = (tick - start) // TICKS_PER_BEAT
    return {"r": root, "f": fifth, "o": octave}[figure[beat % len(figure)]]


def _approach(score: Score, player: Instrument, root: int, target: int) -> int:
    """A step of the key (or failing that a semitone) from which the next root is reached."""
    near = [target + i for i in (-2, -1, 1, 2) if player.low <= target + i <= player.high]
    in_key = [n for n in near if n % 12 in score.key.scale]
    return min(in_key or near, key=lambda n: (abs(n - root), n))


def _figure_tones(score: Score, player: Instrument) -> list[tuple[int, ...]]:
    """[regions] the rising chord tones of the figures: above the harmony, near the chord before."""
    form = score.form
    tones: list[tuple[int, ...]] = []
    room = player.high - player.low - 14
    anchor: float | None = None
    section = 0
    for region, voicing in zip(form.regions, score.harmony, strict=True):
        cell = form.cell_at(region.start)
        if cell.section != section:  # a new idea: the figures leap to their new place
            section, anchor = cell.section, None
        lift = np.clip(0.35 + 0.3 * cell.arousal + 0.15 * cell.valence, 0, 1)
        lift = float(np.clip(lift + score.shifts[cell.section] / 12, 0, 1))
        if not voicing:
            tones.append(())
            continue
        goal = max(player.low + room * lift, min(voicing[-1], player.low + room))
        wish = goal if anchor is None else (goal + anchor) / 2
        starts = chord_tones(region.chord, player.low, player.high - 12, 99)
        anchor = float(min(starts, key=lambda n: (abs(n - wish), n)))
        tones.append(chord_tones(region.chord, int(anchor), player.high, _TONES))
    return tones


def _reflect(tones: tuple[int, ...], place: int) -> int:
    """The tone at a place, turning back at the top of the range."""
    top = len(tones) - 1
    place %= 2 * top
    return tones[place if place <= top else 2 * top - place]


# From drafts to notes.


def _length(step: int, gate: float, arousal: float) -> int:
    """Ticks that a note sounds of its step: shorter when excited, legato when calm or long."""
    if step >= 2 * TICKS_PER_BEAT:
        gate = max(gate, 0.97)
    elif arousal > 0:
        gate *= 1 - 0.35 * arousal
    else:
        gate += (1 - gate) * -arousal
    return max(round(step * min(gate, 1.0)), min(step, 30))


def _in_time(drafts: list[_Draft], score: Score, rng: np.random.Generator) -> list[_Draft]:
    """Swing and a little freedom off the beat; notes on a beat stay exactly there."""
    swing = score.style.swing
    end = score.form.end

    def swung(tick: int) -> int:
        beat, rest = divmod(tick, TICKS_PER_BEAT)
        share = rest / TICKS_PER_BEAT
        share = share * 2 * swing if share <= 0.5 else swing + (share - 0.5) * 2 * (1 - swing)
        return min(beat * TICKS_PER_BEAT + round(share * TICKS_PER_BEAT), end)

    jitter = rng.integers(-_MOST_JITTER, _MOST_JITTER + 1, size=len(drafts))
    moved: list[_Draft] = []
    for draft, stray in zip(drafts, jitter, strict=True):
        start, stop = swung(draft.start), swung(draft.end)
        if draft.start % TICKS_PER_BEAT and start + int(stray) < min(stop, end):
            start += int(stray)
        moved.append(draft._replace(start=start, end=max(stop, min(start + 1, end))))
    return moved


def _without_overlaps(drafts: list[_Draft]) -> list[_Draft]:
    """A note that is struck again ends there; of two that begin together the longer stays."""
    pitches: dict[int, list[_Draft]] = defaultdict(list)
    for draft in sorted(drafts, key=lambda d: (d.start, -d.end)):
        sounding = pitches[draft.pitch]
        if sounding and sounding[-1].start == draft.start:
            continue
        if sounding and sounding[-1].end > draft.start:
            sounding[-1] = sounding[-1]._replace(end=draft.start)
        sounding.append(draft)
    return sorted(draft for notes in pitches.values() for draft in notes)


def _with_velocities(
    drafts: list[_Draft], plan: Plan, score: Score, player: Instrument, rng: np.random.Generator
) -> tuple[Note, ...]:
    drafts = _without_overlaps(drafts)
    form = score.form
    starts = np.array([draft.start for draft in drafts], dtype=np.float64)
    seconds = plan.grid.seconds_at(starts / TICKS_PER_BEAT)
    swells = form.swells(score.style.accent)
    values = velocity(level_at(seconds, plan.loudness, swells)) + _ROLE_VELOCITY[player.role]
    values += np.array([draft.accent + _accent(score, draft.start) for draft in drafts])
    values += np.clip(rng.normal(0, _VELOCITY_SPREAD, len(drafts)), -4, 4)
    velocities: FloatArray = np.clip(np.rint(values), 1, 127)
    return tuple(
        Note(draft.start, draft.pitch, draft.end, int(v))
        for draft, v in zip(drafts, velocities, strict=True)
    )


def _accent(score: Score, tick: int) -> float:
    form = score.form
    hit = _HIT_ACCENT * score.style.accent * form.stress_at(tick)
    if form.cell_at(tick).downbeat == tick:
        return _DOWNBEAT_ACCENT + hit
    return (_OFFBEAT_ACCENT if tick % TICKS_PER_BEAT else _BEAT_ACCENT) + hit
