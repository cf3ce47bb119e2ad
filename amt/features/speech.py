"""When somebody speaks in a clip's own sound, by Silero VAD (extra ``speech``).

The detector is a small recurrent network in ONNX, whose weights come with the package
``silero-vad``; it runs in ONNX Runtime, and no code of a file is run. It gives a probability every
32 ms. Speech begins where that rises to :data:`THRESHOLD` and ends where it stays below
:data:`RELEASE` for :data:`SHORTEST_PAUSE_S` (hysteresis, as the package's own post-processing has
it); what is shorter than :data:`SHORTEST_SPEECH_S` is no speech.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from amt.errors import VideoError
from amt.types import FloatArray, TimeSpan
from render.files.clip import Clip
from render.files.clip_sound import decoded_sound, placed_samples
from render.files.source import ClipError

SAMPLE_RATE = 16_000
WINDOW, CONTEXT = 512, 64
"""Samples that the network reads at once, and samples before them that it sees again."""
THRESHOLD, RELEASE = 0.5, 0.35
"""Probabilities at which speech begins and ends: the package's defaults."""
SHORTEST_SPEECH_S = 0.25
"""Seconds of speech at least: the package's default."""
SHORTEST_PAUSE_S = 0.7
"""Seconds of pause at least: music does not come back up between two sentences."""
PADDING_S = 0.1
"""Seconds by which speech is widened to each side, for consonants at its ends."""
STATE_SHAPE = (2, 1, 128)
"""Of the network's recurrent state."""


def is_available() -> bool:
    """Whether the extra ``speech`` is installed."""
    return _weights() is not None and importlib.util.find_spec("onnxruntime") is not None


def speech_spans(path: str | Path) -> tuple[TimeSpan, ...]:
    """When somebody speaks in a clip; empty for a clip without sound.

    Args:
        path: the clip. Its best audio stream is decoded once; memory does not grow with it.

    Returns:
        Spans in seconds of the clip, in order, apart from each other.

    Raises:
        VideoError: the clip cannot be read.
        ModuleNotFoundError: the extra ``speech`` is not installed.
    """
    detector = _Detector()
    try:
        with Clip(Path(path)) as clip:
            pieces = placed_samples(decoded_sound(clip), SAMPLE_RATE, channels=1)
            probabilities = list(detector.probabilities(_contiguous(pieces)))
    except ClipError as error:
        raise VideoError(str(error)) from error
    return spans_of(np.array(probabilities))


def spans_of(probabilities: FloatArray) -> tuple[TimeSpan, ...]:
    """Spans of speech for a probability every 32 ms."""
    step_s = WINDOW / SAMPLE_RATE
    spans: list[TimeSpan] = []
    start_s: float | None = None
    last_s = 0.0
    for i, probability in enumerate(probabilities):
        now_s = i * step_s
        if probability >= (THRESHOLD if start_s is None else RELEASE):
            start_s = now_s if start_s is None else start_s
            last_s = now_s + step_s
        elif start_s is not None and now_s - last_s >= SHORTEST_PAUSE_S:
            spans.append(TimeSpan(start_s, last_s))
            start_s = None
    if start_s is not None:
        spans.append(TimeSpan(start_s, last_s))
    long = [span for span in spans if span.end_s - span.start_s >= SHORTEST_SPEECH_S]
    return tuple(TimeSpan(max(0.0, s.start_s - PADDING_S), s.end_s + PADDING_S) for s in long)


def _weights() -> Path | None:
    """The file of the network, found without importing its package."""
    found = importlib.util.find_spec("silero_vad")
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder) / "data" / "silero_vad.onnx"
        if path.is_file():
            return path
    return None


class _Detector:
    """The network and its state."""

    def __init__(self) -> None:
        path = _weights()
        if path is None:
            raise ModuleNotFoundError("no module named 'silero_vad': install the extra speech")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def probabilities(self, windows: Iterable[np.ndarray]) -> Iterator[float]:
        """The probability of speech in each window [512] of a sound at 16 kHz."""
        state = np.zeros(STATE_SHAPE, np.float32)
        context = np.zeros((1, CONTEXT), np.float32)
        rate = np.array(SAMPLE_RATE, np.int64)
        for window in windows:
            sound = np.concatenate([context, window[None]], axis=1)
            given, state = self._session.run(None, {"input": sound, "state": state, "sr": rate})
            context = sound[:, -CONTEXT:]
            yield float(given[0, 0])


def _contiguous(pieces: Iterable[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Windows [512] of a sound in pieces; gaps are silent, and what overlaps counts once."""
    waiting = np.zeros(0, np.float32)
    end = 0
    for start, samples in pieces:
        fresh = samples[0, max(end - start, 0) :]
        gap = max(start - end, 0)
        end = max(end, start) + len(fresh) if len(fresh) else end
        for part in (*_silence(gap if len(fresh) else 0), fresh):
            waiting = np.concatenate([waiting, part])
            whole = len(waiting) // WINDOW * WINDOW
            yield from waiting[:whole].reshape(-1, WINDOW)
            waiting = waiting[whole:]
    if len(waiting):
        yield np.pad(waiting, (0, WINDOW - len(waiting)))


def _silence(frames: int) -> Iterator[np.ndarray]:
    """Silence in blocks of at most a second, so that a long gap takes no memory."""
    while frames > 0:
        yield np.zeros(min(frames, SAMPLE_RATE), np.float32)
        frames -= SAMPLE_RATE
