"""Renderings of many excerpts, measured beside the teacher's, and what comes of them by system.

Every report is plain numbers by name, for tables and for JSON. Intervals are 95 % bootstrap
intervals over excerpts. Letters in shapes: S seconds, n notes or jumps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from experiments.common.bootstrap import mean_and_interval
from experiments.renderer.data import Teacher
from experiments.renderer.metrics import (
    AUDIBLE_DB,
    Floats,
    Jumps,
    Wave,
    correlation,
    db_of,
    drum_onsets,
    frechet_distance,
    jumps,
    loudness_error,
    mel_db,
    mel_distance,
    mel_statistics,
    merged_onsets,
    note_levels,
    percentiles,
    stft_distance,
    time_errors,
)
from experiments.renderer.systems import (
    BAND,
    TEACHER,
    UNLEVELLED,
    Excerpt,
    Sound,
    System,
    louder,
    mixed,
    teacher_wave,
    velocity_scale,
)
from experiments.renderer.transcriber import (
    N_KEYS,
    Posteriors,
    Transcriber,
    decode,
    note_scores,
    onset_f1,
)
from render.diffusion.instruments import DRUMS, FAMILIES
from render.diffusion.synthesize import PIECE_FRAMES

DISTANCES = ("mel", "mel_audible", "stft", "loudness")
NOTE_SCORES = ("f1", "f1_offsets", "drum_f1")
AGREED = "f1_agreed"
"""F1 against the notes transcribed from what the teacher played, not against those written."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was measured of one rendering of an excerpt.

    Attributes:
        scores: of :data:`NOTE_SCORES`, :data:`AGREED` and :data:`DISTANCES`; NaN where one does
            not apply.
        rise_ms: errors at isolated onsets, NaN where the sound does not rise.
        fall_ms: the same at isolated releases.
        statistics: [S, 96] embedding by the log-mel spectrogram.
        posteriors: [S, 176] embedding by the transcriber; of no rows for drums or without one.
        jumps: of the drawn spectrograms, or of the sound's, of each voice.
    """

    scores: dict[str, float]
    rise_ms: Floats
    fall_ms: Floats
    statistics: Floats
    posteriors: Floats
    jumps: tuple[Jumps, ...]


Table = Mapping[str, Sequence[Measured]]
"""System -> what was measured of each excerpt, in one order; :data:`TEACHER` among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """What everybody makes of the velocity scales.

    Attributes:
        levels: system -> family -> [n] in dB, in order of velocity.
        times: system -> errors of onsets and of releases in ms, of each family.
    """

    levels: dict[str, dict[str, Floats]]
    times: dict[str, list[tuple[Floats, Floats]]]


# --- measuring --------------------------------------------------------------------------------


def measure(
    excerpt: Excerpt, made: Mapping[str, Sequence[Sound]], transcriber: Transcriber | None
) -> tuple[dict[str, Measured], dict[str, Wave]]:
    """Measure all renderings of an excerpt beside the teacher's; their mixes come along."""
    waves = {name: mixed(excerpt, sounds) for name, sounds in made.items()}
    true = waves[TEACHER]
    true_mel = mel_db(true)
    posteriors = _transcribed(excerpt, waves, transcriber)
    found = {}
    for name, wave in waves.items():
        mel = mel_db(wave)
        scores = {
            "mel": mel_distance(mel, true_mel),
            "mel_audible": mel_distance(mel, true_mel, AUDIBLE_DB),
            "stft": stft_distance(wave, true),
            "loudness": loudness_error(wave, true),
        }
        if excerpt.group == DRUMS:
            notes = {"drum_f1": onset_f1(drum_onsets(mel), merged_onsets(excerpt.notes))}
        else:
            notes = _note_figures(excerpt, posteriors, name)
        found[name] = Measured(
            dict.fromkeys((*NOTE_SCORES, AGREED), math.nan) | scores | notes,
            *time_errors(wave, true, excerpt.notes, has_releases=excerpt.group != DRUMS),
            mel_statistics(mel),
            _by_second(posteriors[name]) if name in posteriors else np.zeros((0, 2 * N_KEYS)),
            tuple(jumps(_spectrogram(sound)) for sound in made[name]),
        )
    return found, waves


def _spectrogram(sound: Sound) -> Floats:
    return mel_db(sound.wave) if sound.mel is None else db_of(sound.mel.numpy())


def _transcribed(
    excerpt: Excerpt, waves: Mapping[str, Wave], transcriber: Transcriber | None
) -> dict[str, Posteriors]:
    """Posteriors of the transcriber for each rendering; none for drums."""
    if transcriber is None or excerpt.group == DRUMS:
        return {}
    return {name: transcriber.posteriors(wave) for name, wave in waves.items()}


