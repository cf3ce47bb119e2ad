"""In how many respects do the moods of the music differ?

    python -m experiments.evaluate moods CLIPS --seeds 0 1 2

Every clip is scored with every seed in five moods as ``amt generate --mood`` scores it, and the
MIDI files are measured in six dimensions: tempo feel, mode, register, articulation, density and
harmony. Two moods are distinct in a dimension where a measure of it differs by at least
:data:`EFFECT` pooled standard deviations (Cohen 1988: a large effect) over the pieces; in mode,
where the shares of pieces in minor differ by at least :data:`MODE_SHARE`.

Tempo feel is the tempo of the file times a half or two where a section's marker says that its feel
is half-time or double-time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from amt.arrange import arrange, load_network
from amt.chords import parse_chord
from amt.compose import ComposeOptions, compose
from amt.features import extract_features
from amt.midi import read_midi, write_midi
from amt.models.weights import load_composer, load_expression
from amt.mood import MoodSpan
from amt.options.notes import ARRANGERS
from amt.plan import DEFAULT_ARRANGER
from amt.types import TICKS_PER_BEAT, Arrangement, ArrangerName, Song, VideoFeatures
from experiments.common.reports import note, run_evaluation
from experiments.common.tables import markdown, number
from experiments.mood.evaluate import VIDEO_SUFFIXES, articulation
from experiments.mood.features import family_shares, timed_notes

MOODS = ("exciting", "tense", "fearful", "sad", "relaxing")
EFFECT = 0.8
"""Least difference of means in pooled standard deviations."""
MODE_SHARE = 0.5
"""Least difference of the shares of pieces in minor."""
LEAST_DIMENSIONS = 3
"""In which every two moods are to be distinct."""
FEELS = {"half-time": 0.5, "double-time": 2.0}
"""Word in the marker of a section -> what is felt of its beats."""
DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "tempo feel": ("tempo feel",),
    "mode": ("minor",),
    "register": ("register",),
    "articulation": ("articulation",),
    "density": ("density",),
    "harmony": ("changes a second", "tense chords", "diminished chords"),
}
"""Dimension -> its measures; one that differs makes two moods distinct in it."""
Measures = dict[str, float]
Rows = Mapping[str, Sequence[Measures]]
"""Mood -> measures of its pieces."""


def measures_of(song: Song) -> Measures:
    """Every measure of a piece, from its notes, chord names, key and tempi."""
    notes = timed_notes(song)
    seconds = float(notes[:, 1].max())
    chords = [parse_chord(event.text) for event in song.chord_names]
    ends = [*(event.tick for event in song.chord_names[1:]), song.end]
    lengths = np.diff([*(event.tick for event in song.chord_names), song.end])
    shares = family_shares(chords, lengths)
    return {
        "tempo feel": tempo_feel(song),
        "minor": float(song.key.mode == "minor"),
        "register": float(notes[:, 2].mean()),
        "articulation": articulation(song),
        "density": float(np.log(len(notes) / seconds)),
        "changes a second": (len(ends) - 1) / seconds,
        "tense chords": shares["diminished"] + shares["suspended"] + shares["dominant"],
        "diminished chords": shares["diminished"],
    }


def tempo_feel(song: Song) -> float:
    """Beats a minute that are felt: notated ones, halved or doubled where a section says so."""
    sections = [(0, "normal")]
    sections += [(m.tick, m.text) for m in song.markers if m.text.startswith("Section ")]
    edges = np.array([*(tick for tick, _ in sections), song.end], dtype=np.float64)
    factors = [next((f for name, f in FEELS.items() if name in text), 1.0) for _, text in sections]
    felt = float((np.diff(edges) * factors).sum()) / TICKS_PER_BEAT
    return 60 * felt / seconds_at(song, float(song.end))


def seconds_at(song: Song, tick: float) -> float:
    """Seconds of a tick, by the tempi of the file."""
    starts = np.array([*(change.tick for change in song.tempos), np.inf])
    s_per_tick = np.array([change.us_per_beat for change in song.tempos]) / 1e6 / TICKS_PER_BEAT
    return float((np.diff(np.minimum(starts, tick)) * s_per_tick).sum())


def effect(first: Sequence[float], second: Sequence[float]) -> float:
    """Cohen's d of two samples; infinite where they differ and neither varies."""
    a, b = np.array(first), np.array(second)
    gap = float(a.mean() - b.mean())
    deviation = float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    return gap / deviation if deviation > 1e-9 else float(np.sign(gap) * np.inf if gap else 0.0)


