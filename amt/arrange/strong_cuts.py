"""Strong cuts are struck by a whole chord: its tones below the melody, and the bass in octaves.

Patterns and network decide by density what begins on a beat, so that a strong cut may fall on a
single note and sound like any downbeat. Here the part that plays chords gets the chord's tones that
it lacks, and the bass its octave. A cut that a sudden piano follows, and a style that makes little
of cuts, have no such chord (:mod:`amt.arrange.lead_ins`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from amt.arrange.lead_ins import CALM_ACCENT
from amt.arrange.score import Score
from amt.arrange.styles import Instrument
from amt.types import TICKS_PER_BEAT, Note, Track

CHORD_LOW = 48
"""Lowest note that a chord is completed with: C3, below which close notes blur."""
CHORD_TOP = 67
"""Note up to which, or up to its own highest note, a chord is completed: G4."""
MELODY_ROOM = 3
"""Semitones that a completed chord keeps from the melody."""
VOICES = 5
"""Notes of a completed chord at most."""
LENGTH_BEATS = 2
"""Beats that added notes are held at most; they end with their chord."""
_CHORD_ROLES = ("accompaniment", "harmony")
"""Roles that complete the chord, the first that plays."""


def with_strong_cuts_struck(score: Score, tracks: Sequence[Track]) -> list[Track]:
    """The tracks with a whole chord on every strong cut.

    Args:
        score: of the piece.
        tracks: all of them, in any order.
    """
    if score.style.accent < CALM_ACCENT:
        return list(tracks)
    players = {player.name: player for player in reversed(score.style.instruments)}
    found = [players.get(track.name) for track in tracks]
    roles = [player.role if player else "" for player in found]
    melody = [n for t, role in zip(tracks, roles, strict=True) if role == "melody" for n in t.notes]
    chordal = next((role for role in _CHORD_ROLES if role in roles), None)
    ticks = [led.beat * TICKS_PER_BEAT for led in score.form.lead_ins if not led.is_sudden]
    above = _Sounding(melody)
    struck = []
    for track, player in zip(tracks, found, strict=True):
        if player and player.role in (chordal, "bass"):
            notes = _Sounding(track.notes)
            for tick in ticks:
                if tick < score.form.ending:
                    low, high = notes.around(tick, LENGTH_BEATS * TICKS_PER_BEAT)
                    local = replace(track, notes=tuple(notes.notes[low:high]))
                    melodic = above.notes[slice(*above.around(tick, 0))]
                    notes.notes[low:high] = _struck(local, tick, score, player, melodic).notes
            track = replace(track, notes=tuple(notes.notes))
        struck.append(track)
    return struck


class _Sounding:
    """Notes of one part in order, of which those around a tick are found without reading all."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self.notes = sorted(notes)
        added = LENGTH_BEATS * TICKS_PER_BEAT
        self._longest = max(added, *(note.end - note.start for note in notes), 0)

    def around(self, tick: int, after: int) -> tuple[int, int]:
        """Indices of the notes that may sound on a tick or begin up to ``after`` ticks later.

        The nearest ones before and after are among them.
        """
        low = bisect_left(self.notes, tick - self._longest, key=_start)
        if low:  # all that begin with the nearest note before
            low = bisect_left(self.notes, self.notes[low - 1].start, key=_start)
        return low, bisect_right(self.notes, tick + after, key=_start) + 1


def _start(note: Note) -> int:
    return note.start


def _struck(
    track: Track, tick: int, score: Score, player: Instrument, melody: Sequence[Note]
) -> Track:
    form = score.form
    begun = [note for note in track.notes if note.start == tick]
    own = {note.pitch for note in begun}
    tones = form.tones_at(tick)
    if player.role == "bass":
        wanted = [n.pitch - 12 if n.pitch - 12 >= player.low else n.pitch + 12 for n in begun]
    else:
        above = [n.pitch for n in melody if n.start <= tick < n.end]
        high = min([player.high, max([*own, CHORD_TOP]), *(p - MELODY_ROOM for p in above)])
        low = max(player.low, CHORD_LOW)
        chord = [p for p in range(high, low - 1, -1) if p % 12 in tones and p not in own]
        wanted = chord[: max(VOICES - len(own), 0)]
    pitches = set(wanted) - own
    near = min(track.notes, key=lambda note: abs(note.start - tick), default=None)
    if not pitches or near is None:
        return track
    end = min(tick + LENGTH_BEATS * TICKS_PER_BEAT, form.regions[form.region_at(tick)].end)
    velocity = max((note.velocity for note in begun), default=near.velocity)
    added = [Note(tick, p, _free_until(track, p, tick, end), velocity) for p in sorted(pitches)]
    kept = [
        replace(n, end=tick) if n.pitch in pitches and n.start < tick < n.end else n
        for n in track.notes
    ]
    return replace(track, notes=tuple(sorted([*kept, *added])))


def _free_until(track: Track, pitch: int, tick: int, end: int) -> int:
    """The tick up to which a note may sound before the next of its pitch."""
    return min([end, *(n.start for n in track.notes if n.pitch == pitch and n.start > tick)])
