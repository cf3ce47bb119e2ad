"""Does the arranger write music as people do, and what it is asked for?

Songs of POP909 that no training saw are arranged anew from their own chords and curves: by the
network, by patterns and by a bigram model of notes (:mod:`experiments.arranger.baselines`). All are
measured as the human arrangement is (:mod:`experiments.arranger.metrics`), in C major or A minor.
The same is asked with clips of EMOPIA, whose mood is classified.

    python -m experiments.evaluate arranger --pop909 POP909 --emopia EMOPIA/midis --weights W
    python -m experiments.evaluate arranger --pop909 POP909 --songs 3

Without weights only the baselines are measured, and without EMOPIA no mood.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from amt.chords import home_distance
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.decode import NoteSamplingOptions, sample_words
from amt.models.notes.inputs import CONTROLS
from amt.models.notes.network import Arranger
from amt.models.notes.tokens import to_notes
from amt.models.weights import load_arranger
from amt.types import IntArray, Song
from data_prep.corpus import split_by_song
from data_prep.emopia import song_names
from data_prep.emopia_notes import load_clips_as_notes
from data_prep.note_song import NoteSong, to_song, transposed
from data_prep.pop909_notes import load_songs
from experiments.arranger.baselines import NoteBigram, arranged_by_patterns
from experiments.arranger.data import at_home, note_plan_of
from experiments.arranger.metrics import bars_of
from experiments.arranger.piano_rolls import draw_rolls
from experiments.arranger.report import text_of
from experiments.arranger.scores import (
    HUMAN,
    NETWORK,
    PATTERNS,
    Arrangement,
    Sets,
    control_report,
    copying_report,
    melody_report,
    overlap_report,
    value_report,
)
from experiments.common.bootstrap import resamples
from experiments.common.reports import model_folder, note, run_evaluation
from experiments.mood.classifier import (
    AXES,
    MoodCorpus,
    candidates,
    read_corpus,
    train_judge,
    verdicts,
)
from experiments.mood.features import features_of

Arrange = Callable[[NoteSong, int], Arrangement]
"""A piece whose chords and curves are to be arranged anew, and a seed -> the arrangement."""

BIGRAM = "bigram"
MOOD_ONLY = "network, mood alone asked"
N_ROLLS = 6
SPEED_S, SPEED_RUNS = 60.0, 3
_MOOD = ("valence", "arousal")
_OPTIONS = {"temperature": float, "top_p": float, "candidates": int}
"""Fields of :class:`amt.models.notes.decode.NoteSamplingOptions` that may be given."""
_FEWEST_NOTES = 2
"""That the judge can say anything of."""


# --- who arranges -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """An arranger, in evaluation mode, and how it draws."""

    arranger: Arranger
    options: NoteSamplingOptions

    def write(self, plan: NotePlan, seed: int) -> IntArray:
        """The words of a plan."""
        generator = torch.Generator().manual_seed(seed)
        return sample_words(self.arranger, plan, self.options, generator)


def by_human(piece: NoteSong, seed: int = 0) -> Arrangement:
    """As it was played."""
    return Arrangement(piece, to_song(piece))


def by_patterns(piece: NoteSong, seed: int) -> Arrangement:
    """As the patterns answer to its plan."""
    return Arrangement(*arranged_by_patterns(piece, seed))


def by_bigram(bigram: NoteBigram) -> Arrange:
    """As a bigram model writes, which knows its bars only."""

    def arrange(piece: NoteSong, seed: int) -> Arrangement:
        words = bigram.write(piece.bars, np.random.default_rng(seed))
        return _of_words(piece, words)

    return arrange


def by_network(network: Network, asked: Sequence[str] = CONTROLS) -> Arrange:
    """As the network answers to its plan.

    Args:
        network: that writes.
        asked: the controls that are asked, as far as the piece has them.
    """
    wanted = np.isin(CONTROLS, asked)

    def arrange(piece: NoteSong, seed: int) -> Arrangement:
        plan = note_plan_of(piece)
        words = network.write(replace(plan, known=plan.known & wanted), seed)
        made = _of_words(at_home(piece), words)
        away = -home_distance(piece.key)
        return by_human(transposed(made.piece, away)) if away else made

    return arrange


def _of_words(piece: NoteSong, words: IntArray) -> Arrangement:
    return by_human(replace(piece, notes=to_notes(words, piece.bars)))


def arrangements(
    pieces: Sequence[NoteSong], arrangers: dict[str, Arrange], seed: int
) -> dict[str, list[Arrangement]]:
    """Every piece by everybody; of one piece all have the same seed."""
    made: dict[str, list[Arrangement]] = {}
    for name, arrange in arrangers.items():
        begun = time.perf_counter()
        made[name] = [arrange(piece, seed + i) for i, piece in enumerate(pieces)]
        note(f"{name}: {len(pieces)} pieces in {time.perf_counter() - begun:.0f} s")
    return made


# --- mood -------------------------------------------------------------------------------------


def mood_report(
    root: Path,
    arrangers: dict[str, Arrange],
    n_clips: int,
    seed: int,
    cache: Path | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """Moods of held-out clips of EMOPIA as people and as arrangers play them, by a classifier.

    Args:
        root: EMOPIA's folder of MIDI files.
        arrangers: those beside the human performers.
        n_clips: how many held-out clips are arranged.
        seed: of the choice of clips, of arranging, and of the judge.
        cache: folder for a compact copy of the corpus.
        kind: of judge; chosen by cross-validation if left out.
    """
    corpus = read_corpus(root, note)
    clips = load_clips_as_notes(root, report=note, cache=cache)
    _, held = split_by_song(clips, songs=song_names(root))
    is_held = np.isin(corpus.songs, [clip.song for clip in held])
    train, test = (corpus.take(np.flatnonzero(rows)) for rows in (~is_held, is_held))
    judge = train_judge(train, seed, kind)
    human = {axis: test.high(axis) for axis in AXES}
    report = {
        f"human, as performed ({len(test.songs)} clips)": verdicts(
            judge, test.features, human, test.songs.tolist(), seed
        )
    }
    chosen = [held[i] for i in _chosen(len(held), n_clips, seed)]
    asked = {
        axis: np.array([clip.affect is not None and clip.affect[i] > 0 for clip in chosen])
        for i, axis in enumerate(AXES)
    }
    groups = [clip.song for clip in chosen]
    for name, made in arrangements(chosen, {HUMAN: by_human, **arrangers}, seed).items():
        features = np.array([_judge_features(arrangement.song, test) for arrangement in made])
        label = "human, on the grid of bars" if name == HUMAN else name
        report[label] = verdicts(judge, features, asked, groups, seed)
    return {
        "clips": len(chosen), "songs": len(set(groups)), "training_clips": len(train.songs),
        "kinds": judge.kinds, "verdicts": report,
    }  # fmt: skip


def _judge_features(song: Song, corpus: MoodCorpus) -> list[float]:
    """What the judge reads of a song; of one with hardly a note that it is like the others."""
    if sum(len(track.notes) for track in song.tracks) < _FEWEST_NOTES:
        return list(corpus.features.mean(axis=0))
    found = features_of(song)
    return [found[name] for name in corpus.names]


# --- speed ------------------------------------------------------------------------------------


def speed_report(network: Network, piece: NoteSong, n_threads: int) -> dict[str, Any]:
    """The best time of some to write the notes of the first minute of a piece."""
    beats = np.searchsorted(np.cumsum(60 / piece.tempo_bpm), SPEED_S) + 1
    n_bars = int(np.searchsorted(np.cumsum(piece.bars), beats)) + 1
    part = bars_of(piece, 0, min(n_bars, len(piece.bars)))
    plan = note_plan_of(part)
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    times = []
    for seed in range(SPEED_RUNS):
        begun = time.perf_counter()
        words = network.write(plan, seed)
        times.append((time.perf_counter() - begun, len(words) - 1 - len(plan.bars)))
    torch.set_num_threads(before)
    seconds, notes = min(times)
    return {
        "seconds": seconds, "notes": notes, "music_s": float((60 / part.tempo_bpm).sum()),
        "runs": SPEED_RUNS, "threads": n_threads,
    }  # fmt: skip


# --- everything -------------------------------------------------------------------------------


def evaluate_arranger(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is known of an arranger."""
    training, held = split_by_song(load_songs(args.pop909, report=note, cache=args.cache))
    training = [at_home(song) for song in training]
    songs = [at_home(_first_bars(held[i], args)) for i in _chosen(len(held), args.songs, args.seed)]
    others = [_first_bars(training[i], args) for i in _chosen(len(training), len(songs), args.seed)]
    network = _network(args) if args.weights else None
    networks = {} if network is None else {NETWORK: by_network(network)}
    arrangers = {PATTERNS: by_patterns, BIGRAM: by_bigram(NoteBigram(training)), **networks}
    sets = arrangements(songs, {HUMAN: by_human, **arrangers}, args.seed)
    draws = resamples(len(songs), args.bootstrap, args.seed)
    report: dict[str, Any] = {
        "seed": args.seed, "songs": len(songs), "bars": args.bars, "bootstrap": args.bootstrap,
        "weights": str(args.weights) if args.weights else None,
        "names": [song.name for song in songs],
        "overlap": overlap_report(sets, others, draws, args.seed),
        "values": value_report(sets),
        "controls": control_report(sets, draws),
        "melody": melody_report(sets),
        "copying": copying_report(sets, training),
    }  # fmt: skip
    if args.rolls:
        _draw(sets, args.rolls)
    if args.emopia:
        moods = {PATTERNS: by_patterns, **networks}
        if network is not None:
            moods[MOOD_ONLY] = by_network(network, _MOOD)
        report["mood"] = mood_report(
            args.emopia, moods, args.clips, args.seed, args.cache, args.judge
        )
    if network is not None:
        report["speed"] = speed_report(network, held[0], args.threads)
    return report


