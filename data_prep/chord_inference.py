"""Chords and key of notes without beats, such as a transcribed performance.

* Chords: Viterbi decoding over frames of :data:`FRAME_S`. What sounds in a frame is weighed by its
  duration and by the decay of a piano, and is modelled as draws from the chord's tones; the lowest
  pitch is most likely the root; seventh chords and rarer qualities cost a little each second, and
  so does every change of chord. On 40 songs of POP909 the roots agree with the published labels for
  85 % of the time and the roots with major or minor for 83 %, where note_seq's chord inference
  reaches 77 % and 76 % (:mod:`experiments.composer.chord_inference`); POP909's own two label files
  agree on 84 % of the roots.
* Key: the profile of Albrecht & Shanahan (2013) that correlates best with the pitch classes, as in
  Krumhansl & Schmuckler's method.

Notes are arrays [n, 3]: start and end in seconds, and pitch (MIDI note number).
"""

from __future__ import annotations

import numpy as np

from amt.chords import QUALITY_NAMES, VOCABULARY_SIZE, Key, Mode, chord_from_id
from amt.types import FloatArray, IntArray
from data_prep.viterbi import best_states

FRAME_S = 0.25
DECAY_S = 2.0
"""Time in which a held piano note loses the factor e of its weight."""
SILENCE_S = 2.0
"""A silence longer than this between two chords is no chord."""

_OUTSIDE = 0.1
"""Share of what sounds that is not of the chord."""
_CHROMA_WEIGHT = 2.0
_FULL_TEXTURE = 2.0
"""Frames with fewer tones than this count less, in proportion."""
_BASS_WEIGHT = 0.5
_BASS_ROOT, _BASS_CHORD = 0.7, 0.95
"""Probability that the lowest pitch is the root, and that it is of the chord at all."""
_CHANGE_COST = 5.0
_QUALITY_COST = {
    "maj": 0.0, "min": 0.0, "min7": 1.0, "maj7": 1.0, "7": 1.0, "hdim7": 2.0, "dim": 3.0,
    "sus4": 3.0, "sus2": 4.0, "maj6": 4.0, "min6": 4.0, "dim7": 4.0, "aug": 3.0,
}  # fmt: skip
"""Cost of a quality in nats a second; as the other weights, fitted to 40 songs of POP909."""

_KEY_PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (.238, .006, .111, .006, .137, .094, .016, .214, .009, .080, .008, .081),
    "minor": (.220, .006, .104, .123, .019, .103, .012, .214, .062, .022, .061, .052),
}  # fmt: skip
"""Albrecht & Shanahan 2013; of 40 s of POP909 they find the key signature in 97 %, the profiles of
Krumhansl & Kessler 1982 in 86 %."""


def infer_chords(notes: FloatArray) -> IntArray:
    """The most likely chord id of every frame of :data:`FRAME_S` seconds.

    Args:
        notes: [n, 3] start and end in seconds and pitch, at least one note.
    """
    roll = _weighted_roll(notes)
    chroma = np.stack([roll[:, pc::12].sum(axis=1) for pc in range(12)], axis=1)
    texture = chroma.sum(axis=1)
    shares = chroma / np.maximum(texture, _FULL_TEXTURE)[:, None]
    audible = roll > 0.1
    sounds = audible.any(axis=1)
    bass = np.where(sounds, audible.argmax(axis=1) % 12, 12)
    score = _CHROMA_WEIGHT * shares @ _TONES.T + _BASS_WEIGHT * _BASS[bass] - _COST * FRAME_S
    score[sounds, 0] = -np.inf
    score[~sounds, 1:] -= 2 * _CHANGE_COST * FRAME_S / SILENCE_S
    return best_states(score, _CHANGE_COST)


def infer_key(notes: FloatArray) -> Key:
    """The key whose profile correlates best with the sounding time of the pitch classes.

    Args:
        notes: [n, 3] start and end in seconds and pitch, at least one note.
    """
    seconds = np.minimum(notes[:, 1] - notes[:, 0], 2 * DECAY_S)
    histogram = np.bincount(notes[:, 2].astype(int) % 12, weights=seconds, minlength=12)
    keys = [Key(tonic, mode) for mode in _KEY_PROFILES for tonic in range(12)]
    profiles = np.array([np.roll(_KEY_PROFILES[key.mode], key.tonic) for key in keys])
    profiles -= profiles.mean(axis=1, keepdims=True)
    fit = profiles @ histogram / np.linalg.norm(profiles, axis=1)
    return keys[int(fit.argmax())]


def _weighted_roll(notes: FloatArray) -> FloatArray:
    """[frames, 128] share of the frame that a pitch sounds, less the longer ago it was struck."""
    n_frames = max(1, int(np.ceil(notes[:, 1].max() / FRAME_S)))
    roll = np.zeros((n_frames, 128))
    for start, end, pitch in notes:
        frames = np.arange(int(start / FRAME_S), min(int(np.ceil(end / FRAME_S)), n_frames))
        times = frames * FRAME_S
        overlap = np.minimum(end, times + FRAME_S) - np.maximum(start, times)
        decay = np.exp(-np.maximum(times - start, 0) / DECAY_S)
        roll[frames, int(pitch)] += np.maximum(overlap, 0) / FRAME_S * decay
    return np.minimum(roll, 1)


def _tone_tables() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log probability of tones [ids, 12] and bass [13, ids] (12 is silence); cost [ids]."""
    tones = np.full((VOCABULARY_SIZE, 12), 1 / 12)
    bass = np.full((13, VOCABULARY_SIZE), 1 / 12)
    cost = np.zeros(VOCABULARY_SIZE)
    for index in range(1, VOCABULARY_SIZE):
        chord = chord_from_id(index)
        inside = list(chord.pitch_classes)
        tones[index] = _OUTSIDE / (12 - len(inside))
        tones[index, inside] = (1 - _OUTSIDE) / len(inside)
        bass[:12, index] = (1 - _BASS_CHORD) / 12
        bass[inside, index] += (_BASS_CHORD - _BASS_ROOT) / len(inside)
        bass[inside[0], index] += _BASS_ROOT
        cost[index] = _QUALITY_COST[chord.quality]
    bass[12] = 1
    return np.log(tones), np.log(bass), cost


assert set(_QUALITY_COST) == set(QUALITY_NAMES)
_TONES, _BASS, _COST = _tone_tables()
