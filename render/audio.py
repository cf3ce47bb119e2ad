"""Sound in memory: measuring, levelling, fitting, writing.

Conventions: samples are float32 [channels, T], full scale is ±1, levels are in dB relative to full
scale (dBFS), loudness is in LUFS (ITU-R BS.1770-4). Everything here takes time and memory linear
in T; :mod:`render.stream` does the same for sound that is longer than memory.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from render.errors import AudioError
from render.files.errors import shown
from render.stream import Block, blocks_of, levelling_gain, levels, limited

FILE_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
"""Suffix → container; both are written with 24 bits, whose rounding noise (-144 dBFS) needs no
dither, so equal samples give equal files."""

_BYTES = 3
"""Of a sample in a file."""
_SPARE_BYTES = 1 << 20
_MAX_WAV_BYTES = 0xFFFF_0000
_SILENCE_DB = -60.0
_SILENCE_WINDOW_S = 0.05


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound of one or more channels.

    Attributes:
        samples: float32 [channels, T], full scale ±1.
        sample_rate: samples a second, in Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32 or self.sample_rate < 1:
            raise AudioError(
                f"audio has shape {self.samples.shape} of {self.samples.dtype} at "
                f"{self.sample_rate} Hz, expected float32 [channels, T] at 1 Hz or more"
            )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1] / self.sample_rate)


@dataclass(frozen=True, slots=True)
class Measurement:
    """How loud a sound is.

    Attributes:
        loudness_lufs: integrated loudness; -inf for silence.
        peak_db: true peak in dBFS, estimated by fourfold oversampling; -inf for silence.
        silence_share: share (0-1) of 50 ms windows whose level lies below -60 dBFS RMS.
    """

    loudness_lufs: float
    peak_db: float
    silence_share: float


def write_audio(audio: Audio, path: Path) -> None:
    """Write 24-bit WAV or FLAC, as the suffix of ``path`` says; equal audio gives equal bytes.

    Samples beyond full scale are clipped.

    Raises:
        AudioError: the suffix is neither ``.wav`` nor ``.flac``, or the file cannot be written.
    """
    write_stream(blocks_of(audio.samples), audio.samples.shape, audio.sample_rate, path)


def write_stream(
    blocks: Iterable[Block], shape: tuple[int, ...], sample_rate: int, path: Path
) -> None:
    """Write a stream of blocks likewise, without holding it in memory.

    A WAV file cannot be longer than 4 GiB (4.5 hours of stereo at 44.1 kHz); what is longer becomes
    RF64 (EBU Tech 3306), which editors read under the same suffix.

    Args:
        blocks: the stream.
        shape: (channels, frames) of the whole.
        sample_rate: in Hz.
        path: the file.

    Raises:
        AudioError: the suffix is neither ``.wav`` nor ``.flac``, or the file cannot be written.
    """
    file_format = FILE_FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise AudioError(f"{shown(path.name)} has no known audio suffix: name it .wav or .flac")
    channels, frames = shape
    if file_format == "WAV" and channels * frames * _BYTES > _MAX_WAV_BYTES:
        file_format = "RF64"
    try:
        with soundfile.SoundFile(
            path, "w", sample_rate, channels, format=file_format, subtype="PCM_24"
        ) as file:
            for block in blocks:
                file.write(block.T)
    except (OSError, soundfile.LibsndfileError) as error:
        cause = "the disk is full" if _is_full(path) else str(error)
        raise AudioError(f"cannot write {shown(path)}: {cause}") from error


def _is_full(path: Path) -> bool:
    """Whether a file could not grow; libsndfile calls that a system error."""
    try:
        return shutil.disk_usage(path.parent).free < _SPARE_BYTES
    except OSError:
        return False


def measure(audio: Audio) -> Measurement:
    """Measure loudness, true peak and the share of silence."""
    window = max(round(_SILENCE_WINDOW_S * audio.sample_rate), 1)
    power = np.square(audio.samples).mean(axis=0, dtype=np.float32)
    starts = np.arange(0, power.size, window)
    levels = np.add.reduceat(power, starts) / window if power.size else power
    return Measurement(
        loudness_lufs=loudness(audio),
        peak_db=_true_peak_db(audio),
        silence_share=float((levels < 10 ** (_SILENCE_DB / 10)).mean()) if levels.size else 1.0,
    )


def loudness(audio: Audio) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4); -inf for silence.

    A sound shorter than one gating block of 0.4 s is repeated to fill it.
    """
    return levels(blocks_of(audio.samples), audio.sample_rate).loudness_lufs


