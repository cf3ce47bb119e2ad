"""Mood from colour, light, movement and cuts, without any model.

Each second gets a valence and an arousal from measures of its picture that film theory and
psychology connect with them, and from those the six emotions of Video2Music by nearness on the
circumplex:

* colour (Valdez & Mehrabian 1994): pleasure = .69 brightness + .22 saturation,
  arousal = -.31 brightness + .60 saturation, each of the standardised picture;
* colourfulness (Hasler & Süsstrunk 2003) adds to pleasure;
* movement and cut rate (Hanjalic & Xu 2005) add to arousal. Movement is measured against the
  contrast of the picture: in the dark the same movement changes pixels less;
* threat, darkness times movement, takes from pleasure: a dark picture that moves is frightening.

Standardisation uses fixed means and deviations (:data:`TYPICAL`), so a second's mood does not
depend on the rest of the clip.

The constants were set on films that were drawn dark or bright and still or moving, and on real
clips; ``python -m experiments.evaluate looks`` shows how other drawn films are read.

The probabilities are as even as CLIP's, from which the composer learned: see :data:`SHARPNESS`.
Everything that the pipeline does with mood, smoothing included, is the same for both backends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amt.features.motion import movement
from amt.features.opencv import cv2
from amt.types import EMOTION_VALENCE_AROUSAL, Cut, FloatArray, ImageArray

TYPICAL = {
    "brightness": (0.43, 0.20),
    "saturation": (0.27, 0.18),
    "colourfulness": (0.10, 0.06),
    "contrast": (0.16, 0.08),
    "movement": (1.4, 0.9),
}
"""(mean, deviation) of each measure over a handful of films and home videos; movement as
:func:`relative_movement`."""
CONTRAST_FLOOR = 0.05
"""Added to the contrast by which motion is divided: a picture without contrast shows no movement,
only noise."""
MAX_DEVIATIONS = 2.5
"""Standardised measures are cut off here, so that a single one does not decide the mood."""
COLOUR_AROUSAL = 0.5
"""Share at which the effects of colour on arousal count: what moves excites more than what is
coloured."""
VALENCE_WEIGHTS = {"brightness": 0.69, "saturation": 0.22, "colourfulness": 0.2, "threat": -0.75}
AROUSAL_WEIGHTS = {
    "brightness": -0.31 * COLOUR_AROUSAL, "saturation": 0.60 * COLOUR_AROUSAL,
    "contrast": 0.1, "movement": 0.9, "pace": 1.5,
}  # fmt: skip
"""Weights of the standardised measures in valence and arousal. Those of brightness and saturation
are Valdez & Mehrabian's; the others were chosen so that drawn films are read as they were meant
(``experiments.mood.films``, calibration seeds)."""
VALENCE_SCALE, AROUSAL_SCALE = 2.0, 1.3
"""The weighted sums are divided by these, then squashed by tanh into -1 to 1. The larger they are,
the more shots of one kind differ from each other; the smaller, the surer the mood."""
TYPICAL_PACE = 0.15
"""Cuts a second in a common clip."""
CUT_WINDOW_S = 8.0
"""Cuts are counted in a window of this length, less what lies outside the clip; eight in it are a
very fast montage."""
SHARPNESS = 1.8
"""How much the nearest emotion outweighs others: weights are exp(-SHARPNESS x squared distance).

Chosen so that the emotions are as even as those of CLIP ViT-L/14@336 that MuVi-Sync publishes
(672 music videos, 172,212 seconds): their entropy is .73 of the greatest, the likeliest emotion has
.48, and valence and arousal lie .49 from neutral, .42 once smoothed as the composer smooths them.
Over fourteen films and home videos this constant gives .70, .49, .48 and .42; 6 would give .24,
.83, .77 and .68."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one picture looks; every value 0-1."""

    brightness: float
    """Mean of HSV value."""
    saturation: float
    """Mean of HSV saturation, weighted by value: black has no colour."""
    colourfulness: float
    """Hasler & Süsstrunk's M of the picture over 255."""
    contrast: float
    """Standard deviation of luminance."""


