"""Sound in memory: measuring, levelling, fitting, writing.

Conventions: samples are float32 [channels, T], full scale is ±1, levels are in dB relative to full
scale (dBFS), loudness is in LUFS (ITU-R BS.1770-4, through pyloudnorm). Everything here takes time
and memory linear in T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import resample_poly

from render.errors import AudioError

FILE_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
"""Suffix → container; both are written with 24 bits, whose rounding noise (-144 dBFS) needs no
dither, so equal samples give equal files."""

ATTACK_S = 0.005
"""How far the limiter looks ahead: the gain glides down over this time before a peak."""
RELEASE_S = 0.1
"""Time constant with which the limiter's gain comes back after a peak."""
MAX_LIMITING_DB = 6.0
"""Peaks are pushed down by no more than this; past it the whole sound stays quieter instead."""

_LOUDNESS_BLOCK_S = 0.4
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
    file_format = FILE_FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise AudioError(f"{path.name} has no known audio suffix: name it .wav or .flac")
    try:
        soundfile.write(
            path, audio.samples.T, audio.sample_rate, format=file_format, subtype="PCM_24"
        )
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"cannot write {path}: {error}") from error


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
    if not audio.samples.any():
        return -math.inf
    samples = audio.samples
    block = math.ceil(_LOUDNESS_BLOCK_S * audio.sample_rate) + 1
    if samples.shape[1] < block:
        samples = np.tile(samples, math.ceil(block / samples.shape[1]))
    meter = pyloudnorm.Meter(audio.sample_rate, block_size=_LOUDNESS_BLOCK_S)
    with np.errstate(divide="ignore"):  # a block of pure silence has loudness -inf
        return float(meter.integrated_loudness(samples.T.astype(np.float64)))


def loudness_gain(audio: Audio, lufs: float = -14.0, peak_db: float = -1.0) -> float:
    """The factor that, followed by :func:`limit`, brings a sound to a loudness.

    Limiting costs loudness, so the factor is found in two rounds; it never asks the limiter for
    more than :data:`MAX_LIMITING_DB`, and is 1 for silence.
    """
    peak = float(np.abs(audio.samples).max(initial=0.0))
    level = loudness(audio)
    if not math.isfinite(level):
        return 1.0
    highest_db = peak_db + MAX_LIMITING_DB - _to_db(peak)
    gain_db = min(lufs - level, highest_db)
    for _ in range(2):
        if gain_db + _to_db(peak) <= peak_db:
            break
        limited = limit(apply_gain(audio, 10 ** (gain_db / 20)), peak_db)
        gain_db = min(gain_db + lufs - loudness(limited), highest_db)
    return float(10 ** (gain_db / 20))


def normalise(audio: Audio, lufs: float = -14.0, peak_db: float = -1.0) -> Audio:
    """Bring a sound to a loudness, its peaks limited to ``peak_db`` dBFS.

    Where that would need more than :data:`MAX_LIMITING_DB` of limiting it stays quieter.
    """
    return limit(apply_gain(audio, loudness_gain(audio, lufs, peak_db)), peak_db)


def apply_gain(audio: Audio, factor: float) -> Audio:
    """Multiply every sample by a factor."""
    return Audio(audio.samples * np.float32(factor), audio.sample_rate)


def limit(audio: Audio, peak_db: float = -1.0) -> Audio:
    """Keep all samples within ``peak_db`` dBFS with a look-ahead limiter, channels linked.

    Attack :data:`ATTACK_S` (linear, ends as the peak arrives), exponential release
    :data:`RELEASE_S`. A sound that stays below the ceiling comes back unchanged.
    """
    ceiling = 10 ** (peak_db / 20)
    peaks = np.abs(audio.samples).max(axis=0, initial=0.0)
    if not (peaks > ceiling).any():
        return audio
    reduction = 1.0 - np.minimum(1.0, ceiling / np.maximum(peaks, ceiling)).astype(np.float64)
    # Release: r[n] = max(r[n], a r[n-1]) is a running maximum of log r[n] - n log a.
    slope = -1.0 / (RELEASE_S * audio.sample_rate) * np.arange(reduction.size)
    with np.errstate(divide="ignore"):
        np.log(reduction, out=reduction)
    reduction -= slope
    np.maximum.accumulate(reduction, out=reduction)
    reduction += slope
    np.exp(reduction, out=reduction)
    # Attack: hold the strongest reduction of the next `ahead` samples, then average the last
    # `ahead` of those, all of which hold the peak by the time it sounds.
    ahead = max(round(ATTACK_S * audio.sample_rate), 1)
    reduction = maximum_filter1d(reduction, ahead, origin=-(ahead // 2), mode="nearest")
    reduction = uniform_filter1d(reduction, ahead, origin=(ahead - 1) // 2, mode="nearest")
    limited = audio.samples * (1.0 - reduction).astype(np.float32)
    return Audio(np.clip(limited, -ceiling, ceiling).astype(np.float32), audio.sample_rate)


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
