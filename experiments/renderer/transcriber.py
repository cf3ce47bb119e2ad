"""Sound → notes, by Basic Pitch (Bittner et al. 2022), which judges renderings from outside.

The network is an ONNX file that the user names; decoding is ours and plain. Its thresholds are the
defaults of the paper's authors, chosen before any rendering of ours was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from amt.errors import InputError
from experiments.common.optional import import_mir_eval, import_optional
from experiments.renderer.metrics import Wave
from render.diffusion.mel import SAMPLE_RATE
from render.score import Note

RATE = 22_050
FRAME = 256
"""Samples a frame: 86 frames a second. Frame t is centred on sample t·FRAME."""
WINDOW = 43_844
"""Samples of the network's input window, for which it gives 172 frames."""
N_FRAMES, N_KEYS, LOWEST = 172, 88, 21
_EDGE = 15
"""Frames at each end of a window that are left to its neighbours."""
_BATCH = 8
_OUTPUTS = ("StatefulPartitionedCall:2", "StatefulPartitionedCall:1")
"""Posteriors of onsets and of notes; the third output is pitch in thirds of a semitone."""

ONSET_THRESHOLD, NOTE_THRESHOLD = 0.5, 0.3
LEAST_FRAMES = 11
"""Shorter notes are dropped (128 ms)."""
TOLERATED_FRAMES = 11
"""Frames in a row below the threshold that do not yet end a note."""


class Posteriors(NamedTuple):
    """Probabilities of onsets and notes in T frames."""

    onset: NDArray[np.float32]
    """[T, 88] that a key is struck"""
    note: NDArray[np.float32]
    """[T, 88] that it sounds"""


Network = Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]]
"""Windows [B, WINDOW, 1] at 22.05 kHz -> posteriors of onsets and of notes, both
[B, N_FRAMES, N_KEYS]; frame t is centred on the window's sample t·FRAME."""


