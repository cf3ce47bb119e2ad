"""Draws ``storm.mp4``, the clip that tests and documentation use: calm, a storm, calm again.

Everything is drawn here, from seeded shapes, so the clip belongs to this repository and its cuts
are known: :func:`cut_list`. To draw it anew beside this file::

    python tests/data/make_storm.py

Pictures are [HEIGHT, WIDTH, 3] red, green, blue; colours 0-255; ``t`` is seconds into a shot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from amt.types import CutKind

WIDTH, HEIGHT, FPS = 640, 360, 25
TARGET = Path(__file__).with_name("storm.mp4")
X264 = {"crf": "29", "preset": "slow", "threads": "1", "x264-params": "keyint=125:scenecut=40"}

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

X = np.arange(WIDTH, dtype=np.float32)
Y = np.arange(HEIGHT, dtype=np.float32)[:, None]
_SUBPIXEL = 4
"""OpenCV's drawing takes positions in 1/16 of a pixel, so slow movement does not jerk."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One view: its picture as a function of time."""

    name: str
    seconds: float
    draw: Callable[[float], Picture]
    dissolve_s: float = 0.0
    """Time for which it is blended over the shot before; 0 for a hard cut."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Where one shot gives way to the next: the truth that a cut detector should find."""

    time_s: float
    """First frame of the new shot; in a dissolve the moment at which both are equally strong."""
    kind: CutKind


def cut_list() -> tuple[Transition, ...]:
    """Every change of shot in ``storm.mp4``, in order of time."""
    starts = np.cumsum([shot.seconds for shot in SHOTS])[:-1]
    return tuple(
        Transition(
            round(float(start) + shot.dissolve_s / 2, 6), "dissolve" if shot.dissolve_s else "cut"
        )
        for start, shot in zip(starts, SHOTS[1:], strict=True)
    )


def frames() -> Iterator[Picture]:
    """Every frame of the clip, in order."""
    before: Shot | None = None
    for shot in SHOTS:
        for index in range(round(shot.seconds * FPS)):
            t = index / FPS
            picture = shot.draw(t)
            if before is not None and t < shot.dissolve_s:
                old, share = before.draw(before.seconds + t), t / shot.dissolve_s
                picture = cv2.addWeighted(picture, share, old, 1 - share, 0)
            yield picture
        before = shot


