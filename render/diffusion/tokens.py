"""Notes laid on the frames of the spectrogram: what the denoiser is told.

Music Spectrogram Diffusion reads a segment's notes as a sequence of tokens, and a transformer has
to learn which frame each belongs to. Here every note stands on each frame in which it sounds, as a
*pair* of a note and a frame that says what is played (instrument, pitch, velocity) and how long ago
it was struck and released. The embeddings of the pairs of a frame are summed, so a chord is a set.
Nothing has to be aligned, which a small network learns fastest, and the cost grows with what
sounds, not with the length of a vocabulary.

Ties need no token: a note held over the border of a segment enters the next with its true age. What
is told of a frame depends on the score only, never on where a segment begins.

Notes are held as long as the pedal holds them (:meth:`render.score.Part.sustained`) and are told
for :data:`TAIL_S` after their release, while they die away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from render.diffusion.instruments import DRUM_PROGRAM, INSTRUMENT_ID
from render.diffusion.mel import FRAME_RATE, N_FFT, SAMPLE_RATE
from render.score import Note

TAIL_S = 1.0
"""How long after its release a note is still told."""
DRUM_RING_S = 1.5
"""How long after its onset a drum counts as released, whatever its note's length: it rings."""
AHEAD_S = N_FFT / 2 / SAMPLE_RATE
"""How long before its onset: the half window with which a frame hears it come."""
N_VELOCITIES = 32
"""Bins of four MIDI velocities."""


@dataclass(frozen=True, slots=True, eq=False)
class NoteTable:
    """Notes of a bus, column by column.

    Attributes:
        onset_s: float64 [n] rising, in seconds.
        release_s: float64 [n] when each is released, in seconds.
        pitch: int64 [n] 0-127.
        velocity: int64 [n] 0-31.
        instrument: int64 [n] ids of :data:`render.diffusion.instruments.INSTRUMENTS`.
    """

    onset_s: NDArray[np.float64]
    release_s: NDArray[np.float64]
    pitch: NDArray[np.int64]
    velocity: NDArray[np.int64]
    instrument: NDArray[np.int64]

    @property
    def end_s(self) -> float:
        """When the last note is told for the last time."""
        return float(self.release_s.max()) + TAIL_S


class FrameNotes(NamedTuple):
    """Pairs of a note and a frame in which it is told."""

    pitch: Tensor
    """int64 [n] of the notes that are told"""
    velocity: Tensor
    """int64 [n]"""
    instrument: Tensor
    """int64 [n]"""
    note: Tensor
    """int64 [P] index of the note of a pair"""
    frame: Tensor
    """int64 [P] the frame, counted through all rows of a batch: b·T + t."""
    age_s: Tensor
    """float32 [P] from the onset to the middle of the frame; a little below 0 just before."""
    released_s: Tensor
    """float32 [P] from the release, 0 while the note is held."""

    def to(self, device: torch.device) -> FrameNotes:
        """The same on a device."""
        return FrameNotes(*(column.to(device, non_blocking=True) for column in self))


def note_table(notes: Sequence[tuple[Note, int]]) -> NoteTable:
    """Notes with their programs as columns.

    Args:
        notes: any order; programs of :data:`INSTRUMENT_ID`, among them :data:`DRUM_PROGRAM`. A note
            of no length is told like any other: its onset and its tail.
    """
    notes = sorted(notes, key=lambda pair: pair[0])
    onset = np.array([note.start_s for note, _ in notes], np.float64)
    end = np.array([note.end_s for note, _ in notes], np.float64)
    program = np.array([program for _, program in notes], np.int64)
    return NoteTable(
        onset_s=onset,
        release_s=np.where(program == DRUM_PROGRAM, onset + DRUM_RING_S, np.maximum(onset, end)),
        pitch=np.array([note.pitch for note, _ in notes], np.int64),
        velocity=np.array([velocity_bin(note.velocity) for note, _ in notes], np.int64),
        instrument=np.array([INSTRUMENT_ID[program] for _, program in notes], np.int64),
    )


def velocity_bin(velocity: int) -> int:
    """MIDI velocity 1-127 → 0-31."""
    return max(velocity, 0) * N_VELOCITIES // 128


def frame_notes(table: NoteTable, first: int, n_frames: int) -> FrameNotes:
    """The pairs of ``n_frames`` frames from frame ``first`` of the piece on, which may be below 0.

    A pair is told where the middle of the frame lies from :data:`AHEAD_S` before the onset to
    :data:`TAIL_S` after the release.
    """
    # The middle of frame t is at (t + 0.5) / FRAME_RATE.
    start = np.ceil((table.onset_s - AHEAD_S) * FRAME_RATE - 0.5).astype(np.int64)
    stop = np.floor((table.release_s + TAIL_S) * FRAME_RATE - 0.5).astype(np.int64) + 1
    start, stop = np.maximum(start, first), np.minimum(stop, first + n_frames)
    told = np.flatnonzero(stop > start)
    start, counts = start[told], (stop - start)[told]
    note = np.repeat(np.arange(len(told)), counts)
    within = np.arange(len(note)) - np.repeat(np.cumsum(counts) - counts, counts)
    frame = start[note] + within
    middle_s = (frame + 0.5) / FRAME_RATE
    released_s = np.maximum(middle_s - table.release_s[told][note], 0.0)
    return FrameNotes(
        pitch=torch.from_numpy(table.pitch[told]),
        velocity=torch.from_numpy(table.velocity[told]),
        instrument=torch.from_numpy(table.instrument[told]),
        note=torch.from_numpy(note),
        frame=torch.from_numpy(frame - first),
        age_s=torch.from_numpy(middle_s - table.onset_s[told][note]).float(),
        released_s=torch.from_numpy(released_s).float(),
    )


def collate(rows: Sequence[FrameNotes], n_frames: int) -> FrameNotes:
    """Pairs of several examples of ``n_frames`` frames each as those of one batch."""
    shifted, n_notes = [], 0
    for b, row in enumerate(rows):
        shifted.append(row._replace(note=row.note + n_notes, frame=row.frame + b * n_frames))
        n_notes += len(row.pitch)
    return FrameNotes(*(torch.cat(columns) for columns in zip(*shifted, strict=True)))
