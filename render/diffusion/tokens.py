"""Notes on the frames of the spectrogram: the input of the predictor.

Music Spectrogram Diffusion reads a segment's notes as a sequence of tokens, and a transformer has
to learn which frame each belongs to. Here every frame in which a note is active makes a *pair* of
the note (instrument, pitch, velocity) and the frame (time since onset and release). The spectra
of the pairs of a frame are summed, so a chord is a set. A small network learns this faster, as
nothing has to be aligned, and the cost grows with the number of active notes only.

Ties need no token: a note held over the border of a segment has its true age in the next. The pairs
of a frame depend on the score only, never on where a segment begins.

Notes are held as long as the pedal holds them (:meth:`render.score.Part.sustained`) and stay active
for :data:`TAIL_S` after their release, while they decay.
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

TAIL_S = 1.5
"""Seconds for which a note stays active after its release."""
DRUM_RING_S = 1.5
"""Seconds from the onset at which a drum counts as released, whatever the length of its note."""
AHEAD_S = N_FFT / 2 / SAMPLE_RATE
"""Seconds before its onset from which a note is active: half an analysis window."""
_NOTE_BUCKET, _PAIR_BUCKET = 32, 2048
"""Batches are padded to whole multiples of these numbers of notes and pairs: an operator that is
compiled for every shape (oneDNN's are) would else keep ever more of them in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class NoteTable:
    """The n notes of a bus as columns.

    Attributes:
        onset_s: float64 [n] rising, in seconds.
        release_s: float64 [n] in seconds.
        pitch: int64 [n] 0-127.
        velocity: int64 [n] 1-127.
        instrument: int64 [n] ids of :data:`render.diffusion.instruments.INSTRUMENTS`.
    """

    onset_s: NDArray[np.float64]
    release_s: NDArray[np.float64]
    pitch: NDArray[np.int64]
    velocity: NDArray[np.int64]
    instrument: NDArray[np.int64]

    @property
    def end_s(self) -> float:
        """When the last note ceases to be active, in seconds."""
        return float(self.release_s.max()) + TAIL_S


class FrameNotes(NamedTuple):
    """The P pairs of a note and a frame in which it is active; n notes have such frames."""

    pitch: Tensor
    """int64 [n] of the active notes, 0-127."""
    velocity: Tensor
    """int64 [n] 1-127."""
    instrument: Tensor
    """int64 [n] ids."""
    note: Tensor
    """int64 [P] index 0 to n - 1 of the pair's note."""
    frame: Tensor
    """int64 [P] the pair's frame, counted through all rows of a batch: b·T + t."""
    age_s: Tensor
    """float32 [P] seconds from the onset to the middle of the frame, at least -:data:`AHEAD_S`."""
    released_s: Tensor
    """float32 [P] seconds from the release to the frame's middle, at least -:data:`AHEAD_S`."""

    def to(self, device: torch.device) -> FrameNotes:
        """The pairs on another device."""
        return FrameNotes(*(column.to(device, non_blocking=True) for column in self))


def note_table(notes: Sequence[tuple[Note, int]]) -> NoteTable:
    """Notes and their programs as columns, in order of onset.

    Args:
        notes: (note, program) in any order; the programs are keys of :data:`INSTRUMENT_ID`. A note
            of length 0 is active like any other, before its onset and in its tail.
    """
    notes = sorted(notes, key=lambda pair: pair[0])
    onset = np.array([note.start_s for note, _ in notes], np.float64)
    end = np.array([note.end_s for note, _ in notes], np.float64)
    program = np.array([program for _, program in notes], np.int64)
    return NoteTable(
        onset_s=onset,
        release_s=np.where(program == DRUM_PROGRAM, onset + DRUM_RING_S, np.maximum(onset, end)),
        pitch=np.array([note.pitch for note, _ in notes], np.int64),
        velocity=np.array([max(note.velocity, 1) for note, _ in notes], np.int64),
        instrument=np.array([INSTRUMENT_ID[program] for _, program in notes], np.int64),
    )


def frame_notes(table: NoteTable, first: int, n_frames: int) -> FrameNotes:
    """The pairs of ``n_frames`` frames from frame ``first`` of the piece on, which may be negative.

    A note is active in a frame whose middle lies between :data:`AHEAD_S` before its onset and
    :data:`TAIL_S` after its release. Frames are counted from ``first``.
    """
    # The middle of frame t is at (t + 0.5) / FRAME_RATE.
    start = np.ceil((table.onset_s - AHEAD_S) * FRAME_RATE - 0.5).astype(np.int64)
    stop = np.floor((table.release_s + TAIL_S) * FRAME_RATE - 0.5).astype(np.int64) + 1
    start, stop = np.maximum(start, first), np.minimum(stop, first + n_frames)
    active = np.flatnonzero(stop > start)
    start, counts = start[active], (stop - start)[active]
    note = np.repeat(np.arange(len(active)), counts)
    within = np.arange(len(note)) - np.repeat(np.cumsum(counts) - counts, counts)
    frame = start[note] + within
    middle_s = (frame + 0.5) / FRAME_RATE
    released_s = np.maximum(middle_s - table.release_s[active][note], -AHEAD_S)
    return FrameNotes(
        pitch=torch.from_numpy(table.pitch[active]),
        velocity=torch.from_numpy(table.velocity[active]),
        instrument=torch.from_numpy(table.instrument[active]),
        note=torch.from_numpy(note),
        frame=torch.from_numpy(frame - first),
        age_s=torch.from_numpy(middle_s - table.onset_s[active][note]).float(),
        released_s=torch.from_numpy(released_s).float(),
    )


def collate(rows: Sequence[FrameNotes], n_frames: int) -> FrameNotes:
    """The pairs of several examples of ``n_frames`` frames each as one batch, padded.

    Padding is one more note or more, and pairs of the last of them with frame B·T, one behind the
    last.
    """
    shifted, n_notes = [], 0
    for b, row in enumerate(rows):
        shifted.append(row._replace(note=row.note + n_notes, frame=row.frame + b * n_frames))
        n_notes += len(row.pitch)
    merged = FrameNotes(*(torch.cat(columns) for columns in zip(*shifted, strict=True)))
    more_notes = _NOTE_BUCKET - n_notes % _NOTE_BUCKET
    more_pairs = -len(merged.note) % _PAIR_BUCKET
    last = n_notes + more_notes - 1
    fill = (0, 1, 0, last, len(rows) * n_frames, 0.0, 0.0)
    sizes = (more_notes,) * 3 + (more_pairs,) * 4
    return FrameNotes(*(
        torch.cat([column, column.new_full((size,), value)])
        for column, size, value in zip(merged, sizes, fill, strict=True)
    ))  # fmt: skip
