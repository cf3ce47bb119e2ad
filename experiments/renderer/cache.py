"""Let the teacher play the takes of a training once.

    python -m experiments.renderer.cache --data POP909 --emopia EMOPIA --groove GROOVE \
        --soundfont FluidR3_GM.sf2 --out CACHE

Each take of 16 s becomes one file of ``CACHE/train`` or ``CACHE/held``: its notes, and the log-mel
spectrogram of what the teacher played. A tenth of the songs of POP909 and of EMOPIA and what the
Groove MIDI Dataset does not name ``train`` are held out. A take is a function of its number alone;
what is there is not played again, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from data_prep.corpus import write_arrays
from data_prep.note_song import NoteSong
from experiments.common.corpora import note_corpora
from experiments.common.training import report
from experiments.renderer.data import (
    LEAD_S,
    RendererData,
    Take,
    Teacher,
    drum_study,
    drum_take,
    groove_take,
    song_take,
    study_take,
    with_pedal,
)
from render.diffusion.instruments import DRUMS, FAMILIES
from render.diffusion.mel import log_mel, padded
from render.diffusion.tokens import NoteTable, note_table
from render.score import Note

TAKE_S = 12.0
"""Seconds of a take after its lead of :data:`LEAD_S`."""
TRAIN, HELD = "train", "held"
_SEEDS = {TRAIN: 77, HELD: 78}
_TURNS = 9
"""Takes in a turn: two of drums, one of the piano, three studies and three songs of others."""
_DRUM_TURNS, _PIANO_TURN, _STUDY_TURNS = (0, 4), 1, (2, 5, 7)
_EMOPIA_SHARE, _PEDAL_SHARE = 0.3, 0.25
_FEWEST_NOTES = 3
_LEAST_GROOVE_S = 8.0
_PROGRAMS = [(f, p) for f in FAMILIES if f.name != DRUMS for p in f.programs]
_PIANOS = (0, 0, 0, 0, 4, 5)


@dataclass(frozen=True, slots=True)
class Sources:
    """What takes of one split are drawn from.

    Attributes:
        songs: corpus -> songs.
        grooves: MIDI files of drummers.
    """

    songs: Mapping[str, Sequence[NoteSong]]
    grooves: Sequence[Path]


@dataclass(frozen=True, slots=True, eq=False)
class CachedTake:
    """A take and what the teacher played.

    Attributes:
        mel: float16 [N_MELS, T] normalised log-mel from the lead on.
        notes: as columns, in seconds from the beginning of ``mel``.
        program: of the instrument.
        name: of the song, ``study`` or ``drums``.
    """

    mel: torch.Tensor
    notes: NoteTable
    program: int
    name: str


def draw_take(index: int, split: str, sources: Sources) -> tuple[Take, str]:
    """The take of a number, and the name of its song."""
    rng = np.random.default_rng([_SEEDS[split], index])
    turn = index % _TURNS
    if turn in _DRUM_TURNS:
        kind = index // _TURNS % 3 if sources.grooves else 1 + index // _TURNS % 2
        if kind == 0:
            groove = sources.grooves[int(rng.integers(len(sources.grooves)))]
            return groove_take(rng, groove, TAKE_S), "drums"
        return (drum_take if kind == 1 else drum_study)(rng, TAKE_S), "drums"
    if turn == _PIANO_TURN:
        family, program = FAMILIES[0], int(rng.choice(_PIANOS))
    else:
        family, program = _PROGRAMS[(index * 7 + int(rng.integers(3))) % len(_PROGRAMS)]
    if turn in _STUDY_TURNS:
        return study_take(rng, family, program, TAKE_S), "study"
    name = "emopia" if rng.random() < _EMOPIA_SHARE and sources.songs.get("emopia") else "pop909"
    song = sources.songs[name][int(rng.integers(len(sources.songs[name])))]
    alone = replace(family, programs=(program,))
    take = song_take(rng, song, RendererData(), TAKE_S, alone)
    if rng.random() < _PEDAL_SHARE:
        take = with_pedal(take, rng.uniform(1, 2.5))
    return take, song.name


def fill(folder: Path, split: str, count: int, sources: Sources, teacher: Teacher) -> None:
    """Play the takes 0 to ``count`` of a split that are not there; those of few notes are left."""
    for index in range(count):
        path = folder / split / f"{index:05d}.npz"
        if path.exists():
            continue
        take, name = draw_take(index, split, sources)
        if len(take.notes) < _FEWEST_NOTES:
            continue
        wave = torch.from_numpy(teacher.play(take, TAKE_S))
        mel = log_mel(padded(wave[None]))[0].numpy().astype(np.float16)
        columns = [(n.start_s + LEAD_S, n.end_s + LEAD_S, n.pitch, n.velocity) for n in take.notes]
        arrays = {
            "mel": mel, "notes": np.array(columns), "program": np.array(take.program),
            "name": np.array(name),
        }  # fmt: skip
        write_arrays(path, arrays, is_compressed=False)
        if index % 100 == 0:
            report(f"{split}: {index} of {count}")


def read_takes(folder: Path, split: str) -> list[CachedTake]:
    """The takes of a split in the order of their numbers."""
    found = []
    for path in sorted(p for p in (folder / split).glob("*.npz") if p.stem.isdigit()):
        with np.load(path) as arrays:
            program = int(arrays["program"])
            table = _table(arrays["notes"], program)
            mel = torch.from_numpy(arrays["mel"])
            found.append(CachedTake(mel, table, program, str(arrays["name"])))
    return found


def _table(rows: NDArray[np.float64], program: int) -> NoteTable:
    notes = [Note(a, b, int(pitch), int(velocity)) for a, b, pitch, velocity in rows.tolist()]
    return note_table([(note, program) for note in notes])


def _grooves(folder: Path | None) -> dict[str, list[Path]]:
    """Split -> performances of some length."""
    if folder is None:
        return {TRAIN: [], HELD: []}
    with (folder / "info.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if float(r["duration"]) > _LEAST_GROOVE_S]
    return {
        split: [folder / r["midi_filename"] for r in rows if (r["split"] == TRAIN) == is_training]
        for split, is_training in ((TRAIN, True), (HELD, False))
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="POP909's folder of songs")
    parser.add_argument("--emopia", type=Path, help="EMOPIA's folder of MIDI files")
    parser.add_argument("--groove", type=Path, help="folder of the Groove MIDI Dataset")
    parser.add_argument("--cache", type=Path, help="folder for compact copies of the corpora")
    parser.add_argument("--soundfont", type=Path, help="what the teacher plays on")
    parser.add_argument("--engine", default="auto", help="what the teacher plays with")
    parser.add_argument("--out", type=Path, required=True, help="folder of the takes")
    parser.add_argument("--takes", type=int, default=1500, help="of the training split (1500)")
    parser.add_argument("--held", type=int, default=60, help="held out (60)")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    teacher = Teacher(args.soundfont, args.engine)
    training, held = note_corpora(args.data, args.emopia, args.cache)
    grooves = _grooves(args.groove)
    fill(args.out, HELD, args.held, Sources(held, grooves[HELD]), teacher)
    fill(args.out, TRAIN, args.takes, Sources(training, grooves[TRAIN]), teacher)


if __name__ == "__main__":
    main()
