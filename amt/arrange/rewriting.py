"""Some bars of a song taken from another version of it, all others left as they are.

A bar's notes are those that begin in it. So a note that begins before the new bars and sounds into
them stays, and what is new gives way to it; a new note ends with the last new bar, unless its
pitch was held over that bar line before: then it is held as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from amt.plan import Rewrite
from amt.types import TICKS_PER_BEAT, Note, Song, TimeGrid, Track


def bar_span(grid: TimeGrid, rewrite: Rewrite, end: int) -> range:
    """Ticks of the bars of a rewrite, in a song that ends on tick ``end``."""
    first_beat = sum(grid.bars[: rewrite.first - 1])
    last_beat = sum(grid.bars[: rewrite.last])
    return range(min(first_beat * TICKS_PER_BEAT, end), min(last_beat * TICKS_PER_BEAT, end))


def with_bars(song: Song, anew: Song, span: range) -> Song:
    """A song with some of its bars from another version.

    Tracks are the same where name and kind are. Tracks that the other version does not have are
    left as they are; those that only it has are added behind, with the new bars.

    Args:
        song: the piece as it is; all but the notes that begin in ``span`` stays.
        anew: the other version, on the same ticks.
        span: ticks of the new bars.
    """
    others = {_name(track): track for track in anew.tracks}
    tracks = [
        replace(track, notes=_spliced(track.notes, others.pop(_name(track)).notes, span))
        if _name(track) in others
        else track
        for track in song.tracks
    ]
    for track in others.values():  # at the end, so that the others keep their channels
        notes = _spliced((), track.notes, span)
        tracks += [replace(track, notes=notes)] if notes else []
    return replace(song, tracks=tuple(tracks))


def _name(track: Track) -> tuple[str, bool]:
    return track.name, track.is_drum


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
