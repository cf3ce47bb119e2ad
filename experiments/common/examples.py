"""Songs of MuVi-Sync as a model sees them: a slot per second, with the features of the video.

The shuffled-video test shows a model the true video, another clip's, the clock alone, or nothing
(:func:`conditions`). Shapes: ``T`` slots, ``B`` examples.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amt.models.video import MODALITIES, VideoInput
from data_prep.muvi_sync import MuviSong

BATCH = 15
"""Examples in a batch of an evaluation."""
SEMANTIC_DIM = 768
"""Of CLIP ViT-L/14's image embeddings."""
TRUE, OTHER, CLOCK, NONE = "true video", "another clip's", "clock only", "nothing"
"""Conditions of the shuffled-video test."""


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
class ExampleBatch:
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
        features=features_at(song, np.arange(len(song.chords), dtype=np.float64)),
        known=VIDEO_KNOWN,
    )


def features_at(song: MuviSong, times_s: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """Features [T, ...] of each modality at ``times_s`` [T]: those of the second it falls in."""
    rows = times_s.astype(np.int64).clip(0, len(song.chords) - 1)
    length = len(song.chords)
    return {
        "semantic": song.semantic[rows].astype(np.float32),
        "emotion": song.emotion[rows],
        "motion": song.motion[rows],
        "scene_offset": song.scene_offset[rows],
        "affect": np.zeros((len(rows), 2), np.float32),
        "clock": clock_features(times_s, length),
    }


def clock_features(times_s: NDArray[np.float64], length_s: float) -> NDArray[np.float32]:
    """Seconds since the beginning and to the end, [T, 2]."""
    return np.stack([times_s, np.maximum(length_s - times_s, 0)], axis=-1).astype(np.float32)


def collate(examples: Sequence[Example]) -> ExampleBatch:
    """Pad examples to the longest."""
    longest = max(len(example.chords) for example in examples)

    def pad(values: NDArray[Any]) -> NDArray[Any]:
        width = [(0, longest - len(values))] + [(0, 0)] * (values.ndim - 1)
        return np.pad(values, width)

    weight = [pad(np.ones(len(example.chords), np.float32)) for example in examples]
    stacked = {
        name: torch.from_numpy(np.stack([pad(example.features[name]) for example in examples]))
        for name in MODALITIES
    }
    return ExampleBatch(
        chords=torch.from_numpy(np.stack([pad(example.chords) for example in examples])),
        weight=torch.from_numpy(np.stack(weight)),
        minor=torch.tensor([example.minor for example in examples]),
        video=VideoInput(
            **stacked, known=torch.from_numpy(np.stack([example.known for example in examples]))
        ),
    )


# --- evaluation ---------------------------------------------------------------------------


def load_examples(songs: Sequence[MuviSong], seconds: int | None) -> list[Example]:
    """Songs in order of length, cut to their first ``seconds`` (None: whole)."""
    ordered = sorted(songs, key=lambda song: (len(song.chords), song.name))
    return [_first_seconds(whole_song(song), seconds) for song in ordered]


def _first_seconds(example: Example, seconds: int | None) -> Example:
    features = {name: values[:seconds] for name, values in example.features.items()}
    return dataclasses.replace(example, chords=example.chords[:seconds], features=features)


def with_known(examples: Sequence[Example], known: NDArray[np.float32]) -> list[Example]:
    """The same examples with other modalities known."""
    return [dataclasses.replace(example, known=known) for example in examples]


def with_other_video(examples: Sequence[Example]) -> list[Example]:
    """Every example with the picture of the next one and its own clock.

    A picture that is too short stands still at its end.
    """
    shown = []
    for own, other in zip(examples, [*examples[1:], *examples[:1]], strict=True):
        rows = np.arange(len(own.chords)).clip(max=len(other.chords) - 1)
        features = {name: values[rows] for name, values in other.features.items()}
        features["clock"] = own.features["clock"]
        shown.append(dataclasses.replace(own, features=features))
    return shown


def conditions(examples: Sequence[Example]) -> dict[str, list[Example]]:
    """The examples under every condition of the shuffled-video test."""
    return {
        TRUE: list(examples),
        OTHER: with_other_video(examples),
        CLOCK: with_known(examples, known_vector("clock")),
        NONE: with_known(examples, known_vector()),
    }


def batches_of(examples: Sequence[Example]) -> list[ExampleBatch]:
    """Padded batches; neighbours are of about one length."""
    return [collate(examples[i : i + BATCH]) for i in range(0, len(examples), BATCH)]
