"""What a plan asks of a finished song, whoever arranged it: silences, muted tracks, timecode.

In a silence no note begins or sounds. Notes that sound into it end there; those that would sound
beyond its end begin there, if enough of them is left, so that the music comes in whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from amt.errors import PlanError
from amt.timecode import Timecode, smpte_offset
from amt.types import TICKS_PER_BEAT, ControlChange, Note, Plan, Song, TextEvent, Track

MIN_ENTRY = TICKS_PER_BEAT // 2
"""Ticks that a note must sound beyond a silence to begin with its end."""
_PEDAL, _DOWN = 64, 64
"""MIDI controller of the sustain pedal, and the least value at which it is down."""

_Span = tuple[int, int]


def finished(song: Song, plan: Plan) -> Song:
    """A song with the silences of its plan, without its muted tracks, with its timecode.

    Raises:
        PlanError: all tracks are muted.
    """
    spans = silent_ticks(plan, song.end)
    if spans:
        tracks = (_silenced(track, spans) for track in song.tracks)
        song = replace(
            song,
            tracks=tuple(track for track in tracks if track.notes),
            markers=_with_silences(song.markers, spans, plan),
        )
    if plan.muted:
        song = replace(song, tracks=_sounding(song.tracks, plan.muted))
    if plan.timecode is None:
        return song
    return replace(
        song,
        markers=tuple(_labelled(marker, plan, plan.timecode) for marker in song.markers),
        smpte_offset=smpte_offset(plan.timecode),
    )


def _sounding(tracks: Sequence[Track], muted: Sequence[str]) -> tuple[Track, ...]:
    kept = tuple(track for track in tracks if track.name not in muted)
    if tracks and not kept:
        raise PlanError("muted leaves no track: take a name out of it")
    return kept


def silent_ticks(plan: Plan, end: int) -> tuple[_Span, ...]:
    """Start and end in ticks of every silence of a plan, in a song that ends on tick ``end``."""
    spans = []
    for silence in plan.silences:
        edges = plan.grid.beats_at(silence.start_s), plan.grid.beats_at(silence.end_s)
        first, last = (min(round(float(beat) * TICKS_PER_BEAT), end) for beat in edges)
        if first < last:
            spans.append((first, last))
    return tuple(spans)


def _silenced(track: Track, spans: Sequence[_Span]) -> Track:
    notes, controls = list(track.notes), list(track.controls)
    for span in spans:
        notes = _notes_around(notes, span, is_drum=track.is_drum)
        controls = _pedal_up(controls, span)
    return replace(track, notes=tuple(sorted(notes)), controls=tuple(sorted(controls)))


def _notes_around(notes: Sequence[Note], span: _Span, *, is_drum: bool) -> list[Note]:
    """The notes before and after a silence, and those that are moved to its end."""
    start, end = span
    around, moved = [], []
    for note in notes:
        if start <= note.start < end:
            if not is_drum and note.end - end >= MIN_ENTRY:
                moved.append(replace(note, start=end))
        elif note.start < start < note.end:
            around.append(replace(note, end=start))
        else:
            around.append(note)
    taken = {note.pitch: note.start for note in reversed(sorted(around)) if note.start >= end}
    for note in {note.pitch: note for note in moved}.values():
        free_until = taken.get(note.pitch, note.end)
        if min(note.end, free_until) - end >= MIN_ENTRY:
            around.append(replace(note, end=min(note.end, free_until)))
    return around


def _pedal_up(controls: Sequence[ControlChange], span: _Span) -> list[ControlChange]:
    """Controllers of which the pedal is up in a silence, and after it as it was."""
    start, end = span
    pedal = [control for control in controls if control.number == _PEDAL]
    if not pedal:
        return list(controls)
    ticks = [control.tick for control in pedal]
    states = [0, *(control.value for control in pedal)]
    before, after = states[bisect_right(ticks, start - 1)], states[bisect_right(ticks, end - 1)]
    kept = [c for c in controls if c.number != _PEDAL or not start <= c.tick < end]
    if before >= _DOWN:
        kept.append(ControlChange(start, _PEDAL, 0))
    if after >= _DOWN and not any(c.number == _PEDAL and c.tick == end for c in kept):
        kept.append(ControlChange(end, _PEDAL, after))
    return kept


def _with_silences(
    markers: Sequence[TextEvent], spans: Sequence[_Span], plan: Plan
) -> tuple[TextEvent, ...]:
    """Markers with one at the start of every silence, as a cue sheet calls it."""
    found = list(markers)
    for start, end in spans:
        edges_s = (
            plan.grid.seconds_at(start / TICKS_PER_BEAT),
            plan.grid.seconds_at(end / TICKS_PER_BEAT),
        )
        found.append(TextEvent(start, f"Silence {float(edges_s[1] - edges_s[0]):.2f} s"))
    return tuple(sorted(found, key=lambda marker: marker.tick))


def _labelled(marker: TextEvent, plan: Plan, clock: Timecode) -> TextEvent:
    """A marker with its timecode behind its text."""
    time_s = float(plan.grid.seconds_at(marker.tick / TICKS_PER_BEAT))
    return TextEvent(marker.tick, f"{marker.text} {clock.label(time_s)}")
