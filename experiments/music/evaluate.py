"""Does the music that the command writes do what music by people does?

    python -m experiments.evaluate music CLIPS --pop909 POP909 --data MUVI_SYNC
    python -m experiments.evaluate music --films 8

Every clip of a folder, or every drawn film, is scored with every seed and style as ``amt generate``
scores it; the MIDI files are read back and measured (:mod:`experiments.music.harmony`,
:mod:`experiments.music.voices`). Songs of POP909, drawn by the seed 0, are measured by the same
functions, and the chords of excerpts of MuVi-Sync. Cadences, sections and cuts are not labelled in
the corpora, nor is the bass a part of its own there, so some rows have no figure for people.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import amt
from amt.arrange.styles import style_names
from amt.chords import home_distance
from amt.errors import InputError
from amt.timing.hits import is_strong
from data_prep.chord_track import transpose_ids
from data_prep.muvi_sync import MuviSong, load_split
from data_prep.pop909_notes import load_songs
from experiments.common.reports import note, write_json
from experiments.common.tables import markdown, number
from experiments.music import harmony, voices
from experiments.music.piece import IntArray, Piece, excerpt, piece_of, read_piece
from experiments.shots.films import cut_film, write

VIDEO_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".webm")
POP909_SONGS = 60
MOST_BARS = 48
"""Bars of a song that are searched for bars that return: about two minutes."""
FIRST_FILM = 3000
"""Seed of the first drawn film; no constant of the music was chosen on these."""
EXCERPT_S = 50
"""Seconds of MuVi-Sync's excerpts."""

Figures = dict[str, list[float]]
"""Row -> a value for each piece; NaN where a piece has none."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One run of the command."""

    clip: str
    seed: int
    style: str
    piece: Piece


def chord_values(chords: IntArray, length_s: np.ndarray) -> dict[str, float]:
    """What a progression is measured by, for :func:`values` and for corpora without notes."""
    distinct, bits = harmony.distinct_and_entropy(chords, length_s)
    return {
        "chord changes A-B-A": harmony.returns_after(chords, 2),
        "chord changes A-B-A-B": harmony.alternation(chords),
        **{
            f"repeats the chord {lag} changes before": harmony.returns_after(chords, lag)
            for lag in harmony.LAGS[1:]
        },
        "distinct chords in 40 s": distinct,
        "entropy of chords, bits": bits,
        "sevenths and sixths": harmony.sevenths(chords),
    }


def values(piece: Piece) -> dict[str, float]:
    """Everything that one piece is measured by."""
    opening = excerpt(piece, 0, min(MOST_BARS, len(piece.bars)))
    melody, rhythm = voices.returning_bars(opening)
    ends, others = voices.phrase_end_density(piece)
    degree = voices.last_degree(piece)
    applied, borrowed = harmony.applied_and_borrowed(piece.chords, piece.keys)
    late, early = harmony.changes_by_place(piece)
    at_cut, elsewhere = voices.cut_rise_db(piece)
    return {
        **chord_values(piece.chords, piece.beat_s),
        "changes with another lowest note than the root": harmony.inversions(piece),
        "secondary dominants": applied,
        "other chords from outside the key": borrowed,
        "chord changes a bar, last two of four": late,
        "chord changes a bar, first two of four": early,
        "pieces with a change of key": float(bool(piece.key_changes)),
        "authentic cadence at the end": harmony.ends_on_cadence(piece.chords, piece.keys[-1]),
        "bass doubled at the unison": voices.doubled_bass(piece),
        "beats with less than a fifth below C3": voices.low_mud(piece),
        "melody is the top voice": voices.melody_on_top(piece),
        "melody in unison with another part": voices.melody_unisons(piece),
        "melody a semitone from another part": voices.melody_clashes(piece),
        "bars with an earlier melody": melody,
        "bars with an earlier rhythm": rhythm,
        "melody notes, half-bars at phrase ends": ends,
        "melody notes, other half-bars": others,
        "last melody note on the tonic": math.nan if degree is None else float(degree == 0),
        "last melody note on the fifth": math.nan if degree is None else float(degree == 7),
        "semitones higher in the loudest section": voices.climax_rise(piece),
        "beats in which nothing sounds": voices.silent_beats(piece),
        "rise at strong cuts, dB": at_cut,
        "rise at other downbeats, dB": elsewhere,
    }


