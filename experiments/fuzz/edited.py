"""``regenerate --midi`` on pieces that were edited: notes outside the chosen bars stay."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from amt.arrange import arrange
from amt.arrange.splice import bar_span
from amt.midi import write_midi
from amt.regenerate import Edited, regenerate
from amt.types import Plan, Rewrite
from experiments.fuzz.contract import BrokenContract, Case
from experiments.fuzz.plan import whole_plan
from experiments.fuzz.runner import Draw
from tests import edited_midi as edits

_PIECES = 12
_DECISIONS = ("2=harmony", "Horns=harmony", "1=-", "-=pad", "+=bass", "x" * 300, "=", "99=bass")
_DOUBT = "if it is another piece"
Change = Callable[[edits.File], edits.File]


@dataclass(frozen=True)
class _Piece:
    plan: Plan
    rewrite: Rewrite
    span: range
    file: edits.File


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    pieces = [_piece(random.Random(i), folder) for i in range(_PIECES)]
    path, made = Path("edited.mid"), folder / "made.mid"

    def draw(rng: random.Random) -> Case:
        piece = rng.choice(pieces)
        file, scale, offset = piece.file, 1.0, 0
        for change in rng.sample(_CHANGES, rng.randint(1, 4)):
            file = change(rng)(file)
        if rng.random() < 0.2:
            offset = 480 * piece.plan.grid.bars[0]
            file = edits.later(offset)(file)
        if rng.random() < 0.2:
            ticks = rng.choice([96, 960])
            file, scale = edits.resolution(ticks)(file), ticks / 480
        if rng.random() < 0.1:
            file = edits.type_0(file)
        edits.save(file, folder / path)
        said = tuple(rng.sample(_DECISIONS, rng.choice([0, 0, 0, 1, 2])))

        def run() -> None:
            edited = Edited(path, said)
            new = regenerate(piece.plan, piece.rewrite, None, edited)
            new.write(made)
            if new.edited is None or any(_DOUBT in remark for remark in new.edited.remarks):
                return  # so little is left of the piece that its bars may lie elsewhere
            lie = range(*(round((t + offset) * scale) for t in (piece.span.start, piece.span.stop)))
            if _outside(folder / path, lie) != _outside(made, lie):
                raise BrokenContract("a note outside of the chosen bars has changed")

        return Case(run, " ".join(said), (path,))

    return draw


def _piece(rng: random.Random, folder: Path) -> _Piece:
    plan = whole_plan(rng)
    first = rng.randint(1, len(plan.grid.bars))
    rewrite = Rewrite(first, rng.randint(first, len(plan.grid.bars)), 9)
    song = arrange(plan)
    write_midi(song, folder / "whole.mid")
    span = bar_span(plan.grid, rewrite, song.end)
    return _Piece(plan, rewrite, span, edits.load(folder / "whole.mid"))


def _outside(path: Path, span: range) -> list[tuple[int, int, int]]:
    """Start, pitch and velocity of the notes that begin outside of a span."""
    found = [(start, pitch, v) for _, start, pitch, _, v in edits.notes(edits.load(path))]
    return sorted(note for note in found if note[0] not in span)


# What is done to the notes; each takes random numbers and gives a change of a file.


def _pairs(track: list[edits.Timed]) -> list[tuple[int, int]]:
    """Places of the beginning and the end of every note."""
    waiting: dict[tuple[int, int], list[int]] = {}
    found = []
    for i, (_, m) in enumerate(track):
        if edits.is_note(m):
            begun = waiting.setdefault((m.channel, m.note), [])
            if m.type == "note_on" and m.velocity:
                begun.append(i)
            elif begun:
                found.append((begun.pop(0), i))
    return found


def _thinned(rng: random.Random) -> Change:
    share = rng.choice([0.1, 0.3, 0.6, 1.0])

    def change(_: int, track: list[edits.Timed]) -> list[edits.Timed]:
        gone = {i for pair in _pairs(track) if rng.random() < share for i in pair}
        return [event for i, event in enumerate(track) if i not in gone]

    return edits.each_track(change)


def _repitched(rng: random.Random) -> Change:
    share = rng.choice([0.1, 0.3, 0.6])

    def change(_: int, track: list[edits.Timed]) -> list[edits.Timed]:
        for pair in _pairs(track):
            if rng.random() < share and track[pair[0]][1].channel != 9:
                step = rng.choice([-4, -3, 3, 4, 5, 7])
                for i in pair:
                    tick, m = track[i]
                    track[i] = tick, m.copy(note=min(max(m.note + step, 0), 127))
        return track

    return edits.each_track(change)


def _humanised(rng: random.Random) -> Change:
    spread = rng.choice([3, 10, 25])

    def change(_: int, track: list[edits.Timed]) -> list[edits.Timed]:
        for on, off in _pairs(track):
            start = max(track[on][0] + round(rng.gauss(0, spread)), 0)
            velocity = min(max(track[on][1].velocity + rng.randint(-20, 20), 1), 127)
            track[on] = start, track[on][1].copy(velocity=velocity)
            track[off] = max(track[off][0], start + 1), track[off][1]
        return sorted(track, key=lambda event: event[0])

    return edits.each_track(change)


def _own_track(rng: random.Random) -> Change:
    pitches = [rng.randint(40, 90) for _ in range(rng.randint(1, 60))]
    events = edits.melody(rng.choice(["Own", "", "x" * 300]), rng.randrange(16), pitches, 333)
    return edits.with_track(events)


def _without_one(rng: random.Random) -> Change:
    def change(file: edits.File) -> edits.File:
        return edits.without_track(rng.randrange(len(file.tracks)))(file)

    return change


def _doubled(rng: random.Random) -> Change:
    def change(file: edits.File) -> edits.File:
        return edits.with_track(list(rng.choice(file.tracks[1:] or file.tracks)) or [(0, None)])(
            file
        )

    return lambda file: change(file) if any(file.tracks[1:]) and all(file.tracks) else file


def _shuffled(rng: random.Random) -> Change:
    def change(file: edits.File) -> edits.File:
        rest = list(file.tracks[1:])
        rng.shuffle(rest)
        return replace(file, tracks=(*file.tracks[:1], *rest))

    return change


_CHANGES: tuple[Callable[[random.Random], Change], ...] = (
    _thinned, _repitched, _humanised, _own_track, _without_one, _doubled, _shuffled,
    lambda _: edits.renamed, lambda _: edits.nameless, lambda _: edits.on_channel_1,
    lambda _: edits.quantised(120), lambda _: edits.without_metre,
    lambda rng: edits.transposed(rng.choice([-12, -1, 2])),
)  # fmt: skip
