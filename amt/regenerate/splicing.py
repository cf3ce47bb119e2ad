"""New notes in place of those that begin in some bars of a MIDI file; all other events stay.

* A note that begins before the bars and ends in them is cut only where a new note of its pitch
  begins; where it sounds on behind the bars, the new note gives way.
* A new note ends before the next note of its pitch.
* Pitch bends and aftertouch in the bars belong to the notes that go: they go, too. The bend is
  centred there, and has its value again behind the bars.
* Controllers, programs, texts and system exclusive messages stay.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import mido

from amt.regenerate.events import EventNote, EventTrack, joined, notes_of, without
from amt.types import Note

_BEFORE, _AFTER = -1, 1
"""Place among the events of a tick: what ends, and what begins."""
_AT_REST = {"pitchwheel": {"pitch": 0}, "aftertouch": {"value": 0}}
"""Values of what is undone: a centred bend, no pressure."""

_Added = tuple[int, int, Any]
"""Tick, place among its events, mido message."""


def with_notes(
    track: EventTrack, span: range, anew: Mapping[int, Sequence[Note]]
) -> tuple[EventTrack, bool]:
    """A track with other notes in some bars, and whether bends or aftertouch went with the old.

    Args:
        track: of a MIDI file.
        span: ticks of the file.
        anew: channel -> its notes that begin in the span, in ticks of the file, in any order.
    """
    removed: set[int] = set()
    added: list[_Added] = []
    is_expressive = False
    for channel, notes in anew.items():
        old = notes_of(track, channel)
        gone = [note for note in old if note.start in span]
        removed.update(i for note in gone for i in (note.on, note.off) if i is not None)
        kept = [note for note in old if note.start not in span]
        placed, cut = _placed(without_overlaps(notes), kept, span)
        removed.update(note.off for note, _ in cut if note.off is not None)
        added += [(tick, _BEFORE, _note_off(note.pitch, channel)) for note, tick in cut]
        added += note_events(placed, channel)
        bends, undone = _expression(track, channel, span)
        is_expressive |= bool(bends)
        removed |= bends
        added += undone
    return joined(without(track, removed), added), is_expressive


def without_overlaps(notes: Iterable[Note]) -> list[Note]:
    """Notes of which no two of a pitch overlap: of two that begin together the longer stays."""
    pitches: dict[int, list[Note]] = defaultdict(list)
    for note in sorted(notes, key=lambda n: (n.start, -n.end)):
        same = pitches[note.pitch]
        if same and same[-1].start == note.start:
            continue
        if same and same[-1].end > note.start:
            same[-1] = replace(same[-1], end=note.start)
        same.append(note)
    return sorted(note for same in pitches.values() for note in same)


def _placed(
    notes: Sequence[Note], kept: Sequence[EventNote], span: range
) -> tuple[list[Note], list[tuple[EventNote, int]]]:
    """The new notes as they fit between those that are kept; which of these end when."""
    before: dict[int, list[EventNote]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for old in kept:
        if old.start >= span.stop:
            after[old.pitch].append(old.start)
        elif old.end > span.start:
            before[old.pitch].append(old)
    placed: list[Note] = []
    cut: dict[EventNote, int] = {}
    for note in notes:
        ringing = [old for old in before[note.pitch] if old.end > note.start]
        if any(old.end > span.stop for old in ringing):
            continue
        cut.update({old: note.start for old in ringing if old not in cut})
        behind = after[note.pitch]
        place = bisect_left(behind, span.stop)
        end = min(note.end, behind[place]) if place < len(behind) else note.end
        placed.append(replace(note, end=end))
    return placed, list(cut.items())


def note_events(notes: Iterable[Note], channel: int) -> list[_Added]:
    """The events of notes, with their places among those of a tick."""
    added: list[_Added] = []
    for note in notes:
        on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        added += [(note.start, _AFTER, on), (note.end, _BEFORE, _note_off(note.pitch, channel))]
    return added


def _note_off(pitch: int, channel: int) -> Any:  # noqa: ANN401 (mido is untyped)
    return mido.Message("note_off", channel=channel, note=pitch, velocity=0)


def _expression(track: EventTrack, channel: int, span: range) -> tuple[set[int], list[_Added]]:
    """Indices of the bends and aftertouch in the bars, and what undoes and restores them."""
    kinds = {*_AT_REST, "polytouch"}
    mine = [i for i, (_, m) in enumerate(track) if m.type in kinds and m.channel == channel]
    gone = {i for i in mine if track[i][0] in span}
    added: list[_Added] = []
    for kind, value in _AT_REST.items():
        rest = mido.Message(kind, channel=channel, **value)
        changes = [track[i] for i in mine if track[i][1].type == kind]
        if not any(tick in span for tick, _ in changes):
            continue
        at_start = next((m for tick, m in reversed(changes) if tick < span.start), rest)
        at_stop = next(m for tick, m in reversed(changes) if tick < span.stop)
        if at_start != rest:
            added.append((span.start, _BEFORE, rest))
        if at_stop != rest and not any(tick == span.stop for tick, _ in changes):
            added.append((span.stop, _BEFORE, at_stop))
    return gone, added
