"""Do the styles differ in notes, and do the drums play like drummers?

    python -m experiments.evaluate styles CLIPS --groove GROOVE

Every clip is planned once; the plan is arranged in every style, so that grid, chords and curves are
the same and only the style differs. Pairs of styles are compared by the F1 score of bass notes
(equal sixteenth and pitch) and of drum hits (equal sixteenth and key), and by the distance of the
histograms of chord onsets over the sixteenths of a bar (half the sum of absolute differences: 0
equal, 1 disjoint). The drums of the styles with a kit are measured beside performances of the
Groove MIDI Dataset from which no table was counted (splits ``validation`` and ``test``), and those
beside each other: even against odd ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

import amt
from amt.arrange import arrange, load_network
from amt.arrange.styles import load_style, style_names
from amt.types import TICKS_PER_BEAT, FloatArray, Plan, Song
from data_prep.groove import GHOST, STEPS, Performance, load_performances
from experiments.common.reports import note, write_json
from experiments.common.tables import markdown, number
from experiments.music.evaluate import clips_of

SIXTEENTH = TICKS_PER_BEAT // 4
KITS = {"band": "rock", "lo-fi": "hiphop"}
"""Styles whose drums were counted, and the family of drummers that they are measured beside."""
PIECES = {"kick": (36,), "snare": (37, 38, 39), "hat": (42, 46, 51)}
_PIECES_OF_GROOVE = {"kick": ("kick",), "snare": ("snare", "rim"), "hat": ("hat", "open", "ride")}
_TOMS = (45, 47, 50)

Onsets = frozenset[tuple[int, int]]
"""Sixteenths with pitch or drum key."""


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """What a style makes of a plan."""

    bass: Onsets
    drums: Onsets
    chords: FloatArray
    """[16] share of the onsets of harmony or accompaniment on each sixteenth of a bar."""


def arranged(plan: Plan, song: Song) -> Arranged:
    """Return the onsets of a song in the style of its plan."""
    style = load_style(plan.style)
    roles = {player.name: player.role for player in reversed(style.instruments)}
    bass: set[tuple[int, int]] = set()
    drums: set[tuple[int, int]] = set()
    chords = np.zeros(STEPS)
    for track in song.tracks:
        steps = [(round(n.start / SIXTEENTH), n.pitch) for n in track.notes]
        if track.is_drum:
            drums |= set(steps)
        elif roles.get(track.name) == "bass":
            bass |= set(steps)
        elif roles.get(track.name) in ("harmony", "accompaniment"):
            chords += bar_histogram(plan, [n.start for n in track.notes])
    return Arranged(frozenset(bass), frozenset(drums), chords / max(chords.sum(), 1))


def bar_histogram(plan: Plan, ticks: Sequence[int]) -> FloatArray:
    """Return the number of onsets on each sixteenth of a bar [16], in bars of 4 beats."""
    downbeats = plan.grid.downbeats * TICKS_PER_BEAT
    bars = np.searchsorted(downbeats, np.array(ticks, dtype=np.int64), side="right") - 1
    counts = np.zeros(STEPS)
    for tick, bar in zip(ticks, bars.tolist(), strict=True):
        if plan.grid.bars[bar] * 4 == STEPS:
            counts[round((tick - downbeats[bar]) / SIXTEENTH) % STEPS] += 1
    return counts


def shared(one: Onsets, other: Onsets) -> float:
    """Return the F1 score of two parts; NaN if one of them is silent."""
    if not one or not other:
        return float("nan")
    return 2 * len(one & other) / (len(one) + len(other))


def distance(one: FloatArray, other: FloatArray) -> float:
    """Total variation distance of two histograms that sum to 1."""
    return float(np.abs(one - other).sum() / 2)


def pair_values(styles: Mapping[str, Arranged]) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return for each pair of styles: bass shared, drums shared, distance of chord onsets."""
    return {
        (a, b): (
            shared(styles[a].bass, styles[b].bass),
            shared(styles[a].drums, styles[b].drums),
            distance(styles[a].chords, styles[b].chords),
        )
        for a, b in combinations(styles, 2)
    }


@dataclass(frozen=True, slots=True, eq=False)
class Drumming:
    """What is measured of drums."""

    onsets: dict[str, FloatArray]
    """Piece -> [16] shares of its onsets on each sixteenth."""
    ghosts: float
    """Share of the snares that are softer than half of the loud ones."""
    spread: float
    """Standard deviation of velocity within a piece of the kit, mean over pieces."""
    toms: float
    """Share of the bars that have toms: fills."""


