"""EMOPIA as notes on a grid of bars; :mod:`data_prep.emopia` says what is published.

A clip is a transcribed performance, so all else is inferred here.

* Beats and bars: :mod:`data_prep.beat_tracking`. Then sixteenths or triplets, as in POP909.
* Chords: :func:`data_prep.chord_inference.infer_chords` on the clock of the beats, so that chords
  change on them.
* Roles: the melody is the highest note of an onset, if it is no lower than :data:`LOWEST_MELODY`
  and at most :data:`DEEPEST_LEAP` below the highest within a beat before and after: what is farther
  below accompanies a melody note that still sounds. All else is harmony. Of POP909's MELODY this
  finds 67 % of the notes, and 82 % of what it finds there is of MELODY or BRIDGE.
* Lengths: the transcription holds notes as long as the pedal does, which says little about the
  voice they belong to. So a melody note ends with the next of the melody. A note of the harmony
  ends when the harmony strikes within :data:`NEIGHBOURS` of it or when the chord changes, a bar
  later at most: as fingers would hold it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amt.errors import MidiError, shown
from amt.measure import tick_seconds
from amt.midi import read_midi
from amt.models.notes.tokens import (
    DURATION,
    ONSET,
    PITCH,
    RESOLUTION,
    ROLE,
    ROLES,
    VELOCITY,
    snap,
)
from amt.types import FloatArray, IntArray, Song
from data_prep.beat_tracking import track_bars, track_beats
from data_prep.chord_inference import FRAME_S, infer_chords, infer_key
from data_prep.corpus import CorpusError, fingerprint, read_usable
from data_prep.emopia import QUADRANT_VALENCE_AROUSAL, parse_name
from data_prep.note_song import NoteSong, read_songs, write_songs
from data_prep.quantise import Least, on_positions, sounding_song
from data_prep.sustain import sounding_notes

LOWEST_MELODY = 60
DEEPEST_LEAP = 7
NEIGHBOURS = 5
"""Semitones; a fourth, so that a broken chord is held tone by tone and a bass note below it on."""
LONGEST = 4 * RESOLUTION
"""Longest note of the harmony in positions."""

LEAST_OF_CLIPS = Least(bars=4, notes=40)
"""Half a minute of slow music; as many as in a song would leave out the sad clips above all."""

_MELODY, _HARMONY = (list(ROLES).index(role) for role in ("melody", "harmony"))
_USUAL_VELOCITY = 80
_FRAMES_A_BEAT = 2
"""Frames of :func:`infer_chords`; at their length the clock is that of 120 BPM."""
_BASS_SPAN = 24.0
"""Semitones below the median pitch at which bass is as low as it counts."""
_CACHE_VERSION = 1
"""To be raised when the reading changes."""


def load_clips_as_notes(
    root: Path, *, report: Callable[[str], None] | None = None, cache: Path | None = None
) -> list[NoteSong]:
    """Read every clip, in its own key, with its affect.

    Args:
        root: the folder of ``Q1_…_0.mid`` and so on.
        report: called with one sentence for every clip that is left out.
        cache: folder for one ``.npz``, read instead of inferring anew while the names and sizes of
            the files stay the same; None infers each time.

    Raises:
        CorpusError: there is no usable clip.
    """
    paths = sorted(root.glob("Q*.mid"))
    digits = fingerprint(_CACHE_VERSION, root, paths)
    cached = None if cache is None else cache / f"emopia-notes-{digits}.npz"
    if cached is not None and cached.is_file():
        return read_songs(cached)
    clips = read_usable(paths, read_clip_as_notes, report)
    if not clips:
        raise CorpusError(f"no usable clip of EMOPIA under {root}: expected Q1_SONG_0.mid, …")
    if cached is not None:
        write_songs(cached, clips)
    return clips


def read_clip_as_notes(path: Path) -> NoteSong:
    """Read one clip, from its first bar with a note to its last.

    Raises:
        CorpusError: the file's name is of another form, the file is no MIDI file or empty, no beats
            fit the notes, or the clip is short or mostly silent.
    """
    quadrant, song_name = parse_name(path)
    name = f"emopia/{path.stem}"
    try:
        song = read_midi(path)
    except MidiError as error:
        raise CorpusError(str(error)) from error
    played = _played_notes(song)
    if not len(played):
        raise CorpusError(f"{shown(path)} has no note")
    beats_s = track_beats(played[:, ONSET], played[:, VELOCITY] / _USUAL_VELOCITY)
    sounding = sounding_notes(song)
    chords = chords_on_beats(sounding, beats_s)
    notes = on_positions(name, _in_beats(played, beats_s), len(beats_s) - 1)
    bars = _bars(notes, chords)
    notes = snap(with_lengths(with_roles(notes), chords))
    key = infer_key(sounding)
    piece = sounding_song(name, key, bars, beats_s, chords, notes, least=LEAST_OF_CLIPS)
    return replace(piece, song=song_name, affect=QUADRANT_VALENCE_AROUSAL[quadrant])


def chords_on_beats(sounding: FloatArray, beats_s: FloatArray) -> IntArray:
    """The most likely chord id on each beat, [B].

    Args:
        sounding: [n, 3] start and end in seconds and pitch.
        beats_s: [B + 1] times of the beats and of the end of the last.
    """
    warped = sounding.copy()
    beats = np.arange(len(beats_s), dtype=np.float64)
    warped[:, :2] = np.interp(sounding[:, :2], beats_s, beats) * _FRAMES_A_BEAT * FRAME_S
    found = infer_chords(warped)[::_FRAMES_A_BEAT]
    n_beats = len(beats_s) - 1
    return np.pad(found, (0, max(0, n_beats - len(found))), mode="edge")[:n_beats]


def with_roles(notes: IntArray) -> IntArray:
    """Notes [n, 5] sorted by onset and pitch, each of the melody or of the harmony."""
    notes = notes[np.lexsort((notes[:, PITCH], notes[:, ONSET]))]
    onsets, first = np.unique(notes[:, ONSET], return_index=True)
    top = np.append(first[1:], len(notes)) - 1
    pitch = notes[top, PITCH]
    low = np.searchsorted(onsets, onsets - RESOLUTION)
    high = np.searchsorted(onsets, onsets + RESOLUTION, side="right")
    around = np.array([pitch[a:b].max() for a, b in zip(low, high, strict=True)])
    notes[:, ROLE] = _HARMONY
    notes[top[(pitch >= LOWEST_MELODY) & (pitch >= around - DEEPEST_LEAP)], ROLE] = _MELODY
    return notes


def with_lengths(notes: IntArray, chords: IntArray) -> IntArray:
    """Notes [n, 5] with roles, sorted by onset, as long as fingers would hold them.

    Args:
        notes: held by the pedal.
        chords: [B] id of the chord on each beat.
    """
    notes = notes.copy()
    changes = RESOLUTION * np.append(np.flatnonzero(np.diff(chords)) + 1, len(chords))
    for role in (_MELODY, _HARMONY):
        rows = np.flatnonzero(notes[:, ROLE] == role)
        for place, row in enumerate(rows):
            onset, pitch = notes[row, [ONSET, PITCH]]
            later = notes[rows[place + 1 :]]
            later = later[later[:, ONSET] > onset]
            end = onset + notes[row, DURATION]
            if role == _HARMONY:
                later = later[np.abs(later[:, PITCH] - pitch) <= NEIGHBOURS]
                change = changes[np.searchsorted(changes, onset, side="right") :][:1]
                end = min(end, onset + LONGEST, *change)
            if len(later):
                end = min(end, later[0, ONSET])
            notes[row, DURATION] = end - onset
    return notes


def _played_notes(song: Song) -> FloatArray:
    """Notes [n, 5] with onset and duration in seconds and no role."""
    rows = [
        (n.start, 0, n.pitch, n.end, n.velocity)
        for track in song.tracks
        if not track.is_drum
        for n in track.notes
    ]
    notes = np.array(rows, dtype=np.float64).reshape(-1, 5)
    for column in (ONSET, DURATION):
        notes[:, column] = tick_seconds(song, notes[:, column])
    notes[:, DURATION] -= notes[:, ONSET]
    return notes


def _in_beats(played: FloatArray, beats_s: FloatArray) -> FloatArray:
    notes = played.copy()
    beats = np.arange(len(beats_s), dtype=np.float64)
    ends = np.interp(played[:, ONSET] + played[:, DURATION], beats_s, beats)
    notes[:, ONSET] = np.interp(played[:, ONSET], beats_s, beats)
    notes[:, DURATION] = ends - notes[:, ONSET]
    return notes


def _bars(notes: IntArray, chords: IntArray) -> tuple[int, ...]:
    """Beats of each bar, by what happens on the beats."""
    on_beat = notes[notes[:, ONSET] % RESOLUTION == 0]
    beat = on_beat[:, ONSET] // RESOLUTION
    changes: NDArray[np.bool_] = np.diff(chords, prepend=-1) != 0
    depth = (np.median(notes[:, PITCH]) - on_beat[:, PITCH]) / _BASS_SPAN
    bass = np.zeros(len(chords))
    np.maximum.at(bass, beat, np.clip(depth, 0, 1))
    accents = np.zeros(len(chords))
    np.add.at(accents, beat, on_beat[:, VELOCITY] / _USUAL_VELOCITY)
    return track_bars(changes, bass, accents)
