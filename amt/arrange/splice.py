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


def splice_bars(song: Song, anew: Song, span: range) -> Song:
    """A song with some of its bars from another version.

    A track is the same as the one of its name or, failing that, one of its program that has no
    other. Tracks that the other version does not have are left as they are; those that only it has
    are added behind, with the new bars.

    Args:
        song: the piece as it is; all but the notes that begin in ``span`` stays.
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
