"""What the neural renderer learns from: phrases of songs played by a teacher on a soundfont.

A *take* is some seconds of a song, played by one instrument: a family is drawn, an instrument of
it, which voices of the song it plays, tempo, transposition, dynamics and articulation; pitches are
folded into the instrument's range. So the network gets what one bus of a band plays
(:mod:`render.diffusion.buses`). The corpora have no drums; a drummer's loops are drawn instead, in
which every key of the kit has its turn.

Studies of single notes cover what songs seldom play. :mod:`experiments.renderer.cache` lets the
teacher play all takes once. (FluidSynth's chorus runs on between takes, so its samples repeat to
100 dB below full scale; those of the other engines repeat exactly.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import NDArray

from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, ROLE, ROLES, VELOCITY
from data_prep.note_song import NoteSong
from render.diffusion.engine import SOUNDFONT_GAINS
from render.diffusion.instruments import DRUM_PROGRAM, DRUMS, FAMILIES, Family
from render.diffusion.mel import SAMPLE_RATE
from render.score import Note, Part
from render.soundfont.find import find_soundfont
from render.soundfont.player import SoundfontPlayer, load_player
from render.soundfont.synthesisers import choose_engine

LEAD_S = 4.0
"""What is played before the first window of a take, so that held notes and reverb are in it."""
FORGET_S = 30.0
"""A note that began longer before a take is not played."""
_TRANSPOSITION = 5
_LINES = ("woodwind", "brass", "bass", "lead", "timpani")
"""Families that play one voice more often than several."""
_DRUM_STEP_S = (0.1, 0.3)
"""Shortest and longest time between the steps of a drum loop."""
_DRUM_LOOP = 16


@dataclass(frozen=True)
class RendererData:
    """How takes of songs are drawn."""

    piano_share: float = 0.2
    """Of takes whose family is drawn, played on a piano; the others share the rest evenly."""
    tempo_range: float = 0.3
    """Largest change of tempo, as a natural logarithm."""
    jitter_s: float = 0.012
    """Standard deviation of onsets about the grid."""


@dataclass(frozen=True, slots=True)
class Take:
    """What the teacher plays.

    Attributes:
        family: of the instrument.
        program: of the instrument, :data:`DRUM_PROGRAM` for a kit.
        notes: in order, from :data:`LEAD_S` before the first window on, which begins at 0 s.
    """

    family: Family
    program: int
    notes: tuple[Note, ...]


class Teacher:
    """A synthesiser that is loaded when it first plays, so that each process has its own.

    Args:
        soundfont: the file to play on; None takes the best one installed.
        engine: ``auto``, ``fluidsynth`` or ``midirenderer``.

    Raises:
        RenderError: the soundfont or the engine is missing, or they do not fit each other.
    """

    def __init__(self, soundfont: Path | None, engine: str = "auto") -> None:
        self._engine = choose_engine(engine)
        self._soundfont = find_soundfont(soundfont)
        self._player: SoundfontPlayer | None = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_player": None}

    def play(self, take: Take, duration_s: float) -> NDArray[np.float32]:
        """Play a take in mono.

        Returns:
            float32 [L] from :data:`LEAD_S` before the first window to ``duration_s`` after its
            beginning, rounded up.
        """
        if self._player is None:
            self._player = load_player(self._engine.name, self._soundfont, SAMPLE_RATE)
        is_drum = take.program == DRUM_PROGRAM
        program = mido.Message("program_change", program=0 if is_drum else take.program)
        part = Part(take.family.name, is_drum, take.notes, ((-LEAD_S, program),)).shifted(LEAD_S)
        samples = self._player.play(part, int(np.ceil((LEAD_S + duration_s) * SAMPLE_RATE)))
        mono = samples.mean(axis=0, dtype=np.float32)
        return np.asarray(SOUNDFONT_GAINS[self._engine.name] * mono, dtype=np.float32)


def song_take(
    rng: np.random.Generator,
    song: NoteSong,
    settings: RendererData,
    duration_s: float,
    family: Family | None = None,
) -> Take:
    """Some seconds of a song on an instrument, from near an onset on.

    Args:
        rng: source of the draws.
        song: what is played.
        settings: how.
        duration_s: of the take.
        family: of the instrument; None draws one.
    """
    family = family or _draw_family(rng, settings.piano_share)
    program = int(rng.choice(family.programs))
    rows = _voices(rng, song, family)
    tempo = np.exp(rng.uniform(-1, 1) * settings.tempo_range)
    beat_s = np.concatenate([[0.0], np.cumsum(60 / song.tempo_bpm)]) / tempo
    beats = np.arange(len(beat_s))
    onset = np.interp(rows[:, ONSET] / RESOLUTION, beats, beat_s)
    end = np.interp((rows[:, ONSET] + rows[:, DURATION]) / RESOLUTION, beats, beat_s)
    articulation = rng.uniform(0.4, 1.1)
    start = onset[rng.integers(len(onset))] - rng.uniform(0, 0.5)
    onset = onset - start + rng.normal(0, settings.jitter_s, len(onset))
    end = onset + np.maximum((end - start - onset) * articulation, 0.04)
    near = (onset > -FORGET_S) & (end > -LEAD_S) & (onset < duration_s)
    pitch = _folded(rows[:, PITCH] + int(rng.integers(-_TRANSPOSITION, _TRANSPOSITION + 1)), family)
    velocity = _dynamics(rng, rows[:, VELOCITY], onset / duration_s)
    notes = _tidy(np.maximum(onset, -LEAD_S)[near], end[near], pitch[near], velocity[near])
    return Take(family, program, notes)


def drum_take(rng: np.random.Generator, duration_s: float) -> Take:
    """A loop of sixteen steps that changes as it goes; every key of the kit has its turn."""
    family = drum_family()
    # Kick, snare and closed hat are in most loops, and some of the others.
    others = rng.choice(
        np.arange(family.lowest, family.highest + 1), size=int(rng.integers(1, 6)), replace=False
    )
    keys = np.unique([key for key in (36, 38, 42) if rng.random() < 0.7] + others.tolist())
    odds = rng.beta(0.6, 1.8, (len(keys), _DRUM_LOOP))
    step_s = rng.uniform(*_DRUM_STEP_S)
    n_steps = int((LEAD_S + duration_s) / step_s)
    hit, step = np.nonzero(rng.random((len(keys), n_steps)) < odds[:, np.arange(n_steps) % 16])
    onset = step * step_s - LEAD_S + rng.normal(0, 0.005, len(step))
    onset = np.maximum(onset, -LEAD_S)
    velocity = _dynamics(rng, rng.normal(90, 20, len(step)), onset / duration_s)
    notes = _tidy(onset, onset + 0.1, keys[hit], velocity)
    return Take(family, DRUM_PROGRAM, notes)


def study_take(rng: np.random.Generator, family: Family, program: int, duration_s: float) -> Take:
    """Notes one by one over the whole range of an instrument, now and then two or three at once.

    Lengths and velocities vary; in every other take notes die away before the next begins.
    """
    time = -LEAD_S + rng.uniform(0, 0.3)
    rows: list[tuple[float, float, int, int]] = []
    keys = np.arange(family.lowest, family.highest + 1)
    is_dense = rng.random() < 0.5
    while time < duration_s - 0.3:
        count = 1 if rng.random() < 0.8 else int(rng.integers(2, 4))
        length = float(np.exp(rng.uniform(np.log(0.07), np.log(2.5))))
        for key in rng.choice(keys, count, replace=False).tolist():
            onset = time + rng.uniform(0, 0.01)
            rows.append((onset, time + length, key, int(rng.integers(12, 128))))
        gap = rng.uniform(0.05, 0.5) if is_dense else np.exp(rng.uniform(np.log(0.2), np.log(1.6)))
        time += length + float(gap)
    return Take(family, program, _tidy(*_columns(rows)))


def drum_study(rng: np.random.Generator, duration_s: float) -> Take:
    """Single hits of all keys of the kit, at any velocity."""
    family = drum_family()
    time = -LEAD_S + 0.1
    rows: list[tuple[float, float, int, int]] = []
    while time < duration_s - 0.3:
        key = int(rng.integers(family.lowest, family.highest + 1))
        rows.append((time, time + 0.1, key, int(rng.integers(15, 128))))
        time += float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
    return Take(family, DRUM_PROGRAM, _tidy(*_columns(rows)))


def groove_take(rng: np.random.Generator, performance: Path, duration_s: float) -> Take:
    """Some seconds of a drummer's performance of the Groove MIDI Dataset, louder or softer."""
    time = 0.0
    struck = []
    for message in mido.MidiFile(performance):
        time += message.time
        if message.type == "note_on" and message.velocity:
            struck.append((time, _KEY_OF_PAD.get(message.note, message.note), message.velocity))
    start = rng.uniform(0, max(struck[-1][0] - duration_s, 0.1))
    tempo, louder = np.exp(rng.uniform(-0.3, 0.3)), rng.uniform(-25, 15)
    times, keys, velocities = (np.array(column) for column in zip(*struck, strict=True))
    onset = (times - start) * tempo - LEAD_S
    near = (onset > -LEAD_S) & (onset < duration_s)
    velocity = np.clip(np.rint(velocities + louder), 1, 127).astype(np.int64)
    notes = _tidy(onset[near], onset[near] + 0.1, keys[near], velocity[near])
    return Take(drum_family(), DRUM_PROGRAM, notes)


