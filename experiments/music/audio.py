"""The sound of a piece, stem by stem, and what it is measured by: mix, cuts and crescendi.

Conventions: everything is measured in frames of 10 ms from the start of the piece; ``N`` is the
number of stems, ``F`` of frames. Levels are in dB of full scale. A band is a pair of frequencies in
Hz; loudness is K-weighted power (ITU-R BS.1770-4) without gating.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyloudnorm
from scipy.signal import butter, sosfilt, stft

from amt.arrange.styles import load_style
from amt.types import BoolArray, FloatArray
from render.files.reporter import SILENT
from render.score import Part, read_parts
from render.soundfont.player import load_player

RATE = 44_100
FRAME_S = 0.01
_HOP = round(RATE * FRAME_S)
MELODY_BAND = (300.0, 4000.0)
"""Where the fundamentals and first partials of melodies lie, and the ear is most sensitive."""
DRUM_BAND = (2000.0, 10_000.0)
"""Where the attacks of snare, hats and cymbals lie."""
_WINDOW = 4096
"""Samples of a spectrum: 93 ms, fine enough for semitones from A3 on."""
_BANDS = 40
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 12_000.0
_FLOOR_DB = -60.0
"""Level below the loudest spectrum of the piece at which a band counts as silent."""
_EVENT_S, _SPAN_S = 0.4, 1.0
"""Seconds around an event over which its level, and its colour, are measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The stems of a piece."""

    parts: tuple[Part, ...]
    roles: tuple[str, ...]
    """[N] role of each part."""
    loudness: FloatArray
    """[N, F] K-weighted power."""
    middle: FloatArray
    """[N, F] power between 300 and 4,000 Hz."""
    high: FloatArray
    """[N, F] power between 2 and 10 kHz."""
    bands_db: FloatArray
    """[F, 40] level of the whole in bands of equal ratio, 0 for the loudest of the piece."""
    chroma: FloatArray
    """[F, 12] power of the whole by pitch class."""

    @property
    def n_frames(self) -> int:
        """F."""
        return len(self.bands_db)

    def stems(self, *roles: str) -> list[int]:
        """Indices of the stems that play roles."""
        return [i for i, role in enumerate(self.roles) if role in roles]


def render(midi: Path, style: str, soundfont: Path | None, engine: str = "auto") -> Sound:
    """Render a piece that the command wrote, in a style, to its stems."""
    parts = read_parts(midi, SILENT)
    chosen = load_style(style)
    role_of = {i.name: i.role for i in reversed(chosen.instruments)}
    role_of |= {part.name: part.source for part in reversed(chosen.parts)}
    stream = load_player(engine, soundfont, RATE).stream(parts, reporter=SILENT)
    length = round((max(part.end_s for part in parts) + 1.0) * RATE) // _HOP * _HOP
    stems = np.zeros((len(parts), 2, length), np.float32)
    for index, start, block in stream.blocks:
        stop = min(start + block.shape[1], length)
        stems[index, :, start:stop] += block[:, : max(stop - start, 0)]
    bands_db, chroma = _spectra(stems.sum(axis=(0, 1)))
    filters = (_k_weighting(), _band(MELODY_BAND), _band(DRUM_BAND))
    loudness, middle, high = (_power(stems, sos) for sos in filters)
    frames = min(loudness.shape[1], len(bands_db))
    roles = tuple("drums" if p.is_drum else role_of.get(p.name, "harmony") for p in parts)
    return Sound(
        parts, roles, loudness[:, :frames], middle[:, :frames], high[:, :frames],
        bands_db[:frames], chroma[:frames],
    )  # fmt: skip


def level_db(power: FloatArray) -> float:
    """Level in dB of a mean power, of any frames."""
    return 10 * math.log10(max(float(np.mean(power)), 1e-12)) if power.size else math.nan


# --- mix --------------------------------------------------------------------------------------


def playing(sound: Sound, stems: Sequence[int]) -> BoolArray:
    """[F] whether a note of some stems is held."""
    held = np.zeros(sound.n_frames, dtype=bool)
    for i in stems:
        for note in sound.parts[i].notes:
            held[round(note.start_s / FRAME_S) : round(note.end_s / FRAME_S)] = True
    return held


def melody_over_rest_db(sound: Sound) -> float:
    """Level of the melody over all other stems, 300 to 4,000 Hz, while it plays; NaN without."""
    stems = sound.stems("melody")
    frames = playing(sound, stems)
    others = [i for i in range(len(sound.parts)) if i not in stems]
    if not frames.any() or not others:
        return math.nan
    return level_db(sound.middle[stems].sum(axis=0)[frames]) - level_db(
        sound.middle[others].sum(axis=0)[frames]
    )


def balance_db(sound: Sound, *roles: str) -> float:
    """Loudness of some roles against the whole, in dB, while they play; NaN without them."""
    stems = sound.stems(*roles)
    frames = playing(sound, stems)
    if not frames.any():
        return math.nan
    whole = sound.loudness[:, frames].sum(axis=0)
    return level_db(sound.loudness[stems][:, frames].sum(axis=0)) - level_db(whole)


def drum_attacks_db(sound: Sound) -> float:
    """Level of the drums over the rest, 2 to 10 kHz, in the 50 ms after an onset: the median."""
    stems = sound.stems("drums")
    rest = [i for i in range(len(sound.parts)) if i not in stems]
    starts = sorted({round(n.start_s / FRAME_S) for i in stems for n in sound.parts[i].notes})
    drums, others = sound.high[stems].sum(axis=0), sound.high[rest].sum(axis=0)
    over = [level_db(drums[s : s + 5]) - level_db(others[s : s + 5]) for s in starts]
    return float(np.median(over)) if over else math.nan


# --- events -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """The sound at a moment against the sound before."""

    rise_db: float
    """Loudness of the 0.4 s after it against the 0.4 s before."""
    change_db: float
    """Loudness of the second after it against the last second that sounds before it."""
    onset_db: float
    """Mean rise of the bands that rise, over all bands, within 0.1 s."""
    colour_db: float
    """Distance of the spectra, at equal levels, of the second after it and the last that sounds."""
    chroma: float
    """Cosine distance of their pitch classes, 0-1."""
    entry: bool
    """Whether a part begins that has played nothing for two seconds."""


def event_at(sound: Sound, time_s: float) -> Event:
    """Return the sound at a moment, in seconds from the start of the piece."""
    whole = sound.loudness.sum(axis=0)
    rise = level_db(_after(whole, time_s, _EVENT_S)) - level_db(_before(whole, time_s, _EVENT_S))
    at, bands = round(time_s / FRAME_S), sound.bands_db
    flux = bands[at + 2 : at + 8].max(axis=0) - bands[max(at - 8, 0) : at - 2].mean(axis=0)
    last_s = _last_sound_s(sound, time_s)
    spectra = [_before(bands, last_s, _SPAN_S).mean(axis=0), _after(bands, time_s, _SPAN_S).mean(0)]
    first, second = (spectrum - spectrum.mean() for spectrum in spectra)
    pitches = [_before(sound.chroma, last_s, _SPAN_S).sum(0), _after(sound.chroma, time_s, _SPAN_S)]
    return Event(
        rise_db=rise,
        change_db=level_db(_after(whole, time_s, _SPAN_S))
        - level_db(_before(whole, last_s, _SPAN_S)),
        onset_db=float(np.maximum(flux, 0).mean()),
        colour_db=float(np.sqrt(np.mean((first - second) ** 2))),
        chroma=_cosine_distance(pitches[0], pitches[1].sum(0)),
        entry=_enters(sound, time_s),
    )


def crescendo_db(sound: Sound, time_s: float) -> float:
    """Rise in loudness over the two seconds before a moment: last half second against first.

    Where a rest precedes the moment, the seconds before the rest count.
    """
    whole, last_s = sound.loudness.sum(axis=0), _last_sound_s(sound, time_s)
    return level_db(_before(whole, last_s, 0.5)) - level_db(_before(whole, last_s - 1.5, 0.5))


def _after(curve: FloatArray, time_s: float, length_s: float) -> FloatArray:
    at = round(time_s / FRAME_S)
    return curve[at : at + round(length_s / FRAME_S)]


def _before(curve: FloatArray, time_s: float, length_s: float) -> FloatArray:
    at = max(round(time_s / FRAME_S), 1)
    return curve[max(at - round(length_s / FRAME_S), 0) : at]


def _last_sound_s(sound: Sound, time_s: float) -> float:
    """When the last note before a moment ends: the moment itself unless a rest precedes it."""
    ends = [min(n.end_s, time_s) for p in sound.parts for n in p.notes if n.start_s < time_s - 0.05]
    return max(ends, default=time_s)


def _enters(sound: Sound, time_s: float) -> bool:
    for part in sound.parts:
        starts = [n.start_s for n in part.notes if abs(n.start_s - time_s) < 0.1]
        held = any(n.start_s < time_s - 0.1 and n.end_s > time_s - 2.0 for n in part.notes)
        if starts and not held:
            return True
    return False


def _cosine_distance(first: FloatArray, second: FloatArray) -> float:
    scale = float(np.linalg.norm(first) * np.linalg.norm(second))
    return 1 - float(first @ second) / scale if scale > 0 else 1.0


# --- signals ----------------------------------------------------------------------------------


def _band(band: tuple[float, float]) -> FloatArray:
    return np.asarray(butter(4, band, "bandpass", fs=RATE, output="sos"))


def _k_weighting() -> FloatArray:
    stages = (
        pyloudnorm.IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, RATE, "high_shelf"),
        pyloudnorm.IIRfilter(0.0, 0.5, 38.0, RATE, "high_pass"),
    )
    return np.stack([np.concatenate([stage.b, stage.a]) for stage in stages])


def _power(stems: np.ndarray, sos: FloatArray) -> FloatArray:
    """[N, F] mean power of stems [N, 2, T], summed over channels, after a filter."""
    powers = []
    for stem in stems:
        filtered = sosfilt(sos, stem, axis=1)
        powers.append(np.square(filtered).sum(axis=0).reshape(-1, _HOP).mean(axis=1))
    return np.array(powers)


def _spectra(wave: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Levels [F, 40] in bands, and powers [F, 12] of pitch classes, of a wave [T]."""
    hertz, _, spectrum = stft(wave, RATE, nperseg=_WINDOW, noverlap=_WINDOW - _HOP, padded=False)
    power = np.square(np.abs(spectrum)).T
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1)
    band_of = np.searchsorted(edges, hertz) - 1
    bands = np.stack([power[:, band_of == b].sum(axis=1) for b in range(_BANDS)], axis=1)
    db = 10 * np.log10(np.maximum(bands, 1e-12))
    tuned = (hertz >= 110) & (hertz <= 2000)
    classes = np.round(69 + 12 * np.log2(hertz[tuned] / 440)).astype(int) % 12
    chroma = np.stack([power[:, tuned][:, classes == c].sum(axis=1) for c in range(12)], axis=1)
    return np.maximum(db - db.max(), _FLOOR_DB), chroma
