"""Does the neural renderer sound like the soundfont that taught it, and how fast?

Passages of songs that neither network saw are played by the teacher, by our vocoder on the
teacher's own spectrogram (the ceiling of what any denoiser could reach), by our diffusion with
several numbers of steps, on another soundfont (TimGM6mb), and by two plain baselines. All are mono
at 24 kHz, from the same notes, and are measured in one run. An outside judge, Basic Pitch,
transcribes every rendering back to notes.

    python -m experiments.evaluate renderer --pop909 POP909 --emopia EMOPIA/midis \
        --soundfont MuseScore_General.sf3 --weights W --transcriber basic_pitch_nmp.onnx
    python -m experiments.evaluate renderer ... --songs 1 --steps 8

``W`` holds the folders ``denoiser`` and ``vocoder``. The transcriber needs the extra ``evaluate``;
without one, notes are not judged.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amt.errors import AmtError
from experiments.evaluate import plain
from experiments.renderer_data import Teacher
from experiments.renderer_report import draw_spectrograms, text_of
from experiments.renderer_scores import (
    AUDIBLE_DB,
    Floats,
    Jumps,
    Wave,
    correlation,
    db_of,
    drum_onsets,
    frechet_distance,
    jumps,
    loudness_error,
    mean_and_interval,
    mel_db,
    mel_distance,
    mel_statistics,
    merged_onsets,
    note_levels,
    percentiles,
    stft_distance,
    time_errors,
)
from experiments.renderer_systems import (
    BAND,
    CEILING,
    EXCERPT_S,
    NOISE,
    OTHER,
    SINES,
    TEACHER,
    UNLEVELLED,
    Excerpt,
    Player,
    Sound,
    by_diffusion,
    by_noise,
    by_sines,
    by_teacher,
    by_vocoder,
    device_name,
    draw_excerpts,
    gflops_a_second,
    heard_from,
    louder,
    machine_gflops,
    measure_speed,
    mixed,
    on_device,
    play_voices,
    velocity_scale,
)
from experiments.renderer_transcriber import (
    N_KEYS,
    Posteriors,
    Transcriber,
    decode,
    load_transcriber,
    note_scores,
    onset_f1,
)
from experiments.train_renderer import corpora_of
from render.diffusion.instruments import DRUMS, FAMILIES
from render.diffusion.sampler import NEW, SamplerOptions
from render.diffusion.weights import Renderer, load_renderer
from render.errors import RenderError

PICTURED = ("piano", "strings", DRUMS, BAND)
DISTANCES = ("mel", "mel_audible", "stft", "loudness")
NOTE_SCORES = ("f1", "f1_offsets", "drum_f1")
AGREED = "f1_agreed"
"""F1 against the notes that are heard in what the teacher played, not against those written."""
_SPEED_RUNS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was measured of one rendering of an excerpt.

    Attributes:
        scores: of :data:`NOTE_SCORES`, :data:`AGREED` and :data:`DISTANCES`; NaN where one does
            not apply.
        rise_ms: errors at isolated onsets, NaN where the sound does not rise.
        fall_ms: the same at isolated releases.
        statistics: [S, 96] embedding by the log-mel spectrogram.
        posteriors: [S, 176] embedding by the transcriber; of no rows for drums or without one.
        jumps: of the drawn spectrograms, or of the sound's, of each voice.
    """

    scores: dict[str, float]
    rise_ms: Floats
    fall_ms: Floats
    statistics: Floats
    posteriors: Floats
    jumps: tuple[Jumps, ...]


