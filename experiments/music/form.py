"""Do themes return where scenes of the film return?

    python -m experiments.evaluate form --films 12 --seed 100
    python -m experiments.evaluate form CLIPS

Films in which scenes return (:mod:`experiments.music.films`) are scored as ``amt generate`` scores
them. For each appearance of a scene that was there before, the melody is compared with that of the
first appearance: in the plan by the labels of phrases, in the MIDI file by its notes. *Recall* is
the share of these appearances at which the theme returns. *Precision* is the share of same scenes
among all pairs of a scene's first appearance and a later one, of any scene, that have the same
theme. *Shuffled* is the same music against the film with its scenes in another order. Of real
clips, whose scenes nobody labelled, the sections are listed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

import amt
from amt.types import TICKS_PER_BEAT, Plan
from experiments.common.reports import note, write_json
from experiments.common.tables import markdown, number
from experiments.music import voices
from experiments.music.evaluate import clips_of
from experiments.music.films import Scene, scene_film
from experiments.music.piece import ONSET, PITCH, IntArray, Piece, read_piece
from experiments.shots.films import write

FIRST_FILM = 100
"""Seed of the first film; the similarity of scenes was set on the seeds 0 to 15."""
ALIKE = 0.6
"""Rhythm and contour that bars of one theme have in common at least."""
THEME_BARS = 4
"""Bars with melody from the beginning of a scene that are compared."""
SHUFFLES = 50
"""Other orders of the scenes of each film."""

Returns = Callable[[int, int], bool]
"""Whether the theme of an earlier appearance returns at a later one, by their numbers."""


@dataclass(frozen=True, slots=True)
class Found:
    """Counts over the films; see the module for the measures."""

    returned: int = 0
    scenes: int = 0
    right: int = 0
    claimed: int = 0

    def __add__(self, other: Found) -> Found:
        pairs = zip(self.counts, other.counts, strict=True)
        return Found(*(a + b for a, b in pairs))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Returns found, returns in the film, right claims, all claims."""
        return self.returned, self.scenes, self.right, self.claimed

    @property
    def recall(self) -> float:
        """Share of the scenes that return with their theme."""
        return self.returned / self.scenes if self.scenes else float("nan")

    @property
    def precision(self) -> float:
        """Share of the themes that return with their scene."""
        return self.right / self.claimed if self.claimed else float("nan")


def compared(names: Sequence[str], returns: Returns) -> Found:
    """Which of the scenes, by name in order of time, return with their theme."""
    found = Found()
    for later in range(1, len(names)):
        firsts = {names.index(name) for name in names[:later]}
        for first in firsts:
            same, claimed = names[first] == names[later], returns(first, later)
            found += Found(same and claimed, same, same and claimed, claimed)
    return found


def bars_alike(first: IntArray, second: IntArray) -> bool:
    """Whether two bars share :data:`ALIKE` of their rhythm and of their contour.

    Args:
        first: [n, 2] onset in the bar in sixteenths, and pitch.
        second: the same of the other bar.
    """
    common, at_first, at_second = np.intersect1d(first[:, 0], second[:, 0], return_indices=True)
    if len(common) < 2 or 2 * len(common) < ALIKE * (len(first) + len(second)):
        return False
    rises = (
        np.sign(np.diff(bar[rows, 1])) for bar, rows in ((first, at_first), (second, at_second))
    )
    return bool(np.equal(*rises).mean() >= ALIKE)


def melody_bars(piece: Piece, scene: Scene) -> list[IntArray]:
    """The first bars with melody of a scene, as :func:`bars_alike` takes them."""
    line = voices.skyline(piece)
    beats_s = np.concatenate([[0.0], np.cumsum(piece.beat_s)])
    edges = np.concatenate([[0], np.cumsum(piece.bars)])
    bars = []
    for start, end in pairwise(edges.tolist()):
        if not scene.start_s <= (beats_s[start] + beats_s[end]) / 2 < scene.end_s:
            continue
        low, high = (beat * TICKS_PER_BEAT for beat in (start, end))
        notes = line[(line[:, ONSET] >= low - 5) & (line[:, ONSET] < high - 5)]
        place = np.rint((notes[:, ONSET] - low) / voices.GRID).astype(np.int64)
        if len(notes) >= voices.LEAST_NOTES:
            bars.append(np.stack([place, notes[:, PITCH]], axis=1))
    return bars


