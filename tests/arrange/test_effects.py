"""Effect sizes of the rules of arranging: each constant on against off, with direction and size.

A row of :data:`EFFECTS` names a constant, a value that switches its rule off, a measure of the
music and the least difference that the rule makes to it: measure(on) - measure(off).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from amt.arrange import (
    arrange,
    chord_voices,
    drums,
    form,
    harmony_voices,
    load_style,
    patterns,
    phrasing,
    score,
    textures,
    tracks,
)
from amt.arrange.score import Score, write_score
from amt.chords import Chord, parse_chord
from amt.types import Accent, Cut, Note, Plan
from tests.arrange.plan_strategies import make_plan
from tests.arrange.test_patterns import tracks_of

BEAT = 480
CUT = make_plan(24, density=8, chords="Am", every=100, cuts=(Cut(12.0, 1.0),))
"""A strong cut on the downbeat at 12 s: beat 24, tick 11520."""
PEAK = make_plan(24, density=8, chords="Am", every=100, accents=(Accent(13.0, 1.0),))
"""A strong peak of movement on a beat that is no downbeat: beat 26, tick 12480."""
PLAIN = make_plan(64, density=9, chords="Am F C G Dm7 G7 Cmaj7 E7")
WEAK_CUT = replace(CUT, cuts=(Cut(12.0, 0.3),))
AMBIENT = make_plan(64, density=9, chords="Am F C G", style="ambient", mood="exciting")
BAND = make_plan(64, density=3, chords="Am F C G", style="band", mood="exciting")
TRIADS = "C F G Am Dm Em F G C Am F Dm G Em Am F"


def notes_of(plan: Plan, *roles: str) -> list[Note]:
    found = tracks_of(arrange(plan), plan.style)
    return [note for role in roles or found for note in found[role]]


def score_of(plan: Plan) -> Score:
    return write_score(plan, load_style(plan.style))


def mean_velocity(plan: Plan, choose: Callable[[int], bool], *roles: str) -> float:
    return float(np.mean([n.velocity for n in notes_of(plan, *roles) if choose(n.start)]))


def velocity_at(plan: Plan, beat: int) -> float:
    return mean_velocity(plan, lambda tick: tick == beat * BEAT)


def expression_at(plan: Plan, beat: int) -> float:
    """CC 11 of strings."""
    controls = arrange(replace(plan, style="strings")).tracks[0].controls
    values = [c.value for c in controls if c.number == 11 and c.tick <= beat * BEAT]
    return values[-1]


def mean_pitch(plan: Plan, role: str) -> float:
    return float(np.mean([n.pitch for n in notes_of(plan, role)]))


def mean_length(plan: Plan, role: str) -> float:
    return float(np.mean([n.end - n.start for n in notes_of(plan, role)]))


def off_beat_share(plan: Plan, role: str) -> float:
    """Share of notes nearer to an off-beat eighth than to a beat."""
    return float(np.mean([120 < n.start % BEAT < 360 for n in notes_of(plan, role)]))


def off_grid_share(plan: Plan) -> float:
    """Share of the off-beat notes of the arpeggio that are not on a sixteenth."""
    ticks = [n.start % 120 for n in notes_of(plan, "arpeggio") if n.start % BEAT]
    return float(np.mean([tick != 0 for tick in ticks]))


def voicings_of(chords: str, centre: float = 62.0) -> list[tuple[int, ...]]:
    names = [parse_chord(name) for name in chords.split()]
    return harmony_voices.lead_voices(names, 4, 50, 76, np.full(len(names), centre))


def doubled_thirds() -> float:
    names = TRIADS.split()
    pairs = zip(names, voicings_of(TRIADS), strict=True)
    return sum(
        sum(n % 12 == parse_chord(name).pitch_classes[1] for n in notes) > 1
        for name, notes in pairs
    )


def clashes() -> float:
    led = voicings_of("Cmaj7 Fmaj7 Bbmaj7 Ebmaj7 Abmaj7 Dbmaj7 Gbmaj7 Bmaj7 Emaj7 Amaj7")
    return sum(b - a == 1 for notes in led for a, b in pairwise(notes))


def wide_gaps() -> float:
    led = voicings_of(TRIADS)
    return sum(max(b - a - 5, 0) for notes in led for a, b in pairwise(notes))


def distance_from_centre(centre: float) -> float:
    return float(np.mean(np.abs(np.mean(voicings_of(TRIADS, centre), axis=1) - centre)))


def bass_of(roots: list[int]) -> list[int]:
    chords = [Chord(root, "maj") for root in roots]
    return harmony_voices.bass_line(chords, [False] * len(roots), 24, 59, 41.0)


def bass_notes() -> list[int]:
    return bass_of([10, 11, 10, 11, 0, 11, 10])


def bass_motion() -> float:
    return float(np.abs(np.diff(bass_notes())).sum())


def bass_distance() -> float:
    notes = bass_of([0, 5, 10, 3, 8, 1, 6, 11, 4, 9, 2, 7] * 2)
    return float(np.abs(np.array(notes) - 41).sum())


def rungs(wanted: list[float], free: int = 0) -> list[int]:
    """Rungs of cells whose textures have 1, 3, 5 ... onsets, where ``wanted`` are asked."""
    counts = np.tile(1.0 + 2 * np.arange(len(textures.LADDER)), (len(wanted), 1))
    starts = [bool(free) and i % free == 0 for i in range(len(wanted))]
    return textures.choose_textures(counts, np.array(wanted), starts)


def texture_changes(free: int = 0) -> float:
    noisy = np.random.default_rng(0).uniform(9, 15, 40).tolist()
    return sum(a != b for a, b in pairwise(rungs(noisy, free)))


def largest_level_jump() -> float:
    levels = [textures.LADDER[rung].level for rung in rungs([1.0] * 4 + [27.0] * 4)]
    return max(abs(a - b) for a, b in pairwise(levels))


def arpeggio_counts(beats: int = 40) -> list[int]:
    rng = np.random.default_rng(1)
    return textures.choose_arpeggio_counts(
        np.zeros(beats), rng.uniform(0, 6, beats), np.full(beats, 8), [False] * beats
    )


def count_motion() -> float:
    return float(np.abs(np.diff(arpeggio_counts())).sum())


def count_error() -> float:
    wanted = np.random.default_rng(1).uniform(0, 6, 40)
    return float(np.abs(np.array(arpeggio_counts()) - wanted).sum())


def pad_voices(density: float) -> float:
    return float(np.mean([len(v) for v in score_of(thin_pad(density)).pad[:-1]]))


def thin_pad(density: float) -> Plan:
    return make_plan(32, density=density, style="strings", chords="Am F C G")


def mean_voices(mood: str) -> float:
    scored = score_of(make_plan(64, density=12, mood=mood, chords="Am F C G"))
    return float(np.mean([len(v) for i in range(20) for v in chords_in(scored, i)]))


def chords_in(scored: Score, index: int) -> list[tuple[int, ...]]:
    full = textures.LADDER[6]
    return [scored.chord_at(hit.start, full) for hit in scored.chord_hits(index, full)]


def moved(mood: str) -> Plan:
    return replace(PLAIN, emotion=make_plan(64, mood=mood).emotion)


def section_shifts() -> float:
    return float(np.mean([np.ptp(chord_voices.section_shifts(6, seed)) for seed in range(10)]))


def first_cells(beats_per_bar: int, bpm: float) -> int:
    plan = make_plan(32, bpm=bpm, beats_per_bar=beats_per_bar)
    return sum(cell.phrase == 0 for cell in form.form_of(plan).cells)


def last_chord_s(duration_s: float) -> float:
    plan = make_plan(duration_s, chords="Am", every=100)
    ending = form.form_of(plan).ending / BEAT
    return duration_s - float(plan.grid.seconds_at(ending))


def drum_notes(key: int, **wishes: object) -> list[Note]:
    plan = make_plan(32, **{"style": "band", "mood": "exciting", "density": 16.0} | wishes)
    return [n for t in arrange(plan).tracks if t.is_drum for n in t.notes if n.pitch == key]


def ghosts() -> list[Note]:
    return [n for n in drum_notes(drums.SNARE) if n.start % BEAT]


def fill_growth() -> float:
    """Velocity of the last sixteenth of a two-beat fill minus that of its first."""
    plan = make_plan(
        32, style="band", mood="exciting", density=16.0, cuts=(Cut(16.0, 1.0),), loudness=0.05
    )
    toms = {drums.SNARE, drums.HIGH_TOM, drums.MIDDLE_TOM, drums.LOW_TOM}
    fills = [
        n.velocity - drums._ACCENTS[n.pitch]
        for t in arrange(plan).tracks
        if t.is_drum
        for n in t.notes
        if 30 * BEAT <= n.start < 32 * BEAT and n.pitch in toms
    ]
    half = len(fills) // 2
    return float(np.mean(fills[half:]) - np.mean(fills[:half]))


def hat_accent() -> float:
    hats = [n for n in drum_notes(drums.CLOSED_HAT, density=9.0)]
    on = np.mean([n.velocity for n in hats if n.start % BEAT == 0])
    return float(on - np.mean([n.velocity for n in hats if n.start % BEAT]))


def onsets_at(plan: Plan, beat: int, role: str) -> float:
    return sum(n.start == beat * BEAT for n in notes_of(plan, role))


def thin_strings_at_a_cut() -> float:
    """Notes of a harmony that rests, because the pad holds the chords, on a strong cut."""
    plan = replace(CUT, style="strings", density=np.full(24, 2.0))
    return sum(n.start == 24 * BEAT for n in tracks_of(arrange(plan), "strings").get("harmony", ()))


def pedal_delay() -> float:
    """Ticks from a lift of the pedal to the next time that it goes down."""
    events = [c for c in arrange(PLAIN).tracks[0].controls if c.number == 64]
    return float(np.mean([b.tick - a.tick for a, b in pairwise(events) if a.value < b.value]))


def contrast() -> float:
    """Share of phrases whose third bar has other arpeggio pitches than the first."""
    plan = make_plan(64, density=8, chords="Am", every=100, style="strings")
    notes = notes_of(plan, "arpeggio")
    bars = [[n.pitch for n in notes if n.start // (4 * BEAT) == bar] for bar in range(28)]
    return float(np.mean([bars[i] != bars[i + 2] for i in range(0, 28, 4)]))


def shortest_step_s() -> float:
    """Seconds between the closest onsets of the arpeggio at 230 bpm."""
    plan = make_plan(20, bpm=230, density=40.0, chords="Am", every=100)
    ticks = np.unique([n.start for n in notes_of(plan, "arpeggio")])
    return float(np.diff(ticks).min()) / BEAT * 60 / 230


def kicks_with_the_bass() -> float:
    """Share of bass drums that begin with a bass note, over ten seeds."""
    shares = []
    for seed in range(10):
        plan = make_plan(32, style="band", mood="exciting", density=14.0, seed=seed)
        bass = {note.start for note in score_of(plan).bass_notes()}
        kicks = [n for t in arrange(plan).tracks if t.is_drum for n in t.notes if n.pitch == 36]
        shares.append(np.mean([n.start in bass for n in kicks]))
    return float(np.mean(shares))


def kicks_of_busy_bars() -> float:
    return len(drum_notes(drums.KICK, density=30.0))


def turns() -> float:
    """Toms in music without arrivals."""
    toms = (drums.HIGH_TOM, drums.MIDDLE_TOM, drums.LOW_TOM)
    return sum(len(drum_notes(key)) for key in toms)


def excited_hats() -> float:
    return len(drum_notes(drums.CLOSED_HAT, density=12.0))


def distinct_ghost_bars() -> float:
    bars: dict[int, set[int]] = {}
    for note in ghosts():
        bars.setdefault(note.start // (4 * BEAT), set()).add(note.start % (4 * BEAT))
    return len({frozenset(steps) for steps in bars.values()})


class Effect(NamedTuple):
    module: ModuleType
    name: str
    off: object
    measure: Callable[[], float]
    least: float
    """Least measure(on) - measure(off); a negative one is the least decrease."""


def per_tick(tick: int) -> bool:
    return tick % (4 * BEAT) == 0


def mean_off_beat_velocity() -> float:
    return mean_velocity(PLAIN, lambda tick: tick % BEAT > 60)


def velocity_spread() -> float:
    hats = drum_notes(drums.CLOSED_HAT, density=9.0)
    return float(np.std([n.velocity for n in hats if n.start % (4 * BEAT) == 0]))


def mean_chord_velocity() -> float:
    return mean_velocity(PLAIN, lambda _: True, "harmony")


def bass_at_the_peak() -> float:
    return onsets_at(replace(PEAK, density=np.full(24, 1.0)), 26, "bass")


def excited_chord_pitch() -> float:
    return mean_pitch(moved("exciting"), "harmony")


def sad_chord_pitch() -> float:
    return mean_pitch(moved("sad"), "harmony")


def syncopated_share() -> float:
    """Share of chords off the beat in a syncopated style without figures of its own."""
    style = replace(load_style("band"), chords={})
    onsets = write_score(moved("exciting"), style).chord_onsets()
    return float(np.mean([onset.start % BEAT != 0 for onset in onsets]))


def phrase_growth() -> float:
    """Velocity of chords in the third bar of a phrase minus that in its first and last."""

    def level(*bars: int) -> float:
        return mean_velocity(PLAIN, lambda tick: tick // (4 * BEAT) % 4 in bars, "harmony")

    return level(2) - level(0, 3)


EFFECTS = [
    # Dynamics: velocity steps, CC 11 values.
    Effect(tracks, "_HIT_ACCENT", 0.0, lambda: velocity_at(CUT, 24), 10),
    Effect(form, "ACCENT_SHARE", 0.0, lambda: velocity_at(PEAK, 26), 6),
    Effect(form, "CRESCENDO_DB", 0.0, lambda: expression_at(CUT, 24), 7),
    Effect(form, "CRESCENDO_DB", 0.0, lambda: velocity_at(CUT, 24), 6),
    Effect(form, "PUSH_DB", 0.0, lambda: expression_at(PEAK, 26), 4),
    Effect(phrasing, "ARCH_DB", 0.0, phrase_growth, 2),
    Effect(tracks, "_DOWNBEAT_ACCENT", 1.0, lambda: mean_velocity(PLAIN, per_tick), 4),
    Effect(tracks, "_OFFBEAT_ACCENT", 1.0, mean_off_beat_velocity, -4),
    Effect(tracks, "_VELOCITY_SPREAD", 0.0, velocity_spread, 1),
    Effect(patterns, "_TOP_ACCENT", 0.0, mean_chord_velocity, 0.6),
    Effect(form, "WEAK", 0.9, lambda: velocity_at(WEAK_CUT, 24), 3),
    Effect(form, "STRONG_ACCENT", 2.0, bass_at_the_peak, 1),
    Effect(score, "_PLAIN_ACCENT", 9.0, thin_strings_at_a_cut, 3),
    # Timing: shares, ticks, seconds.
    Effect(score, "_LIVELY", 2.0, syncopated_share, 0.1),
    Effect(tracks, "_PEDAL_DELAY", 0, pedal_delay, 20),
    Effect(textures, "SHORTEST_STEP_S", 0.0, shortest_step_s, 0.02),
    Effect(patterns, "_CONTRASTING_BAR", 9, contrast, 0.5),
    Effect(tracks, "_MOST_JITTER", 0, lambda: off_grid_share(PLAIN), 0.5),
    # Form.
    Effect(form, "PHRASE_BARS", 16, lambda: first_cells(4, 120), -12),
    Effect(form, "SLOW_BAR_S", 28.0, lambda: first_cells(4, 60), 4),
    Effect(form, "MIN_ENDING_S", 0.0, lambda: last_chord_s(16.5), 1.5),
    # Voices: counts, semitones.
    Effect(harmony_voices, "_DOUBLED_THIRD_COST", 0.0, doubled_thirds, -2),
    Effect(harmony_voices, "_SEMITONE_COST", 0.0, clashes, -2),
    Effect(harmony_voices, "_SPREAD_COST", 0.0, wide_gaps, -3),
    Effect(harmony_voices, "_CENTRE_WEIGHT", 0.0, lambda: distance_from_centre(58.0), -1),
    Effect(harmony_voices, "_BASS_MOTION_WEIGHT", 0.0, bass_motion, -10),
    Effect(harmony_voices, "_BASS_CENTRE_WEIGHT", 0.0, bass_distance, -10),
    # Textures: changes of rung or of notes.
    Effect(textures, "_MOVE_COST", 0.0, texture_changes, -5),
    Effect(textures, "_FREE_MOVE_SHARE", 5.0, lambda: texture_changes(1), 4),
    Effect(textures, "_LEVEL_JUMP_COST", 0.0, largest_level_jump, -1),
    Effect(textures, "_STEP_COST", 0.0, count_motion, -4),
    Effect(textures, "_LARGEST_STEP", 8, count_motion, -3),
    Effect(textures, "_BEAT_WEIGHT", 0.0, count_error, -3),
    # Register and number of voices: semitones, voices.
    Effect(chord_voices, "AROUSAL_SEMITONES", 0.0, excited_chord_pitch, 1),
    Effect(chord_voices, "VALENCE_SEMITONES", 0.0, sad_chord_pitch, -0.5),
    Effect(score, "BASS_AROUSAL_SEMITONES", 0.0, lambda: mean_pitch(moved("exciting"), "bass"), -1),
    Effect(chord_voices, "REGISTERS", (-1, 0, 1), section_shifts, 4),
    Effect(chord_voices, "THIN_DENSITY", 0.0, lambda: pad_voices(3.0), -1),
    Effect(score, "_SUBDUED", -2.0, lambda: mean_voices("sad"), -0.8),
    Effect(patterns, "_LIFT_AROUSAL", 0.0, lambda: mean_pitch(AMBIENT, "arpeggio"), 1),
    Effect(patterns, "_LIFT_VALENCE", 0.0, lambda: mean_pitch(moved("sad"), "arpeggio"), -0.3),
    # Articulation: ticks.
    Effect(patterns, "_GATE_AROUSAL", 0.0, lambda: mean_length(moved("exciting"), "arpeggio"), -20),
    Effect(patterns, "_LONG_GATE", 0.0, lambda: mean_length(BAND, "harmony"), 100),
    # Drums.
    Effect(drums, "_GHOSTS", 0.0, lambda: len(ghosts()), 4),
    Effect(drums, "_GHOST_ACCENT", 0.0, lambda: np.mean([n.velocity for n in ghosts()]), -20),
    Effect(drums, "_FILL_GROWTH", 0.0, fill_growth, 2),
    Effect(drums, "_EIGHTH_ACCENT", 0.0, hat_accent, 1.5),
    Effect(drums, "_GHOST_SPREAD", 0.0, lambda: np.std([n.velocity for n in ghosts()]), 1),
    Effect(drums, "_LOCK", 0.0, kicks_with_the_bass, 0.05),
    Effect(drums, "_KICK_COUNT_COST", 0.0, kicks_of_busy_bars, 4),
    Effect(drums, "_TURN_FILLS", 0.0, turns, 2),
    Effect(drums, "_EXCITED", 2.0, excited_hats, 20),
    Effect(drums, "_RENEWED", 0.0, distinct_ghost_bars, 3),
    Effect(drums, "THIN", 0.0, lambda: len(drum_notes(drums.RIM, density=1.0)), -8),
]  # fmt: skip


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name.strip("_").lower())
def test_a_rule_has_its_effect(effect: Effect, monkeypatch: pytest.MonkeyPatch) -> None:
    on = effect.measure()
    monkeypatch.setattr(effect.module, effect.name, effect.off)
    difference = on - effect.measure()
    assert difference * np.sign(effect.least) >= abs(effect.least)
