"""EMOPIA (Hung et al. 2021; Zenodo record 5090631): piano clips labelled with an emotion quadrant.

``ROOT/Q1_0vLPYiPN7qY_0.mid`` is clip 0 of song ``0vLPYiPN7qY`` in quadrant 1 of Russell's plane of
valence and arousal. The clips are transcribed performances with a sustain pedal but without beats,
chords and key, so chords and key are inferred here.

* Chords: Viterbi decoding over frames of :data:`FRAME_S`. What sounds in a frame is weighed by its
  duration and by the decay of a piano, and is modelled as draws from the chord's tones; the lowest
  pitch is most likely the root; seventh chords and rarer qualities cost a little each second, and
  so does every change of chord. On 40 songs of POP909, kept apart from those the weights were
  fitted to, the root agrees with the published labels for 83 % of the time and the root with
  major or minor for 79 %; POP909's own two label files agree on 82 % of the roots. (note_seq's
  chord inference on half of them at its best setting: 80 % and 77 %, the one here 85 % and 82 %.)
* Key: the profile of Albrecht & Shanahan (2013) that correlates best with the clip's pitch classes,
  as in Krumhansl & Schmuckler's method.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amt.chords import QUALITY_NAMES, VOCABULARY_SIZE, Key, Mode, chord_from_id
from amt.errors import MidiError, shown
from amt.midi import read_midi
from amt.types import TICKS_PER_BEAT, Song, Track
from data_prep.chord_track import ChordTrack, normalise
from data_prep.corpus import fingerprint, read_arrays, read_usable, write_arrays
from data_prep.muvi_sync import CorpusError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

QUADRANT_VALENCE_AROUSAL: dict[int, tuple[float, float]] = {
    1: (0.6, 0.6),
    2: (-0.6, 0.6),
    3: (-0.6, -0.6),
    4: (0.6, -0.6),
}
"""Quadrant -> (valence, arousal), each -1 to 1; a label tells no more than the two signs."""

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

_NAME = re.compile(r"Q([1-4])_(.+)_(\d+)")
_SUSTAIN = 64
_CACHE_VERSION = 1
"""To be raised when the inference changes."""


@dataclass(frozen=True, slots=True, eq=False)
class AffectClip:
    """The chords of one clip and how it feels."""

    track: ChordTrack
    quadrant: int
    """1 to 4, see :data:`QUADRANT_VALENCE_AROUSAL`."""
    song: str
    """The song that the clip is of; clips of a song must not be split."""


def load_clips(
    root: Path, *, report: Callable[[str], None] | None = None, cache: Path | None = None
) -> list[AffectClip]:
    """Read every clip and infer its chords, normalised by its key.

    Args:
        root: the folder of ``Q1_…_0.mid`` and so on.
        report: called with one sentence for every clip that is left out.
        cache: folder for one ``.npz``, read instead of inferring anew while the names and sizes of
            the files stay the same; None infers each time.

    Raises:
        CorpusError: there is no readable clip.
    """
    paths = sorted(root.glob("Q*.mid"))
    cached = (
        None if cache is None else cache / f"emopia-{fingerprint(_CACHE_VERSION, root, paths)}.npz"
    )
    if cached is not None and cached.is_file():
        return _read_cache(cached)
    clips = read_usable(paths, read_clip, report)
    if not clips:
        raise CorpusError(f"no readable clip of EMOPIA under {root}: expected Q1_SONG_0.mid, …")
    if cached is not None:
        _write_cache(cached, clips)
    return clips


def read_clip(path: Path) -> AffectClip:
    """Read one clip and infer its chords.

    Raises:
        CorpusError: the file's name is of another form, or the file is no MIDI file or empty.
    """
    quadrant, song = parse_name(path)
    try:
        notes = sounding_notes(read_midi(path))
    except MidiError as error:
        raise CorpusError(str(error)) from error
    if not len(notes):
        raise CorpusError(f"{shown(path)} has no note")
    key = infer_key(notes)
    frames = infer_chords(notes)
    changes = np.flatnonzero(np.diff(frames, prepend=-1))
    track = ChordTrack(
        name=f"emopia/{path.stem}",
        mode=key.mode,
        starts_s=np.asarray(changes * FRAME_S, dtype=np.float64),
        ids=normalise(frames[changes], key),
        duration_s=float(notes[:, 1].max()),
    )
    return AffectClip(track, quadrant, song)


def song_names(root: Path) -> list[str]:
    """The songs of all clips in EMOPIA's folder, whether they can be used or not."""
    return sorted({m[2] for path in root.glob("Q*.mid") if (m := _NAME.fullmatch(path.stem))})


