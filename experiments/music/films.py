"""Drawn films in which scenes return, with what was drawn.

A scene is one drawn place, or two between which the film cuts back and forth. It lasts 7 to 11
seconds. When it returns, camera, framing, light and what moves through it are other ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from experiments.shots.films import HEIGHT, WIDTH, Film, Image, Shot

FRAME_S = 0.08
SCENES = 4
APPEARANCES = (6, 8)
"""Fewest and most scenes of a film, those that return counted each time."""
SCENE_S = (7.0, 11.0)
BACK_AND_FORTH = 0.3
"""Share of the scenes that have two places."""
SHOT_S = (1.6, 2.6)
"""Seconds of a shot where the film cuts back and forth."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One appearance of a scene."""

    start_s: float
    end_s: float
    name: str
    """A letter; appearances of one scene share it."""


def scene_order(rng: np.random.Generator) -> str:
    """Letters of the scenes in order: the first returns, no scene follows itself."""
    while True:
        count = int(rng.integers(APPEARANCES[0], APPEARANCES[1] + 1))
        drawn = rng.integers(0, SCENES, count)
        names = {int(scene): "ABCD"[i] for i, scene in enumerate(dict.fromkeys(drawn.tolist()))}
        order = "".join(names[int(scene)] for scene in drawn)
        if all(a != b for a, b in pairwise(order)) and "A" in order[1:]:
            return order


def scene_film(seed: int) -> tuple[Film, tuple[Scene, ...]]:
    """A film of 40 to 90 seconds, and its scenes in order."""
    rng, film = np.random.default_rng(seed), Film()
    places: dict[str, list[Shot]] = {}
    scenes = []
    for name in scene_order(rng):
        if name not in places:
            places[name] = [Shot(rng) for _ in range(1 + (rng.random() < BACK_AND_FORTH))]
        start_s, length_s = film.end_s, rng.uniform(*SCENE_S)
        shots = [_again(shot, rng) for shot in places[name]]
        light, number = rng.uniform(0.85, 1.12), 0
        while film.end_s < start_s + length_s - SHOT_S[0]:
            shot_s = length_s if len(shots) == 1 else rng.uniform(*SHOT_S)
            _show(film, shots[number % len(shots)], min(shot_s, length_s), light)
            number += 1
        scenes.append(Scene(start_s, film.end_s, name))
    return film, tuple(scenes)


def _again(shot: Shot, rng: np.random.Generator) -> Shot:
    """Another take of a place."""
    take = Shot(rng)
    take.view, take.grain = shot.view, shot.grain
    take.centre = shot.centre + rng.uniform(-0.12, 0.12, 2) * (WIDTH, HEIGHT)
    take.zoom = float(rng.uniform(0.95, 1.25))
    take.speed = take.speed * 0.4
    return take


def _show(film: Film, shot: Shot, seconds: float, light: float) -> None:
    for k in range(round(seconds / FRAME_S)):
        image: Image = cv2.convertScaleAbs(shot.at(min(k * FRAME_S, 4.0)), alpha=light)
        film.show(image, FRAME_S)