def _note_figures(
    excerpt: Excerpt, posteriors: Mapping[str, Posteriors], name: str
) -> dict[str, float]:
    if not posteriors:
        return {}
    notes = decode(posteriors[name])
    agreed = note_scores(notes, decode(posteriors[TEACHER])).f1
    return asdict(note_scores(notes, excerpt.notes)) | {AGREED: agreed}


def _by_second(posteriors: Posteriors) -> Floats:
    """Means of posteriors over every whole second: [S, 176]."""
    both = np.concatenate([posteriors.onset, posteriors.note], axis=1).astype(np.float64)
    whole = len(both) // 86 * 86
    return np.asarray(both[:whole].reshape(-1, 86, both.shape[1]).mean(axis=1))


def play_scales(teacher: Teacher, players: Mapping[str, System], seed: int) -> Scales:
    """Play a velocity scale on the first instrument of every family."""
    names = (TEACHER, *players)
    scales = Scales({name: {} for name in names}, {name: [] for name in names})
    for family in FAMILIES:
        take = velocity_scale(family, seed)
        order = np.argsort([note.velocity for note in take.notes])
        true = teacher_wave(teacher, take)
        for name in names:
            wave = true if name == TEACHER else players[name](take, true, 0).wave
            scales.levels[name][family.name] = note_levels(wave, take.notes)[order]
            has_releases = family.name != DRUMS
            errors = time_errors(wave, true, take.notes, has_releases=has_releases)
            scales.times[name].append(errors)
    return scales


def levelled(players: Mapping[str, System], scales: Scales) -> tuple[dict[str, System], Scales]:
    """Bring :data:`UNLEVELLED` systems to the teacher's level by the median of the scales."""
    played, levels = dict(players), dict(scales.levels)
    theirs = np.concatenate(list(scales.levels[TEACHER].values()))
    for name in UNLEVELLED:
        ours = np.concatenate(list(scales.levels[name].values()))
        gain_db = float(np.median(theirs - ours))
        played[name] = louder(players[name], gain_db)
        levels[name] = {family: found + gain_db for family, found in levels[name].items()}
    return played, Scales(levels, scales.times)


# --- reports ----------------------------------------------------------------------------------


def figure_report(
    table: Table, excerpts: Sequence[Excerpt], n_resamples: int, seed: int
) -> dict[str, Any]:
    """Means over excerpts with intervals, and what notes lack of the teacher's score.

    Notes are judged of pitched instruments alone, of bands and of drums apart; distances of all.
    """
    solo = [i for i, excerpt in enumerate(excerpts) if excerpt.group != BAND]
    bands = [i for i, excerpt in enumerate(excerpts) if excerpt.group == BAND]
    columns = {
        "f1": ("f1", solo), "f1_offsets": ("f1_offsets", solo), "drum_f1": ("drum_f1", solo),
        "band_f1": ("f1", bands), "f1_agreed": (AGREED, solo), "band_f1_agreed": (AGREED, bands),
        **{name: (name, solo + bands) for name in DISTANCES},
    }  # fmt: skip
    report: dict[str, Any] = {}
    for system, measured in table.items():
        report[system] = {}
        for column, (score, chosen) in columns.items():
            ours, theirs = (
                np.array([rows[i].scores[score] for i in chosen])
                for rows in (measured, table[TEACHER])
            )
            report[system][column] = mean_and_interval(ours.tolist(), n_resamples, seed)
            if score in NOTE_SCORES:
                gap = (ours - theirs).tolist()
                report[system][f"{column}_gap"] = mean_and_interval(gap, n_resamples, seed)
    return report


def family_report(table: Table, excerpts: Sequence[Excerpt]) -> dict[str, Any]:
    """Means over the excerpts of each family and of bands: group -> system -> measure."""
    report: dict[str, Any] = {}
    for group in dict.fromkeys(excerpt.group for excerpt in excerpts):
        chosen = [i for i, excerpt in enumerate(excerpts) if excerpt.group == group]
        notes = "drum_f1" if group == DRUMS else "f1"
        report[group] = {
            system: {
                measure: float(np.mean([measured[i].scores[name] for i in chosen]))
                for measure, name in (("notes", notes), *((n, n) for n in (AGREED, *DISTANCES)))
            }
            for system, measured in table.items()
        }
    return report


def time_report(table: Table, scales: Scales) -> dict[str, Any]:
    """Errors of onsets and releases in ms against the teacher's, over all isolated notes.

    ``median`` of their sizes, ``late`` the median with its sign, ``worst`` the ninth decile of
    sizes, ``missed`` the share at which the rendering does not rise or fall.
    """
    report: dict[str, Any] = {}
    for system, measured in table.items():
        report[system] = {}
        for index, name in enumerate(("rise_ms", "fall_ms")):
            of_scales = [errors[index] for errors in scales.times[system]]
            errors = np.concatenate([*(getattr(row, name) for row in measured), *of_scales])
            found = errors[np.isfinite(errors)]
            row = dict.fromkeys(("median", "late", "worst"), math.nan)
            if len(found):
                size = np.abs(found)
                worst = float(np.quantile(size, 0.9))
                row = {
                    "median": float(np.median(size)), "late": float(np.median(found)),
                    "worst": worst,
                }  # fmt: skip
            missed = float(np.isnan(errors).mean()) if len(errors) else math.nan
            report[system][name] = {**row, "missed": missed, "notes": len(errors)}
    return report


