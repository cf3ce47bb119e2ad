"""Examples for the composer, drawn from MuVi-Sync, POP909 and EMOPIA.

MuVi-Sync's chords have exact times, so an example is a reading of a song at any phase and speed;
POP909 and EMOPIA have no picture, and teach the composer with every modality unknown but the clock
and, for EMOPIA, the affect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amt.chords import VOCABULARY_SIZE, Chord, chord_from_id
from amt.models.video import MODALITIES, VideoInput
from data_prep.chord_track import ChordTrack, chord_ids, transpose_ids
from data_prep.muvi_sync import MuviSong

Labelled = tuple[ChordTrack, tuple[float, float] | None]
"""Chords without a picture, and the valence and arousal they were labelled with, if any."""

SEMANTIC_DIM = 768
_TRIADS = {"maj7": "maj", "maj6": "maj", "min7": "min", "min6": "min"}
TRIAD_OF = chord_ids(
    [
        Chord(chord.root, _TRIADS.get(chord.quality, chord.quality))
        for chord in map(chord_from_id, range(VOCABULARY_SIZE))
    ]
)
"""[V] the triad of each chord whose sixth or seventh only colours it; others stay."""


@dataclass(frozen=True)
class ComposerData:
    """How examples are drawn; the ``[data]`` table of a composer config."""

    length: int = 300
    """Slots an example."""
    pop909_share: float = 0.3
    """Share of examples from POP909, and the step from which it joins."""
    pop909_from: int = 0
    emopia_share: float = 0.1
    """Share of examples from EMOPIA, and the step from which it joins."""
    emopia_from: int = 0
    simplify: float = 0.6
    """Share of these examples whose sixths and major and minor sevenths become triads: they are
    labelled in more detail than MuVi-Sync."""
    resample: float = 0.8
    """Share of examples read at a random phase and speed instead of once a second."""
    speed: float = 0.25
    """Largest change of speed, as a share."""
    transpose: float = 0.15
    """Share of examples transposed away from their key."""
    drop_video: float = 0.2
    """Share of examples with every modality unknown."""
    drop_semantic: float = 0.5
    drop_modality: float = 0.2
    """Share of examples in which any other modality is unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A reading of one song; T slots."""

    chords: NDArray[np.int64]
    minor: int
    features: dict[str, NDArray[np.float32]]
    """[T, ...] for each modality."""
    known: NDArray[np.float32]
    """[6]"""


@dataclass(frozen=True, slots=True, eq=False)
class ComposerBatch:
    """A padded batch."""

    chords: Tensor
    """[B, T]"""
    weight: Tensor
    """[B, T] 1 where there is a slot."""
    minor: Tensor
    """[B]"""
    video: VideoInput


def feature_shapes() -> dict[str, tuple[int, ...]]:
    """Shape of a slot of each modality."""
    return {
        "semantic": (SEMANTIC_DIM,), "emotion": (6,), "motion": (), "scene_offset": (),
        "affect": (2,), "clock": (2,),
    }  # fmt: skip


def known_vector(*names: str) -> NDArray[np.float32]:
    """[6] 1 for the named modalities."""
    return np.array([name in names for name in MODALITIES], dtype=np.float32)


VIDEO_KNOWN = known_vector("semantic", "emotion", "motion", "scene_offset", "clock")


def whole_song(song: MuviSong) -> Example:
    """A song of MuVi-Sync as published: a slot a second, in its key, all it has known."""
    return Example(
        chords=song.chords,
        minor=int(song.track.mode == "minor"),
        features=_features_at(song, np.arange(len(song.chords), dtype=np.float64)),
        known=VIDEO_KNOWN,
    )


def _features_at(song: MuviSong, times_s: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    rows = times_s.astype(np.int64).clip(0, len(song.chords) - 1)
    length = len(song.chords)
    return {
        "semantic": song.semantic[rows].astype(np.float32),
        "emotion": song.emotion[rows],
        "motion": song.motion[rows],
        "scene_offset": song.scene_offset[rows],
        "affect": np.zeros((len(rows), 2), np.float32),
        "clock": _clock(times_s, length),
    }


def _clock(times_s: NDArray[np.float64], length_s: float) -> NDArray[np.float32]:
    return np.stack([times_s, np.maximum(length_s - times_s, 0)], axis=-1).astype(np.float32)


def collate(examples: Sequence[Example]) -> ComposerBatch:
    """Pad examples to the longest."""
    longest = max(len(example.chords) for example in examples)

    def pad(values: NDArray) -> NDArray:
        width = [(0, longest - len(values))] + [(0, 0)] * (values.ndim - 1)
        return np.pad(values, width)

    weight = [pad(np.ones(len(example.chords), np.float32)) for example in examples]
    stacked = {
        name: torch.from_numpy(np.stack([pad(example.features[name]) for example in examples]))
        for name in MODALITIES
    }
    return ComposerBatch(
        chords=torch.from_numpy(np.stack([pad(example.chords) for example in examples])),
        weight=torch.from_numpy(np.stack(weight)),
        minor=torch.tensor([example.minor for example in examples]),
        video=VideoInput(
            **stacked, known=torch.from_numpy(np.stack([example.known for example in examples]))
        ),
    )


class ComposerExamples:
    """Draws batches; the batch of a step depends on the seed and the step only."""

    def __init__(
        self,
        songs: Sequence[MuviSong],
        others: Mapping[str, Sequence[Labelled]],
        settings: ComposerData,
        seed: int,
    ) -> None:
        self.songs, self.others, self.settings, self.seed = songs, others, settings, seed
        self._song_odds = _by_duration([song.track for song in songs])
        self._other_odds = {
            name: _by_duration([track for track, _ in tracks]) for name, tracks in others.items()
        }

    def batch(self, step: int, size: int) -> ComposerBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        return collate([self._draw(rng, step) for _ in range(size)])

    def _draw(self, rng: np.random.Generator, step: int) -> Example:
        lot = rng.random()
        for name, tracks in self.others.items():
            share = getattr(self.settings, f"{name}_share")
            if step >= getattr(self.settings, f"{name}_from") and 0 <= lot < share:
                track, affect = tracks[rng.choice(len(tracks), p=self._other_odds[name])]
                return self._finish(rng, self._other(rng, track, affect))
            lot -= share
        song = self.songs[rng.choice(len(self.songs), p=self._song_odds)]
        times = self._times(rng, song.track.duration_s)
        known = VIDEO_KNOWN * (rng.random(len(MODALITIES)) >= self._drop_odds())
        known *= rng.random() >= self.settings.drop_video
        example = Example(
            chords=song.track.sample(times),
            minor=int(song.track.mode == "minor"),
            features=_features_at(song, times),
            known=known.astype(np.float32),
        )
        return self._finish(rng, example)

    def _drop_odds(self) -> NDArray[np.float64]:
        odds = np.full(len(MODALITIES), self.settings.drop_modality)
        odds[MODALITIES.index("semantic")] = self.settings.drop_semantic
        return odds

    def _times(self, rng: np.random.Generator, duration_s: float) -> NDArray[np.float64]:
        """Times of the slots of an example: from the beginning, or from anywhere."""
        speed, phase = 1.0, 0.0
        if rng.random() < self.settings.resample:
            speed = np.exp(rng.uniform(-1, 1) * np.log1p(self.settings.speed))
            phase = rng.random() * speed
        slots = max(2, int((duration_s - phase) / speed))
        length = min(slots, self.settings.length)
        first = 0 if rng.random() < 0.5 else rng.integers(0, slots - length + 1)
        return phase + speed * (first + np.arange(length))

    def _other(
        self, rng: np.random.Generator, track: ChordTrack, affect: tuple[float, float] | None
    ) -> Example:
        times = self._times(rng, track.duration_s)
        features = {
            name: np.zeros((len(times), *shape), np.float32)
            for name, shape in feature_shapes().items()
        }
        features["clock"] = _clock(times, track.duration_s)
        known = known_vector("clock")
        if affect is not None:
            # These are excerpts: their ends are seldom those of a song.
            known = (
                known_vector("affect", "clock") if rng.random() < 0.5 else known_vector("affect")
            )
            features["affect"] += np.array(affect, np.float32)
        known *= rng.random() >= self.settings.drop_video
        chords = track.sample(times)
        if rng.random() < self.settings.simplify:
            chords = TRIAD_OF[chords]
        return Example(
            chords=chords,
            minor=int(track.mode == "minor"),
            features=features,
            known=known.astype(np.float32),
        )

    def _finish(self, rng: np.random.Generator, example: Example) -> Example:
        if rng.random() >= self.settings.transpose:
            return example
        chords = transpose_ids(example.chords, int(rng.integers(1, 12)))
        return Example(chords, example.minor, example.features, example.known)


def _by_duration(tracks: Sequence[ChordTrack]) -> NDArray[np.float64]:
    lengths = np.array([track.duration_s for track in tracks])
    return lengths / lengths.sum() if len(lengths) else lengths