def loudness_gain(audio: Audio, lufs: float = -14.0, peak_db: float = -1.0) -> float:
    """The factor that, followed by :func:`limit`, brings a sound to a loudness.

    It is 1 for silence; see :func:`render.stream.levelling_gain`.
    """
    play = partial(blocks_of, audio.samples)
    return levelling_gain(play, audio.sample_rate, lufs, peak_db)


def normalise(audio: Audio, lufs: float = -14.0, peak_db: float = -1.0) -> Audio:
    """Bring a sound to a loudness, its peaks limited to ``peak_db`` dBFS.

    Where that would need more than :data:`render.stream.MAX_LIMITING_DB` of limiting it stays
    quieter.
    """
    return limit(apply_gain(audio, loudness_gain(audio, lufs, peak_db)), peak_db)


def apply_gain(audio: Audio, factor: float) -> Audio:
    """Multiply every sample by a factor."""
    return Audio(audio.samples * np.float32(factor), audio.sample_rate)


def limit(audio: Audio, peak_db: float = -1.0) -> Audio:
    """Keep all samples within ``peak_db`` dBFS; see :func:`render.stream.limited`.

    A sound that stays below the ceiling comes back unchanged.
    """
    if np.abs(audio.samples).max(initial=0.0) <= 10 ** (peak_db / 20):
        return audio
    blocks = limited(blocks_of(audio.samples), audio.sample_rate, peak_db)
    return Audio(np.concatenate(list(blocks), axis=1), audio.sample_rate)


def fit_duration(audio: Audio, duration_s: float, fade_s: float = 2.0) -> Audio:
    """Make a sound exactly as long as asked: pad with silence, or fade its end out and cut.

    Args:
        audio: the sound.
        duration_s: the length to reach, in seconds, more than 0.
        fade_s: the longest fade before a cut, in seconds.

    Raises:
        AudioError: ``duration_s`` is not a positive number.
    """
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise AudioError(f"the length to fit is {duration_s} s, expected more than 0")
    length = max(round(duration_s * audio.sample_rate), 1)
    missing = length - audio.samples.shape[1]
    if missing >= 0:
        return Audio(np.pad(audio.samples, ((0, 0), (0, missing))), audio.sample_rate)
    return fade_out(Audio(audio.samples[:, :length], audio.sample_rate), fade_s)


def fade_out(audio: Audio, fade_s: float) -> Audio:
    """Fade the last ``fade_s`` seconds (at most half the sound) to silence, cosine-shaped."""
    length = min(round(fade_s * audio.sample_rate), audio.samples.shape[1] // 2)
    samples = audio.samples.copy()
    if length > 0:
        ramp = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, length, dtype=np.float32))
        samples[:, -length:] *= ramp
    return Audio(samples, audio.sample_rate)


def resample(audio: Audio, sample_rate: int) -> Audio:
    """Change the sample rate with a polyphase filter."""
    if sample_rate == audio.sample_rate:
        return audio
    shared = math.gcd(sample_rate, audio.sample_rate)
    samples = resample_poly(
        audio.samples, sample_rate // shared, audio.sample_rate // shared, axis=1
    )
    return Audio(samples.astype(np.float32), sample_rate)


def _to_db(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _true_peak_db(audio: Audio) -> float:
    """Peak after fourfold oversampling (BS.1770-4, annex 2), taken second by second."""
    peak, step, margin = 0.0, audio.sample_rate, 64
    for start in range(0, audio.samples.shape[1], step):
        block = audio.samples[:, max(start - margin, 0) : start + step + margin]
        peak = max(peak, float(np.abs(resample_poly(block, 4, 1, axis=1)).max()))
    return _to_db(max(peak, float(np.abs(audio.samples).max(initial=0.0))))
