"""Examples for the composer, drawn from MuVi-Sync, POP909 and EMOPIA.

MuVi-Sync's chords have exact times, so an example is a reading of a song at any phase and speed;
POP909 and EMOPIA have no picture, and teach the composer with every modality unknown but the clock
and, for EMOPIA, the affect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amt.chords import VOCABULARY_SIZE, Chord, chord_from_id
from amt.models.video import MODALITIES
from data_prep.chord_track import ChordTrack, chord_ids, transpose_ids
from data_prep.muvi_sync import MuviSong
from experiments.common.examples import (
    VIDEO_KNOWN,
    Example,
    ExampleBatch,
    clock_features,
    collate,
    feature_shapes,
    features_at,
    known_vector,
)

Labelled = tuple[ChordTrack, tuple[float, float] | None]
"""Chords without a picture, and the valence and arousal they were labelled with, if any."""

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

    def batch(self, step: int, size: int) -> ExampleBatch:
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
            features=features_at(song, times),
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
        return np.asarray(phase + speed * (first + np.arange(length)), dtype=np.float64)

    def _other(
        self, rng: np.random.Generator, track: ChordTrack, affect: tuple[float, float] | None
    ) -> Example:
        times = self._times(rng, track.duration_s)
        features = {
            name: np.zeros((len(times), *shape), np.float32)
            for name, shape in feature_shapes().items()
        }
        features["clock"] = clock_features(times, track.duration_s)
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
    return np.asarray(lengths / lengths.sum() if len(lengths) else lengths, dtype=np.float64)
