"""Does the music carry the mood that was asked for?

Songs are composed and arranged as the product does it, for the same clips and seeds but other
moods. A judge that learned from EMOPIA's human clips (:mod:`experiments.mood.classifier`) says of
each whether its valence and arousal are high, and the music is measured to see whether it changes
in the directions that the psychology of music has found.

    python -m experiments.evaluate mood --emopia EMOPIA/midis --seed 0 --json mood.json
    python -m experiments.evaluate mood --emopia EMOPIA/midis --clips FOLDER
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from amt.arrange import arrange
from amt.compose import ComposeOptions, compose
from amt.compose.mood_target import REFERENCE_AFFECT_GUIDANCE
from amt.features import extract_features
from amt.features.emotion import circumplex
from amt.models.chords.network import Composer
from amt.models.expression import Expression
from amt.models.weights import load_composer, load_expression
from amt.mood import MoodSpan
from amt.options import SamplingOptions
from amt.types import EMOTION_VALENCE_AROUSAL, EMOTIONS, Cut, Plan, Song, VideoFeatures
from experiments.common.bootstrap import interval, resamples
from experiments.common.reports import note, run_evaluation
from experiments.mood.claims import CLAIMS
from experiments.mood.classifier import (
    AXES,
    Judge,
    MoodCorpus,
    read_corpus,
    split,
    train_judge,
    verdicts,
)
from experiments.mood.features import FAMILIES, family_shares, features_of, timed_notes
from experiments.mood.report import text_of

CORNERS = ("exciting", "fearful", "sad", "relaxing")
"""The moods nearest to the corners of the circumplex, in the order of EMOPIA's quadrants."""
CERTAINTY = 6.0
"""Sharpness of the drawn clips' emotions: they say clearly what is seen, so that an asked mood has
something to outweigh."""
STYLE = "piano"
"""EMOPIA is piano music."""
OTHER_STYLES = ("orchestral", "strings", "band", "ambient")
STRENGTHS = ((0.0, 0.8), (1.5, 0.8), (3.0, 0.8), (1.5, 0.0), (1.5, 2.0))
"""Affect guidance and chord mood weight of each row of the table of strengths."""
SECOND_JUDGE = "logistic regression, C=0.1"
"""A judge of another kind, to see that the answer is not one classifier's."""
VIDEO_SUFFIXES = {".avi", ".mkv", ".mov", ".mp4", ".webm"}


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A song composed for a clip in a mood."""

    clip: str
    seed: int
    mood: str
    plan: Plan
    song: Song


@dataclass(frozen=True, slots=True)
class Models:
    """What composes."""

    composer: Composer
    expression: Expression


# --- clips ------------------------------------------------------------------------------------


def drawn_clip(seed: int) -> VideoFeatures:
    """What is known of a clip that nobody filmed, drawn with a seed.

    It lasts 24 to 47 s; shots last a second and an exponential time of 5 s; the mood wanders from
    a place drawn evenly on the circumplex, and motion from a level drawn like MuVi-Sync's.
    """
    rng = np.random.default_rng(seed)
    seconds = int(rng.integers(24, 48))
    times = np.cumsum(rng.exponential(5.0, seconds) + 1.0)
    times = times[times < seconds - 1.0]
    affect = rng.uniform(-0.8, 0.8, 2) + np.cumsum(rng.normal(0, 0.05, (seconds, 2)), axis=0)
    motion = rng.normal(1.8, 0.7) + np.cumsum(rng.normal(0, 0.15, seconds))
    starts = np.concatenate([[0.0], np.ceil(times)])
    clock = np.arange(seconds, dtype=np.float64)
    return VideoFeatures(
        duration_s=seconds - 0.3,
        emotion=circumplex(affect.clip(-1, 1), CERTAINTY),
        motion=np.expm1(motion.clip(0, 4)),
        scene_offset=clock - starts[np.searchsorted(starts, clock, side="right") - 1],
        cuts=tuple(Cut(float(time), float(rng.uniform(0.3, 1.0))) for time in times),
        semantic=None,
        backend="analytic",
    )


def clips_of(args: argparse.Namespace) -> dict[str, VideoFeatures]:
    """The drawn clips, or the films of the folder that was given."""
    if args.clips is None:
        return {f"drawn {seed}": drawn_clip(seed) for seed in range(args.drawn)}
    paths = sorted(p for p in args.clips.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    return {path.name: extract_features(path, backend="analytic") for path in paths}


# --- pieces -----------------------------------------------------------------------------------


def composed(
    models: Models,
    clips: dict[str, VideoFeatures],
    seeds: Sequence[int],
    moods: Sequence[str],
    options: ComposeOptions,
) -> Iterator[Piece]:
    """A piece for every clip, seed and mood, which is asked from the first second to the last."""
    for name, clip in clips.items():
        for seed in seeds:
            for mood in moods:
                asked = (MoodSpan(mood, 0.0, float(clip.seconds)),)
                wishes = replace(options, seed=seed, moods=asked)
                plan = compose(clip, wishes, models.composer, models.expression)
                yield Piece(name, seed, mood, plan, arrange(plan))


def in_style(pieces: Sequence[Piece], style: str) -> list[Piece]:
    """The same plans arranged for other instruments."""
    plans = [replace(piece.plan, style=style) for piece in pieces]
    return [
        replace(piece, plan=plan, song=arrange(plan))
        for piece, plan in zip(pieces, plans, strict=True)
    ]


def measures_of(piece: Piece) -> dict[str, float]:
    """What the literature speaks of, read from plan and notes."""
    plan, notes = piece.plan, timed_notes(piece.song)
    beats = [*(span.beat for span in plan.chords), plan.grid.end_beat]
    lengths = np.diff(plan.grid.seconds_at(np.array(beats, dtype=np.float64)))
    shares = family_shares([span.chord for span in plan.chords], lengths)
    changes = len(plan.chords) - 1
    return {
        "minor key": float(plan.key.mode == "minor"),
        **{f"{family} chords": shares[family] for family in FAMILIES},
        "changes a minute": 60 * changes / plan.grid.duration_s,
        "changes a bar": changes / len(plan.grid.bars),
        "tempo": float(plan.grid.tempo_bpm.mean()),
        "notes a second": len(notes) / plan.grid.duration_s,
        "velocity": float(notes[:, 3].mean()),
        "register": float(notes[:, 2].mean()),
        "articulation": articulation(piece.song),
    }


def articulation(song: Song) -> float:
    """Mean share of the time to the next onset of its track that a note sounds, at most 1."""
    shares: list[float] = []
    for track in song.tracks:
        onsets = np.array(sorted({note.start for note in track.notes}))
        if track.is_drum or len(onsets) < 2:
            continue
        following = dict(zip(onsets[:-1].tolist(), onsets[1:].tolist(), strict=True))
        shares += [
            min(1.0, (note.end - note.start) / (following[note.start] - note.start))
            for note in track.notes
            if note.start in following
        ]
    return float(np.mean(shares)) if shares else 1.0


# --- what is reported -------------------------------------------------------------------------


def human_report(judge: Judge, train: MoodCorpus, held_out: MoodCorpus, seed: int) -> Any:  # noqa: ANN401 - JSON
    """How well the judge does on songs that it has never seen, beside guessing and mode alone."""
    asked = {axis: held_out.high(axis) for axis in AXES}
    column = train.names.index("majorness")
    mode_only = {axis: ((held_out.features[:, column] > 0) == asked[axis]).mean() for axis in AXES}
    often = {axis: train.high(axis).mean() > 0.5 for axis in AXES}
    return {
        "training": {"clips": len(train.songs), "songs": len(set(train.songs.tolist()))},
        "held_out": {"clips": len(held_out.songs), "songs": len(set(held_out.songs.tolist()))},
        "kinds": judge.kinds,
        "cross_validated": judge.accuracies,
        "verdicts": verdicts(judge, held_out.features, asked, held_out.songs.tolist(), seed),
        "mode_only_valence": float(mode_only["valence"]),
        "majority": {axis: float((asked[axis] == often[axis]).mean()) for axis in AXES},
        "quadrants": quadrant_means(train),
    }


def quadrant_means(corpus: MoodCorpus) -> dict[str, dict[str, float]]:
    """Means of the features that the product's constants come from, by quadrant."""
    wanted = ("velocity_mean", "notes_per_s", "changes_per_s", "minor_share", "pitch_low")
    return {
        name: {
            f"Q{q}": float(corpus.features[corpus.quadrants == q, corpus.names.index(name)].mean())
            for q in (1, 2, 3, 4)
        }
        for name in wanted
    }


