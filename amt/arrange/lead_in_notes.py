"""The notes of a part before strong cuts, as the lead-in of each cut has them.

Held notes of instruments that decay are repeated faster and faster, a run climbs to the first note
after the cut, a chord is held and cut off, or the part rests (:mod:`amt.arrange.lead_ins`). Where
there is no rest the bass drops out some beats before the cut and enters on it. Melody
and counter-melody only rest, because phrases end before cuts; the drums do not, because a fill
leads to the cut.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from amt.arrange.draft import Draft
from amt.arrange.dynamics import DECAYING_PROGRAMS
from amt.arrange.form import Form
from amt.arrange.lead_ins import LeadIn
from amt.arrange.score import Score
from amt.arrange.styles import Instrument
from amt.arrange.textures import SHORTEST_STEP_S
from amt.types import TICKS_PER_BEAT, Plan

REPEAT_BEATS = 2
"""Beats before a cut over which notes are repeated: eighths, then sixteenths in the last beat."""
RUN_NOTES = 6
"""Notes of a run at most, all in the last beat and a half."""
REPEATED_VOICES = 3
"""Notes of a chord that are repeated at most, the highest."""
REPEATED_GATE = 0.9
"""Share of its step that a repeated note sounds."""
REACH_BEATS = 8
"""Beats before a cut in which a lead-in changes notes, at most."""
_REPEATING = ("harmony", "arpeggio")
"""Roles that repeat, if the notes of their instrument decay."""
_HOLDING = ("harmony", "arpeggio", "bass", "pad")
"""Roles that hold the chord that is cut off."""


def lead_in_notes(
    drafts: Sequence[Draft], score: Score, player: Instrument, plan: Plan
) -> list[Draft]:
    """Return the notes of a part with its share of every lead-in, and without those in rests.

    Args:
        drafts: of one part, on the grid.
        score: of the piece.
        player: the part's instrument; no drums.
        plan: of the piece.
    """
    notes = sorted(drafts, key=_start)
    longest = max((note.end - note.start for note in notes), default=0)
    for lead_in in score.form.lead_ins:
        # Only what is near is read and changed, so that time is linear in the piece.
        cut = lead_in.beat * TICKS_PER_BEAT
        low = bisect_left(notes, cut - longest - REACH_BEATS * TICKS_PER_BEAT, key=_start)
        high = bisect_right(notes, cut, key=_start)
        notes[low:high] = sorted(_led(notes[low:high], lead_in, score, player, plan), key=_start)
    return with_rests(notes, score.form.rests())


def _led(
    notes: list[Draft], lead_in: LeadIn, score: Score, player: Instrument, plan: Plan
) -> list[Draft]:
    cut = lead_in.beat * TICKS_PER_BEAT
    beat_s = float(plan.grid.beat_length_s[lead_in.beat - 1])
    if player.role == "bass" and lead_in.drop_beats:
        return with_rests(notes, [(cut - lead_in.drop_beats * TICKS_PER_BEAT, cut)])
    decays = player.program in DECAYING_PROGRAMS
    if lead_in.kind == "repeat" and player.role in _REPEATING and decays:
        return _repeated(notes, cut, beat_s, score.form)
    if lead_in.kind == "run" and player.role == _running_role(score, plan):
        return _with_run(notes, cut, beat_s, score, player)
    if lead_in.kind == "cutoff" and player.role in _HOLDING:
        return _held(notes, cut - TICKS_PER_BEAT, cut)
    return notes


def _running_role(score: Score, plan: Plan) -> str:
    """The role that plays runs: the figures of the patterns, else the chords."""
    has_figures = score.style.instrument("arpeggio") and plan.arrangement.arranger == "patterns"
    return "arpeggio" if has_figures else "harmony"


def _repeated(notes: list[Draft], cut: int, beat_s: float, form: Form) -> list[Draft]:
    """What sounds in the last beats before a cut, struck again on every eighth and sixteenth."""
    step = TICKS_PER_BEAT // 2
    first = cut - REPEAT_BEATS * TICKS_PER_BEAT
    ticks = list(range(first, cut - TICKS_PER_BEAT, step))
    quick = beat_s / 4 >= SHORTEST_STEP_S
    ticks += list(range(cut - TICKS_PER_BEAT, cut, step // 2 if quick else step))
    kept = [note._replace(end=min(note.end, first)) for note in notes if note.start < first]
    kept += [note for note in notes if note.start >= cut]
    window = [note for note in notes if note.start < cut and note.end > first]
    # A figure is repeated as the chord of its last beat, not note by note.
    for tick, after in zip(ticks, [*ticks[1:], cut], strict=True):
        tones = form.tones_at(tick)
        sounding = {
            n.pitch
            for n in window
            if n.start <= tick < n.end + TICKS_PER_BEAT and n.pitch % 12 in tones
        }
        end = tick + round((after - tick) * REPEATED_GATE)
        kept += [Draft(tick, pitch, end) for pitch in sorted(sounding)[-REPEATED_VOICES:]]
    return kept


def _with_run(
    notes: list[Draft], cut: int, beat_s: float, score: Score, player: Instrument
) -> list[Draft]:
    """A run up the scale to the first note after a cut, in place of the part's notes there."""
    after = [note.pitch for note in notes if note.start == cut]
    voicing = score.harmony[score.form.region_at(cut)]
    target = max(after or voicing or (0,))
    step = TICKS_PER_BEAT // 4 if beat_s / 4 >= SHORTEST_STEP_S else TICKS_PER_BEAT // 2
    scale = {*score.form.key_at(cut - 1).scale, *score.form.tones_at(cut - 1)}
    below = [pitch for pitch in range(target - 1, player.low - 1, -1) if pitch % 12 in scale]
    run = below[:RUN_NOTES][::-1]
    if len(run) < RUN_NOTES // 2:
        return notes
    first = cut - len(run) * step
    kept = [note._replace(end=min(note.end, first)) for note in notes if note.start < first]
    kept += [note for note in notes if note.start >= cut]
    places = range(first, cut, step)
    return kept + [Draft(tick, p, tick + step) for tick, p in zip(places, run, strict=True)]


def _held(notes: list[Draft], start: int, cut: int) -> list[Draft]:
    """The notes that sound at a moment held up to a cut, and none that begin in between."""
    kept = [note for note in notes if not start < note.start < cut]
    return [n._replace(end=cut) if n.start <= start < n.end < cut else n for n in kept]


def with_rests(drafts: Sequence[Draft], rests: Sequence[tuple[int, int]]) -> list[Draft]:
    """Return notes without those that begin in a rest; what sounds when a rest begins ends there.

    Args:
        drafts: of one part.
        rests: start and end of each, in ticks.
    """
    ordered = sorted(rests)
    starts = [start for start, _ in ordered]
    ends = list(accumulate((end for _, end in ordered), max))
    kept = []
    for draft in drafts:
        following = bisect_right(starts, draft.start)
        if following and draft.start < ends[following - 1]:
            continue
        limit = starts[following] if following < len(starts) else draft.end
        kept.append(draft._replace(end=limit) if limit < draft.end else draft)
    return kept


def _start(draft: Draft) -> int:
    return draft.start
