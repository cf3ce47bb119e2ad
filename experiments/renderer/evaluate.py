"""Does the neural renderer sound like the soundfont that taught it, and how fast?

Whole pieces (:mod:`experiments.renderer.whole`): held-out songs and our own scores, of one to five
instruments, rendered in stereo at 44.1 kHz as users get it, by the engine ``diffusion``, the
teacher, another soundfont (TimGM6mb), sines, and the excitation that the network would filter.

Excerpts: passages of songs that neither network saw are played by the teacher, by our source
filtered to the teacher's own spectrogram (the ceiling of any predictor), by our diffusion with
several numbers of steps, on another soundfont, and by two plain baselines. All are mono at 24 kHz,
from the same notes, and are measured in one run.

An outside judge, Basic Pitch, transcribes every rendering back to notes.

    python -m experiments.evaluate renderer --pop909 POP909 --emopia EMOPIA/midis \
        --soundfont FluidR3_GM.sf2 --weights W --transcriber basic_pitch_nmp.onnx
    python -m experiments.evaluate renderer ... --songs 1 --steps 8
    python -m experiments.evaluate renderer ... --songs 0 --pieces 1 --cache C

``W`` holds the folders ``predictor`` and ``denoiser``. The extra ``evaluate`` must be installed;
without a transcriber, notes of pitched instruments are not judged.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.note_song import NoteSong
from experiments.common.corpora import note_corpora
from experiments.common.optional import import_mir_eval
from experiments.common.reports import note, run_evaluation
from experiments.renderer.data import Teacher
from experiments.renderer.evaluate_whole import evaluate_pieces, steps_name, timgm6mb
from experiments.renderer.measures import (
    Measured,
    family_report,
    figure_report,
    frechet_report,
    levelled,
    measure,
    play_scales,
    seam_report,
    time_report,
    velocity_report,
)
from experiments.renderer.metrics import Wave, mel_db
from experiments.renderer.report import draw_spectrograms, text_of
from experiments.renderer.speed import speed_report
from experiments.renderer.systems import (
    BAND,
    CEILING,
    EXCERPT_S,
    NOISE,
    OTHER,
    SINES,
    TEACHER,
    Excerpt,
    System,
    by_diffusion,
    by_filter,
    by_noise,
    by_sines,
    by_teacher,
    draw_excerpts,
    on_device,
    play_voices,
)
from experiments.renderer.transcriber import Transcriber, load_transcriber
from experiments.renderer.whole_report import whole_text
from render.diffusion.instruments import DRUMS
from render.diffusion.sampler import SamplerOptions
from render.diffusion.weights import load_renderer

PICTURED = ("piano", "strings", DRUMS, BAND)


# --- everything -------------------------------------------------------------------------------


def evaluate_renderer(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is known of a renderer."""
    transcriber = load_transcriber(args.transcriber) if args.transcriber else None
    import_mir_eval()  # it is optional: fail before any work where it is missing
    _, held = note_corpora(args.pop909, args.emopia, args.cache)
    report: dict[str, Any] = {}
    if args.pieces:
        report |= evaluate_pieces(args, held, transcriber)
    if args.songs:
        report |= evaluate_excerpts(args, held, transcriber)
    return report


def evaluate_excerpts(
    args: argparse.Namespace, held: Mapping[str, Sequence[NoteSong]],
    transcriber: Transcriber | None,
) -> dict[str, Any]:  # fmt: skip
    """What is known of a renderer by excerpts."""
    options = {n: SamplerOptions(n, args.seed) for n in args.steps}
    renderer = on_device(load_renderer(args.weights), args.device)
    teacher = Teacher(args.soundfont, args.engine)
    excerpts = draw_excerpts(held, args.songs, args.seed)
    diffusions = {n: steps_name(n) for n in args.steps}
    everybody: dict[str, System] = {
        **{diffusions[n]: by_diffusion(renderer, asked) for n, asked in options.items()},
        CEILING: by_filter(renderer),
        OTHER: by_teacher(Teacher(timgm6mb(), args.engine)),
        SINES: by_sines,
        NOISE: by_noise,
    }
    players, scales = levelled(everybody, play_scales(teacher, everybody, args.seed))
    shown = diffusions[min(args.steps, key=lambda n: abs(n - SamplerOptions().steps))]
    pictures = Pictures(args.pictures, (TEACHER, CEILING, shown)) if args.pictures else None
    table = _measured(excerpts, teacher, players, transcriber, pictures)
    report = {
        "weights": str(args.weights), "soundfont": args.soundfont.name, "seed": args.seed,
        "songs": args.songs, "excerpts": [excerpt.name for excerpt in excerpts],
        "excerpt_s": EXCERPT_S, "bootstrap": args.bootstrap,
        "main": shown, "transcriber": bool(transcriber),
        "figures": figure_report(table, excerpts, args.bootstrap, args.seed),
        "families": family_report(table, excerpts),
        "times": time_report(table, scales),
        "velocity": velocity_report(scales.levels),
        "seams": seam_report(table, list(diffusions.values()), args.bootstrap, args.seed),
        "frechet": frechet_report(table, excerpts),
    }  # fmt: skip
    if args.threads:
        # Where nothing sounds nothing is drawn, so a busy excerpt is timed.
        busiest = max(excerpts, key=lambda excerpt: len(excerpt.voices[0].take.notes))
        report["speed"] = speed_report(renderer, busiest, args.steps, args.threads)
    return report


