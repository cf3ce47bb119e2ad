"""The plan of the harmony of a piece: where every phrase goes.

Phrases of one label go through the same degrees up to their cadences, in the key and with the
harmonic rhythm of their section and mood (:mod:`amt.compose.mood_harmony`). Degrees are a
suggestion: :mod:`amt.compose.harmony` turns them into log-odds, and the composer chooses chords
inside them; the dominants of cadences and chords from outside the key must come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise

import numpy as np

from amt.chords import Key, Mode
from amt.compose.chromatic import with_applied_dominant, with_borrowed_chord, with_pedal_point
from amt.compose.grid import Slot
from amt.compose.mood_harmony import (
    CHANGES_OF_BAR,
    MOOD_HARMONY,
    HarmonicRhythm,
    MoodHarmony,
)
from amt.compose.phrases import PHRASE_BARS
from amt.compose.planned import PlannedChord, runs
from amt.types import Phrase

NEXT_DEGREE: Mapping[Mode, Mapping[int, Mapping[int, float]]] = {
    "major": {
        0: {7: 26, 5: 26, 9: 21, 2: 15, 4: 9},
        2: {7: 70, 0: 9, 5: 8, 4: 7},
        4: {9: 56, 5: 25, 2: 13},
        5: {7: 43, 0: 33, 4: 12, 2: 6},
        7: {0: 53, 9: 21, 5: 13, 4: 8},
        9: {2: 31, 5: 28, 7: 16, 4: 13, 0: 9},
    },
    "minor": {
        0: {5: 29, 8: 27, 10: 16, 7: 16, 3: 9},
        3: {0: 28, 5: 23, 10: 18, 8: 15, 7: 14},
        5: {10: 32, 7: 31, 0: 19, 8: 9, 3: 6},
        7: {0: 65, 8: 17, 5: 10},
        8: {10: 51, 7: 18, 3: 12, 0: 8, 5: 8},
        10: {0: 37, 3: 31, 8: 13, 7: 13, 5: 5},
    },
}
"""Degree -> degrees that follow it, in percent of the changes of root in POP909's songs 001-849."""
TONIC, FOURTH, DOMINANT = 0, 5, 7
SIXTH: Mapping[Mode, int] = {"major": 9, "minor": 8}
PREPARING: Mapping[Mode, tuple[int, ...]] = {"major": (2, 5), "minor": (5, 8)}
"""Degrees that lead to the dominant, the first preferred."""
IN_MODE: Mapping[Mode, Mapping[int, int]] = {
    "major": {3: 4, 8: 9, 10: 7},
    "minor": {2: 5, 4: 3, 9: 8, 11: 10},
}
"""Degrees of the other mode -> degrees of a mode with the same place in a phrase."""
CONTRASTING: Mapping[Mode, tuple[int, ...]] = {"major": (5, 9, 2, 4), "minor": (8, 3, 5, 10)}
"""Degrees on which a phrase begins that contrasts with the first."""
CANDIDATES = 24
"""Walks that are drawn for a phrase, of which the one that repeats itself least is taken."""
NOVELTY = 0.25
"""What a degree that is new to the phrase, and one that is new to the piece, is worth against a
degree that returns after two or three changes."""
RETURN_COSTS = {2: -0.3, 3: 1.0}
"""What a degree that returns after so many changes costs a walk; below 0 it is a gain. People go
back to the chord before last in 13-21 % of the changes of POP909 and MuVi-Sync; the walks that
cost least would hardly ever. First chosen on real clips, which are reported too, then confirmed on
drawn films in six moods."""
LOOP_CHORDS = 4
"""Degrees of a phrase, which go round where its harmonic rhythm asks for more: of the chords of
MuVi-Sync 37 % are the one four changes before."""
SAME_PROGRESSION = 0.5
"""Share of their slots that have the same planned chord in two phrases of one progression."""


@dataclass(frozen=True, slots=True)
class HarmonicSetting:
    """What the harmony of a piece has to suit, slot by slot (N)."""

    keys: tuple[Key, ...]
    """N keys."""
    moods: tuple[str, ...]
    """N moods of :data:`amt.types.EMOTIONS`."""
    section_beats: Collection[int]
    """First beats of sections, where a new phrase resolves the one before."""
    chromaticism: float = 1.0
    """Factor of the chances of chords from outside the key; 0 plans none."""