def _network(args: argparse.Namespace) -> Network:
    given = {name: getattr(args, name) for name in _OPTIONS}
    options = NoteSamplingOptions(**{name: v for name, v in given.items() if v is not None})
    return Network(load_arranger(model_folder(args.weights, "arranger") or args.weights), options)


def _chosen(n: int, wanted: int, seed: int) -> list[int]:
    """Some of ``n`` at random, in order."""
    return sorted(np.random.default_rng(seed).permutation(n)[:wanted].tolist())


def _first_bars(piece: NoteSong, args: argparse.Namespace) -> NoteSong:
    return bars_of(piece, 0, min(args.bars, len(piece.bars))) if args.bars else piece


def _draw(sets: Sets, folder: Path) -> None:
    """A picture of each of some songs, by people and by whom it is about."""
    folder.mkdir(parents=True, exist_ok=True)
    ours = NETWORK if NETWORK in sets else PATTERNS
    for human, made in list(zip(sets[HUMAN], sets[ours], strict=True))[:N_ROLLS]:
        name = human.piece.name.replace("/", "-")
        pair = {HUMAN: human.piece, ours: made.piece}
        draw_rolls(pair, folder / f"{name}.png", first_bar=len(human.piece.bars) // 4)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate arranger", description="The note transformer.")
    parser.add_argument("--pop909", type=Path, required=True, help="folder of 001, 002, …")
    parser.add_argument("--emopia", type=Path, help="folder of Q1_SONG_0.mid, …")
    parser.add_argument("--weights", type=Path, help="folder; only baselines if left out")
    parser.add_argument("--songs", type=int, default=20, help="of the held-out ones (20)")
    parser.add_argument("--bars", type=int, help="only the first bars of every song")
    parser.add_argument("--clips", type=int, default=60, help="of EMOPIA's held-out ones (60)")
    parser.add_argument(
        "--judge", choices=candidates(), help="of moods; chosen by cross-validation if left out"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="with which speed is measured (2)")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples (1000)")
    for name, kind in _OPTIONS.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=kind, help="of writing; the default if left out")
    parser.add_argument("--rolls", type=Path, help="folder for piano rolls of six songs as PNG")
    parser.add_argument("--cache", type=Path, help="folder for compact copies of the corpora")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = _parser()
    run_evaluation(parser, parser.parse_args(argv), evaluate_arranger, text_of)