def theme_returns(first: Sequence[IntArray], later: Sequence[IntArray]) -> bool:
    """Whether half of the bars at the beginning of two passages are alike, and two at least.

    The first passage may have an introduction of up to two bars with melody.
    """
    for lead in range(3):
        pairs = list(zip(first[lead:][:THEME_BARS], later[:THEME_BARS], strict=False))
        alike = sum(bars_alike(a, b) for a, b in pairs)
        if alike >= max(2, len(pairs) / 2):
            return True
    return False


def plan_letters(plan: Plan, scenes: Sequence[Scene]) -> list[str]:
    """The letter of the phrases that have most of each scene."""
    starts = [float(plan.grid.beats_s[phrase.beat]) for phrase in plan.phrases]
    edges = list(pairwise([*starts, plan.grid.duration_s]))
    letters = []
    for scene in scenes:
        shares: dict[str, float] = {}
        for phrase, (start_s, end_s) in zip(plan.phrases, edges, strict=True):
            letter = phrase.label.rstrip("0123456789")
            common_s = min(end_s, scene.end_s) - max(start_s, scene.start_s)
            shares[letter] = shares.get(letter, 0.0) + max(common_s, 0.0)
        letters.append(max(shares, key=lambda letter: shares[letter]))
    return letters


def measure(scenes: Sequence[Scene], plan: Plan, piece: Piece, seed: int) -> dict[str, Found]:
    """Plan and MIDI of one film, against the film and against other orders of its scenes."""
    letters = plan_letters(plan, scenes)
    themes = [melody_bars(piece, scene) for scene in scenes]
    names = [scene.name for scene in scenes]
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(names).tolist() for _ in range(SHUFFLES)]
    found = {}
    by: dict[str, Returns] = {
        "plan": lambda i, j: letters[i] == letters[j],
        "MIDI": lambda i, j: theme_returns(themes[i], themes[j]),
    }
    for name, returns in by.items():
        found[name] = compared(names, returns)
        shuffled = (compared(order, returns) for order in orders if order != names)
        found[f"{name}, shuffled"] = sum(shuffled, Found())
    return found


def measure_films(count: int, first: int, style: str) -> Iterator[dict[str, Found]]:
    """The measures of each drawn film."""
    with tempfile.TemporaryDirectory() as folder:
        clip, midi = Path(folder) / "film.mp4", Path(folder) / "film.mid"
        for seed in range(first, first + count):
            film, scenes = scene_film(seed)
            write(film, clip)
            made = amt.generate(clip, seed=seed, style=style, backend="analytic")
            made.write_midi(midi)
            found = measure(scenes, made.plan, read_piece(midi, style), seed)
            note(f"film {seed} ({''.join(s.name for s in scenes)}): {_counts(found)}")
            yield found


def _counts(found: dict[str, Found]) -> str:
    return ", ".join(
        f"{name} {f.returned} of {f.scenes}" for name, f in found.items() if "shuffled" not in name
    )


def sections_of(plan: Plan) -> str:
    """The sections of a plan with their starts in seconds."""
    return ", ".join(
        f"{section.label} {plan.grid.beats_s[section.beat]:.0f} s" for section in plan.sections
    )


def text_of(found: dict[str, Found]) -> str:
    """The report as a Markdown table."""
    rows = [
        [name, number(f.recall, 2), number(f.precision, 2), str(f.scenes), str(f.claimed)]
        for name, f in found.items()
    ]
    return markdown(["", "recall", "precision", "scenes that return", "themes that return"], rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    args = _parser().parse_args(argv)
    if args.clips is not None:
        for clip in clips_of(args.clips):
            made = amt.generate(clip, seed=0, style=args.style, backend="analytic")
            print(f"{clip.name}: {sections_of(made.plan)}")
        return
    total: dict[str, Found] = {}
    for found in measure_films(args.films, args.seed, args.style):
        total = {name: total.get(name, Found()) + f for name, f in found.items()}
    print(text_of(total))
    if args.json is not None:
        write_json({name: f.counts for name, f in total.items()}, args.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate form", description="Whether themes return where scenes return."
    )
    parser.add_argument("clips", type=Path, nargs="?", help="folder; drawn films if left out")
    parser.add_argument("--films", type=int, default=12, help="drawn films to score (12)")
    parser.add_argument("--seed", type=int, default=FIRST_FILM, help="of the first film (100)")
    parser.add_argument("--style", default="orchestral")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    return parser
