"""How near a rendering is to what the teacher plays: pure measures on sounds and spectrograms.

All sounds are mono at 24 kHz and begin together. Letters in shapes: L samples, T frames, n notes,
S seconds, N excerpts, R resamples, d dimensions. Levels are in dB re full scale, the spectrograms
those of :mod:`render.diffusion.mel`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyloudnorm
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.stats import rankdata

from experiments.renderer.losses import stft_error
from render.diffusion.mel import (
    FRAME_RATE,
    LOG_CENTRE,
    LOG_SCALE,
    N_FFT,
    N_MELS,
    SAMPLE_RATE,
    log_mel,
    padded,
)
from render.score import Note

Floats = NDArray[np.float64]
Wave = NDArray[np.float32]

AUDIBLE_DB = 60.0
"""Bands further below an excerpt's loudest one count as inaudible."""
QUIET_LUFS = -60.0
"""Seconds in which the teacher is quieter do not count in :func:`loudness_error`."""
ALONE_S = 0.25
"""An onset with none nearer than this is isolated."""
FADE_S = 0.5
"""A release is isolated if nothing else sounds and nothing is struck for this long."""
ENVELOPE_HOP = 48
_ENVELOPE_WINDOW = 600  # 25 ms: a period of the lowest notes, whose cycles would else be seen
_LEAST_RISE_DB, _MOST_RISE_DB = 6.0, 30.0
_FALL_DB = 10.0
_HELD_S = 0.15
_FLOOR_DB = -100.0
_STATISTICS_BANDS = 32
_FULL_SCALE_DB = 20 * math.log10(N_FFT / 4)


# --- distances --------------------------------------------------------------------------------


def mel_db(wave: Wave) -> Floats:
    """Log-mel spectrogram [N_MELS, T] in dB re a sinusoid of full scale."""
    return db_of(log_mel(padded(torch.from_numpy(wave)[None]))[0].numpy())


def db_of(mel: NDArray[np.float32]) -> Floats:
    """A normalised log-mel spectrogram of any shape in dB re a sinusoid of full scale."""
    natural = mel.astype(np.float64) * LOG_SCALE + LOG_CENTRE
    return np.asarray(natural * (20 / math.log(10)) - _FULL_SCALE_DB)


def mel_distance(rendered: Floats, true: Floats, range_db: float | None = None) -> float:
    """Mean absolute difference of log-mel spectrograms in dB (L1).

    Args:
        rendered: [N_MELS, T] in dB.
        true: the same of the teacher.
        range_db: only bands and frames count in which one of the two is no further below the
            loudest of ``true``, and what is below is raised to there; None compares everything,
            down to the analysis' own floor of -98 dB.
    """
    if range_db is None:
        return float(np.abs(rendered - true).mean())
    floor = true.max() - range_db
    audible = np.maximum(rendered, true) > floor
    return float(np.abs(np.maximum(rendered, floor) - np.maximum(true, floor))[audible].mean())


def stft_distance(rendered: Wave, true: Wave) -> float:
    """Multi-resolution STFT loss (Yamamoto et al. 2020): convergence and log magnitude."""
    pair = (torch.from_numpy(wave)[None] for wave in (rendered, true))
    return float(stft_error(*pair))