def judged(judge: Judge, pieces: Sequence[Piece], seed: int) -> Any:  # noqa: ANN401 - JSON
    """How often the judge finds in the pieces the mood that was asked for."""
    features = np.array([list(features_of(piece.song).values()) for piece in pieces])
    places = np.array([EMOTION_VALENCE_AROUSAL[piece.mood] for piece in pieces])
    asked = {axis: places[:, i] > 0 for i, axis in enumerate(AXES)}
    found: dict[str, Any] = dict(
        verdicts(judge, features, asked, [piece.clip for piece in pieces], seed)
    )
    chances = {axis: judge.chance_of_high(axis, features) > 0.5 for axis in AXES}
    moods = np.array([piece.mood for piece in pieces])
    found["judged_high"] = {
        mood: {axis: float(chances[axis][moods == mood].mean()) for axis in AXES}
        for mood in dict.fromkeys(moods.tolist())
    }
    return found


def mode_alone(pieces: Sequence[Piece]) -> float:
    """Share of pieces whose key alone gives the asked valence."""
    return float(
        np.mean(
            [
                (piece.plan.key.mode == "major") == (EMOTION_VALENCE_AROUSAL[piece.mood][0] > 0)
                for piece in pieces
            ]
        )
    )


def mood_table(pieces: Sequence[Piece], seed: int) -> Any:  # noqa: ANN401 - JSON
    """Mean of every measure in every mood, and the differences that the literature expects."""
    rows = [measures_of(piece) for piece in pieces]
    clips = sorted({piece.clip for piece in pieces})
    draws = resamples(len(clips), 1000, seed) / len(clips)
    by_clip = {
        (mood, measure): np.array(
            [
                np.mean([
                    row[measure]
                    for piece, row in zip(pieces, rows, strict=True)
                    if (piece.clip, piece.mood) == (clip, mood)
                ])
                for clip in clips
            ]
        )
        for mood in EMOTIONS
        for measure in rows[0]
    }  # fmt: skip
    claims = []
    for claim in CLAIMS:
        gap = by_clip[claim.more, claim.measure] - by_clip[claim.less, claim.measure]
        low, high = interval(draws @ gap)
        claims.append(
            {
                "measure": claim.measure, "more": claim.more, "less": claim.less,
                "source": claim.source, "difference": float(gap.mean()),
                "interval": (low, high), "as_expected": bool(low > 0),
            }
        )  # fmt: skip
    means = {
        measure: {mood: float(by_clip[mood, measure].mean()) for mood in EMOTIONS}
        for measure in rows[0]
    }
    return {"means": means, "claims": claims}


