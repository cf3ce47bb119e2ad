"""Each measure of a picture moves its mood: direction and least size, everything else typical."""

from __future__ import annotations

import numpy as np
import pytest

from amt.features.emotion import (
    AROUSAL_WEIGHTS,
    CONTRAST_FLOOR,
    TYPICAL,
    TYPICAL_PACE,
    VALENCE_WEIGHTS,
    Look,
    analytic_emotion,
    cut_rate,
    relative_movement,
)
from amt.mood import valence_arousal
from amt.types import Cut

SECONDS = 24
TYPICAL_LOOK = {name: mean for name, (mean, _) in TYPICAL.items() if name != "movement"}


def motion_of(movement: float, contrast: float) -> float:
    """Motion, 0-255, of a picture with a contrast and a :func:`relative_movement`."""
    return float(np.expm1(movement) / 100 * 255 * (contrast + CONTRAST_FLOOR))


def affect(cut_every_s: float = 1 / TYPICAL_PACE, **deviations: float) -> tuple[float, float]:
    """Valence and arousal in the middle of a clip, with measures so many deviations off typical."""
    values = {
        name: mean + deviations.get(name, 0.0) * TYPICAL[name][1]
        for name, mean in TYPICAL_LOOK.items()
    }
    mean, deviation = TYPICAL["movement"]
    moves = mean + deviations.get("movement", 0.0) * deviation
    motion = np.full(SECONDS, motion_of(moves, values["contrast"]))
    cuts = tuple(Cut(float(t)) for t in np.arange(cut_every_s, SECONDS, cut_every_s))
    emotion = analytic_emotion([Look(**values)] * SECONDS, motion, cuts)
    valence, arousal = valence_arousal(emotion)[SECONDS // 2]
    return float(valence), float(arousal)


@pytest.mark.parametrize(
    ("measure", "valence", "arousal"),
    [
        ("brightness", 0.2, -0.05),
        ("saturation", 0.05, 0.1),
        ("colourfulness", 0.05, None),
        ("contrast", None, 0.04),
        ("movement", None, 0.4),
    ],
)
def test_a_deviation_up_and_down_moves_valence_and_arousal(
    measure: str, valence: float | None, arousal: float | None
) -> None:
    # The threat of dark pictures that move is tested on its own: movement is typical here.
    low, high = affect(**{measure: -1.0}), affect(**{measure: 1.0})
    for i, least in enumerate((valence, arousal)):
        if least is not None:
            change = high[i] - low[i]
            assert abs(change) >= abs(least)
            assert np.sign(change) == np.sign(least)


def test_a_dark_picture_that_moves_is_a_threat(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [{"brightness": b, "movement": m} for b in (-1.0, 1.0) for m in (-1.0, 1.0)]
    with_threat = [affect(**clip)[0] for clip in clips]
    monkeypatch.setitem(VALENCE_WEIGHTS, "threat", 0.0)
    without = [affect(**clip)[0] for clip in clips]
    effect = np.array(with_threat) - without
    dark_moving = 1
    assert effect[dark_moving] <= -0.08
    np.testing.assert_array_equal(np.delete(effect, dark_moving), 0)


def test_fast_cutting_excites() -> None:
    assert affect(cut_every_s=1.0)[1] - affect(cut_every_s=30.0)[1] >= 0.3
    cuts = tuple(Cut(float(t)) for t in range(1, 24))
    assert cut_rate(cuts, SECONDS)[12] == 1
    assert cut_rate(cuts[11:13], SECONDS)[12] == 2 / 8
    assert cut_rate(cuts[:2], SECONDS)[0] == 2 / 4.5  # the window reaches out of the clip


def test_the_same_movement_counts_alike_in_dark_and_bright_pictures() -> None:
    motion = np.full(9, 10.0)
    bright = relative_movement(motion, np.full(9, 0.2))[4]
    dark = relative_movement(motion / 4, np.full(9, 0.05))[4]
    as_pixels = np.log1p(motion)[4] - np.log1p(motion / 4)[4]
    assert 0 <= bright - dark < 0.6 < as_pixels


def test_a_single_measure_is_cut_off() -> None:
    assert affect(brightness=2.5) == pytest.approx(affect(brightness=9.0))
    assert affect(brightness=2.5)[0] - affect(brightness=1.5)[0] >= 0.03


def test_a_dark_picture_excites_more_than_a_bright_one_by_the_weight_of_brightness_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def effect() -> float:
        return affect(brightness=-1.0)[1] - affect(brightness=1.0)[1]

    with_weight = effect()
    monkeypatch.setitem(AROUSAL_WEIGHTS, "brightness", 0.0)
    assert with_weight - effect() >= 0.05


def test_a_typical_clip_of_films_and_videos_is_nearly_neutral() -> None:
    """What is typical is stated here once more: means of films, home videos and music videos."""
    picture = Look(brightness=0.43, saturation=0.27, colourfulness=0.1, contrast=0.16)
    cuts = tuple(Cut(float(t)) for t in np.arange(1 / 0.15, SECONDS, 1 / 0.15))
    motion = np.full(SECONDS, motion_of(1.4, 0.16))
    typical = valence_arousal(analytic_emotion([picture] * SECONDS, motion, cuts))[12]
    np.testing.assert_allclose(typical, affect(), atol=1e-9)


def test_a_typical_clip_is_nearly_neutral_and_answers_stay_uncertain() -> None:
    assert np.abs(affect()).max() <= 0.2
    motion = np.full(SECONDS, motion_of(1.4, 0.16))
    emotion = analytic_emotion([Look(**TYPICAL_LOOK)] * SECONDS, motion, ())
    assert 0.25 <= emotion[12].max() <= 0.7