Table = Mapping[str, Sequence[Heard]]
"""System -> what was measured of each excerpt, in one order; :data:`TEACHER` among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """What everybody makes of the velocity scales.

    Attributes:
        levels: system -> family -> [n] in dB, in order of velocity.
        times: system -> errors of onsets and of releases in ms, of each family.
    """

    levels: dict[str, dict[str, Floats]]
    times: dict[str, list[tuple[Floats, Floats]]]


# --- measuring --------------------------------------------------------------------------------


def measure(
    excerpt: Excerpt, made: Mapping[str, Sequence[Sound]], transcriber: Transcriber | None
) -> tuple[dict[str, Heard], dict[str, Wave]]:
    """Measure all renderings of an excerpt beside the teacher's; their mixes come along."""
    waves = {name: mixed(excerpt, sounds) for name, sounds in made.items()}
    true = waves[TEACHER]
    true_mel = mel_db(true)
    heard = _transcribed(excerpt, waves, transcriber)
    found = {}
    for name, wave in waves.items():
        mel = mel_db(wave)
        scores = {
            "mel": mel_distance(mel, true_mel),
            "mel_audible": mel_distance(mel, true_mel, AUDIBLE_DB),
            "stft": stft_distance(wave, true),
            "loudness": loudness_error(wave, true),
        }
        if excerpt.group == DRUMS:
            notes = {"drum_f1": onset_f1(drum_onsets(mel), merged_onsets(excerpt.notes))}
        else:
            notes = _note_figures(excerpt, heard, name)
        found[name] = Heard(
            dict.fromkeys((*NOTE_SCORES, AGREED), math.nan) | scores | notes,
            *time_errors(wave, true, excerpt.notes, has_releases=excerpt.group != DRUMS),
            mel_statistics(mel),
            _by_second(heard[name]) if name in heard else np.zeros((0, 2 * N_KEYS)),
            tuple(jumps(_spectrogram(sound)) for sound in made[name]),
        )
    return found, waves


def _spectrogram(sound: Sound) -> Floats:
    return mel_db(sound.wave) if sound.mel is None else db_of(sound.mel.numpy())


def _transcribed(
    excerpt: Excerpt, waves: Mapping[str, Wave], transcriber: Transcriber | None
) -> dict[str, Posteriors]:
    """What the transcriber hears in each rendering; nothing of drums."""
    if transcriber is None or excerpt.group == DRUMS:
        return {}
    return {name: transcriber.posteriors(wave) for name, wave in waves.items()}


def _note_figures(excerpt: Excerpt, heard: Mapping[str, Posteriors], name: str) -> dict[str, float]:
    if not heard:
        return {}
    notes = decode(heard[name])
    agreed = note_scores(notes, decode(heard[TEACHER])).f1
    return asdict(note_scores(notes, excerpt.notes)) | {AGREED: agreed}


def _by_second(heard: Posteriors) -> Floats:
    """Means of posteriors over every whole second: [S, 176]."""
    both = np.concatenate([heard.onset, heard.note], axis=1).astype(np.float64)
    whole = len(both) // 86 * 86
    return np.asarray(both[:whole].reshape(-1, 86, both.shape[1]).mean(axis=1))


# --- reports ----------------------------------------------------------------------------------


def figure_report(
    table: Table, excerpts: Sequence[Excerpt], n_resamples: int, seed: int
) -> dict[str, Any]:
    """Means over excerpts with intervals, and what notes lack of the teacher's score.

    Notes are judged of pitched instruments alone, of bands and of drums apart; distances of all.
    """
    solo = [i for i, excerpt in enumerate(excerpts) if excerpt.group != BAND]
    bands = [i for i, excerpt in enumerate(excerpts) if excerpt.group == BAND]
    columns = {
        "f1": ("f1", solo), "f1_offsets": ("f1_offsets", solo), "drum_f1": ("drum_f1", solo),
        "band_f1": ("f1", bands), "f1_agreed": (AGREED, solo), "band_f1_agreed": (AGREED, bands),
        **{name: (name, solo + bands) for name in DISTANCES},
    }  # fmt: skip
    report: dict[str, Any] = {}
    for system, heard in table.items():
        report[system] = {}
        for column, (score, chosen) in columns.items():
            ours, theirs = (
                np.array([rows[i].scores[score] for i in chosen])
                for rows in (heard, table[TEACHER])
            )
            report[system][column] = mean_and_interval(ours.tolist(), n_resamples, seed)
            if score in NOTE_SCORES:
                gap = (ours - theirs).tolist()
                report[system][f"{column}_gap"] = mean_and_interval(gap, n_resamples, seed)
    return report