@dataclass(frozen=True, slots=True)
class _Motif:
    """What the phrases of one label share."""

    mode: Mode
    degrees: tuple[int, ...]

    def in_mode(self, mode: Mode) -> tuple[int, ...]:
        """The degrees, in the other mode where it is asked for."""
        if mode == self.mode:
            return self.degrees
        return tuple(IN_MODE[mode].get(degree, degree) for degree in self.degrees)


@dataclass(frozen=True, slots=True)
class _Place:
    """A phrase, and what is around it."""

    phrase: Phrase
    slots: range
    bars: tuple[int, ...]
    """Slots of each bar."""
    key: Key
    mood: str
    leads_to: int
    """Degree of the dominant of the key that follows."""
    is_last: bool


def slot_plan(
    phrases: Sequence[Phrase],
    slots: Sequence[Slot],
    final_slot: int,
    setting: HarmonicSetting,
    rng: np.random.Generator,
) -> tuple[PlannedChord, ...]:
    """The plan of every chord slot.

    Args:
        phrases: of the piece, the first on beat 0.
        slots: N half-bars.
        final_slot: index of the first slot of the final chord, which is on the tonic.
        setting: of the same slots.
        rng: draws degrees, rhythms and chords from outside the key.
    """
    motifs: dict[str, _Motif] = {}
    drawn: dict[tuple[int, str], tuple[HarmonicRhythm, int]] = {}
    plan: list[PlannedChord] = []
    motif: _Motif | None = None
    for place in _places(phrases, slots, final_slot, setting):
        label, mood = place.phrase.label, MOOD_HARMONY[place.mood]
        if label not in motifs and motif is not None and rng.random() < mood.loops:
            motifs[label] = motif
        elif label not in motifs:
            motifs[label] = _motif(place, plan, motifs, setting.section_beats, rng)
        motif = motifs[label]
        number = list(motifs.values()).index(motif)
        if (number, place.mood) not in drawn:
            rhythm = _drawn(mood.rhythms, rng)
            drawn[number, place.mood] = rhythm, int(rng.integers(2**32))
        rhythm, seed = drawn[number, place.mood]
        halves = _half_bars(motif.in_mode(place.key.mode), place, rhythm)
        inserted = np.random.default_rng(seed)
        plan += _with_chromatic_chords(
            _on_slots(halves, place.bars), place, setting.chromaticism, inserted
        )
    return (*plan[:final_slot], *[PlannedChord(TONIC)] * (len(slots) - final_slot))


def returning_slots(
    phrases: Sequence[Phrase],
    slots: Sequence[Slot],
    planned: Sequence[PlannedChord],
    keys: Sequence[Key],
) -> dict[int, int]:
    """Slots whose chord comes back from an earlier slot, and those slots.

    A planned chord is the same chord wherever it comes in a progression: in a phrase that goes
    round its degrees, and in phrases of the same label or of mostly the same plan.

    Args:
        phrases: of the piece.
        slots: N half-bars.
        planned: the chords before the final one, which never comes from elsewhere.
        keys: N keys; chords come back in keys of the same mode.
    """
    starts = {slot.beat: i for i, slot in enumerate(slots)}
    firsts = [starts[phrase.beat] for phrase in phrases]
    spans = [range(*edges) for edges in pairwise([*firsts, len(planned)])]
    progression_of: dict[str, int] = {}
    first_runs: dict[tuple[object, ...], range] = {}
    sources: dict[int, int] = {}
    for number, (phrase, span) in enumerate(zip(phrases, spans, strict=True)):
        if phrase.label not in progression_of:
            same = (i for i in range(number) if _same_progression(planned, spans[i], span))
            earlier = next(same, None)
            new = number if earlier is None else progression_of[phrases[earlier].label]
            progression_of[phrase.label] = new
        for run in runs(planned[span.start : span.stop]):
            run = range(span.start + run.start, span.start + run.stop)
            chord, mode = planned[run.start], keys[run.start].mode
            key = progression_of[phrase.label], chord.degree, chord.qualities, mode
            first = first_runs.setdefault(key, run)
            if first != run:
                sources |= {slot: first[min(i, len(first) - 1)] for i, slot in enumerate(run)}
    return sources


