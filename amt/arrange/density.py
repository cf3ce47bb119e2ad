"""The number of notes: the accompaniment is thinned or filled, beat by beat, as the plan asks.

Melody, bass and pads have rhythms of their own, lead-ins and strong cuts add notes, and rests take
some away. What the plan's density leaves for the accompaniment is known once all of them are
written. Here the accompaniment gets that many notes, in a way that keeps what it plays: from chords
off the downbeat inner voices go first, then notes off the beat; free places of the beat are filled
first, by tones of the chord below the melody, then its onsets get more voices.

Nothing is removed on hits and nothing changes in the final chord; a repeated chord or a run before
a cut keeps its rhythm; nothing is added in rests and while somebody speaks.

Times are ticks, 480 to the beat. Constants without a source were set by hand on drawn films
(seed 7); ``tests/arrange/test_density.py`` states what each rule does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from amt.arrange.form import Form, integral
from amt.arrange.lead_in_notes import REPEAT_BEATS
from amt.arrange.metre import swung
from amt.arrange.score import Score
from amt.arrange.spacing import FLOOR, MELODY_GAP
from amt.arrange.styles import PATTERN_ROLES, Instrument
from amt.arrange.textures import choose_arpeggio_counts, max_arpeggio_notes
from amt.types import TICKS_PER_BEAT, Note, Plan, Track

FLEXIBLE = ("accompaniment", "arpeggio", "harmony")
"""Roles whose notes are thinned; the first of them that plays is filled."""
TOLERANCE = 1
"""Notes by which a beat may be off without being changed, so that figures stay as they are."""
PLACES = 4
"""Places of a beat at which notes are added: sixteenths."""
FILL_ORDER = (0, 2, 3, 1)
"""Places in the order in which they are filled."""
VOICES = 4
"""Notes that begin together at most where notes are added."""
DOWNBEAT_VOICES = 2
"""Notes that a downbeat has before other places of its beat are filled."""
CLOSE = 3
"""Semitones between notes that begin together at least, where one is added."""
REACH = 10
"""Semitones from the mean pitch of the accompaniment nearby within which notes are added."""
SHAPE = (0, 2, 1, 3)
"""Which tones within reach, from the lowest, are added at the four places."""
LEAD_IN_GROWTH = (1.3, 1.8)
"""Factors of the number of notes in the two beats before a strong cut that no rest precedes: a
crescendo by texture."""
SHORTEST = TICKS_PER_BEAT // 8
"""Ticks of an added note at least, and of a gap that a removed note leaves at most."""
_NEAR = 4
"""Beats to each side that are nearby."""

Beats = list[list[Note]]
"""[B] notes of a track that begin in each beat."""


def with_density(plan: Plan, score: Score, tracks: Sequence[Track]) -> list[Track]:
    """The tracks, with as many notes in every beat as the plan asks for, as nearly as they can.

    Args:
        plan: of the piece.
        score: of the same plan.
        tracks: all of them, in any order; only those of :data:`FLEXIBLE` roles change.
    """
    by_patterns = plan.arrangement.arranger == "patterns"
    players = {
        player.name: player
        for player in reversed(score.style.instruments)
        if player.role in PATTERN_ROLES or not by_patterns
    }
    roles = [players[t.name].role if t.name in players else "" for t in tracks]
    target = next((roles.index(role) for role in FLEXIBLE if role in roles), None)
    if target is None:
        return list(tracks)
    fixed = [
        (role, track)
        for role, track in zip(roles, tracks, strict=True)
        if role not in FLEXIBLE and not track.is_drum
    ]
    frame = _Frame.of(score, players[tracks[target].name], target, fixed)
    lines = {
        i: _by_beat(tracks[i].notes, frame.edges)
        for i, role in enumerate(roles)
        if role in FLEXIBLE
    }
    for beat, wanted in enumerate(_counts(plan, frame, lines)):
        own = [(i, note) for i, line in lines.items() for note in line[beat]]
        if abs(len(own) - wanted) <= TOLERANCE:
            continue
        for i, note in frame.removable(own, beat)[: max(len(own) - wanted, 0)]:
            _remove(note, lines[i], beat, frame.score.form)
        if len(own) < wanted:
            frame.fill(lines[target], beat, [note for _, note in own], wanted - len(own))
    return [
        replace(track, notes=_without_overlaps([note for notes in lines[i] for note in notes]))
        if i in lines
        else track
        for i, track in enumerate(tracks)
    ]


def _by_beat(notes: Sequence[Note], edges: Sequence[int]) -> Beats:
    found: Beats = [[] for _ in edges[1:]]
    for note in notes:
        found[min(note.start // TICKS_PER_BEAT, len(found) - 1)].append(note)
    return found


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is given while the accompaniment of a piece is fitted."""

    score: Score
    player: Instrument
    """Whose notes are added, and removed before those of others."""
    number: int
    """Of its track."""
    edges: tuple[int, ...]
    """[B + 1] ticks of the beats."""
    led: frozenset[int]
    """Beats before a strong cut that no rest precedes."""
    cuts: frozenset[int]
    """Beats of strong cuts."""
    rests: tuple[tuple[int, int], ...]
    """Start and end of those before strong cuts, by time."""
    melody: tuple[Note, ...]
    others: frozenset[tuple[int, int]]
    """Tick and pitch of the onsets of all parts that do not change."""
    counts: tuple[int, ...]
    """[B] how many they are."""

    @classmethod
    def of(
        cls, score: Score, player: Instrument, number: int, fixed: Sequence[tuple[str, Track]]
    ) -> _Frame:
        form = score.form
        beats = range(-(-form.end // TICKS_PER_BEAT))
        edges = (*(beat * TICKS_PER_BEAT for beat in beats), form.end)
        notes = [note for _, track in fixed for note in track.notes]
        counts, _ = np.histogram([note.start for note in notes], edges)
        led = (lead for lead in form.lead_ins if not lead.rest_beats)
        return cls(
            score=score,
            player=player,
            number=number,
            edges=edges,
            led=frozenset(
                beat for lead in led for beat in range(max(lead.beat - REPEAT_BEATS, 0), lead.beat)
            ),
            cuts=frozenset(lead.beat for lead in form.lead_ins),
            rests=form.rests(),
            melody=tuple(note for role, t in fixed if role == "melody" for note in t.notes),
            others=frozenset((note.start, note.pitch) for note in notes),
            counts=tuple(counts.tolist()),
        )

    def place(self, note: Note) -> int:
        """The sixteenth of its beat, 0 to 3, at which a note begins, about."""
        rest = note.start % TICKS_PER_BEAT
        edges = [self._tick(0, place) - SHORTEST // 2 for place in range(PLACES)]
        return max(bisect_right(edges, rest) - 1, 0)

    def is_fillable(self, beat: int) -> bool:
        """Whether notes may be added in a beat."""
        form, start = self.score.form, self.edges[beat]
        return (
            start < form.ending
            and bool(form.tones_at(start))
            and not form.is_spoken(start)
            and self.player.role not in form.cell_at(start).resting
        )

    def removable(self, own: Sequence[tuple[int, Note]], beat: int) -> list[tuple[int, Note]]:
        """The notes of a beat that may go, with the numbers of their tracks, the first to go first.

        Those of the track that is filled go before others. Inner voices, notes on sixteenths, on
        eighths, lower voices and the last go in this order; those of a downbeat after notes off
        the beat.
        """
        if beat * TICKS_PER_BEAT >= self.score.form.ending:
            return []
        groups: dict[tuple[int, int], list[Note]] = defaultdict(list)
        for number, note in own:
            groups[number, self.place(note)].append(note)
        hit = self.score.form.has_strong_event(self.edges[beat])
        ranked = []
        for (number, place), group in groups.items():
            for voice, note in enumerate(sorted(group, key=lambda note: note.pitch)):
                is_top = voice == len(group) - 1
                if (hit and place == 0) or (beat in self.led and is_top):
                    continue
                off_beat = 1 if place % 2 else 2 if place else 3 + is_top
                rank = off_beat if voice == 0 or is_top else 0
                rank = max(rank, 3) if place == 0 and self._is_downbeat(beat) else rank
                ranked.append((number != self.number, rank, -place, note.pitch, number, note))
        return [(number, note) for *_, number, note in sorted(ranked)]

    def fill(self, line: Beats, beat: int, own: Sequence[Note], number: int) -> None:
        """Add up to a number of notes to a beat of a line; ``own`` are all flexible ones in it."""
        near = [note for notes in line[max(beat - _NEAR, 0) : beat + _NEAR] for note in notes]
        velocity = round(np.mean([note.velocity for note in list(own) or near or _SOFT]))
        centre = round(np.mean([note.pitch for note in near])) if near else None
        beats = list(own)
        for _ in range(number):
            found = (
                self._new_note(beats, line, beat, place, centre)
                for place in self._free(beats, beat)
            )
            note = next((note for note in found if note is not None), None)
            if note is None:
                return
            added = replace(note, velocity=velocity)
            beats.append(added)
            line[beat].append(added)

    def _free(self, own: Sequence[Note], beat: int) -> list[int]:
        """Places at which a note may be added to a beat, the best first.

        Before a strong cut the end of the beat stays free.
        """
        voices = [0] * PLACES
        for note in own:
            voices[self.place(note)] += 1
        before_cut = beat + 1 in self.cuts and beat not in self.led
        places = [p for p in FILL_ORDER if voices[p] < VOICES and not (before_cut and p)]
        order = sorted(places, key=lambda p: (voices[p] > 0, p % 2, voices[p]))
        if self._is_downbeat(beat) and voices[0] < DOWNBEAT_VOICES:
            return [0, *(place for place in order if place)]
        return order

    def _new_note(
        self, own: Sequence[Note], line: Beats, beat: int, place: int, centre: int | None
    ) -> Note | None:
        """A tone of the chord at a place of a beat; None where there is no room for it."""
        form = self.score.form
        together = [note for note in own if self.place(note) == place]
        tick = together[0].start if together else self._tick(beat, place)
        end = self._end(line, beat, tick, together)
        if end - tick < SHORTEST:
            return None
        sounding = {
            note.pitch
            for note in (*own, *(line[beat - 1] if beat else ()))
            if note.start <= tick < note.end
        }
        low, high = self._reach(tick, end, centre)
        tones = [
            pitch
            for pitch in range(low, high + 1)
            if pitch % 12 in form.tones_at(tick)
            and pitch not in sounding
            and (tick, pitch) not in self.others
            and all(abs(pitch - note.pitch) >= CLOSE for note in together)
        ]
        return Note(tick, tones[SHAPE[place] % len(tones)], end, 0) if tones else None

    def _end(self, line: Beats, beat: int, tick: int, together: Sequence[Note]) -> int:
        """Where a note that begins on a tick ends: the tick itself in a rest and in the ending."""
        form = self.score.form
        rest = bisect_right(self.rests, tick, key=lambda span: span[0])
        if tick >= form.ending or (rest and tick < self.rests[rest - 1][1]):
            return tick
        starts = (note.start for notes in line[beat : beat + 2] for note in notes)
        until = min([tick + TICKS_PER_BEAT, *(start for start in starts if start > tick)])
        end = max(
            (note.end for note in together),
            default=tick + round((until - tick) * self.player.gate),
        )
        limits = [form.regions[form.region_at(tick)].end, form.ending]
        limits += [span[0] for span in self.rests[rest : rest + 1]]
        return min([end, *limits])

    def _reach(self, tick: int, end: int, centre: int | None) -> tuple[int, int]:
        """Lowest and highest pitch of an added note."""
        low, high = self.player.low, self.player.high
        if self.score.style.instrument("bass") is not None:
            low = max(low, FLOOR)
        middle = (low + high) // 2 if centre is None else centre
        last = bisect_left(self.melody, end, key=lambda note: note.start)
        over = [n.pitch for n in self.melody[max(last - _NEAR * PLACES, 0) : last] if n.end > tick]
        ceiling = min(over, default=high + MELODY_GAP) - MELODY_GAP
        return max(low, middle - REACH), min(high, ceiling, middle + REACH)

    def _tick(self, beat: int, place: int) -> int:
        return swung((beat * PLACES + place) * TICKS_PER_BEAT // PLACES, self.score.style.swing)

    def _is_downbeat(self, beat: int) -> bool:
        return self.edges[beat] in self.score.bars


_SOFT = (Note(0, 60, 1, 64),)
"""What an accompaniment that plays nothing nearby is like."""


def _counts(plan: Plan, frame: _Frame, lines: Mapping[int, Beats]) -> list[int]:
    """[B] notes that the flexible parts should play in each beat."""
    n_beats, style = len(frame.counts), frame.score.style
    own, least, most = (np.zeros(n_beats, dtype=np.int64) for _ in range(3))
    for beat in range(n_beats):
        notes = [(i, note) for i, line in lines.items() for note in line[beat]]
        free = len(frame.removable(notes, beat))
        own[beat], least[beat] = len(notes), len(notes) - free
        room = max_arpeggio_notes(float(plan.grid.beat_length_s[beat]))
        most[beat] = max(room - least[beat], free) if frame.is_fillable(beat) else free
    edges_s = plan.grid.seconds_at(np.array(frame.edges) / TICKS_PER_BEAT)
    wanted = integral(plan.density, edges_s)
    for beat in frame.led:
        wanted[beat] *= LEAD_IN_GROWTH[beat + 1 in frame.cuts]
    fixed = np.array(frame.counts, dtype=np.float64)
    if style.parts:  # doublings are not paid for by the accompaniment
        wanted *= max(1.0, float((fixed + own).sum() / max(wanted.sum(), 1.0)))
    counts = choose_arpeggio_counts(fixed + least, wanted, most, [True] * n_beats)
    return [int(number) for number in least + np.array(counts)]


def _remove(note: Note, line: Beats, beat: int, form: Form) -> None:
    """Remove a note of a beat; what ended where it began is held instead, under the same chord.

    Only a note of the same pitch is, where others begin together with the one that is removed.
    """
    same = [(n.start, n.pitch) == (note.start, note.pitch) for n in line[beat]]
    note = line[beat].pop(same.index(True))  # it may be held longer by now
    alone = all(abs(other.start - note.start) >= SHORTEST for other in line[beat])
    region = form.region_at(note.start)
    for notes in line[max(beat - 1, 0) : beat + 1]:
        for i, other in enumerate(notes):
            ended = other.start < note.start and 0 <= note.start - other.end < SHORTEST
            held = other.pitch == note.pitch or alone
            if ended and held and form.region_at(other.start) == region:
                notes[i] = replace(other, end=max(other.end, note.end))


def _without_overlaps(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The notes in order; one that sounds when another of its pitch begins ends there."""
    nexts: dict[int, int] = {}
    kept = []
    for note in sorted(notes, reverse=True):
        kept.append(replace(note, end=min(note.end, nexts.get(note.pitch, note.end))))
        nexts[note.pitch] = note.start
    return tuple(reversed(kept))