def drumming(hits: Mapping[str, FloatArray], toms: Sequence[int]) -> Drumming:
    """Measure drums.

    Args:
        hits: piece -> [n, 2] sixteenth from the beginning, velocity.
        toms: sixteenths with a tom.
    """
    snares = hits["snare"][:, 1]
    loud = np.percentile(snares, 90) if len(snares) else 127.0
    last = max((rows[:, 0].max() for rows in hits.values() if len(rows)), default=0)
    bars = int(last) // STEPS + 1
    return Drumming(
        onsets={
            piece: np.bincount(rows[:, 0].astype(int) % STEPS, minlength=STEPS) / max(len(rows), 1)
            for piece, rows in hits.items()
        },
        ghosts=float(np.mean(snares < GHOST * loud)) if len(snares) else float("nan"),
        spread=float(np.mean([rows[:, 1].std() for rows in hits.values() if len(rows) > 1])),
        toms=len({step // STEPS for step in toms}) / bars,
    )


def drumming_of_song(song: Song) -> Drumming | None:
    """Return the measures of a song's drums; None where they do not play."""
    notes = [n for track in song.tracks if track.is_drum for n in track.notes]
    rows = {
        piece: np.array(
            [(round(n.start / SIXTEENTH), n.velocity) for n in notes if n.pitch in keys],
            dtype=float,
        ).reshape(-1, 2)
        for piece, keys in PIECES.items()
    }
    if not all(len(found) for found in rows.values()):
        return None
    return drumming(rows, [round(n.start / SIXTEENTH) for n in notes if n.pitch in _TOMS])


def drumming_of(performance: Performance) -> Drumming | None:
    """Return the measures of a performance; None where it lacks bass drum, snare or hats."""
    none = np.zeros((0, 3), dtype=np.int64)
    rows = {
        piece: np.concatenate([performance.hits.get(name, none) for name in names])[:, [0, 2]]
        for piece, names in _PIECES_OF_GROOVE.items()
    }
    if not all(len(found) for found in rows.values()):
        return None
    toms = [performance.hits.get(name, none) for name in ("high", "middle", "low")]
    return drumming(rows, np.concatenate(toms)[:, 0].tolist())


def mean_drumming(found: Sequence[Drumming]) -> Drumming:
    """Return the mean of several."""
    return Drumming(
        onsets={piece: np.mean([d.onsets[piece] for d in found], axis=0) for piece in PIECES},
        ghosts=float(np.nanmean([d.ghosts for d in found])),
        spread=float(np.mean([d.spread for d in found])),
        toms=float(np.mean([d.toms for d in found])),
    )


def overlap(one: Drumming, other: Drumming) -> float:
    """Return the share of onset positions that two have in common, mean over pieces."""
    return float(np.mean([1 - distance(one.onsets[p], other.onsets[p]) for p in PIECES]))


def style_table(pairs: Mapping[tuple[str, str], Sequence[Sequence[float]]]) -> str:
    """The pairs of styles as a Markdown table, and their means."""
    rows = []
    for (one, other), values in pairs.items():
        rows.append([f"{one}, {other}", *_means(values)])
    rows.append(["mean", *_means([row for values in pairs.values() for row in values])])
    return markdown(["", "bass, F1", "drums, F1", "chords apart"], rows)


def _means(values: Sequence[Sequence[float]]) -> list[str]:
    columns = ([v for v in column if not np.isnan(v)] for column in zip(*values, strict=True))
    return [number(float(np.mean(found)) if found else float("nan"), 2) for found in columns]


def drum_table(ours: Mapping[str, Sequence[Drumming]], people: Sequence[Performance]) -> str:
    """The drums of our styles beside held-out drummers, as a Markdown table."""
    rows = []
    for style, family in KITS.items():
        held_out = [p for p in people if p.family == family and not p.is_fill]
        measured = [d for p in held_out if (d := drumming_of(p)) is not None]
        halves = mean_drumming(measured[::2]), mean_drumming(measured[1::2])
        everyone = mean_drumming(measured)
        columns = {f"{family}, even": halves[0], f"{family}, odd": halves[1]}
        if ours.get(style):
            columns = {style: mean_drumming(ours[style]), **columns}
        for name, found in columns.items():
            beside = halves[1] if name.endswith("even") else halves[0]
            against = beside if name != style else everyone
            rows.append([name, *(number(v, 2) for v in (
                overlap(found, against), found.ghosts, found.spread, found.toms))])  # fmt: skip
    return markdown(
        ["", "onsets in common", "ghost notes", "velocity spread", "bars with toms"], rows
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    args = _parser().parse_args(argv)
    network = load_network(args.arranger)
    pairs: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    drums: dict[str, list[Drumming]] = {}
    for clip in clips_of(args.clips):
        for seed in args.seeds:
            plan = amt.generate(clip, seed=seed, backend="analytic", style=args.plan_style).plan
            plan = replace(plan, arrangement=replace(plan.arrangement, arranger=args.arranger))
            made = {}
            for style in args.styles:
                song = arrange(replace(plan, style=style), network)
                made[style] = arranged(replace(plan, style=style), song)
                found = drumming_of_song(song)
                if found is not None:
                    drums.setdefault(style, []).append(found)
            for pair, values in pair_values(made).items():
                pairs.setdefault(pair, []).append(values)
        note(f"{clip.name}: arranged")
    print(style_table(pairs))
    if args.groove is not None:
        people = [p for p in load_performances(args.groove) if p.split != "train"]
        print()
        print(drum_table(drums, people))
    if args.json is not None:
        write_json({", ".join(pair): values for pair, values in pairs.items()}, args.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate styles", description="How far styles differ in notes."
    )
    parser.add_argument("clips", type=Path, help="folder")
    parser.add_argument("--groove", type=Path, help="the Groove MIDI Dataset")
    parser.add_argument("--arranger", choices=("neural", "patterns"), default="neural")
    parser.add_argument("--plan-style", default="band", help="style that chooses the tempo")
    parser.add_argument("--styles", nargs="+", default=list(style_names()), help="(all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--json", type=Path, help="write the values of the pairs to this file")
    return parser
