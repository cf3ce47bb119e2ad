"""Draft notes → tracks → song: what both arrangers share.

An arranger writes drafts, which are notes on the grid without a velocity. This module adds timing
(swing, and humanisation of notes off the beat), velocities (the plan's loudness, stress on cuts and
peaks of movement, metre) and the controllers of the instrument; the song gets tempo map, markers
and chord names.

Ticks are 480 to the beat, velocities are MIDI steps. Constants without a source were set by hand;
``tests/arrange/test_effects.py`` states the least effect of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from amt.arrange.density import with_density
from amt.arrange.draft import Draft as Draft
from amt.arrange.dynamics import (
    DECAYING_PROGRAMS,
    STRUCK_GROWTH,
    Balance,
    Crescendo,
    balance,
    expression_curve,
    note_levels,
)
from amt.arrange.lead_in_notes import lead_in_notes, with_rests
from amt.arrange.metre import swung
from amt.arrange.mix import balanced
from amt.arrange.phrasing import note_db, phrase_arch_db
from amt.arrange.score import Score
from amt.arrange.strong_cuts import with_strong_cuts_struck
from amt.arrange.struck_cuts import with_cuts_struck
from amt.arrange.styles import Instrument
from amt.timing import tempo_changes, time_signatures
from amt.types import (
    TICKS_PER_BEAT,
    ControlChange,
    Feel,
    FloatArray,
    KeyChange,
    Note,
    Plan,
    Song,
    TextEvent,
    Track,
)

_FEEL_NAME: Mapping[Feel, str] = {"half": " half-time", "normal": "", "double": " double-time"}
"""What the marker of a section says of its feel."""
_VOLUME, _PAN, _PEDAL = 7, 10, 64
"""MIDI controller numbers of channel volume, pan and sustain pedal."""
_PEDAL_DELAY = 30
"""Ticks after a chord change at which the pedal goes down again, after the old chord."""

_ROLE_VELOCITY = {
    "melody": 2.0, "counter": -5.0, "accompaniment": -8.0, "harmony": -8.0, "arpeggio": -3.0,
    "pad": -14.0, "bass": 0.0, "drums": 0.0,
}  # fmt: skip
"""Velocity steps of each role against the plan's level: melody and bass in front, pad behind."""
_LEADING_ROLES = ("melody", "counter")
"""Roles that are silent while somebody speaks: a melody competes with a voice for attention."""
_STREAM = {
    "harmony": 0, "arpeggio": 1, "pad": 2, "bass": 3, "drums": 4,
    "melody": 5, "counter": 6, "accompaniment": 7,
}  # fmt: skip
"""Number of the random stream of each role, so that a role's draws do not depend on the others."""
_DOWNBEAT_ACCENT, _BEAT_ACCENT, _OFFBEAT_ACCENT = 6.0, 1.0, -4.0
"""Velocity steps by metrical position."""
_HIT_ACCENT = 14.0
"""Velocity steps of a note on a cut of strength 1, in a style of accent 1."""
_VELOCITY_SPREAD, _MOST_SPREAD = 2.0, 4.0
"""Velocity steps of random differences between notes: standard deviation and limit."""
_MOST_JITTER = 4
"""Ticks by which notes off the beat are moved at random at most: 4 ms at 120 bpm, below the
asynchronies of about 30 ms in ensemble playing (Rasch, Acustica 43, 1979)."""
_JITTER_STEP = TICKS_PER_BEAT // 12
"""Ticks that one random difference of timing holds for: a triplet sixteenth."""
_SHORTEST_S = 0.06
"""Seconds that a note of a pitched instrument sounds at least: repeated notes of a pianist's
fastest finger last about as long (set by hand; the network writes lengths down to 1/12 beat)."""