def with_pedal(take: Take, bar_s: float) -> Take:
    """The take with notes held to the next whole multiple of some seconds, as under a pedal."""
    rows = [
        (n.start_s, max(n.end_s, (n.start_s // bar_s + 1) * bar_s), n.pitch, n.velocity)
        for n in take.notes
    ]
    return Take(take.family, take.program, _tidy(*_columns(rows)) if rows else ())


def drum_family() -> Family:
    """The kit."""
    return next(family for family in FAMILIES if family.name == DRUMS)


_KEY_OF_PAD = {22: 42, 26: 46, 58: 43, 55: 49, 59: 51, 52: 49}
"""Pads of the drummers' kit (Roland TD-11) that General MIDI has no key for -> the nearest key."""


def _columns(rows: Sequence[tuple[float, float, int, int]]) -> tuple[NDArray[Any], ...]:
    """Onsets, ends, pitches and velocities of rows."""
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def _draw_family(rng: np.random.Generator, piano_share: float) -> Family:
    piano, *others = (family for family in FAMILIES if family.name != DRUMS)
    return piano if rng.random() < piano_share else others[int(rng.integers(len(others)))]


def _voices(rng: np.random.Generator, song: NoteSong, family: Family) -> NDArray[np.int64]:
    """Notes of the song that an instrument plays: one of its voices, or all."""
    roles = np.unique(song.notes[:, ROLE])
    if rng.random() < (0.7 if family.name in _LINES else 0.3):
        lines = [role for role in roles if role != list(ROLES).index("harmony")]
        return np.asarray(song.notes[song.notes[:, ROLE] == rng.choice(lines or roles)])
    return song.notes


def _folded(pitch: NDArray[np.int64], family: Family) -> NDArray[np.int64]:
    """Pitches moved by octaves into a family's range."""
    pitch = np.where(pitch < family.lowest, family.lowest + (pitch - family.lowest) % 12, pitch)
    above = pitch > family.highest
    return np.asarray(np.where(above, family.highest - (family.highest - pitch) % 12, pitch))


def _dynamics(
    rng: np.random.Generator, velocity: NDArray[Any], place: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Velocities 1-127 about a level that is drawn, and that may rise or fall over the take.

    Args:
        rng: source of the draw.
        velocity: [n] as written.
        place: [n] 0 at the beginning of the take, 1 at its end.
    """
    level = rng.uniform(25, 115) + rng.normal(0, 20) * (place - 0.5)
    accents = (velocity - np.mean(velocity)) * rng.uniform(0.5, 1.5) + rng.normal(
        0, rng.uniform(2, 12), len(velocity)
    )
    return np.asarray(np.clip(np.rint(level + accents), 1, 127), dtype=np.int64)


def _tidy(
    onset: NDArray[np.float64],
    end: NDArray[np.float64],
    pitch: NDArray[np.int64],
    velocity: NDArray[np.int64],
) -> tuple[Note, ...]:
    """Notes in order, each ended by the next of its pitch."""
    notes: list[Note] = []
    struck: dict[int, int] = {}
    columns = (onset.tolist(), end.tolist(), pitch.tolist(), velocity.tolist())
    for note in sorted(Note(*row) for row in zip(*columns, strict=True)):
        if note.pitch in struck:
            before = notes[struck[note.pitch]]
            if before.start_s >= note.start_s:
                continue
            cut = min(before.end_s, note.start_s)
            notes[struck[note.pitch]] = Note(before.start_s, cut, before.pitch, before.velocity)
        struck[note.pitch] = len(notes)
        notes.append(note)
    return tuple(sorted(notes))
