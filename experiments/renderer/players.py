"""Who plays whole pieces: soundfonts, the neural engine as users get it, and plain baselines.

All play the same parts (:class:`render.score.Part`) in stereo at 44.1 kHz. Every family of
instruments is kept by itself in mono at 24 kHz, for measures that a mix would hide.
"""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from experiments.renderer.metrics import Wave
from experiments.renderer.pieces import Piece
from experiments.renderer.transcriber import Posteriors, Transcriber
from render.diffusion import engine
from render.diffusion.buses import assign, gains
from render.diffusion.engine import SOUNDFONT_GAINS
from render.diffusion.excitation import excitation
from render.diffusion.instruments import FAMILIES
from render.diffusion.mel import SAMPLE_RATE
from render.options import NeuralOptions
from render.score import Part
from render.soundfont.player import SoundfontPlayer, load_player
from render.stems import Instrument, StemStream

RATE = 44_100
"""Of what is delivered, in Hz."""
Stereo = NDArray[np.float32]
_FAMILY_NAMES = {family.name for family in FAMILIES}


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """What a player made of a piece.

    Attributes:
        mix: [2, L] at :data:`RATE`.
        families: family -> mono at 24 kHz; a part that no family has is only in the mix.
        wall_s: seconds that it took.
        cpu_s: processor seconds of this process and its children; 0 where they are unknown.
        sounding_s: seconds of all stems together.
    """

    mix: Stereo
    families: dict[str, Wave]
    wall_s: float = 0.0
    cpu_s: float = 0.0
    sounding_s: float = 0.0

    @property
    def mono(self) -> Wave:
        """The mix as measured: [L] at 24 kHz."""
        return at_24_khz(self.mix)

    def louder(self, gain_db: float) -> Rendering:
        """The same at another level."""
        factor = np.float32(10 ** (gain_db / 20))
        families = {name: factor * wave for name, wave in self.families.items()}
        return Rendering(factor * self.mix, families, self.wall_s, self.cpu_s, self.sounding_s)


PiecePlayer = Callable[[Piece], Rendering]


def at_24_khz(stereo: Stereo) -> Wave:
    """The mean of both channels [2, L] at :data:`RATE` as [M] at 24 kHz."""
    mono = stereo.mean(axis=0, dtype=np.float32)
    return np.asarray(soxr.resample(mono, RATE, SAMPLE_RATE), np.float32)


def rendered(stream: StemStream, families: Sequence[str], duration_s: float) -> Rendering:
    """A whole stream in memory.

    Args:
        stream: at :data:`RATE`.
        families: of each stem.
        duration_s: that is kept.
    """
    length = round(duration_s * RATE)
    stems: dict[str, Stereo] = {}
    sounding = 0
    wall_s, cpu_s = time.perf_counter(), _cpu_s()
    for index, start, block in stream.blocks:
        sounding += block.shape[1]
        stem = stems.setdefault(families[index], np.zeros((2, length), np.float32))
        kept = block[:, : max(length - start, 0)]
        stem[:, start : start + kept.shape[1]] += kept
    wall_s, cpu_s = time.perf_counter() - wall_s, _cpu_s() - cpu_s
    mix = sum(stems.values(), np.zeros((2, length), np.float32))
    monos = {name: at_24_khz(stem) for name, stem in stems.items() if name in _FAMILY_NAMES}
    return Rendering(mix, monos, wall_s, cpu_s, sounding / RATE)


def by_soundfont(engine_name: str, soundfont: Path) -> PiecePlayer:
    """Plays on a soundfont, at the level at which the networks were trained."""
    players: list[SoundfontPlayer] = []

    def play(piece: Piece) -> Rendering:
        if not players:
            players.append(load_player(engine_name, soundfont, RATE))
        stream = players[0].stream(piece.parts, SOUNDFONT_GAINS[players[0].engine])
        return rendered(stream, piece.families, piece.duration_s)

    return play


def by_engine(weights: Path, steps: int, soundfont: Path, seed: int = 0) -> PiecePlayer:
    """Plays on the neural engine, which leaves to a soundfont what it does not support."""
    options = NeuralOptions(steps=steps, seed=seed, networks=weights)

    def play(piece: Piece) -> Rendering:
        stream = engine.stream(piece.parts, options, soundfont, RATE)
        return rendered(stream, stream.names, piece.duration_s)

    return play