def look(bgr: ImageArray) -> Look:
    """Measure a picture [h, w, 3] in blue, green, red."""
    hsv = cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV).astype(np.float32) / 255
    value, saturation = hsv[..., 2], hsv[..., 1]
    blue, green, red = (bgr[..., i].astype(np.float32) for i in range(3))
    red_green, yellow_blue = red - green, 0.5 * (red + green) - blue
    spread = float(np.hypot(red_green.std(), yellow_blue.std()))
    offset = float(np.hypot(red_green.mean(), yellow_blue.mean()))
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    return Look(
        brightness=float(value.mean()),
        saturation=float((saturation * value).sum() / max(float(value.sum()), 1e-6)),
        colourfulness=min(1.0, (spread + 0.3 * offset) / 255),
        contrast=float(luminance.std()) / 255,
    )


def analytic_emotion(looks: list[Look], motion: FloatArray, cuts: tuple[Cut, ...]) -> FloatArray:
    """Emotion of every second.

    Args:
        looks: [S] of one picture a second.
        motion: [S] mean absolute difference, 0-255.
        cuts: of the clip.

    Returns:
        [S, 6] probabilities in the order of ``amt.types.EMOTIONS``.
    """
    measures = {
        name: np.array([getattr(picture, name) for picture in looks])
        for name in ("brightness", "saturation", "colourfulness", "contrast")
    }
    measures["movement"] = relative_movement(motion, measures["contrast"])
    z = {
        name: ((measures[name] - mean) / deviation).clip(-MAX_DEVIATIONS, MAX_DEVIATIONS)
        for name, (mean, deviation) in TYPICAL.items()
    }
    z["threat"] = np.maximum(-z["brightness"], 0) * np.maximum(z["movement"], 0)
    z["pace"] = cut_rate(cuts, len(looks)) - TYPICAL_PACE
    valence, arousal = (
        sum(weight * z[name] for name, weight in weights.items()) / scale
        for weights, scale in ((VALENCE_WEIGHTS, VALENCE_SCALE), (AROUSAL_WEIGHTS, AROUSAL_SCALE))
    )
    return circumplex(np.stack([np.tanh(valence), np.tanh(arousal)], axis=-1))


def relative_movement(motion: FloatArray, contrast: FloatArray) -> FloatArray:
    """Movement inside shots against the contrast of the picture, [S]: log(1 + percent of it).

    Args:
        motion: [S] mean absolute difference, 0-255.
        contrast: [S] standard deviation of luminance, 0-1.
    """
    share = movement(motion) / 255 / (contrast + CONTRAST_FLOOR)
    return np.asarray(np.log1p(100 * share))


def circumplex(affect: FloatArray, sharpness: float = SHARPNESS) -> FloatArray:
    """Emotions [S, 6] near places on the circumplex.

    Args:
        affect: [S, 2] valence and arousal in [-1, 1].
        sharpness: as :data:`SHARPNESS`.
    """
    places = np.array(list(EMOTION_VALENCE_AROUSAL.values()))
    distance = ((affect[:, None, :] - places) ** 2).sum(axis=-1)
    weight = np.exp(-sharpness * (distance - distance.min(axis=1, keepdims=True)))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def cut_rate(cuts: tuple[Cut, ...], seconds: int) -> FloatArray:
    """Pace of cutting around every second, [S] 0 (none) to 1 (one a second or more)."""
    times = np.array([cut.time_s for cut in cuts])
    middles = np.arange(seconds)[:, None] + 0.5
    near = (np.abs(times - middles) <= CUT_WINDOW_S / 2).sum(axis=1) if len(times) else 0
    first, last = np.maximum(middles - CUT_WINDOW_S / 2, 0), middles + CUT_WINDOW_S / 2
    inside_s = (np.minimum(last, seconds) - first)[:, 0].clip(min=1.0)
    return np.asarray(np.minimum(near / inside_s, 1.0), dtype=np.float64)
