"""Films drawn with known changes of shot, and films that have none but look as if.

A shot is a section of a drawn panorama under a camera that stands, pans, zooms or shakes, with
objects that move through it and grain. Every film is drawn from one seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
WIDTH, HEIGHT = 192, 108
CAMERAS = ("still", "pan", "zoom", "shake")
TRANSITIONS = ("dissolve", "fade", "wipe", "push", "slide", "reveal")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of shot that was drawn."""

    time_s: float
    kind: str
    """``cut`` or one of :data:`TRANSITIONS`."""


@dataclass(slots=True)
class Film:
    """Pictures, when each is shown, and where the shots change."""

    images: list[Image] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    encoder: dict[str, str] = field(default_factory=lambda: {"crf": "23"})

    def show(self, image: Image, frame_s: float) -> None:
        """Add a picture that lasts so long."""
        self.times_s.append(self.end_s)
        self.images.append(image)
        self.end_s = self.times_s[-1] + frame_s

    end_s: float = 0.0


def write(film: Film, path: Path) -> None:
    """Encode a film as H.264, each picture at its own time."""
    base = Fraction(1, 12800)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=film.encoder)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = base
        for image, time_s in zip(film.images, film.times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            frame.pts, frame.time_base = round(time_s / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


# --- pictures and shots -----------------------------------------------------------------------


def panorama(rng: np.random.Generator, width: int, height: int) -> Image:
    """Fields of colour at three scales under discs and boxes, [height, width, 3]."""
    image = np.zeros((height, width, 3), np.float32) + rng.integers(0, 256, 3)
    for cells, contrast in ((3, 90), (7, 50), (20, 30)):
        shape = (cells * height // HEIGHT, round(cells * 1.6 * width / WIDTH), 3)
        field_of = rng.normal(0, contrast, shape).astype(np.float32)
        image += cv2.resize(field_of, (width, height), interpolation=cv2.INTER_CUBIC)
    drawn = np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))
    for _ in range(int(rng.integers(6, 18))):
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        x, y, size = (
            int(rng.integers(low, high)) for low, high in ((0, width), (0, height), (5, 25))
        )
        if rng.random() < 0.5:
            cv2.circle(drawn, (x, y), size, colour, -1)
        else:
            cv2.rectangle(drawn, (x, y), (x + 2 * size, y + size), colour, -1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.8), dtype=np.uint8)


