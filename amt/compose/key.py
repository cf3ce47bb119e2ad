"""The key of a piece."""

from __future__ import annotations

import numpy as np

from amt.chords import Key, Mode
from amt.types import FloatArray, VideoFeatures

MINOR_BELOW_VALENCE = -0.05
"""Valence (-1 to 1) of a clip below which the key is minor (Hevner 1935: minor is sad, major
happy). It is just below neutral, so that a clip without any mood is in major."""
INTENSITY = 1.5
"""Logarithm of the weight that a second gains in the valence of its clip for a unit of arousal.
What people remember of an episode is its most intense part, not its mean (Fredrickson & Kahneman
1993): a storm between calm scenes is a film about a storm."""
_TONIC_STREAM = 1
"""Second word of the seed of the tonic's random numbers, apart from those of other choices."""


def choose_key(features: VideoFeatures, affect: FloatArray, seed: int) -> Key:
    """Minor for negative valence (:func:`clip_valence`), on a tonic drawn for clip and seed.

    The tonic has no meaning of its own, so any of the twelve may come. It is drawn with ``seed``
    and with the clip's length and cuts in milliseconds: clips scored with one seed are not all in
    one key, and a clip keeps its tonic whatever mood, tempo or vision backend is asked for.

    Args:
        features: of the clip.
        affect: [S, 2] valence and arousal that the music is to express.
        seed: from 0.
    """
    mode: Mode = "minor" if clip_valence(affect) < MINOR_BELOW_VALENCE else "major"
    return Key(int(clip_generator(features, seed, _TONIC_STREAM).integers(12)), mode)


def clip_valence(affect: FloatArray) -> float:
    """Mean valence of a clip, its most aroused seconds weighing most (:data:`INTENSITY`).

    Args:
        affect: [S, 2] valence and arousal, -1 to 1.
    """
    return float(np.average(affect[:, 0], weights=np.exp(INTENSITY * affect[:, 1])))


def clip_generator(features: VideoFeatures, seed: int, stream: int) -> np.random.Generator:
    """Random numbers that differ between clips: of the seed, and the clip's length and cuts in ms.

    Args:
        features: of the clip.
        seed: from 0.
        stream: number of the choice that is made, so that choices do not depend on each other.
    """
    times_s = [features.duration_s, *(cut.time_s for cut in features.cuts)]
    return np.random.default_rng([seed, stream, *(round(1000 * time_s) for time_s in times_s)])