def _measured(
    excerpts: Sequence[Excerpt], teacher: Teacher, players: Mapping[str, System],
    transcriber: Transcriber | None, pictures: Pictures | None,
) -> dict[str, list[Measured]]:  # fmt: skip
    """Everybody's renderings of all excerpts, measured and forgotten."""
    table: dict[str, list[Measured]] = {}
    for number, excerpt in enumerate(excerpts, 1):
        note(f"{number}/{len(excerpts)}: {excerpt.group}, {excerpt.name}")
        found, waves = measure(excerpt, play_voices(excerpt, teacher, players), transcriber)
        for name, measured in found.items():
            table.setdefault(name, []).append(measured)
        if pictures is not None:
            pictures.draw(excerpt, waves)
    return table


@dataclass(frozen=True, slots=True)
class Pictures:
    """Spectrograms of the first excerpt of each group of :data:`PICTURED`.

    Attributes:
        folder: for ``GROUP.png``.
        systems: who is shown.
    """

    folder: Path
    systems: tuple[str, ...]
    _drawn: set[str] = field(default_factory=set)

    def draw(self, excerpt: Excerpt, waves: Mapping[str, Wave]) -> None:
        """Draw an excerpt if it is the first of such a group."""
        group = excerpt.group
        if group in PICTURED and group not in self._drawn:
            self._drawn.add(group)
            self.folder.mkdir(parents=True, exist_ok=True)
            spectrograms = {name: mel_db(waves[name]) for name in self.systems}
            title, path = f"{group}: {excerpt.name}", self.folder / f"{group}.png"
            draw_spectrograms(spectrograms, excerpt.notes, title, path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate renderer", description="The neural renderer beside its teacher."
    )
    parser.add_argument("--pop909", type=Path, required=True, help="folder of 001, 002, …")
    parser.add_argument("--emopia", type=Path, help="folder of Q1_SONG_0.mid, …")
    parser.add_argument("--soundfont", type=Path, required=True, help="what the teacher plays on")
    parser.add_argument("--engine", default="auto", help="what soundfonts are played with")
    parser.add_argument("--weights", type=Path, required=True, help="folder of both networks")
    parser.add_argument("--transcriber", type=Path, help="Basic Pitch as ONNX; no notes without")
    parser.add_argument(
        "--songs", type=int, default=3, help="excerpts of each family, and bands; 0: none (3)"
    )
    parser.add_argument(
        "--pieces", type=int, default=1, help="whole pieces of every kind; 0: none (1)"
    )
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[1, 4, 8], help="of the diffusion (1 4 8)"
    )
    parser.add_argument("--device", default="cpu", help="for the networks: cpu (default) or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--threads", type=int, default=2, help="with which speed is measured beside 1; 0: not (2)"
    )
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples (1000)")
    parser.add_argument("--pictures", type=Path, help="folder for spectrograms as PNG")
    parser.add_argument("--cache", type=Path, help="folder for copies of corpora and renderings")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.songs < 1 and args.pieces < 1:
        parser.error(
            f"{args.songs} excerpts of each family and {args.pieces} pieces of every kind are "
            "asked for: choose 1 or more of one of them"
        )
    run_evaluation(parser, args, evaluate_renderer, all_text)


def all_text(report: Mapping[str, Any]) -> str:
    """All tables of whole pieces and of excerpts, as far as they were measured."""
    parts = [whole_text(report)] if "whole" in report else []
    return "\n\n".join([*parts, text_of(report)] if "figures" in report else parts)