def family_report(table: Table, excerpts: Sequence[Excerpt]) -> dict[str, Any]:
    """Means over the excerpts of each family and of bands: group -> system -> measure."""
    report: dict[str, Any] = {}
    for group in dict.fromkeys(excerpt.group for excerpt in excerpts):
        chosen = [i for i, excerpt in enumerate(excerpts) if excerpt.group == group]
        notes = "drum_f1" if group == DRUMS else "f1"
        report[group] = {
            system: {
                measure: float(np.mean([heard[i].scores[name] for i in chosen]))
                for measure, name in (("notes", notes), *((n, n) for n in (AGREED, *DISTANCES)))
            }
            for system, heard in table.items()
        }
    return report


def time_report(table: Table, scales: Scales) -> dict[str, Any]:
    """Errors of onsets and releases in ms against the teacher's, over all isolated notes.

    ``median`` of their sizes, ``late`` the median with its sign, ``worst`` the ninth decile of
    sizes, ``missed`` the share at which the rendering does not rise or fall.
    """
    report: dict[str, Any] = {}
    for system, heard in table.items():
        report[system] = {}
        for index, name in enumerate(("rise_ms", "fall_ms")):
            of_scales = [errors[index] for errors in scales.times[system]]
            errors = np.concatenate([*(getattr(row, name) for row in heard), *of_scales])
            found = errors[np.isfinite(errors)]
            row = dict.fromkeys(("median", "late", "worst"), math.nan)
            if len(found):
                size = np.abs(found)
                worst = float(np.quantile(size, 0.9))
                row = {
                    "median": float(np.median(size)), "late": float(np.median(found)),
                    "worst": worst,
                }  # fmt: skip
            missed = float(np.isnan(errors).mean()) if len(errors) else math.nan
            report[system][name] = {**row, "missed": missed, "notes": len(errors)}
    return report


def velocity_report(levels: Mapping[str, Mapping[str, Floats]]) -> dict[str, Any]:
    """How levels follow velocity: system -> family -> figures.

    ``rho``: Spearman's, of velocity and level; ``r``: Pearson's, of our levels and the teacher's in
    dB; ``range_db``: level at the highest velocity less that at the lowest; ``error_db``: mean
    absolute difference to the teacher's levels.

    Args:
        levels: system -> family -> [n] in dB, in order of velocity.
    """
    return {
        system: {
            family: {
                "rho": correlation(np.arange(len(ours)), ours, ranks=True),
                "r": correlation(ours, levels[TEACHER][family]),
                "range_db": float(ours[-1] - ours[0]),
                "error_db": float(np.abs(ours - levels[TEACHER][family]).mean()),
            }
            for family, ours in by_family.items()
        }
        for system, by_family in levels.items()
    }


def seam_report(
    table: Table, systems: Sequence[str], n_resamples: int, seed: int
) -> dict[str, Any]:
    """Jumps of drawn spectrograms where windows join, and the teacher's at the same frames.

    ``at`` and ``elsewhere``: medians in dB; ``percentile``: mean percentile of the jumps at seams
    among the same voice's other jumps, 50 where seams are like any other place; ``of_teacher``: the
    same among the teacher's other jumps; ``extreme``: the share of seams above the 95th percentile
    of those.
    """
    report: dict[str, Any] = {}
    for system in (*systems, TEACHER):
        report[system] = {}
        for kind in ("spectral", "level"):
            rows = [
                _seams(ours, theirs, kind)
                for heard, true in zip(table[system], table[TEACHER], strict=True)
                for ours, theirs in zip(heard.jumps, true.jumps, strict=True)
            ]
            at, elsewhere, of_teacher = (
                np.concatenate([getattr(row, name) for row in rows])
                for name in ("at", "elsewhere", "of_teacher")
            )
            report[system][kind] = {
                "at": float(np.median(at)) if len(at) else math.nan,
                "elsewhere": float(np.median(elsewhere)) if len(elsewhere) else math.nan,
                "seams": len(at),
                "extreme": float((of_teacher > 95).mean()) if len(at) else math.nan,
                **{
                    name: mean_and_interval(
                        [_mean(getattr(row, values)) for row in rows], n_resamples, seed
                    )
                    for name, values in (("percentile", "of_own"), ("of_teacher", "of_teacher"))
                },
            }
    return report


class _Seams(NamedTuple):
    """Jumps of a voice at its seams [n] and elsewhere, and the percentiles of the former."""

    at: Floats
    elsewhere: Floats
    of_own: Floats
    of_teacher: Floats