def _same_progression(planned: Sequence[PlannedChord], first: range, second: range) -> bool:
    """Whether two phrases have most planned chords in common, place by place."""
    same = [planned[a].same_chord(planned[b]) for a, b in zip(first, second, strict=False)]
    return sum(same) >= SAME_PROGRESSION * max(len(first), len(second), 1)


def _places(
    phrases: Sequence[Phrase], slots: Sequence[Slot], final_slot: int, setting: HarmonicSetting
) -> Iterator[_Place]:
    """The phrases with their slots; the last has the bar of the final chord."""
    starts = [i for i, slot in enumerate(slots) if slot.begins_bar]
    lengths = np.diff([*starts, len(slots)]).tolist()
    bars = [next(n for n, i in enumerate(starts) if slots[i].beat == p.beat) for p in phrases]
    last = starts.index(final_slot) + 1 if final_slot in starts else len(starts)
    for number, (first, end) in enumerate(pairwise([*bars, last])):
        span = range(starts[first], starts[first] + sum(lengths[first:end]))
        key = setting.keys[span.start]
        following = setting.keys[min(span.stop, len(slots) - 1)]
        counts = Counter(setting.moods[i] for i in span)
        yield _Place(
            phrases[number], span, tuple(lengths[first:end]), key, counts.most_common(1)[0][0],
            (following.tonic + DOMINANT - key.tonic) % 12, end == last,
        )  # fmt: skip


def _motif(
    place: _Place,
    before: Sequence[PlannedChord],
    motifs: Mapping[str, _Motif],
    section_beats: Collection[int],
    rng: np.random.Generator,
) -> _Motif:
    """New degrees for a phrase: of several walks the one that repeats itself least."""
    mode, harmony = place.key.mode, MOOD_HARMONY[place.mood]
    arrivals = (TONIC, SIXTH[mode]) if motifs else (TONIC,)
    starts = arrivals if place.phrase.beat in section_beats else CONTRASTING[mode]
    walks = [_walk(int(rng.choice(starts)), mode, harmony, rng) for _ in range(CANDIDATES)]
    used = {degree for motif in motifs.values() for degree in motif.degrees}
    line = [chord.degree for chord in before]
    costs = [
        _repetition(line, [chord.degree for chord in _half_bars(walk, place, "bar")], used)
        for walk in walks
    ]
    return _Motif(mode, walks[int(np.argmin(costs))])


def _half_bars(walk: Sequence[int], place: _Place, rhythm: HarmonicRhythm) -> list[PlannedChord]:
    """The plan of the half-bars of a phrase; harmony quickens towards its cadence.

    A half cadence after a bar more than a whole number of fours holds its dominant for that bar, so
    that the phrase still goes once round its degrees.
    """
    n_bars = len(place.bars)
    prolongs = n_bars % PHRASE_BARS == 1 < n_bars and place.phrase.cadence in ("half", "open")
    n_bars -= prolongs
    changes = CHANGES_OF_BAR[rhythm]
    halves: list[PlannedChord] = []
    for bar in range(n_bars):
        count = changes[bar % len(changes)]
        if bar % PHRASE_BARS == 0:
            events = cycle(walk)
        firsts = [next(events) for _ in range(count)] or [halves[-1].degree]
        halves += [PlannedChord(firsts[0]), PlannedChord(firsts[-1])]
    cadence = place.phrase.cadence
    if place.leads_to != DOMINANT and cadence in ("half", "open"):
        halves[-2:] = [PlannedChord(place.leads_to, ("7", "maj"))] * 2
    elif cadence == "half":
        _add_half_cadence(halves, place, prepares=rhythm != "bar")
    elif cadence != "open" and n_bars > 1:
        _add_full_cadence(halves, place)
    return [*halves, *[halves[-1]] * 2] if prolongs else halves


