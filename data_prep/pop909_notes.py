"""POP909 (Wang et al. 2020) as notes on a grid of bars.

``ROOT/NNN/NNN.mid`` has the tracks MELODY, BRIDGE and PIANO: the melody, a second melody that
answers it, and the accompaniment. ``beat_midi.txt`` has one beat per line: its time in seconds and
whether it is a downbeat of two and of four beats; ``chord_midi.txt`` has the chords on that clock.

The chords of the MIDI are read here, where :mod:`data_prep.pop909` reads those of the recording:
98 % of what the piano plays is of them, against 91 %, so that what is learned from them is to play
what the chords say.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from amt.errors import ChordError, MidiError, shown
from amt.measure import tick_seconds
from amt.midi import read_midi
from amt.models.notes.tokens import (
    DURATION,
    MAX_BEATS,
    ONSET,
    RESOLUTION,
    snap,
)
from amt.types import FloatArray, IntArray, Song
from data_prep.chord_track import chord_ids
from data_prep.corpus import CorpusError, fingerprint, read_usable
from data_prep.note_song import NoteSong, read_songs, write_songs
from data_prep.pop909 import longest_key, nearest_chord, read_rows
from data_prep.quantise import on_positions, sounding_song

TRACKS = {"MELODY": 0, "BRIDGE": 1, "PIANO": 2}
"""Name of a track -> index of its role in :data:`amt.models.notes.tokens.ROLES`."""

LEAST_REGULAR = 0.7
"""Share of bars that have the metre of most."""
_CHORD_AT = 0.25
"""Place in a beat at which its chord is read: labels begin a little before or after the beat."""
_LONGEST_GAP = 1.75
"""Longest beat, in median beats; in a longer one a beat is missing."""
_CACHE_VERSION = 1
"""To be raised when the reading changes."""


def load_songs(
    root: Path, *, report: Callable[[str], None] | None = None, cache: Path | None = None
) -> list[NoteSong]:
    """Read every song, in its own key.

    Args:
        root: the folder that holds ``001`` and so on.
        report: called with one sentence for every song that is left out.
        cache: folder for one ``.npz``, read instead of the corpus while the names and sizes of its
            MIDI files stay the same; None reads the corpus each time.

    Raises:
        CorpusError: there is no usable song.
    """
    paths = sorted(root.glob("[0-9][0-9][0-9]/[0-9][0-9][0-9].mid"))
    digits = fingerprint(_CACHE_VERSION, root, paths)
    cached = None if cache is None else cache / f"pop909-notes-{digits}.npz"
    if cached is not None and cached.is_file():
        return read_songs(cached)
    songs = read_usable((path.parent for path in paths), read_song, report)
    if not songs:
        raise CorpusError(f"no usable song of POP909 under {root}: expected 001/001.mid and so on")
    if cached is not None:
        write_songs(cached, songs)
    return songs


def read_song(folder: Path) -> NoteSong:
    """Read one song, from its first bar with a note to its last.

    Raises:
        CorpusError: a file is missing or broken, the beats do not fit the notes, or the song is
            short, mostly silent or of changing metre.
    """
    name = f"pop909/{folder.name}"
    try:
        song = read_midi(folder / f"{folder.name}.mid")
    except MidiError as error:
        raise CorpusError(str(error)) from error
    beats_s, downbeats = _read_beats(folder / "beat_midi.txt")
    bars = _bars(downbeats, len(beats_s) - 1, name)
    chords = _chords_on(folder / "chord_midi.txt", beats_s)
    notes = snap(on_positions(name, _on_beats(song, beats_s), sum(bars)))
    return sounding_song(name, longest_key(folder), bars, beats_s, chords, notes)


def _read_beats(path: Path) -> tuple[FloatArray, IntArray]:
    """Times [B + 1] of the beats and of the end of the last, and the downbeats of four among them.

    The beat that the last line begins lasts as long as the one before.
    """
    try:
        table = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{shown(path)} is missing or no table of beats") from error
    if table.shape[0] < 2 or table.shape[1] != 3 or not np.isfinite(table).all():
        raise CorpusError(
            f"{shown(path)}: expected rows of time, downbeat of two and downbeat of four"
        )
    lengths = np.diff(table[:, 0])
    if lengths.min() <= 0 or lengths.max() > _LONGEST_GAP * np.median(lengths):
        raise CorpusError(f"{shown(path)}: its beats are out of order, or one is missing")
    beats_s = np.append(table[:, 0], table[-1, 0] + lengths[-1])
    return beats_s, np.flatnonzero(table[:, 2])


def _on_beats(song: Song, beats_s: FloatArray) -> FloatArray:
    """Notes [n, 5] that begin on the beats, with onset and duration in beats."""
    rows = []
    for track in song.tracks:
        if track.name.strip() in TRACKS and track.notes:
            role = TRACKS[track.name.strip()]
            rows += [(n.start, role, n.pitch, n.end, n.velocity) for n in track.notes]
    notes = np.array(rows, dtype=np.float64).reshape(-1, 5)
    beats = np.arange(len(beats_s), dtype=np.float64)
    for column in (ONSET, DURATION):
        seconds = tick_seconds(song, notes[:, column])
        notes[:, column] = np.interp(seconds, beats_s, beats, left=-1.0)
    notes[:, DURATION] -= notes[:, ONSET]
    kept = (notes[:, ONSET] > -0.5 / RESOLUTION) & (notes[:, ONSET] < len(beats_s) - 1)
    return np.asarray(notes[kept & (notes[:, DURATION] > 0)])


def _bars(downbeats: IntArray, n_beats: int, name: str) -> tuple[int, ...]:
    """Beats of each bar; what comes before the first downbeat is a bar of its own."""
    edges = np.unique(np.concatenate([[0], downbeats, [n_beats]]))
    lengths = np.diff(edges)
    regular = float((lengths == np.bincount(lengths).argmax()).mean())
    if lengths.max() > MAX_BEATS or regular < LEAST_REGULAR:
        raise CorpusError(
            f"{name}: only {regular:.0%} of its bars have one metre, the longest {lengths.max()} "
            "beats"
        )
    return tuple(lengths.tolist())


def _chords_on(path: Path, beats_s: FloatArray) -> IntArray:
    """Id [B] of the chord on each beat."""
    rows = read_rows(path)
    try:
        ids = chord_ids([nearest_chord(label) for _, _, label in rows])
    except ChordError as error:
        raise CorpusError(f"{shown(path)}: {error}") from error
    at_s = beats_s[:-1] + _CHORD_AT * np.diff(beats_s)
    index = np.searchsorted([start for start, _, _ in rows], at_s, side="right") - 1
    outside = (index < 0) | (at_s >= rows[-1][1])
    return np.where(outside, 0, ids[index])
