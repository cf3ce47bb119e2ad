"""The mood that the music of a clip is to express, computed once and read by every later stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amt.compose.options import ComposeOptions
from amt.features.motion import log_motion, without_cuts
from amt.mood import (
    apply_moods,
    asked_share,
    exaggerate_affect,
    fade_to_neutral,
    smooth,
    valence_arousal,
)
from amt.options import SamplingOptions
from amt.types import FloatArray, VideoFeatures

REFERENCE_AFFECT_GUIDANCE = SamplingOptions().affect_guidance
"""Affect guidance at which mood moves the music as far as in music that people made."""
MOTION_SIGMA_S = 1.0
"""Standard deviation in seconds of the kernel that smooths motion."""
MOTION_SHARE = 0.5
"""Share of motion in energy where no mood is asked for; arousal has the rest."""
ASKED_MOTION_SWING = 0.5
"""How far full motion moves energy around the level that an asked mood sets."""


@dataclass(frozen=True, slots=True, eq=False)
class MoodTarget:
    """What the music is to express, as strongly as the user wants it; S seconds of a clip."""

    emotion: FloatArray
    """[S, 6] probabilities in the order of :data:`amt.types.EMOTIONS`, asked moods included."""
    affect: FloatArray
    """[S, 2] valence and arousal, -1 to 1."""
    energy: FloatArray
    """[S] how much is going on, 0 to 1."""
    video_emotion: FloatArray
    """[S, 6] the emotions of the video alone, neither smoothed nor replaced by asked moods."""
    video_affect: FloatArray
    """[S, 2] valence and arousal of ``video_emotion``."""
    motion: FloatArray
    """[S] movement inside shots, smoothed, 0 to 1 (:func:`motion_level`)."""


def mood_target(features: VideoFeatures, options: ComposeOptions) -> MoodTarget:
    """The mood that the music is to express.

    The emotions of the video are smoothed, asked moods are blended over them, and the result is
    smoothed by half as much, so that an asked mood does not set in within a second. The strength
    of mood is ``options.sampling.affect_guidance`` over :data:`REFERENCE_AFFECT_GUIDANCE`: below 1
    it fades emotions to neutral, above 1 it exaggerates valence and arousal.

    Args:
        features: of the clip.
        options: what the user decided.
    """
    strength = options.sampling.affect_guidance / REFERENCE_AFFECT_GUIDANCE
    sigma_s = options.mood_sigma_s
    emotion = apply_moods(smooth(features.emotion, sigma_s), options.moods, options.mood_blend)
    emotion = fade_to_neutral(smooth(emotion, sigma_s / 2), strength)
    affect = exaggerate_affect(valence_arousal(emotion), strength)
    asked = asked_share(options.moods, features.seconds) * options.mood_blend * min(strength, 1.0)
    motion = motion_level(features)
    video_emotion = fade_to_neutral(features.emotion, strength)
    return MoodTarget(
        emotion=emotion,
        affect=affect,
        energy=energy_curve(motion, affect[:, 1], smooth(asked, sigma_s)),
        video_emotion=video_emotion,
        video_affect=valence_arousal(video_emotion),
        motion=motion,
    )


def energy_curve(
    motion: FloatArray, arousal: FloatArray, asked: FloatArray | float = 0.0
) -> FloatArray:
    """How much is going on, [S] in 0-1: motion and arousal in equal parts.

    Args:
        motion: [S] in 0-1.
        arousal: [S] in -1 to 1.
        asked: [S] share of the mood that the user asked for. Arousal then sets the level of energy
            alone, and the motion of the video only moves around it.
    """
    from_arousal = 0.5 * (arousal + 1)
    of_video = MOTION_SHARE * motion + (1 - MOTION_SHARE) * from_arousal
    of_asked = (from_arousal + ASKED_MOTION_SWING * (motion - motion.mean())).clip(0, 1)
    return np.asarray((1 - asked) * of_video + asked * of_asked)


def motion_level(features: VideoFeatures) -> FloatArray:
    """Movement inside shots, [S] in 0-1: smoothed, on the scale of :func:`log_motion`."""
    moving = features.motion.copy()
    if len(moving) > 1:
        moving[0] = moving[1]  # second 0 has no frame before it and reads 0
    return smooth(log_motion(without_cuts(moving)), MOTION_SIGMA_S).clip(0, 1)
