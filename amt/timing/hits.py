"""When the music hits a moment of the video, and which cuts are strong: the one definition of each.

A *cut* is any change of shot (:class:`amt.types.Cut`: hard cut, dissolve or fade), at the time of
the first frame of the new shot. A beat *hits* a cut, or another moment of the video, when the two
are at most one frame apart. A *strong* cut goes to another scene; it asks for a downbeat, may begin
a section, and is led up to by a crescendo.

Fitting the grid, dividing a piece into sections, arranging it, reporting on it and measuring it
all use these two functions, so that what is played as a hit is counted as one.
"""

from __future__ import annotations

import numpy as np

from amt.types import BoolArray, Cut, FloatArray

HIT_S = 0.040
"""Largest distance in seconds of a hit: one frame at 25 a second, the slower of the common frame
rates after film's 24. It is below what viewers notice: ITU-R BT.1359-1 (1998) puts the threshold of
detection at 45 ms for sound that is early and at 125 ms for sound that is late, and Vatakis and
Spence (2006, "Audiovisual synchrony perception for music, speech, and object actions") found
thresholds above both for music."""
STRONG_CUT = 0.75
"""Least strength of a strong cut. It lies between the strongest changes of framing in one scene
(about .57 on the scale of :mod:`amt.features.similarity`) and the median of cuts between scenes of
the same colours (.82; between unlike scenes .95)."""
_ROUNDING_S = 1e-6
"""Plans keep times to the microsecond: a beat exactly one frame away stays a hit when read back."""


def is_strong(cut: Cut) -> bool:
    """Whether a cut is strong.

    >>> is_strong(Cut(1.0, strength=0.75)), is_strong(Cut(1.0, strength=0.74))
    (True, False)
    """
    return cut.strength >= STRONG_CUT


def is_hit(beat_s: float, moment_s: float) -> bool:
    """Whether a beat hits a moment of the video, both in seconds.

    >>> is_hit(2.04, 2.0), is_hit(2.045, 2.0)
    (True, False)
    """
    return bool(are_hits(np.array(beat_s - moment_s)))


def are_hits(distance_s: FloatArray) -> BoolArray:
    """:func:`is_hit` for distances between beats and moments in seconds, any shape and sign."""
    return np.asarray(np.abs(distance_s) <= HIT_S + _ROUNDING_S)