class Transcriber:
    """Posteriors of notes in sounds of any length.

    Args:
        network: gives the posteriors of single windows.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def posteriors(self, wave: Wave) -> Posteriors:
        """Posteriors of a sound [L] at 24 kHz; frame t is centred on second t·FRAME / RATE."""
        resampled = resample_poly(wave, RATE // 150, SAMPLE_RATE // 150).astype(np.float32)
        n_frames = len(resampled) // FRAME + 1
        kept = N_FRAMES - 2 * _EDGE
        n_windows = -(-n_frames // kept)
        # Windows are a whole number of frames apart, so that frames stay on one grid.
        whole = np.zeros((n_windows - 1) * kept * FRAME + WINDOW, np.float32)
        part = resampled[: len(whole) - _EDGE * FRAME]
        whole[_EDGE * FRAME : _EDGE * FRAME + len(part)] = part
        starts = np.arange(n_windows)[:, None] * kept * FRAME
        windows = whole[starts + np.arange(WINDOW)][:, :, None]
        batches = [self._network(windows[i : i + _BATCH]) for i in range(0, n_windows, _BATCH)]
        onset, note = (
            np.concatenate([batch[k] for batch in batches])[:, _EDGE : _EDGE + kept]
            .reshape(-1, N_KEYS)[:n_frames]
            for k in range(2)
        )  # fmt: skip
        return Posteriors(onset, note)


def decode(posteriors: Posteriors) -> tuple[Note, ...]:
    """Posteriors → notes in order.

    A note begins at each peak of the onset posterior that reaches :data:`ONSET_THRESHOLD`. It holds
    while the note posterior stays above :data:`NOTE_THRESHOLD`, dips of up to
    :data:`TOLERATED_FRAMES` frames aside, and until its key is struck again. The velocity is that
    of the onset's posterior.
    """
    padded = np.pad(posteriors.onset, ((1, 1), (0, 0)))
    peak = (posteriors.onset > padded[:-2]) & (posteriors.onset >= padded[2:])
    notes = []
    for key in range(N_KEYS):
        onsets = np.flatnonzero(
            peak[:, key] & (posteriors.onset[:, key] >= ONSET_THRESHOLD)
        ).tolist()
        for onset, following in zip(onsets, [*onsets[1:], len(posteriors.note)], strict=False):
            end = _end(posteriors.note[onset + 1 : following, key] >= NOTE_THRESHOLD) + onset + 1
            if end - onset >= LEAST_FRAMES:
                start_s, end_s = onset * FRAME / RATE, end * FRAME / RATE
                velocity = max(1, round(127 * float(posteriors.onset[onset, key])))
                notes.append(Note(start_s, end_s, LOWEST + key, velocity))
    return tuple(sorted(notes))


def _end(holds: NDArray[np.bool_]) -> int:
    """Frames [T] until a note ends: after the last that holds before too long a dip."""
    held = np.flatnonzero(holds)
    if not len(held) or held[0] > TOLERATED_FRAMES:
        return 0
    gaps = np.flatnonzero(np.diff(held) > TOLERATED_FRAMES + 1)
    return int(held[gaps[0]] if len(gaps) else held[-1]) + 1


@dataclass(frozen=True, slots=True)
class NoteScores:
    """Precision and recall joined (F1), 0 to 1; NaN where there is nothing to find."""

    f1: float
    """Onset within 50 ms and pitch within a quarter tone."""
    f1_offsets: float
    """The release too, within 50 ms or a fifth of the note."""
    precision: float = float("nan")
    """Share of the notes that were found which are written; 0 where none is found."""
    recall: float = float("nan")
    """Share of the written notes that are found."""


def note_scores(found: Sequence[Note], written: Sequence[Note]) -> NoteScores:
    """Compare notes with the score, as MIREX does (``mir_eval.transcription``)."""
    if not written:
        return NoteScores(float("nan"), float("nan"))
    if not found:
        return NoteScores(0.0, 0.0, 0.0, 0.0)
    score = import_mir_eval().transcription.precision_recall_f1_overlap
    both = [*_columns(written), *_columns(found)]
    precision, recall, f1, _ = score(*both, onset_tolerance=0.05, offset_ratio=None)
    with_offsets = score(*both, onset_tolerance=0.05, offset_ratio=0.2)[2]
    return NoteScores(float(f1), float(with_offsets), float(precision), float(recall))


def onset_f1(found: NDArray[np.float64], written: NDArray[np.float64]) -> float:
    """F1 of onsets in seconds within 50 ms (``mir_eval.onset``), for drums."""
    if not len(written):
        return float("nan")
    if not len(found):
        return 0.0
    return float(import_mir_eval().onset.f_measure(written, found, window=0.05)[0])


def _columns(notes: Sequence[Note]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intervals [n, 2] in seconds and frequencies [n] in Hz."""
    spans = np.array([(note.start_s, max(note.end_s, note.start_s + 1e-3)) for note in notes])
    return spans, 440 * 2 ** ((np.array([note.pitch for note in notes]) - 69) / 12)


def load_transcriber(path: Path) -> Transcriber:
    """Basic Pitch in ONNX Runtime, on as many threads as PyTorch has.

    Raises:
        InputError: the file cannot be read or is another network, or ONNX Runtime is missing.
    """
    session = _session(path)
    name = session.get_inputs()[0].name
    return Transcriber(lambda windows: session.run(list(_OUTPUTS), {name: windows}))


def _session(path: Path) -> Any:  # noqa: ANN401 - a library without types
    onnxruntime = import_optional("onnxruntime")
    if not path.is_file():
        raise InputError(f"there is no transcriber at {path}: name Basic Pitch's ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library's exceptions have no base of their own
        raise InputError(f"{path} is no ONNX network: name Basic Pitch's ONNX file") from error
    shapes = {output.name: output.shape[1:] for output in session.get_outputs()}
    if any(shapes.get(name) != [N_FRAMES, N_KEYS] for name in _OUTPUTS):
        raise InputError(
            f"{path} is another network than Basic Pitch, which gives {N_FRAMES} frames of "
            f"{N_KEYS} keys: name its ONNX file"
        )
    return session