def _seams(ours: Jumps, theirs: Jumps, kind: str) -> _Seams:
    values: Floats = getattr(ours, kind)
    is_seam = ours.at_seams(NEW)
    true_elsewhere: Floats = getattr(theirs, kind)[~theirs.at_seams(NEW)]
    at, elsewhere = values[is_seam], values[~is_seam]
    return _Seams(at, elsewhere, percentiles(at, elsewhere), percentiles(at, true_elsewhere))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def frechet_report(table: Table, excerpts: Sequence[Excerpt]) -> dict[str, dict[str, float]]:
    """Fréchet distances of every system's seconds to the teacher's, by embedding.

    Where there are several excerpts of a family, the teacher's every other one against the rest
    says what other music on the same instruments does.
    """
    place = [
        sum(e.group == excerpt.group for e in excerpts[:i]) for i, excerpt in enumerate(excerpts)
    ]
    halves = [[i for i, at in enumerate(place) if at % 2 == half] for half in range(2)]
    report: dict[str, dict[str, float]] = {}
    for embedding in ("statistics", "posteriors"):
        of = {system: [getattr(row, embedding) for row in heard] for system, heard in table.items()}
        true = np.concatenate(of[TEACHER])
        if len(true) < 2:
            continue
        report[embedding] = {
            system: frechet_distance(np.concatenate(sets), true)
            for system, sets in of.items()
            if system != TEACHER
        }
        if halves[1]:
            both = (np.concatenate([of[TEACHER][i] for i in half]) for half in halves)
            report[embedding]["teacher's halves"] = frechet_distance(*both)
    return report


def speed_report(
    renderer: Renderer, excerpt: Excerpt, steps: Sequence[int], threads: int
) -> dict[str, Any]:
    """Real-time factors of a bus by steps and threads, and what arithmetic alone would take."""
    take = excerpt.voices[0].take
    device = next(renderer.denoiser.parameters()).device.type
    step, vocoder = gflops_a_second(renderer, take)
    counts = sorted({1, threads})
    return {
        "excerpt": excerpt.name, "runs": _SPEED_RUNS, "cores": os.cpu_count(),
        "device": device_name(renderer),
        "gflops": {"step": step, "vocoder": vocoder},
        "machine_gflops": {str(n): machine_gflops(n, device) for n in counts},
        "rows": [
            asdict(row) for row in measure_speed(renderer, take, steps, counts, _SPEED_RUNS)
        ],
    }  # fmt: skip


# --- everything -------------------------------------------------------------------------------


def play_scales(teacher: Teacher, players: Mapping[str, Player], seed: int) -> Scales:
    """Play a velocity scale on the first instrument of every family."""
    names = (TEACHER, *players)
    scales = Scales({name: {} for name in names}, {name: [] for name in names})
    for family in FAMILIES:
        take = velocity_scale(family, seed)
        order = np.argsort([note.velocity for note in take.notes])
        true = heard_from(teacher, take)
        for name in names:
            wave = true if name == TEACHER else players[name](take, true, 0).wave
            scales.levels[name][family.name] = note_levels(wave, take.notes)[order]
            has_releases = family.name != DRUMS
            errors = time_errors(wave, true, take.notes, has_releases=has_releases)
            scales.times[name].append(errors)
    return scales


def levelled(players: Mapping[str, Player], scales: Scales) -> tuple[dict[str, Player], Scales]:
    """Bring :data:`UNLEVELLED` systems to the teacher's level by the median of the scales."""
    played, levels = dict(players), dict(scales.levels)
    theirs = np.concatenate(list(scales.levels[TEACHER].values()))
    for name in UNLEVELLED:
        ours = np.concatenate(list(scales.levels[name].values()))
        gain_db = float(np.median(theirs - ours))
        played[name] = louder(players[name], gain_db)
        levels[name] = {family: found + gain_db for family, found in levels[name].items()}
    return played, Scales(levels, scales.times)


