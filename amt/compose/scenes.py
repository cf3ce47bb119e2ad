"""Which shots of a clip show the same scene.

A shot is what lies between two cuts of any strength. Shots are of one scene if the mean
descriptors of their pictures (:mod:`amt.features.appearance`) are similar; they need not follow
each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amt.features.appearance import similarity
from amt.types import FloatArray, VideoFeatures

SAME_SCENE = 0.74
"""Similarity from which on two shots are of one scene. Set on drawn films with the seeds 0 to 15
(:mod:`experiments.music.films`), where .89 of the scenes that return are recognised and .85 of the
sections that share a theme show one scene; from .73 to .76 these hardly change."""


@dataclass(frozen=True, slots=True)
class ShotSpan:
    """A shot and the scene that it shows."""

    start_s: float
    end_s: float
    scene: int
    """Number of the scene, from 0 in order of appearance."""


def shot_spans(features: VideoFeatures) -> tuple[ShotSpan, ...]:
    """The shots of a clip in order; each is a scene of its own where no appearance is known.

    A shot during which no second begins has no picture of its own, and counts to the scene before.
    """
    edges = [0.0, *(cut.time_s for cut in features.cuts), features.duration_s]
    spans = list(pairwise(edges))
    if features.appearance is None:
        return tuple(ShotSpan(*span, scene) for scene, span in enumerate(spans))
    means: list[FloatArray] = []
    weights: list[int] = []
    shots: list[ShotSpan] = []
    for start_s, end_s in spans:
        rows = features.appearance[math.ceil(start_s) : math.ceil(end_s)]
        scene = _scene_of(rows, means, weights) if len(rows) else shots[-1].scene
        shots.append(ShotSpan(start_s, end_s, scene))
    return tuple(shots)


def _scene_of(rows: FloatArray, means: list[FloatArray], weights: list[int]) -> int:
    """The most similar scene, or a new one; ``means`` and ``weights`` of the scenes follow."""
    picture = rows.mean(axis=0)
    alike = similarity(np.array(means), picture) if means else np.zeros(1)
    scene = int(alike.argmax())
    if alike[scene] < SAME_SCENE:
        means.append(picture)
        weights.append(len(rows))
        return len(means) - 1
    weights[scene] += len(rows)
    means[scene] = means[scene] + (picture - means[scene]) * len(rows) / weights[scene]
    return scene


def scene_shares(shots: Sequence[ShotSpan], start_s: float, end_s: float) -> dict[int, float]:
    """Share of a stretch of time that each scene has."""
    shares: dict[int, float] = {}
    for shot in shots:
        length_s = min(shot.end_s, end_s) - max(shot.start_s, start_s)
        if length_s > 0:
            shares[shot.scene] = shares.get(shot.scene, 0.0) + length_s / (end_s - start_s)
    return shares


def common_share(first: dict[int, float], second: dict[int, float]) -> float:
    """What two stretches have in common: the intersection of their shares, 0 to 1."""
    return sum(min(share, second.get(scene, 0.0)) for scene, share in first.items())