def by_part(play: Callable[[Part, int], Wave]) -> PiecePlayer:
    """Plays every part by itself in the middle.

    Args:
        play: (part, frames) -> [frames] at :data:`RATE`.
    """

    def play_piece(piece: Piece) -> Rendering:
        length = round(piece.duration_s * RATE)
        blocks = ((i, 0, np.stack([play(p, length)] * 2)) for i, p in enumerate(piece.parts))
        stream = StemStream(tuple(p.name for p in piece.parts), blocks, 0.0, Instrument(""))
        return rendered(stream, piece.families, piece.duration_s)

    return play_piece


def by_excitation(piece: Piece) -> Rendering:
    """Plays the source of every bus as it is, before a network filters it."""
    buses, _ = assign(piece.parts)
    length = round(piece.duration_s * SAMPLE_RATE)

    def blocks() -> Iterator[tuple[int, int, Stereo]]:
        for index, bus in enumerate(buses):
            sound = excitation(bus.notes, 0, length) * gains(bus, 0, length)
            yield index, 0, np.asarray(soxr.resample(sound.T, SAMPLE_RATE, RATE).T, np.float32)

    names = tuple(bus.name for bus in buses)
    return rendered(StemStream(names, blocks(), 0.0, Instrument("")), names, piece.duration_s)


def sines(part: Part, length: int) -> Wave:
    """Eight falling partials a note that die away; of drums, bursts of noise: [length].

    Amplitude is velocity's square, as General MIDI level 2 has it.
    """
    rng = np.random.default_rng(0)
    wave = np.zeros(length)
    for note in part.sustained(length / RATE).notes:
        start, held = round(note.start_s * RATE), note.end_s - note.start_s
        at = np.arange(max(min(round((held + 0.2) * RATE), length - start), 0)) / RATE
        if part.is_drum:
            tone = rng.normal(size=len(at)) * np.exp(-at / 0.05)
        else:
            pitch_hz = 440 * 2 ** ((note.pitch - 69) / 12)
            waves = [np.sin(2 * np.pi * k * pitch_hz * at) / k for k in range(1, 9)
                     if k * pitch_hz < SAMPLE_RATE / 2]  # fmt: skip
            tone = np.sum(waves, axis=0) * np.exp(-at) * np.minimum(at / 0.01, 1)
            tone = tone * np.exp(-np.maximum(at - held, 0) / 0.05)
        wave[start : start + len(at)] += 0.05 * (note.velocity / 127) ** 2 * tone
    return wave.astype(np.float32)


# --- cache ------------------------------------------------------------------------------------


def cached(player: PiecePlayer, name: str, folder: Path | None) -> PiecePlayer:
    """The same player, whose renderings are kept in a folder.

    Args:
        player: that plays what is not there yet.
        name: of the player; what changes its sound must change its name.
        folder: for them; None keeps nothing.
    """

    def play(piece: Piece) -> Rendering:
        assert folder is not None
        path = folder / f"{_digest(name, piece)}.npz"
        if path.is_file():
            with np.load(path) as kept:
                families = {key[7:]: kept[key] for key in kept.files if key.startswith("family ")}
                return Rendering(kept["mix"], families)
        made = player(piece)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"mix": made.mix} | {f"family {key}": w for key, w in made.families.items()}
        _write(path, arrays)
        return made

    return player if folder is None else play


def transcribed(transcriber: Transcriber, wave: Wave, folder: Path | None) -> Posteriors:
    """Posteriors of a sound, kept in a folder by its samples."""
    if folder is None:
        return transcriber.posteriors(wave)
    path = folder / f"{hashlib.sha256(wave.tobytes()).hexdigest()[:24]}.npz"
    if path.is_file():
        with np.load(path) as kept:
            return Posteriors(kept["onset"], kept["note"])
    found = transcriber.posteriors(wave)
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, {"onset": found.onset, "note": found.note})
    return found


def _write(path: Path, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Write arrays so that a file is whole or not there."""
    partial = path.with_suffix(f".{os.getpid()}.npz")
    with zipfile.ZipFile(partial, "w") as archive:  # as np.savez, whose types refuse names
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    partial.rename(path)


def _digest(name: str, piece: Piece) -> str:
    events = [(part.name, part.is_drum, *map(str, part.events())) for part in piece.parts]
    content = (name, piece.duration_s, piece.families, events)
    return hashlib.sha256(repr(content).encode()).hexdigest()[:24]


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