def evaluate_renderer(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is known of a renderer."""
    renderer = on_device(load_renderer(args.weights), args.device)
    transcriber = load_transcriber(args.transcriber) if args.transcriber else None
    teacher = Teacher(args.soundfont, args.engine)
    _, held = corpora_of(args.pop909, args.emopia, args.cache)
    excerpts = draw_excerpts(held, args.songs, args.seed)
    ours = {
        f"diffusion, {n} steps": by_diffusion(renderer, SamplerOptions(n, args.guidance, args.seed))
        for n in args.steps
    }
    main_system = f"diffusion, {min(args.steps, key=lambda n: abs(n - 8))} steps"
    others: dict[str, Player] = {
        CEILING: by_vocoder(renderer),
        OTHER: by_teacher(Teacher(_timgm6mb(), args.engine)),
        SINES: by_sines,
        NOISE: by_noise,
    }
    players, scales = levelled(
        {**ours, **others}, play_scales(teacher, {**ours, **others}, args.seed)
    )
    table = _measured(excerpts, teacher, players, transcriber, args.pictures)
    report = {
        "weights": str(args.weights), "soundfont": args.soundfont.name, "seed": args.seed,
        "songs": args.songs, "excerpts": [excerpt.name for excerpt in excerpts],
        "excerpt_s": EXCERPT_S, "guidance": args.guidance, "bootstrap": args.bootstrap,
        "main": main_system, "transcriber": bool(transcriber),
        "figures": figure_report(table, excerpts, args.bootstrap, args.seed),
        "families": family_report(table, excerpts),
        "times": time_report(table, scales),
        "velocity": velocity_report(scales.levels),
        "seams": seam_report(table, list(ours), args.bootstrap, args.seed),
        "frechet": frechet_report(table, excerpts),
    }  # fmt: skip
    if args.threads:
        report["speed"] = speed_report(renderer, excerpts[0], args.steps, args.threads)
    return report


def _measured(
    excerpts: Sequence[Excerpt], teacher: Teacher, players: Mapping[str, Player],
    transcriber: Transcriber | None, pictures: Path | None,
) -> dict[str, list[Heard]]:  # fmt: skip
    """Everybody's renderings of all excerpts, measured and forgotten."""
    table: dict[str, list[Heard]] = {}
    wanted = set(PICTURED if pictures else ())
    for number, excerpt in enumerate(excerpts, 1):
        _say(f"{number}/{len(excerpts)}: {excerpt.group}, {excerpt.name}")
        found, waves = measure(excerpt, play_voices(excerpt, teacher, players), transcriber)
        for name, heard in found.items():
            table.setdefault(name, []).append(heard)
        if pictures and excerpt.group in wanted:
            wanted.remove(excerpt.group)
            pictures.mkdir(parents=True, exist_ok=True)
            shown = [name for name in waves if name.startswith("diffusion")]
            spectrograms = {name: mel_db(waves[name]) for name in (TEACHER, CEILING, *shown[-1:])}
            title = f"{excerpt.group}: {excerpt.name}"
            path = pictures / f"{excerpt.group}.png"
            draw_spectrograms(spectrograms, excerpt.notes, title, path)
    return table


def _timgm6mb() -> Path:
    """The small soundfont that comes with pretty_midi."""
    package = importlib.util.find_spec("pretty_midi")
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "TimGM6mb.sf2"


def _say(text: str) -> None:
    print(text, file=sys.stderr)


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
        "--songs", type=int, default=3, help="excerpts of each family, and bands (3)"
    )
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[4, 8, 16], help="of the diffusion (4 8 16)"
    )
    parser.add_argument("--guidance", type=float, default=1.0, help="of the diffusion (1)")
    parser.add_argument("--device", default="cpu", help="for the networks: cpu (default) or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--threads", type=int, default=2, help="with which speed is measured beside 1; 0: not (2)"
    )
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples (1000)")
    parser.add_argument("--pictures", type=Path, help="folder for spectrograms as PNG")
    parser.add_argument("--cache", type=Path, help="folder for compact copies of the corpora")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.songs < 1:
        parser.error(f"{args.songs} excerpts of each family are asked for: choose 1 or more")
    try:
        report = evaluate_renderer(args)
    except (AmtError, RenderError) as error:
        parser.error(str(error))
    print(text_of(report))
    if args.json:
        args.json.write_text(json.dumps(plain(report), indent=2) + "\n", encoding="utf-8")
