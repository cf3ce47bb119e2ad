"""What a piece sounds like, as a few plain numbers read from its notes.

The features are those that studies of musical emotion name (Gabrielsson & Lindström 2010):
loudness, pace, register, articulation, texture, mode and harmony. They need neither beats nor bars,
so a transcribed performance and an arranged song are measured alike. Pitches are MIDI notes; chords
and key are inferred from the notes, whatever a file says of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.chords import Chord, chord_from_id
from amt.types import TICKS_PER_BEAT, FloatArray, Song
from data_prep.chord_inference import DECAY_S, FRAME_S, infer_chords
from data_prep.sustain import sounding_notes

ONSET_S = 0.03
"""Notes that begin within this time of each other are one onset."""

FAMILIES = {
    "major": ("maj", "maj6", "maj7"),
    "minor": ("min", "min7", "min6"),
    "dominant": ("7",),
    "diminished": ("dim", "dim7", "hdim7", "aug"),
    "suspended": ("sus2", "sus4"),
}
"""Families of chord qualities; the augmented triad stands by the diminished ones, as unstable."""

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""Key profiles of Krumhansl & Kessler 1982."""


def features_of(song: Song) -> dict[str, float]:
    """The features of a song with at least two notes; drums do not count."""
    notes, sounding = timed_notes(song), sounding_notes(song)
    return pace(notes) | touch(notes) | register(notes) | tonality(sounding) | harmony(sounding)


def timed_notes(song: Song) -> FloatArray:
    """Start and end in seconds, pitch and velocity [n, 4] of all notes but drums, by start.

    A note ends where its key is let go, whatever the pedal does.
    """
    rows = [
        (note.start, note.end, note.pitch, note.velocity)
        for track in song.tracks
        if not track.is_drum
        for note in track.notes
    ]
    notes = np.array(sorted(rows), dtype=np.float64).reshape(-1, 4)
    ticks = np.array([change.tick for change in song.tempos])
    s_per_tick = np.array([change.us_per_beat for change in song.tempos]) / 1e6 / TICKS_PER_BEAT
    at_change = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * s_per_tick[:-1])])
    part = np.searchsorted(ticks, notes[:, :2], side="right") - 1
    notes[:, :2] = at_change[part] + (notes[:, :2] - ticks[part]) * s_per_tick[part]
    return notes


def pace(notes: FloatArray) -> dict[str, float]:
    """How much happens: notes and onsets a second, and how evenly onsets follow each other."""
    starts = notes[:, 0]
    onsets = starts[np.diff(starts, prepend=-1.0) > ONSET_S]
    length_s = max(float(notes[:, 1].max() - starts[0]), 1.0)
    gaps = np.diff(onsets) if len(onsets) > 1 else np.array([length_s])
    return {
        "notes_per_s": len(notes) / length_s,
        "onsets_per_s": len(onsets) / length_s,
        "notes_per_onset": len(notes) / len(onsets),
        "log_gap_mean": float(np.log(gaps).mean()),
        "log_gap_std": float(np.log(gaps).std()),
    }


def touch(notes: FloatArray) -> dict[str, float]:
    """How keys are struck and held: velocity, length, and the share of time that notes overlap."""
    lengths = np.maximum(notes[:, 1] - notes[:, 0], 0.01)
    velocity = notes[:, 3]
    low, high = np.quantile(velocity, [0.1, 0.9])
    return {
        "velocity_mean": float(velocity.mean()),
        "velocity_std": float(velocity.std()),
        "velocity_range": float(high - low),
        "log_length_median": float(np.log(np.median(lengths))),
        "log_length_std": float(np.log(lengths).std()),
        "keys_held": float(lengths.sum() / max(notes[:, 1].max() - notes[0, 0], 1.0)),
    }


def register(notes: FloatArray) -> dict[str, float]:
    """Where the notes lie."""
    pitch = notes[:, 2]
    low, high = np.quantile(pitch, [0.05, 0.95])
    return {
        "pitch_mean": float(pitch.mean()),
        "pitch_std": float(pitch.std()),
        "pitch_low": float(low),
        "pitch_high": float(high),
    }


def tonality(notes: FloatArray) -> dict[str, float]:
    """Mode and clarity of the key.

    ``majorness`` is the best correlation of the pitch classes with a major key's profile less the
    best with a minor one's; ``key_clarity`` the better of the two; ``pitch_class_entropy`` in nats.

    Args:
        notes: [n, 3] start and end in seconds and pitch.
    """
    seconds = np.minimum(notes[:, 1] - notes[:, 0], 2 * DECAY_S)
    counts = np.bincount(notes[:, 2].astype(int) % 12, weights=seconds, minlength=12)
    share = counts / counts.sum()
    major, minor = (
        max(float(np.corrcoef(np.roll(profile, tonic), share)[0, 1]) for tonic in range(12))
        for profile in (_MAJOR, _MINOR)
    )
    present = share[share > 0]
    return {
        "majorness": major - minor,
        "key_clarity": max(major, minor),
        "pitch_class_entropy": float(-(present * np.log(present)).sum()),
    }


def harmony(notes: FloatArray) -> dict[str, float]:
    """Chord changes a second and the share of time of each family of chords.

    Args:
        notes: [n, 3] start and end in seconds and pitch.
    """
    ids = infer_chords(notes)
    chords = [chord_from_id(int(index)) for index in ids]
    changes = float((np.diff(ids) != 0).sum() / (len(ids) * FRAME_S))
    return {"changes_per_s": changes} | {
        f"{name}_share": share for name, share in family_shares(chords).items()
    }


def family_shares(chords: Sequence[Chord], weights: FloatArray | None = None) -> dict[str, float]:
    """Share of each family of :data:`FAMILIES` among chords other than N (all 0 if there is none).

    Args:
        chords: of any number.
        weights: [len(chords)] how much each counts, for example its length; equal if left out.
    """
    weights = np.ones(len(chords)) if weights is None else weights
    sums = dict.fromkeys(FAMILIES, 0.0)
    for chord, weight in zip(chords, weights, strict=True):
        for family, qualities in FAMILIES.items():
            if chord.quality in qualities:
                sums[family] += float(weight)
    whole = sum(sums.values()) or 1.0
    return {family: part / whole for family, part in sums.items()}
