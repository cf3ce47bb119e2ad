"""Films drawn for a look: dark or bright, still or moving, and films whose look changes.

A film is drawn from a seed; what the look leaves open (how dark, how fast, which colours and how
many shots) is drawn too. Films of :data:`CALIBRATION_SEEDS` set the constants of
:mod:`amt.features.emotion`; figures are reported on films of :data:`REPORTED_SEEDS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from amt.features import extract_features
from amt.types import VideoFeatures
from experiments.shots.films import CAMERAS, WIDTH, Film, Shot, write

Look = Literal["dark moving", "dark still", "bright fast", "bright still"]
LOOKS: tuple[Look, ...] = ("dark moving", "dark still", "bright fast", "bright still")
EXPECTED: dict[Look, tuple[str, ...]] = {
    "dark moving": ("tense", "fearful"),
    "dark still": ("sad",),
    "bright fast": ("exciting",),
    "bright still": ("relaxing",),
}
"""Moods that each look is to be read as."""
OPPOSITES: tuple[tuple[Look, Look], ...] = (
    ("bright still", "dark moving"),
    ("dark still", "bright fast"),
)
CALIBRATION_SEEDS = range(6)
REPORTED_SEEDS = range(100, 106)
FRAME_S = 0.04
FILM_S = 10.0
"""Length of a film; each look of a film that changes lasts as long."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is drawn for a look."""

    value: float
    """Mean of HSV value, 0 to 1."""
    saturation: float
    """Factor of HSV saturation."""
    contrast: float
    """Factor of the differences from the mean value."""
    shots_s: tuple[float, ...]
    """Lengths of the shots."""
    pace: float
    """Pixels that camera and objects move in a second; 0 is a still camera."""


def _scene(look: Look, rng: np.random.Generator) -> _Scene:
    dark, moves = look.startswith("dark"), look in ("dark moving", "bright fast")
    mean_s = rng.uniform(1.5, 4.0) if moves else rng.uniform(4.0, 12.0)
    if look == "bright fast":
        mean_s = rng.uniform(0.8, 2.0)
    lengths = rng.uniform(0.7, 1.3, max(1, round(FILM_S / mean_s)))
    return _Scene(
        value=float(rng.uniform(0.12, 0.34) if dark else rng.uniform(0.55, 0.85)),
        saturation=float(rng.uniform(0.2, 0.6) if dark else rng.uniform(0.2, 0.7)),
        contrast=float(rng.uniform(0.4, 1.0)),
        shots_s=tuple((FILM_S * lengths / lengths.sum()).tolist()),
        pace=float(rng.uniform(40, 140) if moves else rng.uniform(0, 6)),
    )


def _panorama_in(scene: _Scene, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A panorama with the value, saturation and contrast of a scene."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 1] *= scene.saturation
    value = hsv[..., 2] / 255
    spread = (value - value.mean()) * scene.contrast * min(1.0, 2 * scene.value)
    hsv[..., 2] = 255 * (scene.value + spread).clip(0, 1)
    return np.asarray(cv2.cvtColor(hsv.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR))


def _show(film: Film, scene: _Scene, rng: np.random.Generator) -> None:
    """Add the shots of a scene to a film."""
    for length_s in scene.shots_s:
        moves = scene.pace >= 10
        shot = Shot(rng, str(rng.choice(CAMERAS[1:])) if moves else "still")
        shot.view = _panorama_in(scene, shot.view)
        shot.grain = float(rng.uniform(0.5, 3))
        angle = rng.uniform(0, 2 * np.pi)
        shot.speed = scene.pace * np.array([np.cos(angle), np.sin(angle)])
        tints = [tuple(int(v) for v in shot.view[i, i]) for i in (20, 60, 100)]
        shot.objects = [
            (rng.uniform(0, 1, 2), rng.normal(0, scene.pace / WIDTH, 2), int(rng.integers(8, 24)),
             tints[i % 3])
            for i in range(4 if moves else 1)
        ]  # fmt: skip
        for frame in range(round(length_s / FRAME_S)):
            phase = abs((frame * FRAME_S * scene.pace / 60) % 2 - 1) * 60 / max(scene.pace, 1)
            film.show(shot.at(phase if moves else frame * FRAME_S), FRAME_S)


def look_film(look: Look, seed: int) -> Film:
    """A film of one look."""
    rng, film = np.random.default_rng([seed, LOOKS.index(look)]), Film()
    _show(film, _scene(look, rng), rng)
    return film


def changing_film(first: Look, second: Look, seed: int) -> Film:
    """A film that goes from one look to another, with a cut halfway."""
    rng, film = np.random.default_rng([seed, 9, LOOKS.index(first), LOOKS.index(second)]), Film()
    for look in (first, second):
        _show(film, _scene(look, rng), rng)
    return film


def features_of(film: Film, folder: Path) -> VideoFeatures:
    """What the analytic backend measures of a film."""
    path = folder / "film.mp4"
    write(film, path)
    return extract_features(path, backend="analytic")


def look_films(seeds: Sequence[int], folder: Path) -> Iterator[tuple[Look, VideoFeatures]]:
    """A film of each look and seed, measured."""
    for look in LOOKS:
        for seed in seeds:
            yield look, features_of(look_film(look, seed), folder)


def changing_films(seeds: Sequence[int], folder: Path) -> Iterator[tuple[str, VideoFeatures]]:
    """Films of each seed that go from a look to the one that differs in both respects."""
    for first, second in OPPOSITES:
        for seed in seeds:
            film = changing_film(first, second, seed)
            yield f"{first}, then {second}", features_of(film, folder)
