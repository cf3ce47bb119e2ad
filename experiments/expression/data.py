"""Examples for the expression regressor: whole clips of MuVi-Sync, or long stretches of them.

The clips of a batch are of about one length and are cut to the shortest, so nothing is padded:
a recurrent network that reads backwards would begin in the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amt.models.expression import TARGETS
from amt.models.video import MODALITIES, VideoInput
from data_prep.muvi_sync import MuviSong
from experiments.common.examples import VIDEO_KNOWN, collate, whole_song

POOL = 4
"""Batches' worth of songs among which neighbours in length are looked for."""


@dataclass(frozen=True)
class ExpressionData:
    """How examples are drawn; the ``[data]`` table of an expression config."""

    length: int = 300
    """Longest example in seconds."""
    crop: float = 0.3
    """Share of batches cut to a random part, so that short clips are seen too."""
    drop_semantic: float = 0.5
    """Share of examples without CLIP embeddings, as the analytic backend leaves them out."""
    drop_modality: float = 0.15
    """Share of examples in which any other modality but the clock is unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionBatch:
    """Clips of one length."""

    targets: Tensor
    """[B, S, 2] loudness (0-1) and density (notes in a second)."""
    video: VideoInput


def targets_of(song: MuviSong) -> NDArray[np.float32]:
    """Loudness and density of every second, [S, 2]."""
    return np.stack([getattr(song, name) for name in TARGETS], axis=-1)


def whole_clip(song: MuviSong) -> ExpressionBatch:
    """A song as published, all it has known; B = 1."""
    video = collate([whole_song(song)]).video
    return ExpressionBatch(torch.from_numpy(targets_of(song))[None], video)


class ExpressionExamples:
    """Draws batches; the batch of a step depends on the seed and the step only."""

    def __init__(self, songs: Sequence[MuviSong], settings: ExpressionData, seed: int) -> None:
        self.songs, self.settings, self.seed = songs, settings, seed
        self._odds = np.array([len(song.chords) for song in songs], dtype=np.float64)
        self._odds /= self._odds.sum()

    def batch(self, step: int, size: int) -> ExpressionBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        drawn = rng.choice(len(self.songs), size=POOL * size, p=self._odds).tolist()
        pool = sorted(drawn, key=lambda i: len(self.songs[i].chords))
        first = rng.integers(0, len(pool) - size + 1)
        songs = [self.songs[i] for i in pool[first : first + size]]
        length = min(self.settings.length, *(len(song.chords) for song in songs))
        if rng.random() < self.settings.crop:
            length = int(rng.integers(min(20, length), length + 1))
        clips = [self._cut(rng, song, length) for song in songs]
        known = torch.from_numpy(np.stack([self._known(rng) for _ in songs]))
        columns = zip(*(video for _, video in clips), strict=True)
        video = VideoInput(*(torch.cat(column) for column in columns))
        return ExpressionBatch(torch.cat([t for t, _ in clips]), video._replace(known=known))

    def _cut(
        self, rng: np.random.Generator, song: MuviSong, length: int
    ) -> tuple[Tensor, VideoInput]:
        """A stretch of a song: the beginning, the end, or any other part."""
        clip = whole_clip(song)
        last = clip.targets.shape[1] - length
        first = int(rng.choice([0, last, int(rng.integers(0, last + 1))]))
        rows = slice(first, first + length)
        cut = {name: getattr(clip.video, name)[:, rows] for name in MODALITIES}
        return clip.targets[:, rows], clip.video._replace(**cut)

    def _known(self, rng: np.random.Generator) -> NDArray[np.float32]:
        odds = np.full(len(MODALITIES), self.settings.drop_modality)
        odds[MODALITIES.index("semantic")] = self.settings.drop_semantic
        odds[MODALITIES.index("clock")] = 0
        return (VIDEO_KNOWN * (rng.random(len(MODALITIES)) >= odds)).astype(np.float32)