def velocity_report(levels: Mapping[str, Mapping[str, Floats]]) -> dict[str, Any]:
    """How levels follow velocity: system -> family -> figures.

    ``rho``: Spearman's, of velocity and level; ``r``: Pearson's, of our levels and the teacher's in
    dB; ``range_db``: level at the highest velocity less that at the lowest; ``error_db``: mean
    absolute difference to the teacher's levels.

    Args:
        levels: system -> family -> [n] in dB, in order of velocity.
    """
    return {
        system: {
            family: {
                "rho": correlation(np.arange(len(ours), dtype=np.float64), ours, ranks=True),
                "r": correlation(ours, levels[TEACHER][family]),
                "range_db": float(ours[-1] - ours[0]),
                "error_db": float(np.abs(ours - levels[TEACHER][family]).mean()),
            }
            for family, ours in by_family.items()
        }
        for system, by_family in levels.items()
    }


def seam_report(
    table: Table, systems: Sequence[str], n_resamples: int, seed: int
) -> dict[str, Any]:
    """Jumps of drawn spectrograms where windows join, and the teacher's at the same frames.

    ``at`` and ``elsewhere``: medians in dB; ``percentile``: mean percentile of the jumps at seams
    among the same voice's other jumps, 50 where seams are like any other place; ``of_teacher``: the
    same among the teacher's other jumps; ``extreme``: the share of seams above the 95th percentile
    of those.
    """
    report: dict[str, Any] = {}
    for system in (*systems, TEACHER):
        report[system] = {}
        for kind in ("spectral", "level"):
            rows = [
                _seams(ours, theirs, kind)
                for measured, true in zip(table[system], table[TEACHER], strict=True)
                for ours, theirs in zip(measured.jumps, true.jumps, strict=True)
            ]
            at, elsewhere, of_teacher = (
                np.concatenate([getattr(row, name) for row in rows])
                for name in ("at", "elsewhere", "of_teacher")
            )
            report[system][kind] = {
                "at": float(np.median(at)) if len(at) else math.nan,
                "elsewhere": float(np.median(elsewhere)) if len(elsewhere) else math.nan,
                "seams": len(at),
                "extreme": float((of_teacher > 95).mean()) if len(at) else math.nan,
                **{
                    name: mean_and_interval(
                        [_mean(getattr(row, values)) for row in rows], n_resamples, seed
                    )
                    for name, values in (("percentile", "of_own"), ("of_teacher", "of_teacher"))
                },
            }
    return report


class _Seams(NamedTuple):
    """Jumps of a voice at its seams [n] and elsewhere, and the percentiles of the former."""

    at: Floats
    elsewhere: Floats
    of_own: Floats
    of_teacher: Floats


def _seams(ours: Jumps, theirs: Jumps, kind: str) -> _Seams:
    values: Floats = getattr(ours, kind)
    is_seam = ours.at_seams(PIECE_FRAMES)
    true_elsewhere: Floats = getattr(theirs, kind)[~theirs.at_seams(PIECE_FRAMES)]
    at, elsewhere = values[is_seam], values[~is_seam]
    return _Seams(at, elsewhere, percentiles(at, elsewhere), percentiles(at, true_elsewhere))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def frechet_report(table: Table, excerpts: Sequence[Excerpt]) -> dict[str, dict[str, float]]:
    """Fréchet distances of every system's seconds to the teacher's, by embedding.

    Where there are several excerpts of a family, the teacher's every other one against the rest
    says what other music on the same instruments does.
    """
    place = [
        sum(e.group == excerpt.group for e in excerpts[:i]) for i, excerpt in enumerate(excerpts)
    ]
    halves = [[i for i, at in enumerate(place) if at % 2 == half] for half in range(2)]
    report: dict[str, dict[str, float]] = {}
    for embedding in ("statistics", "posteriors"):
        of = {
            system: [getattr(row, embedding) for row in measured]
            for system, measured in table.items()
        }
        true = np.concatenate(of[TEACHER])
        if len(true) < 2:
            continue
        report[embedding] = {
            system: frechet_distance(np.concatenate(sets), true)
            for system, sets in of.items()
            if system != TEACHER
        }
        if halves[1]:
            both = (np.concatenate([of[TEACHER][i] for i in half]) for half in halves)
            report[embedding]["teacher's halves"] = frechet_distance(*both)
    return report