def write(path: Path = TARGET) -> None:
    """Draw and encode the clip: H.264, yuv420p, 25 frames a second, no sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=X264)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


# ------------------------------------------------------------------------------- paint and shapes


def gradient(*stops: tuple[float, Sequence[int]]) -> Floats:
    """A picture whose colour runs from top (0) to bottom (1) through the stops."""
    places, colours = zip(*stops, strict=True)
    rows = np.stack([np.interp(Y[:, 0] / HEIGHT, places, c) for c in zip(*colours, strict=True)])
    return np.repeat(rows.T[:, None].astype(np.float32), WIDTH, axis=1)


def paint(picture: Floats, colour: ArrayLike, cover: ArrayLike) -> None:
    """Lay a colour (or a picture) over a picture where ``cover`` [h, w] says, 0 to 1."""
    cover = np.asarray(cover, dtype=np.float32)[..., None]
    picture += (np.asarray(colour, dtype=np.float32) - picture) * cover


def glow(picture: Floats, centre: tuple[float, float], radius: float, colour: ArrayLike) -> None:
    """Light that fades with the distance from its centre."""
    distance = np.hypot(X - centre[0], Y - centre[1])
    paint(picture, colour, np.exp(-((distance / radius) ** 2)))


def disc(picture: Floats, centre: tuple[float, float], radius: float, colour: ArrayLike) -> None:
    """A round thing with a smooth rim."""
    distance = np.hypot(X - centre[0], Y - centre[1])
    paint(picture, colour, np.clip(radius - distance + 0.5, 0, 1))


def ground(picture: Floats, crest: Floats, near: ArrayLike, far: ArrayLike) -> None:
    """Fill everything below a crest line [w]: ``far`` at the crest, ``near`` 150 pixels lower."""
    top = max(0, int(crest.min()) - 1)
    depth = Y[top:] - crest
    shade = np.clip(depth / 150, 0, 1)[..., None]
    far, near = np.asarray(far, np.float32), np.asarray(near, np.float32)
    paint(picture[top:], far + (near - far) * shade, np.clip(depth + 0.5, 0, 1))


def waves(seed: int, x: Floats, length: float, height: float, phase: float = 0.0) -> Floats:
    """A smooth random line: sines of falling length; hills if it stands, waves if it moves."""
    rng = np.random.default_rng(seed)
    line = np.zeros_like(x)
    for octave in range(4):
        k = 2 * np.pi * 1.9**octave / length
        offset = rng.uniform(0, 2 * np.pi)
        line += height / 2.1**octave * np.sin(k * x + offset + phase * 1.4**octave)
    return line


@cache
def mist(seed: int, cell: int) -> Floats:
    """[HEIGHT, 3 WIDTH] clouds of noise between 0 and 1."""
    rng = np.random.default_rng(seed)
    total = np.zeros((HEIGHT, 3 * WIDTH), np.float32)
    for octave in range(4):
        size = max(2, cell >> octave)
        noise = rng.random((HEIGHT // size + 3, 3 * WIDTH // (2 * size) + 3), dtype=np.float32)
        total += cv2.resize(noise, (3 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = np.quantile(total, [0.02, 0.98])
    return np.clip((total - low) / (high - low), 0, 1)


def drifting(field: Floats, x: float) -> Floats:
    """The part of a wide field that begins at ``x``, which need not be whole."""
    shift = np.array([[1, 0, -x], [0, 1, 0]], np.float32)
    return cv2.warpAffine(field, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)


def cloud(
    picture: Floats, seed: int, x: float, y: float, size: float, tint: ArrayLike = (1, 1, 1)
) -> None:
    """A fair-weather cloud: puffs on a flat base, white above and bluish below."""
    rng = np.random.default_rng(seed)
    cover = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(14):
        side = rng.normal(0, 0.55)
        radius = size * rng.uniform(0.28, 0.5) * np.exp(-(side**2))
        centre = (x + side * size, y - radius * rng.uniform(0.5, 1.1))
        cv2.circle(cover, *_fixed(centre, radius), 255, -1, cv2.LINE_AA, _SUBPIXEL)
    soft = cv2.GaussianBlur(cover, (0, 0), 2.5).astype(np.float32) / 255
    low = np.clip((Y - y + size * 0.75) / size, 0, 1)[..., None]
    white, blue = np.float32([255, 253, 246]) * tint, np.float32([206, 214, 232]) * tint
    paint(picture, white + (blue - white) * low, 0.92 * soft)


def _fixed(centre: tuple[float, float], radius: float) -> tuple[tuple[int, int], int]:
    scale = 1 << _SUBPIXEL
    return (round(centre[0] * scale), round(centre[1] * scale)), max(1, round(radius * scale))


def polygon(picture: Picture, points: ArrayLike, colour: Sequence[int]) -> None:
    """A filled shape [n, 2] with smooth edges."""
    fixed = np.round(np.asarray(points) * (1 << _SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, _SUBPIXEL)


def line(picture: Picture, points: ArrayLike, colour: Sequence[int], width: int = 1) -> None:
    """A smooth line through points [n, 2]."""
    fixed = np.round(np.asarray(points) * (1 << _SUBPIXEL)).astype(np.int32)
    cv2.polylines(picture, [fixed], False, colour, width, cv2.LINE_AA, _SUBPIXEL)


def solid(picture: Floats) -> Picture:
    """Round to 8 bits."""
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def birds(picture: Picture, t: float, colour: Sequence[int], y: float) -> None:
    """Five birds that glide from left to right."""
    for bird in range(5):
        x = 90 + 44 * t + 52 * bird
        at = np.array([x, y - 14 * (bird % 2) - 6 * bird + 5 * np.sin(t + bird)])
        lift = 4 + 3 * np.sin(7 * t + 2 * bird)
        wings = [(-11, -lift), (-5, -lift - 1), (0, 0), (5, -lift - 1), (11, -lift)]
        line(picture, at + np.array(wings), colour, 2)


def rain(picture: Picture, t: float, amount: int) -> Picture:
    """Slanting streaks that fall fast."""
    rng = np.random.default_rng(77)
    x, y = rng.uniform(-60, WIDTH + 160, amount), rng.uniform(0, HEIGHT + 60, amount)
    speed, length = rng.uniform(650, 1000, amount), rng.uniform(14, 34, amount)
    drop = (y + speed * t) % (HEIGHT + 60) - 30
    streaks = picture.copy()
    for px, py, size in zip(x - 0.25 * drop, drop, length, strict=True):
        line(streaks, [(px, py), (px - 0.25 * size, py + size)], (205, 215, 230))
    return cv2.addWeighted(streaks, 0.5, picture, 0.5, 0)


def flash(t: float, strikes: Sequence[float]) -> float:
    """Brightness of lightning, 1 at the strike and gone three frames later."""
    return max((np.exp(-30 * (t - s)) for s in strikes if 0 <= t - s < 0.12), default=0.0)


def bolt(picture: Picture, seed: int, x: float, bottom: float) -> None:
    """A jagged line from the clouds to the ground with one branch."""
    rng = np.random.default_rng(seed)
    heights = np.linspace(20, bottom, 12)
    path = np.stack([x + np.cumsum(rng.normal(0, 13, 12)), heights], axis=1)
    branch = path[5] + np.cumsum(rng.uniform((4, 8), (22, 20), (5, 2)), axis=0)
    for width, colour in ((5, (170, 180, 235)), (2, (255, 255, 255))):
        line(picture, path, colour, width)
        line(picture, np.concatenate([path[5:6], branch]), colour, max(1, width - 2))


# ------------------------------------------------------------------------------------------ shots


def meadow(t: float) -> Picture:
    """Green hills in warm light, clouds drift."""
    picture = gradient((0, (112, 178, 226)), (0.4, (190, 222, 236)), (0.62, (255, 238, 200)))
    glow(picture, (505, 92), 130, (255, 244, 190))
    disc(picture, (505, 92), 30, (255, 250, 220))
    for seed, x, y, size in ((1, 110, 88, 70), (4, 330, 130, 46), (9, 600, 158, 54)):
        cloud(picture, seed, x + 9 * t, y, size)
    pan = 10 * t
    ground(picture, 205 + waves(11, X + 0.3 * pan, 520, 16), (150, 190, 120), (176, 208, 158))
    ground(picture, 238 + waves(12, X + 0.6 * pan, 610, 18), (112, 168, 82), (152, 196, 104))
    crest = 292 + waves(13, X + pan, 700, 14)
    ground(picture, crest, (70, 132, 52), (128, 184, 78))
    scene = solid(picture)
    _round_tree(scene, (168 - pan, 284), 1.0 + 0.02 * np.sin(1.2 * t))
    rng = np.random.default_rng(5)
    for _ in range(90):
        x, depth = rng.uniform(0, WIDTH + 80) - 1.2 * pan, rng.uniform(0.1, 1)
        colour = ((250, 244, 235), (250, 214, 90), (236, 120, 130))[int(rng.integers(3))]
        place = (x, 300 + 58 * depth)
        cv2.circle(scene, *_fixed(place, 1 + 2.2 * depth), colour, -1, cv2.LINE_AA, _SUBPIXEL)
    return scene


def _round_tree(picture: Picture, foot: tuple[float, float], lean: float) -> None:
    x, y = foot
    polygon(
        picture, [(x - 6, y + 8), (x - 3, y - 50), (x + 3, y - 50), (x + 6, y + 8)], (112, 84, 62)
    )
    leaves = (
        (0, -86, 38, 0),
        (-26, -66, 28, 0),
        (27, -68, 29, 0),
        (8, -94, 26, 1),
        (-14, -78, 20, 1),
    )
    for dx, dy, radius, lit in leaves:
        colour = (128, 184, 88) if lit else (86, 148, 66)
        centre = (x + dx * lean, y + dy)
        cv2.circle(picture, *_fixed(centre, radius), colour, -1, cv2.LINE_AA, _SUBPIXEL)


@cache
def _leafy_blur() -> Floats:
    """What lies out of focus behind the flowers."""
    picture = gradient((0, (214, 224, 150)), (0.5, (140, 186, 98)), (1, (72, 124, 62)))
    rng = np.random.default_rng(21)
    for _ in range(26):
        centre, radius = rng.uniform((0, 0), (WIDTH, HEIGHT * 0.8)), rng.uniform(18, 48)
        distance = np.hypot(X - centre[0], Y - centre[1])
        colour = ((250, 244, 190), (180, 214, 120), (244, 206, 170))[int(rng.integers(3))]
        paint(picture, colour, 0.3 * np.clip((radius - distance) / 6 + 0.5, 0, 1))
    return picture


def flowers(t: float) -> Picture:
    """Flowers close by that sway."""
    picture = solid(_leafy_blur())
    rng = np.random.default_rng(22)
    tints = ((232, 92, 104), (250, 250, 244), (244, 178, 64), (196, 128, 214))
    for number in range(9):
        x = 20 + 74 * number + rng.uniform(-16, 16)
        tall, size, beat = rng.uniform(110, 250), rng.uniform(24, 38), rng.uniform(0.8, 1.3)
        sway = 13 * np.sin(1.5 * beat * t + number) + 5 * np.sin(2.3 * t + 2.1 * number)
        u = np.linspace(0, 1, 16)
        stem = np.stack([x + sway * u**2, HEIGHT + 6 - tall * u], axis=1)
        line(picture, stem, (62, 116, 56), 5)
        leaf = stem[6] + np.array([(0, 0), (18, -16), (44, -20), (26, -2)]) * (-1, 1)[number % 2]
        polygon(picture, leaf, (84, 144, 70))
        _blossom(picture, tuple(stem[-1]), size, tints[number % 4], sway)
    return picture


def _blossom(
    picture: Picture, centre: tuple[float, float], size: float, tint: Sequence[int], turn: float
) -> None:
    for ring, scale in ((0, 1.0), (1, 0.72)):
        colour = tuple(min(255, int(c + 22 * ring)) for c in tint)
        for petal in range(8):
            angle = 45.0 * petal + 22.5 * ring + turn
            way = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
            at, _ = _fixed(tuple(centre + way * size * 0.62 * scale), 1)
            axes, _ = _fixed((size * 0.46 * scale, size * 0.21 * scale), 1)
            cv2.ellipse(picture, at, axes, angle, 0, 360, colour, -1, cv2.LINE_AA, _SUBPIXEL)
    cv2.circle(picture, *_fixed(centre, size * 0.3), (248, 208, 84), -1, cv2.LINE_AA, _SUBPIXEL)
    cv2.circle(picture, *_fixed(centre, size * 0.16), (214, 150, 56), -1, cv2.LINE_AA, _SUBPIXEL)


def _storm_sky(t: float, light: float) -> Floats:
    picture = gradient((0, (30, 36, 54)), (0.45, (70, 80, 102)), (0.75, (108, 116, 130)))
    low = drifting(mist(31, 90), 125 * t)
    paint(picture, (24, 28, 42), 0.85 * low**1.5)
    paint(picture, (196, 204, 236), 0.55 * light * (0.35 + 0.65 * low))
    return picture


def hills(t: float) -> Picture:
    """Dark hills, bent trees, rain and lightning under a camera that runs and shakes."""
    strikes = (0.88, 2.36)
    light = flash(t, strikes)
    pan, shake = 260 * t, 5 * np.sin(23 * t) + 3 * np.sin(37 * t + 1)
    picture = _storm_sky(t, light)
    lit = 1 + 0.8 * light
    for seed, base, speed, far in ((41, 205, 0.25, (64, 74, 92)), (42, 245, 0.55, (44, 54, 66))):
        crest = base + shake * speed + waves(seed, X + speed * pan, 430, 26)
        ground(picture, crest, (28, 34, 42), np.array(far) * lit)
    crest = 292 + shake + waves(43, X + pan, 520, 16)
    ground(picture, crest, (12, 16, 18), np.array((30, 40, 38)) * lit)
    scene = solid(picture)
    if light > 0.2:
        bolt(scene, 3 + round(t), 420 - 120 * (t > 2), 236)
    for tree in range(26):
        x = 74.0 * tree - pan + 20 * np.sin(5 * tree)
        if -80 < x < WIDTH + 80:
            foot = 298 + shake + float(waves(43, np.float32([x + pan]), 520, 16)[0])
            bend = -24 - 15 * np.sin(9 * t + 1.7 * tree) - 7 * np.sin(17 * t + tree)
            _fir(scene, (x, foot), 96 + 26 * np.sin(3 * tree), bend)
    return rain(scene, t, 220)


def _fir(picture: Picture, foot: tuple[float, float], tall: float, bend: float) -> None:
    """A conifer whose top is blown aside by ``bend`` pixels."""
    x, y = foot
    for tier in range(4):
        low, high = tier * 0.22, tier * 0.22 + 0.42
        wide = 25 * (1 - 0.21 * tier)
        middle = x + bend * low**1.6
        top = (x + bend * min(1, high) ** 1.6, y - tall * high)
        corners = [(middle - wide, y - tall * low), top, (middle + wide, y - tall * low)]
        polygon(picture, corners, (16 + 5 * tier, 24 + 6 * tier, 26 + 5 * tier))


def sea(t: float) -> Picture:
    """High waves, a small boat, rain and lightning."""
    light = flash(t, (1.52,))
    heave = 12 * np.sin(2.6 * t) + 4 * np.sin(11 * t)
    picture = _storm_sky(t + 5, light)
    for layer in range(6):
        length, height = 190 + 70 * layer, 7 + 3.2 * layer
        x = X + 40 * layer + (70 + 42 * layer) * t
        crest = 196 + 27 * layer + heave * (0.3 + 0.16 * layer)
        crest = crest - np.abs(waves(50 + layer, x, length, height, 2.5 * t))
        tone = np.array((36, 52, 64)) + layer * np.array((4, 7, 8))
        ground(picture, crest, tone * 0.6, tone * 1.3 * (1 + 0.15 * light))
        top, bottom = max(0, int(crest.min()) - 3), int(crest.max()) + 8
        foam = np.clip(1 - np.abs(Y[top:bottom] - crest - 2) / (2.0 + 0.5 * layer), 0, 1)
        rising = np.clip(0.55 - np.gradient(crest), 0, 1)
        paint(picture[top:bottom], (214, 228, 232), 0.75 * foam * rising)
        if layer == 2:
            place = int(300 + 24 * np.sin(0.9 * t))
            tilt = np.arctan(np.gradient(crest)[place]) + 0.25 * np.sin(3.1 * t)
            scene = solid(picture)
            _boat(scene, (place, float(crest[place])), float(tilt))
            picture = scene.astype(np.float32)
    scene = solid(picture)
    if light > 0.2:
        bolt(scene, 12, 520, 190)
    return rain(scene, t, 170)


def _boat(picture: Picture, at: tuple[float, float], tilt: float) -> None:
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    parts = (
        ([(-2, -10), (2, -10), (2, -74), (-2, -74)], (92, 70, 56)),
        ([(5, -72), (42, -20), (5, -16)], (240, 232, 214)),
        ([(-5, -64), (-30, -20), (-5, -16)], (216, 206, 190)),
        ([(-44, -12), (48, -12), (32, 12), (-30, 12)], (168, 62, 52)),
    )
    for points, colour in parts:
        polygon(picture, np.array(points) @ turn + np.array(at), colour)


def clearing(t: float) -> Picture:
    """The clouds part, light comes through, birds return."""
    picture = gradient((0, (84, 154, 214)), (0.55, (166, 208, 232)), (0.9, (250, 236, 204)))
    glow(picture, (470, 70), 140, (255, 248, 214))
    angle = np.arctan2(Y - 40, X - 480)
    rays = 0.5 + 0.5 * np.sin(15 * angle + 0.25 * t)
    paint(picture, (255, 250, 224), 0.28 * rays**2 * np.clip((Y - 60) / 200, 0, 1))
    field = drifting(mist(61, 110), 12 * t)
    opening = np.clip((np.hypot((X - 430) * 0.8, Y - 110) - 120 - 16 * t) / 240, 0, 1)
    veil = np.clip(field * 1.5 - 0.55 + 0.5 * opening, 0, 1) * opening
    paint(picture, (128, 138, 164), 0.9 * veil)
    for seed, x, y, size in ((6, 250, 120, 52), (14, 560, 196, 60), (3, 120, 236, 70)):
        cloud(picture, seed, x + 7 * t, y, size, tint=(0.97, 0.97, 0.99))
    ground(picture, 296 + waves(63, X + 3 * t, 560, 10), (96, 140, 112), (150, 182, 150))
    ground(picture, 322 + waves(62, X + 5 * t, 480, 9), (42, 88, 56), (88, 142, 84))
    scene = solid(picture)
    birds(scene, t, (70, 84, 104), 190)
    return scene


def sunset(t: float) -> Picture:
    """Evening over quiet water, and a rainbow."""
    picture = gradient((0, (92, 84, 150)), (0.3, (206, 124, 150)), (0.52, (252, 178, 116)),
                       (0.66, (255, 222, 150)))  # fmt: skip
    sun = (500.0, 205 + 2.5 * t)
    glow(picture, sun, 150, (255, 226, 150))
    disc(picture, sun, 34, (255, 244, 206))
    _rainbow(picture, (190.0, 300.0), 205.0, 0.42)
    for seed, x, y, size in ((5, 400, 112, 42), (8, 70, 84, 50)):
        cloud(picture, seed, x + 4 * t, y, size, tint=(0.96, 0.68, 0.70))
    ground(picture, 232 + waves(71, X + 3 * t, 500, 11), (96, 62, 92), (142, 92, 118))
    water = gradient((0.68, (250, 190, 132)), (1, (112, 84, 140)))
    paint(picture, water, np.broadcast_to(np.clip(Y - 248, 0, 1), (HEIGHT, WIDTH)))
    ripple = np.sin(Y * 0.9 + 1.5 * np.sin(X / 37 + 0.8 * t) - 1.6 * t) * np.sin(X / 23 + Y / 5 + t)
    path = np.exp(-(((X - sun[0]) / (30 + 0.7 * (Y - 248).clip(0))) ** 2)) * np.clip(Y - 250, 0, 1)
    paint(picture, (255, 240, 190), path * (0.42 + 0.35 * ripple))
    scene = solid(picture)
    birds(scene, 0.6 * t, (72, 52, 84), 150)
    return scene


def _rainbow(picture: Floats, centre: tuple[float, float], radius: float, strength: float) -> None:
    distance = (radius - np.hypot(X - centre[0], Y - centre[1])) / 34
    hue = np.clip(distance, 0, 1) * 135
    band = np.stack([hue, np.full_like(hue, 170), np.full_like(hue, 255)], axis=-1)
    colour = cv2.cvtColor(band.astype(np.uint8), cv2.COLOR_HSV2RGB)
    soft = np.clip(np.minimum(distance, 1 - distance) * 5, 0, 1) * np.clip((260 - Y) / 90, 0, 1)
    paint(picture, colour, strength * soft)


SHOTS = (
    Shot("meadow", 4.8, meadow),
    Shot("flowers", 3.6, flowers),
    Shot("hills", 4.2, hills),
    Shot("sea", 3.8, sea),
    Shot("clearing", 3.4, clearing, dissolve_s=1.2),
    Shot("sunset", 4.2, sunset),
)


if __name__ == "__main__":
    write()
