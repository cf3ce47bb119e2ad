"""Damaged soundfonts: their tables and samples read, and a share of them played in a child."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from experiments.fuzz.contract import BrokenContract, Case
from experiments.fuzz.damage import damaged
from experiments.fuzz.runner import Draw
from render.score import Note, Part
from render.soundfont.bank import read_bank
from render.soundfont.bank_samples import SampleReader
from render.soundfont.bank_subset import subset
from render.soundfont.player import load_player
from tests.render.soundfonts import RATE, Tiny

_PLAYED = 0.02
"""Share of the cases that a synthesiser plays."""
_NOTES = ((69, 100), (0, 1), (127, 127))
"""Pitches and velocities that are asked for."""


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    whole = [Tiny(is_vorbis=is_vorbis).build() for is_vorbis in (False, True)]
    path = Path("font.sf2")

    def draw(rng: random.Random) -> Case:
        data = rng.choice(whole)
        # The tables are small beside the samples.
        first = data.index(b"pdta") if rng.random() < 0.7 else 0
        data = data[:first] + damaged(data[first:], rng)
        (folder / path).write_bytes(data)
        is_played, is_drum = rng.random() < _PLAYED, rng.random() < 0.5

        def run() -> None:
            if is_played:
                _play(path, is_drum=is_drum)
            bank = read_bank(path)
            subset(SampleReader(bank), sorted(bank.presets), _NOTES)

        return Case(run, data.decode("latin-1"), (path,))

    return draw


def _play(path: Path, *, is_drum: bool) -> None:
    part = Part("Solo", is_drum, tuple(Note(0.0, 0.5, *note) for note in _NOTES), ())
    sound = load_player("auto", path, RATE).play(part, RATE // 4)
    if sound.shape != (2, RATE // 4) or not np.isfinite(sound).all():
        raise BrokenContract("the sound is not as long as asked for, or holds no numbers")
