"""Notes on a grid of bars, the common form of every corpus the note transformer learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amt.chords import Key
from amt.measure import bar_loudness, notes_per_beat
from amt.models.notes.tokens import tracks_of, transpose
from amt.types import TICKS_PER_BEAT, FloatArray, IntArray, Song, TempoChange, TimeSignature
from data_prep.chord_track import transpose_ids
from data_prep.corpus import read_arrays, write_arrays


@dataclass(frozen=True, slots=True, eq=False)
class NoteSong:
    """A piece of music with its beats, chords and key; see :mod:`amt.models.notes.tokens`."""

    name: str
    song: str
    """The song that it is, or is a part of; parts of a song must not be split."""
    key: Key
    bars: tuple[int, ...]
    """Beats of each bar; they sum to B."""
    tempo_bpm: FloatArray
    """[B] quarter notes a minute."""
    chords: IntArray
    """[B] id of the chord on each beat, in ``key``."""
    notes: IntArray
    """[n, 5] snapped, in ``key``."""
    density: FloatArray
    """[bars] notes a beat, by :func:`amt.measure.notes_per_beat`."""
    loudness: FloatArray
    """[bars] 0-1, by :func:`amt.measure.bar_loudness`."""
    affect: tuple[float, float] | None = None
    """Valence and arousal, -1 to 1, if somebody labelled it."""


def measured(
    name: str, key: Key, bars: tuple[int, ...], tempo_bpm: FloatArray, chords: IntArray,
    notes: IntArray,
) -> NoteSong:  # fmt: skip
    """A whole song with the density and loudness that its own notes have."""
    silent = np.zeros(len(bars))
    bare = NoteSong(name, name, key, bars, tempo_bpm, chords, notes, silent, silent)
    song = to_song(bare)
    return replace(bare, density=notes_per_beat(song), loudness=bar_loudness(song))


def to_song(piece: NoteSong) -> Song:
    """The piece as a DAW sees it, a track for each role; notes that outlast it are cut."""
    downbeats = np.concatenate([[0], np.cumsum(piece.bars)])
    notes = piece.notes.copy()
    end = int(downbeats[-1]) * TICKS_PER_BEAT
    tracks = tuple(
        replace(track, notes=tuple(replace(note, end=min(note.end, end)) for note in track.notes))
        for track in tracks_of(notes)
    )
    beats = zip(range(len(piece.tempo_bpm)), piece.tempo_bpm.tolist(), strict=True)
    return Song(
        tracks=tracks,
        tempos=tuple(TempoChange(b * TICKS_PER_BEAT, round(6e7 / bpm)) for b, bpm in beats),
        time_signatures=tuple(
            TimeSignature(int(beat) * TICKS_PER_BEAT, beats)
            for beat, beats in zip(downbeats[:-1], piece.bars, strict=True)
        ),
        key=piece.key,
        end=end,
        title=piece.name,
    )


def transposed(piece: NoteSong, semitones: int) -> NoteSong:
    """The piece moved up by ``semitones``."""
    return replace(
        piece,
        key=Key((piece.key.tonic + semitones) % 12, piece.key.mode),
        chords=transpose_ids(piece.chords, semitones),
        notes=transpose(piece.notes, semitones),
    )


def write_songs(path: Path, pieces: Sequence[NoteSong]) -> None:
    """Write pieces as one ``.npz``."""
    arrays: dict[str, NDArray[Any]] = {
        "names": np.array([piece.name for piece in pieces]),
        "songs": np.array([piece.song for piece in pieces]),
        "keys": np.array([[p.key.tonic, p.key.mode == "minor"] for p in pieces], dtype=np.int64),
        "affects": np.array([p.affect or (np.nan, np.nan) for p in pieces], dtype=np.float64),
        "counts": np.array([[len(p.bars), sum(p.bars), len(p.notes)] for p in pieces]),
    }
    for name in _JOINED:
        arrays[name] = np.concatenate([getattr(piece, name) for piece in pieces])
    write_arrays(path, arrays)


def read_songs(path: Path) -> list[NoteSong]:
    """Pieces from :func:`write_songs`."""
    arrays = read_arrays(path)
    edges = np.cumsum(arrays["counts"], axis=0)[:-1]
    columns = [np.split(arrays[name], edges[:, column]) for name, column in _JOINED.items()]
    pieces = []
    for i, row in enumerate(zip(*columns, strict=True)):
        bars, tempo_bpm, chords, notes, density, loudness = row
        tonic, minor = arrays["keys"][i].tolist()
        valence, arousal = arrays["affects"][i].tolist()
        pieces.append(
            NoteSong(
                str(arrays["names"][i]),
                str(arrays["songs"][i]),
                Key(tonic, "minor" if minor else "major"),
                tuple(bars.tolist()),
                tempo_bpm,
                chords,
                notes,
                density,
                loudness,
                affect=None if np.isnan(valence) else (valence, arousal),
            )
        )
    return pieces


_JOINED = {"bars": 0, "tempo_bpm": 1, "chords": 1, "notes": 2, "density": 0, "loudness": 0}
"""Fields with a row for each bar (0), beat (1) or note (2), in the order of :class:`NoteSong`."""