def strength_rows(
    judge: Judge, models: Models, clips: dict[str, VideoFeatures], seed: int
) -> list[dict[str, Any]]:
    """Verdicts of the judge at each strength of :data:`STRENGTHS`, one seed a clip."""
    rows = []
    for guidance, weight in STRENGTHS:
        sampling = SamplingOptions(affect_guidance=guidance)
        options = ComposeOptions(style=STYLE, sampling=sampling, chord_mood_weight=weight)
        pieces = list(composed(models, clips, [seed], CORNERS, options))
        songs = {clip: {p.song for p in pieces if p.clip == clip} for clip in clips}
        measured = [measures_of(piece) for piece in pieces]
        of_mood = {
            mood: [m for p, m in zip(pieces, measured, strict=True) if p.mood == mood]
            for mood in CORNERS
        }
        rows.append(
            {
                "affect_guidance": guidance, "chord_mood_weight": weight,
                "verdicts": judged(judge, pieces, seed),
                "same_song_whatever_is_asked": all(len(found) == 1 for found in songs.values()),
                "minor_chords_sad": _mean(of_mood["sad"], "minor chords"),
                "minor_chords_relaxing": _mean(of_mood["relaxing"], "minor chords"),
                "diminished_chords_fearful": _mean(of_mood["fearful"], "diminished chords"),
            }
        )  # fmt: skip
    return rows


