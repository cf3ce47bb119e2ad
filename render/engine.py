"""MIDI file → audio: the master, or one stem for each part.

Every part is rendered alone and the master is their sum, so stems add up to it exactly, parts may
share a channel, and there may be any number of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.audio import Audio, apply_gain, fade_out, fit_duration, limit, loudness_gain
from render.errors import EngineError
from render.score import Part, read_parts
from render.soundfont import find_soundfont, requested_soundfont, soundfont_format
from render.synthesisers import Synthesiser, choose_engine

Progress = Callable[[float], None]
"""Is told the share of the work that is done, 0-1."""

MAX_TAIL_S = 5.0
"""How long the sound may ring on after the last event."""

_TAIL_FLOOR = 10 ** (-60 / 20)
_TAIL_FADE_S = 0.05
_CUT_FADE_S = 1.0
_SAMPLE_RATES = (8000, 96000)


def render_midi(
    midi: Path,
    *,
    engine: str = "auto",
    soundfont: Path | None = None,
    sample_rate: int = 44100,
    loudness_lufs: float = -14.0,
    peak_db: float = -1.0,
    normalise: bool = True,
    duration_s: float | None = None,
    progress: Progress | None = None,
) -> Audio:
    """Render a MIDI file to stereo sound.

    The sound rings on until it has died away by 60 dB, at most :data:`MAX_TAIL_S` after the last
    event.

    Args:
        midi: a file of type 0 or 1.
        engine: ``auto``, ``fluidsynth``, ``tinysoundfont`` or ``midirenderer``.
        soundfont: the file to play on; see :func:`render.soundfont.find_soundfont` for None.
        sample_rate: in Hz, 8000 to 96000.
        loudness_lufs: integrated loudness to reach; see :func:`render.audio.normalise`.
        peak_db: ceiling of the peaks in dBFS.
        normalise: whether to level at all; without, the sound is as the engine made it and may
            exceed full scale.
        duration_s: the exact length to reach by silence, or by a fade of the last 2 s, if any.
        progress: is told how far the work is.

    Raises:
        MidiFileError: the file cannot be read or holds no notes.
        SoundfontError: the soundfont is missing, damaged or unreadable for the engine.
        EngineError: the engine is unknown or not installed, or cannot use the sample rate.
        AudioError: ``duration_s`` is not positive.
    """
    parts = read_parts(midi)
    synthesiser = _load(engine, soundfont, sample_rate)
    master = np.zeros((2, _frames(parts, sample_rate)), np.float32)
    for start, samples in _render_parts(parts, synthesiser, sample_rate, progress):
        master[:, start : start + samples.shape[1]] += samples
    audio = _finish(Audio(master, sample_rate), _sounding_frames(master, sample_rate), duration_s)
    if not normalise:
        return audio
    gain = loudness_gain(audio, loudness_lufs, peak_db)
    return limit(apply_gain(audio, gain), peak_db)


def render_stems(
    midi: Path,
    *,
    engine: str = "auto",
    soundfont: Path | None = None,
    sample_rate: int = 44100,
    loudness_lufs: float = -14.0,
    peak_db: float = -1.0,
    normalise: bool = True,
    duration_s: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Audio]:
    """Render every part of a MIDI file to a stem of its own.

    All stems have the length and the gain of the master, so that their sum is the master before
    its peaks are limited; a stem itself is not limited. They are held in memory together.

    Args and errors: as for :func:`render_midi`.

    Returns:
        File name (such as ``01_piano.wav``) → stem, in the order of the parts.
    """
    parts = read_parts(midi)
    synthesiser = _load(engine, soundfont, sample_rate)
    frames = _frames(parts, sample_rate)
    master = np.zeros((2, frames), np.float32)
    stems = []
    for start, samples in _render_parts(parts, synthesiser, sample_rate, progress):
        master[:, start : start + samples.shape[1]] += samples
        stems.append((start, samples))
    length = _sounding_frames(master, sample_rate)
    audio = _finish(Audio(master, sample_rate), length, duration_s)
    gain = loudness_gain(audio, loudness_lufs, peak_db) if normalise else 1.0
    finished = {}
    for name, (start, samples) in zip(_file_names(parts), stems, strict=True):
        stem = np.pad(samples, ((0, 0), (start, frames - start - samples.shape[1])))
        finished[name] = apply_gain(_finish(Audio(stem, sample_rate), length, duration_s), gain)
    return finished


def _load(engine: str, soundfont: Path | None, sample_rate: int) -> Synthesiser:
    """Choose engine and soundfont so that they fit each other."""
    low, high = _SAMPLE_RATES
    if not low <= sample_rate <= high:
        raise EngineError(f"the sample rate is {sample_rate} Hz, expected {low} to {high}")
    wanted = soundfont or requested_soundfont()
    chosen = choose_engine(engine, soundfont_format(wanted) if wanted else None)
    return chosen.load(find_soundfont(wanted, chosen.formats), sample_rate)


def _frames(parts: Sequence[Part], sample_rate: int) -> int:
    """Frames from the beginning to the end of the longest possible tail."""
    return max(_end_frame(part, sample_rate) for part in parts)


def _end_frame(part: Part, sample_rate: int) -> int:
    return round((part.end_s + MAX_TAIL_S) * sample_rate)


def _render_parts(
    parts: Sequence[Part], synthesiser: Synthesiser, sample_rate: int, progress: Progress | None
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Play the parts one by one, each from its first note on: (first frame, float32 [2, T])."""
    total = sum(part.end_s - part.start_s + MAX_TAIL_S for part in parts)
    done = 0.0
    for part in parts:
        start = int(part.start_s * sample_rate)
        moved = part.shifted(-start / sample_rate)
        yield start, synthesiser.play(moved, _end_frame(part, sample_rate) - start)
        done += part.end_s - part.start_s + MAX_TAIL_S
        if progress is not None:
            progress(min(done / total, 1.0))


def _sounding_frames(master: NDArray[np.float32], sample_rate: int) -> int:
    """Frames until the sound has died away by 60 dB, and a fade."""
    peaks = np.abs(master).max(axis=0)
    audible = np.flatnonzero(peaks > peaks.max() * _TAIL_FLOOR)
    last = int(audible[-1]) + 1 if audible.size else 0
    return min(last + round(_TAIL_FADE_S * sample_rate), int(peaks.size))


def _finish(audio: Audio, length: int, duration_s: float | None) -> Audio:
    """Cut the tail where the master has died away, with a fade that leaves no click."""
    died_away = length < audio.samples.shape[1]
    audio = Audio(audio.samples[:, :length], audio.sample_rate)
    audio = fade_out(audio, _TAIL_FADE_S if died_away else _CUT_FADE_S)
    return audio if duration_s is None else fit_duration(audio, duration_s)


def _file_names(parts: Sequence[Part]) -> list[str]:
    """Unique names that are safe on every file system."""
    digits = max(len(str(len(parts))), 2)
    return [f"{i:0{digits}}_{_slug(part.name)}.wav" for i, part in enumerate(parts, start=1)]


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")[:40] or "track"