def pair_effects(rows: Rows, first: str, second: str) -> dict[str, tuple[float, bool]]:
    """Dimension -> the largest effect of its measures, and whether two moods are distinct in it.

    For the mode the figure is the difference of shares.
    """
    found = {}
    for dimension, measures in DIMENSIONS.items():
        values = [
            tuple([row[name] for row in rows[mood]] for mood in (first, second))
            for name in measures
        ]
        if dimension == "mode":
            figure, least = float(np.mean(values[0][0]) - np.mean(values[0][1])), MODE_SHARE
        else:
            figure, least = max((effect(a, b) for a, b in values), key=abs), EFFECT
        found[dimension] = (figure, abs(figure) >= least)
    return found


def score_moods(
    clips: Mapping[str, VideoFeatures], seeds: Sequence[int], style: str,
    arranger: ArrangerName,
    say: Callable[[str], object],
) -> dict[str, list[Song]]:  # fmt: skip
    """Mood -> the song of every clip and seed, read back from its MIDI file."""
    composer, expression = load_composer(None), load_expression(None)
    network = load_network(arranger, None)
    songs: dict[str, list[Song]] = {mood: [] for mood in MOODS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mid"
        for name, clip in clips.items():
            for seed in seeds:
                for mood in MOODS:
                    asked = (MoodSpan(mood, 0.0, float(clip.seconds)),)
                    options = ComposeOptions(style=style, seed=seed, moods=asked)
                    plan = compose(clip, options, composer, expression)
                    plan = replace(plan, arrangement=Arrangement(arranger))
                    write_midi(arrange(plan, network), path)
                    songs[mood].append(read_midi(path))
            say(f"{name}: scored in {len(MOODS)} moods")
    return songs


def equal_starts(songs: Mapping[str, Sequence[Song]], first: str, second: str) -> float:
    """Share of the pieces of two moods, of one clip and seed, that begin with the same 4 chords."""
    starts = [
        [[c.text for c in s.chord_names[:4]] for s in songs[mood]] for mood in (first, second)
    ]
    return float(np.mean([a == b for a, b in zip(*starts, strict=True)]))


def evaluate_moods(args: argparse.Namespace) -> dict[str, Any]:
    """Means of every measure in every mood, and the dimensions in which pairs are distinct."""
    paths = sorted(path for path in args.clips.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    clips = {path.stem: extract_features(path, backend="analytic") for path in paths}
    songs = score_moods(clips, args.seeds, args.style, args.arranger, note)
    rows = {mood: [measures_of(song) for song in found] for mood, found in songs.items()}
    pairs = {}
    for first, second in combinations(MOODS, 2):
        effects = pair_effects(rows, first, second)
        pairs[f"{first} / {second}"] = {
            **{name: figure for name, (figure, _) in effects.items()},
            "distinct": [name for name, (_, distinct) in effects.items() if distinct],
            "same start": equal_starts(songs, first, second),
        }
    means = {
        name: {mood: float(np.mean([row[name] for row in rows[mood]])) for mood in MOODS}
        for name in rows[MOODS[0]][0]
    }
    return {"pieces": len(rows[MOODS[0]]), "means": means, "pairs": pairs}


def text_of(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    means = [
        [name, *(number(row[mood], 2) for mood in MOODS)] for name, row in report["means"].items()
    ]
    pairs = [
        [
            pair,
            *(
                f"**{row[name]:+.1f}**" if name in row["distinct"] else f"{row[name]:+.1f}"
                for name in DIMENSIONS
            ),
            str(len(row["distinct"])),
            number(row["same start"], 2),
        ]
        for pair, row in report["pairs"].items()
    ]
    return "\n\n".join(
        [
            f"{report['pieces']} pieces a mood",
            markdown(["", *MOODS], means),
            markdown(["", *DIMENSIONS, "distinct", "same first 4 chords"], pairs),
        ]
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="evaluate moods", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("clips", type=Path, help="folder of clips")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--style", default="piano")
    parser.add_argument("--arranger", choices=ARRANGERS, default=DEFAULT_ARRANGER)
    parser.add_argument("--json", type=Path, help="write the report to this file")
    run_evaluation(parser, parser.parse_args(argv), evaluate_moods, text_of)


if __name__ == "__main__":
    main()