def song_of(plan: Plan, score: Score, tracks: Iterable[Track]) -> Song:
    """Return the song of a plan, its cuts struck; tracks without notes are left out."""
    played = with_strong_cuts_struck(score, [track for track in tracks if track.notes])
    played = [track for track in with_density(plan, score, played) if track.notes]
    struck = with_cuts_struck(plan, score, played)
    names = _melody_names(plan, score)
    return Song(
        tracks=tuple(balanced(struck, names, score.style.melody_lead, plan.grid, score.form.end)),
        tempos=tempo_changes(plan.grid),
        time_signatures=time_signatures(plan.grid),
        key=plan.key_at(0),
        key_changes=tuple(
            KeyChange(beat * TICKS_PER_BEAT, key)
            for beat, key in plan.key_changes()
            if beat * TICKS_PER_BEAT < score.form.end
        ),
        end=score.form.end,
        markers=_markers(plan, score.form.end),
        chord_names=tuple(
            TextEvent(region.start, region.chord.spell(plan.key_at(region.start / TICKS_PER_BEAT)))
            for region in score.form.regions
        ),
        title=plan.title,
    )


def _melody_names(plan: Plan, score: Score) -> tuple[str, ...]:
    """Names that the tracks of a melody may have; none where the patterns play."""
    if plan.arrangement.arranger == "patterns" or not plan.arrangement.melody:
        return ()
    players = score.style.instruments
    names = tuple(player.name for player in players if player.role == "melody")
    stand_in = score.style.instrument("arpeggio") or score.style.instrument("harmony")
    if names or stand_in is None:
        return names
    chords = score.style.instrument("accompaniment") or score.style.instrument("harmony")
    is_shared = chords is not None and chords.name == stand_in.name
    return (f"{stand_in.name} melody",) if is_shared else (stand_in.name,)


def track_of(
    plan: Plan,
    score: Score,
    player: Instrument,
    drafts: Sequence[Draft],
    seed: int,
    in_time: Sequence[Draft] = (),
) -> Track:
    """Return the track of an instrument, with timing, velocities and controllers.

    Args:
        plan: of the piece.
        score: of the same plan.
        player: the instrument; drums have swing but no random timing.
        drafts: on the grid, in any order; notes that overlap on one pitch are cut.
        seed: of the random differences of timing and velocity.
        in_time: more drafts, whose timing is final.
    """
    is_drum = player.role == "drums"
    if not is_drum:  # a fill leads to the cut
        drafts = lead_in_notes(drafts, score, player, plan)
    drafts = with_rests(drafts, score.form.pauses)
    if player.role in _LEADING_ROLES:
        drafts = with_rests(drafts, score.form.speech)
    rng = np.random.default_rng([seed, _STREAM[player.role]])
    humanize = plan.arrangement.humanize
    moved = _in_time(drafts, score, rng, 0 if is_drum else round(humanize * _MOST_JITTER))
    if not is_drum:
        rests = [*score.form.rests(), *(score.form.speech if player.role in _LEADING_ROLES else ())]
        moved = _playable(moved, plan, score.form.end, rests)
    placed = _without_overlaps([*moved, *in_time])
    crescendi = crescendi_of(score, player)
    split = balance(player.program, is_drum, plan.loudness, crescendi)
    return Track(
        name=player.name,
        program=player.program,
        notes=_with_velocities(placed, plan, score, player, split, rng),
        controls=_controls(plan, score, player, split),
        is_drum=is_drum,
    )


def crescendi_of(score: Score, player: Instrument) -> tuple[Crescendo, ...]:
    """The crescendi of an instrument: higher where its notes decay, as only new ones can rise."""
    decays = player.role != "drums" and player.program in DECAYING_PROGRAMS
    return score.form.crescendi(score.style.accent * (STRUCK_GROWTH if decays else 1.0))


def _markers(plan: Plan, end: int) -> tuple[TextEvent, ...]:
    sections = [
        TextEvent(
            s.beat * TICKS_PER_BEAT,
            f"Section {number} {s.label} ({s.mood}){_FEEL_NAME[s.feel]}".replace("  ", " "),
        )
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


def _controls(
    plan: Plan, score: Score, player: Instrument, split: Balance
) -> tuple[ControlChange, ...]:
    form = score.form
    crescendi = crescendi_of(score, player)
    arch = partial(phrase_arch_db, form, player.role)
    controls = [
        ControlChange(0, _VOLUME, player.volume),
        ControlChange(0, _PAN, player.pan),
        *expression_curve(plan.grid, plan.loudness, crescendi, form.end, split, arch),
    ]
    if player.pedal:
        rests = form.rests()
        lifts = {c.start for c in form.cells} | {r.start for r in form.regions}
        lifts |= {tick for rest in rests for tick in rest}
        for tick in (t for t in sorted(lifts) if t <= form.ending):
            controls.append(ControlChange(tick, _PEDAL, 0))
            if any(start <= tick < end for start, end in rests):
                continue
            if score.harmony[form.region_at(tick)] and tick + _PEDAL_DELAY < form.end:
                controls.append(ControlChange(tick + _PEDAL_DELAY, _PEDAL, 127))
        controls.append(ControlChange(form.end, _PEDAL, 0))
    return tuple(sorted(controls))


def _in_time(
    drafts: Sequence[Draft], score: Score, rng: np.random.Generator, most_jitter: int
) -> list[Draft]:
    """The drafts with swing and random timing off the beat; notes on a beat stay exactly there."""
    swing, end = score.style.swing, score.form.end
    # Drawn by time, not by note: parts of one role that double one another begin together.
    jitter = rng.integers(-most_jitter, most_jitter + 1, size=end // _JITTER_STEP + 1)
    moved: list[Draft] = []
    for draft in drafts:
        stray = jitter[draft.start // _JITTER_STEP]
        # Where the clip cuts the last beat short, swing could take a note beyond the music.
        start = min(swung(draft.start, swing), end - 1)
        stop = min(swung(draft.end, swing), end)
        if draft.start % TICKS_PER_BEAT and start + int(stray) < min(stop, end):
            start += int(stray)
        moved.append(draft._replace(start=start, end=max(stop, min(start + 1, end))))
    return moved


def _playable(
    drafts: list[Draft], plan: Plan, end: int, rests: Sequence[tuple[int, int]]
) -> list[Draft]:
    """The drafts, none shorter than :data:`_SHORTEST_S`; those that a rest leaves shorter go.

    Args:
        drafts: in time.
        plan: of the piece.
        end: of the music, in ticks, which may cut a note shorter.
        rests: start and end of each, in ticks.
    """
    if not drafts:
        return drafts
    starts = np.array([draft.start for draft in drafts], dtype=np.float64)
    least_s = plan.grid.seconds_at(starts / TICKS_PER_BEAT) + _SHORTEST_S
    least = np.ceil(plan.grid.beats_at(least_s) * TICKS_PER_BEAT).astype(int).tolist()
    edges = sorted(start for start, _ in rests)
    limits = np.append(np.array(edges, dtype=np.int64), 2 * end + 1)
    nexts = limits[np.searchsorted(edges, starts, side="right")].tolist()
    return [
        draft._replace(end=max(draft.end, min(tick, end)))
        for draft, tick, limit in zip(drafts, least, nexts, strict=True)
        if min(tick, end) <= limit
    ]


def _without_overlaps(drafts: list[Draft]) -> list[Draft]:
    """The drafts without overlaps on one pitch; of two that begin together the longer stays."""
    pitches: dict[int, list[Draft]] = defaultdict(list)
    for draft in sorted(drafts, key=lambda d: (d.start, -d.end)):
        sounding = pitches[draft.pitch]
        if sounding and sounding[-1].start == draft.start:
            continue
        if sounding and sounding[-1].end > draft.start:
            sounding[-1] = sounding[-1]._replace(end=draft.start)
        sounding.append(draft)
    return sorted(draft for notes in pitches.values() for draft in notes)


def _with_velocities(
    drafts: list[Draft],
    plan: Plan,
    score: Score,
    player: Instrument,
    split: Balance,
    rng: np.random.Generator,
) -> tuple[Note, ...]:
    form = score.form
    ticks = np.array([(d.start, d.end) for d in drafts], dtype=np.float64).reshape(-1, 2)
    starts_s, ends_s = plan.grid.seconds_at(ticks.T / TICKS_PER_BEAT)
    crescendi = crescendi_of(score, player)
    levels = note_levels(split, starts_s, ends_s, plan.loudness, crescendi)
    levels += phrase_arch_db(form, player.role, ticks[:, 0])
    levels += note_db(player.role, drafts)
    values = split.velocity(levels)
    values += _ROLE_VELOCITY[player.role]
    values += np.array([draft.accent + _accent(score, draft.start) for draft in drafts])
    strays = np.clip(rng.normal(0, _VELOCITY_SPREAD, len(drafts)), -_MOST_SPREAD, _MOST_SPREAD)
    values += plan.arrangement.humanize * strays
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