def _mean(rows: Sequence[dict[str, float]], measure: str) -> float:
    return float(np.mean([row[measure] for row in rows]))


def evaluate_mood(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is known of the mood control."""
    train, held_out = split(read_corpus(args.emopia, note), args.seed)
    judge, second = (train_judge(train, args.seed, kind) for kind in (None, SECOND_JUDGE))
    weights = args.weights
    models = Models(
        load_composer(weights and weights / "composer"),
        load_expression(weights and weights / "expression"),
    )
    clips, seeds = clips_of(args), range(args.seed, args.seed + args.seeds)
    pieces = list(composed(models, clips, seeds, EMOTIONS, ComposeOptions(style=STYLE)))
    corners = [piece for piece in pieces if piece.mood in CORNERS]
    tellable = [piece for piece in pieces if piece.mood != "neutral"]
    note(f"{len(pieces)} songs composed")
    ignored = [
        replace(piece, song=other.song)
        for piece, other in zip(corners, _neutral_twins(corners, pieces), strict=True)
    ]
    return {
        "seed": args.seed, "clips": list(clips), "seeds": args.seeds, "songs": len(pieces),
        "full_mood": REFERENCE_AFFECT_GUIDANCE,
        "human": human_report(judge, train, held_out, args.seed),
        "human_second": verdicts(
            second,
            held_out.features,
            {axis: held_out.high(axis) for axis in AXES},
            held_out.songs.tolist(),
            args.seed,
        ),
        "generated": {
            "corners": judged(judge, corners, args.seed),
            "corners, second judge": judged(second, corners, args.seed),
            "five moods": judged(judge, tellable, args.seed),
            "asked mood ignored": judged(judge, ignored, args.seed),
            **{
                f"corners, {style}": judged(judge, in_style(corners, style), args.seed)
                for style in OTHER_STYLES
            },
        },
        "mode_alone_valence": mode_alone(corners),
        "moods": mood_table(pieces, args.seed),
        "strengths": strength_rows(judge, models, clips, args.seed),
    }  # fmt: skip


def _neutral_twins(some: Sequence[Piece], pieces: Sequence[Piece]) -> list[Piece]:
    """For each of ``some`` the piece of its clip and seed that asks for no mood in particular."""
    neutral = {(p.clip, p.seed): p for p in pieces if p.mood == "neutral"}
    return [neutral[piece.clip, piece.seed] for piece in some]


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="evaluate mood", description="Mood control.")
    parser.add_argument("--emopia", type=Path, required=True, help="folder of Q1_SONG_0.mid, …")
    parser.add_argument("--clips", type=Path, help="folder of films; drawn clips if left out")
    parser.add_argument("--drawn", type=int, default=8, help="number of drawn clips (8)")
    parser.add_argument("--seeds", type=int, default=3, help="pieces a clip and mood (3)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path, help="folder of the models; the packaged ones if "
                        "left out")  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the report to this file")
    run_evaluation(parser, parser.parse_args(argv), evaluate_mood, text_of)


if __name__ == "__main__":
    main()
