"""Loudness and density of a piece, second by second.

Three sources are combined. The mood target sets the level, as measured on music that people made
(:mod:`amt.mood`). The expression network, which predicts both from the video, gives the course over
time. The motion of the video moves both around their means, because the network hedges: without it
what happens on the screen would hardly change the music.
"""

from __future__ import annotations

import numpy as np
import torch

from amt.compose.mood_target import MoodTarget
from amt.compose.video_input import video_at
from amt.models.expression import Expression
from amt.models.video import MODALITIES
from amt.mood import density_level, loudness_level, smooth
from amt.types import FloatArray, TimeGrid, VideoFeatures

EXCERPT_S = 30.0
"""Seconds that are taken to lie on either side of the clip in a longer video. The songs of
MuVi-Sync fade in and out over half a minute at each end; in a short clip the network would predict
nothing but these fades, and the video would have no influence."""
CURVE_SIGMA_S = 1.0
"""Standard deviation in seconds of the kernel that smooths what the network predicts."""
NETWORK_DENSITY = 12.0
"""Notes a second that the network predicts on average for a common clip."""
FULL_CONTRAST = 0.15
"""Where the motion level differs by less inside a clip (two standard deviations), loudness and
density follow it less."""
MOTION_DB = 6.0
"""Decibels by which motion moves loudness to each side of its mean."""
MOTION_DENSITY_FACTOR = 2.4
"""Factor by which motion moves density to each side of its mean."""
SOFTEST, MOST_LOUD = 0.01, 1.0
"""Floor and ceiling of loudness as RMS of full scale."""
SPARSEST, DENSEST = 0.5, 40.0
"""Floor and ceiling of density in notes a second; MuVi-Sync's lie in 0-40."""


def loudness_and_density(
    features: VideoFeatures, expression: Expression, mood: MoodTarget
) -> tuple[FloatArray, FloatArray]:
    """Loudness [S] as RMS of full scale (0-1) and density [S] in notes a second (0-40).

    How loud a song is as a whole the network cannot know from the video, so of its loudness only
    the course over time is taken; of its density also the square root of the level.
    """
    predicted = _predict(features, expression, mood)
    loudness, density = (smooth(predicted[:, i], CURVE_SIGMA_S).clip(min=1e-6) for i in range(2))
    motion = _around_mean(mood.motion)
    loudness = loudness / loudness.mean() * loudness_level(mood.affect)
    loudness = loudness * 10 ** (MOTION_DB * motion / 20)
    level = np.sqrt(density.mean() / NETWORK_DENSITY)
    density = density / density.mean() * level * density_level(mood.affect)
    density = density * MOTION_DENSITY_FACTOR**motion
    # A floor that is neared, not hit: what is quieter and thinner still differs above it.
    return (
        np.hypot(loudness, SOFTEST).clip(0, MOST_LOUD),
        np.hypot(density, SPARSEST).clip(0, DENSEST),
    )


def _predict(features: VideoFeatures, expression: Expression, mood: MoodTarget) -> FloatArray:
    """[S, 2] loudness and density that the network predicts; asked moods are withheld from it."""
    middles_s: FloatArray = np.arange(features.seconds, dtype=np.float64) + 0.5
    video = video_at(features, mood.video_emotion, mood.video_affect, middles_s)
    known = video.known.clone()
    known[:, MODALITIES.index("affect")] = 0
    video = video._replace(clock=video.clock + EXCERPT_S, known=known)
    with torch.inference_mode():
        mean = expression(video).mean
        return np.asarray(expression.rescale_variance(mean)[0].numpy().astype(np.float64))


def _around_mean(motion: FloatArray) -> FloatArray:
    """Motion [S] around its mean, in -1 to 1, where 1 is two standard deviations."""
    around = motion - motion.mean()
    return np.asarray((around / max(2 * around.std(), FULL_CONTRAST)).clip(-1, 1))


def fade_to_end(density: FloatArray, grid: TimeGrid, final_beat: int) -> FloatArray:
    """Density [S] that falls to nothing while the final chord rings.

    Args:
        density: [S] notes a second.
        grid: beats and bars.
        final_beat: index of the first beat of the final chord.
    """
    final_s = float(grid.beats_s[final_beat])
    middles_s = np.minimum(np.arange(len(density)) + 0.5, grid.duration_s)
    share = np.interp(middles_s, [final_s, grid.duration_s], [1.0, 0.0])
    return np.asarray(density * (share if final_s > 0 else 1.0))
