"""Examples of what the command makes of drawn clips: for each a picture and a few seconds of sound.

    python -m experiments.music.gallery FOLDER --soundfont FluidR3_GM.sf2

Writes ``NAME.png`` (frames of the clip, notes by track and the spectrogram of the sound on one time
axis) and ``NAME.flac`` (the first seconds) for each of :data:`EXAMPLES`.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

import amt
from amt.report.thumbnails import film_strip
from amt.types import TICKS_PER_BEAT, FloatArray
from experiments.music.films import scene_film
from experiments.shots.films import cut_film, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXCERPT_S = 12.0
FADE_S = 1.0
STORM = Path(__file__).parents[2] / "tests" / "data" / "storm.mp4"
_BINS = 160
_LOW_HZ, _HIGH_HZ, _RANGE_DB = 40.0, 12000.0, 70.0
_FFT = 8192
_COLOURS = 96


@dataclass(frozen=True, slots=True)
class Example:
    """A clip, and what is asked for."""

    name: str
    style: str
    seed: int
    film: int | None = None
    """Seed of a drawn film with scenes that return; None takes the clip of the tests."""
    cuts: bool = False
    """Whether the film is one of plain cuts instead."""


EXAMPLES = (
    Example("storm-symphonic", "symphonic", 0),
    Example("scenes-piano", "piano", 0, film=400),
    Example("cuts-band", "band", 0, film=401, cuts=True),
)


def make(example: Example, folder: Path, soundfont: Path | None) -> str:
    """Write picture and sound of an example; gives a sentence about the piece."""
    with tempfile.TemporaryDirectory() as scratch:
        clip = STORM
        if example.film is not None:
            clip = Path(scratch) / f"{example.name}.mp4"
            write(cut_film(example.film) if example.cuts else scene_film(example.film)[0], clip)
        made = amt.generate(clip, style=example.style, seed=example.seed, backend="analytic")
        wav = Path(scratch) / "song.wav"
        made.render(wav, soundfont=soundfont)
        sound, rate = soundfile.read(wav, dtype="float32", always_2d=True)
        draw(made, sound.mean(axis=1), rate, folder / f"{example.name}.png")
    excerpt = sound[: round(EXCERPT_S * rate)].copy()
    ramp = np.linspace(1.0, 0.0, round(FADE_S * rate), dtype=np.float32)
    excerpt[-len(ramp) :] *= ramp[:, None]
    soundfile.write(folder / f"{example.name}.flac", excerpt, rate, subtype="PCM_16")
    return f"{example.name}: {example.style}, seed {example.seed}: {made!r}"


def draw(made: amt.Soundtrack, sound: FloatArray, rate: int, path: Path) -> None:
    """Draw frames, notes and spectrogram [T] of a piece above each other, as PNG."""
    from matplotlib.figure import Figure
    from PIL import Image

    duration_s = made.plan.grid.duration_s
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    frames, roll, spectrum = figure.subplots(3, 1, height_ratios=[1, 4, 3], sharex=True)
    strip = film_strip(made.clip, duration_s)
    for i, jpeg in enumerate(strip):
        edges = duration_s * i / len(strip), duration_s * (i + 1) / len(strip)
        frames.imshow(Image.open(io.BytesIO(jpeg)), extent=(*edges, 0, 1), aspect="auto")
    frames.set(yticks=(), ylim=(0, 1))
    frames.set_title("the clip, and its cuts", fontsize=9, loc="left")
    _draw_notes(roll, made)
    for axes in (frames, roll):
        for cut in made.plan.cuts:
            axes.axvline(cut.time_s, color="0.35", linewidth=0.6 + 1.2 * cut.strength)
    _draw_spectrum(spectrum, sound, rate)
    spectrum.set(xlim=(0, duration_s), xlabel="seconds")
    figure.legend(fontsize=7, ncols=8, loc="outside lower center", frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    picture = Image.open(drawn).convert("RGB").quantize(_COLOURS)
    picture.save(path, format="PNG", optimize=True)


def _draw_notes(axes: Axes, made: amt.Soundtrack) -> None:
    """A stripe a note, a colour a track; drums are left out."""
    from matplotlib import colormaps

    grid = made.plan.grid
    colours = iter(colormaps["tab20"].colors)  # type: ignore[attr-defined]
    for track in made.song.tracks:
        if track.is_drum or not track.notes:
            continue
        starts_s = grid.seconds_at(np.array([n.start for n in track.notes]) / TICKS_PER_BEAT)
        ends_s = grid.seconds_at(np.array([n.end for n in track.notes]) / TICKS_PER_BEAT)
        axes.barh(
            [note.pitch for note in track.notes], np.maximum(ends_s - starts_s, 0.05), 0.9,
            left=starts_s, label=track.name, color=next(colours),
        )  # fmt: skip
    axes.set_yticks(range(24, 108, 12), [f"C{octave}" for octave in range(1, 8)])
    axes.set_title("the notes", fontsize=9, loc="left")


def _draw_spectrum(axes: Axes, sound: FloatArray, rate: int) -> None:
    """Level in dB by time and logarithmic frequency."""
    hop = rate // 50
    starts = np.arange(0, max(len(sound) - _FFT, 1), hop)
    window = np.hanning(_FFT)
    padded = np.pad(sound, (0, _FFT))
    level = np.abs([np.fft.rfft(window * padded[at : at + _FFT]) for at in starts])
    hertz = np.geomspace(_LOW_HZ, _HIGH_HZ, _BINS)
    bins = np.clip(np.rint(hertz * _FFT / rate).astype(int), 0, _FFT // 2)
    level_db = 20 * np.log10(level[:, bins].T + 1e-9)
    axes.pcolormesh(
        (starts + _FFT / 2) / rate, hertz, level_db, cmap="magma", shading="nearest",
        vmin=level_db.max() - _RANGE_DB, vmax=level_db.max(),
    )  # fmt: skip
    axes.set(yscale="log", ylabel="Hz", ylim=(_LOW_HZ, _HIGH_HZ))
    axes.set_title("the sound", fontsize=9, loc="left")


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where pictures and sounds go")
    parser.add_argument("--soundfont", type=Path, help="that plays; else the command's default")
    args = parser.parse_args(argv)
    args.folder.mkdir(parents=True, exist_ok=True)
    for example in EXAMPLES:
        print(make(example, args.folder, args.soundfont))


if __name__ == "__main__":
    main()