def _add_half_cadence(halves: list[PlannedChord], place: _Place, *, prepares: bool) -> None:
    """End on the dominant, after a chord that prepares it in the half-bar before.

    Where harmony moves bar by bar the chord of the bar before does so. Changes ``halves``.
    """
    mode, harmony = place.key.mode, MOOD_HARMONY[place.mood]
    dominant = PlannedChord(DOMINANT, harmony.dominants)
    suspended = dominant._replace(qualities=("sus4",)) if harmony.suspended else dominant
    halves[-2:] = [suspended, dominant]
    if len(halves) > 2 and halves[-4].degree == DOMINANT:
        halves[-4:-2] = [PlannedChord(PREPARING[mode][0])] * 2
    elif len(halves) > 2 and prepares and halves[-4].degree not in PREPARING[mode]:
        halves[-3] = PlannedChord(PREPARING[mode][0])


def _add_full_cadence(halves: list[PlannedChord], place: _Place) -> None:
    """End on the tonic, or on the sixth degree instead; changes ``halves``."""
    mode = place.key.mode
    plagal = MOOD_HARMONY[place.mood].plagal and not place.is_last
    if place.phrase.cadence == "authentic" and plagal:
        halves[-4:] = [PlannedChord(d) for d in (FOURTH, FOURTH, TONIC, TONIC)]
        return
    arrival = PlannedChord(TONIC if place.phrase.cadence == "authentic" else SIXTH[mode])
    preparation = next(d for d in PREPARING[mode] if d != halves[-5 % len(halves)].degree)
    dominant = PlannedChord(DOMINANT, MOOD_HARMONY[place.mood].dominants)
    halves[-4:] = [PlannedChord(preparation), dominant, arrival, arrival]


def _on_slots(halves: Sequence[PlannedChord], bars: Sequence[int]) -> list[PlannedChord]:
    """Half-bars on the slots of their bars; a bar of one slot takes its second half."""
    plan: list[PlannedChord] = []
    for bar, n_slots in enumerate(bars):
        early, late = halves[2 * bar : 2 * bar + 2]
        plan += [late] if n_slots == 1 else [early, *[late] * (n_slots - 1)]
    return plan


def _with_chromatic_chords(
    plan: list[PlannedChord], place: _Place, chromaticism: float, rng: np.random.Generator
) -> list[PlannedChord]:
    """The plan of a phrase with the chords from outside the key that its mood asks for."""
    harmony, mode = MOOD_HARMONY[place.mood], place.key.mode
    for _ in range(_count(harmony.borrowed * chromaticism, rng)):
        plan = with_borrowed_chord(plan, harmony.borrowings.get(mode, ()), rng)
    for _ in range(_count(harmony.applied * chromaticism, rng)):
        plan = with_applied_dominant(plan, mode, rng)
    if rng.random() < harmony.pedal:
        plan = with_pedal_point(plan, rng)
    return plan


def _count(chance: float, rng: np.random.Generator) -> int:
    """How often something happens that has a chance, which may be above 1."""
    return int(chance + rng.random())


def _drawn(shares: Mapping[HarmonicRhythm, float], rng: np.random.Generator) -> HarmonicRhythm:
    weights = np.array(list(shares.values()))
    return list(shares)[int(rng.choice(len(shares), p=weights / weights.sum()))]


def _repetition(before: Sequence[int], phrase: Sequence[int], used: Collection[int]) -> float:
    """How soon degrees return in a phrase after those before it, less the degrees that are new."""
    line = _changes([*before, *phrase])[-2 * PHRASE_BARS :]
    soon = sum(
        cost * sum(line[i] == line[i - lag] for i in range(lag, len(line)))
        for lag, cost in RETURN_COSTS.items()
    )
    return soon - NOVELTY * (len(set(phrase)) + len(set(phrase) - set(used)))


def _walk(
    start: int, mode: Mode, harmony: MoodHarmony, rng: np.random.Generator
) -> tuple[int, ...]:
    """Degrees of a phrase, at random after :data:`NEXT_DEGREE` and the mood."""
    preference = harmony.preference.get(mode, {})
    line = [start]
    while len(line) < LOOP_CHORDS:
        following = NEXT_DEGREE[mode][line[-1]]
        weights = np.array([share * preference.get(d, 1.0) for d, share in following.items()])
        line.append(int(rng.choice(list(following), p=weights / weights.sum())))
    return tuple(line)


def _changes(line: Sequence[int]) -> list[int]:
    return [degree for i, degree in enumerate(line) if i == 0 or degree != line[i - 1]]