def score_clips(
    clips: Sequence[Path], seeds: Sequence[int], styles: Sequence[str],
    say: Callable[[str], object],
) -> Iterator[Scored]:  # fmt: skip
    """Every clip with every seed and style, read back from its MIDI file."""
    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "song.mid"
        for clip in clips:
            for seed in seeds:
                for style in styles:
                    made = amt.generate(clip, seed=seed, style=style, backend="analytic")
                    made.write_midi(midi)
                    strong = [n for n, cut in enumerate(made.plan.cuts, 1) if is_strong(cut)]
                    yield Scored(clip.stem, seed, style, read_piece(midi, style, strong))
            say(f"{clip.name}: scored")


def equal_openings(runs: Sequence[Scored]) -> float:
    """Share of the pairs of clips that one seed and style give the same four first chords."""
    shares = []
    for key in sorted({(run.seed, run.style) for run in runs}):
        openings = [
            transpose_ids(
                harmony.progression(run.piece.chords), home_distance(run.piece.key)
            ).tolist()
            for run in runs
            if (run.seed, run.style) == key
        ]
        shares.append(harmony.equal_openings(openings))
    return float(np.nanmean(shares)) if shares else math.nan


def muvi_figures(songs: Sequence[MuviSong]) -> Figures:
    """The chords of excerpts of MuVi-Sync, a value a song's excerpts one after the other."""
    rows: Figures = {}
    for song in songs:
        for start in range(0, len(song.chords) - EXCERPT_S + 1, EXCERPT_S):
            chords = song.chords[start : start + EXCERPT_S]
            _append(rows, chord_values(chords, np.ones(EXCERPT_S)))
    return rows


def figures(pieces: Sequence[Piece]) -> Figures:
    """The values of many pieces, row by row."""
    rows: Figures = {}
    for piece in pieces:
        _append(rows, values(piece))
    return rows


def _append(rows: Figures, found: Mapping[str, float]) -> None:
    for name, value in found.items():
        rows.setdefault(name, []).append(value)


def means(rows: Figures) -> dict[str, float]:
    """The mean of each row over the pieces that have a value."""
    return {
        name: float(np.nanmean(found)) if not np.isnan(found).all() else math.nan
        for name, found in rows.items()
    }


def text_of(columns: Mapping[str, Mapping[str, float]], sizes: Mapping[str, int]) -> str:
    """The report as a Markdown table."""
    header = ["", *(f"{name} ({sizes[name]})" for name in columns)]
    names = dict.fromkeys(row for column in columns.values() for row in column)
    return markdown(
        header,
        [
            [name, *(number(column.get(name, math.nan), 2) for column in columns.values())]
            for name in names
        ],
    )


def drawn_clips(count: int, folder: Path, first: int = FIRST_FILM) -> list[Path]:
    """Films with hard cuts, drawn with the seeds from ``first`` on."""
    clips = [folder / f"film-{number}.mp4" for number in range(count)]
    for seed, clip in enumerate(clips, first):
        write(cut_film(seed), clip)
    return clips


def clips_of(folder: Path) -> list[Path]:
    """The clips of a folder, by name.

    Raises:
        InputError: there are none.
    """
    clips = sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    if not clips:
        raise InputError(f"there are no clips in {folder}")
    return clips


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    args = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        drawn = args.clips is None
        clips = drawn_clips(args.films, Path(folder)) if drawn else clips_of(args.clips)
        runs = list(score_clips(clips, args.seeds, args.styles, note))
    ours = means(figures([run.piece for run in runs]))
    columns = {"ours": ours | {"same four first chords": equal_openings(runs)}}
    sizes = {"ours": len(runs)}
    if args.pop909 is not None:
        songs = load_songs(args.pop909, cache=args.cache)
        chosen = np.random.default_rng(0).choice(len(songs), POP909_SONGS, replace=False)
        columns["POP909"] = means(figures([piece_of(songs[i]) for i in chosen]))
        sizes["POP909"] = POP909_SONGS
    if args.data is not None:
        rows = muvi_figures(load_split(args.data, "val", on_error="skip", cache=args.cache))
        columns["MuVi-Sync"] = means(rows)
        sizes["MuVi-Sync"] = len(next(iter(rows.values())))
    print(text_of(columns, sizes))
    if args.json is not None:
        write_json({"means": columns, "pieces": sizes}, args.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate music", description="What the command writes, beside music by people."
    )
    parser.add_argument("clips", type=Path, nargs="?", help="folder; drawn films if left out")
    parser.add_argument("--films", type=int, default=8, help="drawn films to score (8)")
    parser.add_argument("--pop909", type=Path, help="folder of 001, 002, …")
    parser.add_argument("--data", type=Path, help="MuVi-Sync in its published layout")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--styles", nargs="+", default=list(style_names()), help="(all)")
    parser.add_argument("--cache", type=Path, help="folder for compact copies of the corpora")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser
