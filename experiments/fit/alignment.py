"""How well beats fall on cuts, and how well the notes follow plan and picture.

Every clip is measured with the fitted grid and with three others: a fixed 120 BPM, the best
constant tempo and phase, and the fitted grid of another clip (what chance gives a grid like ours).
Then songs are composed for the clips and correlated with them (:mod:`experiments.fit.correlation`).

    python -m experiments.evaluate alignment --synthetic --seed 100
    python -m experiments.evaluate alignment CLIPS --json alignment.json

``--synthetic`` needs no clips: its cut lists, and the films whose features are drawn around some of
them, come from the seed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from amt.arrange import load_network
from amt.errors import InputError
from amt.features import extract_features
from amt.models.weights import load_composer, load_expression
from amt.mood import smooth
from amt.plan import ARRANGERS, DEFAULT_ARRANGER
from amt.timing import GridOptions, fit_grid, steady_grid
from amt.timing.hits import are_hits, is_strong
from amt.types import EMOTIONS, Cut, FloatArray, TimeGrid, VideoFeatures
from experiments.common.reports import run_evaluation
from experiments.common.tables import markdown, number
from experiments.fit.correlation import Followed, follow, report
from experiments.fit.correlation import table as following_table

IOU_TOLERANCE_S = 0.5
APART_S = 2.0
SECTION_STEP = 1.0201
"""Neighbouring beats whose lengths have a larger ratio belong to different sections."""

MEAN_SHOTS_S = (1.0, 2.0, 4.0, 8.0)
SHORTEST_SHOT_S = 0.3
SYNTHETIC_S = 60.0
DEFAULT_STYLES = ("orchestral", "piano")
Backend = Literal["auto", "clip", "analytic"]
VIDEO_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".webm")


@dataclass(frozen=True, slots=True)
class Clip:
    """What a grid is fitted to."""

    name: str
    duration_s: float
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pulse:
    """Beats that need not begin at 0 s or form whole bars, unlike those of a TimeGrid."""

    beats_s: FloatArray
    downbeats_s: FloatArray
    tempo_bpm: FloatArray
    end_s: float


@dataclass(frozen=True, slots=True)
class Counts:
    """What one grid reaches on one clip; counts of several clips are added."""

    cuts: int
    cuts_on_beats: int
    cuts_on_half_beats: int
    """On beats or in the middle between two."""
    strong_cuts: int
    strong_cuts_on_downbeats: int
    apart: int
    """Strong cuts without another cut within :data:`APART_S`."""
    apart_on_downbeats: int
    matches: int
    """Pairs of a cut and a beat within :data:`IOU_TOLERANCE_S`, each used once."""
    beats: int
    tempo_deviation: float
    """Largest deviation of a beat from the middle of its section's tempo, as a share of it."""
    end_error_s: float


def synthetic_clips(mean_shot_s: float, n_clips: int, seed: int) -> list[Clip]:
    """One-minute cut lists: exponential shot lengths plus .3 s, strengths uniform in .2-1."""
    rng = np.random.default_rng([seed, round(1000 * mean_shot_s)])
    clips = []
    for i in range(n_clips):
        cuts: list[Cut] = []
        time_s = SHORTEST_SHOT_S + rng.exponential(mean_shot_s)
        while time_s < SYNTHETIC_S:
            cuts.append(Cut(time_s, rng.uniform(0.2, 1.0)))
            time_s += SHORTEST_SHOT_S + rng.exponential(mean_shot_s)
        clips.append(Clip(f"mean {mean_shot_s:g} s, {i}", SYNTHETIC_S, tuple(cuts)))
    return clips


def synthetic_film(clip: Clip, seed: int) -> VideoFeatures:
    """Features drawn around a cut list: every shot has a mood and a level of movement of its own.

    The logarithm of the motion wanders about the level of its shot, and stays or drifts through it.
    """
    rng = np.random.default_rng(seed)
    seconds = math.ceil(clip.duration_s)
    starts_s = np.array([0.0, *(cut.time_s for cut in clip.cuts)])
    shot = np.searchsorted(starts_s, np.arange(seconds), side="right") - 1
    since_s = np.arange(seconds) - starts_s[shot]
    level = rng.normal(1.5, 0.8, len(starts_s))[shot]
    drift = rng.normal(0, 0.1, len(starts_s))[shot] * since_s
    motion = np.expm1(np.clip(level + drift + rng.normal(0, 0.15, seconds), 0, 4))
    mood = rng.dirichlet(np.full(len(EMOTIONS), 0.5), len(starts_s))[shot]
    return VideoFeatures(
        duration_s=clip.duration_s,
        emotion=smooth(mood, 0.5),
        motion=motion,
        scene_offset=np.floor(since_s),
        cuts=clip.cuts,
        semantic=None,
        backend="analytic",
    )


def folder_features(folder: Path, backend: Backend) -> Iterator[tuple[str, VideoFeatures]]:
    """Name and features of every clip of a folder.

    Raises:
        InputError: the folder holds no clip.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give one that holds video clips")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no clip with a suffix of {', '.join(VIDEO_SUFFIXES)}")
    for path in paths:
        yield path.name, extract_features(path, backend=backend)


def grid_pulse(grid: TimeGrid) -> Pulse:
    """Beats of a grid, its end included as the beat that would follow."""
    return Pulse(
        beats_s=grid.beats_s,
        downbeats_s=grid.beats_s[grid.downbeats],
        tempo_bpm=grid.tempo_bpm,
        end_s=grid.duration_s,
    )


def best_constant_pulse(clip: Clip, options: GridOptions) -> Pulse:
    """The constant tempo and phase that put most cuts on beats and strong cuts on downbeats.

    All tempi in steps of 1 BPM and all phases of a bar in steps of 10 ms are tried.
    """
    times_s, strong = _cut_arrays(clip)
    best_score, best = -1, (options.preferred_bpm, 0.0)
    for bpm in np.arange(options.min_bpm, options.max_bpm + 0.5):
        beat_s = 60 / bpm
        bar_s = options.beats_per_bar * beat_s
        phases_s = np.arange(0, bar_s, 0.01)
        since_s = times_s - phases_s[:, None]
        on_beat = are_hits(_distance_to_multiple(since_s, beat_s))
        on_downbeat = are_hits(_distance_to_multiple(since_s, bar_s)) & strong
        score = on_beat.sum(axis=1) + on_downbeat.sum(axis=1)
        if score.max(initial=-1) > best_score:
            best_score, best = score.max(), (bpm, phases_s[score.argmax()])
    bpm, phase_s = best
    beat_s = 60 / bpm
    first = -int(phase_s // beat_s)
    index = np.arange(first, np.ceil((clip.duration_s - phase_s) / beat_s))
    beats_s = phase_s + index * beat_s
    return Pulse(
        beats_s=np.asarray(beats_s, dtype=np.float64),
        downbeats_s=beats_s[index % options.beats_per_bar == 0],
        tempo_bpm=np.full(len(beats_s), bpm),
        end_s=clip.duration_s,
    )


def count(pulse: Pulse, clip: Clip) -> Counts:
    """Compare a pulse with the cuts of a clip."""
    times_s, strong = _cut_arrays(clip)
    on_beat = are_hits(_distance(times_s, pulse.beats_s))
    middles_s = (pulse.beats_s[1:] + pulse.beats_s[:-1]) / 2
    on_half = on_beat | are_hits(_distance(times_s, middles_s)) if len(middles_s) else on_beat
    on_downbeat = are_hits(_distance(times_s, pulse.downbeats_s))
    gaps_s = np.diff(times_s, prepend=-np.inf, append=np.inf)
    apart = strong & (np.minimum(gaps_s[:-1], gaps_s[1:]) > APART_S)
    return Counts(
        cuts=len(times_s),
        cuts_on_beats=int(on_beat.sum()),
        cuts_on_half_beats=int(on_half.sum()),
        strong_cuts=int(strong.sum()),
        strong_cuts_on_downbeats=int((on_downbeat & strong).sum()),
        apart=int(apart.sum()),
        apart_on_downbeats=int((on_downbeat & apart).sum()),
        matches=_matches(times_s, pulse.beats_s),
        beats=len(pulse.beats_s),
        tempo_deviation=tempo_deviation(pulse.tempo_bpm),
        end_error_s=abs(pulse.end_s - clip.duration_s),
    )


def tempo_deviation(tempo_bpm: FloatArray) -> float:
    """Largest deviation of a beat's length from the middle of its section, as a share of it.

    A section ends where neighbouring beats differ by more than 2 %.
    """
    lengths = 60 / tempo_bpm
    ratio = lengths[1:] / lengths[:-1]
    edges = np.flatnonzero(np.maximum(ratio, 1 / ratio) > SECTION_STEP) + 1
    deviations = [
        (section.max() - section.min()) / (section.max() + section.min())
        for section in np.split(lengths, edges)
    ]
    return float(max(deviations))


def measure(clips: Sequence[Clip], options: GridOptions) -> dict[str, dict[str, float]]:
    """Metrics of every method over clips, pooled over their cuts."""
    with_cuts = [clip for clip in clips if clip.cuts]
    fitted = [
        grid_pulse(fit_grid(clip.cuts, clip.duration_s, options=options)) for clip in with_cuts
    ]
    methods: dict[str, list[Pulse]] = {
        "fitted": fitted,
        "120 BPM": [
            grid_pulse(steady_grid(clip.duration_s, 120, whole_bars=False)) for clip in with_cuts
        ],
        "best constant": [best_constant_pulse(clip, options) for clip in with_cuts],
    }
    if len(with_cuts) > 1:
        methods["another clip's"] = fitted[1:] + fitted[:1]
    return {
        name: summarise([count(p, c) for p, c in zip(pulses, with_cuts, strict=True)])
        for name, pulses in methods.items()
    }


def summarise(counts: Sequence[Counts]) -> dict[str, float]:
    """Shares over all cuts, and the worst deviation and end error; NaN where nothing counts.

    Coverage and hit are the beat coverage and beat hit scores (BCS and BHS) of MuVi (Li et al.
    2024) with the cuts in place of the beats of a reference recording: beats for each cut, and the
    share of cuts that have a beat of their own within :data:`IOU_TOLERANCE_S`.
    """
    total = {
        f.name: sum(getattr(c, f.name) for c in counts)
        for f in fields(Counts)
        if f.name not in {"tempo_deviation", "end_error_s"}
    }
    return {
        "cuts": total["cuts"],
        "cuts_on_beats": _share(total["cuts_on_beats"], total["cuts"]),
        "cuts_on_half_beats": _share(total["cuts_on_half_beats"], total["cuts"]),
        "strong_cuts": total["strong_cuts"],
        "strong_cuts_on_downbeats": _share(total["strong_cuts_on_downbeats"], total["strong_cuts"]),
        "apart_on_downbeats": _share(total["apart_on_downbeats"], total["apart"]),
        "coverage": _share(total["beats"], total["cuts"]),
        "hit": _share(total["matches"], total["cuts"]),
        "tbiou": _share(total["matches"], total["cuts"] + total["beats"] - total["matches"]),
        "tempo_deviation": max((c.tempo_deviation for c in counts), default=float("nan")),
        "end_error_s": max((c.end_error_s for c in counts), default=float("nan")),
    }


def _cut_arrays(clip: Clip) -> tuple[FloatArray, np.ndarray]:
    times_s = np.array([cut.time_s for cut in clip.cuts])
    return times_s, np.array([is_strong(cut) for cut in clip.cuts], dtype=np.bool_)


def _distance(times_s: FloatArray, beats_s: FloatArray) -> FloatArray:
    """Distance of every time from the nearest beat."""
    after = np.clip(np.searchsorted(beats_s, times_s), 1, max(1, len(beats_s) - 1))
    edges = beats_s[np.minimum([after - 1, after], len(beats_s) - 1)]
    return np.asarray(np.abs(times_s - edges).min(axis=0))


def _distance_to_multiple(values: FloatArray, unit: float) -> FloatArray:
    return np.abs(values - np.rint(values / unit) * unit)


def _matches(times_s: FloatArray, beats_s: FloatArray) -> int:
    """Most pairs of a cut and a beat within tolerance; greedy is optimal for sorted times."""
    matches = beat = 0
    for time_s in times_s:
        while beat < len(beats_s) and beats_s[beat] < time_s - IOU_TOLERANCE_S:
            beat += 1
        if beat < len(beats_s) and beats_s[beat] <= time_s + IOU_TOLERANCE_S:
            matches += 1
            beat += 1
    return matches


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Results of clip sets by method, as Markdown."""
    columns = (
        "cuts_on_beats", "cuts_on_half_beats", "strong_cuts_on_downbeats", "apart_on_downbeats",
        "coverage", "hit", "tbiou", "tempo_deviation",
    )  # fmt: skip
    header = [
        "clips", "grid", "cuts on beats", "or half-beats", "strong on downbeats",
        "strong, 2 s apart", "BCS", "BHS", "TBIoU", "tempo dev.", "end error",
    ]  # fmt: skip
    rows = [
        [
            clips,
            method,
            *(number(row[column]) for column in columns),
            f"{number(row['end_error_s'])} s",
        ]
        for clips, methods in results.items()
        for method, row in methods.items()
    ]
    return markdown(header, rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alignment", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="folder of video clips")
    parser.add_argument("--synthetic", action="store_true", help="measure synthetic cut lists")
    parser.add_argument("--lists", type=int, default=50, help="synthetic lists a mean (50)")
    parser.add_argument("--films", type=int, default=3, help="lists a mean to compose for (3)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the synthetic lists (0)")
    parser.add_argument("--bpm", type=float, help="hold this tempo, fit phase and metre only")
    parser.add_argument("--backend", choices=("auto", "clip", "analytic"), default="analytic")
    parser.add_argument("--style", action="append", help="may be repeated (orchestral and piano)")
    parser.add_argument("--songs", type=int, default=2, help="songs a clip and style (2)")
    parser.add_argument(
        "--arranger", choices=ARRANGERS, default=DEFAULT_ARRANGER, help="who writes the notes"
    )
    parser.add_argument("--weights", type=Path, help="folder of all models")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    return parser


def _sets(
    arguments: argparse.Namespace,
) -> tuple[dict[str, list[Clip]], list[tuple[str, VideoFeatures]]]:
    """Sets of cut lists by name, and the films to compose for."""
    if arguments.synthetic:
        sets = {
            f"mean {mean_s:g} s": synthetic_clips(mean_s, arguments.lists, arguments.seed)
            for mean_s in MEAN_SHOTS_S
        }
        chosen = [clip for clips in sets.values() for clip in clips[: arguments.films]]
        return sets, [(c.name, synthetic_film(c, arguments.seed + i)) for i, c in enumerate(chosen)]
    films = list(folder_features(arguments.folder, arguments.backend))
    clips = [Clip(name, film.duration_s, film.cuts) for name, film in films]
    return {"all": clips} | {clip.name[:11]: [clip] for clip in clips if clip.cuts}, films


def _songs(
    arguments: argparse.Namespace, films: Sequence[tuple[str, VideoFeatures]]
) -> list[Followed]:
    composer = load_composer(arguments.weights and arguments.weights / "composer")
    expression = load_expression(arguments.weights and arguments.weights / "expression")
    styles = arguments.style or DEFAULT_STYLES
    arranger = load_network(arguments.arranger, arguments.weights)
    return list(follow(films, composer, expression, styles, range(arguments.songs), arranger))


def evaluate_alignment(arguments: argparse.Namespace) -> dict[str, Any]:
    """Alignment of every set of clips, and the correlations of the songs composed for them."""
    options = GridOptions(fixed_bpm=arguments.bpm)
    sets, films = _sets(arguments)
    return {
        "options": asdict(options),
        "results": {name: measure(clips, options) for name, clips in sets.items()},
        "following": report(_songs(arguments, films)) if films and arguments.songs else None,
    }


def text_of(found: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    text = table(found["results"])
    if found["following"]:
        text += f"\n\n{following_table(found['following'])}"
    return text


def main(argv: Sequence[str] | None = None) -> None:
    """Measure synthetic cut lists or the clips of a folder, and print tables."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.synthetic == (arguments.folder is not None):
        parser.error("give a folder of clips or --synthetic")
    run_evaluation(parser, arguments, evaluate_alignment, text_of)


if __name__ == "__main__":
    main()