def loudness_by_second(wave: Wave) -> Floats:
    """K-weighted loudness of every whole second [S] in LUFS (ITU-R BS.1770-4), at least -70."""
    meter = pyloudnorm.Meter(SAMPLE_RATE, block_size=1.0, overlap=0.0)
    seconds = wave[: len(wave) // SAMPLE_RATE * SAMPLE_RATE].reshape(-1, SAMPLE_RATE)
    found = [meter.integrated_loudness(second.astype(np.float64)) for second in seconds]
    return np.maximum(found, -70.0)


def loudness_error(rendered: Wave, true: Wave) -> float:
    """Mean absolute difference of loudness in dB over the seconds with an audible teacher."""
    ours, theirs = loudness_by_second(rendered), loudness_by_second(true)
    audible = theirs > QUIET_LUFS
    return float(np.abs(ours - theirs)[audible].mean()) if audible.any() else math.nan


def integrated_lufs(wave: Wave) -> float:
    """Integrated loudness of a whole sound (ITU-R BS.1770-4), at least -70 LUFS."""
    found = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(wave.astype(np.float64))
    return max(float(found), -70.0)


def level_db(wave: Wave) -> float:
    """Root mean square in dB re full scale."""
    power = float(np.mean(np.square(wave, dtype=np.float64))) if len(wave) else 0.0
    return 10 * math.log10(max(power, 10 ** (_FLOOR_DB / 10)))


def note_levels(wave: Wave, notes: Sequence[Note]) -> Floats:
    """Level [n] of the sound from each note's onset to its release, in dB re full scale."""
    spans = [(round(n.start_s * SAMPLE_RATE), round(n.end_s * SAMPLE_RATE)) for n in notes]
    return np.array([level_db(wave[start:end]) for start, end in spans])


# --- time -------------------------------------------------------------------------------------


def isolated_onsets(notes: Sequence[Note]) -> Floats:
    """Onsets in seconds that no other is nearer to than :data:`ALONE_S`; a chord has none."""
    onsets = np.sort([note.start_s for note in notes])
    gaps = np.diff(onsets, prepend=-np.inf, append=np.inf)
    return np.asarray(onsets[np.minimum(gaps[:-1], gaps[1:]) >= ALONE_S])


def isolated_releases(notes: Sequence[Note]) -> Floats:
    """Releases in seconds at which nothing else sounds, nor is struck for :data:`FADE_S`.

    Notes of less than 150 ms have none: there is no level from which they fall.
    """
    start = np.array([note.start_s for note in notes])
    end = np.array([note.end_s for note in notes])
    found = [
        release
        for release in np.unique(end).tolist()
        if np.count_nonzero((start < release + FADE_S) & (end > release - _HELD_S)) == 1
        and np.any((start <= release - _HELD_S) & (end == release))
    ]
    return np.array(found)


def envelope_db(wave: Wave) -> Floats:
    """Level under a window of 25 ms every :data:`ENVELOPE_HOP` samples (2 ms), in dB."""
    power = uniform_filter1d(np.square(wave, dtype=np.float64), _ENVELOPE_WINDOW, mode="constant")
    return np.asarray(10 * np.log10(np.maximum(power[::ENVELOPE_HOP], 10 ** (_FLOOR_DB / 10))))


def rise_time(envelope: Floats, onset_s: float) -> float:
    """When the sound of an onset has risen half way, in seconds; NaN if it rises less than 6 dB.

    From the lowest level about the onset to the highest of the next 200 ms, in dB; of a rise only
    the upper 30 dB are looked at, as below it is noise that rises.
    """
    first, onset, last = (_frame(onset_s + shift) for shift in (-0.06, 0.0, 0.2))
    part = envelope[first:last]
    if len(part) < last - first:
        return math.nan
    lowest = int(np.argmin(part[: _frame(onset_s + 0.03) - first]))
    high = part[onset - first :].max()
    low = max(float(part[lowest]), float(high) - _MOST_RISE_DB)
    if high - low < _LEAST_RISE_DB:
        return math.nan
    return _crossing(part[lowest:], (low + high) / 2) + (first + lowest) * _FRAME_S


def fall_time(envelope: Floats, release_s: float) -> float:
    """When the sound has fallen by 10 dB after a release, in seconds; NaN if it does not in 0.5 s.

    It falls from the mean level of 30 ms that end 60 ms before the release, in case it is early.
    """
    first, early, last = (_frame(release_s + shift) for shift in (-0.09, -0.06, FADE_S))
    if early <= first or last > len(envelope):
        return math.nan
    level = float(envelope[first:early].mean()) - _FALL_DB
    return _crossing(-envelope[early:last], -level) + early * _FRAME_S


_FRAME_S = ENVELOPE_HOP / SAMPLE_RATE


def _frame(time_s: float) -> int:
    return max(round(time_s / _FRAME_S), 0)


def _crossing(values: Floats, level: float) -> float:
    """Seconds to where values first reach a level, between frames; NaN if they never do."""
    above = np.flatnonzero(values >= level)
    if not len(above):
        return math.nan
    i = int(above[0])
    if i == 0:
        return 0.0
    before, after = float(values[i - 1]), float(values[i])
    return (i - (after - level) / (after - before)) * _FRAME_S


def time_errors(
    rendered: Wave, true: Wave, notes: Sequence[Note], *, has_releases: bool = True
) -> tuple[Floats, Floats]:
    """How much later than the teacher a rendering rises and falls, in ms.

    Args:
        rendered: [L]
        true: [L] of the teacher.
        notes: what both play.
        has_releases: False for drums, which ring on.

    Returns:
        [n] of the isolated onsets and [m] of the isolated releases at which the teacher rises or
        falls; NaN where the rendering does not.
    """
    ours, theirs = envelope_db(rendered), envelope_db(true)
    errors = []
    for measure, times in (
        (rise_time, isolated_onsets(notes)),
        (fall_time, isolated_releases(notes) if has_releases else np.array([])),
    ):
        pairs = np.array([(measure(ours, t), measure(theirs, t)) for t in times.tolist()])
        pairs = pairs.reshape(-1, 2)
        errors.append(1000 * (pairs[:, 0] - pairs[:, 1])[np.isfinite(pairs[:, 1])])
    return errors[0], errors[1]


# --- drums ------------------------------------------------------------------------------------

_FLUX_DB = 1.5
_MERGED_S = 0.03


def drum_onsets(mel: Floats) -> Floats:
    """Onsets in seconds by spectral flux, as Böck, Krebs & Schedl (2012) pick its peaks.

    The flux of a frame is the mean rise of its bands over two frames, in dB, of what lies within
    :data:`AUDIBLE_DB` of the loudest. A peak is the highest of 30 ms to each side, and
    ``_FLUX_DB`` above the mean of 100 ms to each side.

    Args:
        mel: [N_MELS, T] in dB.
    """
    audible = np.maximum(mel, mel.max() - AUDIBLE_DB)
    before = np.concatenate([np.full((len(audible), 2), audible.min()), audible[:, :-2]], axis=1)
    flux = np.maximum(audible - before, 0).mean(axis=0)
    near, far = (2 * round(s * FRAME_RATE) + 1 for s in (0.03, 0.1))
    is_peak = flux == maximum_filter1d(flux, near, mode="constant")
    is_peak &= flux >= uniform_filter1d(flux, far, mode="nearest") + _FLUX_DB
    # In dB a sound rises as soon as the window of a frame reaches it: half of that, 21 ms, before
    # the frame's middle reaches it, of which two frames of comparison take back as much.
    return np.asarray((np.flatnonzero(is_peak) + 0.5) / FRAME_RATE)


def merged_onsets(notes: Sequence[Note]) -> Floats:
    """Onsets in seconds in order; those within 30 ms of the one before are one."""
    merged: list[float] = []
    for onset in sorted(note.start_s for note in notes):
        if not merged or onset - merged[-1] > _MERGED_S:
            merged.append(onset)
    return np.array(merged)


# --- seams ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Jumps:
    """What changes from each frame to the next, where something sounds.

    Attributes:
        spectral: [n] mean absolute difference of bands in dB.
        level: [n] absolute difference of levels in dB.
        frame: [n] the later of the two frames.
    """

    spectral: Floats
    level: Floats
    frame: NDArray[np.int64]

    def at_seams(self, period: int) -> NDArray[np.bool_]:
        """Whether the later frame is the first of a stretch of ``period`` frames: [n]."""
        return np.asarray(self.frame % period == 0)


def jumps(mel: Floats) -> Jumps:
    """Changes from frame to frame of a spectrogram [N_MELS, T] in dB."""
    level = 10 * np.log10((10 ** (mel / 10)).sum(axis=0))
    sounds = np.maximum(level[1:], level[:-1]) > level.max() - AUDIBLE_DB
    spectral = np.abs(np.diff(mel, axis=1)).mean(axis=0)
    frame = np.flatnonzero(sounds) + 1
    return Jumps(spectral[sounds], np.abs(np.diff(level))[sounds], frame)


def percentiles(values: Floats, among: Floats) -> Floats:
    """Share of ``among`` [m] below each of ``values`` [n], ties by half, in percent.

    Values drawn from among the others have 50 on average.
    """
    if not len(among):
        return np.full(len(values), np.nan)
    below = np.searchsorted(np.sort(among), values, side="left")
    not_above = np.searchsorted(np.sort(among), values, side="right")
    return np.asarray(50 * (below + not_above) / len(among))


# --- texture ---------------------------------------------------------------------------------


def texture(mel: Floats) -> tuple[float, float]:
    """How restless a spectrogram is: spectral flux and band-wise deviation, both in dB.

    Flux is the mean absolute change of a band from frame to frame; deviation is the mean of the
    standard deviations over time of single bands within whole seconds. What is further below the
    loudest than :data:`AUDIBLE_DB` is raised to there, and where all of a band's frames are, it
    does not count. A mean of many spectrograms is smoother than each in both.

    Args:
        mel: [N_MELS, T] in dB.
    """
    floor = mel.max() - AUDIBLE_DB
    raised = np.maximum(mel, floor)
    changes = np.abs(np.diff(raised, axis=1))
    sounds = np.maximum(raised[:, 1:], raised[:, :-1]) > floor
    second = round(FRAME_RATE)
    n = mel.shape[1] // second
    parts = raised[:, : n * second].reshape(len(mel), n, second)
    deviations = parts.std(axis=2)[parts.max(axis=2) > floor]
    return float(changes[sounds].mean()), float(deviations.mean())


# --- sets -------------------------------------------------------------------------------------


def mel_statistics(mel: Floats) -> Floats:
    """Embedding [S, 96] of every whole second of a spectrogram [N_MELS, T] in dB.

    Mean, standard deviation and mean absolute change over the frames of 32 bands. Nobody trained
    it: it knows the balance and the movement of a spectrum, and nothing of music or of perceived
    similarity.
    """
    second = round(FRAME_RATE)
    n = mel.shape[1] // second
    bands = mel.reshape(_STATISTICS_BANDS, N_MELS // _STATISTICS_BANDS, -1).mean(axis=1)
    parts = bands[:, : n * second].reshape(_STATISTICS_BANDS, n, second)
    change = np.abs(np.diff(parts, axis=2)).mean(axis=2)
    return np.concatenate([parts.mean(axis=2), parts.std(axis=2), change]).T


def frechet_distance(ours: Floats, theirs: Floats) -> float:
    """Fréchet distance of the Gaussians of two sets of embeddings (Heusel et al. 2017).

    Args:
        ours: [n, d]
        theirs: [m, d] of the teacher.
    """
    a, b = np.cov(ours, rowvar=False), np.cov(theirs, rowvar=False)
    values, vectors = np.linalg.eigh(b)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ a @ root), 0)).sum()
    shift = np.square(ours.mean(axis=0) - theirs.mean(axis=0)).sum()
    return float(max(shift + np.trace(a) + np.trace(b) - 2 * cross, 0.0))


def correlation(a: Floats, b: Floats, *, ranks: bool = False) -> float:
    """Pearson's correlation, or Spearman's of ranks; NaN if one of the two is constant."""
    if ranks:
        a, b = rankdata(a), rankdata(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])
