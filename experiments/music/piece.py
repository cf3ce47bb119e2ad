"""One form for what is measured: pieces of ours read from their MIDI files, and songs of POP909.

Conventions: times are ticks of 1/480 beat, a beat is a quarter note; notes are integers [n, 4] with
columns :data:`ONSET`, :data:`END`, :data:`PITCH`, :data:`VELOCITY`, sorted by onset and pitch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amt.arrange.styles import Style, load_style
from amt.chords import Key, parse_chord
from amt.midi import read_midi
from amt.models.notes import tokens
from amt.types import TICKS_PER_BEAT, FloatArray, Song, Track
from data_prep.note_song import NoteSong

IntArray = NDArray[np.int64]

ONSET, END, PITCH, VELOCITY = range(4)
NEAR = TICKS_PER_BEAT // 8
"""Ticks between notes that begin together at most: a 32nd."""
MELODY, COUNTER, ACCOMPANIMENT, BASS = "melody", "counter", "accompaniment", "bass"
"""Parts of a piece; whatever is none of the others, pads too, is accompaniment."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece as the measures read it."""

    name: str
    key: Key
    bars: tuple[int, ...]
    """Beats of each bar; they sum to B."""
    beat_s: FloatArray
    """[B] seconds that each beat lasts."""
    chords: IntArray
    """[B] id of the chord on each beat (:mod:`amt.chords`)."""
    parts: Mapping[str, IntArray]
    """Part -> its notes; only parts that play. Drums are left out."""
    sections: tuple[int, ...] = (0,)
    """Beats on which sections begin."""
    key_changes: tuple[tuple[int, Key], ...] = ()
    """Beat and key where the key changes after the beginning."""
    strong_cuts: tuple[int, ...] = ()
    """Ticks of the strong cuts of the clip."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """[B] the key of each beat."""
        beats = [beat for beat, _ in self.key_changes]
        keys = [self.key, *(key for _, key in self.key_changes)]
        return tuple(keys[bisect_right(beats, beat)] for beat in range(self.n_beats))

    @property
    def n_beats(self) -> int:
        """B."""
        return len(self.beat_s)

    @property
    def notes(self) -> IntArray:
        """All notes of all parts, sorted by onset and pitch."""
        return sorted_notes(np.concatenate([_NO_NOTES, *self.parts.values()]))

    def others(self, part: str) -> IntArray:
        """The notes of all parts but one."""
        rest = [notes for name, notes in self.parts.items() if name != part]
        return sorted_notes(np.concatenate([_NO_NOTES, *rest]))


_NO_NOTES: IntArray = np.zeros((0, 4), dtype=np.int64)


def sorted_notes(notes: IntArray) -> IntArray:
    """Notes [n, 4] by onset, then pitch."""
    return notes[np.lexsort((notes[:, PITCH], notes[:, ONSET]))]


def read_piece(midi: Path, style: str, strong_cuts: Iterable[int] = ()) -> Piece:
    """A piece that the command wrote.

    Args:
        midi: the file; its chord names are read as chords, its markers as sections.
        style: the style it was written in, whose instruments' names say which track is which part.
        strong_cuts: numbers of the clip's strong cuts, from 1, as the file's markers count them.
    """
    song = read_midi(midi)
    parts = _parts_of(song, _candidates(load_style(style)))
    wanted = {f"Cut {number}" for number in strong_cuts}
    begins = [m.tick // TICKS_PER_BEAT for m in song.markers if m.text.startswith("Section ")]
    return Piece(
        name=midi.stem,
        key=song.key,
        bars=_bars(song),
        beat_s=_beat_seconds(song),
        chords=_chords(song),
        parts=parts,
        sections=tuple(begins) or (0,),
        key_changes=tuple((c.tick // TICKS_PER_BEAT, c.key) for c in song.key_changes),
        strong_cuts=tuple(m.tick for m in song.markers if m.text in wanted),
    )


def _candidates(style: Style) -> dict[str, tuple[str, ...]]:
    """Track -> the parts that it may play, in the order of the style."""
    found: dict[str, tuple[str, ...]] = {
        i.name: (_part(i.role),) for i in reversed(style.instruments)
    }
    for name in dict.fromkeys(part.name for part in style.parts):
        sources = [part.source for part in style.parts if part.name == name]
        found[name] = tuple(dict.fromkeys(_part(source) for source in sources))
    return found


def _parts_of(song: Song, candidates: Mapping[str, tuple[str, ...]]) -> dict[str, IntArray]:
    """Part -> its notes.

    An instrument of an orchestra may double the melody or the bass in one phrase and play another
    part in the next. So the bars in which all its notes double one of these (:func:`doubles`) are
    that part's, and the others are of the part that it may play besides.
    """
    tracks = [track for track in song.tracks if not track.is_drum and track.notes]
    found: dict[str, list[IntArray]] = {}
    for track in tracks:
        if len(candidates[track.name]) == 1:
            found.setdefault(candidates[track.name][0], []).append(_notes(track))
    for track in tracks:
        own = candidates[track.name]
        if len(own) > 1:
            rest = next((part for part in own if part not in (MELODY, BASS)), own[0])
            for bar in _by_bar(_notes(track), _bars(song)):
                doubled = (p for p in own if p in found and p != rest)
                part = next((p for p in doubled if doubles(bar, np.concatenate(found[p]))), rest)
                found.setdefault(part, []).append(bar)
    return {part: sorted_notes(np.concatenate(notes)) for part, notes in found.items()}


def doubles(notes: IntArray, line: IntArray) -> bool:
    """Whether all notes begin with a note of a line, to a 32nd, some octaves from it or on it."""
    near = np.abs(notes[:, None, ONSET] - line[None, :, ONSET]) <= NEAR
    octaves = (notes[:, None, PITCH] - line[None, :, PITCH]) % 12 == 0
    return bool((near & octaves).any(axis=1).all())


def _by_bar(notes: IntArray, bars: tuple[int, ...]) -> list[IntArray]:
    """Notes by the bar in which they begin; only bars with some."""
    edges = TICKS_PER_BEAT * np.cumsum(bars)[:-1] - NEAR
    return [bar for bar in np.split(notes, np.searchsorted(notes[:, ONSET], edges)) if len(bar)]


def piece_of(song: NoteSong) -> Piece:
    """A song of a corpus; its bass is part of its accompaniment."""
    ticks = tokens.TICKS_PER_POSITION
    parts = {}
    for index, role in enumerate(tokens.ROLES):
        rows = song.notes[song.notes[:, tokens.ROLE] == index]
        if len(rows):
            onset = ticks * rows[:, tokens.ONSET]
            end = onset + ticks * rows[:, tokens.DURATION]
            columns = (onset, end, rows[:, tokens.PITCH], rows[:, tokens.VELOCITY])
            parts[_part(role)] = sorted_notes(np.stack(columns, axis=1))
    return Piece(song.name, song.key, song.bars, 60 / song.tempo_bpm, song.chords, parts)


def excerpt(piece: Piece, first: int, last: int) -> Piece:
    """Bars ``first`` to before ``last``; notes that outlast them are cut."""
    edges = np.concatenate([[0], np.cumsum(piece.bars)])
    begin, end = (int(edges[bar]) for bar in (first, last))
    parts = {}
    for name, notes in piece.parts.items():
        onsets = notes[:, ONSET]
        kept = notes[(onsets >= begin * TICKS_PER_BEAT) & (onsets < end * TICKS_PER_BEAT)].copy()
        kept[:, END] = np.minimum(kept[:, END], end * TICKS_PER_BEAT)
        kept[:, [ONSET, END]] -= begin * TICKS_PER_BEAT
        if len(kept):
            parts[name] = kept
    return Piece(
        piece.name, piece.key, piece.bars[first:last], piece.beat_s[begin:end],
        piece.chords[begin:end], parts,
    )  # fmt: skip


def _part(role: str) -> str:
    if role == "cadences":  # of the timpani, which play roots
        return BASS
    return role if role in (MELODY, COUNTER, BASS) else ACCOMPANIMENT


def _notes(track: Track) -> IntArray:
    return np.array([(n.start, n.end, n.pitch, n.velocity) for n in track.notes], dtype=np.int64)


def _bars(song: Song) -> tuple[int, ...]:
    """Beats of each bar; a last one that is cut short counts with the beats it begins."""
    bars: list[int] = []
    changes = song.time_signatures
    ends = [*(change.tick for change in changes[1:]), song.end]
    for change, end in zip(changes, ends, strict=True):
        length = change.numerator * 4 // change.denominator
        beats = -(-(end - change.tick) // TICKS_PER_BEAT)
        bars += [length] * (beats // length) + ([beats % length] if beats % length else [])
    return tuple(bars)


def _beat_seconds(song: Song) -> FloatArray:
    """Seconds of each beat [B], by the tempo on it."""
    n_beats = sum(_bars(song))
    ticks = np.array([change.tick for change in song.tempos])
    lengths = np.array([change.us_per_beat for change in song.tempos]) / 1e6
    beats = TICKS_PER_BEAT * np.arange(n_beats)
    return np.asarray(lengths[np.searchsorted(ticks, beats, side="right") - 1])


def _chords(song: Song) -> IntArray:
    names = song.chord_names
    ids = np.array([0, *(parse_chord(name.text).id for name in names)])
    ticks = np.array([name.tick for name in names])
    beats = TICKS_PER_BEAT * np.arange(sum(_bars(song)))
    return np.asarray(ids[np.searchsorted(ticks, beats, side="right")])