def parse_name(path: Path) -> tuple[int, str]:
    """Quadrant and song of a clip, by the name of its file.

    Raises:
        CorpusError: the name is of another form.
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise CorpusError(f"{shown(path)}: expected a name such as Q1_SONG_0.mid")
    return int(match[1]), match[2]


def sounding_notes(song: Song) -> FloatArray:
    """Start and end in seconds and pitch [n, 3] of the notes, drums aside, as the pedal holds them.

    A note released on a pressed pedal (controller 64, at least 64) sounds until the pedal rises, or
    until its pitch is struck again.
    """
    rows = [row for track in song.tracks if not track.is_drum for row in _pedalled(track)]
    notes = np.array(rows, dtype=np.float64).reshape(-1, 3)
    ticks = np.array([change.tick for change in song.tempos])
    s_per_tick = np.array([change.us_per_beat for change in song.tempos]) / 1e6 / TICKS_PER_BEAT
    at_change = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * s_per_tick[:-1])])
    part = np.searchsorted(ticks, notes[:, :2], side="right") - 1
    notes[:, :2] = at_change[part] + (notes[:, :2] - ticks[part]) * s_per_tick[part]
    return notes


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
    return _viterbi(score, _CHANGE_COST)


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


def _pedalled(track: Track) -> list[tuple[int, int, int]]:
    """(start, end, pitch) of the notes in ticks, held by the pedal."""
    pedal = [(c.tick, c.value >= 64) for c in sorted(track.controls) if c.number == _SUSTAIN]
    ticks = np.array([tick for tick, _ in pedal])
    rises = np.array([tick for tick, pressed in pedal if not pressed])
    rows: list[tuple[int, int, int]] = []
    next_start: dict[int, int] = {}
    for note in sorted(track.notes, reverse=True):
        end = note.end
        last = int(np.searchsorted(ticks, end, side="right")) - 1
        if last >= 0 and pedal[last][1]:
            rise = int(np.searchsorted(rises, end))
            end = int(rises[rise]) if rise < len(rises) else end
            end = max(note.end, min(end, next_start.get(note.pitch, end)))
        next_start[note.pitch] = note.start
        rows.append((note.start, end, note.pitch))
    return rows[::-1]


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


def _viterbi(score: FloatArray, change_cost: float) -> IntArray:
    """The path [frames] of greatest total ``score`` [frames, states] less the cost of its changes.

    As every change costs the same, the best state before a change is the best of all, so a frame
    takes time in proportion to the states, not to their square.
    """
    n_frames, n_states = score.shape
    origin = np.zeros((n_frames, n_states), dtype=np.int64)
    total = score[0].copy()
    for frame in range(1, n_frames):
        best = int(total.argmax())
        stays = total >= total[best] - change_cost
        origin[frame] = np.where(stays, np.arange(n_states), best)
        total = np.where(stays, total, total[best] - change_cost) + score[frame]
    path = np.zeros(n_frames, dtype=np.int64)
    path[-1] = total.argmax()
    for frame in range(n_frames - 1, 0, -1):
        path[frame - 1] = origin[frame, path[frame]]
    return path


def _write_cache(path: Path, clips: list[AffectClip]) -> None:
    tracks = [clip.track for clip in clips]
    arrays = dict(
        names=np.array([track.name for track in tracks]),
        modes=np.array([track.mode for track in tracks]),
        durations_s=np.array([track.duration_s for track in tracks]),
        changes=np.array([len(track.ids) for track in tracks]),
        starts_s=np.concatenate([track.starts_s for track in tracks]),
        ids=np.concatenate([track.ids for track in tracks]),
        quadrants=np.array([clip.quadrant for clip in clips]),
        songs=np.array([clip.song for clip in clips]),
    )
    write_arrays(path, arrays)


def _read_cache(path: Path) -> list[AffectClip]:
    arrays = read_arrays(path)
    by_clip = np.cumsum(arrays["changes"])[:-1]
    columns = zip(
        arrays["names"].tolist(),
        arrays["modes"].tolist(),
        np.split(arrays["starts_s"], by_clip),
        np.split(arrays["ids"], by_clip),
        arrays["durations_s"].tolist(),
        strict=True,
    )
    labels = zip(arrays["quadrants"].tolist(), arrays["songs"].tolist(), strict=True)
    return [
        AffectClip(ChordTrack(*column), quadrant, song)
        for column, (quadrant, song) in zip(columns, labels, strict=True)
    ]
