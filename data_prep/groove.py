"""Counts of what drummers play, from the Groove MIDI Dataset (Gillick et al., ICML 2019).

    python -m data_prep.groove GROOVE --out amt/arrange/grooves.toml

Performances of the split ``train`` in 4/4 are counted, family by family (:data:`FAMILIES`). Onsets
are taken to the nearest sixteenth; a *step* is a sixteenth of the bar, 0 to 15. A snare of less
than :data:`GHOST` of the loud ones of its performance (their 90th percentile) is a ghost note. The
dataset is licensed under CC BY 4.0.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from data_prep.corpus import CorpusError

FAMILIES = {
    "rock": ("rock", "pop", "punk", "country"),
    "hiphop": ("hiphop",),
    "funk": ("funk", "soul", "gospel"),
}
"""Family -> the styles of the dataset in it; shuffles and half-time grooves are left out."""
LEFT_OUT = ("shuffle", "halftime", "latin", "rockabilly")
PIECES = {
    36: "kick", 38: "snare", 40: "snare", 37: "rim",
    42: "hat", 22: "hat", 44: "pedal", 46: "open", 26: "open",
    51: "ride", 59: "ride", 53: "ride", 49: "crash", 55: "crash", 57: "crash", 52: "crash",
    48: "high", 50: "high", 45: "middle", 47: "middle", 43: "low", 58: "low",
}  # fmt: skip
"""Keys of the drummers' kit (Roland TD-11) -> pieces."""
LETTERS = {"snare": "s", "high": "h", "middle": "m", "low": "l", "kick": "k"}
"""Pieces of a fill, the one that counts where two are struck together first."""
STEPS = 16
STEPS_PER_BEAT = 4
GHOST = 0.5
MOST_PATTERNS = 16
"""Patterns of each kind that are kept, the most frequent."""
FILL_STEPS = 8
LEAST_FILL = 5
"""Struck steps of the two beats of a fill at least."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """What one drummer played."""

    name: str
    family: str
    is_fill: bool
    split: str
    bpm: float
    hits: dict[str, IntArray]
    """Piece -> [n, 3] step from the beginning, tick off its grid (480 a beat), velocity."""

    @property
    def bars(self) -> int:
        """Bars that are begun."""
        last = max((int(rows[:, 0].max()) for rows in self.hits.values()), default=-1)
        return last // STEPS + 1

    def loud_snare(self) -> float:
        """90th percentile of the velocities of the snare; 127 without one."""
        rows = self.hits.get("snare")
        return 127.0 if rows is None else float(np.percentile(rows[:, 2], 90))


def load_performances(root: Path) -> list[Performance]:
    """Return the performances of the dataset that are in 4/4 and of a family.

    Raises:
        CorpusError: the folder has no list of performances.
    """
    table = root / "info.csv"
    if not table.is_file():
        raise CorpusError(f"expected {table}, the list of performances")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        family = family_of(row["style"])
        if family is not None and row["time_signature"] == "4-4":
            hits = read_hits(root / row["midi_filename"])
            is_fill = row["beat_type"] == "fill"
            bpm = float(row["bpm"])
            found.append(Performance(row["id"], family, is_fill, row["split"], bpm, hits))
    return found


def family_of(style: str) -> str | None:
    """Return the family of a style such as ``rock/indie``."""
    first, *rest = style.split("/")
    if any(word in part for part in rest for word in LEFT_OUT):
        return None
    return next((name for name, styles in FAMILIES.items() if first in styles), None)


def read_hits(midi: Path) -> dict[str, IntArray]:
    """Return the hits of a file by piece, see :attr:`Performance.hits`."""
    file = mido.MidiFile(midi)
    scale = 480 / file.ticks_per_beat
    step_ticks = 480 // STEPS_PER_BEAT
    hits: dict[str, list[tuple[int, int, int]]] = {}
    for track in file.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity and message.note in PIECES:
                tick = round(now * scale)
                step = round(tick / step_ticks)
                row = (step, tick - step * step_ticks, message.velocity)
                hits.setdefault(PIECES[message.note], []).append(row)
    return {piece: np.array(rows, dtype=np.int64) for piece, rows in hits.items()}


def bar_pattern(performance: Performance, piece: str, bar: int) -> str:
    """Return the steps of a bar on which a piece is struck, ``x`` or ``.``."""
    rows = performance.hits.get(piece)
    struck = set() if rows is None else set((rows[:, 0] - bar * STEPS).tolist())
    return "".join("x" if step in struck else "." for step in range(STEPS))


def kick_patterns(grooves: Sequence[Performance]) -> list[tuple[str, float]]:
    """Return the most frequent bars of the bass drum, and the number of performances of each.

    A pattern that half of the bars of a performance have counts half, so that long performances do
    not outweigh the others. Bars without a bass drum on their first beat do not count.
    """
    counts: dict[str, float] = {}
    for groove in grooves:
        for bar in range(groove.bars):
            pattern = bar_pattern(groove, "kick", bar)
            if pattern[0] == "x":
                counts[pattern] = counts.get(pattern, 0.0) + 1 / groove.bars
    return sorted(counts.items(), key=lambda item: -item[1])[:MOST_PATTERNS]


def step_shares(grooves: Sequence[Performance], piece: str, *, ghosts: bool | None) -> FloatArray:
    """Return the share of bars [16] in which a piece is struck on each step.

    Args:
        grooves: performances.
        piece: of :data:`PIECES`.
        ghosts: ghost notes only (True), none of them (False), or all hits (None).
    """
    total, bars = np.zeros(STEPS), 0
    for groove in grooves:
        bars += groove.bars
        rows = chosen_hits(groove, piece, ghosts)
        struck = {(int(step) // STEPS, int(step) % STEPS) for step in rows[:, 0]}
        for _, step in struck:
            total[step] += 1
    return total / max(bars, 1)


def chosen_hits(groove: Performance, piece: str, ghosts: bool | None) -> IntArray:
    """Return the hits of a piece [n, 3]; ``ghosts`` as in :func:`step_shares`."""
    rows = groove.hits.get(piece, np.zeros((0, 3), dtype=np.int64))
    if ghosts is None:
        return rows
    soft = rows[:, 2] < GHOST * groove.loud_snare()
    return np.asarray(rows[soft == ghosts])


def velocities(grooves: Sequence[Performance], piece: str, *, ghosts: bool | None) -> FloatArray:
    """Return the mean velocity [16] of a piece on each step less that of the loud snares."""
    total, counts = np.zeros(STEPS), np.zeros(STEPS)
    for groove in grooves:
        rows = chosen_hits(groove, piece, ghosts)
        np.add.at(total, rows[:, 0] % STEPS, rows[:, 2] - groove.loud_snare())
        np.add.at(counts, rows[:, 0] % STEPS, 1)
    mean = total.sum() / max(counts.sum(), 1)
    return np.where(counts >= STEPS, total / np.maximum(counts, 1), mean)


def lateness_ms(grooves: Sequence[Performance], piece: str) -> FloatArray:
    """Return the mean milliseconds [4] by which a piece is late on the steps of a beat.

    Lateness is against the bass drum and the snare on the beats of the same performance, since a
    drummer's click and trigger have a delay of their own.
    """
    total, counts = np.zeros(STEPS_PER_BEAT), np.zeros(STEPS_PER_BEAT)
    for groove in grooves:
        frame = np.concatenate([groove.hits.get(p, np.zeros((0, 3))) for p in ("kick", "snare")])
        on_beat = frame[frame[:, 0] % STEPS_PER_BEAT == 0, 1]
        rows = groove.hits.get(piece)
        if rows is None or not len(on_beat):
            continue
        late = (rows[:, 1] - np.median(on_beat)) * 60_000 / groove.bpm / 480
        np.add.at(total, rows[:, 0] % STEPS_PER_BEAT, late)
        np.add.at(counts, rows[:, 0] % STEPS_PER_BEAT, 1)
    return total / np.maximum(counts, 1)


def fill_patterns(fills: Sequence[Performance]) -> Iterator[tuple[str, FloatArray]]:
    """Yield the last two beats of each fill: pieces by letter, and velocities less the mean."""
    for fill in fills:
        struck: dict[int, tuple[str, int]] = {}
        for piece in reversed(LETTERS):
            for step, _, velocity in fill.hits.get(piece, np.zeros((0, 3), dtype=np.int64)):
                struck[int(step)] = (LETTERS[piece], int(velocity))
        if not struck:
            continue
        end = -(-(max(struck) + 1) // STEPS_PER_BEAT) * STEPS_PER_BEAT
        steps = range(end - FILL_STEPS, end)
        letters = "".join(struck.get(step, (".", 0))[0] for step in steps)
        values = np.array([struck.get(step, (".", 0))[1] for step in steps], dtype=np.float64)
        full = sum(letter not in ".k" for letter in letters) >= LEAST_FILL
        if full and letters[-STEPS_PER_BEAT:].count(".") <= 1:
            values[values == 0] = values[values > 0].mean()
            yield letters, values - values.mean()


def family_table(performances: Sequence[Performance], family: str) -> dict[str, object]:
    """Return the table of a family, of whole numbers and strings."""
    own = [p for p in performances if p.family == family]
    grooves, fills = [p for p in own if not p.is_fill], [p for p in own if p.is_fill]
    patterns = list(fill_patterns(fills))
    frequent = Counter(letters for letters, _ in patterns).most_common(MOST_PATTERNS)
    growth = np.mean([values for _, values in patterns] or [np.zeros(FILL_STEPS)], axis=0)
    kicks = kick_patterns(grooves)
    return {
        "performances": len(own),
        "kicks": [pattern for pattern, _ in kicks],
        "kick_weights": [round(count, 1) for _, count in kicks],
        "ghosts": _percent(step_shares(grooves, "snare", ghosts=True)),
        "snares": _percent(step_shares(grooves, "snare", ghosts=False)),
        "opens": _percent(step_shares(grooves, "open", ghosts=None)),
        "kick_velocity": _whole(velocities(grooves, "kick", ghosts=None)),
        "ghost_velocity": _whole(velocities(grooves, "snare", ghosts=True)),
        "hat_velocity": _whole(velocities(grooves, "hat", ghosts=None)),
        "hat_late_ms": _whole(lateness_ms(grooves, "hat")),
        "snare_late_ms": _whole(lateness_ms(grooves, "snare")),
        "fills": [letters for letters, _ in frequent],
        "fill_velocity": _whole(growth),
    }


def _percent(shares: FloatArray) -> list[int]:
    return _whole(100 * shares)


def _whole(values: FloatArray) -> list[int]:
    return [int(value) for value in np.rint(values)]


def toml_text(tables: dict[str, dict[str, object]]) -> str:
    """Return the tables as TOML, with where they are from."""
    lines = [
        "# Counted by data_prep/groove.py from the split train of the Groove MIDI Dataset",
        "# (Gillick, Roberts, Engel, Eck, Bamman: Learning to Groove with Inverse Sequence",
        "# Transformations, ICML 2019; Google LLC, CC BY 4.0). A step is a sixteenth of a bar of",
        "# 4/4; shares are percent of bars, velocities are steps against the loud snares, ms are",
        "# milliseconds late on the four sixteenths of a beat.",
    ]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        for key, value in table.items():
            text = str(value).replace("'", '"')
            if isinstance(value, list) and value and isinstance(value[0], str):
                text = "[\n" + "".join(f'    "{item}",\n' for item in value) + "]"
            lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Counts of what drummers play.")
    parser.add_argument("groove", type=Path, help="the dataset as it is published")
    parser.add_argument("--out", type=Path, required=True, help="TOML file to write")
    args = parser.parse_args(argv)
    train = [p for p in load_performances(args.groove) if p.split == "train"]
    tables = {family: family_table(train, family) for family in FAMILIES}
    args.out.write_text(toml_text(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
