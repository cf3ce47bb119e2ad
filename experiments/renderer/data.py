"""Examples for the neural renderer: phrases of songs played by a teacher on a soundfont.

A *take* is some seconds of a song, played by one instrument: a family is drawn, an instrument of
it, which voices of the song it plays, tempo, transposition, dynamics and articulation; pitches are
folded into the instrument's range. So the network gets what one bus of a band plays
(:mod:`render.diffusion.buses`). The corpora have no drums; a drummer's loops are drawn instead, in
which every key of the kit has its turn.

The teacher plays a take when it is asked for and nothing is stored. The batch of a step is a
function of (seed, step) alone, whoever plays it: worker processes, or the process that trains.
(FluidSynth's chorus runs on between takes, so its samples repeat to 100 dB below full scale; those
of the other engines repeat exactly.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import mido
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, ROLE, ROLES, VELOCITY
from data_prep.note_song import NoteSong
from render.diffusion.engine import SOUNDFONT_GAINS
from render.diffusion.instruments import DRUM_PROGRAM, DRUMS, FAMILIES, Family
from render.diffusion.mel import FRAME_RATE, HOP, MARGIN, N_FFT, SAMPLE_RATE
from render.diffusion.sampler import WINDOW_FRAMES
from render.diffusion.tokens import FrameNotes, collate, frame_notes, note_table
from render.score import Note, Part
from render.soundfont.find import find_soundfont
from render.soundfont.player import SoundfontPlayer, load_player
from render.soundfont.synthesisers import choose_engine

LEAD_S = 4.0
"""What is played before the first window of a take, so that held notes and reverb are in it."""
FORGET_S = 30.0
"""A note that began longer before a take is not played."""
_TRANSPOSITION = 5
_LINES = ("flute and clarinet", "brass", "bass", "lead")
"""Families that play one voice more often than several."""
_DRUM_STEP_S = (0.1, 0.3)
"""Shortest and longest time between the steps of a drum loop."""
_DRUM_LOOP = 16


@dataclass(frozen=True)
class RendererData:
    """How examples are drawn; the ``[data]`` table of a renderer config."""

    windows: int = 4
    """Windows of one take that stand in a batch; more cost the teacher less and vary less."""
    emopia_share: float = 0.2
    """Of takes from EMOPIA, where it is there."""
    drum_share: float = 0.12
    """Of takes that are drum loops."""
    piano_share: float = 0.2
    """Of the other takes, played on a piano; the other families share the rest evenly."""
    tempo_range: float = 0.3
    """Largest change of tempo, as a natural logarithm."""
    jitter_s: float = 0.012
    """Standard deviation of onsets about the grid."""
    repeats: int = 1
    """Steps for which a batch stays (re-used batches, Choi et al. 2019): for a single processor, on
    which the teacher takes as long as a step; crops, noise and times are drawn anew."""
    workers: int = 0
    """Processes that play; 0 lets the training process do it."""


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


class RendererBatch(NamedTuple):
    """Windows of takes."""

    wave: Tensor
    """float32 [B, WINDOW_FRAMES·HOP + 2·MARGIN] the teacher's sound with analysis margins."""
    notes: FrameNotes
    """Pairs of the windows' frames."""


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


class RendererExamples(Dataset[RendererBatch]):
    """Batches by step.

    Args:
        corpora: name -> songs; ``emopia`` is drawn from by its share.
        settings: how examples are drawn.
        teacher: plays them.
        batch_size: windows of a batch, a multiple of ``settings.windows``.
        seed: of every draw.
    """

    def __init__(
        self,
        corpora: Mapping[str, Sequence[NoteSong]],
        settings: RendererData,
        teacher: Teacher,
        batch_size: int,
        seed: int,
    ) -> None:
        self.corpora = {name: songs for name, songs in corpora.items() if songs}
        self.settings, self.teacher, self.seed = settings, teacher, seed
        self.n_takes = max(batch_size // settings.windows, 1)

    def __getitem__(self, step: int) -> RendererBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        waves, notes = [], []
        for _ in range(self.n_takes):
            take = self._take(rng)
            for wave, window_notes in windows(take, self.teacher, self.settings):
                waves.append(wave)
                notes.append(window_notes)
        return RendererBatch(torch.from_numpy(np.stack(waves)), collate(notes, WINDOW_FRAMES))

    def _take(self, rng: np.random.Generator) -> Take:
        duration_s = self.settings.windows * WINDOW_FRAMES / FRAME_RATE
        if rng.random() < self.settings.drum_share:
            return drum_take(rng, duration_s)
        names = [name for name in self.corpora if name != "emopia"]
        from_emopia = rng.random() < self.settings.emopia_share or not names
        name = "emopia" if from_emopia and "emopia" in self.corpora else names[0]
        songs = self.corpora[name]
        song = songs[int(rng.integers(len(songs)))]
        return song_take(rng, song, self.settings, duration_s)


class Feed:
    """Batches in the order of steps, played ahead by worker processes.

    Args:
        examples: what is drawn from.
        workers: processes, 0 for none.
        repeats: steps for which a batch stays.
    """

    def __init__(self, examples: RendererExamples, workers: int, repeats: int = 1) -> None:
        self._examples, self._workers, self._repeats = examples, workers, repeats
        self._index = -1
        self._batch: RendererBatch
        self._stream: Iterator[RendererBatch] = iter(())

    def batch(self, step: int) -> RendererBatch:
        """The batch of a step; quick when it follows the step before."""
        index = step // self._repeats
        if index != self._index:
            self._batch = self._played(index)
            self._index = index
        return self._batch

    def _played(self, index: int) -> RendererBatch:
        if not self._workers:
            return self._examples[index]
        if index != self._index + 1 or self._index < 0:
            loader = DataLoader(
                self._examples, batch_size=None, sampler=_From(index), num_workers=self._workers,
                prefetch_factor=4, worker_init_fn=_single_thread,
            )  # fmt: skip
            self._stream = iter(loader)
        return next(self._stream)


class _From:
    """All steps from one on."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        step = self._first
        while True:
            yield step
            step += 1


def _single_thread(_: int) -> None:
    torch.set_num_threads(1)


def windows(
    take: Take, teacher: Teacher, settings: RendererData
) -> Iterator[tuple[NDArray[np.float32], FrameNotes]]:
    """Play a take and cut it: the wave of each window with its margins, and its notes."""
    duration_s = settings.windows * WINDOW_FRAMES / FRAME_RATE + N_FFT / SAMPLE_RATE
    wave = teacher.play(take, duration_s)
    table = note_table([(note, take.program) for note in take.notes])
    for index in range(settings.windows):
        start = round(LEAD_S * SAMPLE_RATE) + index * WINDOW_FRAMES * HOP
        notes = frame_notes(table, index * WINDOW_FRAMES, WINDOW_FRAMES)
        yield wave[start - MARGIN : start + WINDOW_FRAMES * HOP + MARGIN], notes


def song_take(
    rng: np.random.Generator, song: NoteSong, settings: RendererData, duration_s: float
) -> Take:
    """Some seconds of a song on an instrument, from near an onset on."""
    family = _draw_family(rng, settings.piano_share)
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
    family = next(family for family in FAMILIES if family.name == DRUMS)
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
