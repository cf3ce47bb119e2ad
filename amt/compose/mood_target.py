"""The mood that the music of a clip is to express, computed once and read by every later stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amt.compose.options import ComposeOptions
from amt.features.motion import log_motion, movement
from amt.mood import (
    apply_moods,
    asked_share,
    exaggerate_affect,
    fade_to_neutral,
    smooth,
    valence_arousal,
)
from amt.options import SamplingOptions
from amt.timing.hits import is_strong
from amt.types import FloatArray, VideoFeatures

REFERENCE_AFFECT_GUIDANCE = SamplingOptions().affect_guidance
"""Affect guidance at which mood moves the music as far as in music that people made."""
MIN_SCENE_S = 3
"""Seconds that a scene with a mood of its own lasts at least: a bar in slow music."""
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
    smoothed by half as much, so that an asked mood does not set in within a second. Nothing is
    smoothed over a strong cut (:func:`scene_rows`): the mood of the new scene begins there. The
    strength of mood is ``options.sampling.affect_guidance`` over :data:`REFERENCE_AFFECT_GUIDANCE`:
    below 1 it fades emotions to neutral, above 1 it exaggerates valence and arousal.

    Args:
        features: of the clip.
        options: what the user decided.
    """
    strength = options.sampling.affect_guidance / REFERENCE_AFFECT_GUIDANCE
    sigma_s = options.mood_sigma_s
    rows = scene_rows(features)
    seen = smooth(_from_cuts_on(features, rows), sigma_s, rows)
    emotion = apply_moods(seen, options.moods, options.mood_blend)
    emotion = fade_to_neutral(smooth(emotion, sigma_s / 2, rows), strength)
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


def scene_rows(features: VideoFeatures) -> tuple[int, ...]:
    """First rows of the scenes of a clip but the first, rising.

    A scene begins at a strong cut that leaves :data:`MIN_SCENE_S` to the one before and to the end:
    a montage is one scene.
    """
    rows: list[int] = []
    for cut in features.cuts:
        row = round(cut.time_s)
        since, left = row - (rows[-1] if rows else 0), features.seconds - row
        if is_strong(cut) and min(since, left) >= MIN_SCENE_S:
            rows.append(row)
    return tuple(rows)


def _from_cuts_on(features: VideoFeatures, rows: tuple[int, ...]) -> FloatArray:
    """Emotions [S, 6] where the second of a cut that begins a scene has that of the scene.

    A picture is measured at the start of its second: where the cut comes later in it, it still
    shows the old scene.
    """
    emotion = features.emotion.copy()
    cuts_s = np.array([cut.time_s for cut in features.cuts])
    for row in rows:
        if (np.rint(cuts_s) == row)[cuts_s > row].any():
            emotion[row] = emotion[row + 1]
    return emotion


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
    return smooth(log_motion(movement(features.motion)), MOTION_SIGMA_S).clip(0, 1)
