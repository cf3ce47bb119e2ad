"""Does a film of two hours cost time in proportion, and memory that stays flat?

    python -m experiments.evaluate long CLIPS --minutes 15 30 60 120 --folder films
    python -m experiments.evaluate long CLIPS --minutes 120 --folder films --options "--speech on"

A film is drawn from the shots of real clips: 2 to 12 s of a clip drawn at random, small, with its
own sound, and in every tenth of the shots a drawn voice (:mod:`experiments.music.voice`). Each is
scored by ``amt generate``, with ``--options`` added, in a process of its own, of which
wall time, processor time and the largest resident size are shown. Films that are in the folder are
taken from there.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

from amt.errors import InputError
from experiments.common.reports import note, run_evaluation
from experiments.common.tables import markdown
from experiments.music.evaluate import clips_of
from experiments.music.voice import voice

WIDTH, HEIGHT, FPS = 256, 144, 25
SAMPLE_RATE = 24_000
SHOT_S = (2.0, 12.0)
SPOKEN_SHARE = 0.1
"""Share of the shots in which a drawn voice speaks."""
CODEC = "mpeg4"
"""Every frame is a key frame, so that packets of one film can be copied into another."""
SOUND_BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Reel:
    """A clip, small: its pictures as packets that each stand alone, and its sound."""

    pictures: tuple[bytes, ...]
    sound: np.ndarray
    """[L] mono at :data:`SAMPLE_RATE`, as long as the pictures."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What scoring one film took."""

    minutes: float
    wall_s: float
    cpu_s: float
    """Of all its threads and children."""
    peak_mib: float


def reel(clip: Path) -> Reel:
    """A clip as a reel."""
    with av.open(str(clip)) as source, av.open(os.devnull, "w", format="mp4") as out:
        stream = _picture_stream(out)
        pictures: list[bytes] = []
        shown = 0
        for frame in source.decode(video=0):
            small = frame.reformat(WIDTH, HEIGHT, "yuv420p")
            until = round((frame.time or 0.0) * FPS) + 1
            while shown < until:
                small.pts, small.time_base = shown, Fraction(1, FPS)
                pictures += [bytes(packet) for packet in stream.encode(small)]
                shown += 1
        pictures += [bytes(packet) for packet in stream.encode(None)]
    length = round(len(pictures) / FPS * SAMPLE_RATE)
    sound = np.zeros(length, np.float32)
    own = _sound(clip)[:length]
    sound[: len(own)] = own
    return Reel(tuple(pictures), sound)


def _picture_stream(out: Any) -> Any:  # noqa: ANN401
    stream = out.add_stream(CODEC, rate=FPS)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.options = {"g": "1", "qscale": "6"}
    stream.codec_context.gop_size = 1
    stream.codec_context.max_b_frames = 0
    return stream


def _sound(clip: Path) -> np.ndarray:
    """Sound of a clip, mono; empty where it has none."""
    with av.open(str(clip)) as source:
        if not source.streams.audio:
            return np.zeros(0, np.float32)
        resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
        parts = [
            part.to_ndarray()[0]
            for frame in source.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def drawn_shots(
    reels: Sequence[Reel], seconds: float, rng: np.random.Generator
) -> Iterator[tuple[Sequence[bytes], np.ndarray]]:
    """Pictures and sound of the shots of a film."""
    left = round(seconds * FPS)
    while left > 0:
        chosen = reels[int(rng.integers(len(reels)))]
        frames = min(round(rng.uniform(*SHOT_S) * FPS), left, len(chosen.pictures))
        first = int(rng.integers(len(chosen.pictures) - frames + 1))
        start, stop = (round(n / FPS * SAMPLE_RATE) for n in (first, first + frames))
        sound = chosen.sound[start:stop]
        if rng.random() < SPOKEN_SHARE:
            sound = sound + voice(len(sound) / SAMPLE_RATE, SAMPLE_RATE, rng)[: len(sound)]
        yield chosen.pictures[first : first + frames], sound.astype(np.float32)
        left -= frames


def write_film(reels: Sequence[Reel], minutes: float, path: Path, seed: int) -> None:
    """Write a film of some minutes, drawn from reels."""
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as out:
        pictures = _picture_stream(out)
        sounds = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        out.start_encoding()
        shown = n_samples = 0
        waiting = np.zeros(0, np.float32)
        for packets, sound in drawn_shots(reels, 60 * minutes, rng):
            for data in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base = pictures, Fraction(1, FPS)
                packet.pts = packet.dts = shown
                packet.duration, packet.is_keyframe = 1, True
                out.mux(packet)
                shown += 1
            waiting = np.concatenate([waiting, sound])
            whole = len(waiting) // SOUND_BLOCK * SOUND_BLOCK
            for block in waiting[:whole].reshape(-1, SOUND_BLOCK):
                out.mux(sounds.encode(_audio_frame(block, n_samples)))
                n_samples += SOUND_BLOCK
            waiting = waiting[whole:]
        out.mux(sounds.encode(None))


def _audio_frame(block: np.ndarray, at: int) -> Any:  # noqa: ANN401
    frame = av.AudioFrame.from_ndarray(block[None].copy(), format="fltp", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), at
    return frame


def score(film: Path, minutes: float, options: Sequence[str], out: Path) -> Cost:
    """Score a film by the command, in a process of its own."""
    command = [
        sys.executable, "-c", "from amt.cli import main; main()", "generate", str(film),
        "--out", str(out), "--backend", "analytic", "--quiet", "--force", *options,
    ]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise InputError(f"{film.name} could not be scored: exit code {process.returncode}")
    wall_s = time.perf_counter() - start
    return Cost(minutes, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def evaluate_long(args: argparse.Namespace) -> dict[str, Any]:
    """Costs of films of all lengths that are asked for."""
    with TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        reels: list[Reel] = []
        costs = []
        for minutes in args.minutes:
            film = folder / f"film-{minutes:g}-{args.seed}.mp4"
            if not film.exists():
                reels = reels or [reel(clip) for clip in clips_of(args.clips)]
                write_film(reels, minutes, film, args.seed)
                note(f"{film.name}: drawn")
            costs.append(score(film, minutes, args.options, folder / f"{film.stem}.mid"))
            note(f"{costs[-1]}")
    return {"options": args.options, "costs": [asdict(cost) for cost in costs]}


def text_of(report: Mapping[str, Any]) -> str:
    """The report as a Markdown table."""
    rows = [
        [
            f"{cost['minutes']:g}", f"{cost['wall_s']:.0f}", f"{cost['cpu_s']:.0f}",
            f"{cost['cpu_s'] / cost['minutes']:.2f}", f"{cost['peak_mib']:.0f}",
        ]
        for cost in report["costs"]
    ]  # fmt: skip
    header = ["minutes", "wall s", "processor s", "processor s a minute", "peak MiB"]
    return markdown(header, rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="evaluate long", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("clips", type=Path, help="folder of clips whose shots are taken")
    parser.add_argument("--minutes", type=float, nargs="+", default=[15, 30, 60, 120])
    parser.add_argument("--folder", type=Path, help="keep films here, and take those that are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--options", type=shlex.split, default=[], help="of amt generate, quoted")
    run_evaluation(parser, parser.parse_args(argv), evaluate_long, text_of)


if __name__ == "__main__":
    main()
