"""The cast of each phrase: which parts of an orchestra play in it.

A style with parts (:mod:`amt.arrange.styles`) has its lines (melody, counter-melody, chords, bass)
played by instruments that change with the form. Every phrase has a dynamic level, from its loudness
and its place in the piece, and a mood; a part plays in the phrases whose level and mood it is there
for. So soft phrases have a soloist over a few strings, soloists take turns where the form goes on
to another idea, and the climax has all instruments, with the melody doubled in octaves (Adler 2016,
*The Study of Orchestration*, on tutti and doubling).

Times are ticks, 480 to the beat. Constants without a source were set by hand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amt.arrange.dynamics import decibels, even_velocity
from amt.arrange.form import integral
from amt.arrange.parts import MAX_LEVEL, Part
from amt.arrange.registers import OCTAVE, best_shift, moved, within
from amt.arrange.score import Score
from amt.arrange.styles import Instrument, Style
from amt.arrange.tracks import Draft
from amt.types import EMOTIONS, TICKS_PER_BEAT, BoolArray, FloatArray, IntArray, Plan

LEVEL_VELOCITIES = (55.0, 66.0, 80.0)
"""Velocities of a phrase's mean loudness from which its level is 2, 3 and 4."""
CLIMAX_DB = 1.5
"""dB by which the loudest phrase of a piece without sections is above the others at least to be its
climax."""
CLIMAX_RISE = 4.0
"""Semitones by which the melody of the climax is higher than elsewhere at least."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What plays in a phrase."""

    start: int
    end: int
    level: int
    """Dynamic level, 1 to :data:`amt.arrange.parts.MAX_LEVEL`."""
    mood: str
    climax: bool
    """Whether the piece is loudest here."""
    opens: bool
    """Whether a section begins with it."""
    parts: tuple[Part, ...]
    """Those of its level and mood, in the order of the score; of the soloists one."""

    def playing(self, source: str) -> list[Part]:
        """Return the parts that play a line."""
        return [part for part in self.parts if part.source == source]

    @property
    def lead(self) -> Part | None:
        """The part in whose octave the melody lies: of those that double none, the highest."""
        own = [part for part in self.playing("melody") if part.octave == 0]
        return max(own, key=lambda part: part.centre or 0, default=None)

    def inside(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Return those of the notes, sorted by onset, that begin in the phrase."""
        first, last = (bisect_left(drafts, (tick,)) for tick in (self.start, self.end))
        return list(drafts[first:last])


def played_by_parts(style: Style) -> frozenset[str]:
    """Return the roles of a style whose lines its parts play, instead of their own instruments."""
    played = {part.source for part in style.parts}
    return frozenset(played | ({"arpeggio"} if "accompaniment" in played else set()))


def instrument_of(part: Part) -> Instrument:
    """Return the instrument of a part, in the role whose velocities it has."""
    # Timpani are no bass that drops out before a cut, nor do they play runs.
    role = {"cadences": "counter", "percussion": "drums"}.get(part.source, part.source)
    return Instrument(
        role, part.name, part.program, part.low, part.high, part.volume, part.pan, part.gate
    )


def casts(plan: Plan, score: Score) -> tuple[Cast, ...]:
    """Return what plays in each phrase of a piece, in a style with parts."""
    form = score.form
    firsts = [cell for i, cell in enumerate(form.cells) if cell.place == 0 or i == 0]
    edges = np.array([*(cell.start for cell in firsts), form.end])
    levels, climax = phrase_levels(plan, edges, [cell.section for cell in firsts])
    moods = _moods(plan, edges)
    labels = [phrase.label for phrase in plan.phrases]
    soloist_of: dict[str, str] = {}
    turn, found = plan.seed, list[Cast]()
    for i, (cell, (start, end)) in enumerate(zip(firsts, pairwise(edges.tolist()), strict=True)):
        opens = i == 0 or cell.section != firsts[i - 1].section
        label = labels[i] if i < len(labels) else str(i)
        goes_on = not opens and i < len(labels) and labels[i - 1] == label
        turn += not goes_on
        fit = [part for part in score.style.parts if part.plays(levels[i], moods[i])]
        soloist = _soloist(fit, soloist_of.get(label), goes_on, turn)
        if soloist is not None:
            soloist_of[label] = soloist.name
        parts = _chosen(score.style.parts, fit, soloist)
        found.append(Cast(start, end, levels[i], moods[i], climax[i], opens, parts))
    return tuple(found)


def _soloist(fit: Sequence[Part], last: str | None, goes_on: bool, turn: int) -> Part | None:
    """The soloist of a phrase: the last of its label if that goes on, else another one."""
    soloists = [part for part in fit if part.solo]
    same = [part for part in soloists if part.name == last]
    if goes_on and same:
        return same[0]
    others = [part for part in soloists if part not in same] or soloists
    return others[turn % len(others)] if others else None


def _chosen(parts: Sequence[Part], fit: Sequence[Part], soloist: Part | None) -> tuple[Part, ...]:
    """The parts of a phrase: those that fit it, but no other soloist.

    Melody and bass always have a part: the first that is there for them.
    """
    chosen = [part for part in fit if not part.solo or part is soloist]
    for source in ("melody", "bass"):
        if not any(part.source == source for part in chosen):
            chosen += [part for part in parts if part.source == source][:1]
    return tuple(part for part in parts if part in chosen)


def phrase_levels(
    plan: Plan, edges: IntArray, sections: Sequence[int]
) -> tuple[list[int], list[bool]]:
    """Return the dynamic level of each phrase, and whether it is of the climax.

    The level follows the loudness of the plan; the first of several phrases is a level softer, so
    that the rest can enter after it. The climax is the loudest section (without sections, the
    loudest phrase, if it stands out), and a level louder than its loudness alone would have it.

    Args:
        plan: of the piece.
        edges: [phrases + 1] ticks.
        sections: [phrases] number of the section of each.
    """
    edges_s = plan.grid.seconds_at(edges / TICKS_PER_BEAT)
    lengths_s = np.maximum(np.diff(edges_s), 1e-9)
    loudness = integral(decibels(plan.loudness), edges_s) / lengths_s
    levels = 1 + np.searchsorted(LEVEL_VELOCITIES, even_velocity(loudness), side="right")
    climax = np.zeros(len(loudness), dtype=bool)
    if len(loudness) > 1:
        levels[0] = max(levels[0] - 1, 1)
        climax = _climax(loudness, np.asarray(sections))
        levels[climax] = np.minimum(levels[climax] + 1, MAX_LEVEL)
    return [int(level) for level in levels], [bool(is_climax) for is_climax in climax]


def _climax(loudness: FloatArray, sections: IntArray) -> BoolArray:
    """[phrases] whether each is of the climax, from their loudness in dB and their sections."""
    numbers = sorted(set(sections.tolist()))
    if len(numbers) > 1:
        means = [float(loudness[sections == number].mean()) for number in numbers]
        return np.asarray(sections == numbers[int(np.argmax(means))])
    loudest = int(loudness.argmax())
    others = np.delete(loudness, loudest).mean()
    stands_out = loudness[loudest] - others > CLIMAX_DB
    return np.asarray((np.arange(len(loudness)) == loudest) & stands_out)


def _moods(plan: Plan, edges: IntArray) -> list[str]:
    """The mood of each phrase: the likeliest in its mean."""
    edges_s = plan.grid.seconds_at(edges / TICKS_PER_BEAT)
    shares = [integral(plan.emotion[:, i], edges_s) for i in range(len(EMOTIONS))]
    return [EMOTIONS[i] for i in np.argmax(shares, axis=0)]


def led(melody: Sequence[Draft], cast: Sequence[Cast]) -> list[Draft]:
    """Return a melody in the octave of the instrument that leads it, phrase by phrase.

    At the climax it is higher than elsewhere, if its instrument reaches as far.
    """
    line = sorted(melody)
    phrases = [(phrase, _seated(phrase.inside(line), phrase.lead)) for phrase in cast]
    others = [note for phrase, notes in phrases if not phrase.climax for note in notes]
    climax = [note for phrase, notes in phrases if phrase.climax for note in notes]
    raised = 0
    if others and climax:
        reached = all(
            phrase.lead is None or note.pitch + OCTAVE <= phrase.lead.high
            for phrase, notes in phrases
            if phrase.climax
            for note in notes
        )
        rise = _mean_pitch(climax) - _mean_pitch(others)
        raised = OCTAVE if rise < CLIMAX_RISE and reached else 0
    return [note for phrase, notes in phrases for note in moved(notes, raised * phrase.climax)]


def _seated(notes: Sequence[Draft], lead: Part | None) -> list[Draft]:
    """The notes of a phrase in the octave of its lead."""
    if lead is None or not notes:
        return list(notes)
    if lead.centre is not None:
        notes = moved(notes, best_shift(notes, lead.low, lead.high, lead.centre))
    return within(notes, lead.low, lead.high)


def _mean_pitch(notes: Sequence[Draft]) -> float:
    return sum(note.pitch for note in notes) / len(notes)
