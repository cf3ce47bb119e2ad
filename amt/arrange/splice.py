"""Bars of a song replaced by the same bars of another version of it; all others stay.

The notes of a bar are those that begin in it. A note that begins before the new bars and sounds
into them therefore stays, and new notes of its pitch during it are left out. A new note ends with
the last new bar at the latest, unless an old note of its pitch was held over that bar line: then it
ends with the old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from amt.types import TICKS_PER_BEAT, Note, Rewrite, Song, TimeGrid, Track


def bar_span(grid: TimeGrid, rewrite: Rewrite, end: int) -> range:
    """Return the ticks of the bars of a rewrite, in a song that ends on tick ``end``."""
    first_beat = sum(grid.bars[: rewrite.first - 1])
    last_beat = sum(grid.bars[: rewrite.last])
    return range(min(first_beat * TICKS_PER_BEAT, end), min(last_beat * TICKS_PER_BEAT, end))


def splice_bars(song: Song, anew: Song, span: range) -> Song:
    """Return a song with some of its bars from another version.

    Tracks correspond by name or, failing that, by program. Tracks that the other version lacks stay
    as they are; those that only it has are appended, with notes in the new bars alone.

    Args:
        song: the piece; everything but the notes that begin in ``span`` stays.
        anew: the other version, on the same ticks.
        span: ticks of the new bars.
    """
    partners = _partners(song.tracks, anew.tracks)
    tracks = [
        replace(track, notes=_spliced(track.notes, anew.tracks[partners[i]].notes, span))
        if i in partners
        else track
        for i, track in enumerate(song.tracks)
    ]
    added = [track for i, track in enumerate(anew.tracks) if i not in partners.values()]
    for track in added:  # at the end, so that the others keep their channels
        notes = _spliced((), track.notes, span)
        tracks += [replace(track, notes=notes)] if notes else []
    return replace(song, tracks=tuple(tracks))


def _partners(tracks: Sequence[Track], others: Sequence[Track]) -> dict[int, int]:
    """Index of a track -> index of the same track in another version."""
    partners: dict[int, int] = {}
    for same in (_same_name, _same_program):
        for i, track in enumerate(tracks):
            free = (j for j in range(len(others)) if j not in partners.values())
            found = next((j for j in free if same(track, others[j])), None)
            if i not in partners and found is not None:
                partners[i] = found
    return partners


def _same_name(one: Track, other: Track) -> bool:
    return (one.name, one.is_drum) == (other.name, other.is_drum)


def _same_program(one: Track, other: Track) -> bool:
    return one.is_drum == other.is_drum and (one.is_drum or one.program == other.program)


def _spliced(old: Sequence[Note], new: Sequence[Note], span: range) -> tuple[Note, ...]:
    kept = [note for note in old if note.start not in span]
    sounding_until: dict[int, int] = {}
    for note in kept:
        if note.start < span.start:
            sounding_until[note.pitch] = max(note.end, sounding_until.get(note.pitch, 0))
    held_until = {n.pitch: n.end for n in old if n.start in span and n.end > span.stop}
    added = []
    for note in new:
        if note.start in span and note.start >= sounding_until.get(note.pitch, 0):
            latest = held_until.get(note.pitch, span.stop)
            end = latest if note.end > span.stop else note.end
            added.append(replace(note, end=end))
    return tuple(sorted([*kept, *added]))