class Shot:
    """One camera on one panorama."""

    def __init__(self, rng: np.random.Generator, camera: str | None = None) -> None:
        self.rng = rng
        self.view = panorama(rng, 2 * WIDTH, 2 * HEIGHT)
        self.camera = camera or str(rng.choice(CAMERAS))
        self.centre = rng.uniform(0.3, 0.7, 2) * (2 * WIDTH, 2 * HEIGHT)
        self.speed = rng.uniform(-12, 12, 2)
        self.zoom = 1.0
        self.grain = float(rng.uniform(0, 5))
        self.objects = [
            (rng.uniform(0, 1, 2), rng.uniform(-0.3, 0.3, 2), int(rng.integers(5, 16)),
             tuple(int(value) for value in rng.integers(0, 256, 3)))
            for _ in range(rng.integers(0, 4))
        ]  # fmt: skip

    def at(self, time_s: float) -> Image:
        """The picture so long after the shot's first one."""
        centre, zoom = self.centre.copy(), self.zoom
        if self.camera == "pan":
            centre += self.speed * time_s
        elif self.camera == "zoom":
            zoom *= 1 + 0.12 * time_s
        elif self.camera == "shake":
            centre += (2 * np.sin(9 * time_s), 2 * np.cos(7 * time_s))
        half = np.array([WIDTH, HEIGHT]) / 2 / zoom
        centre = centre.clip(half, (2 * WIDTH, 2 * HEIGHT) - half)
        move = np.array([[zoom, 0, WIDTH / 2], [0, zoom, HEIGHT / 2]])
        move[:, 2] -= zoom * centre
        image = cv2.warpAffine(self.view, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        for place, speed, size, colour in self.objects:
            x, y = (place + speed * time_s) % 1 * (WIDTH, HEIGHT)
            cv2.circle(image, (int(x), int(y)), size, colour, -1)
        grained = image + self.rng.normal(0, self.grain, image.shape)
        return np.asarray(grained.clip(0, 255), dtype=np.uint8)


# --- changes of shot --------------------------------------------------------------------------


def cut_film(seed: int, frame_s: float = 0.04) -> Film:
    """Nine shots of 1 to 2.5 s and plain cuts."""
    rng, film = np.random.default_rng(seed), Film()
    for _ in range(9):
        shot, first = Shot(rng), len(film.images)
        for k in range(round(rng.uniform(1.0, 2.5) / frame_s)):
            film.show(shot.at(k * frame_s), frame_s)
        film.changes.append(Change(film.times_s[first], "cut"))
    film.changes.pop(0)
    return film


def framings_film(seed: int) -> Film:
    """Cuts between framings of one scene: nearer, farther, to the side."""
    rng, film = np.random.default_rng(seed), Film()
    shot = Shot(rng, "shake")
    for zoom in (1.0, 1.7, 1.1, 1.9, 1.0, 1.6):
        shot.zoom, shot.centre = zoom, rng.uniform(0.4, 0.6, 2) * (2 * WIDTH, 2 * HEIGHT)
        film.changes.append(Change(film.end_s, "cut"))
        for k in range(int(rng.integers(30, 60))):
            film.show(shot.at(k / 25), 1 / 25)
    film.changes.pop(0)
    return film


def transition_film(seed: int, kind: str) -> Film:
    """Seven shots and gradual changes of .3 to 1 s (blends .5 to 1.4 s)."""
    rng, film = np.random.default_rng(seed), Film()
    shots = [Shot(rng) for _ in range(7)]
    begun = 0.0
    for shot, following in zip(shots, [*shots[1:], None], strict=True):
        for _ in range(int(rng.integers(30, 60))):
            film.show(shot.at(film.end_s - begun), 1 / 25)
        if following is None:
            break
        start_s = film.end_s
        frames = int(rng.integers(12, 35) if kind in ("dissolve", "fade") else rng.integers(8, 25))
        draw, smooth = _transition(rng, kind), rng.random() < 0.5
        for share in np.arange(1, frames + 1) / (frames + 1):
            share = share * share * (3 - 2 * share) if smooth else share
            pair = shot.at(film.end_s - begun), following.at(film.end_s - start_s)
            film.show(draw(*pair, float(share)), 1 / 25)
        film.changes.append(Change((start_s + film.end_s - 1 / 25) / 2, kind))
        begun = start_s
    return film


def _transition(rng: np.random.Generator, kind: str) -> Callable[[Image, Image, float], Image]:
    if kind == "dissolve":
        return lambda a, b, share: cv2.addWeighted(a, 1 - share, b, share, 0)
    if kind == "fade":
        return lambda a, b, s: (np.maximum(0, [a, b][s > 0.5] * abs(2 * s - 1))).astype(np.uint8)
    if kind == "wipe":
        return _wipe(rng)
    vertical, backward = rng.random() < 0.5, rng.random() < 0.5

    def slide(a: Image, b: Image, share: float) -> Image:
        a, b = (p.swapaxes(0, 1) if vertical else p for p in (a, b))
        a, b = (p[:, ::-1] if backward else p for p in (a, b))
        taken = round(share * a.shape[1])
        left = a.shape[1] - taken
        old = a[:, :left] if kind == "slide" else a[:, taken:]
        new = b[:, left:] if kind == "reveal" else b[:, :taken]
        made = np.concatenate([old, new], axis=1)
        made = made[:, ::-1] if backward else made
        return np.asarray(made.swapaxes(0, 1) if vertical else made)

    return slide


def _wipe(rng: np.random.Generator) -> Callable[[Image, Image, float], Image]:
    """Along a side or a diagonal, as an iris or a clock, with a sharp or a soft border."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / np.array([HEIGHT, WIDTH])[:, None, None]
    angle = (np.arctan2(y - 0.5, x - 0.5) / np.pi + 1) / 2
    order = (x, y, (x + y) / 2, np.hypot(x - 0.5, y - 0.5) / 0.71, angle)[rng.integers(5)]
    order = 1 - order if rng.random() < 0.5 else order
    soft = 0.09 if rng.random() < 0.4 else 0.01

    def wipe(a: Image, b: Image, share: float) -> Image:
        new = ((share * (1 + soft) - order) / soft).clip(0, 1)[..., None]
        return np.asarray((1 - new) * a + new * b).astype(np.uint8)

    return wipe


def slides_film(seed: int) -> Film:
    """Still pictures at .3 to 30 frames a second, some with frames that repeat left out."""
    rng, film = np.random.default_rng(seed), Film()
    rate = float(np.exp(rng.uniform(np.log(0.3), np.log(30))))
    dropped = rng.random() < 0.4
    for _ in range(8):
        image = panorama(rng, WIDTH, HEIGHT)
        frames = max(1, round(rng.uniform(1, 4) * rate))
        film.changes.append(Change(film.end_s, "cut"))
        if dropped:
            film.show(image, frames / rate)
        else:
            for _ in range(frames):
                film.show(image, 1 / rate)
    film.show(image, 1 / rate)
    film.changes.pop(0)
    return film


# --- no change of shot ------------------------------------------------------------------------


def pans_film(seed: int) -> Film:
    """A camera that swings fast from view to view and rests there."""
    rng, film = np.random.default_rng(seed), Film()
    wide = panorama(rng, 8 * WIDTH, HEIGHT)
    here = 0.0
    for place in rng.uniform(0, 7 * WIDTH, 6):
        frames = max(4, round(abs(place - here) / WIDTH * rng.uniform(4, 12)))
        way = np.linspace(0, 1, frames) ** 2 * (3 - 2 * np.linspace(0, 1, frames))
        for x in [*np.full(25, here), *(here + (place - here) * way)]:
            film.show(wide[:, round(x) : round(x) + WIDTH], 1 / 25)
        here = place
    return film


def zooms_film(seed: int) -> Film:
    """Fast zooms in and out."""
    rng, film = np.random.default_rng(seed), Film()
    shot = Shot(rng, "still")
    for zoom in rng.uniform(1, 3.5, 8):
        for value in np.linspace(shot.zoom, zoom, int(rng.integers(6, 20))):
            shot.zoom = float(value)
            film.show(shot.at(film.end_s), 1 / 25)
        for _ in range(20):
            film.show(shot.at(film.end_s), 1 / 25)
    return film


def flashes_film(seed: int) -> Film:
    """A shot under flashes of one to five frames, and lightning that dies away."""
    rng, film = np.random.default_rng(seed), Film()
    shot, light = Shot(rng), np.zeros(250)
    for at in range(20, 240, 24):
        length = int(rng.integers(1, 6))
        light[at : at + length] = rng.uniform(0.5, 1)
        if rng.random() < 0.4:
            light[at + length : at + length + 8] = light[at] * np.exp(-np.arange(8) / 2.5)
    for share in light:
        image = shot.at(film.end_s)
        film.show(((1 - share) * image + share * 255).astype(np.uint8), 1 / 25)
    return film


def pops_film(seed: int) -> Film:
    """Few bits and a key frame every 12 to 50 frames: the picture's quality jumps."""
    rng, film = np.random.default_rng(seed), Film()
    dim = rng.uniform(0.1, 1)
    shot = Shot(rng, str(rng.choice(["pan", "zoom", "shake"])))
    shot.speed *= 0.3
    for _ in range(250):
        film.show((shot.at(film.end_s) * dim).astype(np.uint8), 1 / 25)
    film.encoder = {
        "crf": "51", "g": str(rng.integers(12, 50)), "x264-params": "scenecut=0:ipratio=8",
    }  # fmt: skip
    return film


def timelapse_film(seed: int) -> Film:
    """One view at a frame a second: people move, the light changes."""
    rng, film = np.random.default_rng(seed), Film()
    shot = Shot(rng, "still")
    shot.objects *= 3
    rate = rng.uniform(0.7, 2)
    light = np.interp(np.arange(40), np.arange(0, 41, 8), rng.uniform(0.4, 1, 6))
    for share in light:
        shot.objects = [
            (rng.uniform(0, 1, 2), speed, size, colour) for _, speed, size, colour in shot.objects
        ]
        film.show((shot.at(film.end_s) * share).astype(np.uint8), 1 / rate)
    return film


def screen_film(seed: int) -> Film:
    """A screen at 2 to 10 frames a second: text is typed and scrolled, a pointer moves."""
    rng, film = np.random.default_rng(seed), Film()
    rate, page = rng.uniform(2, 10), np.full((600, WIDTH, 3), 245, np.uint8)
    for line in range(0, 600, 6):
        x = 8
        while x < WIDTH - 20 and rng.random() > 0.12:
            length = int(rng.integers(4, 20))
            page[line : line + 3, x : min(x + length, WIDTH - 8)] = 60
            x += length + 4
    top = 0
    for k in range(80):
        image = page[top : top + HEIGHT].copy()
        image[:10] = (150, 90, 40)
        image[-10 - 3 * (k % 12) : -10, 10:30] = 30
        cv2.circle(image, tuple(int(v) for v in rng.integers(10, 100, 2)), 3, (0, 0, 255), -1)
        film.show(image, 1 / rate)
        top = min(top + int(rng.choice([0, 0, 0, 6, 12, 30])), 600 - HEIGHT)
    return film


def doubled_film(seed: int) -> Film:
    """Fast movement at 8 to 12 pictures a second, each shown as two or three frames."""
    rng, film = np.random.default_rng(seed), Film()
    shot, times = Shot(rng, "pan"), int(rng.integers(2, 4))
    shot.speed = rng.choice([-1, 1], 2) * rng.uniform(20, 45, 2)
    shot.objects *= 2
    for k in range(90):
        phase = abs((k / 10) % 8 - 4)  # there and back, inside the panorama
        image = shot.at(phase)
        for _ in range(times):
            film.show(image, 0.1 / times)
    return film


FILMS: dict[str, Callable[[int], Film]] = {
    "cuts": cut_film,
    "cuts, 12.5 fps": lambda seed: cut_film(seed, 0.08),
    "cuts, 60 fps": lambda seed: cut_film(seed, 1 / 60),
    "framings": framings_film,
    **{kind: partial(transition_film, kind=kind) for kind in TRANSITIONS},
    "slide shows": slides_film,
    "fast pans": pans_film,
    "zooms": zooms_film,
    "flashes": flashes_film,
    "key-frame pops": pops_film,
    "time lapse": timelapse_film,
    "screen": screen_film,
    "doubled frames": doubled_film,
}
"""Each kind of film by name."""


def draw(kinds: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, Film]]:
    """Films of every kind, one a seed."""
    return [(kind, FILMS[kind](seed)) for kind in kinds for seed in seeds]
